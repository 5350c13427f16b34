"""Land the raw download of a platform: read it whole, then write feeds, rejected records and a manifest."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.errors import SourceError, UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.periods import DateRange
from p2pcredit.platforms.profiles import profile_named
from p2pcredit.platforms.raw_book import RawBook
from p2pcredit.platforms.spooled_book import SpooledBook, spooled
from p2pcredit.storage.files import holding_still, replacing, sha256_of_file, write_json_atomically
from p2pcredit.storage.landing import read_landing
from p2pcredit.storage.landing_files import write_months
from p2pcredit.storage.landing_manifest import manifest_file, read_manifest
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.locks import held

logger = logging.getLogger("p2pcredit")
_REJECTED_TOGETHER = 50_000


@dataclass(frozen=True, slots=True)
class _Source:
    """A raw file, by its name and the SHA-256 of its bytes."""

    name: str
    sha256: str


def land(ctx: JobContext, platform: str, files: Sequence[Path], first: date | None, last: date | None) -> Receipt:
    """What landed from these raw files?

    Every day from the first to the last date in the files, or of the range asked for, gets all five feeds; days without
    rows get empty ones. Nothing is written before the whole of every file has been read. Landing the same files again
    writes the same bytes.

    Args:
        ctx: The surroundings; the home directory is all that is used of it.
        platform: A platform's name, or the path of a YAML profile.
        files: Raw downloads; may be empty for `synthetic`.
        first, last: Snapshot dates to land, both included; None for as far as the files go.

    Returns:
        `platform`, `rows_in`, `rows_landed`, `rows_rejected`, `first_date`, `last_date`, `feeds` (feed -> rows).
        `rows_in` is always `rows_landed` + `rows_rejected`.

    Raises:
        UsageError: Unknown platform, dates that make no range, or a home with a landing that would be mixed with this.
        SourceError: A raw file cannot be used.
        StorageError: The disk refuses.
    """
    if first is not None and last is not None:
        DateRange(first, last)
    profile = profile_named(platform)
    with ExitStack() as until_landed:
        with ExitStack() as still:
            for path in files:
                still.enter_context(holding_still(path))
            sources = _digest(files)
            parts = _told(ctx, profile.parts(files, first, last))
            book = until_landed.enter_context(spooled(parts, f"the download of {profile.name}"))
        return _land_book(ctx, profile.name, sources, book, first, last)


def _land_book(
    ctx: JobContext,
    platform: str,
    sources: tuple[_Source, ...],
    book: SpooledBook,
    first: date | None,
    last: date | None,
) -> Receipt:
    if not sources:
        sources = (_Source(f"{platform} without a file", hashlib.sha256(book.recipe.encode()).hexdigest()),)
    if last is None:
        book = _until_today(book, ctx.at.date())
    days = _days_to_land(book, first, last)
    if days is not None:
        _tell_of_later_events(book, days)
        book = book.within(days)
    with held(ctx.layout.landing_lock, "the landing directory"):
        earlier = read_manifest(ctx.layout)
        landings = _merged(earlier, platform, sources, days)
        _write_manifest(ctx.layout, platform, [_under_way(entry, days) for entry in landings])
        _write_rejected(ctx.layout, platform, sources, book)
        if days is not None:
            for done, (name, feed) in enumerate(FEEDS.items()):
                ctx.progress(f"writing {name}", done, len(FEEDS))
                write_months(ctx.layout, feed, partial(book.rows, name), days)
        _write_manifest(ctx.layout, platform, landings)
    return {
        "platform": platform,
        "rows_in": book.rows_in,
        "rows_landed": book.rows_landed,
        "rows_rejected": book.rejected.height,
        "first_date": days.first.isoformat() if days else None,
        "last_date": days.last.isoformat() if days else None,
        "feeds": {name: book.count(name) for name in FEEDS},
    }


def last_origination(ctx: JobContext, days: DateRange) -> date | None:
    """The last of these days on which a loan was originated, from the landing files; None where none was."""
    newest = read_landing(ctx.layout, FEEDS["loan_terms"], days).frame["snapshot_date"].max()
    return newest if isinstance(newest, date) else None


def _told(ctx: JobContext, parts: Iterable[RawBook]) -> Iterator[RawBook]:
    """The same parts; says of how many loans they were."""
    loans = 0
    for part in parts:
        yield part
        loans += part.rows_landed
        ctx.progress(f"{loans:,} loans read", 0, None)


def _tell_of_later_events(book: SpooledBook, days: DateRange) -> None:
    later = book.count("loan_performance", DateRange(days.last + timedelta(days=1), date.max))
    if later:
        logger.warning(
            "%d servicing events become visible after %s, the last day landed; land with a later --to to have them",
            later,
            days.last,
        )


def _digest(files: Sequence[Path]) -> tuple[_Source, ...]:
    for path in files:
        if not path.is_file():
            raise SourceError(f"there is no file {path}; check the path")
    sources = tuple(_Source(path.name, sha256_of_file(path)) for path in files)
    seen: set[str] = set()
    for source in sources:
        if source.sha256 in seen:
            raise UsageError(f"{source.name} is given twice, perhaps under another name; give each raw file once")
        seen.add(source.sha256)
    return sources


def _until_today(book: SpooledBook, today: date) -> SpooledBook:
    """The book without the loans and events that bear a date in the future."""
    days = book.days()
    if days is None or days.last <= today:
        return book
    return book.within(DateRange(min(days.first, today), today), f"originated after {today}, in the future")


def _days_to_land(book: SpooledBook, first: date | None, last: date | None) -> DateRange | None:
    own = book.days()
    start = first or (own.first if own else last)
    end = last or (own.last if own else first)
    if start is None or end is None:
        return None
    if end < start:
        raise UsageError(f"the files end on {end}, before {start}, or start after it; ask for days that they hold")
    return DateRange(start, end)


def _merged(
    manifest: dict[str, Any], platform: str, sources: tuple[_Source, ...], days: DateRange | None
) -> list[dict[str, Any]]:
    """The landings of this home with the new one, unless it would mix two books."""
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
        there = DateRange(date.fromisoformat(entry["first_date"]), date.fromisoformat(entry["last_date"]))
        if there.first >= days.first and there.last <= days.last:
            continue
        overlaps = there.first <= days.last and days.first <= there.last
        if overlaps and not {file["sha256"] for file in entry["files"]} <= digests:
            names = ", ".join(file["name"] for file in entry["files"])
            raise UsageError(
                f"{days.first} to {days.last} overlaps {there.first} to {there.last}, landed from {names}; "
                "land all files in one command, or choose days apart with --from and --to"
            )
        kept.append(entry)
    new = {
        "files": [{"name": source.name, "sha256": source.sha256} for source in sources],
        "first_date": days.first.isoformat(),
        "last_date": days.last.isoformat(),
    }
    return sorted([*kept, new], key=lambda entry: (entry["first_date"], entry["last_date"]))


def _under_way(entry: dict[str, Any], days: DateRange | None) -> dict[str, Any]:
    """The entry of the landing that begins now says so until it is whole; those of others stay as they are."""
    mine = days is not None and (entry["first_date"], entry["last_date"]) == (f"{days.first}", f"{days.last}")
    return {**entry, "complete": False} if mine else entry


def _write_manifest(layout: Layout, platform: str, landings: list[dict[str, Any]]) -> None:
    complete = all(entry.get("complete", True) for entry in landings)
    content = {"platform": platform, "complete": complete, "landings": landings}
    write_json_atomically(manifest_file(layout), content)


def _write_rejected(layout: Layout, platform: str, sources: tuple[_Source, ...], book: SpooledBook) -> None:
    together = "".join(source.sha256 for source in sources)
    digest = together if len(sources) == 1 else hashlib.sha256(together.encode()).hexdigest()
    path = layout.landing / "rejected" / f"{platform}_{digest[:8]}.jsonl"
    with replacing(path) as temporary, temporary.open("wb") as stream:
        for some in book.rejected.iter_slices(_REJECTED_TOGETHER):
            stream.write(some.write_ndjson().encode())


__all__ = ["land", "last_origination"]
