"""Keep the manifest's entries: the landings of a home, and what a new landing means for those that are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.errors import UsageError
from p2pcredit.periods import DateRange
from p2pcredit.platforms.spooled_book import SpooledBook
from p2pcredit.storage.landing.merge import LandedBefore, entry_days, holds_any, shares_days
from p2pcredit.storage.layout import Layout


@dataclass(frozen=True, slots=True)
class Source:
    """A raw file, by its name and the SHA-256 of its bytes; or the result of a query, by that of its rows.

    Args:
        name: The name of the file, or of the query.
        sha256: The digest.
        address: The database that was asked, without secrets; None for a file.
        query: What was asked; None for a file.
    """

    name: str
    sha256: str
    address: str | None = None
    query: str | None = None

    def as_json(self) -> dict[str, str]:
        """Describe it for the manifest."""
        asked = {} if self.query is None else {"from": self.address or "", "query": self.query}
        return {"name": self.name, "sha256": self.sha256, **asked}


def merged(
    manifest: dict[str, Any],
    platform: str,
    sources: tuple[Source, ...],
    days: DateRange | None,
    *,
    is_file: bool,
    currency: str | None = None,
) -> list[dict[str, Any]]:
    """Merge the new landing into the landings of this home.

    What landed from no other files than these is replaced on the days of the new landing. What landed from others
    stays beside it; only a made-up portfolio is never mixed with another.

    Raises:
        UsageError: If two platforms, two currencies or two made-up portfolios would be mixed.
    """
    others = {entry["currency"] for entry in manifest.get("landings", []) if entry.get("currency")} - {currency}
    if currency is not None and others:
        raise UsageError(
            f"this home holds amounts in {min(others)}; write amounts in one currency, or land {currency} in another "
            "home (--home DIR)"
        )
    if manifest and manifest["platform"] != platform:
        raise UsageError(
            f"this home holds loans of {manifest['platform']}; land {platform} in another home (--home DIR)"
        )
    landings: list[dict[str, Any]] = manifest.get("landings", [])
    if days is None:
        return landings
    digests = {source.sha256 for source in sources}
    kept = []
    for entry in landings:
        there, own = entry_days(entry), {file["sha256"] for file in entry["files"]}
        lands = entry_days(entry.get("lands", entry))
        if lands.first >= days.first and lands.last <= days.last and (own <= digests or not is_file):
            continue
        if shares_days(there, days) and not own <= digests and not is_file:
            raise UsageError(
                f"{days.first} to {days.last} overlaps {there.first} to {there.last}, landed from another portfolio; "
                f"begin by {there.first} and end on {there.last} or later, or land in another home (--home DIR)"
            )
        kept.append(entry)
    new = {
        "files": [source.as_json() for source in sources],
        "first_date": days.first.isoformat(),
        "last_date": days.last.isoformat(),
        **({} if currency is None else {"currency": currency}),
    }
    return sorted([*kept, new], key=lambda entry: (entry["first_date"], entry["last_date"]))


def landed_before(
    layout: Layout, book: SpooledBook, landings: list[dict[str, Any]], sources: tuple[Source, ...], days: DateRange
) -> LandedBefore | None:
    """Describe what other files landed on days that this landing shares, or of its loans; None if nothing."""
    digests = {source.sha256 for source in sources}
    others = [entry_days(entry) for entry in landings if not {file["sha256"] for file in entry["files"]} <= digests]
    if not others:
        return None
    originated = loans_of(book, "loan_terms", days)
    terms = FEEDS["loan_terms"]
    touched = [there for there in others if shares_days(there, days) or holds_any(layout, terms, there, originated)]
    if not touched:
        return None
    return LandedBefore(
        layout, touched, days, originated, pl.concat([originated, loans_of(book, "loan_performance", days)])
    )


def entry_of(landings: list[dict[str, Any]], sources: tuple[Source, ...], days: DateRange) -> dict[str, Any]:
    """Find the entry that `merged` made for these files and days."""
    digests = {source.sha256 for source in sources}
    own = (e for e in landings if entry_days(e) == days and {file["sha256"] for file in e["files"]} == digests)
    return next(own)


def loans_of(book: SpooledBook, feed: str, days: DateRange) -> pl.Series:
    """Give the ids of the loans of a feed."""
    return pl.concat([book.rows(feed, month.first)["loan_id"] for month in days.months()]).unique()


def under_way(
    landings: list[dict[str, Any]], sources: tuple[Source, ...], days: DateRange | None, span: DateRange | None
) -> list[dict[str, Any]]:
    """Mark the entry of the landing that begins now as incomplete, over all days that it writes."""
    if days is None or span is None:
        return landings
    digests = {source.sha256 for source in sources}

    def marked(entry: dict[str, Any]) -> dict[str, Any]:
        mine = entry_days(entry) == days and {file["sha256"] for file in entry["files"]} == digests
        if not mine:
            return entry
        unfinished = {**entry, "first_date": f"{span.first}", "last_date": f"{span.last}", "complete": False}
        return unfinished if span == days else {**unfinished, "lands": entry}

    return [marked(entry) for entry in landings]


__all__ = ["Source", "entry_of", "landed_before", "loans_of", "merged", "under_way"]
