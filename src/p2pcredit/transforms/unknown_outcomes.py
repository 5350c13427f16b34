"""Loans whose outcome cannot be known, because a servicing event of theirs was set aside.

A row that broke a rule of the feed `loan_performance` may have been a default or the proof of its absence. So the loan
is neither good nor bad: what learns or judges leaves it out. It leaves it out too where a sound default is known, since
such a default would stay while the goods beside it go, as if only loans that defaulted had been looked at.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import narwhals as nw

from p2pcredit.contracts.feeds import LOAN_PERFORMANCE

QUARANTINE_COLUMNS = ("feed", "snapshot_date", "rules", "kind", "column", "loan_id")
"""The columns of the quarantine from which unknown outcomes follow."""
HARMLESS = "row: duplicate"
"""A row set aside for this alone says what a sound row says too."""
SPOILT_ID = "loan_id: "
"""How a rule begins that says that the loan of a row cannot be read; what stands there is then no loan."""
_TELLING = tuple(column.source for column in LOAN_PERFORMANCE.columns if column.required)

Frame = nw.LazyFrame[Any]


def events_set_aside(quarantine: Frame) -> Frame:
    """Keep the records of the quarantine that leave an outcome unknown.

    They are rows of `loan_performance`, except mere duplicates of sound rows, and single values of the columns without
    which an event says nothing. Records written before the quarantine named its kinds count as rows.

    Args:
        quarantine: Rows of `silver/quarantine` with `QUARANTINE_COLUMNS`.
    """
    is_value = (nw.col("kind") == "value") & ~nw.col("kind").is_null()
    tells = ~is_value | nw.col("column").is_in(_TELLING)
    return quarantine.filter(nw.col("feed") == LOAN_PERFORMANCE.name, nw.col("rules") != HARMLESS, tells)


def first_set_aside(quarantine: Frame) -> Frame:
    """Give per loan the first day on which an event of it was set aside: `loan_id`, `set_aside_on`."""
    return with_name(quarantine).group_by("loan_id").agg(nw.col("snapshot_date").min().alias("set_aside_on"))


def with_name(quarantine: Frame) -> Frame:
    """Keep the events set aside whose loan can be read."""
    return events_set_aside(quarantine).filter(~_nameless())


def without_name(quarantine: Frame) -> Frame:
    """Keep the events set aside whose loan cannot be read: any loan may be the one that they speak of."""
    return events_set_aside(quarantine).filter(_nameless())


def drop_unknown(loans: Frame, quarantine: Frame, *, by: nw.Expr) -> Frame:
    """Leave out the loans of which an event was set aside on or before a day of their own.

    Args:
        loans: One or more rows per loan, with `loan_id`.
        quarantine: Rows of `silver/quarantine`.
        by: The day of each row of `loans` after which an event set aside no longer matters.

    Returns:
        The rows that stay, with the columns that they had.
    """
    joined = loans.join(first_set_aside(quarantine), on="loan_id", how="left")
    known = nw.col("set_aside_on").is_null() | (nw.col("set_aside_on") > by)
    return joined.filter(known).drop("set_aside_on")


def keep_unknown(loans: Frame, quarantine: Frame, *, by: nw.Expr, as_of: date) -> Frame:
    """Keep the loans that `drop_unknown` leaves out, as far as that is known on a day; with `set_aside_on`."""
    joined = loans.join(first_set_aside(quarantine), on="loan_id", how="inner")
    return joined.filter(nw.col("set_aside_on") <= by, nw.col("set_aside_on") <= as_of)


def _nameless() -> nw.Expr:
    absent = nw.col("loan_id").is_null() | (nw.col("loan_id") == "")
    return absent | nw.col("rules").str.contains(SPOILT_ID, literal=True)
