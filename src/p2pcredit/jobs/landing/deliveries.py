"""Find days that landed anew since they were preprocessed: their landing files hold other rows than were taken in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from p2pcredit.contracts.feeds import ALL_FEEDS
from p2pcredit.contracts.tables import bronze
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.changed_files import changed_or_late, known_since
from p2pcredit.jobs.preprocessing.completeness.day_counts import DayCounts
from p2pcredit.jobs.preprocessing.completeness.kept_facts import seen_in_receipts
from p2pcredit.periods import DateRange, count_of_days, spans_of
from p2pcredit.storage.landing.files import SNAPSHOT
from p2pcredit.storage.landing.read import UNPARSED, read_landing
from p2pcredit.storage.tables.day_receipts import Facts, last_complete_before, read_receipts

_ORIGIN = "source_digest"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A landing file of a complete day that holds other rows than were taken in.

    Args:
        feed: The feed.
        day: The day.
        rows: How many rows it holds now; None where it cannot be read, or two files hold the day.
        taken_in: How many were taken in, by the receipt; None where it does not say.
        digest: SHA-256 of the file; empty where `rows` is None.
    """

    feed: str
    day: date
    rows: int | None
    taken_in: int | None
    digest: str = ""

    @property
    def lacks_rows(self) -> bool:
        """Whether it holds fewer rows than were taken in."""
        return self.rows is not None and self.taken_in is not None and self.rows < self.taken_in

    @property
    def words(self) -> str:
        """Say which feed, and how many rows it has now and had before.

        Examples:
            >>> Delivery("loan_terms", date(2024, 1, 5), 5, 3).words
            'loan_terms with 5 rows in place of 3'
            >>> Delivery("loan_terms", date(2024, 1, 5), 3, 3).words
            'loan_terms with 3 other rows'
        """
        if self.rows is None:
            return f"{self.feed}, which cannot be read"
        rows = "row" if self.rows == 1 else "rows"
        if self.taken_in in {None, self.rows}:
            return f"{self.feed} with {self.rows:,} other {rows}"
        return f"{self.feed} with {self.rows:,} {rows} in place of {self.taken_in:,}"


def recently_landed_anew(ctx: JobContext, feed: str, day: date) -> list[date]:
    """Find those of the last complete days before a day whose files came anew, in order.

    Files that have not changed since a day before their receipt was written are not opened, unless their size is
    another.
    """
    days = last_complete_before(ctx.layout, day, ctx.settings.preprocessing.schema_drift_days)
    return list(landed_anew(ctx, feed, read_receipts(ctx.layout, days), known_since(ctx.layout, days)))


def landed_anew(
    ctx: JobContext,
    feed: str,
    receipts: Mapping[date, Facts],
    since_ns: Mapping[date, int] | None = None,
    at_most: int | None = None,
) -> dict[date, Delivery]:
    """Find those of these days whose landing file is another than the receipt says, and holds other rows.

    Bronze is compared text by text, where its rows are those of the receipt's file. Where they come from another file,
    a later delivery was taken in up to there and no further: that day is found too.

    Args:
        ctx: The context.
        feed: Its name.
        receipts: Of complete days.
        since_ns: As `changed_files` takes it.
        at_most: Of how many days, the newest, changed files are read; of all where None.
    """
    seen = seen_in_receipts(receipts, feed)
    days = changed_or_late(ctx.layout, feed, receipts, since_ns)
    days = days if at_most is None else days[-at_most:]
    landed: dict[date, tuple[pl.DataFrame | None, str]] = {}
    taken: dict[date, pl.DataFrame] = {}
    for span in spans_of(days):
        landed |= _landed(ctx, feed, span)
        taken |= _taken(ctx, feed, span)
    found: dict[date, Delivery] = {}
    for day in days:
        (now, digest), before = landed[day], taken.get(day, pl.DataFrame())
        digests = before[_ORIGIN].unique().to_list() if before.height else []
        rows = before.drop(_ORIGIN) if before.height else before
        if now is not None and now.equals(rows) and digests in ([], [seen[day].digest] if day in seen else []):
            continue
        counts = DayCounts.from_json(receipts[day].get("counts"))
        known = counts.feeds[feed].landed if counts is not None and feed in counts.feeds else None
        found[day] = Delivery(feed, day, None if now is None else now.height, known, digest)
    return found


def deliveries_to_take_in(ctx: JobContext, days: Iterable[date]) -> dict[date, list[Delivery]]:
    """Find what landed anew of these days, per day, whichever feed it is; only files that changed are opened."""
    receipts = read_receipts(ctx.layout, days)
    since = known_since(ctx.layout, receipts)
    found: dict[date, list[Delivery]] = {}
    for feed in ALL_FEEDS:
        for day, delivery in landed_anew(ctx, feed, receipts, since).items():
            found.setdefault(day, []).append(delivery)
    return dict(sorted(found.items()))


def in_short(days: Sequence[date]) -> str:
    """Name the first of these days and count the others.

    Examples:
        >>> in_short([date(2020, 1, 5), date(2020, 1, 7)]), in_short([date(2020, 1, 5)])
        ('2020-01-05 and 1 day more', '2020-01-05')
    """
    return f"{days[0]}" + (f" and {count_of_days(len(days) - 1)} more" if len(days) > 1 else "")


def _landed(ctx: JobContext, feed: str, days: DateRange) -> dict[date, tuple[pl.DataFrame | None, str]]:
    """Read what the files of these days hold now, with their digests; None for a day that cannot be read.

    Its own check says why.
    """
    contract = ctx.feed(feed)
    columns = [SNAPSHOT, *contract.sources, UNPARSED]
    try:
        read = read_landing(ctx.layout, contract, days)
    except P2PCreditError:
        if len(days) == 1:
            return {days.first: (None, "")}
        return {day: _landed(ctx, feed, DateRange(day, day))[day] for day in days}
    by_day = read.frame.select(columns).partition_by(SNAPSHOT, as_dict=True)
    digests = {day: file.digest for day, file in read.files.items()}
    return {day: (by_day.get((day,), pl.DataFrame()), digests.get(day, "")) for day in days}


def _taken(ctx: JobContext, feed: str, days: DateRange) -> dict[date, pl.DataFrame]:
    """Read the rows of these days in bronze, with the digest of the file that each came from."""
    from p2pcredit.storage.tables.lake import Lake  # loads Delta Lake, which is needed where a file changed only

    contract = ctx.feed(feed)
    rows = Lake(ctx.layout).scan(bronze(contract), days).sort(SNAPSHOT, "row_number")
    taken = rows.select(SNAPSHOT, *contract.sources, UNPARSED, _ORIGIN).collect()
    return {day: of_day for (day,), of_day in taken.partition_by(SNAPSHOT, as_dict=True).items()}


__all__ = ["Delivery", "deliveries_to_take_in", "in_short", "landed_anew", "recently_landed_anew"]
