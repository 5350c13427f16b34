"""Default rates as a platform publishes them: one-year rates over windows of twelve months that do not overlap.

A loan is in the denominator of a window where it was paid out before the window began, was neither closed nor in
default then, and has a payment due within it. It is in the numerator where it comes to be in default within the window:
once, however often. Windows end with the year asked for and go back as far as whole ones reach; the rate published is
their simple average.

Source:
    Regulation (EU) 2020/1503, Article 20; Commission Delegated Regulation (EU) 2022/2115, Articles 1(1), 1(2), 2(1) to
    2(4) and 4. Its Article 3, on the actual rates by risk category, was not read: they are made as Article 2 says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from p2pcredit.models.evaluation.intervals import wilson_interval
from p2pcredit.periods import DateRange, add_months

LEAST_MONTHS = 36
"""Months of history that a rate must rest on, unless the platform has been in operation for less."""
WINDOW_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Excluded:
    """How many loans paid out before a window began are not in its denominator, by the first reason that holds.

    Args:
        closed: Paid off or charged off before it began.
        in_default: In default on the day before it began.
        no_payment: Without a payment due within it.
    """

    closed: int = 0
    in_default: int = 0
    no_payment: int = 0


def windows_until(first: date, year: int) -> list[DateRange]:
    """List the whole windows of twelve months that end with a year, from the first day of the book on.

    Examples:
        >>> [window.first.isoformat() for window in windows_until(date(2007, 6, 1), 2009)]
        ['2008-01-01', '2009-01-01']
        >>> [window.first.isoformat() for window in windows_until(date(2008, 1, 1), 2008)]
        ['2008-01-01']
    """
    start = first.year if (first.month, first.day) == (1, 1) else first.year + 1
    return [DateRange(date(one, 1, 1), date(one, 12, 31)) for one in range(start, year + 1)]


def months_of_history(first: date, year: int) -> int:
    """Count the whole months from the first day of the book to the end of a year.

    Examples:
        >>> months_of_history(date(2007, 6, 1), 2009), months_of_history(date(2007, 6, 2), 2009)
        (31, 30)
    """
    end = date(year + 1, 1, 1)
    months = (end.year - first.year) * 12 + end.month - first.month
    return months - (add_months(first, months) > end)


def default_spells(events: pl.DataFrame, default_days: int) -> pl.DataFrame:
    """Find from when until when each loan was in default.

    Args:
        events: `loan_id`, `event_date`, `row_number`, `status`, `days_past_due`, as known.
        default_days: Days past due from which a loan is in default; a status that says default or charge-off is one.

    Returns:
        `loan_id`, `from_on`, `to_on` (the day on which an event says that it is no longer in default; null where none
        does).
    """
    bad = (pl.col("days_past_due") >= default_days) | pl.col("status").is_in(["DEFAULT", "CHARGED_OFF"])
    path = (
        events.sort("loan_id", "event_date", "row_number")
        .group_by("loan_id", "event_date", maintain_order=True)
        .agg(bad.last().alias("bad"))
    )
    moves = path.filter(pl.col("bad") != pl.col("bad").shift(1).over("loan_id").fill_null(value=False))
    return (
        moves.with_columns(pl.col("event_date").shift(-1).over("loan_id").alias("to_on"))
        .filter("bad")
        .select("loan_id", pl.col("event_date").alias("from_on"), "to_on")
    )


def with_window(loans: pl.DataFrame, spells: pl.DataFrame, window: DateRange) -> pl.DataFrame:
    """Say of each loan paid out before a window whether it counts in it, and whether it is in default in it.

    Args:
        loans: `loan_id`, `origination_date`, `term_months`, `closed_on` (null where it did not happen).
        spells: As `default_spells` gives them.
        window: The window.

    Returns:
        The loans paid out before it with `why` (null where it counts; else `closed`, `in_default` or `no_payment`) and
        `defaulted` (whether it counts and a default begins within the window).
    """
    before = loans.filter(pl.col("origination_date") < window.first)
    of_spells = spells.group_by("loan_id").agg(
        ((pl.col("from_on") < window.first) & (pl.col("to_on") >= window.first).fill_null(value=True))
        .any()
        .alias("_in"),
        pl.col("from_on").is_between(window.first, window.last).any().alias("_begins"),
    )
    last_due = pl.col("origination_date").dt.offset_by(pl.format("{}mo", "term_months"))
    why = (
        pl.when(pl.col("closed_on") < window.first)
        .then(pl.lit("closed"))
        .when(pl.col("_in").fill_null(value=False))
        .then(pl.lit("in_default"))
        .when(last_due < window.first)
        .then(pl.lit("no_payment"))
    )
    found = before.join(of_spells, on="loan_id", how="left", maintain_order="left").with_columns(why.alias("why"))
    counts = pl.col("why").is_null() & pl.col("_begins").fill_null(value=False)
    return found.with_columns(counts.alias("defaulted")).drop("_in", "_begins")


def one_year_rate(loans: pl.DataFrame, window: DateRange, confidence: float) -> dict[str, Any]:
    """Count the denominator and numerator of a window.

    Args:
        loans: As `with_window` gives them.
        window: The window.
        confidence: Of the interval.

    Returns:
        `from`, `to`, `denominator`, `numerator`, `rate` with `low` and `high` (null without a loan), and how many are
        `excluded` by reason.
    """
    denominator = int(loans["why"].is_null().sum())
    numerator = int(loans["defaulted"].sum())
    rate = numerator / denominator if denominator else None
    low, high = (None, None) if rate is None else wilson_interval(rate, denominator, confidence)
    reasons = dict(loans.filter(pl.col("why").is_not_null()).group_by("why").len().iter_rows())
    excluded = Excluded(**{reason: int(reasons.get(reason, 0)) for reason in ("closed", "in_default", "no_payment")})
    return {
        "from": window.first.isoformat(),
        "to": window.last.isoformat(),
        "denominator": denominator,
        "numerator": numerator,
        "rate": rate,
        "low": low,
        "high": high,
        "excluded": {name: getattr(excluded, name) for name in ("closed", "in_default", "no_payment")},
    }


def average_rate(rates: Iterable[dict[str, Any]]) -> float | None:
    """Average the one-year rates of windows that have a loan, each counting once; None where none has.

    Examples:
        >>> average_rate([{"rate": 0.1}, {"rate": 0.3}, {"rate": None}]), average_rate([])
        (0.2, None)
    """
    known = [rate["rate"] for rate in rates if rate["rate"] is not None]
    return sum(known) / len(known) if known else None


def by_category(
    windows: Sequence[tuple[DateRange, pl.DataFrame]], category: str, confidence: float
) -> list[dict[str, Any]]:
    """Give per risk category what was expected of the last window, and what came.

    Expected is the average of the one-year rates of the windows before: it is based on actual default rates, and on
    nothing that was known after the window began.

    Args:
        windows: Each with its loans as `with_window` gives them, the oldest first; the last is the year's.
        category: The column of the risk category.
        confidence: Of the intervals.

    Returns:
        Per category, in order: `category`, `expected` (null without a loan in a window before), `expected_windows`,
        `expected_loans`, and of the last window what `one_year_rate` gives, with all `windows`.
    """
    names = sorted({name for _, loans in windows for name in loans[category].unique().to_list()})
    found = []
    for name in names:
        rates = [one_year_rate(loans.filter(pl.col(category) == name), window, confidence) for window, loans in windows]
        before = [rate for rate in rates[:-1] if rate["denominator"]]
        found.append(
            {
                "category": name,
                "expected": average_rate(before),
                "expected_windows": len(before),
                "expected_loans": sum(rate["denominator"] for rate in before),
                **rates[-1],
                "windows": rates,
            }
        )
    return found


__all__ = [
    "LEAST_MONTHS",
    "average_rate",
    "by_category",
    "default_spells",
    "months_of_history",
    "one_year_rate",
    "windows_until",
    "with_window",
]
