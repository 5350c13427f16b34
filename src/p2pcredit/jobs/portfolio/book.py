"""Read the book as known on a day: its loans with what became of them, and their cash flows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import polars as pl

from p2pcredit.contracts.feeds import DEFAULT_STATUSES, FEEDS
from p2pcredit.contracts.tables import CASH_FLOWS, PREDICTIONS, QUARANTINE, silver
from p2pcredit.engines.local import collect
from p2pcredit.errors import MissingTableError, UsageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.known_days import days_there, preprocessed_days
from p2pcredit.periods import DateRange
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.settings import Settings
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.unknown_outcomes import first_set_aside
from p2pcredit.transforms.vintages import quarter_name

Every = Literal["quarter", "year"]
Grades = Literal["platform", "own"]

UNGRADED = "none"
"""The grade of a loan that has none."""


@dataclass(frozen=True, slots=True)
class Book:
    """The book as known on a day.

    Args:
        as_of: The day.
        loans: Per loan `loan_id`, `origination_date`, `term_months`, `loan_amount`, `interest_rate_share`, `grade` (the
            platform's), `own_grade` (of the score), `defaulted_on`, `charged_off_on`, `paid_off_on` (the event's day,
            null where it did not happen). Loans of unknown outcome are left out.
        unknown: How many were.
    """

    as_of: date
    loans: pl.DataFrame
    unknown: int


def book_as_of(ctx: JobContext, as_of: date | None) -> Book:
    """Read the loans originated and preprocessed by a day, with what was known of them then.

    Args:
        ctx: The context.
        as_of: The day; None for the last one that is preprocessed.

    Raises:
        MissingTableError: If nothing is preprocessed by then.
    """
    done = preprocessed_days(ctx.layout)
    day = done.last if as_of is None else as_of
    if day < done.first or day > done.last:
        raise MissingTableError(f"{day} lies outside what is known; {days_there(ctx.layout)}")
    return book_of(Lake(ctx.layout), ctx.settings, day)


def book_of(lake: Lake, settings: Settings, day: date, *, graded: bool = True) -> Book:
    """Read the loans of these tables with what was known of them on a day.

    Args:
        lake: The tables, maybe at fixed versions.
        settings: When a loan is in default.
        day: The day.
        graded: Whether the grades of scores are wanted too; without, `own_grade` is that of a loan that has none.
    """
    known = DateRange(EARLIEST_ORIGINATION, day)
    terms = lake.scan(silver(FEEDS["loan_terms"]), known)
    events = lake.scan(silver(FEEDS["loan_performance"]), known)
    bad = pl.col("status").is_in(sorted(DEFAULT_STATUSES)) | (pl.col("days_past_due") >= settings.labels.default_days)
    happened = events.group_by("loan_id").agg(
        pl.col("event_date").filter(bad).min().alias("defaulted_on"),
        pl.col("event_date").filter(pl.col("status") == "CHARGED_OFF").min().alias("charged_off_on"),
        pl.col("event_date").filter(pl.col("status") == "FULLY_PAID").min().alias("paid_off_on"),
    )
    scored = lake.scan(PREDICTIONS, known) if graded else pl.LazyFrame(schema=PREDICTIONS.schema)
    grades = scored.group_by("loan_id").agg(pl.col("grade").first().alias("own_grade"))
    columns = ("origination_date", "term_months", "loan_amount", "interest_rate_share", "platform_grade")
    loans = (
        terms.sort("snapshot_date")
        .group_by("loan_id", maintain_order=True)
        .agg(pl.col(*columns).first())
        .join(happened, on="loan_id", how="left", maintain_order="left")
        .join(grades, on="loan_id", how="left", maintain_order="left")
        .rename({"platform_grade": "grade"})
        .with_columns(pl.col("grade", "own_grade").fill_null(UNGRADED))
        .sort("origination_date", "loan_id")
        .collect()
    )
    unknown = collect(first_set_aside(lake.frame(QUARANTINE, known)))["loan_id"]
    kept = loans.filter(~pl.col("loan_id").is_in(unknown.implode()))
    return Book(day, kept, loans.height - kept.height)


def flows_as_of(ctx: JobContext, book: Book) -> pl.LazyFrame:
    """Give the cash flows that were known on a book's day, still to be read: a large book's are not held in memory.

    Raises:
        MissingTableError: If most of the loans have none, such as in a home that an earlier version made.
    """
    flows = (
        Lake(ctx.layout)
        .scan(CASH_FLOWS, DateRange(EARLIEST_ORIGINATION, book.as_of))
        .select("loan_id", "paid_on", "kind", "amount", "rebuilt")
    )
    lent = flows.filter(pl.col("kind") == "disbursed").select("loan_id").unique().collect(engine="streaming")
    without = book.loans.join(lent, on="loan_id", how="anti").height
    if 2 * without > book.loans.height:
        days = preprocessed_days(ctx.layout)
        raise MissingTableError(
            f"{without:,} of {book.loans.height:,} loans have no cash flow, such as those that an earlier version "
            f"preprocessed; run 'p2pcredit preprocess --from {days.first} --to {days.last}'"
        )
    return flows


def valued_on(ctx: JobContext, book: Book, flows: pl.LazyFrame) -> date:
    """Give the last day of which all payments are known: rebuilt ones are known when no default was reported since."""
    rebuilt = flows.select(pl.col("rebuilt").any()).collect(engine="streaming").item()
    lag = ctx.settings.labels.default_days if rebuilt else 0
    return book.as_of - timedelta(days=lag)


def with_cells(book: Book, vintage: Every, grades: Grades) -> pl.DataFrame:
    """Add to the loans their `vintage`, a year such as 2010 or a quarter such as 2010Q1, and choose whose `grade`.

    Raises:
        UsageError: If there is no such vintage or grade.
    """
    if vintage not in {"quarter", "year"}:
        raise UsageError(f"a vintage is a quarter or a year, not '{vintage}'")
    if grades not in {"platform", "own"}:
        raise UsageError(f"grades are those of the platform or our own, not '{grades}'; write platform or own")
    year = pl.col("origination_date").dt.year().cast(pl.String)
    return book.loans.with_columns(
        (quarter_name("origination_date") if vintage == "quarter" else year).alias("vintage"),
        pl.col("grade" if grades == "platform" else "own_grade").alias("grade"),
    )


__all__ = [
    "UNGRADED",
    "Book",
    "Every",
    "Grades",
    "book_as_of",
    "book_of",
    "flows_as_of",
    "valued_on",
    "with_cells",
]
