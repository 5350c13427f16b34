"""Weeks: every report, what each week measured, and what changed between two."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import polars as pl
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from p2pcredit.contracts.tables import MONITORING
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.monitoring.reviewed import monitored_weeks
from p2pcredit.periods import DateRange, parse_date
from p2pcredit.reporting.weekly.words import metric_in_words, segment_in_words, status_in_words
from p2pcredit.retraining.state import Origin
from p2pcredit.serving.access import Visitor
from p2pcredit.serving.pages.parts.drawing import draw, way
from p2pcredit.serving.pages.parts.exports import answer_export
from p2pcredit.serving.pages.parts.saved import answer_saved, names_of_saved
from p2pcredit.serving.pages.parts.tables import COMPARISONS, asked_of, frame_of, look_up
from p2pcredit.serving.refusals import Refusal
from p2pcredit.serving.site import Site
from p2pcredit.storage.tables.lake import Lake

_WEEKS = {
    "week": pl.Date,
    "pass": pl.Int64,
    "fail": pl.Int64,
    "undetermined": pl.Int64,
    "model_id": pl.String,
    "decided": pl.String,
    "report": pl.String,
}
_MEASURED = {
    "what": pl.String,
    "where": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "threshold": pl.Float64,
    "status": pl.String,
    "n": pl.Int64,
    "note": pl.String,
    "metric": pl.String,
    "segment": pl.String,
    "matured_share": pl.Float64,
    "model_id": pl.String,
}
_DIFF = {
    "metric": pl.String,
    "segment": pl.String,
    "before": pl.Float64,
    "after": pl.Float64,
    "change": pl.Float64,
    "status_before": pl.String,
    "status": pl.String,
    "light_changed": pl.Boolean,
}


def weeks_router(site: Site) -> APIRouter:
    """Make the pages of weeks and of saved reports."""
    router = APIRouter(include_in_schema=False)
    reader = Depends(site.may("read"))

    @router.get("/weeks")
    def weeks(request: Request, visitor: Visitor = reader) -> Response:
        ctx, asked = site.context(), asked_of(request, "week", down=True)
        frame = frame_of(_weeks(ctx, names_of_saved(site.layout)), _WEEKS)
        if form := request.query_params.get("as"):
            return answer_export(frame, asked, form, "weeks")
        links = {
            "week": lambda row: way(f"/weeks/{row['week']}"),
            "model_id": lambda row: way(f"/models/{row['model_id']}"),
            "report": lambda row: way(f"/reports/{row['report']}"),
        }
        shown = look_up(frame, asked, key="weeks", caption="Weeks", links=links, empty="No week was monitored yet.")
        saved = [name for name in names_of_saved(site.layout) if not name.startswith("monitoring_")]
        facts = {"shown": shown, "comparisons": COMPARISONS, "saved": saved, "days": monitored_weeks(ctx)}
        return draw(request, "weeks.html", visitor, facts)

    @router.get("/weeks/diff")
    def diff(request: Request, visitor: Visitor = reader) -> Response:
        ctx, told = site.context(), request.query_params
        known = monitored_weeks(ctx)
        if len(known) < 2:
            raise Refusal(404, "no_two_weeks", "two weeks must have been monitored; see how weeks stand on 'Weeks'")
        after = _week_of(told.get("b"), known, known[-1])
        before = _week_of(told.get("a"), known, max((one for one in known if one < after), default=known[0]))
        frame = frame_of(_changes(ctx, before, after), _DIFF)
        asked = asked_of(request, "light_changed", down=True)
        if form := told.get("as"):
            return answer_export(frame, asked, form, f"weeks_{before}_{after}")
        shown = look_up(frame, asked, key="diff", caption=f"From the week to {before} to the week to {after}")
        facts = {"shown": shown, "comparisons": COMPARISONS, "before": before, "after": after, "days": known}
        return draw(request, "weeks_diff.html", visitor, facts)

    @router.get("/weeks/{day}")
    def week(request: Request, day: str, visitor: Visitor = reader) -> Response:
        ctx, known = site.context(), monitored_weeks(site.context())
        ends = parse_date(day)
        if ends not in known:
            raise Refusal(404, "no_such_week", f"no week that ends on {ends} was monitored")
        asked, frame = asked_of(request), frame_of(_measured(ctx, ends), _MEASURED)
        if form := request.query_params.get("as"):
            return answer_export(frame, asked, form, f"week_{ends}")
        links = {"what": lambda row: way("/data/metric", name=row["metric"], segment=row["segment"])}
        shown = look_up(
            frame, asked, key="results", caption="What was measured", columns=tuple(_MEASURED)[:9], links=links
        )
        place = known.index(ends)
        report = ctx.layout.report(ends).name
        facts = {
            "week": ends,
            "shown": shown,
            "comparisons": COMPARISONS,
            "earlier": known[place - 1] if place else None,
            "later": known[place + 1] if place + 1 < len(known) else None,
            "report": report if report in names_of_saved(site.layout) else None,
            "decisions": _decisions_of(ctx, ends),
            "words": {row["metric"]: metric_in_words(row["metric"]) for row in shown.rows if row["metric"] is not None},
            "lights": _lights(ctx, ends),
        }
        return draw(request, "week.html", visitor, facts)

    @router.get("/reports/{name}")
    def report(name: str, visitor: Visitor = reader) -> Response:
        if name not in names_of_saved(site.layout):
            raise Refusal(404, "no_such_report", "there is no such report; 'Weeks' lists all")
        return answer_saved((site.layout.reports / name).read_bytes())

    return router


def _weeks(ctx: JobContext, saved: Collection[str] = ()) -> list[dict[str, Any]]:
    """List the weeks that were monitored: lights, champion, decision, and the report where it was saved."""
    counted = (
        Lake(ctx.layout)
        .scan(MONITORING)
        .filter(pl.col("threshold").is_not_null() | (pl.col("status") != "undetermined"))
        .group_by("week_end_date")
        .agg(*((pl.col("status") == status).sum().cast(pl.Int64).alias(status) for status in _LIGHTS))
    )
    served = Lake(ctx.layout).scan(MONITORING).group_by("week_end_date").agg(pl.col("model_id").drop_nulls().last())
    rows = served.join(counted, on="week_end_date", how="left").sort("week_end_date").collect()
    return [
        {
            "week": row["week_end_date"],
            **{status: row[status] or 0 for status in _LIGHTS},
            "model_id": row["model_id"],
            "decided": "; ".join(one["decided"] for one in _decisions_of(ctx, row["week_end_date"])) or "nothing",
            "report": name if (name := ctx.layout.report(row["week_end_date"]).name) in saved else None,
        }
        for row in rows.iter_rows(named=True)
    ]


_LIGHTS = ("pass", "fail", "undetermined")
_ORDER = ("fail", "undetermined", "pass")


def _lights(ctx: JobContext, week: date) -> dict[str, int]:
    row = next(row for row in _weeks(ctx) if row["week"] == week)
    return {status: row[status] for status in _LIGHTS}


def _measured(ctx: JobContext, week: date) -> list[dict[str, Any]]:
    """Read what a week measured: failures first, then what is not known, what passed, and what is for information."""
    rows = Lake(ctx.layout).scan(MONITORING, DateRange(week, week)).collect().sort("metric", "segment")
    told = [
        {
            **row,
            "what": metric_in_words(row["metric"]),
            "where": segment_in_words(row["segment"]),
            "status": status_in_words(row),
        }
        for row in rows.iter_rows(named=True)
    ]
    return sorted(told, key=lambda row: _ORDER.index(row["status"]) if row["status"] in _ORDER else len(_ORDER))


def _decisions_of(ctx: JobContext, week: date) -> list[dict[str, Any]]:
    return [
        {
            "id": made.decision_id,
            "decided": "retrain" if made.decision.retrain else "do not retrain",
            "reason": made.decision.reason,
            "fate": str(made.fate),
        }
        for made in ctx.ledger.state().decisions.values()
        if made.origin is Origin.MONITORING and made.decision.decision_date == week
    ]


def _changes(ctx: JobContext, before: date, after: date) -> list[dict[str, Any]]:
    """Put what two weeks measured side by side."""
    lake = Lake(ctx.layout)
    first, second = (
        {
            (row["metric"], row["segment"]): row
            for row in lake.scan(MONITORING, DateRange(day, day)).collect().iter_rows(named=True)
        }
        for day in (before, after)
    )
    rows = []
    for metric, segment in sorted({*first, *second}, key=str):
        one, other = first.get((metric, segment), {}), second.get((metric, segment), {})
        values = one.get("value"), other.get("value")
        rows.append(
            {
                "metric": metric_in_words(metric),
                "segment": segment_in_words(segment),
                "before": values[0],
                "after": values[1],
                "change": None if values[0] is None or values[1] is None else values[1] - values[0],
                "status_before": one.get("status", "not measured"),
                "status": other.get("status", "not measured"),
                "light_changed": one.get("status") != other.get("status"),
            }
        )
    return rows


def _week_of(told: str | None, known: list[date], default: date) -> date:
    if not told:
        return default
    day = parse_date(told)
    if day not in known:
        raise Refusal(404, "no_such_week", f"no week that ends on {day} was monitored")
    return day


__all__ = ["weeks_router"]
