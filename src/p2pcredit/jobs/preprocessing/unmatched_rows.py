"""Count the rows that belong to no loan, or to one that landed before: of feeds, and of servicing events."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from p2pcredit.contracts.feeds import APPLICATION_FEEDS, LOAN_PERFORMANCE, LOAN_TERMS
from p2pcredit.contracts.tables import silver
from p2pcredit.jobs.activity import warn
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.set_aside import rows_set_aside
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.lake import Lake

_KEYS = ["snapshot_date", "loan_id"]


def rows_of_no_loan(lake: Lake, days: DateRange) -> dict[str, int]:
    """Count per feed the rows of these days whose loan has no row of that day in `loan_terms`: no feature holds them.

    A loan whose row of `loan_terms` is in quarantine is said there, and does not count.
    """
    known = pl.concat([lake.scan(silver(LOAN_TERMS), days).select(_KEYS), _set_aside(lake, days).select(_KEYS)])
    found = {}
    for feed in APPLICATION_FEEDS:
        if feed is not LOAN_TERMS:
            rows = lake.scan(silver(feed), days).select(_KEYS).join(known, on=_KEYS, how="anti")
            found[feed.name] = _count(rows)
    return {name: number for name, number in found.items() if number}


def events_of_no_loan(lake: Lake, days: DateRange, history: DateRange) -> dict[str, int]:
    """Count the events of these days, and those of them whose loan has no row in `loan_terms` by then.

    Args:
        lake: The tables.
        days: The days.
        history: Days up to the last of these that are looked at first; all earlier ones only for what is not found
            there, so that a day costs the same over the years.

    Returns:
        `events` and `of_unknown_loans`.
    """
    events = lake.scan(silver(LOAN_PERFORMANCE), days).select("loan_id").collect()
    left = events
    for span in (history, None):
        if left.height:
            terms = [lake.scan(silver(LOAN_TERMS), span), _set_aside(lake, span)]
            known = pl.concat(rows.select(_KEYS) for rows in terms).filter(pl.col("snapshot_date") <= days.last)
            left = left.lazy().join(known, on="loan_id", how="anti").collect()
    return {"events": events.height, "of_unknown_loans": left.height}


def loans_seen_before(lake: Lake, days: DateRange, history: DateRange) -> int:
    """Count the rows of `loan_terms` of these days whose loan has a row of an earlier day in the history too."""
    rows = lake.scan(silver(LOAN_TERMS), history).select(_KEYS)
    first = rows.group_by("loan_id").agg(pl.col("snapshot_date").min().alias("_first"))
    own = rows.filter(pl.col("snapshot_date").is_between(days.first, days.last)).join(first, on="loan_id")
    return _count(own.filter(pl.col("_first") < pl.col("snapshot_date")))


def tell_of_rows(ctx: JobContext, days: DateRange, rows: Mapping[str, int]) -> None:
    """Warn of rows that no feature holds."""
    named = ", ".join(f"{number:,} of {feed}" for feed, number in rows.items())
    if named:
        warn(
            ctx,
            f"rows of {_when(days)} whose loan has no row of that day in loan_terms, so that nothing uses them: "
            f"{named}; are their loan ids and days written as in loan_terms?",
        )


def tell_of_events(ctx: JobContext, days: DateRange, events: Mapping[str, int]) -> None:
    """Warn where more events than rows may be set aside are of loans that are not in `loan_terms`."""
    unknown, all_of_them = events["of_unknown_loans"], events["events"]
    if unknown > ctx.settings.preprocessing.max_quarantined_share * all_of_them:
        warn(
            ctx,
            f"{unknown:,} of {all_of_them:,} servicing events of {_when(days)} are of loans that loan_terms has no row "
            "of up to then, so that they make no loan good or bad; write their ids as in loan_terms, or preprocess the "
            "days of those loans too",
        )


def tell_of_seen_before(ctx: JobContext, days: DateRange, loans: int) -> None:
    """Warn of loans that landed on an earlier day too."""
    if loans:
        warn(
            ctx,
            f"{loans:,} rows of loan_terms of {_when(days)} have the id of a loan that landed on an earlier day too: "
            "each is scored again, and its label counts from the first; deliver each loan once, or give other loans "
            "other ids",
        )


def _set_aside(lake: Lake, days: DateRange | None) -> pl.LazyFrame:
    return rows_set_aside(lake, days).filter(pl.col("feed") == LOAN_TERMS.name)


def _count(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.len()).collect().item())


def _when(days: DateRange) -> str:
    return f"{days.first}" if len(days) == 1 else f"{days.first} to {days.last}"


__all__ = [
    "events_of_no_loan",
    "loans_seen_before",
    "rows_of_no_loan",
    "tell_of_events",
    "tell_of_rows",
    "tell_of_seen_before",
]
