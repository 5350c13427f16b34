"""Write the roll rates of the book, as known on a day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import DEFAULT_STATUSES, FEEDS
from p2pcredit.contracts.tables import silver
from p2pcredit.errors import MonitoringError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.portfolio.book import book_as_of
from p2pcredit.jobs.portfolio.page import write_page
from p2pcredit.periods import DateRange
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.portfolio.roll_rates import by_cohorts, by_durations, cures_of, stays_of
from p2pcredit.reporting.portfolio.rolls import render_rolls
from p2pcredit.settings import EARLY_DAYS
from p2pcredit.storage.home_format import short_id_of
from p2pcredit.storage.tables.lake import Lake

MOST_REBUILT_SHARE = 0.1
"""Where of the late loans a larger share has a sign that was rebuilt, there is no history to count moves in."""


def measure_rolls(ctx: JobContext, as_of: date | None = None) -> Receipt:
    """Estimate the matrix of monthly moves as known on a day, by cohorts and by durations.

    Args:
        ctx: The context.
        as_of: The day; None for the last one that is preprocessed.

    Returns:
        `home_id`, `as_of`, `seen_until`, `loans`, `unknown_outcomes`, `confidence`, `rebuilt_loans` (late loans whose
        signs were left out), `cohorts` and `durations` (one row per pair of states: `from`, `to`, `share`, `low`,
        `high`, `count`, `exposure`), `cures` (per state how many left it, and how many of them cured).

    Raises:
        MissingTableError: If days are missing.
        MonitoringError: If late loans are known from how they ended, or no loan has a month on book.
    """
    book = book_as_of(ctx, as_of)
    until = book.as_of - timedelta(days=ctx.settings.labels.reporting_lag_days)
    events = (
        Lake(ctx.layout)
        .scan(silver(FEEDS["loan_performance"]), DateRange(EARLIEST_ORIGINATION, book.as_of))
        .select("loan_id", "event_date", "row_number", "status", "days_past_due", "rebuilt")
        .collect()
        .join(book.loans.select("loan_id"), on="loan_id", how="semi")
    )
    late = (pl.col("days_past_due") >= EARLY_DAYS) & ~pl.col("status").is_in(sorted(DEFAULT_STATUSES))
    signs = events.filter(late)
    of_late, of_rebuilt = signs["loan_id"].n_unique(), signs.filter(pl.col("rebuilt"))["loan_id"].n_unique()
    if of_rebuilt > MOST_REBUILT_SHARE * of_late:
        raise MonitoringError(
            f"of {of_rebuilt:,} of {of_late:,} late loans the sign was rebuilt from a later status, so that those that "
            "paid again are missing; roll rates need a platform that reports delinquencies as they come, see "
            "'p2pcredit vintages'"
        )
    seen = events.filter(~(late & pl.col("rebuilt").fill_null(value=False)))
    stays = stays_of(book.loans.select("loan_id", "origination_date"), seen, until)
    confidence = ctx.settings.monitoring.confidence
    cohorts = by_cohorts(stays, until, confidence)
    if not cohorts.exposure.any():
        raise MonitoringError(f"no loan was on book for a month by {until}; choose a later day with --as-of")
    return {
        "home_id": short_id_of(ctx.layout.home),
        "as_of": book.as_of.isoformat(),
        "seen_until": until.isoformat(),
        "loans": stays["loan_id"].n_unique(),
        "unknown_outcomes": book.unknown,
        "confidence": confidence,
        "rebuilt_loans": of_rebuilt,
        "cohorts": cohorts.as_json(),
        "durations": by_durations(stays, confidence).as_json(),
        "cures": cures_of(stays, confidence),
    }


def write_rolls(ctx: JobContext, as_of: date | None = None, out: Path | None = None) -> Receipt:
    """Write the roll rates as a page, into `reports/` or another file.

    Returns:
        What `measure_rolls` gives, and `page`, its path.
    """
    found = measure_rolls(ctx, as_of)
    return write_page(ctx, "rolls", found, render_rolls(found), out)


__all__ = ["measure_rolls", "write_rolls"]
