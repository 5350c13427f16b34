"""What the quarantine holds: rows that were set aside whole, and optional values that sound rows lost."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from p2pcredit.contracts.feeds import LOAN_PERFORMANCE, SAID_TO_BE_UNKNOWN
from p2pcredit.contracts.tables import QUARANTINE, silver
from p2pcredit.periods import DateRange
from p2pcredit.storage.own_features import read_own_features
from p2pcredit.storage.tables.lake import Lake

VALUES_MISSING = "values_missing:"
"""Before `<feed>:<column>` in the receipt of a day: how many values of the column were lost."""


DECLARED_UNKNOWN = "declared_unknown:"
"""Before `<feed>` in the receipt of a day: how many rows were set aside because a mapping says that it is not known."""


def is_declared_unknown() -> pl.Expr:
    """Test records of the quarantine for events that a mapping says to be of unknown outcome: no fault of the data."""
    status = pl.col("raw").str.json_path_match("$.status")
    declared = (status == SAID_TO_BE_UNKNOWN) | status.str.starts_with(f"{SAID_TO_BE_UNKNOWN}: ")
    return (pl.col("feed") == LOAN_PERFORMANCE.name) & declared.fill_null(value=False)


def rows_set_aside(lake: Lake, days: DateRange | None = None) -> pl.LazyFrame:
    """Select the records of whole rows; those written before records had a kind are such."""
    return lake.scan(QUARANTINE, days).filter(pl.col("kind").ne_missing("value"))


def values_lost(lake: Lake, days: DateRange | None = None) -> pl.LazyFrame:
    """Select the records of single values."""
    return lake.scan(QUARANTINE, days).filter(pl.col("kind") == "value")


def values_given(lake: Lake, columns: Iterable[tuple[str, str]], days: DateRange | None = None) -> pl.DataFrame:
    """Count the values of some columns that could be read.

    Args:
        lake: The tables.
        columns: Each as feed and column, as the feed names it.
        days: The days looked at; all where None.

    Returns:
        `feed`, `column`, `read`: how many values stand in silver.
    """
    asked: dict[str, list[str]] = {}
    for feed, column in columns:
        asked.setdefault(feed, []).append(column)
    found = []
    for feed, names in asked.items():
        contract = read_own_features(lake.layout).feed(feed)
        typed = {column.source: column.typed_name for column in contract.columns}
        counted = lake.scan(silver(contract), days).select(pl.col(typed[name]).count().alias(name) for name in names)
        found += [(feed, name, int(count)) for name, count in counted.collect().row(0, named=True).items()]
    schema = {"feed": pl.String, "column": pl.String, "read": pl.Int64}
    return pl.DataFrame(found, schema=schema, orient="row")


def most_frequent(rows: pl.LazyFrame, column: str) -> tuple[str, int] | None:
    """Find the text that stands most often in a column, the first in the alphabet of several; None without rows.

    Examples:
        >>> most_frequent(pl.LazyFrame({"rules": ["term: missing", "row: duplicate", "term: missing"]}), "rules")
        ('term: missing', 2)
    """
    counted = rows.group_by(column).len().sort("len", column, descending=[True, False]).head(1).collect()
    return None if counted.is_empty() else counted.row(0)


__all__ = [
    "DECLARED_UNKNOWN",
    "VALUES_MISSING",
    "is_declared_unknown",
    "most_frequent",
    "rows_set_aside",
    "values_given",
    "values_lost",
]
