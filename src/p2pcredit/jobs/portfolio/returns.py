"""Write what the book earned: per vintage, grade and term, as known on a day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from p2pcredit.errors import MissingTableError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.portfolio.book import Every, Grades, book_as_of, flows_as_of, valued_on, with_cells
from p2pcredit.jobs.portfolio.page import write_page
from p2pcredit.portfolio.returns import LoanBook
from p2pcredit.reporting.portfolio.returns import render_returns
from p2pcredit.storage.home_format import short_id_of


def measure_returns(
    ctx: JobContext,
    as_of: date | None = None,
    *,
    vintage: Every = "quarter",
    grades: Grades = "platform",
    until: date | None = None,
) -> Receipt:
    """Calculate the returns of the book as known on a day.

    Args:
        ctx: The context.
        as_of: The day; None for the last one that is preprocessed.
        vintage: Whether loans are put together by quarter or by year of origination.
        grades: Whose grade: the platform's, or that of the score.
        until: The valuation, where it lies before the last day of which all payments are known; None for that day.

    Returns:
        `home_id`, `as_of`, `valued_on` (the last day of which all payments are known), `currency`, `vintage`, `grades`,
        `loans`, `unknown_outcomes` (loans left out), `short` (loans paid off of which payments are missing),
        `rebuilt_share`, `total`, `by_vintage`, `by_grade`, `by_term`, `by_vintage_and_term`, `cells` (by vintage, grade
        and term): each as `portfolio.returns` says.

    Raises:
        MissingTableError: If days or cash flows are missing, or payments of most loans were never reported.
    """
    book = book_as_of(ctx, as_of)
    flows = flows_as_of(ctx, book)
    known = valued_on(ctx, book, flows)
    until = known if until is None else min(known, until)
    loans = with_cells(book, vintage, grades)
    severity = ctx.settings.scores.loss_given_default
    cells = LoanBook.of(loans, flows, until, ("vintage", "grade", "term_months"))
    (total,) = cells.returns_by([], loss_given_default=severity)
    _require_payments(total, loans, until)
    cuts = {
        "by_vintage": ("vintage",),
        "by_grade": ("grade",),
        "by_term": ("term_months",),
        "by_vintage_and_term": ("vintage", "term_months"),
        "cells": ("vintage", "grade", "term_months"),
    }
    return {
        "home_id": short_id_of(ctx.layout.home),
        "as_of": book.as_of.isoformat(),
        "valued_on": until.isoformat(),
        "currency": ctx.settings.money.currency,
        "vintage": vintage,
        "grades": grades,
        "loans": total["loans"],
        "unknown_outcomes": book.unknown,
        "short": total["short"],
        "rebuilt_share": total["rebuilt_share"],
        "total": total,
        **{name: cells.returns_by(by, loss_given_default=severity) for name, by in cuts.items()},
    }


def write_returns(
    ctx: JobContext,
    as_of: date | None = None,
    out: Path | None = None,
    *,
    vintage: Every = "quarter",
    grades: Grades = "platform",
) -> Receipt:
    """Write the returns as a page, into `reports/` or another file.

    Returns:
        What `measure_returns` gives, and `page`, its path.
    """
    found = measure_returns(ctx, as_of, vintage=vintage, grades=grades)
    return write_page(ctx, "returns", found, render_returns(found), out)


def _require_payments(total: Receipt, loans: pl.DataFrame, until: date) -> None:
    """Refuse a book of which payments were never reported: it would seem to have lost what it earned."""
    paid_off = loans.filter(pl.col("paid_off_on") <= until, pl.col("defaulted_on").is_null()).height
    if 2 * total["short"] > paid_off:
        raise MissingTableError(
            f"{total['short']:,} of {paid_off:,} loans paid off gave back less than was lent, so that payments are "
            "missing; land each payment with 'amount_received', or give the loans 'payments' SCHEDULED, and preprocess "
            "again"
        )


__all__ = ["measure_returns", "write_returns"]
