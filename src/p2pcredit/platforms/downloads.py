"""The raw download of a platform: its header found below notes, its rows, and what is rejected with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import polars as pl

from p2pcredit.platforms.headers import open_raw
from p2pcredit.platforms.loan_book import REJECTED_SCHEMA, RawBook
from p2pcredit.platforms.loan_ids import LoanIds, PartIds, plain_ids
from p2pcredit.platforms.raw_table import RawTable
from p2pcredit.prefetch import prefetch
from p2pcredit.readers.csv.blocks import IrregularError, MalformedRecord
from p2pcredit.readers.csv.dialect import COMMAS, Dialect
from p2pcredit.readers.csv.reader import DelimitedText, RawFile, joined, read_small_file
from p2pcredit.readers.spool import Spool

SUMMARY_REASON = "summary line, not a loan"
Learned = TypeVar("Learned")
Concluded = TypeVar("Concluded")
FIELD_COUNT = "another number of fields than the header"
_QUOTE_FIELDS = "write one record a line, with double quotes around a field that holds separators or line ends"
_SHOWN = 60
PART_BYTES = 32 << 20
"""How many bytes of rows make a part: few enough to hold several, enough for an engine to be quick."""


def read_in_parts(
    path: Path,
    layouts: Mapping[str, Sequence[str]],
    columns: Iterable[str],
    *,
    ids: LoanIds,
    screen: Callable[[RawTable], RawTable],
    learn: Callable[[pl.DataFrame], Learned],
    conclude: Callable[[Sequence[Learned]], Concluded],
    build: Callable[[RawTable, Concluded], RawBook],
    is_summary: Callable[[str], bool] = lambda text: False,
    dialect: Dialect = COMMAS,
    report_absent: Callable[[Sequence[str]], None] = lambda names: None,
) -> Iterator[RawBook]:
    """Yield the books of the parts of a raw file (CSV, plain or gzip, or Parquet). The file is never held whole.

    The file is read once, and the rows of its parts wait, packed, until the end of it has been seen: only then is it
    known that it is whole, and what it says as a whole, such as until when its statuses were read.

    Args:
        path: The file.
        layouts: Per known layout the columns without which it is not that layout.
        columns: The columns wanted.
        ids: The column of loan ids, and the ids of the files before.
        screen: Rejects the rows of a part that are no loans, each by itself.
        learn: What the sound rows of a part say about the file.
        conclude: What follows for the file from what was learned of all its parts.
        build: The book of a part, given what follows for its file.
        is_summary: Whether a record of another shape than the header, given its first field, is a summary line.
        dialect: How a CSV file is written.
        report_absent: Called with the wanted columns that the header lacks, if there are any.

    Yields:
        Books of parts in the order of the file; one without rows for a file without records.

    Raises:
        UnreadableFileError: Empty, cut off, damaged or no text.
        HeaderError: Fits no layout; says which columns are missing.
    """
    wanted = list(columns)
    file = open_raw(path, layouts, wanted, dialect)
    absent = [name for name in wanted if name not in file.header]
    if absent:
        report_absent(absent)
    ids.refuse_short_floats(file)
    with Spool[int](path) as rows:
        for exact in (False, True):
            rejected, learned, found = [], [], list[PartIds]()
            rows.clear()
            try:
                for place, part in enumerate(prefetch(_parts(file, is_summary, exact=exact))):
                    table = screen(as_table(file, part, wanted, is_summary))
                    learned.append(learn(table.rows))
                    rejected.append(table.rejected)
                    found.append(ids.look_at(table.rows))
                    rows.put(place, table.rows)
                break
            except IrregularError:
                continue
        of_file, concluded = ids.conclude(found), conclude(learned)
        for place in rows:
            table = RawTable(path.name, rows.get(place), rejected[place], file.numbers)
            yield build(of_file.applied(place, table), concluded)


def read_columns(
    path: Path, layouts: Mapping[str, Sequence[str]], dialect: Dialect = COMMAS, *, id_column: str
) -> pl.DataFrame:
    """Read every column of a raw file as text, whole in memory; records of another shape than its header are left out.

    Args and errors are those of `read_in_parts`.
    """
    frame = read_small_file(open_raw(path, layouts, None, dialect)).frame.drop("row_number")
    return frame.with_columns(plain_ids(frame[id_column])) if id_column in frame.columns else frame


def _parts(file: RawFile, is_summary: Callable[[str], bool], *, exact: bool) -> Iterator[DelimitedText]:
    """Read a file's records in parts of some size, at least one, and check at the end that the file is whole."""
    waiting, size = [file.empty()], 0
    for batch in file.batches(exact=exact, in_two_threads=True):
        batch.require_whole(file.path, is_summary)
        waiting.append(batch)
        size += int(batch.frame.estimated_size()) + sum(len(misfit.raw) for misfit in batch.malformed)
        if size >= PART_BYTES:
            yield joined(waiting)
            waiting, size = [file.empty()], 0
    yield joined(waiting)


def as_table(
    file: RawFile,
    part: DelimitedText,
    wanted: Sequence[str],
    is_summary: Callable[[str], bool] = lambda text: False,
) -> RawTable:
    """Lay records out as a table of these columns; those of another shape than the header are rejected."""
    absent = [pl.lit(None, dtype=pl.String).alias(name) for name in wanted if name not in file.header]

    def told(misfit: MalformedRecord) -> dict[str, object]:
        is_total = is_summary(misfit.fields[0] if misfit.fields else "")
        return {
            "file": file.path.name,
            "row_number": misfit.row_number,
            "reason": SUMMARY_REASON if is_total else f"{len(misfit.fields)} fields, the header has {len(file.header)}",
            "raw": misfit.raw,
            "kind": SUMMARY_REASON if is_total else FIELD_COUNT,
            "value": misfit.raw[:_SHOWN],
            "remedy": "" if is_total else _QUOTE_FIELDS,
        }

    rejected = pl.DataFrame([told(misfit) for misfit in part.malformed], schema=REJECTED_SCHEMA)
    rows = part.frame.with_columns(absent).select("row_number", *wanted)
    return RawTable(file.path.name, rows, rejected, file.numbers)


__all__ = ["PART_BYTES", "SUMMARY_REASON", "as_table", "read_columns", "read_in_parts"]
