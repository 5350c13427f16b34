"""CSV text read exactly: every record below the header is either a row or a misfit, and none is lost.

Polars reads the rows, fast, but fills a short row with nulls in silence. So the bytes are first cut into records and
fields are counted (commas and line ends outside quotes, with NumPy). Records with the right number go to Polars, others
become misfits. Where quotes stand in irregular places, the slower `exact_records` decides instead.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.errors import HeaderError, SourceError, UnreadableFileError
from p2pcredit.platforms.bytestream import CHUNK_BYTES, read_chunks
from p2pcredit.platforms.exact_csv import exact_records, fields_of_line

HEADER_SEARCH_LINES = 20
_HEADER_BYTES = 1 << 20
_IN_MEMORY_BYTES = 64 << 20
_MOST_LINE_BYTES = 64 << 20
_COMMA, _QUOTE, _NEWLINE, _RETURN = b',"\n\r'
_BEFORE_OPENING = np.isin(np.arange(256), [_COMMA, _NEWLINE, _QUOTE])
_AFTER_CLOSING = np.isin(np.arange(256), [_COMMA, _NEWLINE, _RETURN, _QUOTE])

FindHeader = Callable[[Sequence[Sequence[str]]], int]
"""Given the fields of the first lines, which is the header? Raises HeaderError where none is."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """A record whose number of fields is not that of the header.

    Args:
        row_number: Its place among all records below the header, from 1.
        fields: What can be read of it.
        raw: Its text as it stands in the file.
    """

    row_number: int
    fields: tuple[str, ...]
    raw: str


@dataclass(frozen=True, slots=True)
class DelimitedText:
    """What a CSV file holds.

    Args:
        header: Its column names.
        frame: `row_number` (Int64, from 1 below the header) and the wanted columns that the header has, as text with
            blanks as null, in the order of the file.
        misfits: Records that do not fit the header, in order.
    """

    header: tuple[str, ...]
    frame: pl.DataFrame
    misfits: tuple[Misfit, ...]

    @property
    def rows(self) -> int:
        """Records below the header, blank lines apart."""
        return self.frame.height + len(self.misfits)


class _IrregularError(Exception):
    """Quotes stand where the counting of fields cannot follow them."""


@dataclass(slots=True)
class _Sorted:
    """Records sorted into rows (bytes, for Polars) and misfits."""

    path: Path
    width: int
    body: IO[bytes]
    numbers: list[npt.NDArray[np.int64]] = field(default_factory=list)
    misfits: list[Misfit] = field(default_factory=list)
    seen: int = 0


def read_delimited(
    path: Path,
    find_header: FindHeader,
    columns: Iterable[str] | None = None,
    *,
    chunk_bytes: int = CHUNK_BYTES,
    when_empty: str = "download it again",
) -> DelimitedText:
    """Which rows, and which records that are no rows, does a CSV file hold?

    Args:
        path: UTF-8 text, plain or gzip, with commas, double quotes and `\\n` or `\\r\\n`.
        find_header: Picks the header among the first lines.
        columns: The columns wanted; None for all.
        chunk_bytes: Bytes looked at together.
        when_empty: What to do about an empty file, for the message.

    Raises:
        UnreadableFileError: Empty, cut off, damaged, not UTF-8 text.
        HeaderError: No header, or a column twice.
    """

    start = next(read_chunks(path, chunk_bytes=_HEADER_BYTES, when_empty=when_empty))
    header, header_lines = _find_header(path, start, find_header)
    names = set(header if columns is None else columns) - {""}
    wanted = [name for name in header if name in names]
    for sort in (_sort_by_counting, _sort_exactly):
        chunks = _below_header(read_chunks(path, chunk_bytes=chunk_bytes, when_empty=when_empty), header_lines)
        try:
            with _room_for(path) as body:
                found = sort(_Sorted(path, len(header), body), chunks)
                return DelimitedText(header, _read_rows(found, header, wanted), tuple(found.misfits))
        except (_IrregularError, pl.exceptions.PolarsError):
            continue
    raise UnreadableFileError(f"{path} cannot be read as CSV; write it with commas, double quotes and one header line")


@contextmanager
def _room_for(path: Path) -> Iterator[IO[bytes]]:
    """Where the rows of this file can wait for Polars: memory for a small file, a temporary file for a large one."""
    if path.stat().st_size <= _IN_MEMORY_BYTES:
        yield io.BytesIO()
        return
    try:
        with tempfile.NamedTemporaryFile(suffix=".csv") as body:
            yield body
    except OSError as error:
        raise SourceError(f"cannot unpack {path}: {error.strerror or error}; free some temporary space") from error


def _find_header(path: Path, start: bytes, find_header: FindHeader) -> tuple[tuple[str, ...], int]:
    lines = start.split(b"\n", HEADER_SEARCH_LINES)[:HEADER_SEARCH_LINES]
    if b"\0" in lines[0]:
        raise UnreadableFileError(f"{path} is not text: its first line holds a zero byte; check what was downloaded")
    texts = [line.decode("utf-8", "replace").rstrip("\r") for line in lines]
    parsed = [tuple(name.strip() for name in fields_of_line(text)) for text in texts]
    at = find_header(parsed)
    _decode(path, lines[at], 0)
    header = parsed[at]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise HeaderError(f"{path}: the column '{twice[0]}' stands twice in the header; name each column once")
    return header, at + 1


def _below_header(chunks: Iterator[bytes], header_lines: int) -> Iterator[bytes]:
    left = header_lines
    for chunk in chunks:
        rest = chunk
        while left and b"\n" in rest:
            rest = rest.split(b"\n", 1)[1]
            left -= 1
        if not left and rest:
            yield rest


@dataclass(frozen=True, slots=True)
class _Utf8:
    """A text file over a binary one."""

    body: IO[bytes]

    def write(self, text: str) -> int:
        return self.body.write(text.encode())


def _sort_by_counting(found: _Sorted, chunks: Iterator[bytes]) -> _Sorted:
    rest, offset = b"", 0
    for chunk in chunks:
        block = rest + chunk
        used = _sort_block(found, block, offset)
        rest, offset = block[used:], offset + used
        if len(rest) > _MOST_LINE_BYTES:
            raise _IrregularError
    if rest and _sort_block(found, rest + b"\n", offset) != len(rest) + 1:
        raise _IrregularError
    return found


def _sort_block(found: _Sorted, block: bytes, offset: int) -> int:
    """Sort the whole records of a block that starts at a record; says how many bytes they took."""
    data = np.frombuffer(block, dtype=np.uint8)
    inside = _inside_quotes(data)
    ends = np.flatnonzero((data == _NEWLINE) & ~inside)
    if not len(ends):
        return 0
    used = int(ends[-1]) + 1
    _decode(found.path, block[:used], offset)
    commas = np.flatnonzero((data[:used] == _COMMA) & ~inside[:used])
    counts = np.diff(np.searchsorted(commas, ends), prepend=0) + 1
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts
    blank = (lengths == 0) | ((lengths == 1) & (data[starts] == _RETURN))
    numbers = found.seen + np.cumsum(~blank)
    found.seen = int(numbers[-1])
    fits = (counts == found.width) & ~blank
    found.numbers.append(numbers[fits].astype(np.int64))
    if fits.all():
        found.body.write(block[:used])
        return used
    # Runs of fitting records are copied whole; each misfit is read on its own.
    edges = np.flatnonzero(np.diff(np.concatenate(([False], fits, [False])).astype(np.int8)))
    for first, last in edges.reshape(-1, 2):
        found.body.write(block[starts[first] : ends[last - 1] + 1])
    for at in np.flatnonzero(~fits & ~blank):
        raw = block[starts[at] : ends[at]].decode("utf-8").rstrip("\r")
        if "\n" in raw:
            raise _IrregularError
        found.misfits.append(Misfit(int(numbers[at]), fields_of_line(raw), raw))
    return used


def _inside_quotes(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which bytes stand inside quotes? Irregular quotes, such as one in the middle of a field, are refused."""
    quotes: npt.NDArray[np.bool_] = data == _QUOTE
    at = np.flatnonzero(quotes)
    if not len(at):
        return quotes
    opening, closing = at[::2], at[1::2]
    before = opening[opening > 0] - 1
    after = closing[closing < len(data) - 1] + 1
    if not (_BEFORE_OPENING[data[before]].all() and _AFTER_CLOSING[data[after]].all()):
        raise _IrregularError
    inside: npt.NDArray[np.bool_] = np.cumsum(quotes, dtype=np.uint8) % 2 == 1
    return inside


