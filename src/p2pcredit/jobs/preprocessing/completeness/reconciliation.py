"""Account for days: count what landed and what its tables hold, and find the days whose counts do not meet.

`find_holes(ctx, days)` gives every hole of some days; a day without one is complete. It costs a look at the receipts,
the names and sizes of the landing files, and the dates of the tables' rows of those days: files that hold one day are
counted by the table's log. `count_days` is what `complete_days` counts of the days that it completes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import ALL_FEEDS, FEEDS, LOAN_TERMS, OPTIONAL_FEEDS, feed_named
from p2pcredit.contracts.tables import BUILT_FROM_SILVER, FEATURE_STORE, bronze, silver
from p2pcredit.errors import IncompleteDayError, SourceError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.changed_files import holds_the_same, known_since
from p2pcredit.jobs.landing.deliveries import landed_anew
from p2pcredit.jobs.preprocessing.checks.quarantine_checks import count_set_aside
from p2pcredit.jobs.preprocessing.completeness.day_counts import (
    Completeness,
    DayCounts,
    FeedCounts,
    Hole,
    Lost,
    changed_since,
    holes_of,
)
from p2pcredit.jobs.preprocessing.completeness.kept_facts import seen_in_receipts
from p2pcredit.periods import DateRange, spans_of
from p2pcredit.storage.landing.files import SNAPSHOT, find_landing_file, find_landing_files
from p2pcredit.storage.landing.notes import noted_landed
from p2pcredit.storage.tables.build_notes import days_due, days_not_built
from p2pcredit.storage.tables.day_receipts import Facts, is_complete, read_receipts
from p2pcredit.storage.tables.lake import Lake

_KEYS = ["snapshot_date", "loan_id"]
_SILVER = tuple(silver(feed).name for feed in ALL_FEEDS.values())
_MOST_READ = 31
"""Of how many days landing files are opened: of those never preprocessed, and of complete ones whose files changed."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A landing file as it was taken in, its rows of a day, and when that was written down (0: not to be relied on)."""

    digest: str
    size: int
    rows: int | None
    since_ns: int = 0


def find_holes(ctx: JobContext, days: DateRange) -> list[Hole]:
    """Find what is missing of the days for which anything landed or was preprocessed, in order.

    A day that has no receipt and for which a feed landed is a hole, whatever its tables hold: name it until it is
    preprocessed to its end. Days for which nothing landed and nothing was preprocessed are none.

    A complete day of which a table is to be built anew, or whose landing file holds other rows than were taken in, is a
    hole too. Files are looked at by size;
    where they changed since their day was preprocessed, those of the newest days are read.

    Args:
        ctx: The context.
        days: The days; a few weeks for what runs daily, all for `doctor`.

    Returns:
        Holes of kind `incomplete`, and of kind `undetermined` for days whose receipts do not keep counts. More than one
        of a day where more than one feed lacks rows.
    """
    receipts = read_receipts(ctx.layout, days)
    complete = {day for day in days if day in receipts or is_complete(ctx.layout, day)}
    landed = _landed_by_name(ctx, days)
    open_days = sorted({day for feed in FEEDS for day in landed[feed]} - complete)
    tables = counts_in_tables(ctx, days)
    found: list[Hole] = []
    due = days_due(ctx.layout, (*_SILVER, *BUILT_FROM_SILVER), days)
    for day in sorted(complete):
        found += [Hole(day, Lost.NOT_BUILT, table=table) for table in due.get(day, ())]
        kept = DayCounts.from_json((receipts.get(day) or {}).get("counts"))
        found += _holes_of_complete(day, kept, tables[day])
    whole = {day: facts for day, facts in receipts.items() if DayCounts.from_json(facts.get("counts"))}
    found += _landed_anew(ctx, whole, {(hole.day, hole.feed) for hole in found})
    found += _holes_of_open(ctx, open_days, landed, tables)
    return sorted(found, key=lambda hole: hole.day)


def standing(days: Iterable[date], holes: Iterable[Hole]) -> dict[Completeness, list[date]]:
    """Sort days by how they stand: those with any hole that is certain are incomplete."""
    kinds: dict[date, set[Completeness]] = {}
    for hole in holes:
        kinds.setdefault(hole.day, set()).add(hole.kind)
    found: dict[Completeness, list[date]] = {kind: [] for kind in Completeness}
    for day in sorted({*days, *kinds}):
        of_day = kinds.get(day, {Completeness.COMPLETE})
        found[Completeness.INCOMPLETE if Completeness.INCOMPLETE in of_day else next(iter(of_day))].append(day)
    return found


