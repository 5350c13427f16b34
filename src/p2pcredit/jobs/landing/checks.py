"""What a landing says of itself before anything is written: why records were rejected, and which columns are ruined.

A column is judged by the rules that silver will judge it by, so that a book whose amounts all fail is refused while the
person still looks at it, and not a step later in quarantine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS, Feed, is_said_to_be_unknown
from p2pcredit.contracts.missing import MISSING_SIGNS
from p2pcredit.errors import SourceError
from p2pcredit.platforms.downloads import SUMMARY_REASON
from p2pcredit.platforms.loan_book import BEFORE_TAPE, LEFT_OUT, RawBook
from p2pcredit.platforms.spooled_book import OUTSIDE, SpooledBook
from p2pcredit.text import LONGEST_EXAMPLE, one_line
from p2pcredit.transforms.typing import problem_with, trimmed_text, typed_value

_FIRST_LOOKED_AT = 1_000
_BLANK = "blank"
_PLACES = tuple((name, column.source) for name, feed in FEEDS.items() for column in feed.columns)
_REQUIRED = frozenset(
    (name, column.source) for name, feed in FEEDS.items() for column in feed.columns if column.required
)
_KEYS = frozenset({"loan_id", "origination_date"})
"""Columns that landing itself writes; the day of an event too, but for one that a loan's own date must say."""


