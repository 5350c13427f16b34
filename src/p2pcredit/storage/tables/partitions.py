"""Partition a table by month while a year is young, by year once it has closed.

The part of a row stands in the column `snapshot_month`, which readers of the lake never see: `YYYY-MM`, or `YYYY`.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from p2pcredit.periods import DateRange, add_months

MONTH = "snapshot_month"
"""The column by which files are kept apart."""
CLOSES_AFTER_MONTHS = 3
"""How many months after its end a year is closed: whatever comes late has mostly come by then."""


def parts_of(days: DateRange) -> list[str]:
    """List the parts in which rows of these days may lie: their months, and their years where those were joined.

    Examples:
        >>> parts_of(DateRange(date(2010, 12, 30), date(2011, 1, 2)))
        ['2010-12', '2011-01', '2010', '2011']
    """
    months = [f"{span.first:%Y-%m}" for span in days.months()]
    return [*months, *sorted({month[:4] for month in months})]


def part_of_rows(days: DateRange) -> pl.Expr:
    """Name the part that each row of a span written together goes into.

    Its year, where `days` hold the whole of it and it has closed by the last of them, else its month: history written
    together lies as it would once it had been joined.
    """
    year = pl.col("snapshot_date").dt.year()
    first_whole = days.first.year + (days.first > date(days.first.year, 1, 1))
    of_year = year.is_between(first_whole, open_since(days.last) - 1)
    return pl.when(of_year).then(year.cast(pl.String)).otherwise(pl.col("snapshot_date").dt.strftime("%Y-%m"))


def open_since(today: date) -> int:
    """Return the oldest year whose rows still lie by month on a day.

    Examples:
        >>> open_since(date(2012, 3, 31)), open_since(date(2012, 4, 1))
        (2011, 2012)
    """
    return add_months(today, -CLOSES_AFTER_MONTHS).year


def any_of(parts: list[str]) -> str:
    """Build the Delta predicate of rows in any of these parts."""
    return f"{MONTH} IN ({', '.join(repr(part) for part in parts)})"


__all__ = ["CLOSES_AFTER_MONTHS", "MONTH", "any_of", "open_since", "part_of_rows", "parts_of"]
