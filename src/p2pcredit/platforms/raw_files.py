"""The raw download of a platform: its header found below notes, its rows, and what is rejected with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import polars as pl

from p2pcredit.ahead import ahead
from p2pcredit.errors import HeaderError
from p2pcredit.platforms.bytestream import is_parquet
from p2pcredit.platforms.csv_blocks import IrregularError, Misfit
from p2pcredit.platforms.delimited import DelimitedText, RawFile, joined, open_delimited, read_whole
from p2pcredit.platforms.dialect import COMMAS, Dialect
from p2pcredit.platforms.raw_book import REJECTED_SCHEMA, RawBook
from p2pcredit.platforms.spool import Spool

SUMMARY_REASON = "summary line, not a loan"
Learned = TypeVar("Learned")
PART_BYTES = 32 << 20
"""How many bytes of rows make a part: few enough to hold several, enough for an engine to be quick."""


@dataclass(frozen=True, slots=True)
class RawTable:
    """Records of one raw file that follow each other.

    Args:
        file: Its name.
        rows: `row_number` (Int64, from 1 below the header) and every wanted column as text, absent ones missing.
        rejected: `file`, `row_number`, `reason`, `raw`.
        numbers: Columns that the file holds as numbers, not as texts of them.
    """

    file: str
    rows: pl.DataFrame
    rejected: pl.DataFrame
    numbers: frozenset[str] = frozenset()

    @property
    def rows_in(self) -> int:
        """Records below the header."""
        return self.rows.height + self.rejected.height

    def reject(self, where: pl.Expr, reason: pl.Expr) -> RawTable:
        """The same table with the rows `where` is true rejected for `reason`; their raw is what was read, as JSON."""
        marked = self.rows.with_columns(where.fill_null(value=False).alias("_rejected"))
        out = marked.filter("_rejected").drop("_rejected")
        rejected = out.select(
            pl.lit(self.file).alias("file"),
            "row_number",
            reason.cast(pl.String).alias("reason"),
            pl.struct(pl.exclude("row_number")).struct.json_encode().alias("raw"),
        )
        kept = marked.filter(~pl.col("_rejected")).drop("_rejected")
        return replace(self, rows=kept, rejected=pl.concat([self.rejected, rejected]).sort("row_number"))


def read_in_parts(
    path: Path,
    layouts: Mapping[str, Sequence[str]],
    columns: Iterable[str],
    *,
    screen: Callable[[RawTable], RawTable],
    learn: Callable[[pl.DataFrame], Learned],
    build: Callable[[RawTable, Sequence[Learned]], RawBook],
    is_summary: Callable[[str], bool] = lambda text: False,
    dialect: Dialect = COMMAS,
    tell_absent: Callable[[Sequence[str]], None] = lambda names: None,
) -> Iterator[RawBook]:
    """Which books do the parts of a raw file (CSV, plain or gzip, or Parquet) make? The file is never held whole.

    The file is read once, and the rows of its parts wait, packed, until the end of it has been seen: only then is it
    known that it is whole, and what it says as a whole, such as until when its statuses were read.

    Args:
        path: The file.
        layouts: Per known layout the columns without which it is not that layout.
        columns: The columns wanted.
        screen: Rejects the rows of a part that are no loans, each by itself.
        learn: What the sound rows of a part say about the file.
        build: The book of a part, given what was learned of all parts.
        is_summary: Whether a record of another shape than the header, given its first field, is a summary line.
        dialect: How a CSV file is written.
        tell_absent: Told of the wanted columns that the header lacks, if there are any.

    Yields:
        Books of parts in the order of the file; one without rows for a file without records.

    Raises:
        UnreadableFileError: Empty, cut off, damaged or no text.
        HeaderError: Fits no layout; says which columns are missing.
    """
    wanted = list(columns)
    file = _open(path, layouts, wanted, dialect)
    absent = [name for name in wanted if name not in file.header]
    if absent:
        tell_absent(absent)
    with Spool[int](path) as rows:
        for exact in (False, True):
            rejected, learned = [], []
            rows.clear()
            try:
                for place, part in enumerate(ahead(_parts(file, is_summary, exact=exact))):
                    table = screen(_as_table(file, part, wanted, is_summary))
                    learned.append(learn(table.rows))
                    rejected.append(table.rejected)
                    rows.put(place, table.rows)
                break
            except IrregularError:
                continue
        for place in rows:
            yield build(RawTable(path.name, rows.get(place), rejected[place], file.numbers), learned)


def _open(path: Path, layouts: Mapping[str, Sequence[str]], columns: Iterable[str] | None, dialect: Dialect) -> RawFile:
    find_header = _header_finder(path, layouts)
    if is_parquet(path):
        from p2pcredit.platforms.raw_parquet import open_parquet  # most downloads are CSV

        return open_parquet(path, find_header, columns)
    return open_delimited(path, find_header, columns, dialect)


def read_columns(path: Path, layouts: Mapping[str, Sequence[str]], dialect: Dialect = COMMAS) -> pl.DataFrame:
    """Every column of a raw file as text, whole in memory; records of another shape than its header are left out.

    Args and errors are those of `read_in_parts`.
    """
    return read_whole(_open(path, layouts, None, dialect)).frame.drop("row_number")


def _header_finder(path: Path, layouts: Mapping[str, Sequence[str]]) -> Callable[[Sequence[Sequence[str]]], int]:
    def find_header(lines: Sequence[Sequence[str]]) -> int:
        lacking = {
            (at, layout): [name for name in required if name not in line]
            for at, line in enumerate(lines)
            for layout, required in layouts.items()
        }
        (at, layout), missing = min(lacking.items(), key=lambda item: len(item[1]))
        if missing:
            raise HeaderError(
                f"{path} fits no known layout ({', '.join(layouts)}): the nearest is {layout}, for which line {at + 1} "
                f"lacks the columns {', '.join(missing)}; check that it is the platform's own download"
            )
        return at

    return find_header


def _parts(file: RawFile, is_summary: Callable[[str], bool], *, exact: bool) -> Iterator[DelimitedText]:
    """The records of a file in parts of some size, at least one; at the end it is made sure that the file is whole."""
    waiting, size = [file.empty()], 0
    for batch in file.batches(exact=exact, in_two_threads=True):
        batch.require_whole(file.path, is_summary)
        waiting.append(batch)
        size += int(batch.frame.estimated_size()) + sum(len(misfit.raw) for misfit in batch.misfits)
        if size >= PART_BYTES:
            yield joined(waiting)
            waiting, size = [file.empty()], 0
    yield joined(waiting)


def _as_table(file: RawFile, part: DelimitedText, wanted: list[str], is_summary: Callable[[str], bool]) -> RawTable:
    absent = [pl.lit(None, dtype=pl.String).alias(name) for name in wanted if name not in file.header]

    def reason(misfit: Misfit) -> str:
        first = misfit.fields[0] if misfit.fields else ""
        return (
            SUMMARY_REASON if is_summary(first) else f"{len(misfit.fields)} fields, the header has {len(file.header)}"
        )

    rejected = pl.DataFrame(
        [
            {"file": file.path.name, "row_number": misfit.row_number, "reason": reason(misfit), "raw": misfit.raw}
            for misfit in part.misfits
        ],
        schema=REJECTED_SCHEMA,
    )
    rows = part.frame.with_columns(absent).select("row_number", *wanted)
    return RawTable(file.path.name, rows, rejected, file.numbers)


__all__ = ["PART_BYTES", "SUMMARY_REASON", "RawTable", "read_columns", "read_in_parts"]