def count_days(ctx: JobContext, days: DateRange, before: Mapping[date, Facts]) -> dict[date, DayCounts]:
    """Count what landed and what the tables hold of days that are about to be complete; loans by their ids too.

    What landed is what bronze noted that it took in. Where there is no note, or the file changed since, it is counted
    in the file itself: a task that was not run, or ran where another disk is home, leaves no note here.

    Args:
        ctx: The context.
        days: The days, as bronze took them in.
        before: Their receipts of before.

    Raises:
        SourceError: If a landing file has to be read and cannot be.
    """
    found = counts_in_tables(ctx, days)
    matched = _matched_loans(Lake(ctx.layout), days)
    for feed in ALL_FEEDS:
        note = noted_landed(ctx.layout, feed, days)
        known = _known_from_receipts(before, feed)
        known |= {
            day: _Known(file.digest, file.size, note.rows.get(day), note.written_ns) for day, file in note.files.items()
        }
        landed = _rows_landed(ctx, feed, find_landing_files(ctx.layout, feed, days), known)
        for day, rows in landed.items():
            there = found[day].feeds.get(feed, FeedCounts(None))
            if feed in OPTIONAL_FEEDS and rows is None and not there.bronze:
                continue  # it did not land
            feeds = {**found[day].feeds, feed: replace(there, landed=rows)}
            found[day] = replace(found[day], feeds=feeds, matched=matched.get(day, 0))
    return found


def counts_in_tables(ctx: JobContext, days: DateRange) -> dict[date, DayCounts]:
    """Count the rows of each of these days in bronze, silver, quarantine and features; `landed` is not known."""
    lake = Lake(ctx.layout)
    raw = {name: lake.rows_per_day(bronze(feed), days) for name, feed in ALL_FEEDS.items()}
    sound = {name: lake.rows_per_day(silver(feed), days) for name, feed in ALL_FEEDS.items()}
    broken = count_set_aside(lake, ALL_FEEDS, days)
    features = lake.rows_per_day(FEATURE_STORE, days)
    return {
        day: DayCounts(
            {
                name: FeedCounts(None, raw[name].get(day, 0), sound[name].get(day, 0), broken[name].get(day, 0))
                for name in ALL_FEEDS
                if name in FEEDS or any(counts[name].get(day) for counts in (raw, sound, broken))
            },
            sound[LOAN_TERMS.name].get(day, 0),
            features.get(day, 0),
        )
        for day in days
    }


def holes_of_build(ctx: JobContext, days: DateRange, before: Collection[date]) -> list[Hole]:
    """Find the tables that were not built of days that are about to be complete: their tasks were left out.

    Args:
        ctx: The context.
        days: The days.
        before: Those of them that had a receipt.
    """
    gold = days_not_built(ctx.layout, BUILT_FROM_SILVER, days, before)
    due = days_due(ctx.layout, _SILVER, days)
    return [Hole(day, Lost.NOT_BUILT, table=table) for day in days for table in (*due.get(day, ()), *gold.get(day, ()))]


def incomplete_days(holes: Sequence[Hole]) -> IncompleteDayError:
    """Word the error of a last step that found holes: the first of them, how many more, and what to do."""
    first = holes[0]
    days = sorted({hole.day for hole in holes})
    more = f" (and {len(holes) - 1} more)" if len(holes) > 1 else ""
    return IncompleteDayError(
        f"{first.sentence}{more}; {'the day is' if len(days) == 1 else f'{len(days)} days are'} not complete: clear "
        f"task {first.task} with those after it, or {_command(first)}",
        days,
    )


def _command(hole: Hole) -> str:
    return hole.remedy if hole.remedy.startswith("land") else f"run: {hole.remedy}"


def _holes_of_complete(day: date, kept: DayCounts | None, now: DayCounts) -> list[Hole]:
    if kept is None:
        return [Hole(day, Lost.NOT_KEPT)]
    both = {name: now.feeds.get(name, FeedCounts(None)) for name in ALL_FEEDS if name in {*now.feeds, *kept.feeds}}
    feeds = {name: replace(feed, landed=kept.feeds.get(name, FeedCounts(None)).landed) for name, feed in both.items()}
    now = replace(now, feeds=feeds)
    return holes_of(day, now) or holes_of(day, kept) or changed_since(day, kept, now)