def _sort_exactly(found: _Sorted, chunks: Iterator[bytes]) -> _Sorted:
    numbers: list[int] = []
    writer = csv.writer(_Utf8(found.body), lineterminator="\n", quoting=csv.QUOTE_ALL)
    for number, (fields, raw) in enumerate(exact_records(_lines(found.path, chunks), found.width), start=1):
        if len(fields) == found.width:
            writer.writerow(fields)
            numbers.append(number)
        else:
            found.misfits.append(Misfit(number, fields, raw))
    found.numbers.append(np.array(numbers, dtype=np.int64))
    return found


def _lines(path: Path, chunks: Iterator[bytes]) -> Iterator[str]:
    rest, offset = b"", 0
    for chunk in chunks:
        if len(rest) > _MOST_LINE_BYTES:
            raise UnreadableFileError(
                f"{path} has a line of more than {_MOST_LINE_BYTES} bytes at position {offset} of its rows; it is no "
                "CSV"
            )
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield _decode(path, line, offset) + "\n"
            offset += len(line) + 1
    if rest:
        yield _decode(path, rest, offset)


def _read_rows(found: _Sorted, header: tuple[str, ...], wanted: list[str]) -> pl.DataFrame:
    numbers = np.concatenate([np.empty(0, dtype=np.int64), *found.numbers])
    names = [f"column_{place}" for place in range(len(header))]
    schema = dict.fromkeys(names, pl.String)
    places = {name: names[place] for place, name in enumerate(header)}
    if len(numbers) == 0:
        return pl.DataFrame(schema={"row_number": pl.Int64, **dict.fromkeys(wanted, pl.String)})
    found.body.flush()
    found.body.seek(0)
    source = found.body if isinstance(found.body, io.BytesIO) else Path(found.body.name)
    read = pl.scan_csv(source, has_header=False, schema=schema)
    text = [pl.col(places[name]).alias(name) for name in wanted]
    blanks_out = [pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)).alias(name) for name in wanted]
    frame = read.select(text).with_columns(blanks_out).collect(engine="streaming")
    if frame.height != len(numbers):
        raise _IrregularError
    return frame.select(pl.Series("row_number", numbers, dtype=pl.Int64), pl.all())


def _decode(path: Path, raw: bytes, offset: int) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableFileError(
            f"{path} is not UTF-8 text: byte 0x{raw[error.start]:02x} at position {offset + error.start} of its rows; "
            "save it as UTF-8"
        ) from error


__all__ = ["DelimitedText", "FindHeader", "Misfit", "read_delimited"]
