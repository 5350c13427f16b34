"""Land the raw download of a platform: read it whole, then write feeds, rejected records and a manifest."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from p2pcredit.contracts.catalogue import FeatureCatalogue
from p2pcredit.contracts.feeds import FEEDS, OWN_COLUMNS, Feed
from p2pcredit.errors import SourceError, UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.landing.checks import UnreadableValues, reasons_of, refuse_ruined
from p2pcredit.jobs.landing.doubts import (
    warn_of_days_not_covered,
    warn_of_empty_columns,
    warn_of_later_events,
    warn_of_unreadable,
)
from p2pcredit.jobs.landing.early_statuses import EarlyStatuses, noted
from p2pcredit.jobs.landing.entries import Source, entry_of, landed_before, loans_of, merged, under_way
from p2pcredit.jobs.landing.own_columns import look_at_own_columns, own_features_of, refuse_leaks
from p2pcredit.jobs.landing.plausibility.payments import LandedPayments, warn_of_payments
from p2pcredit.jobs.landing.plausibility.sizes import LandedSizes, warn_of_signs, warn_of_sizes
from p2pcredit.jobs.landing.queries import fetched
from p2pcredit.periods import DateRange
from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.platforms.registry import Profile, profile_named
from p2pcredit.platforms.spooled_book import SpooledBook, spooled
from p2pcredit.readers.warehouse.addresses import WarehouseQuery
from p2pcredit.storage.files import atomic_replace, sha256_of_file, unmodified_during, write_json_atomically
from p2pcredit.storage.home_format import mark_home
from p2pcredit.storage.landing.files import write_months
from p2pcredit.storage.landing.manifest import manifest_file, read_manifest
from p2pcredit.storage.landing.read import read_landing
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.locks import exclusive_lock
from p2pcredit.storage.own_features import joined_with, write_own_features

logger = logging.getLogger("p2pcredit")
_REJECTED_TOGETHER = 50_000
_KEPT_OF_REJECTED = ("file", "row_number", "reason", "raw")


def land(
    ctx: JobContext,
    platform: str,
    files: Sequence[Path],
    first: date | None,
    last: date | None,
    queries: Sequence[WarehouseQuery] = (),
) -> Receipt:
    """Land raw files: write every day from the first to the last date in them, or of the range asked for.

    Every day gets all feeds; days without rows get empty ones. Nothing is written before the whole of every file
    has been read and judged; of a refused landing only the rejected records are kept. Landing the same files again
    writes the same bytes. On days that another file landed before, the loans of both stand; a loan of both is as the
    file says that landed last.

    Args:
        ctx: The context: the home directory, the limit of rejected records, and today.
        platform: A platform's name, or the path of a YAML profile.
        files: Raw downloads, or directories of them where a mapping says how they are named; may be empty for
            `synthetic`.
        first, last: Snapshot dates to land, both included; None for as far as the files go.
        queries: Queries of databases whose results are landed as raw files are.

    Returns:
        `platform`, `rows_in`, `rows_landed`, `rows_rejected`, `first_date`, `last_date`, `feeds` (feed -> rows),
        `reasons` (reason -> `count` and `example` of the rejected records), `unreadable` (`feed.column` -> `count` and
        `example` of the values that silver will not read), `never_given` (raw columns in which no row has a value),
        `implausible` (`feed.column` -> how the numbers of the column are of no plausible size, or contradict others),
        `early_statuses` (of the loans whose status is older than they are `count`, and the first as id and both dates;
        None without any),
        `replaced` (loans of earlier files that this landing holds), and where a mapping declares own columns as
        features `own_columns` (see `jobs.landing.own_columns`).
        `rows_in` is always `rows_landed` + `rows_rejected`.

    Raises:
        UsageError: Unknown platform, dates that make no range or that the files do not reach, or a home with a landing
            that would be mixed with this.
        SourceError: A raw file cannot be used, or too much of it; a database refuses a query, or it gives no rows.
        ServiceError: A database does not answer.
        StorageError: The disk refuses.
    """
    if first is not None and last is not None:
        DateRange(first, last)
    profile = profile_named(platform, ctx.at.date())
    own = FeatureCatalogue(tuple(own_features_of(profile)))
    joined_with(ctx.catalogue, own.own, profile.name)  # refused before the files are read
    files = _files_of(profile, files)
    with ExitStack() as until_landed:
        results = until_landed.enter_context(fetched(queries, ctx.progress))
        files += results
        with ExitStack() as still:
            for path in files:
                still.enter_context(unmodified_during(path))
            sources = _digest(files, results)
            looked = Looked.at(own)
            parts = _counted(ctx, profile.parts(files, first, last), looked)
            book = until_landed.enter_context(spooled(parts, f"the download of {profile.name}", looked.further))
        return _land_book(ctx, profile, sources, book, looked, first, last)


def _land_book(
    ctx: JobContext,
    profile: Profile,
    sources: tuple[Source, ...],
    book: SpooledBook,
    looked: Looked,
    first: date | None,
    last: date | None,
) -> Receipt:
    platform, is_file = profile.name, bool(sources)
    if is_file:
        _require_days_inside(book, first, last, ctx.at.date())
    else:
        sources = (Source(f"{platform} without a file", hashlib.sha256(book.recipe.encode()).hexdigest()),)
    if last is None:
        book = _until_today(book, ctx.at.date())
    days = _days_to_land(book, first, last)
    if days is not None:
        if is_file:
            warn_of_days_not_covered(book, days, profile.read_on)
        warn_of_later_events(book, days, profile.read_on)
        book = book.within(days)
    doubts = _judge(ctx, profile, sources, book, looked) if is_file else _Doubts()
    early = looked.early.within(days)
    mark_home(ctx.layout.home)
    with exclusive_lock(ctx.layout.landing_lock, "the landing directory"):
        feeds, replaced = _write_book(ctx, profile, sources, book, looked, days, early, is_file=is_file)
    return {
        "platform": platform,
        "rows_in": book.rows_in,
        "rows_landed": book.rows_landed,
        "rows_rejected": book.rejected.height,
        "first_date": days.first.isoformat() if days else None,
        "last_date": days.last.isoformat() if days else None,
        "feeds": {name: book.count(name) for name in feeds},
        "reasons": reasons_of(book.rejected),
        "unreadable": looked.unreadable.as_json(),
        "never_given": doubts.never_given,
        "implausible": doubts.implausible,
        "early_statuses": {"count": len(early), "example": early[0]} if early else None,
        "replaced": replaced,
        **({"own_columns": doubts.own_columns} if looked.further else {}),
    }


@dataclass(frozen=True, slots=True)
class _Doubts:
    """What a file that is taken in is doubted for, as the receipt has it."""

    never_given: list[str] = field(default_factory=list)
    implausible: dict[str, dict[str, Any]] = field(default_factory=dict)
    own_columns: dict[str, dict[str, Any]] = field(default_factory=dict)


def _judge(
    ctx: JobContext, profile: Profile, sources: tuple[Source, ...], book: SpooledBook, looked: Looked
) -> _Doubts:
    """Refuse a ruined book, keeping its rejected records, and warn of what is doubtful in another.

    Raises:
        SourceError: If too many records were rejected, too many values of a column cannot be read, or an own column
            was filled after the loan was made.
    """
    limit, judging = ctx.settings.landing.max_rejected_share, ctx.settings.preprocessing
    kept_in = _rejected_file(ctx.layout, profile.name, sources)
    try:
        refuse_ruined(book, looked.unreadable, limit, profile.remedies, kept_in)
    except SourceError as error:
        if book.rejected.height:
            _write_rejected(kept_in, book)
        names = ", ".join(source.name for source in sources)
        raise SourceError(f"{names}: {error}") from error
    warn_of_unreadable(looked.unreadable, limit, profile.remedies)
    never_given = warn_of_empty_columns(looked.unreadable, profile.expected)
    bounds = looked.sizes.catalogue.plausible
    found = looked.sizes.findings(judging.level_shift_chance, judging.own_sizes)
    implausible = warn_of_sizes(found, profile.expected, bounds)
    signs = looked.sizes.signs({*judging.own_sizes, *implausible})
    implausible |= warn_of_signs(signs, profile.expected, bounds)
    unpaid = looked.payments.findings(judging.level_shift_chance, {*judging.own_sizes, *implausible})
    implausible |= warn_of_payments(unpaid, profile.expected)
    own_columns = look_at_own_columns(book, looked.sizes.catalogue, ctx.settings.training.max_single_feature_auc)
    refuse_leaks(own_columns)
    return _Doubts(never_given, implausible, own_columns)


def _write_book(
    ctx: JobContext,
    profile: Profile,
    sources: tuple[Source, ...],
    book: SpooledBook,
    looked: Looked,
    days: DateRange | None,
    early: list[list[str]],
    *,
    is_file: bool,
) -> tuple[Mapping[str, Feed], int]:
    """Write the days of a book under the lock of the landing directory; the manifest says before and after which.

    Returns:
        The feeds written, and how many loans of earlier files are now as this one says.
    """
    earlier = read_manifest(ctx.layout)
    currency = getattr(profile, "currency", None)
    landings = merged(earlier, profile.name, sources, days, is_file=is_file, currency=currency)
    before = landed_before(ctx.layout, book, landings, sources, days) if is_file and days is not None else None
    if days is not None:
        noted(landings, entry_of(landings, sources, days), early, partial(loans_of, book, "loan_terms", days))
    span, replaced, alike = days if before is None else before.span, 0, list[tuple[str, str]]()
    catalogue = joined_with(ctx.catalogue, looked.sizes.catalogue.own, profile.name)
    write_own_features(ctx.layout, catalogue)
    feeds = {**FEEDS, **{feed.name: catalogue.feed(feed.name) for feed in looked.further}}
    _write_manifest(ctx.layout, profile.name, under_way(landings, sources, days, span))
    _write_rejected(_rejected_file(ctx.layout, profile.name, sources), book)
    if span is not None:
        replaced, alike = (0, alike) if before is None else before.met(FEEDS["loan_terms"])
        for done, (name, feed) in enumerate(feeds.items()):
            ctx.progress(f"writing {name}", done, len(feeds))
            rows = partial(book.rows, name)
            for some in [span] if before is None else before.spans:
                write_months(ctx.layout, feed, rows if before is None else before.merged(feed, rows), some)
    _write_manifest(ctx.layout, profile.name, landings)
    if replaced and span is not None:
        logger.warning(
            "%d loans had landed from an earlier file; they are now as the new one says; preprocess %s to %s again",
            replaced,
            span.first,
            span.last,
        )
    if alike:
        logger.warning(
            "%d loans have the id of a loan of an earlier file but for its leading zeros, such as %s where %s had "
            "landed; where they are the same, each now stands twice: write ids as text, and land into a new home",
            len(alike),
            *reversed(alike[0]),
        )
    return feeds, replaced


def last_origination(ctx: JobContext, days: DateRange) -> date | None:
    """Return the last of these days on which a loan was originated, from the landing files; None where none was."""
    newest = read_landing(ctx.layout, FEEDS["loan_terms"], days).frame["snapshot_date"].max()
    return newest if isinstance(newest, date) else None


@dataclass(slots=True)
class Looked:
    """What was seen of a book as its parts came by."""

    unreadable: UnreadableValues = field(default_factory=UnreadableValues)
    sizes: LandedSizes = field(default_factory=LandedSizes)
    early: EarlyStatuses = field(default_factory=EarlyStatuses)
    payments: LandedPayments = field(default_factory=LandedPayments)

    @classmethod
    def at(cls, own: FeatureCatalogue) -> Looked:
        """Start with nothing counted yet, on a book with these own columns."""
        further = (own.feed(OWN_COLUMNS.name),) if own.own else ()
        return cls(UnreadableValues(further), LandedSizes(own))

    @property
    def further(self) -> tuple[Feed, ...]:
        """The feeds that the book has besides those of every day."""
        return self.unreadable.further

    def look_at(self, part: RawBook) -> None:
        """Add a part."""
        for one in (self.unreadable, self.sizes, self.early, self.payments):
            one.look_at(part)


def _counted(ctx: JobContext, parts: Iterable[RawBook], looked: Looked) -> Iterator[RawBook]:
    """Pass the parts on; report how many loans they hold, and look at what is in them."""
    loans = 0
    for part in parts:
        looked.look_at(part)
        yield part
        loans += part.rows_landed
        ctx.progress(f"{loans:,} loans read", 0, None)


def _files_of(profile: Profile, given: Sequence[Path]) -> list[Path]:
    """Put the files of a directory in its place, where the profile says how they are named."""
    files: list[Path] = []
    for path in given:
        if not path.is_dir():
            files.append(path)
        elif (find := getattr(profile, "files_in", None)) is None:
            raise UsageError(f"{path} is a directory; give the files of {profile.name} by name")
        else:
            files += find(path)
    return files


def _digest(files: Sequence[Path], results: Mapping[Path, Source]) -> tuple[Source, ...]:
    for path in files:
        if not path.is_file():
            raise SourceError(f"there is no file {path}; check the path")
    sources = tuple(results.get(path) or Source(path.name, sha256_of_file(path)) for path in files)
    seen: set[str] = set()
    for source in sources:
        if source.sha256 in seen:
            raise UsageError(f"{source.name} is given twice, perhaps under another name; give each raw file once")
        seen.add(source.sha256)
    return sources


def _until_today(book: SpooledBook, today: date) -> SpooledBook:
    """Drop the loans and events that bear a date in the future."""
    days = book.days()
    if days is None or days.last <= today:
        return book
    return book.within(DateRange(min(days.first, today), today), f"originated after {today}, in the future")


def _require_days_inside(book: SpooledBook, first: date | None, last: date | None, today: date) -> None:
    """Make sure that the days asked for are not in the future, and that the files reach them.

    Raises:
        UsageError: If not; names the days that the files hold.
    """
    own = book.days()
    held_days = "" if own is None else f"; the files hold {own.first} to {own.last}"
    for option, day in (("--from", first), ("--to", last)):
        if day is not None and day > today:
            raise UsageError(f"{option} {day} lies in the future, after {today}{held_days}")
    if own is None:
        return
    if (first is not None and first > own.last) or (last is not None and last < own.first):
        raise UsageError(
            f"no loan or event lies in {first or own.first} to {last or own.last}{held_days}; ask for days of those"
        )


def _days_to_land(book: SpooledBook, first: date | None, last: date | None) -> DateRange | None:
    own = book.days()
    start = first or (own.first if own else last)
    end = last or (own.last if own else first)
    if start is None or end is None:
        return None
    if end < start:
        raise UsageError(f"the files end on {end}, before {start}, or start after it; ask for days that they hold")
    return DateRange(start, end)


def _write_manifest(layout: Layout, platform: str, landings: list[dict[str, Any]]) -> None:
    complete = all(entry.get("complete", True) for entry in landings)
    content = {"platform": platform, "complete": complete, "landings": landings}
    write_json_atomically(manifest_file(layout), content)


def _rejected_file(layout: Layout, platform: str, sources: tuple[Source, ...]) -> Path:
    together = "".join(source.sha256 for source in sources)
    digest = together if len(sources) == 1 else hashlib.sha256(together.encode()).hexdigest()
    return layout.landing / "rejected" / f"{platform}_{digest[:8]}.jsonl"


def _write_rejected(path: Path, book: SpooledBook) -> None:
    with atomic_replace(path) as temporary, temporary.open("wb") as stream:
        for some in book.rejected.select(_KEPT_OF_REJECTED).iter_slices(_REJECTED_TOGETHER):
            stream.write(some.write_ndjson().encode())


__all__ = ["land", "last_origination"]
