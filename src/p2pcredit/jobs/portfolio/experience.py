"""Learn from the tables what the book loses at default and how often it is paid off early, as known on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from p2pcredit.contracts.tables import CASH_FLOWS
from p2pcredit.jobs.portfolio.book import Book, book_of
from p2pcredit.models.economics.expected import lag_months
from p2pcredit.models.economics.experience import Experience
from p2pcredit.periods import DateRange
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.portfolio.loan_returns import loan_returns
from p2pcredit.portfolio.severity import Severity, learn_experience
from p2pcredit.settings import Settings
from p2pcredit.storage.tables.lake import Lake

_PAID = ("principal", "interest", "fee", "recovery", "received")


@dataclass(frozen=True, slots=True)
class Learned:
    """What a book has shown by a day.

    Args:
        experience: By product.
        severities: What its losses rest on: `all`, and each term in months with a default.
        until: The last day of which all payments are known.
        defaults: `loan_id`, `term_months`, `defaulted_on`, `lost`, `recoveries` of each default.
        flows: The cash flows of defaults.
    """

    experience: Experience
    severities: dict[str, Severity]
    until: date
    defaults: pl.DataFrame
    flows: pl.DataFrame


def experience_as_of(lake: Lake, settings: Settings, day: date, book: Book | None = None) -> Learned:
    """Learn from what was known on a day. Of all cash flows only those of defaults are read.

    Args:
        lake: The tables, maybe at fixed versions.
        settings: When a loan is in default, and what is taken where too few are.
        day: The day.
        book: The book of that day, where it has been read.
    """
    known = book_of(lake, settings, day, graded=False) if book is None else book
    bad = known.loans.filter(pl.col("defaulted_on").is_not_null())
    flows = (
        lake.scan(CASH_FLOWS, DateRange(EARLIEST_ORIGINATION, day))
        .join(bad.lazy().select("loan_id"), on="loan_id", how="semi")
        .select("loan_id", "paid_on", "kind", "amount", "rebuilt")
        .collect(engine="streaming")  # in any order: what is learned does not depend on it
    )
    lag = settings.labels.default_days if flows["rebuilt"].any() else 0
    until = day - timedelta(days=lag)
    if not flows["kind"].is_in(list(_PAID)).any():
        flows = flows.clear()  # a platform that reports no payments: nothing tells what came back
    owed = loan_returns(bad, flows, until).select("loan_id", "term_months", "defaulted_on", "lost", "recoveries")
    defaults = owed.filter(pl.col("defaulted_on").is_not_null())
    experience, severities = learn_experience(
        known.loans,
        defaults,
        flows,
        as_of=day,
        until=until,
        fallback=settings.money.loss_given_default,
        least_defaults=settings.money.least_defaults,
        confidence=settings.monitoring.confidence,
        lag_months=lag_months(settings.labels.default_days),
    )
    return Learned(experience, severities, until, defaults, flows)


__all__ = ["Learned", "experience_as_of"]
