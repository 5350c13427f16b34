"""Landing files: what a platform left for each feed and day, found, checked and read.

A day is read from its own file `<feed>_YYYY_MM_DD.csv` (`.csv.gz`, `.parquet`) where there is one, else from the file
of its month, `<feed>_YYYY_MM.parquet`, whose rows carry their day in `snapshot_date`.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from p2pcredit.contracts.feeds import Feed
from p2pcredit.errors import HeaderError, MissingFeedError, UnreadableFileError
from p2pcredit.periods import DateRange, month_end, month_start
from p2pcredit.readers.csv.reader import read_delimited, twice_named
from p2pcredit.readers.parquet_checks import holds_no_text, reading_parquet, refuse_parquet_bomb, without_text
from p2pcredit.storage.files import sha256_of_file, unmodified_during
from p2pcredit.storage.landing.files import SNAPSHOT, find_landing_file, find_landing_files, month_file
from p2pcredit.storage.landing.notes import LandedFile
from p2pcredit.storage.layout import Layout

UNPARSED = "unparsed"
_ROW_NUMBER = "row_number"
_LANDED = {
    SNAPSHOT: pl.Date,
    "source_file": pl.String,
    _ROW_NUMBER: pl.Int64,
    "source_digest": pl.String,
    UNPARSED: pl.String,
}
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
        files: The file that each day was read from.
    """

    frame: pl.DataFrame
    missing: list[date]
    ignored_columns: tuple[str, ...]
    files: dict[date, LandedFile]


