"""Landing files: what a platform left for each feed and day, found, checked, read and written.

A day is read from its own file `<feed>_YYYY_MM_DD.csv` (`.csv.gz`, `.parquet`) where there is one, else from the file
of its month, `<feed>_YYYY_MM.parquet`, whose rows carry their day in `snapshot_date`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from p2pcredit.contracts.feeds import Feed
from p2pcredit.errors import HeaderError, MissingFeedError, UnreadableFileError, UsageError
from p2pcredit.periods import DateRange, month_end, month_start
from p2pcredit.platforms.delimited import read_delimited
from p2pcredit.storage.files import disk_error, replacing, sha256_of_file, write_bytes_atomically
from p2pcredit.storage.layout import Layout

DAY_ENDINGS = (".csv", ".csv.gz", ".parquet")
UNPARSED = "unparsed"
_ROW_NUMBER = "row_number"
_SNAPSHOT = "snapshot_date"
_WHEN_EMPTY = "even a day without loans has the header line"


@dataclass(frozen=True, slots=True)
class LandingRead:
    """What landed for a feed in a span of days.

    Args:
        frame: `snapshot_date` (Date), `source_file` (relative to the landing directory), `row_number` (Int64, from 1 in
            its file), `source_digest` (SHA-256 of that file), every column of the feed as text with blanks as null,
            and `unparsed`: the raw text of a record that has too few or too many fields, null for all others. Ordered
            by day and row number.
        missing: Days for which nothing has landed, in order.
        ignored_columns: Columns found that no contract names, in alphabetical order.
    """

    frame: pl.DataFrame
    missing: list[date]
    ignored_columns: tuple[str, ...]


def find_landing_file(layout: Layout, feed_name: str, day: date) -> Path | None:
    """Which file holds this feed's rows of `day`: its own, else its month's, else None?"""
    own = (path for path in _day_files(layout, feed_name, day) if path.is_file())
    month = _month_file(layout, feed_name, day)
    return next(own, month if month.is_file() else None)


def check_landing(layout: Layout, feed: Feed, day: date) -> dict[str, Any]:
    """Can this feed be read for `day`, and how much is it?

    Returns:
        `file` (relative to the landing directory), `rows` of that day, `bytes` of the file.

    Raises:
        MissingFeedError: Nothing has landed; it may still come.
        UnreadableFileError: What landed is cut off, empty, damaged or no text.
        HeaderError: What landed lacks required columns.
    """
    path = find_landing_file(layout, feed.name, day)
    if path is None:
        stem = f"data/{feed.name}/{feed.name}"
        raise MissingFeedError(
            f"feed '{feed.name}' has not landed for {day}: expected {stem}_{day:%Y_%m_%d}.csv or "
            f"{stem}_{day:%Y_%m}.parquet; land it or wait"
        )
    read = read_landing(layout, feed, DateRange(day, day))
    return {"file": _relative(layout, path), "rows": read.frame.height, "bytes": path.stat().st_size}


def read_landing(layout: Layout, feed: Feed, days: DateRange) -> LandingRead:
    """What landed for this feed from the first to the last of `days`?

    Raises:
        UnreadableFileError: A file is cut off, empty, damaged, no text, or holds rows of days that are not its own.
        HeaderError: A file lacks required columns.
    """
    frames: list[pl.DataFrame] = []
    missing: list[date] = []
    ignored: set[str] = set()
    for path, asked in _files_of(layout, feed.name, days):
        if path is None:
            missing.extend(asked)
            continue
        month_file = path == _month_file(layout, feed.name, asked[0])
        if path.suffix == ".parquet":
            raw, found = _read_parquet(path, feed, asked, month_file=month_file)
        else:
            raw, found = _read_csv(path, feed)
        if not month_file:
            raw = raw.with_columns(pl.lit(asked[0], dtype=pl.Date).alias(_SNAPSHOT))
        ignored |= set(found) - set(feed.sources) - {_SNAPSHOT, ""}
        frames.append(_as_landed(raw, feed, _relative(layout, path), sha256_of_file(path)))
    empty = _as_landed(pl.DataFrame(schema={_SNAPSHOT: pl.Date, _ROW_NUMBER: pl.Int64}), feed, "", "")
    frame = pl.concat([empty, *frames]).sort(_SNAPSHOT, _ROW_NUMBER)
    return LandingRead(frame, missing, tuple(sorted(ignored)))


def write_landing(layout: Layout, feed: Feed, frame: pl.DataFrame, days: DateRange) -> int:
    """Land a feed for every day of `days`: whole months as one Parquet file, other days as one CSV file each.

    What is written replaces what was there for those days; days without rows become files without rows.

    Args:
        layout: The home directory.
        feed: The contract of the feed.
        frame: `snapshot_date` (Date) and columns of the feed as text; all within `days`.
        days: The days to cover.

    Returns:
        How many rows were written.

    Raises:
        UsageError: If rows lie outside `days`.
        StorageError: If the disk refuses; each file is whole or as it was.
    """
    outside = frame.filter(~pl.col(_SNAPSHOT).is_between(days.first, days.last).fill_null(value=False)).height
    if outside:
        raise UsageError(
            f"{outside} rows of feed '{feed.name}' lie outside {days.first} to {days.last}; widen the range"
        )
    named = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in feed.sources if name not in frame)
    ordered = named.select(_SNAPSHOT, *feed.sources).sort(_SNAPSHOT, maintain_order=True)
    by_month = ordered.with_columns(pl.col(_SNAPSHOT).dt.month_start().alias("month")).partition_by(
        "month", as_dict=True, include_key=False
    )
    for span in days.months():
        rows = by_month.get((month_start(span.first),), ordered.clear())
        if span == DateRange(month_start(span.first), month_end(span.first)):
            _write_month(layout, feed.name, rows, span)
        else:
            _write_days(layout, feed.name, rows, span)
    return ordered.height


def _write_month(layout: Layout, feed_name: str, rows: pl.DataFrame, span: DateRange) -> None:
    whole = BytesIO()  # written by the engine itself, a full disk may show as an error that does not name it
    rows.write_parquet(whole, compression="zstd", statistics=True)
    write_bytes_atomically(_month_file(layout, feed_name, span.first), whole.getbuffer())
    directory = layout.landing / feed_name
    for stale in directory.glob(f"{feed_name}_{span.first:%Y_%m}_*"):
        if stale in {path for day in span for path in _day_files(layout, feed_name, day)}:
            _remove(stale)


def _write_days(layout: Layout, feed_name: str, rows: pl.DataFrame, span: DateRange) -> None:
    by_day = rows.partition_by(_SNAPSHOT, as_dict=True)
    for day in span:
        kept, *others = _day_files(layout, feed_name, day)
        with replacing(kept) as path:
            by_day.get((day,), rows.clear()).drop(_SNAPSHOT).write_csv(path, quote_style="always")
        for stale in others:
            _remove(stale)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error("remove", path, error) from error


def _day_files(layout: Layout, feed_name: str, day: date) -> tuple[Path, ...]:
    return tuple(layout.landing / feed_name / f"{feed_name}_{day:%Y_%m_%d}{ending}" for ending in DAY_ENDINGS)


def _month_file(layout: Layout, feed_name: str, day: date) -> Path:
    return layout.landing / feed_name / f"{feed_name}_{day:%Y_%m}.parquet"


def _relative(layout: Layout, path: Path) -> str:
    return path.relative_to(layout.landing).as_posix()


def _files_of(layout: Layout, feed_name: str, days: DateRange) -> Iterator[tuple[Path | None, list[date]]]:
    """Each file that holds days of the span, once, with those days; None for days without a file."""
    asked: dict[Path | None, list[date]] = {}
    for day in days:
        asked.setdefault(find_landing_file(layout, feed_name, day), []).append(day)
    yield from asked.items()


def _read_csv(path: Path, feed: Feed) -> tuple[pl.DataFrame, Sequence[str]]:
    def first_line(lines: Sequence[Sequence[str]]) -> int:
        _check_header(path, feed, lines[0])
        return 0

    text = read_delimited(path, first_line, feed.sources, when_empty=_WHEN_EMPTY)
    if not text.misfits:
        return text.frame, text.header
    wanted = set(feed.sources)
    misfits = pl.DataFrame(
        [
            {_ROW_NUMBER: misfit.row_number, UNPARSED: misfit.raw}
            | {name: value for name, value in zip(text.header, misfit.fields, strict=False) if name in wanted}
            for misfit in text.misfits
        ],
        schema={_ROW_NUMBER: pl.Int64, UNPARSED: pl.String, **dict.fromkeys(text.frame.columns[1:], pl.String)},
    )
    return pl.concat([text.frame, misfits], how="diagonal"), text.header


def _read_parquet(path: Path, feed: Feed, asked: list[date], *, month_file: bool) -> tuple[pl.DataFrame, Sequence[str]]:
    try:
        if path.stat().st_size == 0:
            raise UnreadableFileError(f"{path} has 0 bytes; write it as Parquet, with no rows where there are none")
        scan = pl.scan_parquet(path)
        schema = scan.collect_schema()
        _check_header(path, feed, schema.names())
        columns = [pl.col(name).cast(pl.String) for name in feed.sources if name in schema]
        numbered = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(_ROW_NUMBER)
        if not month_file:
            return scan.select(numbered, *columns).collect(), schema.names()
        if schema.get(_SNAPSHOT) != pl.Date:
            raise HeaderError(
                f"{path} has no column '{_SNAPSHOT}' of type date; a file of a month says the day of each row"
            )
        day, first = pl.col(_SNAPSHOT), month_start(asked[0])
        own = day.is_between(first, month_end(first)).fill_null(value=False)
        astray = int(scan.select((~own).sum()).collect().item())
        if astray:
            raise UnreadableFileError(
                f"{path} holds {astray} rows without a {_SNAPSHOT} in its month; mend them and retry"
            )
        return scan.select(_SNAPSHOT, numbered, *columns).filter(day.is_in(asked)).collect(), schema.names()
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UnreadableFileError(f"{path} cannot be read as Parquet ({reason}); land it again") from error


def _check_header(path: Path, feed: Feed, found: Sequence[str]) -> None:
    lacking = [name for name in feed.required_sources if name not in found]
    if lacking:
        raise HeaderError(
            f"{path} lacks the required columns {', '.join(lacking)} of feed '{feed.name}'; "
            f"its header must name {', '.join(feed.required_sources)}"
        )


def _as_landed(raw: pl.DataFrame, feed: Feed, source_file: str, digest: str) -> pl.DataFrame:
    def text(name: str) -> pl.Expr:
        if name not in raw.columns:
            return pl.lit(None, dtype=pl.String).alias(name)
        return pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)).alias(name)

    return raw.select(
        pl.col(_SNAPSHOT),
        pl.lit(source_file, dtype=pl.String).alias("source_file"),
        pl.col(_ROW_NUMBER),
        pl.lit(digest, dtype=pl.String).alias("source_digest"),
        *(text(name) for name in feed.sources),
        text(UNPARSED),
    )


__all__ = [
    "DAY_ENDINGS",
    "UNPARSED",
    "LandingRead",
    "check_landing",
    "find_landing_file",
    "read_landing",
    "write_landing",
]
