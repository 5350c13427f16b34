"""Find days that landed anew since they were preprocessed: their landing files hold other rows than bronze."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import feed_named
from p2pcredit.contracts.tables import bronze
from p2pcredit.errors import SourceError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.completeness.kept_facts import Seen, seen_in_receipts
from p2pcredit.periods import DateRange, count_of_days
from p2pcredit.storage.files import sha256_of_file
from p2pcredit.storage.landing.files import SNAPSHOT, find_landing_file, find_landing_files
from p2pcredit.storage.landing.read import UNPARSED, read_landing
from p2pcredit.storage.tables.day_receipts import last_complete_before, read_receipts, receipt_written_at

_MARGIN_NS = int(timedelta(days=1).total_seconds()) * 10**9


def recently_landed_anew(ctx: JobContext, feed: str, day: date) -> list[date]:
    """Find those of the last complete days before a day whose files came anew, in order.

    Files that have not changed since a day before the newest receipt was written are not opened, unless their size is
    another: the runs before looked at them.
    """
    days = last_complete_before(ctx.layout, day, ctx.settings.preprocessing.schema_drift_days)
    if not days:
        return []
    receipts = read_receipts(ctx.layout, days)
    since = receipt_written_at(ctx.layout, days[-1]) - _MARGIN_NS
    return landed_anew(ctx, feed, seen_in_receipts(receipts, feed), since)


def landed_anew(ctx: JobContext, feed: str, seen: Mapping[date, Seen], since_ns: int = 0) -> list[date]:
    """Find those of these days whose landing file is another than bronze took in, and holds other rows.

    Args:
        ctx: The context.
        feed: Its name.
        seen: Per day what its receipt keeps of the feed.
        since_ns: Files of the same size that last changed before (nanoseconds since 1970) are taken as they were.
    """
    files, anew = _files(ctx, feed, sorted(seen))
    digests: dict[Path, str] = {}
    suspects: list[date] = []
    for day, path in files.items():
        if path is None or not seen[day].digest:
            continue
        found = path.stat()
        if found.st_size == seen[day].size:
            if max(found.st_mtime_ns, found.st_ctime_ns) < since_ns:
                continue
            if path not in digests:
                digests[path] = sha256_of_file(path)
            if digests[path] == seen[day].digest:
                continue
        suspects.append(day)
    return sorted({*anew, *_with_other_rows(ctx, feed, suspects)})


def in_short(days: Sequence[date]) -> str:
    """Name the first of these days and count the others.

    Examples:
        >>> in_short([date(2020, 1, 5), date(2020, 1, 7)]), in_short([date(2020, 1, 5)])
        ('2020-01-05 and 1 day more', '2020-01-05')
    """
    return f"{days[0]}" + (f" and {count_of_days(len(days) - 1)} more" if len(days) > 1 else "")


def _files(ctx: JobContext, feed: str, days: list[date]) -> tuple[dict[date, Path | None], list[date]]:
    """Find the files of these days, and the days that have two files now."""
    if not days:
        return {}, []
    try:
        found = find_landing_files(ctx.layout, feed, DateRange(days[0], days[-1]))
        return {day: found[day] for day in days}, []
    except SourceError:
        files: dict[date, Path | None] = {}
        twice: list[date] = []
        for day in days:
            try:
                files[day] = find_landing_file(ctx.layout, feed, day)
            except SourceError:
                twice.append(day)
        return files, twice


def _with_other_rows(ctx: JobContext, feed: str, days: list[date]) -> list[date]:
    """Compare what landed with bronze, text by text: a day may move from its own file to that of its month."""
    if not days:
        return []
    from p2pcredit.storage.tables.lake import Lake  # loads Delta Lake, which is needed where a file changed only

    contract, span = feed_named(feed), DateRange(days[0], days[-1])
    columns = [SNAPSHOT, *contract.sources, UNPARSED]
    try:
        landed = read_landing(ctx.layout, contract, span).frame.select(columns)
    except SourceError:
        return days  # it cannot be read now; its own check says why
    taken = Lake(ctx.layout).scan(bronze(contract), span).sort(SNAPSHOT, "row_number").select(columns).collect()
    both = [rows.partition_by(SNAPSHOT, as_dict=True) for rows in (landed, taken)]
    nothing = pl.DataFrame()
    return [day for day in days if not both[0].get((day,), nothing).equals(both[1].get((day,), nothing))]


__all__ = ["in_short", "landed_anew", "recently_landed_anew"]
