"""Records of CSV text one by one, with irregular quotes: slower than counting, and never at a loss."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from p2pcredit.errors import UnreadableFileError
from p2pcredit.readers.csv.blocks import LONGEST_RECORD, Block, MalformedRecord, decoded

_MOST_LINES_OF_A_RECORD = 1_000
csv.field_size_limit(LONGEST_RECORD)


def exact_blocks(
    path: Path, chunks: Iterator[bytes], width: int, block_bytes: int, separator: str = ","
) -> Iterator[Block]:
    """Split bytes into records, and mark those that have `width` fields.

    Args:
        path: The file, for messages.
        chunks: Its bytes below the header.
        width: The number of fields of the header.
        block_bytes: The characters after which a block ends.
        separator: What stands between fields, in the blocks too.

    Yields:
        Blocks of records. The last one says whether the file ends inside a record: the last one, without a line end
        and with too few fields, or one that opens a quote which nothing up to the end of the file closes.

    Raises:
        UnreadableFileError: Not UTF-8 text, or a line without end.
    """
    lines = _Lines(path, chunks)
    body, numbers, malformed, held = io.StringIO(), [], [], 0
    writer = csv.writer(body, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL)
    last = cut_off = None
    for number, (fields, raw) in enumerate(exact_records(iter(lines), width, separator), start=1):
        last = MalformedRecord(number, fields, raw)
        fits = len(fields) == width
        if fits:
            writer.writerow(fields)
            numbers.append(number)
        else:
            malformed.append(last)
        if is_open(raw, separator):
            cut_off = last
        elif fits:
            cut_off = None
        held += len(raw)
        if held >= block_bytes:
            yield Block(body.getvalue().encode(), np.array(numbers, dtype=np.int64), tuple(malformed))
            body.seek(0)
            body.truncate()
            numbers, malformed, held = [], [], 0
    if last is not None and lines.ends_open and len(last.fields) < width:
        cut_off = last
    yield Block(body.getvalue().encode(), np.array(numbers, dtype=np.int64), tuple(malformed), cut_off)


@dataclass(slots=True)
class _Lines:
    """The lines of a text file; `ends_open` says afterwards whether the last one has no line end."""

    path: Path
    chunks: Iterator[bytes]
    ends_open: bool = False

    def __iter__(self) -> Iterator[str]:
        rest, offset = b"", 0
        for chunk in self.chunks:
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield decoded(self.path, line, offset) + "\n"
                offset += len(line) + 1
            if len(rest) > LONGEST_RECORD:
                raise UnreadableFileError(
                    f"{self.path} has no line end for {LONGEST_RECORD} bytes; write one record a line"
                )
        if rest:
            self.ends_open = bool(rest.strip(b"\r"))
            yield decoded(self.path, rest, offset)


def fields_of_line(line: str, separator: str = ",") -> tuple[str, ...]:
    """Split one line into its fields, read by itself.

    A quote that is not closed ends with the line. A line that cannot be read as CSV at all, such as one with a lone
    carriage return outside quotes, has no fields.

    Examples:
        >>> fields_of_line('1,"a, b",c')
        ('1', 'a, b', 'c')
        >>> fields_of_line("")
        ()
        >>> fields_of_line('1,"a, b",c\\rd')
        ()
    """
    try:
        return tuple(next(csv.reader([line], delimiter=separator), []))
    except csv.Error:
        return ()


def is_open(raw: str, separator: str = ",") -> bool:
    """Return whether this record ends inside a quoted field.

    Examples:
        >>> is_open('1,"never closed'), is_open('1,5" pipe'), is_open('1,"a"')
        (True, False, False)
    """
    if raw.count('"') % 2 == 0:
        return False
    try:
        return next(csv.reader([raw], delimiter=separator, strict=True), None) is None
    except csv.Error as error:
        return "unexpected end of data" in str(error)


def exact_records(lines: Iterator[str], width: int, separator: str = ",") -> Iterator[tuple[tuple[str, ...], str]]:
    """Split lines into records, each with its raw text.

    A record may span lines where a quoted field holds line ends. A record that spans lines and does not have `width`
    fields started at a stray quote: its first line then stands alone and reading goes on at the next line.

    Args:
        lines: Lines with their line ends.
        width: The number of fields of the header.
        separator: What stands between fields.

    Yields:
        Fields and raw text of every record, blank lines apart.

    Examples:
        >>> [fields for fields, raw in exact_records(iter(['1,"a\\n', 'b"\\n', '2,5" pipe\\n']), 2)]
        [('1', 'a\\nb'), ('2', '5" pipe')]
        >>> [fields for fields, raw in exact_records(iter(['1,"never closed\\n', '2,b\\n']), 2)]
        [('1', 'never closed'), ('2', 'b')]
    """
    waiting: deque[str] = deque()

    def next_lines(taken: list[str]) -> Iterator[str]:
        while len(taken) < _MOST_LINES_OF_A_RECORD:
            line = waiting.popleft() if waiting else next(lines, None)
            if line is None:
                return
            taken.append(line)
            yield line

    while True:
        taken: list[str] = []
        try:
            fields = tuple(next(csv.reader(next_lines(taken), delimiter=separator, strict=True), ()))
        except csv.Error:
            fields = ()
        if not taken:
            return
        if len(taken) > 1 and len(fields) != width:
            waiting.extendleft(reversed(taken[1:]))
            del taken[1:]
            fields = ()
        raw = "".join(taken).rstrip("\r\n")
        if raw:
            yield (fields or fields_of_line(raw, separator)), raw


__all__ = ["exact_blocks", "exact_records", "fields_of_line", "is_open"]
