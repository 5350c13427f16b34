"""Several downloads of one platform in one home: on days that they share, each loan is as its newest file says.

A platform's next file brings new loans, and what became of old ones; its days reach into those landed before. Where
they do, the rows of the loans that it holds replace the earlier rows of these loans, and the rows of all other loans
stay. Landing a file again changes nothing, and no loan is lost or stands twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from p2pcredit.contracts.feeds import Feed
from p2pcredit.periods import DateRange, month_end, month_start
from p2pcredit.storage.landing.files import SNAPSHOT
from p2pcredit.storage.landing.read import read_landing
from p2pcredit.storage.layout import Layout


def holds_any(layout: Layout, feed: Feed, days: DateRange, loans: pl.Series) -> bool:
    """Return whether any of these loans is in what has landed of a feed on some days."""
    return bool(read_landing(layout, feed, days).frame["loan_id"].is_in(loans.implode()).any())


def entry_days(entry: dict[str, Any]) -> DateRange:
    """Return the days of a landing in the manifest."""
    return DateRange(date.fromisoformat(entry["first_date"]), date.fromisoformat(entry["last_date"]))


def shares_days(one: DateRange, other: DateRange) -> bool:
    """Return whether two ranges have a day in common.

    Examples:
        >>> january = DateRange(date(2024, 1, 1), date(2024, 1, 31))
        >>> shares_days(january, DateRange(date(2024, 1, 31), date(2024, 2, 1)))
        True
        >>> shares_days(january, DateRange(date(2024, 2, 1), date(2024, 2, 2)))
        False
    """
    return one.first <= other.last and other.first <= one.last


def same_but_for_zeros(ids: pl.Series, others: pl.Series) -> list[tuple[str, str]]:
    """Find ids of digits that are the same number as one of others, but written with more or fewer leading zeros.

    Examples:
        >>> same_but_for_zeros(pl.Series(["0007", "8", "A9", None]), pl.Series(["7", "8", "09", "A09"]))
        [('0007', '7')]
    """

    def digits(of: pl.Series, name: str) -> pl.DataFrame:
        given = of.cast(pl.String).drop_nulls().unique().alias(name).to_frame()
        return given.filter(pl.col(name).str.contains(r"^[0-9]+$")).with_columns(
            pl.col(name).str.strip_chars_start("0").alias("number")
        )

    both = digits(ids, "one").join(digits(others, "other"), on="number").filter(pl.col("one") != pl.col("other"))
    return both.select("one", "other").sort("one", "other").rows()


@dataclass(frozen=True, slots=True)
class LandedBefore:
    """What other files landed on days that a new landing shares, or whose loans it holds.

    Args:
        layout: The home directory.
        ranges: The days of the landings that it touches: they share days with it, or hold a loan that it originates.
        days: The days of the new landing.
        originated: The loans that the new landing originates.
        mentioned: Those and the loans of which it has servicing events only.
    """

    layout: Layout
    ranges: Sequence[DateRange]
    days: DateRange
    originated: pl.Series
    mentioned: pl.Series

    @property
    def spans(self) -> list[DateRange]:
        """The days whose files are written, its own and those of the landings that it touches, apart where they are."""
        joined: list[DateRange] = []
        for days in sorted([self.days, *self.ranges], key=lambda days: (days.first, days.last)):
            if joined and shares_days(joined[-1], days):
                days = DateRange(joined[-1].first, max(joined.pop().last, days.last))
            joined.append(days)
        return joined

    @property
    def span(self) -> DateRange:
        """From the first to the last of these days."""
        return DateRange(self.spans[0].first, max(days.last for days in self.spans))

    def merged(self, feed: Feed, new_rows: Callable[[date], pl.DataFrame]) -> Callable[[date], pl.DataFrame]:
        """Join the new rows of a month to the rows that stay, ordered by day and loan, once the month is given."""

        def rows_of(month: date) -> pl.DataFrame:
            new = new_rows(month)
            staying = [self._staying(feed, DateRange(month_start(month), month_end(month)))]
            kept = [frame for frame in staying if frame.height]
            whole = pl.concat([new.select(SNAPSHOT, *feed.sources), *kept])
            return whole.sort(SNAPSHOT, "loan_id", maintain_order=True)

        return rows_of

    def met(self, feed: Feed) -> tuple[int, list[tuple[str, str]]]:
        """Count the rows of this feed that are replaced by those of the new landing, and find loans that are not.

        Returns:
            That count; and the ids of loans that stay, each with the one of the new landing that is the same number but
            for its leading zeros.
        """
        ids = read_landing(self.layout, feed, self.span).frame["loan_id"]
        again = ids.is_in(self.originated.implode()).fill_null(value=False)
        return int(again.sum()), same_but_for_zeros(ids.filter(~again), self.originated)

    def _staying(self, feed: Feed, month: DateRange) -> pl.DataFrame:
        inside = [day for day in month if any(day in days for days in self.ranges)]
        if not inside:
            return pl.DataFrame(schema={SNAPSHOT: pl.Date, **dict.fromkeys(feed.sources, pl.String)})
        rows = read_landing(self.layout, feed, DateRange(inside[0], inside[-1])).frame
        own = pl.col(SNAPSHOT).is_between(self.days.first, self.days.last)
        loan = pl.col("loan_id")
        stale = pl.when(own).then(loan.is_in(self.mentioned.implode())).otherwise(loan.is_in(self.originated.implode()))
        return rows.filter(pl.col(SNAPSHOT).is_in(inside) & ~stale.fill_null(value=False)).select(
            SNAPSHOT, *feed.sources
        )


__all__ = ["LandedBefore", "entry_days", "holds_any", "same_but_for_zeros", "shares_days"]
