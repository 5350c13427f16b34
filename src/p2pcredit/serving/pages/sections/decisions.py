"""Decisions: the ledger as a time line, what came of each decision, and one by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import override_decision, show_decision
from p2pcredit.periods import parse_date
from p2pcredit.retraining.words import event_in_a_row
from p2pcredit.serving.access import Visitor
from p2pcredit.serving.pages.parts.drawing import draw, way
from p2pcredit.serving.pages.parts.exports import answer_export
from p2pcredit.serving.pages.parts.forms import optional_text, text_of
from p2pcredit.serving.pages.parts.tables import COMPARISONS, asked_of, frame_of, look_up
from p2pcredit.serving.refusals import Refusal
from p2pcredit.serving.site import Site
from p2pcredit.storage.tables.day_receipts import last_complete

_LINES = {
    "number": pl.Int64,
    "at": pl.String,
    "event": pl.String,
    "by": pl.String,
    "what": pl.String,
    "run_id": pl.String,
}
_DECISIONS = {
    "decision_id": pl.String,
    "decision_date": pl.Date,
    "decided": pl.String,
    "by": pl.String,
    "origin": pl.String,
    "reason": pl.String,
    "score": pl.Float64,
    "fate": pl.String,
    "acted_on_by": pl.String,
    "model_id": pl.String,
    "outcome": pl.String,
}
_SHOWN = ("decision_date", "decided", "origin", "by", "reason", "fate", "model_id", "outcome")
_LONGEST_REASON = 1_000


def decisions_router(site: Site) -> APIRouter:
    """Make the pages of decisions."""
    router = APIRouter(include_in_schema=False)
    reader, decider = Depends(site.may("read")), Depends(site.may_post("decide"))

    @router.get("/decisions")
    def decisions(request: Request, visitor: Visitor = reader) -> Response:
        ctx, asked = site.context(), asked_of(request, "decision_date", down=True)
        frame = frame_of(_decided(ctx), _DECISIONS)
        if form := request.query_params.get("as"):
            return answer_export(frame, asked, form, "decisions")
        links = {
            "decision_date": lambda row: way("/decisions/one", id=row["decision_id"]),
            "model_id": lambda row: way(f"/models/{row['model_id']}"),
        }
        shown = look_up(
            frame, asked, key="decisions", caption="Decisions", columns=_SHOWN, links=links, empty="None was made yet."
        )
        facts = {
            "current": show_decision(ctx),
            "shown": shown,
            "comparisons": COMPARISONS,
            "day": last_complete(ctx.layout) or ctx.at.date(),
            "said": request.query_params.get("said"),
        }
        return draw(request, "decisions.html", visitor, facts)

    @router.get("/decisions/ledger")
    def ledger(request: Request, visitor: Visitor = reader) -> Response:
        asked = asked_of(request, "number", down=True)
        frame = frame_of(_lines(site.context()), _LINES)
        if form := request.query_params.get("as"):
            return answer_export(frame, asked, form, "ledger")
        links = {"number": lambda row: way("/decisions/line", number=row["number"])}
        shown = look_up(
            frame, asked, key="ledger", caption="Lines of the ledger", links=links, empty="It has no line yet."
        )
        return draw(request, "ledger.html", visitor, {"shown": shown, "comparisons": COMPARISONS})

    @router.get("/decisions/line")
    def line(request: Request, visitor: Visitor = reader) -> Response:
        events = site.context().ledger.events()
        told = request.query_params.get("number", "")
        number = int(told) if told.isascii() and told.isdigit() and len(told) < 10 else 0
        if not 1 <= number <= len(events):
            raise Refusal(404, "no_such_line", f"the ledger has no such line; it has {len(events)}")
        event = events[number - 1].as_json()
        facts = {"event": event, "row": event_in_a_row(event), "last": len(events)}
        return draw(request, "line.html", visitor, facts)

    @router.get("/decisions/one")
    def one(request: Request, visitor: Visitor = reader) -> Response:
        ctx, decision_id = site.context(), request.query_params.get("id", "")
        found = next((row for row in _decided(ctx) if row["decision_id"] == decision_id), None)
        if found is None:
            raise Refusal(404, "no_such_decision", "the ledger has no such decision")
        lines = [row for row in _lines(ctx) if _speaks_of(ctx, row, decision_id)]
        record = ctx.ledger.state().decisions[decision_id]
        facts = {"found": found, "decision": record.decision.as_json(), "lines": lines}
        return draw(request, "decision.html", visitor, facts)

    @router.post("/decisions/override")
    async def override(request: Request, visitor: Visitor = decider) -> Response:
        form = await request.form()
        wanted, why = text_of(form, "retrain"), text_of(form, "why", at_most=_LONGEST_REASON)
        if wanted not in ("yes", "no"):
            raise UsageError("say whether to retrain: yes or no")
        told = optional_text(form, "date")
        day = None if told is None else parse_date(told)
        await run_in_threadpool(_override, site, visitor, day, wanted == "yes", why, request.state.request_id)
        return RedirectResponse(way("/decisions", said="overridden"), 303)

    return router


def _override(site: Site, visitor: Visitor, day: date | None, retrain: bool, why: str, request_id: str) -> None:
    ctx = site.context(visitor)
    decided_on = day or last_complete(ctx.layout) or ctx.at.date()
    made = override_decision(ctx, decided_on, retrain=retrain, why=why)
    site.audit(visitor, "override", {"decision_id": made["decision_id"], "retrain": retrain, "why": why}, request_id)


def _lines(ctx: JobContext) -> list[dict[str, Any]]:
    events = [event.as_json() for event in ctx.ledger.events()]
    return [{**event_in_a_row(event), "run_id": event["run_id"]} for event in events]


def _speaks_of(ctx: JobContext, row: dict[str, Any], decision_id: str) -> bool:
    return bool(ctx.ledger.events()[row["number"] - 1].facts.get("decision_id") == decision_id)


def _decided(ctx: JobContext) -> list[dict[str, Any]]:
    """List the decisions with what became of each, oldest first."""
    return [
        {
            "decision_id": found.decision_id,
            "decision_date": found.decision.decision_date,
            "decided": "retrain" if found.decision.retrain else "do not retrain",
            "by": found.decision.decided_by,
            "origin": str(found.origin),
            "reason": found.decision.reason,
            "score": found.decision.performance_score,
            "fate": str(found.fate),
            "acted_on_by": found.acted_on_by,
            "model_id": found.model_id,
            "outcome": found.outcome,
        }
        for found in ctx.ledger.state().decisions.values()
    ]


__all__ = ["decisions_router"]
