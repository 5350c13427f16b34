"""Landing files: what a platform left for each feed and day, found, checked, read and written.

A day is read from its own file `<feed>_YYYY_MM_DD.csv` (`.csv.gz`, `.parquet`) where there is one, else from the file
of its month, `<feed>_YYYY_MM.parquet`, whose rows carry their day in `snapshot_date`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from p2pcredit.contracts.feeds import Feed
from p2pcredit.errors import HeaderError, MissingFeedError, UnreadableFileError, UsageError
from p2pcredit.periods import DateRange, month_end, month_start
from p2pcredit.platforms.bytestream import most_unpacked_bytes
from p2pcredit.platforms.delimited import read_delimited
from p2pcredit.storage.files import disk_error, holding_still, replacing, sha256_of_file, write_bytes_atomically
from p2pcredit.storage.layout import Layout

DAY_ENDINGS = (".csv", ".csv.gz", ".parquet")
UNPARSED = "unparsed"
_ROW_NUMBER = "row_number"
_SNAPSHOT = "snapshot_date"
_HONEST_ROWS = 1_000_000
_MOST_ROWS_PER_BYTE = 10
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
    """Which file holds this feed's rows of `day`: its own, else its month's, else None?

    Raises:
        UnreadableFileError: If something else than a file bears that name.
        OutsideHomeError: If it is a link that leads out of the landing directory.
    """
    for path in (*_day_files(layout, feed_name, day), _month_file(layout, feed_name, day)):
        try:
            if path.is_file():
                return layout.feed_file(feed_name, path.name)
        except OSError as error:
            raise disk_error("look into", layout.landing / feed_name, error) from error
        if os.path.lexists(path):
            raise UnreadableFileError(f"{path} is no file but a directory, a link to nothing or the like; move it away")
    return None


def check_landing(layout: Layout, feed: Feed, day: date) -> dict[str, Any]:
    """Can this feed be read for `day`, and how much is it?

    Returns:
        `file` (relative to the landing directory), `rows` of that day, `bytes` of the file.

    Raises:
        MissingFeedError: Nothing has landed, or it is still being written; it may still come.
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
        MissingFeedError: A file changed while it was read: it has not landed whole yet.
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
        with holding_still(path, MissingFeedError):
            digest = sha256_of_file(path)
            if path.suffix == ".parquet":
                raw, found = _read_parquet(path, feed, asked, month_file=month_file)
            else:
                raw, found = _read_csv(path, feed)
        if not month_file:
            raw = raw.with_columns(pl.lit(asked[0], dtype=pl.Date).alias(_SNAPSHOT))
        ignored |= set(found) - set(feed.sources) - {_SNAPSHOT, ""}
        frames.append(_as_landed(raw, feed, _relative(layout, path), digest))
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
    layout.feed_file(feed.name, feed.name)  # a directory that leads away is not written to
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
    text.require_whole(path)
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
        content = path.read_bytes()  # never mapped: a file cut off while it is mapped ends the process
        if not content:
            raise UnreadableFileError(f"{path} has 0 bytes; write it as Parquet, with no rows where there are none")
        # PyArrow reads it because it says in an error what Polars, of some damaged files, says in a panic.
        file = pq.ParquetFile(io.BytesIO(content))
        _refuse_bomb(path, file, len(content))
        found = file.schema_arrow.names
        _check_header(path, feed, found)
        _check_types(path, feed, file.schema_arrow)
        if month_file and (_SNAPSHOT not in found or not pa.types.is_date32(file.schema_arrow.field(_SNAPSHOT).type)):
            raise HeaderError(
                f"{path} has no column '{_SNAPSHOT}' of type date; a file of a month says the day of each row"
            )
        wanted = [name for name in (*([_SNAPSHOT] if month_file else []), *feed.sources) if name in found]
        table = file.read(columns=wanted, use_threads=False)
        table.validate(full=True)  # neither reader looks whether a text of a damaged file is UTF-8
        rows = pl.DataFrame(table)
        columns = [pl.col(name).cast(pl.String) for name in feed.sources if name in found]
        numbered = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(_ROW_NUMBER)
        if not month_file:
            return rows.select(numbered, *columns), found
        day, first = pl.col(_SNAPSHOT), month_start(asked[0])
        astray = rows.filter(~day.is_between(first, month_end(first)).fill_null(value=False)).height
        if astray:
            raise UnreadableFileError(
                f"{path} holds {astray} rows without a {_SNAPSHOT} in its month; mend them and retry"
            )
        return rows.select(_SNAPSHOT, numbered, *columns).filter(day.is_in(asked)), found
    except (pa.ArrowException, pl.exceptions.PolarsError, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())[:200] or "damaged"
        raise UnreadableFileError(f"{path} cannot be read as Parquet ({reason}); land it again") from error


def _refuse_bomb(path: Path, file: Any, packed: int) -> None:
    """A small file must not fill the memory: not more rows, nor more bytes when unpacked, than honest data has."""
    about = file.metadata
    unpacked = sum(about.row_group(place).total_byte_size for place in range(about.num_row_groups))
    if about.num_rows > _HONEST_ROWS + _MOST_ROWS_PER_BYTE * packed or unpacked > most_unpacked_bytes(packed):
        raise UnreadableFileError(
            f"{path} has {packed} bytes and says that it holds {about.num_rows} rows and {unpacked} bytes; no loan "
            "data packs so well, so it is not read"
        )


def _check_header(path: Path, feed: Feed, found: Sequence[str]) -> None:
    lacking = [name for name in feed.required_sources if name not in found]
    if lacking:
        raise HeaderError(
            f"{path} lacks the required columns {', '.join(lacking)} of feed '{feed.name}'; "
            f"its header must name {', '.join(feed.required_sources)}"
        )


def _check_types(path: Path, feed: Feed, schema: Any) -> None:
    """Refuse columns whose values have no one text: lists and records, and loan ids that became floats on the way."""
    for field in schema:
        if field.name in feed.sources and (pa.types.is_nested(field.type) or pa.types.is_duration(field.type)):
            raise HeaderError(
                f"{path}: the column '{field.name}' is of type {field.type}; write one text or number a row"
            )
    twice = sorted({name for name in schema.names if name in feed.sources and schema.names.count(name) > 1})
    if twice:
        raise HeaderError(f"{path}: the column '{twice[0]}' stands twice; name each column once")
    loan_id = schema.field("loan_id").type
    if pa.types.is_floating(loan_id) or pa.types.is_decimal(loan_id):
        raise HeaderError(f"{path}: loan_id is of type {loan_id}, so that id 7 reads 7.0; write it as text")


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
        pl.col(UNPARSED) if UNPARSED in raw.columns else pl.lit(None, dtype=pl.String).alias(UNPARSED),
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
