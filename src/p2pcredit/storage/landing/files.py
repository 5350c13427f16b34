"""Landing files by their names: where a day of a feed is found, and how months and single days are written."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from datetime import date
from functools import partial
from io import BytesIO
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import ALL_FEEDS, Feed
from p2pcredit.errors import OutsideHomeError, SourceError, UnreadableFileError
from p2pcredit.periods import DateRange, month_end, month_start
from p2pcredit.prefetch import prefetch_map
from p2pcredit.storage.files import (
    atomic_replace,
    disk_error,
    file_fingerprint,
    names_in,
    remove,
    sync,
    write_bytes_atomically,
)
from p2pcredit.storage.landing.presence import DAY_ENDINGS, day_names, month_file
from p2pcredit.storage.layout import Layout

SNAPSHOT = "snapshot_date"
BYTES_TOGETHER = 24 << 20
"""How much of what has landed is preprocessed in one commit per table: it is held in memory, many times as large."""

_DATED = re.compile(
    r"(?P<feed>[a-z_]+?)_(?P<year>\d{4})_(?P<month>\d{2})(?:_(?P<day>\d{2}))?(?P<ending>\.csv|\.csv\.gz|\.parquet)"
)

OVERLOOKED = (
    "has no name of a landing file and nothing reads it; name it FEED_YYYY_MM_DD.csv where it is the day's file, else "
    "move it away"
)
"""What to say of a file that `overlooked_files` finds."""
_SPEAKS_OF_A_DAY = re.compile(r"[ _.-]*(?P<year>\d{4})[ _.-](?P<month>\d{1,2})(?:[ _.-](?P<day>\d{1,2}))?(?!\d)")


def find_landing_file(layout: Layout, feed_name: str, day: date) -> Path | None:
    """Find the file that holds this feed's rows of `day`: its own, else its month's, else None.

    Raises:
        SourceError: If two files of its own hold the day, such as `.csv` and `.csv.gz`.
        UnreadableFileError: If something else than a file bears that name.
        OutsideHomeError: If it is a link that leads out of the landing directory.
    """
    return find_landing_files(layout, feed_name, DateRange(day, day))[day]


def find_landing_files(layout: Layout, feed_name: str, days: DateRange) -> dict[date, Path | None]:
    """Find the files of each of these days, in order; the directory is listed once.

    Raises:
        SourceError, UnreadableFileError, OutsideHomeError: As for one day.
        StorageError: If the directory cannot be looked into.
    """
    directory = layout.landing / feed_name
    try:
        there = set(os.listdir(directory))
    except FileNotFoundError:
        there = set()
    except OSError as error:
        raise disk_error("look into", directory, error) from error
    plain = _is_inside(layout, feed_name)
    files: dict[date, Path | None] = {}
    with_days = _months_with_days(there)
    for month in days.months():
        of_month = month_file(layout, feed_name, month.first)
        own = _own_files(feed_name, month, there) if of_month.stem in with_days else {}
        needed = of_month.name in there and len(own) < len(month)
        files.update(dict.fromkeys(month, _checked(layout, of_month, plain=plain) if needed else None))
        files.update({day: _checked(layout, directory / name, plain=plain) for day, name in own.items()})
    return files


def _own_files(feed_name: str, days: DateRange, there: Collection[str]) -> dict[date, str]:
    """Find the name of the file that holds a day alone, for each of these days that has one.

    Raises:
        SourceError: If two files hold the same day; neither is preferred.
    """
    own: dict[date, str] = {}
    capitals = [name for name in there if name != name.lower()]
    for day in days:
        names = day_names(feed_name, day)
        found = [name for name in names if name in there]
        found += sorted(name for name in capitals if found and name.lower() in names)
        if len(found) > 1:
            paths = " and ".join(f"data/{feed_name}/{name}" for name in found)
            raise SourceError(f"{paths} hold feed '{feed_name}' of {day} more than once; keep one, move the rest away")
        if found:
            own[day] = found[0]
    return own


def days_beside_month(layout: Layout, feed_name: str, days: DateRange) -> dict[str, list[date]]:
    """Find the days that have a file of their own beside that of their month, whose rows of these days nothing reads.

    Returns:
        `data/FEED/NAME` of the month's file -> these days, in order.

    Raises:
        SourceError, StorageError: As for one day.
    """
    there = set(names_in(layout.landing / feed_name))
    found = {}
    for month in days.months():
        name = month_file(layout, feed_name, month.first).name
        if name in there and (own := list(_own_files(feed_name, month, there))):
            found[f"data/{feed_name}/{name}"] = own
    return found


def landed_range(layout: Layout) -> DateRange | None:
    """Return the first and the last day that files of any feed hold, by their names; None where nothing has landed.

    Raises:
        StorageError: If a directory cannot be looked into.
    """
    spans: list[DateRange] = []
    for feed in ALL_FEEDS:
        spans += filter(None, (_days_of_name(feed, name) for name in names_in(layout.landing / feed)))
    return DateRange(min(s.first for s in spans), max(s.last for s in spans)) if spans else None


def overlooked_files(layout: Layout, feed_name: str, days: DateRange | None = None) -> list[str]:
    """Find the files of a feed whose names speak of one of these days (of any where None) and which nothing reads.

    Such is what a browser calls a second download, `financial_2024_02_01 (1).csv`, or a day without its nought,
    `financial_2024_2_1.csv`: no landing file bears such a name, so that what it holds would be passed over.

    Returns:
        `data/FEED/NAME` of each, in order.

    Raises:
        StorageError: If the directory cannot be looked into.
    """
    found = []
    for name in names_in(layout.landing / feed_name):
        rest = name[len(feed_name) :] if name.lower().startswith(feed_name) else ""
        spoken = _days_of(_SPEAKS_OF_A_DAY.match(rest))
        asked = spoken is not None and (days is None or (spoken.first <= days.last and days.first <= spoken.last))
        if asked and _days_of_name(feed_name, name) is None:
            found.append(f"data/{feed_name}/{name}")
    return sorted(found)


def _days_of_name(feed_name: str, name: str) -> DateRange | None:
    """Parse the days that a landing file holds from its name; None where it is no name of a landing file."""
    found = _DATED.fullmatch(name)
    if found is None or found["feed"] != feed_name or (found["day"] is None and found["ending"] != ".parquet"):
        return None
    return _days_of(found)


def _days_of(found: re.Match[str] | None) -> DateRange | None:
    """Give the day, or the month where no day is named; None where nothing was found or there is no such day."""
    if found is None:
        return None
    try:
        first = date(int(found["year"]), int(found["month"]), int(found["day"] or 1))
    except ValueError:
        return None
    return DateRange(first, first if found["day"] else month_end(first))


def landed_state(layout: Layout, feed_name: str, days: DateRange) -> dict[Path, tuple[int, ...]]:
    """Fingerprint each landing file of this feed and these days; it differs once one of them landed again.

    Raises:
        SourceError, OutsideHomeError, StorageError: As for one day.
    """
    files = find_landing_files(layout, feed_name, days).values()
    return {path: file_fingerprint(path) for path in dict.fromkeys(files) if path is not None}


def landed_bytes(layout: Layout, days: DateRange) -> list[tuple[DateRange, int]]:
    """Sum the bytes of what has landed of all feeds, for each month of these days.

    Raises:
        SourceError, OutsideHomeError, StorageError: As for one day.
    """
    files = [find_landing_files(layout, feed, days) for feed in ALL_FEEDS]
    found = []
    for month in days.months():
        paths = {path for of_feed in files for day in month if (path := of_feed[day]) is not None}
        found.append((month, sum(path.stat().st_size for path in paths)))
    return found


def _is_inside(layout: Layout, feed_name: str) -> bool:
    """Return whether the directory of a feed is no link that leads out of the landing directory."""
    try:
        layout.feed_file(feed_name, feed_name)
    except OutsideHomeError:
        return False
    return True


def _checked(layout: Layout, path: Path, *, plain: bool) -> Path:
    """Return the path if it is a file inside the landing directory; `plain` says that its directory is no link."""
    try:
        if path.is_file():
            return path if plain and not path.is_symlink() else layout.feed_file(path.parent.name, path.name)
    except OSError as error:
        raise disk_error("look into", path.parent, error) from error
    raise UnreadableFileError(f"{path} is no file but a directory, a link to nothing or the like; move it away")


def write_months(layout: Layout, feed: Feed, rows_of: Callable[[date], pl.DataFrame], days: DateRange) -> None:
    """Land a feed for every day of `days`: whole months as one Parquet file, other days as one CSV file each.

    What is written replaces what was there for those days; days without rows become files without rows. Months are
    made ready side by side; no more than the rows of a few are held in memory.

    Args:
        layout: The home directory.
        feed: The contract of the feed.
        rows_of: Given the first day of a month, its rows within `days`: `snapshot_date` (Date) and columns of the feed
            as text.
        days: The days to cover.

    Raises:
        StorageError: If the disk refuses; each file is whole or as it was.
    """
    directory = layout.feed_file(feed.name, feed.name).parent  # a directory that leads away is not written to
    there = set(os.listdir(directory)) if directory.is_dir() else set()
    with_days = _months_with_days(there)
    spans = list(days.months())
    for span, rows in zip(spans, prefetch_map(partial(_ready_to_write, feed, rows_of), spans), strict=True):
        if not isinstance(rows, memoryview):
            _write_days(layout, feed.name, rows, span)
            continue
        path = month_file(layout, feed.name, span.first)
        in_place_of_days = path.stem in with_days
        write_bytes_atomically(path, rows, among=there, sync_names=in_place_of_days)
        if in_place_of_days:
            for stale in sorted(there.intersection(name for day in span for name in day_names(feed.name, day))):
                remove(directory / stale)
    try:
        sync(directory)
    except OSError as error:
        raise disk_error("write", directory, error) from error


def _ready_to_write(feed: Feed, rows_of: Callable[[date], pl.DataFrame], span: DateRange) -> pl.DataFrame | memoryview:
    """Lay out the rows of a month, or of the part asked for; a whole month as the bytes of its file."""
    ordered = rows_of(month_start(span.first))
    if not ordered[SNAPSHOT].is_sorted():
        ordered = ordered.sort(SNAPSHOT, maintain_order=True)
    if ordered.columns != [SNAPSHOT, *feed.sources]:
        absent = [pl.lit(None, dtype=pl.String).alias(name) for name in feed.sources if name not in ordered.columns]
        ordered = ordered.with_columns(absent).select(SNAPSHOT, *feed.sources)
    if span != DateRange(month_start(span.first), month_end(span.first)):
        return ordered
    whole = BytesIO()  # written by the engine itself, a full disk may show as an error that does not name it
    ordered.write_parquet(whole, compression="zstd", statistics=True)
    return whole.getbuffer()


def _write_days(layout: Layout, feed_name: str, rows: pl.DataFrame, span: DateRange) -> None:
    by_day = rows.partition_by(SNAPSHOT, as_dict=True)
    directory = layout.landing / feed_name
    for day in span:
        kept, *others = day_names(feed_name, day)
        with atomic_replace(directory / kept) as path:
            by_day.get((day,), rows.clear()).drop(SNAPSHOT).write_csv(path, quote_style="always")
        for stale in others:
            remove(directory / stale)


def _months_with_days(names: Collection[str]) -> frozenset[str]:
    """Return the stems of the months of which files of single days are among these names."""
    return frozenset(name.partition(".")[0][: -len("_dd")] for name in names)


__all__ = [
    "DAY_ENDINGS",
    "OVERLOOKED",
    "SNAPSHOT",
    "days_beside_month",
    "find_landing_file",
    "find_landing_files",
    "landed_bytes",
    "landed_range",
    "landed_state",
    "month_file",
    "overlooked_files",
    "write_months",
]
