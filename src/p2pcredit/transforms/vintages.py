"""Name the vintage of a loan: the calendar quarter of a day, as tables, reports and cohorts write it."""

from __future__ import annotations

import polars as pl


def quarter_name(day: pl.Expr | str) -> pl.Expr:
    """Write the calendar quarter of a day as `YYYYQn`; null where the day is.

    Args:
        day: A column of dates, or its name.

    Returns:
        Text such as `2010Q1`.

    Examples:
        >>> from datetime import date
        >>> days = pl.DataFrame({"day": [date(2010, 3, 31), date(2010, 4, 1), None]})
        >>> days.select(quarter_name("day")).to_series().to_list()
        ['2010Q1', '2010Q2', None]
    """
    column = pl.col(day) if isinstance(day, str) else day
    return pl.format("{}Q{}", column.dt.year(), column.dt.quarter())


def cohort_name(loans: pl.DataFrame, day: str) -> pl.Expr:
    """Write quarter and term of a loan, such as `2010Q1 36`; loans without a term are a product of their own.

    Args:
        loans: The loans; where they have no column `term_months` at all, every term is unknown.
        day: The column of the day that counts, such as that of origination.

    Examples:
        >>> from datetime import date
        >>> loans = pl.DataFrame({"day": [date(2010, 3, 31)] * 2, "term_months": [36, None]})
        >>> loans.select(cohort_name(loans, "day")).to_series().to_list()
        ['2010Q1 36', '2010Q1 unknown']
    """
    term = pl.lit("unknown")
    if "term_months" in loans.columns:
        term = pl.col("term_months").cast(pl.Int64, strict=False).cast(pl.String).fill_null("unknown")
    return pl.format("{} {}", quarter_name(day), term)
