"""Write the vintage curves of the book, as known on a day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from p2pcredit.contracts.feeds import DEFAULT_STATUSES, FEEDS
from p2pcredit.contracts.tables import silver
from p2pcredit.engines.local import collect
from p2pcredit.errors import MissingTableError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.portfolio.book import Book, Every, Grades, book_as_of, with_cells
from p2pcredit.jobs.portfolio.page import write_page
from p2pcredit.periods import DateRange
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.portfolio.vintage_curves import curves_by, event_month, months_seen
from p2pcredit.reporting.portfolio.vintages import render_vintages
from p2pcredit.storage.home_format import short_id_of
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.rebuilt_events import foretells, with_known_on, with_rebuilt

MEASURES = {"ever_30": 30, "ever_60": 60, "ever_90": 90, "charged_off": None}
"""Measure -> days past due from which an event counts; None where only a charge-off does."""
EVERY_MONTHS = 6
"""The cells by vintage, grade and term have their points at each so many months."""


def measure_vintages(
    ctx: JobContext, as_of: date | None = None, *, vintage: Every = "quarter", grades: Grades = "platform"
) -> Receipt:
    """Build the vintage curves as known on a day.

    Args:
        ctx: The context.
        as_of: The day; None for the last one that is preprocessed.
        vintage: Whether loans are put together by quarter or by year of origination.
        grades: Whose grade: the platform's, or that of the score.

    Returns:
        `home_id`, `as_of`, `seen_until` (the last day of which all events are known), `vintage`, `grades`, `loans`,
        `unknown_outcomes`, `confidence`, `rebuilt` (whether signs of delinquency were made from later statuses, so that
        loans that were late and paid again are missing), `by_vintage` (and term), `by_grade` (and term), `cells` (by
        vintage, grade and term, every six months): as `portfolio.vintage_curves.curves_by` says.

    Raises:
        MissingTableError: If days are missing, or no loan was on book by then.
    """
    book = book_as_of(ctx, as_of)
    firsts, rebuilt = first_events(ctx, book)
    labels = ctx.settings.labels
    # A rebuilt sign is known when the default is: until then late loans look as if they were none.
    lag = labels.reporting_lag_days + (labels.default_days if rebuilt else 0)
    until = book.as_of - timedelta(days=lag)
    loans = with_cells(book, vintage, grades).filter(pl.col("origination_date") <= until)
    if loans.is_empty():
        raise MissingTableError(f"no loan was on book by {until}; choose a later day with --as-of")
    born = pl.col("origination_date")
    dated = loans.join(firsts, on="loan_id", how="left", maintain_order="left").with_columns(
        months_seen(born, pl.lit(until)).alias("seen"),
        *(event_month(born, pl.col(measure)).alias(measure) for measure in MEASURES),
    )
    confidence = ctx.settings.monitoring.confidence
    measures = list(MEASURES)
    cells = curves_by(dated, measures, ("vintage", "grade", "term_months"), ("grade", "term_months"), confidence)
    for cell in cells:
        cell["points"] = [point for point in cell["points"] if point["month"] % EVERY_MONTHS == 0]
    return {
        "home_id": short_id_of(ctx.layout.home),
        "as_of": book.as_of.isoformat(),
        "seen_until": until.isoformat(),
        "vintage": vintage,
        "grades": grades,
        "loans": loans.height,
        "unknown_outcomes": book.unknown,
        "confidence": confidence,
        "rebuilt": rebuilt,
        "by_vintage": curves_by(dated, measures, ("vintage", "term_months"), ("term_months",), confidence),
        "by_grade": curves_by(dated, measures, ("grade", "term_months"), ("term_months",), confidence),
        "cells": cells,
    }


def write_vintages(
    ctx: JobContext,
    as_of: date | None = None,
    out: Path | None = None,
    *,
    vintage: Every = "quarter",
    grades: Grades = "platform",
) -> Receipt:
    """Write the vintage curves as a page, into `reports/` or another file.

    Returns:
        What `measure_vintages` gives, and `page`, its path.
    """
    found = measure_vintages(ctx, as_of, vintage=vintage, grades=grades)
    return write_page(ctx, "vintages", found, render_vintages(found), out)


def first_events(ctx: JobContext, book: Book) -> tuple[pl.DataFrame, bool]:
    """Give per loan the day of its first event of each measure, as known on the book's day; and whether any is rebuilt.

    A rebuilt sign of delinquency counts from the day on which the default that it was made from was public.
    """
    days = DateRange(EARLIEST_ORIGINATION, book.as_of)
    events = with_rebuilt(Lake(ctx.layout).frame(silver(FEEDS["loan_performance"]), days))
    known: dict[str, Any] = {}
    rebuilt = False
    for measure, least in MEASURES.items():
        status = nw.col("status")
        bad = status == "CHARGED_OFF"
        if least is not None:
            bad = (nw.col("days_past_due") >= least) | status.is_in(sorted(DEFAULT_STATUSES))
        found = collect(
            with_known_on(events.filter(bad), events)
            .filter(nw.col("known_on") <= book.as_of)
            .with_columns(foretells().alias("foretells"))
            .select("loan_id", "event_date", "foretells")
        )
        rebuilt |= bool(found["foretells"].any())
        known[measure] = found.group_by("loan_id").agg(pl.col("event_date").min().alias(measure))
    firsts = book.loans.select("loan_id")
    for found in known.values():
        firsts = firsts.join(found, on="loan_id", how="left", maintain_order="left")
    return firsts, rebuilt


__all__ = ["MEASURES", "first_events", "measure_vintages", "write_vintages"]
