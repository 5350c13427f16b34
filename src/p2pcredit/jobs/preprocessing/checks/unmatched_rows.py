"""Count the rows that belong to no loan, or to one that landed before: of feeds, and of servicing events."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from p2pcredit.contracts.feeds import APPLICATION_FEEDS, LOAN_PERFORMANCE, LOAN_TERMS, OWN_COLUMNS
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
    for feed in (*APPLICATION_FEEDS, OWN_COLUMNS):
        if feed is not LOAN_TERMS and lake.exists(silver(feed)):
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


def loans_seen_before(lake: Lake, days: DateRange, history: DateRange) -> dict[str, int]:
    """Count the loans of these days that something of an earlier day in the history speaks of.

    Earlier rows are looked up by the ids of these days, and no more than two columns of them are read.

    Args:
        lake: The tables.
        days: The days.
        history: As far back as labels look, up to the last of these days: the files of no other days are opened.

    Returns:
        `seen_before`: rows of `loan_terms` of loans that landed on an earlier day too; `events_before`: loans that
        landed for the first time, and have a servicing event of an earlier day.
    """
    own = lake.scan(silver(LOAN_TERMS), days).select(_KEYS).collect().lazy()
    ids = own.select("loan_id").unique()
    landed, events = (
        lake.scan(silver(feed), history)
        .select(_KEYS)
        .join(ids, on="loan_id", how="semi")
        .group_by("loan_id")
        .agg(pl.col("snapshot_date").min().alias(name))
        for feed, name in ((LOAN_TERMS, "_landed"), (LOAN_PERFORMANCE, "_event"))
    )
    told = own.join(landed, on="loan_id", how="left").join(events, on="loan_id", how="left")
    again = pl.col("_landed") < pl.col("snapshot_date")
    early = ~again & (pl.col("_event") < pl.col("snapshot_date"))
    counts = told.select(seen_before=again.sum(), events_before=early.sum()).collect().row(0, named=True)
    return {name: int(number or 0) for name, number in counts.items()}


def warn_of_unmatched_rows(ctx: JobContext, days: DateRange, rows: Mapping[str, int]) -> None:
    """Warn of rows that no feature holds."""
    named = ", ".join(f"{number:,} of {feed}" for feed, number in rows.items())
    if named:
        warn(
            ctx,
            f"rows of {_when(days)} whose loan has no row of that day in loan_terms, so that nothing uses them: "
            f"{named}; are 'loan_id' and 'origination_date' written there as in loan_terms?",
        )


def warn_of_unmatched_events(ctx: JobContext, days: DateRange, events: Mapping[str, int]) -> None:
    """Warn where more events than rows may be set aside are of loans that are not in `loan_terms`."""
    unknown, all_of_them = events["of_unknown_loans"], events["events"]
    if unknown > ctx.settings.preprocessing.max_quarantined_share * all_of_them:
        warn(
            ctx,
            f"{unknown:,} of {all_of_them:,} servicing events of {_when(days)} are of loans that loan_terms has no row "
            "of up to then, so that they make no loan good or bad; write 'loan_id' as in loan_terms, or preprocess the "
            "days of those loans too",
        )


def warn_of_repeated_loans(ctx: JobContext, days: DateRange, loans: Mapping[str, int]) -> None:
    """Warn of loans that landed on an earlier day too, and of those with an event before they were made."""
    if loans["seen_before"]:
        warn(
            ctx,
            f"{loans['seen_before']:,} rows of loan_terms of {_when(days)} have the id of a loan that landed on an "
            "earlier day too: each is scored again, and its label counts from the first; deliver each loan once, or "
            "give other loans other ids",
        )
    if loans["events_before"]:
        warn(
            ctx,
            f"{loans['events_before']:,} loans of {_when(days)} have a servicing event (loan_performance, event_date) "
            "of a day before they were made (loan_terms, origination_date): a default among those makes the loan bad; "
            "mend the dates or the ids, land and preprocess again",
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
    "warn_of_repeated_loans",
    "warn_of_unmatched_events",
    "warn_of_unmatched_rows",
]
