"""Write the statement of default rates that a platform publishes for a year."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any, Literal

import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import silver
from p2pcredit.errors import MissingTableError, P2PCreditError, UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.portfolio.book import Book, book_as_of
from p2pcredit.jobs.portfolio.returns import measure_returns
from p2pcredit.periods import DateRange
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.portfolio.default_rates import (
    LEAST_MONTHS,
    average_rate,
    by_category,
    default_spells,
    months_of_history,
    one_year_rate,
    windows_until,
    with_window,
)
from p2pcredit.reporting.disclosure import REGIMES, assumptions_of, render_disclosure
from p2pcredit.storage.files import write_bytes_atomically
from p2pcredit.storage.home_format import short_id_of
from p2pcredit.storage.tables.lake import Lake

Regime = Literal["ecspr", "uk"]
CATEGORIES = {"platform": "grade", "own": "own_grade"}
"""Whose risk categories -> the column of the book."""


def measure_disclosure(
    ctx: JobContext,
    year: int,
    *,
    regime: Regime = "ecspr",
    as_of: date | None = None,
    default_days: int | None = None,
    target_rate: float | None = None,
) -> Receipt:
    """Calculate the default rates of a year and of the years before, in all and by risk category.

    Args:
        ctx: The context.
        year: The financial year, from January to December.
        regime: The law whose statement it is: `ecspr` (EU) or `uk`.
        as_of: What was known on this day; None for the last one that is preprocessed.
        default_days: Days past due from which a loan is in default; None for the setting.
        target_rate: The yearly rate that investors were offered, as a share; None where none was.

    Returns:
        `home_id`, `regime`, `law`, `year`, `as_of`, `reported_late` (whether defaults of the year may still be
        reported), `default_days`, `confidence`, `history_months`, `history_is_short`, `first_origination`, `loans`,
        `unknown_outcomes`, `rebuilt_defaults` (loans with a default whose day was made from a later status), `rate`
        (simple average of the windows), `windows` (each with denominator, numerator, rate, interval and exclusions),
        `by_category` (`platform` and `own`), `target_rate`, `actual_return` and `actual_return_until` (null without a
        target), `no_actual_return`, `assumptions` (text and source each).

    Raises:
        MissingTableError: If the year is not known to its end, or no whole year of the book lies before its end.
        UsageError: If there is no such regime, or the days are none.
    """
    if regime not in REGIMES:
        raise UsageError(f"there is no regime '{regime}'; write {' or '.join(REGIMES)}")
    days = ctx.settings.labels.default_days if default_days is None else default_days
    if not 1 <= days <= 365:
        raise UsageError(f"{days} days past due make no default; give 1 to 365")
    if not 1970 <= year <= 9998:
        raise UsageError(f"{year} is no year of a loan book; write one such as 2024")
    book = book_as_of(ctx, as_of)
    year_end = date(year, 12, 31)
    if book.as_of < year_end:
        raise MissingTableError(f"{year} is known until {book.as_of} only; ask for an earlier year, or land more")
    first = min(book.loans["origination_date"], default=book.as_of)
    windows = windows_until(first, year)
    if not windows:
        raise MissingTableError(f"the first loan is of {first}, so that no whole year lies before the end of {year}")
    events = _events(ctx, book)
    spells = default_spells(events, days)
    loans = book.loans.with_columns(pl.min_horizontal("charged_off_on", "paid_off_on").alias("closed_on"))
    parts = [(window, with_window(loans, spells, window)) for window in windows]
    confidence, months = ctx.settings.monitoring.confidence, months_of_history(first, year)
    rates = [one_year_rate(part, window, confidence) for window, part in parts]
    actual = _actual_return(ctx, book.as_of, year_end) if target_rate is not None else {}
    facts: Receipt = {
        "home_id": short_id_of(ctx.layout.home),
        "regime": regime,
        "law": REGIMES[regime],
        "year": year,
        "as_of": book.as_of.isoformat(),
        "reported_late": (book.as_of - year_end).days < ctx.settings.labels.reporting_lag_days,
        "default_days": days,
        "confidence": confidence,
        "history_months": months,
        "history_is_short": months < LEAST_MONTHS,
        "first_origination": first.isoformat(),
        "loans": loans.filter(pl.col("origination_date") <= year_end).height,
        "unknown_outcomes": book.unknown,
        "rebuilt_defaults": events.filter("rebuilt", pl.col("days_past_due") >= days)["loan_id"].n_unique(),
        "rate": average_rate(rates),
        "windows": rates,
        "by_category": {whose: by_category(parts, column, confidence) for whose, column in CATEGORIES.items()},
        "target_rate": target_rate,
        "actual_return": actual.get("value"),
        "actual_return_until": actual.get("until"),
        "no_actual_return": actual.get("why", ""),
    }
    return {**facts, "assumptions": assumptions_of(facts)}


def write_disclosure(
    ctx: JobContext,
    year: int,
    out: Path | None = None,
    *,
    regime: Regime = "ecspr",
    as_of: date | None = None,
    default_days: int | None = None,
    target_rate: float | None = None,
) -> Receipt:
    """Write the statement as a page and, beside it, its numbers as CSV, into `reports/` or another file.

    Returns:
        What `measure_disclosure` gives, `page` and `csv`, their paths.
    """
    found = measure_disclosure(
        ctx, year, regime=regime, as_of=as_of, default_days=default_days, target_rate=target_rate
    )
    path = ctx.layout.disclosure(regime, year) if out is None else out
    write_bytes_atomically(path, render_disclosure(found).encode())
    numbers = path.with_suffix(".csv")
    write_bytes_atomically(numbers, _as_csv(found).encode())
    return {**found, "page": str(path), "csv": str(numbers)}


def _events(ctx: JobContext, book: Book) -> pl.DataFrame:
    days = DateRange(EARLIEST_ORIGINATION, book.as_of)
    columns = ("loan_id", "event_date", "row_number", "status", "days_past_due", "rebuilt")
    events = Lake(ctx.layout).scan(silver(FEEDS["loan_performance"]), days).select(columns).collect()
    return events.join(book.loans.select("loan_id"), on="loan_id", how="semi")


def _actual_return(ctx: JobContext, as_of: date, until: date) -> dict[str, Any]:
    """Give the net annualised return of all loans until a day, or why it is not known."""
    try:
        found = measure_returns(ctx, as_of, vintage="year", until=until)
    except P2PCreditError as error:
        return {"why": str(error)}
    return {"value": found["total"]["net_annualised_return"], "until": found["valued_on"]}


_COLUMNS = ("scope", "category", "from", "to", "denominator", "numerator", "rate", "expected")


def _as_csv(facts: Receipt) -> str:
    """Write a row for each window, of all loans and of each risk category."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for window in facts["windows"]:
        writer.writerow({"scope": "all", "category": "", "expected": "", **window})
    for whose, rows in facts["by_category"].items():
        for row in rows:
            for window in row["windows"]:
                of_year = window["to"] == row["to"]
                expected = row["expected"] if of_year else ""
                writer.writerow({"scope": whose, "category": row["category"], "expected": expected, **window})
    return out.getvalue()


__all__ = ["Regime", "measure_disclosure", "write_disclosure"]