def _holes_of_open(
    ctx: JobContext, days: list[date], landed: Mapping[str, Mapping[date, Path]], tables: Mapping[date, DayCounts]
) -> list[Hole]:
    """Compare counts of days that landed and are not complete; each has a hole at least."""
    rows: dict[str, dict[date, int | None]] = {}
    unreadable: set[tuple[str, date]] = set()
    for feed in ALL_FEEDS:
        files = {day: landed[feed].get(day) for day in days[:_MOST_READ]}
        try:
            rows[feed] = _rows_landed(ctx, feed, files, {})
        except SourceError:
            rows[feed] = {}
            for day, path in files.items():
                try:
                    rows[feed] |= _rows_landed(ctx, feed, {day: path}, {})
                except SourceError:
                    unreadable.add((feed, day))
    found: list[Hole] = []
    for day in days:
        of_day: list[Hole] = []
        for name, there in tables[day].feeds.items():
            if day not in landed[name] and name in OPTIONAL_FEEDS:
                continue
            if day not in landed[name]:
                of_day.append(Hole(day, Lost.NOT_LANDED, name, None, there.bronze, there))
            elif (name, day) in unreadable:
                of_day.append(Hole(day, Lost.UNREADABLE, name, None, there.bronze, there))
            elif day in rows[name]:
                counted = replace(there, landed=rows[name][day])
                of_day += holes_of(day, DayCounts({name: counted}))
            elif not there.bronze:  # one of many days: its file was not opened
                of_day.append(Hole(day, Lost.BRONZE, name, None, 0, there))
            else:
                of_day += holes_of(day, DayCounts({name: replace(there, landed=there.bronze)}))
        terms = tables[day]
        of_day += holes_of(day, DayCounts({}, terms.loans, terms.features))
        found += of_day or [Hole(day, Lost.RECEIPT)]
    return found


def _landed_anew(
    ctx: JobContext, receipts: Mapping[date, Facts], besides: Collection[tuple[date, str]]
) -> Iterator[Hole]:
    """Find the complete days whose landing files hold other rows than were taken in; files are looked at by size first.

    One that cannot be read is left out: its own check says so.
    """
    since = known_since(ctx.layout, receipts)
    for feed in ALL_FEEDS:
        for day, delivery in landed_anew(ctx, feed, receipts, since, _MOST_READ).items():
            if delivery.rows is not None and (day, feed) not in besides:
                counts = FeedCounts(delivery.rows)
                yield Hole(day, Lost.LANDED_ANEW, feed, delivery.rows, delivery.taken_in, counts)


def _landed_by_name(ctx: JobContext, days: DateRange) -> dict[str, dict[date, Path]]:
    """Find the files that landed of each feed, by their names."""
    found: dict[str, dict[date, Path]] = {}
    for feed in ALL_FEEDS:
        try:
            files = find_landing_files(ctx.layout, feed, days)
        except SourceError:  # a day that has two files, or something else in place of one
            files = {}
            for day in days:
                with suppress(SourceError):
                    files[day] = find_landing_file(ctx.layout, feed, day)
        found[feed] = {day: path for day, path in files.items() if path is not None}
    return found


def _known_from_receipts(receipts: Mapping[date, Facts], feed: str) -> dict[date, _Known]:
    found = {}
    for day, seen in seen_in_receipts(receipts, feed).items():
        counts = DayCounts.from_json(receipts[day].get("counts"))
        found[day] = _Known(
            seen.digest, seen.size, None if counts is None else counts.feeds.get(feed, FeedCounts(None)).landed
        )
    return found


def _rows_landed(
    ctx: JobContext, feed: str, files: Mapping[date, Path | None], known: Mapping[date, _Known]
) -> dict[date, int | None]:
    """Give how many rows of each day landed: what is known where the file is the same, else what the file holds."""
    found: dict[date, int | None] = {}
    unread: list[date] = []
    digests: dict[Path, str] = {}
    for day, path in files.items():
        one = known.get(day)
        if path is None or (one is not None and one.rows is not None and _is_same(path, one, digests)):
            found[day] = None if one is None else one.rows
        else:
            unread.append(day)
    if unread:
        from p2pcredit.storage.landing.read import read_landing  # what reads raw files is needed here only

        for span in spans_of(unread):
            rows = read_landing(ctx.layout, feed_named(feed), span).frame.group_by(SNAPSHOT).len()
            counts = dict(rows.iter_rows())
            found |= {day: counts.get(day, 0) for day in span}
    return dict(sorted(found.items()))


def _is_same(path: Path, known: _Known, digests: dict[Path, str]) -> bool:
    return bool(known.digest) and holds_the_same(path, known.digest, known.size, known.since_ns, digests)


def _matched_loans(lake: Lake, days: DateRange) -> dict[date, int]:
    """Count per day the loans of `loan_terms` that have a row in the feature store."""
    loans = lake.scan(silver(LOAN_TERMS), days).select(_KEYS)
    features = lake.scan(FEATURE_STORE, days).select(_KEYS)
    return dict(
        loans.join(features, on=_KEYS, how="semi").group_by("snapshot_date").agg(pl.len()).collect().iter_rows()
    )


__all__ = ["count_days", "counts_in_tables", "find_holes", "holes_of_build", "incomplete_days", "standing"]
