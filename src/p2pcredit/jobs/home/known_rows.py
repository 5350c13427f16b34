"""Rows of a table as they were known on a day: the rule that `export`, SQL and the Python API share."""

from __future__ import annotations

from datetime import date

import polars as pl

from p2pcredit.contracts.tables import Table
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.lake import Lake


def rows_known(frame: pl.LazyFrame, table: Table, as_of: date | None) -> pl.LazyFrame:
    """Keep the rows that were known on or before a day; all of them where it is None.

    A row was known on its `known_on` where the table has that column, else on its snapshot date.
    """
    if as_of is None:
        return frame
    return frame.filter(pl.col("known_on" if "known_on" in table.schema else "snapshot_date") <= as_of)


def read_known_rows(lake: Lake, table: Table, as_of: date | None, days: DateRange | None = None) -> pl.LazyFrame:
    """Scan the rows of a table that were known on a day; only those of `days` where given.

    Raises:
        MissingTableError: If nothing has been written to it yet.
    """
    lake.require(table)
    return rows_known(lake.scan(table, days), table, as_of)


__all__ = ["read_known_rows", "rows_known"]
