"""Find the landing files of complete days that are others than were taken in, by names, sizes, times and digests.

Light enough for a task that finds nothing on most nights: no file is parsed and no engine is imported. Whether such a
file holds other rows too is for `jobs.landing.deliveries` to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

from p2pcredit.contracts.feeds import OPTIONAL_FEEDS
from p2pcredit.jobs.preprocessing.completeness.kept_facts import Seen, seen_in_receipts
from p2pcredit.storage.files import disk_error, names_in, sha256_of_file
from p2pcredit.storage.landing.presence import day_names, days_landed, month_file
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import Facts, receipt_written_at

_MARGIN_NS = int(timedelta(days=1).total_seconds()) * 10**9
"""How long before its receipt a day's files may have been read."""


def known_since(layout: Layout, days: Iterable[date]) -> dict[date, int]:
    """Give from when on a change of a day's files counts: a day before its receipt was written, in nanoseconds."""
    return {day: receipt_written_at(layout, day) - _MARGIN_NS for day in days}


def changed_or_late(
    layout: Layout, feed: str, receipts: Mapping[date, Facts], since_ns: Mapping[date, int] | None = None
) -> list[date]:
    """Find those of these days whose landing file is another than their receipt keeps, or came after it, in order.

    Only an optional feed can come after the receipt of its day: without any other feed there is no receipt.

    Args:
        layout, since_ns: As of `changed_files`.
        feed: Its name.
        receipts: Of complete days.
    """
    seen = seen_in_receipts(receipts, feed)
    found = changed_files(layout, feed, seen, since_ns)
    late = days_landed(layout, feed, receipts.keys() - seen.keys()) if feed in OPTIONAL_FEEDS else set()
    return sorted({*found, *late})


def changed_files(
    layout: Layout, feed: str, seen: Mapping[date, Seen], since_ns: Mapping[date, int] | None = None
) -> list[date]:
    """Find those of these days whose landing file has another size or digest than its receipt keeps, in order.

    Args:
        layout: The home directory.
        feed: Its name.
        seen: Per complete day what its receipt keeps of the feed.
        since_ns: Per day from when on a change counts: a file of the same size that last changed before is taken as it
            was. Where None, each file is read.

    Returns:
        Days whose file is another, and those that two files hold now. A day whose file is gone is none of them.
    """
    there = frozenset(names_in(layout.landing / feed))
    digests: dict[Path, str] = {}
    found: list[date] = []
    for day, kept in sorted(seen.items()):
        paths = _files_of(layout, feed, day, there)
        known = len(paths) == 1 and (not kept.digest or _is_same(paths[0], kept, (since_ns or {}).get(day, 0), digests))
        if paths and not known:
            found.append(day)
    return found


def _files_of(layout: Layout, feed: str, day: date, there: Collection[str]) -> list[Path]:
    """List a day's own files, on a disk that tells capitals apart too; that of its month where it has none."""
    names = day_names(feed, day)
    own = [name for name in names if name in there]
    own += sorted(name for name in there if own and name != name.lower() and name.lower() in names)
    month = month_file(layout, feed, day)
    return [layout.landing / feed / name for name in own] or [path for path in (month,) if path.name in there]


def holds_the_same(path: Path, digest: str, size: int, since_ns: int, digests: dict[Path, str]) -> bool:
    """Test whether a file holds what was read of it before; it is read only where size and times do not tell.

    Args:
        path: The file.
        digest, size: SHA-256 and bytes of what was read.
        since_ns: A file of this size that last changed before is taken as it was, in nanoseconds; 0 where none is.
        digests: Of files read before, which are not read again; those read now are added.

    Raises:
        OSError: If it is gone or cannot be read.
    """
    found = path.stat()
    if found.st_size != size:
        return False
    if max(found.st_mtime_ns, found.st_ctime_ns) < since_ns:
        return True
    if path not in digests:
        digests[path] = sha256_of_file(path)
    return digests[path] == digest


def _is_same(path: Path, seen: Seen, since_ns: int, digests: dict[Path, str]) -> bool:
    try:
        return holds_the_same(path, seen.digest, seen.size, since_ns, digests)
    except FileNotFoundError:
        return True  # taken away this moment
    except OSError as error:
        raise disk_error("read", path, error) from error


__all__ = ["changed_files", "changed_or_late", "holds_the_same", "known_since"]
