"""CSV text read exactly: every record below the header is either a row or a misfit, and none is lost.

Polars reads the rows, fast, but fills a short row with nulls in silence. So the bytes are first cut into records and
fields are counted (`vectorized`). Records with the right number go to Polars, others become `MalformedRecord`s. Where
quotes stand in irregular places, the slower `strict` reader decides instead, from the beginning of the file. Nothing
but one batch is held in memory, unless the whole is asked for.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import polars as pl

from p2pcredit.errors import HeaderError, UnreadableFileError
from p2pcredit.prefetch import prefetch
from p2pcredit.readers.bytestream import CHUNK_BYTES, check_compression_ratio, read_chunks
from p2pcredit.readers.csv.blocks import Block, IrregularError, MalformedRecord, decoded
from p2pcredit.readers.csv.dialect import COMMAS, Dialect
from p2pcredit.readers.csv.strict import exact_blocks, fields_of_line
from p2pcredit.readers.csv.vectorized import counted_blocks

HEADER_SEARCH_LINES = 20
LONGEST_HEADER = 1 << 20

FindHeader = Callable[[Sequence[Sequence[str]]], int]
"""Takes the fields of the first lines, gives the number of the header. Raises HeaderError where none is."""


@dataclass(frozen=True, slots=True)
class DelimitedText:
    """What a CSV file, or a batch of its records, holds.

    Args:
        header: Its column names.
        frame: `row_number` (Int64, from 1 below the header) and the wanted columns that the header has, as text with
            blanks as null, in the order of the file.
        malformed: Records that do not fit the header, in order.
        cut_off: The record inside which the file ends, told by its last batch: the last record, without a line end and
            with too few fields, or one that opens a quote which nothing up to the end of the file closes.
    """

    header: tuple[str, ...]
    frame: pl.DataFrame
    malformed: tuple[MalformedRecord, ...]
    cut_off: MalformedRecord | None = None

    @property
    def rows(self) -> int:
        """Records below the header, blank lines apart."""
        return self.frame.height + len(self.malformed)

    def require_whole(self, path: Path, is_footer: Callable[[str], bool] = lambda first: False) -> None:
        """Make sure that the file does not end inside a record, `is_footer` of whose first field is true apart.

        Raises:
            UnreadableFileError: If it does; the rows after it are lost.
        """
        last = self.cut_off
        if last is not None and not is_footer(last.fields[0] if last.fields else ""):
            raise UnreadableFileError(
                f"{path} ends in the middle of record {last.row_number}: it is cut off; get the whole file and retry"
            )


class RawFile(Protocol):
    """A download whose header was found, in whatever form."""

    @property
    def path(self) -> Path:
        """Its path."""

    @property
    def header(self) -> tuple[str, ...]:
        """Its column names."""

    @property
    def numbers(self) -> frozenset[str]:
        """Columns that it holds as numbers, not as texts of them."""

    @property
    def short_floats(self) -> frozenset[str]:
        """Columns that it holds as numbers of so few digits that ids are no more what they were."""

    def batches(self, *, exact: bool = False, in_two_threads: bool = False) -> Iterator[DelimitedText]:
        """Yield its records in order, some at a time."""

    def empty(self) -> DelimitedText:
        """Describe the file without its records."""


@dataclass(frozen=True, slots=True)
class DelimitedFile:
    """A CSV file whose header was found. Open it with `open_delimited`.

    Args:
        path: The file.
        header: Its column names.
        header_lines: The lines up to the header and with it.
        columns: The columns wanted; None for all.
        dialect: How it is written, with the one separator that it has.
        chunk_bytes: Bytes looked at together.
        when_empty: What to do about an empty file, for the message.
    """

    path: Path
    header: tuple[str, ...]
    header_lines: int
    columns: frozenset[str] | None = None
    dialect: Dialect = COMMAS
    chunk_bytes: int = CHUNK_BYTES
    when_empty: str = "download it again"

    @property
    def numbers(self) -> frozenset[str]:
        """Columns that hold numbers, not texts of them: none of a file that is text."""
        return frozenset()

    @property
    def short_floats(self) -> frozenset[str]:
        """Columns that hold numbers of few digits: none of a file that is text."""
        return frozenset()

    def batches(self, *, exact: bool = False, in_two_threads: bool = False) -> Iterator[DelimitedText]:
        """Yield the columns of each batch of records, in order.

        Args:
            exact: Read one record after the other, which follows any quotes, instead of counting separators.
            in_two_threads: Cut the next batch out of the file while one is read, which pays for files of many batches.

        Raises:
            IrregularError: Counting cannot follow the quotes: what came before is void, read the file exactly.
            UnreadableFileError: Cut off in its packing, damaged, not UTF-8 text, or no CSV even when read exactly.
        """
        width, separator = len(self.header), self.dialect.separators
        chunks = read_chunks(self.path, chunk_bytes=self.chunk_bytes, when_empty=self.when_empty)
        text = _below_header(self.dialect.as_utf8(self.path, chunks), self.header_lines)
        blocks = (
            exact_blocks(self.path, text, width, self.chunk_bytes, separator)
            if exact
            else counted_blocks(self.path, text, width, separator)
        )
        try:
            for block in prefetch(blocks) if in_two_threads else blocks:
                yield DelimitedText(self.header, self._rows(block), block.malformed, block.cut_off)
        except (IrregularError, pl.exceptions.PolarsError) as error:
            if not exact:
                raise IrregularError from error
            raise UnreadableFileError(
                f"{self.path} cannot be read as CSV; write it with double quotes, one header line and one separator"
            ) from error

    def empty(self) -> DelimitedText:
        """Describe the file without its records."""
        names = ["row_number", *self._wanted()]
        schema = {name: pl.Int64() if name == "row_number" else pl.String() for name in names}
        return DelimitedText(self.header, pl.DataFrame(schema=schema), ())

    def _wanted(self) -> list[str]:
        return [name for name in self.header if name and (self.columns is None or name in self.columns)]

    def _rows(self, block: Block) -> pl.DataFrame:
        if not len(block.numbers):
            return self.empty().frame
        places = [f"column_{place}" for place in range(len(self.header))]
        place_of = dict(zip(self.header, places, strict=True))
        separator = self.dialect.separators
        source = io.BytesIO(f"{separator.join(places)}\n".encode() + block.body)
        read = pl.scan_csv(source, separator=separator, schema=dict.fromkeys(places, pl.String), glob=False)
        texts = [pl.col(place_of[name]).alias(name) for name in self._wanted()]
        blanks_out = [
            pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)).alias(name) for name in self._wanted()
        ]
        frame = read.select(texts).with_columns(blanks_out).collect(engine="streaming")
        if frame.height != len(block.numbers):
            raise IrregularError
        return frame.select(pl.Series("row_number", block.numbers, dtype=pl.Int64), pl.all())


def open_delimited(
    path: Path,
    find_header: FindHeader,
    columns: Iterable[str] | None = None,
    dialect: Dialect = COMMAS,
    *,
    chunk_bytes: int = CHUNK_BYTES,
    when_empty: str = "download it again",
) -> DelimitedFile:
    """Read the header of a CSV file.

    Args:
        path: Text, plain or gzip, with double quotes and `\\n` or `\\r\\n`.
        find_header: Picks the header among the first lines.
        columns: The columns wanted; None for all.
        dialect: How the file is written. Of several separators the first counts under which a header is found.
        chunk_bytes: Bytes looked at together.
        when_empty: What to do about an empty file, for the message.

    Raises:
        UnreadableFileError: Empty, cut off, damaged, not UTF-8 text.
        HeaderError: No header, or a column twice.
    """
    start = next(dialect.as_utf8(path, read_chunks(path, chunk_bytes=LONGEST_HEADER, when_empty=when_empty)))
    header, header_lines, separator = _find_header(path, start, find_header, dialect.separators)
    check_compression_ratio(path)
    wanted = None if columns is None else frozenset(columns)
    found = replace(dialect, separators=separator)
    return DelimitedFile(path, header, header_lines, wanted, found, chunk_bytes, when_empty)


def read_delimited(
    path: Path,
    find_header: FindHeader,
    columns: Iterable[str] | None = None,
    dialect: Dialect = COMMAS,
    *,
    chunk_bytes: int = CHUNK_BYTES,
    when_empty: str = "download it again",
) -> DelimitedText:
    """Read the rows, and the records that are no rows, of a whole CSV file into memory.

    Args and errors are those of `open_delimited` and of `DelimitedFile.batches`.
    """
    return read_small_file(
        open_delimited(path, find_header, columns, dialect, chunk_bytes=chunk_bytes, when_empty=when_empty)
    )


def read_small_file(file: RawFile) -> DelimitedText:
    """Read a file whose header was found."""
    try:
        batches = list(file.batches())
    except IrregularError:
        batches = list(file.batches(exact=True))
    return joined([file.empty(), *batches])


def joined(batches: Sequence[DelimitedText]) -> DelimitedText:
    """Join batches that follow each other, at least one."""
    malformed = tuple(misfit for batch in batches for misfit in batch.malformed)
    return DelimitedText(batches[0].header, pl.concat(batch.frame for batch in batches), malformed, batches[-1].cut_off)


def twice_named(names: Iterable[str]) -> str | None:
    """Find the first in the alphabet of names that stand more than once; None where each stands once.

    Examples:
        >>> twice_named(["b", "a", "c", "b", "a"]), twice_named(["a"])
        ('a', None)
    """
    return min((name for name, times in Counter(names).items() if times > 1), default=None)


def _find_header(
    path: Path, start: bytes, find_header: FindHeader, separators: str
) -> tuple[tuple[str, ...], int, str]:
    """Find the header, how many lines there are up to it, and what stands between its fields."""
    lines = start.split(b"\n", HEADER_SEARCH_LINES)[:HEADER_SEARCH_LINES]
    if b"\0" in lines[0]:
        raise UnreadableFileError(f"{path} is not text: its first line holds a zero byte; check what was downloaded")
    if len(lines) == 1 and b"\r" in start.rstrip(b"\r"):
        raise UnreadableFileError(f"{path} ends its lines with a carriage return alone; save it with line feeds")
    if len(lines) == 1 and len(start) >= LONGEST_HEADER:
        raise HeaderError(f"{path} has no line end in its first {LONGEST_HEADER} bytes; its header is one short line")
    texts = [line.decode("utf-8", "replace").rstrip("\r") for line in lines]
    cut = {mark: [tuple(name.strip() for name in fields_of_line(text, mark)) for text in texts] for mark in separators}
    at, separator = _first_header(cut, find_header)
    decoded(path, lines[at], 0)
    header = cut[separator][at]
    twice = twice_named(name for name in header if name)
    if twice is not None:
        raise HeaderError(f"{path}: the column '{twice}' stands twice in the header; name each column once")
    return header, at + 1, separator


def _first_header(cut: Mapping[str, Sequence[Sequence[str]]], find_header: FindHeader) -> tuple[int, str]:
    """Find the header and its separator.

    Raises:
        HeaderError: Under none; what is said is of the separator that cuts the lines into the most fields.
    """
    refused: dict[str, HeaderError] = {}
    for mark, lines in cut.items():
        try:
            return find_header(lines), mark
        except HeaderError as error:
            refused[mark] = error
    raise refused[max(refused, key=lambda mark: max(len(line) for line in cut[mark]))]


def _below_header(chunks: Iterator[bytes], header_lines: int) -> Iterator[bytes]:
    left = header_lines
    for chunk in chunks:
        rest = chunk
        while left and b"\n" in rest:
            rest = rest.split(b"\n", 1)[1]
            left -= 1
        if not left and rest:
            yield rest


__all__ = [
    "DelimitedFile",
    "DelimitedText",
    "FindHeader",
    "MalformedRecord",
    "RawFile",
    "joined",
    "open_delimited",
    "read_delimited",
    "read_small_file",
    "twice_named",
]
