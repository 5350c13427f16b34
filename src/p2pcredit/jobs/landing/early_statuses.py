"""Keep which loans landed with a status that is older than they are, so that it is said after the landing too.

The status counts from the first day of its loan, so that no table shows that its date was another. The manifest keeps
the loans, with both dates, until the same loans land anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from p2pcredit.periods import DateRange
from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.storage.landing.manifest import read_manifest
from p2pcredit.storage.layout import Layout

KEY = "early_statuses"
"""In an entry of the manifest: `[loan_id, day it was made, day of its status]` of each such loan."""

MOST_KEPT = 10_000
"""Of a file in which more loans are so, these are kept: the file is wrong as a whole, and said to be."""


@dataclass(slots=True)
class EarlyStatuses:
    """Gathers, part by part, the loans of a book whose status is older than they are."""

    loans: list[tuple[str, date, date]] = field(default_factory=list)

    def look_at(self, book: RawBook) -> None:
        """Add a part of the book."""
        if book.early is not None:
            self.loans += book.early.select("loan_id", "snapshot_date", "on").iter_rows()

    def within(self, days: DateRange | None) -> list[list[str]]:
        """Give those made on some days as the manifest keeps them."""
        own = sorted(loan for loan in self.loans if days is not None and loan[1] in days)
        return [[loan_id, made.isoformat(), on.isoformat()] for loan_id, made, on in own[:MOST_KEPT]]


def noted(
    entries: Sequence[dict[str, Any]], new: dict[str, Any], early: list[list[str]], landed: Callable[[], pl.Series]
) -> None:
    """Write the loans into the new entry, and take those that land anew out of the others."""
    own = set(landed().to_list()) if any(entry.get(KEY) for entry in entries) else set()
    for entry in entries:
        if left := [loan for loan in entry.pop(KEY, []) if loan[0] not in own]:
            entry[KEY] = left
    if early:
        new[KEY] = early


def early_statuses(layout: Layout, days: DateRange | None = None) -> list[tuple[str, str, str]]:
    """Read the loans made on some days (on any where None) whose status is older than they are, by their ids.

    Returns:
        Per loan its id, the day it was made and the day of its status, as dates are written.
    """
    found = [
        tuple(map(str, loan)) for entry in read_manifest(layout).get("landings", []) for loan in entry.get(KEY, [])
    ]
    return sorted({(loan, made, on) for loan, made, on in found if days is None or date.fromisoformat(made) in days})


def in_words(loans: list[tuple[str, str, str]]) -> str:
    """Count such loans, with the first; empty where there are none.

    Examples:
        >>> in_words([("l7", "2015-01-05", "2014-12-30")])
        '1 loan has a status older than it is, such as l7 of 2015-01-05 with one of 2014-12-30'
    """
    if not loans:
        return ""
    one = "1 loan has a status older than it is"
    number = one if len(loans) == 1 else f"{len(loans):,} loans have a status older than they are"
    loan_id, made, on = loans[0]
    return f"{number}, such as {loan_id} of {made} with one of {on}"


__all__ = ["KEY", "EarlyStatuses", "early_statuses", "in_words", "noted"]
