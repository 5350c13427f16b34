"""A loan book of any size: the books of its parts joined, their rows waiting by month until they are landed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from p2pcredit.contracts.feeds import FEEDS, Feed
from p2pcredit.periods import DateRange, month_end, month_start
from p2pcredit.platforms.loan_book import ORIGINS_SCHEMA, REJECTED_SCHEMA, RawBook
from p2pcredit.prefetch import prefetch
from p2pcredit.readers.spool import Spool

_DAY = "snapshot_date"
OUTSIDE = "outside --from/--to"
"""Why a sound record does not land where only some days were asked for."""


class _DatedRows:
    """Rows with a `snapshot_date`, waiting by month, and how many there are of each day."""

    def __init__(self, spool: Spool[date], schema: dict[str, pl.DataType]) -> None:
        self._spool = spool
        self._none = pl.DataFrame(schema=schema)
        self.counts: Counter[date] = Counter()

    def add(self, rows: pl.DataFrame) -> None:
        self.counts.update(dict(rows[_DAY].value_counts().iter_rows()))
        size = int(rows.estimated_size()) // max(rows.height, 1)
        by_month = rows.with_columns(pl.col(_DAY).dt.month_start().alias("_month"))
        for (month,), part in by_month.partition_by("_month", as_dict=True, include_key=False).items():
            self._spool.put(month, part, size * part.height)

    def count(self, days: DateRange | None) -> int:
        return sum(number for day, number in self.counts.items() if days is None or day in days)

    def months(self) -> list[date]:
        return sorted(self._spool)

    def of(self, month: date, days: DateRange | None) -> pl.DataFrame:
        try:
            rows = self._spool.get(month)
        except KeyError:
            return self._none
        if days is None or (days.first <= month and month_end(month) <= days.last):
            return rows
        return rows.filter(pl.col(_DAY).is_between(days.first, days.last))


@dataclass(frozen=True, slots=True)
class SpooledBook:
    """A loan book as its platform published it, cut into feeds, of which only a month is held in memory at a time.

    Args:
        rows_in: Records of the raw files below their headers, summary lines included.
        rejected: What `REJECTED_SCHEMA` names, of the records that became no loan.
        covered: The days that the files speak of, where their rows do not say it.
        recipe: What a book that no file holds was made from; empty for a book read from files.
        span: The days that count; None for all.

    Laws: `rows_in` is `rows_landed` plus the height of `rejected`. How the book was cut into parts changes nothing.
    """

    rows_in: int
    rejected: pl.DataFrame
    covered: DateRange | None
    recipe: str
    _feeds: dict[str, _DatedRows]
    _origins: _DatedRows
    span: DateRange | None = None

    @property
    def rows_landed(self) -> int:
        """Records that became a loan."""
        return self._origins.count(self.span)

    def count(self, feed: str, days: DateRange | None = None) -> int:
        """Count the rows of a feed, in all or on these days."""
        return self._feeds[feed].count(self.span if days is None else days)

    def days(self) -> DateRange | None:
        """Return the days from the first to the last that the files speak of; None where they speak of none."""
        if self.covered is not None:
            return self.covered
        own = {day for feed in self._feeds.values() for day in feed.counts if self.span is None or day in self.span}
        return DateRange(min(own), max(own)) if own else None

    def last_origination(self) -> date | None:
        """Give the last day on which a loan was originated; None where none was."""
        return max((day for day in self._origins.counts if self.span is None or day in self.span), default=None)

    def rows(self, feed: str, month: date) -> pl.DataFrame:
        """Read a feed's rows of a month: `snapshot_date` and its columns as text, ordered by day and loan."""
        of_month = self._feeds[feed].of(month_start(month), self.span)
        return of_month.sort(_DAY, "loan_id", maintain_order=True)

    def within(self, days: DateRange, why: str | None = None) -> SpooledBook:
        """Cut the book to the loans originated, and the servicing events visible, inside `days`.

        Records of loans originated outside count as rejected. A servicing event inside `days` stays also where its
        loan was originated before them, because that is what the servicing feed of the day says.

        Args:
            days: The days kept, inside those that counted until now.
            why: The reason of the records outside; by default that the person asked for these days.
        """
        reason = why or f"{OUTSIDE} ({days.first} to {days.last})"
        partly = {month_start(day) for day in self._origins.counts if day not in days}
        outside = [
            self._origins.of(month, self.span)
            .filter(~pl.col(_DAY).is_between(days.first, days.last))
            .select(
                "file",
                "row_number",
                pl.lit(reason).alias("reason"),
                pl.lit(None, dtype=pl.String).alias("raw"),
                pl.lit(OUTSIDE if why is None else why).alias("kind"),
                pl.col(_DAY).cast(pl.String).alias("value"),
                pl.lit("").alias("remedy"),
            )
            for month in self._origins.months()
            if month in partly
        ]
        rejected = pl.concat([self.rejected, *outside]).sort("file", "row_number")
        covered = None if self.covered is None else days
        return replace(self, rejected=rejected, covered=covered, span=days)


@contextmanager
def spooled(parts: Iterable[RawBook], about: str, further: Iterable[Feed] = ()) -> Iterator[SpooledBook]:
    """Spool these parts into one book. Its rows are gone when the block ends.

    Args:
        parts: Books of the parts of one or more files, in order.
        about: What they come from, for the message of a full disk.
        further: Feeds that the parts have besides those of every day.

    Raises:
        SourceError: If the disk has no room for its rows.
    """
    with ExitStack() as spools:

        def dated(schema: dict[str, pl.DataType]) -> _DatedRows:
            return _DatedRows(spools.enter_context(Spool[date](about)), schema)

        feeds = {
            feed.name: dated({_DAY: pl.Date(), **dict.fromkeys(feed.sources, pl.String())})
            for feed in (*FEEDS.values(), *further)
        }
        origins = dated({name: dtype() for name, dtype in ORIGINS_SCHEMA.items()})
        rows_in, rejected, covered, recipe = 0, [pl.DataFrame(schema=REJECTED_SCHEMA)], list[DateRange](), ""
        for part in prefetch(iter(parts)):
            rows_in += part.rows_in
            recipe = recipe or part.recipe
            rejected.append(part.rejected)
            own = None if part.recipe else part.days()
            covered += [own] if own is not None else []
            for name, rows in part.feeds.items():
                feeds[name].add(rows)
            origins.add(part.origins)
        whole = DateRange(min(d.first for d in covered), max(d.last for d in covered)) if covered else None
        yield SpooledBook(rows_in, pl.concat(rejected), whole, recipe, feeds, origins)


__all__ = ["OUTSIDE", "SpooledBook", "spooled"]
