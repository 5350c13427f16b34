"""A run of a pipeline: what its jobs did, what it wrote into the ledger, and where its day is to be seen."""

from __future__ import annotations

from typing import Any

import polars as pl
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.pipelines import PIPELINES
from p2pcredit.periods import parse_date
from p2pcredit.retraining.words import event_in_a_row
from p2pcredit.serving.access import Visitor
from p2pcredit.serving.pages.parts.cells import cell_text
from p2pcredit.serving.pages.parts.drawing import draw, without_paths
from p2pcredit.serving.pages.parts.exports import answer_export
from p2pcredit.serving.pages.parts.tables import COMPARISONS, asked_of, frame_of, look_up
from p2pcredit.serving.refusals import Refusal
from p2pcredit.serving.site import Site

_LINES = {"at": pl.String, "job": pl.String, "what": pl.String}
_TOLD_ELSEWHERE = {"at", "written_at", "logical_at", "run_id", "job", "home_id", "home_format", "caller"}
_LONGEST = 300


def runs_router(site: Site) -> APIRouter:
    """Make the page of a run, to which Airflow's pages of DAGs and runs lead."""
    router = APIRouter(include_in_schema=False)
    reader = Depends(site.may("read"))

    @router.get("/runs/one")
    def one(request: Request, visitor: Visitor = reader) -> Response:
        ctx, run_id = site.context(), request.query_params.get("id", "")
        told = request.query_params.get("day")
        day = parse_date(told) if told else None
        pipeline = next((one for one in PIPELINES if run_id.startswith(f"{one.dag_id}.")), None)
        if pipeline is None or len(run_id) > 600:
            raise Refusal(404, "no_such_run", "no pipeline has such a run")
        asked, frame = asked_of(request), frame_of(jobs_of_run(ctx, run_id), _LINES)
        if form := request.query_params.get("as"):
            return answer_export(frame, asked, form, "run")
        caption, empty = "What its jobs did", "No job of it has ended yet, or it was long ago."
        shown = look_up(frame, asked, key="run", caption=caption, empty=empty)
        facts = {
            "run_id": run_id.removeprefix(f"{pipeline.dag_id}."),
            "pipeline": pipeline,
            "day": day,
            "shown": shown,
            "comparisons": COMPARISONS,
            "lines": lines_of_run(ctx, run_id),
            "scored": None if day is None else ctx.ledger.state().scored.get(day),
        }
        return draw(request, "run.html", visitor, facts)

    return router


def jobs_of_run(ctx: JobContext, run_id: str) -> list[dict[str, Any]]:
    """List what the activity file says of a run, in the order in which its jobs ended: when, which job, its facts."""
    return [
        {"at": str(entry.get("at", "")), "job": str(entry.get("job", "")), "what": _facts_in_words(entry)}
        for entry in recent_entries(ctx)
        if entry.get("run_id") == run_id
    ]


def lines_of_run(ctx: JobContext, run_id: str) -> list[dict[str, Any]]:
    """List the lines of the ledger that a run wrote, oldest first."""
    return [event_in_a_row(event.as_json()) for event in ctx.ledger.events() if event.run_id == run_id]


def _facts_in_words(entry: dict[str, Any]) -> str:
    told = {name: value for name, value in entry.items() if name not in _TOLD_ELSEWHERE and value is not None}
    text = without_paths(cell_text(told))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


__all__ = ["jobs_of_run", "lines_of_run", "runs_router"]
