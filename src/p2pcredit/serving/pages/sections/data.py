"""Data: every table down to its rows, what was set aside and why, and what has drifted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from p2pcredit.contracts.dictionary import describe_column
from p2pcredit.contracts.feeds import ALL_FEEDS
from p2pcredit.contracts.tables import MONITORING, QUARANTINE, TABLES, Table, bronze, table_named
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.known_rows import rows_known
from p2pcredit.periods import DateRange, parse_date
from p2pcredit.reporting.weekly.words import metric_in_words, segment_in_words
from p2pcredit.serving.access import Visitor
from p2pcredit.serving.pages.parts.drawing import draw, way
from p2pcredit.serving.pages.parts.exports import answer_export
from p2pcredit.serving.pages.parts.tables import COMPARISONS, asked_of, frame_of, look_up
from p2pcredit.serving.site import Site
from p2pcredit.storage.tables.active_files import active_files
from p2pcredit.storage.tables.lake import Lake

if TYPE_CHECKING:
    from p2pcredit.reporting.drawing import Chart

_TABLES = {
    "table": pl.String,
    "rows": pl.Int64,
    "first_day": pl.Date,
    "last_day": pl.Date,
    "a_row_is": pl.String,
    "made_by": pl.String,
}
_DRIFT = {
    "what": pl.String,
    "value": pl.Float64,
    "threshold": pl.Float64,
    "status": pl.String,
    "n": pl.Int64,
    "note": pl.String,
    "metric": pl.String,
    "column": pl.String,
}
_QUARANTINE = ("feed", "snapshot_date", "row_number", "kind", "column", "rules", "raw", "loan_id")


def data_router(site: Site) -> APIRouter:
    """Make the pages of tables."""
    router = APIRouter(include_in_schema=False)
    reader = Depends(site.may("read"))

    @router.get("/data")
    def data(request: Request, visitor: Visitor = reader) -> Response:
        asked, frame = asked_of(request), frame_of(_tables(Lake(site.layout)), _TABLES)
        if form := request.query_params.get("as"):
            return answer_export(frame, asked, form, "tables")
        links = {"table": lambda row: way("/data/table", name=row["table"])}
        shown = look_up(frame, asked, key="tables", caption="Tables", links=links)
        return draw(request, "data.html", visitor, {"shown": shown, "comparisons": COMPARISONS})

    @router.get("/data/table")
    def table(request: Request, visitor: Visitor = reader) -> Response:
        lake, told = Lake(site.layout), request.query_params
        wanted = table_named(told.get("name", ""))
        as_of, days = _day(told.get("as_of")), _days(told.get("from"), told.get("to"))
        lake.require(wanted)
        frame = rows_known(lake.scan(wanted, days), wanted, as_of)
        form = told.get("as")
        asked = asked_of(request) if form else asked_of(request, "snapshot_date", down=True)
        if form:
            return answer_export(frame, asked, form, wanted.name.replace("/", "_"))
        shown = look_up(
            frame,
            asked,
            key="rows",
            caption=f"Rows of {wanted.name}",
            links=_links_of(wanted),
            titles={name: describe_column(wanted, name) for name in wanted.schema},
            empty="No row meets this.",
        )
        facts = {
            "table": wanted,
            "columns": [(column, describe_column(wanted, column.name)) for column in wanted.columns],
            "shown": shown,
            "comparisons": COMPARISONS,
            "told": {name: told.get(name, "") for name in ("as_of", "from", "to")},
        }
        return draw(request, "table.html", visitor, facts)

    @router.get("/data/quarantine")
    def quarantine(request: Request, visitor: Visitor = reader) -> Response:
        lake = Lake(site.layout)
        frame, asked = lake.scan(QUARANTINE).select(_QUARANTINE), asked_of(request, "snapshot_date", down=True)
        if form := request.query_params.get("as"):
            return answer_export(frame, asked, form, "quarantine")
        shown = look_up(
            frame,
            asked,
            key="quarantine",
            caption="Rows and values set aside",
            links=_links_of(QUARANTINE),
            empty="Nothing was set aside that meets this.",
        )
        facts = {"shown": shown, "comparisons": COMPARISONS, "rules": _commonest(lake)}
        return draw(request, "quarantine.html", visitor, facts)

    @router.get("/data/drift")
    def drift(request: Request, visitor: Visitor = reader) -> Response:
        ctx, asked = site.context(), asked_of(request, "value", down=True)
        week, rows = _drift(ctx)
        frame = frame_of(rows, _DRIFT)
        if form := request.query_params.get("as"):
            return answer_export(frame, asked, form, f"drift_{week}")
        links: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
            "what": lambda row: way("/data/metric", name=row["metric"], segment="all"),
            "column": lambda row: way("/data/table", name="gold/feature_store", sort=row["column"]),
        }
        shown = look_up(
            frame,
            asked,
            key="drift",
            caption="Stability of score and inputs",
            columns=[name for name in _DRIFT if name != "metric"],
            links=links,
            empty="No week was monitored yet.",
        )
        return draw(request, "drift.html", visitor, {"shown": shown, "comparisons": COMPARISONS, "week": week})

    @router.get("/data/metric")
    def metric(request: Request, visitor: Visitor = reader) -> Response:
        told, asked = request.query_params, asked_of(request, "week_end_date", down=True)
        name, segment = told.get("name", ""), told.get("segment", "all")
        own = (pl.col("metric") == name) & (pl.col("segment") == segment)
        frame = Lake(site.layout).scan(MONITORING).filter(own).drop("snapshot_date", "metric", "segment")
        if form := told.get("as"):
            return answer_export(frame, asked, form, "metric")
        links = {
            "week_end_date": lambda row: way(f"/weeks/{row['week_end_date']}"),
            "model_id": lambda row: way(f"/models/{row['model_id']}"),
        }
        shown = look_up(frame, asked, key="weeks", caption="Week by week", links=links, empty="It was never measured.")
        words = f"{metric_in_words(name)}, {segment_in_words(segment)}"
        facts = {"words": words, "chart": _history(frame, words), "shown": shown, "comparisons": COMPARISONS}
        return draw(request, "metric.html", visitor, facts)

    return router


def _tables(lake: Lake) -> list[dict[str, Any]]:
    """List the tables with how many rows each holds, by their logs: no row is read."""
    return [
        {"table": table.name, "a_row_is": table.row, "made_by": table.made_by, **_held(lake, table)}
        for table in TABLES.values()
    ]


def _held(lake: Lake, table: Table) -> dict[str, Any]:
    if not lake.exists(table):
        return {"rows": 0, "first_day": None, "last_day": None}
    files = active_files(lake.current(table))
    counts = [file.rows for file in files]
    return {
        "rows": None if None in counts else sum(count or 0 for count in counts),
        "first_day": min((file.low for file in files if file.low is not None), default=None),
        "last_day": max((file.high for file in files if file.high is not None), default=None),
    }


def _links_of(table: Table) -> dict[str, Callable[[Mapping[str, Any]], str | None]]:
    """Name the pages that a row leads to: its loan, its model, and the row as it was landed."""
    links: dict[str, Callable[[Mapping[str, Any]], str | None]] = {}
    if "loan_id" in table.schema:
        links["loan_id"] = lambda row: way("/loans/one", id=row["loan_id"])
    if "model_id" in table.schema:
        links["model_id"] = lambda row: way(f"/models/{row['model_id']}")
    if table.name.startswith("silver/"):
        feed = table.name.partition("/")[2]
        links["row_number"] = lambda row: _landed_row(row.get("feed") or feed, row)
    return links


def _landed_row(feed: str, row: Mapping[str, Any]) -> str | None:
    if feed not in ALL_FEEDS:
        return None
    day = row["snapshot_date"].isoformat()
    asked = {"name": bronze(ALL_FEEDS[feed]).name, "from": day, "to": day}
    return way("/data/table", **asked, by="row_number", compare="is", value=row["row_number"])


def _commonest(lake: Lake) -> list[dict[str, Any]]:
    """Count the commonest rules by which rows and values were set aside."""
    counted = lake.scan(QUARANTINE).group_by("feed", "kind", "rules").len().sort("len", descending=True).head(10)
    return counted.collect(engine="streaming").to_dicts()


def _drift(ctx: JobContext) -> tuple[date | None, list[dict[str, Any]]]:
    """Give the stability of score and inputs as the newest week measured it."""
    lake = Lake(ctx.layout)
    week = lake.scan(MONITORING).select(pl.col("week_end_date").max()).collect().item()
    if week is None:
        return None, []
    own = pl.col("metric").str.starts_with("psi")
    rows = lake.scan(MONITORING, DateRange(week, week)).filter(own).collect()
    return week, [
        {
            **{name: row[name] for name in ("metric", "value", "threshold", "status", "n", "note")},
            "what": metric_in_words(row["metric"]),
            "column": row["metric"].partition(":")[2] or None,
        }
        for row in rows.iter_rows(named=True)
    ]


def _history(frame: pl.LazyFrame, words: str) -> Chart | None:
    """Draw what was measured, week by week; None where nothing was."""
    from p2pcredit.serving.pages.parts.charts import metric_history

    rows = frame.select("week_end_date", "value", "low", "high", "threshold").sort("week_end_date").collect()
    measured = rows.filter(pl.col("value").is_not_null())
    return None if measured.is_empty() else metric_history(measured.to_dicts(), words)


def _day(told: str | None) -> date | None:
    return parse_date(told) if told else None


def _days(first: str | None, last: str | None) -> DateRange | None:
    if not first and not last:
        return None
    return DateRange(_day(first) or date.min, _day(last) or date.max)


__all__ = ["data_router"]