def reasons_of(rejected: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Count the reasons of rejection: kind of reason -> `count` and an `example` of what was found, commonest first."""
    counted = (
        rejected.group_by("kind", maintain_order=True)
        .agg(pl.len().alias("count"), pl.col("value").drop_nulls().first().alias("example"))
        .sort("count", descending=True, maintain_order=True)
    )
    return {
        kind: {"count": count, "example": None if example is None else one_line(example, LONGEST_EXAMPLE)}
        for kind, count, example in counted.iter_rows()
    }


@dataclass(slots=True)
class UnreadableValues:
    """Counts, part by part, the values of a book that silver will not be able to read, by feed and column.

    `further`: feeds that the book has besides those of every day.
    """

    further: tuple[Feed, ...] = ()
    rows: Counter[str] = field(default_factory=Counter)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], str] = field(default_factory=dict)
    filled: Counter[tuple[str, str]] = field(default_factory=Counter)
    given: set[tuple[str, str]] = field(default_factory=set)
    """Columns of which some text is neither blank nor a sign of a missing value."""

    def look_at(self, book: RawBook) -> None:
        """Add a part of the book."""
        for feed in (*FEEDS.values(), *self.further):
            name, frame = feed.name, book.feeds[feed.name]
            self.rows[name] += frame.height
            for column in feed.columns:
                if column.source in _KEYS or not frame.height:
                    continue
                self._look_at(name, column, frame[column.source], frame["snapshot_date"])

    def _look_at(self, feed: str, column: Column, texts: pl.Series, days: pl.Series) -> None:
        place = (feed, column.source)
        self.filled[place] += texts.len() - texts.null_count()
        if place not in self.given and any(_gives(some) for some in (texts.head(_FIRST_LOOKED_AT), texts)):
            self.given.add(place)
        if column.kind not in {Kind.TEXT, Kind.CATEGORY} or column.required or column.allowed:
            for text, times in _unreadable(column, texts, days):
                shown = _BLANK if text is None else one_line(text, LONGEST_EXAMPLE)
                self.counts[place] += times
                # However the book is cut; a text says more than a blank.
                self.examples[place] = min(shown, self.examples.get(place, shown), key=lambda e: (e == _BLANK, e))

    def as_json(self) -> dict[str, dict[str, Any]]:
        """Return by column (`feed.column`) the `count` of values that cannot be read, and an `example`."""
        return {
            f"{feed}.{column}": {"count": count, "example": self.examples[feed, column]}
            for (feed, column), count in self._commonest()
        }

    def _place(self, place: tuple[str, str]) -> int:
        further = tuple((feed.name, column.source) for feed in self.further for column in feed.columns)
        return (*_PLACES, *further).index(place)

    def _commonest(self) -> list[tuple[tuple[str, str], int]]:
        return sorted(self.counts.items(), key=lambda item: (-item[1], self._place(item[0])))

    def ruined(self, limit: float) -> list[tuple[str, str]]:
        """List required columns of applications of which more than this share cannot be read, the worst first."""
        applications = {feed.name for feed in APPLICATION_FEEDS}
        shares = {
            place: count / max(self.rows[place[0]], 1)
            for place, count in self.counts.items()
            if place in _REQUIRED and place[0] in applications
        }
        return sorted((p for p, share in shares.items() if share > limit), key=lambda p: (-shares[p], self._place(p)))

    def doubtful(self, limit: float) -> list[tuple[str, str]]:
        """List the other columns of which a larger share of values than `limit` cannot be read, blanks apart."""
        found = [place for place, count in self._commonest() if count > limit * self.values(place)]
        days = ("loan_performance", "days_past_due")
        if ("loan_performance", "status") in found and self.examples.get(days) == _BLANK:
            found = [place for place in found if place != days]  # a status that says nothing has no days either
        return [place for place in found if place not in self.ruined(limit)]

    def never_given(self, places: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """List those of these columns that no row of the book gives a value for, though it has rows."""
        return [place for place in places if self.rows[place[0]] and place not in self.given]

    def values(self, place: tuple[str, str]) -> int:
        """Count the values that a column should have: one a row where it is required, else those that are not blank."""
        return self.rows[place[0]] if place in _REQUIRED else self.filled[place]


def _gives(texts: pl.Series) -> bool:
    """Return whether any text is more than a sign of a missing value; a level that looks like one, alone, is none."""
    if texts.null_count() == texts.len():
        return False
    bare = texts.drop_nulls().str.strip_chars().str.to_lowercase()
    return not bool(bare.is_in(["", *sorted(MISSING_SIGNS)]).all())


def _unreadable(column: Column, texts: pl.Series, days: pl.Series) -> list[tuple[str | None, int]]:
    """List texts that silver cannot read as this column, and how often each occurs on days for which it is none.

    What casts to a plain number or a plain date in bulk is settled by its bounds; only the other texts are looked at
    one by one, and each of them once, a date once for each day.
    """
    rows = texts.rename(column.source).to_frame()
    kept = [column.source]
    if column.kind is Kind.DATE:
        kept.append("snapshot_date")
        rows = rows.with_columns(days.alias("snapshot_date"))
        plain = pl.col(column.source).str.contains(r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}$")
        day = pl.when(plain).then(pl.col(column.source).str.to_date("%Y-%m-%d", strict=False))
        years = column.most_years_ago or 100
        oldest = pl.col("snapshot_date").dt.offset_by(f"-{years}y").dt.month_start()
        rows = rows.filter(~day.is_between(oldest, "snapshot_date").fill_null(value=False))
    if column.kind in {Kind.NUMBER, Kind.COUNT}:
        number = pl.col(column.source).cast(pl.Float64, strict=False)
        rows = rows.filter(number.is_null() | ~number.is_between(column.minimum or 0, column.maximum or 0))
    if not column.required:
        rows = rows.drop_nulls(column.source)
    if rows.is_empty():
        return []
    distinct = rows.group_by(kept, maintain_order=True).agg(pl.len().alias("_times"))
    with_text = nw.from_native(distinct).with_columns(trimmed_text(column).alias("_text"))
    with_value = with_text.with_columns(typed_value(column, nw.col("_text")).alias("_value"))
    problem = problem_with(column, nw.col("_text"), nw.col("_value"))
    if problem is None:
        return []
    found = with_value.filter(~problem.is_null()).to_native()
    told = found.select(column.source, "_times").iter_rows()
    return [(text, times) for text, times in told if not (column.allowed and is_said_to_be_unknown(text))]


def refuse_ruined(
    book: SpooledBook, unreadable: UnreadableValues, limit: float, remedies: Mapping[str, str], kept_in: Path
) -> None:
    """Make sure that enough of a book landed.

    Summary lines, rows that a mapping leaves out and loans outside the days asked for are no faults of the file, and do
    not count.

    Args:
        book: What is to land.
        unreadable: What silver will not be able to read of it.
        limit: The largest share of rejected records, or of unreadable values in a required column.
        remedies: `feed.column` -> what to write so that it is read.
        kept_in: The file of the rejected records.

    Raises:
        SourceError: If nothing landed, or more is rejected or unreadable than the limit allows. One line: the commonest
            reason, its count, an example, what to write.
    """
    faults = book.rejected.filter(~pl.col("kind").is_in([SUMMARY_REASON, OUTSIDE, LEFT_OUT, BEFORE_TAPE]))
    aside = book.rejected.height - faults.height
    records = book.rows_in - aside
    asked_away = bool((book.rejected["kind"] == OUTSIDE).any())
    if records == 0 and not asked_away:
        raise SourceError("the file has a header and no loan; check that it was downloaded whole")
    if records and (faults.height > limit * records or faults.height == records):
        kind, fact = next(iter(reasons_of(faults).items()))
        remedy = faults.filter(pl.col("kind") == kind)["remedy"][0]
        shown = "" if fact["example"] is None else f", such as '{fact['example']}'"
        advice = f"; {remedy}" if remedy else ""
        raise SourceError(
            f"{faults.height} of {records} records are rejected, most often ({fact['count']}): {kind}{shown}{advice}; "
            f"nothing landed; the rejected records are in {kept_in}"
        )
    for feed, column in unreadable.ruined(limit)[:1]:
        place = f"{feed}.{column}"
        advice = remedies.get(column) or "mend the column, or name another one"
        raise SourceError(
            f"{unreadable.counts[feed, column]} of {unreadable.rows[feed]} values of {place} cannot be read, such as "
            f"'{unreadable.examples[feed, column]}'; {advice}; nothing landed"
        )


__all__ = ["UnreadableValues", "reasons_of", "refuse_ruined"]