def check_landing(layout: Layout, feed: Feed, day: date) -> dict[str, Any]:
    """Check that this feed can be read for `day`, and measure it.

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
    """Read what landed for this feed from the first to the last of `days`.

    Raises:
        MissingFeedError: A file changed while it was read: it has not landed whole yet.
        UnreadableFileError: A file is cut off, empty, damaged, no text, or holds rows of days that are not its own.
        HeaderError: A file lacks required columns.
    """
    asked: dict[Path, list[date]] = {}
    missing: list[date] = []
    for day, path in find_landing_files(layout, feed.name, days).items():
        (missing if path is None else asked.setdefault(path, [])).append(day)
    files = [_read_file(layout, feed, path, of_file) for path, of_file in asked.items()]
    landed = [_as_known(file, feed) for file in files]
    by_day = {day: known for known, of_file in zip(landed, asked.values(), strict=True) for day in of_file}
    ignored = {name for file in landed for name in file.unknown}
    frame = _as_landed(_with_origin(files), feed).sort(SNAPSHOT, _ROW_NUMBER)
    return LandingRead(frame, missing, tuple(sorted(ignored)), by_day)


def _as_known(file: _File, feed: Feed) -> LandedFile:
    found, known = set(file.columns), set(feed.sources)
    absent = tuple(name for name in feed.sources if name not in found)
    return LandedFile(file.digest, file.size, absent, tuple(sorted(found - known - {SNAPSHOT, ""})))


@dataclass(frozen=True, slots=True)
class _File:
    """What was read of a landing file.

    Args:
        name: Where it lies, below the landing directory.
        digest: SHA-256 of its bytes.
        size: How many bytes.
        rows: Those of the days asked for, with `row_number`; with `snapshot_date` where the file says it.
        day: Whose rows they are, where it does not.
        columns: All that it has.
    """

    name: str
    digest: str
    size: int
    rows: pl.DataFrame
    day: date | None
    columns: Sequence[str]


def _with_origin(files: Sequence[_File]) -> pl.DataFrame:
    """Read all rows, in the order of the files, with the file, its digest and the day of each."""
    rows = pl.concat([pl.DataFrame(schema=_LANDED), *(file.rows for file in files)], how="diagonal")
    of_file = np.repeat(np.arange(len(files)), np.array([file.rows.height for file in files], dtype=np.int64))
    origins = pl.DataFrame(
        [(file.name, file.digest, file.day) for file in files],
        schema={"source_file": pl.String, "source_digest": pl.String, "_day": pl.Date},
        orient="row",
    )[of_file]
    return rows.with_columns(
        origins["source_file"], origins["source_digest"], pl.col(SNAPSHOT).fill_null(origins["_day"])
    )


def _read_file(layout: Layout, feed: Feed, path: Path, asked: list[date]) -> _File:
    """Read what a file holds of the days asked for."""
    of_month = path == month_file(layout, feed.name, asked[0])
    with unmodified_during(path, MissingFeedError):
        if path.suffix == ".parquet":
            rows, found, digest, size = _read_parquet(path, feed, asked, month_file=of_month)
        else:
            digest, size = sha256_of_file(path), path.stat().st_size
            rows, found = _read_csv(path, feed)
    return _File(_relative(layout, path), digest, size, rows, None if of_month else asked[0], found)


def _relative(layout: Layout, path: Path) -> str:
    return path.relative_to(layout.landing).as_posix()


def _read_csv(path: Path, feed: Feed) -> tuple[pl.DataFrame, Sequence[str]]:
    def first_line(lines: Sequence[Sequence[str]]) -> int:
        _check_header(path, feed, lines[0])
        return 0

    text = read_delimited(path, first_line, feed.sources, when_empty=_WHEN_EMPTY)
    text.require_whole(path)
    if not text.malformed:
        return text.frame, text.header
    wanted = set(feed.sources)
    malformed = pl.DataFrame(
        [
            {_ROW_NUMBER: misfit.row_number, UNPARSED: misfit.raw}
            | {name: value for name, value in zip(text.header, misfit.fields, strict=False) if name in wanted}
            for misfit in text.malformed
        ],
        schema={_ROW_NUMBER: pl.Int64, UNPARSED: pl.String, **dict.fromkeys(text.frame.columns[1:], pl.String)},
    )
    return pl.concat([text.frame, malformed], how="diagonal"), text.header


def _read_parquet(
    path: Path, feed: Feed, asked: list[date], *, month_file: bool
) -> tuple[pl.DataFrame, Sequence[str], str, int]:
    with reading_parquet(path, "land it again"):
        content = path.read_bytes()
        if not content:
            raise UnreadableFileError(f"{path} has 0 bytes; write it as Parquet, with no rows where there are none")
        file = pq.ParquetFile(io.BytesIO(content))
        refuse_parquet_bomb(path, file.metadata, len(content))
        schema = file.schema_arrow
        found = schema.names
        _check_header(path, feed, found)
        _check_types(path, feed, schema)
        if month_file and (SNAPSHOT not in found or not pa.types.is_date32(schema.field(SNAPSHOT).type)):
            raise HeaderError(
                f"{path} has no column '{SNAPSHOT}' of type date; a file of a month says the day of each row"
            )
        wanted = [name for name in (*([SNAPSHOT] if month_file else []), *feed.sources) if name in found]
        table = file.read(columns=wanted, use_threads=False)
        table.validate(full=True)  # neither reader looks whether a text of a damaged file is UTF-8
        numbers = np.arange(1, table.num_rows + 1, dtype=np.int64)
        rows = pl.DataFrame(table.append_column(_ROW_NUMBER, pa.array(numbers)))
        typed = [name for name, dtype in rows.schema.items() if dtype != pl.String and name in feed.sources]
        if typed:
            rows = rows.with_columns(pl.col(typed).cast(pl.String))
        digest = hashlib.sha256(content).hexdigest()
        return _of_its_days(path, rows, asked) if month_file else rows, found, digest, len(content)


def _check_header(path: Path, feed: Feed, found: Sequence[str]) -> None:
    lacking = [name for name in feed.required_sources if name not in found]
    if lacking:
        raise HeaderError(
            f"{path} lacks the required columns {', '.join(lacking)} of feed '{feed.name}'; "
            f"its header must name {', '.join(feed.required_sources)}"
        )


def _check_types(path: Path, feed: Feed, schema: Any) -> None:
    """Refuse columns whose values have no one text: lists and records, and loan ids that became floats on the way."""
    own = set(feed.sources)
    for field in schema:
        if field.name in own and holds_no_text(field.type):
            raise without_text(path, field)
    twice = twice_named(name for name in schema.names if name in own)
    if twice is not None:
        raise HeaderError(f"{path}: the column '{twice}' stands twice; name each column once")
    for name in sorted({feed.key, "loan_id"}.intersection(schema.names)):
        of_id = schema.field(name).type
        if pa.types.is_floating(of_id) or pa.types.is_decimal(of_id):
            raise HeaderError(f"{path}: {name} is of type {of_id}, so that id 7 reads 7.0; write it as text")


def _of_its_days(path: Path, rows: pl.DataFrame, asked: list[date]) -> pl.DataFrame:
    """Take the rows of the days asked for, out of a file that holds its whole month and nothing else."""
    whole = DateRange(month_start(asked[0]), month_end(asked[0]))
    day = pl.col(SNAPSHOT)
    low, high = rows[SNAPSHOT].min(), rows[SNAPSHOT].max()
    outside = isinstance(low, date) and isinstance(high, date) and (low < whole.first or high > whole.last)
    if outside or rows[SNAPSHOT].null_count():
        astray = rows.filter(~day.is_between(whole.first, whole.last).fill_null(value=False)).height
        raise UnreadableFileError(f"{path} holds {astray} rows without a {SNAPSHOT} in its month; mend them and retry")
    return rows if len(asked) == len(whole) else rows.filter(day.is_in(asked))


def _as_landed(raw: pl.DataFrame, feed: Feed) -> pl.DataFrame:
    def text(name: str) -> pl.Expr:
        if name not in raw.columns:
            return pl.lit(None, dtype=pl.String).alias(name)
        return pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)).alias(name)

    return raw.select(
        SNAPSHOT,
        "source_file",
        _ROW_NUMBER,
        "source_digest",
        *(text(name) for name in feed.sources),
        UNPARSED,
    )


__all__ = ["UNPARSED", "LandingRead", "check_landing", "read_landing"]
