"""The tables of the lake: their columns and types, and what one row is.

A table's rows are replaced by snapshot date. Types are Polars types; any engine maps them to its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.features import FEATURES
from p2pcredit.contracts.feeds import FEEDS, Feed
from p2pcredit.errors import UsageError
from p2pcredit.names import no_such

TYPES_BY_KIND: dict[Kind, pl.DataType] = {
    Kind.ID: pl.String(),
    Kind.TEXT: pl.String(),
    Kind.CATEGORY: pl.String(),
    Kind.DATE: pl.Date(),
    Kind.NUMBER: pl.Float64(),
    Kind.COUNT: pl.Int64(),
    Kind.PERCENT: pl.Float64(),
    Kind.TERM: pl.Int64(),
    Kind.YEARS: pl.Float64(),
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name under the datamart, its columns, and the columns its rows are sorted by within a date.

    Args:
        row: What one row is.
        made_by: The command that writes it.
    """

    name: str
    schema: dict[str, pl.DataType]
    sorted_by: tuple[str, ...]
    row: str
    made_by: str = "preprocess"


def bronze(feed: Feed) -> Table:
    """Define the table of a feed's raw rows, as text, with where each came from."""
    lineage: dict[str, pl.DataType] = {
        "snapshot_date": pl.Date(),
        "source_file": pl.String(),
        "row_number": pl.Int64(),
        "source_digest": pl.String(),
        "unparsed": pl.String(),
    }
    text: dict[str, pl.DataType] = {source: pl.String() for source in feed.sources}
    return Table(f"bronze/{feed.name}", {**lineage, **text}, ("row_number",), "the raw row, as text")


def silver(feed: Feed) -> Table:
    """Define the table of a feed's typed rows that break no rule; an optional value that does is missing."""
    typed = {column.typed_name: TYPES_BY_KIND[column.kind] for column in feed.columns}
    lineage: dict[str, pl.DataType] = {"snapshot_date": pl.Date(), "row_number": pl.Int64()}
    return Table(f"silver/{feed.name}", {**lineage, **typed}, ("loan_id", "row_number"), "the typed row")


QUARANTINE = Table(
    "silver/quarantine",
    {
        "feed": pl.String(),
        "snapshot_date": pl.Date(),
        "row_number": pl.Int64(),
        "rules": pl.String(),
        "raw": pl.String(),
        "kind": pl.String(),
        "column": pl.String(),
        "loan_id": pl.String(),
    },
    ("feed", "row_number", "kind", "column"),
    "a row, or one optional value of a row, that broke rules: `kind` is `row` or `value`, `column` the value's column "
    "in the feed, `rules` every rule broken, separated by '; ', `raw` the raw values as JSON, `loan_id` the row's id",
)

FEATURE_STORE = Table(
    "gold/feature_store",
    {
        "loan_id": pl.String(),
        "snapshot_date": pl.Date(),
        "known_on": pl.Date(),
        **{f.name: pl.Float64() if f.kind == "numeric" else pl.String() for f in FEATURES},
    },
    ("loan_id",),
    "one loan at origination, application-time features only",
)

LABEL_STORE = Table(
    "gold/label_store",
    {
        "loan_id": pl.String(),
        "definition": pl.String(),
        "label": pl.Int8(),
        "origination_date": pl.Date(),
        "known_on": pl.Date(),
        "snapshot_date": pl.Date(),
    },
    ("definition", "loan_id"),
    "one label of one loan, on the day it became known (snapshot_date equals known_on)",
)

PREDICTIONS = Table(
    "gold/predictions",
    {
        "loan_id": pl.String(),
        "snapshot_date": pl.Date(),
        "model_id": pl.String(),
        "probability_of_default": pl.Float64(),
        "score": pl.Int32(),
        "grade": pl.String(),
        "reason_1": pl.String(),
        "reason_2": pl.String(),
        "reason_3": pl.String(),
        "reason_4": pl.String(),
        "outside_training": pl.List(pl.String()),
        "decision": pl.String(),
    },
    ("loan_id",),
    "one scored loan: `outside_training` lists each value outside what the model was trained on as `COLUMN: missing`, "
    "`COLUMN: level never seen` or `COLUMN: beyond trained range`; `decision` is `approve` (probability of default at "
    "or below scores.approval_cutoff), `decline`, `refer` (no grade) or `refuse` (no probability, score, "
    "grade, reasons)",
    made_by="infer",
)

MONITORING = Table(
    "gold/monitoring",
    {
        "snapshot_date": pl.Date(),
        "week_end_date": pl.Date(),
        "model_id": pl.String(),
        "metric": pl.String(),
        "segment": pl.String(),
        "value": pl.Float64(),
        "low": pl.Float64(),
        "high": pl.Float64(),
        "n": pl.Int64(),
        "matured_share": pl.Float64(),
        "status": pl.String(),
        "threshold": pl.Float64(),
        "note": pl.String(),
    },
    ("metric", "segment"),
    "one metric of one segment in one week (snapshot_date equals week_end_date)",
    made_by="monitor",
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *(bronze(feed) for feed in FEEDS.values()),
        *(silver(feed) for feed in FEEDS.values()),
        QUARANTINE,
        FEATURE_STORE,
        LABEL_STORE,
        PREDICTIONS,
        MONITORING,
    )
}


def table_named(name: str) -> Table:
    """Look up the contract of a table such as `gold/predictions`.

    Raises:
        UsageError: If there is no such table.
    """
    if name not in TABLES:
        raise UsageError(no_such("table", name, TABLES))
    return TABLES[name]
