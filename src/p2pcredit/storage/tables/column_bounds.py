"""Read from a table's log what the values of a column can be in each of its files: nothing is opened for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from p2pcredit.contracts.tables import Table
from p2pcredit.storage.tables.active_files import active_files
from p2pcredit.storage.tables.lake import Lake


@dataclass(frozen=True, slots=True)
class ColumnBounds:
    """What the log says of a column in a file.

    Args:
        lowest, highest: Its bounds, None where the log does not say them.
        absent: Whether it certainly has no value.
    """

    lowest: Any = None
    highest: Any = None
    absent: bool = False

    def may_hold(self, value: Any) -> bool:
        """Return whether a row of the file may have this value."""
        if self.absent:
            return False
        return self.lowest is None or self.highest is None or bool(self.lowest <= value <= self.highest)


@dataclass(frozen=True, slots=True)
class BoundedFile:
    """A file of a table: the first and last date in it, None where the log does not say, and bounds of columns."""

    low: date | None
    high: date | None
    columns: dict[str, ColumnBounds]


def bounded_files(lake: Lake, table: Table, *columns: str) -> list[BoundedFile]:
    """List the files that hold the table's rows, each with what its values of these columns can be."""
    if not lake.exists(table):
        return []
    opened = lake.current(table)
    told = pl.DataFrame(opened.get_add_actions(flatten=True))
    by_path = {row["path"]: row for row in told.iter_rows(named=True)}
    return [
        BoundedFile(file.low, file.high, {name: _bounds(by_path[file.path], name, file.rows) for name in columns})
        for file in active_files(opened)
    ]


def last_day_there(lake: Lake, table: Table) -> date | None:
    """Return the last day of which the table may have rows, by its log; None where it has none, or does not say."""
    if not lake.exists(table):
        return None
    return max((file.high for file in active_files(lake.current(table)) if file.high is not None), default=None)


def _bounds(row: dict[str, Any], column: str, rows: int | None) -> ColumnBounds:
    nulls = row.get(f"null_count.{column}")
    absent = rows is not None and nulls is not None and nulls == rows
    return ColumnBounds(row.get(f"min.{column}"), row.get(f"max.{column}"), absent)


__all__ = ["BoundedFile", "ColumnBounds", "bounded_files", "last_day_there"]
