"""What a profile makes of raw files: rows of the five feeds, and the records that could not become any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from p2pcredit.contracts.feeds import FEEDS, OWN_COLUMNS
from p2pcredit.periods import DateRange

REJECTED_SCHEMA = {
    "file": pl.String,
    "row_number": pl.Int64,
    "reason": pl.String,
    "raw": pl.String,
    "kind": pl.String,
    "value": pl.String,
    "remedy": pl.String,
}
"""What is known of a record that became no loan.

`reason` is for the reader of the record, `raw` its text. Records are counted by `kind`, the reason without the value;
`value` is what was found, null where the reason is no value; `remedy` says what to write or do, if anything helps.
"""
ORIGINS_SCHEMA = {"file": pl.String, "row_number": pl.Int64, "snapshot_date": pl.Date}


LEFT_OUT = "left out by 'only'"
BEFORE_TAPE = "began long before the tape"
"""Why a sound record does not land where a mapping says which rows count."""
EARLIEST_ORIGINATION = date(1970, 1, 1)
"""A loan with an earlier date of origination is a slip of the pen: days are landed from the first loan on."""


@dataclass(frozen=True, slots=True)
class RawBook:
    """A loan book as its platform published it, cut into feeds.

    Args:
        rows_in: Records of the raw files below their headers, summary lines included.
        feeds: Per feed `snapshot_date` (Date) and the feed's columns as text, ordered by day and loan.
        rejected: What `REJECTED_SCHEMA` names, of the records that became no loan.
        origins: `file`, `row_number`, `snapshot_date` (the origination day) of the records that became one.
        recipe: What a book that no file holds was made from; empty for a book read from files.
        covered: The days that the files speak of, where their rows do not say it: a platform that publishes months
            speaks of whole months, and of nothing after the month in which its statuses were read.
        early: `loan_id`, `snapshot_date` (the origination day) and `on` (the day of the status) of the loans whose
            status is older than they are; None where there are none.

    Laws: `rows_in` is the height of `origins` plus the height of `rejected`.
    """

    rows_in: int
    feeds: dict[str, pl.DataFrame]
    rejected: pl.DataFrame
    origins: pl.DataFrame
    recipe: str = ""
    covered: DateRange | None = None
    early: pl.DataFrame | None = None

    @property
    def rows_landed(self) -> int:
        """Records that became a loan."""
        return self.origins.height

    def days(self) -> DateRange | None:
        """Return the days from the first to the last that the files speak of; None where they speak of none."""
        if self.covered is not None:
            return self.covered
        dates = pl.concat([frame["snapshot_date"] for frame in self.feeds.values()])
        first, last = dates.min(), dates.max()
        return DateRange(first, last) if isinstance(first, date) and isinstance(last, date) else None


def ordered_feeds(feeds: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Complete every feed of the contract: all columns as text, ordered by day and loan; absent columns are missing.

    The feed of own columns is there only where a mapping declares any.
    """
    whole = {}
    for name, feed in FEEDS.items():
        frame = feeds.get(name, pl.DataFrame(schema={"snapshot_date": pl.Date}))
        columns = [
            (pl.col(source) if source in frame.columns else pl.lit(None)).cast(pl.String).alias(source)
            for source in feed.sources
        ]
        whole[name] = frame.select("snapshot_date", *columns).sort("snapshot_date", "loan_id", maintain_order=True)
    if (own := feeds.get(OWN_COLUMNS.name)) is not None:  # its columns are the home's, not the contract's
        whole[OWN_COLUMNS.name] = own.sort("snapshot_date", "loan_id", maintain_order=True)
    return whole


def join_books(books: Sequence[RawBook]) -> RawBook:
    """Join several files of one platform to one book."""
    return RawBook(
        sum(book.rows_in for book in books),
        ordered_feeds({name: pl.concat([book.feeds[name] for book in books]) for name in books[0].feeds}),
        pl.concat([book.rejected for book in books]),
        pl.concat([book.origins for book in books]),
        covered=_joined([book.days() for book in books]),
    )


def _joined(ranges: Sequence[DateRange | None]) -> DateRange | None:
    known = [days for days in ranges if days is not None]
    return DateRange(min(d.first for d in known), max(d.last for d in known)) if known else None


__all__ = [
    "BEFORE_TAPE",
    "EARLIEST_ORIGINATION",
    "LEFT_OUT",
    "ORIGINS_SCHEMA",
    "REJECTED_SCHEMA",
    "RawBook",
    "join_books",
    "ordered_feeds",
]
