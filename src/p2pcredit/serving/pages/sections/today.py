"""Today: where the book stands, who serves, what waits, what is missing, and what is due."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from p2pcredit.contracts.tables import MONITORING
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.governance.attention import attention
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.pipelines import Due, due_after
from p2pcredit.periods import DateRange
from p2pcredit.reporting.weekly.words import metric_in_words, segment_in_words, shown_as
from p2pcredit.serving.access import Visitor
from p2pcredit.serving.pages.parts.drawing import draw
from p2pcredit.serving.site import Site
from p2pcredit.storage.tables.lake import Lake

if TYPE_CHECKING:
    from p2pcredit.reporting.drawing import Chart

_MOST_FAILS = 8
_CHART_WEEKS = 52


def today_router(site: Site) -> APIRouter:
    """Make the first page."""
    router = APIRouter(include_in_schema=False)
    reader = Depends(site.may("read"))

    @router.get("/")
    def today(request: Request, visitor: Visitor = reader) -> Response:
        return draw(request, "today.html", visitor, facts_of_today(site.context(), site.due))

    return router


def facts_of_today(ctx: JobContext, due: Due = due_after) -> dict[str, Any]:
    """Collect what the first page shows: what `status` says, the newest alerts and lights, and what runs next.

    Args:
        ctx: The home, its settings and the present instant.
        due: Gives the pipelines that work on a snapshot date, each with the instant at which it fires.
    """
    found = status(ctx)
    last = found["last_preprocessed"]
    lights = _lights(ctx)
    return {
        "status": found,
        "attention": [one.line for one in attention(ctx, ctx.ledger.state())],
        "alerts": _alerts(ctx),
        "lights": lights,
        "due": [] if last is None else _due(date.fromisoformat(last) + timedelta(days=1), due),
        "chart": _scored_by_week(ctx),
    }


def _due(day: date, due: Due) -> list[dict[str, str]]:
    """List the runs of a day, the one after the last that is done."""
    return [{"pipeline": pipeline.dag_id, "at": f"{at:%Y-%m-%d %H:%M} UTC"} for pipeline, at in due(day)]


def _alerts(ctx: JobContext) -> list[dict[str, str]]:
    """List what the last weekly alerts said and what was warned of since, the newest first."""
    entries = list(recent_entries(ctx, "warning", "send_alerts"))
    sent = max((place for place, one in enumerate(entries) if one.get("job") == "send_alerts"), default=-1)
    lines: list[dict[str, str]] = []
    for entry in reversed(entries[max(0, sent) :]):
        at = str(entry.get("at", ""))[:10]
        if entry.get("job") == "send_alerts":
            told = zip(entry.get("alerts", []), entry.get("severities", []), strict=False)
            lines += [{"at": at, "severity": str(severity), "line": str(line)} for line, severity in told]
        else:
            severity, line = str(entry.get("severity", "warning")), str(entry.get("message", ""))
            lines.append({"at": at, "severity": severity, "line": line})
    return lines


def _lights(ctx: JobContext) -> dict[str, Any] | None:
    """Count the lights of the newest week that was monitored, and name the checks that failed."""
    lake = Lake(ctx.layout)
    week = lake.scan(MONITORING).select(pl.col("week_end_date").max()).collect().item()
    if week is None:
        return None
    rows = lake.scan(MONITORING, DateRange(week, week)).collect()
    held = rows.filter(pl.col("threshold").is_not_null() | (pl.col("status") != "undetermined"))
    counts = dict(held.group_by("status").len().iter_rows())
    fails = held.filter(pl.col("status") == "fail").sort("metric", "segment")
    return {
        "week": week.isoformat(),
        "counts": {status: counts.get(status, 0) for status in ("pass", "fail", "undetermined")},
        "fails": [
            {
                "metric": metric_in_words(row["metric"]),
                "segment": segment_in_words(row["segment"]),
                "value": shown_as(row["metric"], row["value"]),
                "limit": shown_as(row["metric"], row["threshold"]),
            }
            for row in fails.head(_MOST_FAILS).iter_rows(named=True)
        ],
        "more_fails": max(0, fails.height - _MOST_FAILS),
    }


def _scored_by_week(ctx: JobContext) -> Chart | None:
    """Draw how many loans were scored in each of the last weeks, by the ledger; None before the first."""
    scored = ctx.ledger.state().scored
    if not scored:
        return None
    begins = max(scored) - timedelta(weeks=_CHART_WEEKS)
    weeks: dict[date, int] = {}
    for day, (_, loans) in scored.items():
        if day > begins:
            monday = day - timedelta(days=day.weekday())
            weeks[monday] = weeks.get(monday, 0) + loans
    from p2pcredit.serving.pages.parts.charts import scored_by_week

    return scored_by_week(weeks, max(scored))


__all__ = ["facts_of_today", "today_router"]
