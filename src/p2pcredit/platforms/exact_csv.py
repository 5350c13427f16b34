"""Records of CSV text one by one, with irregular quotes: slower than counting, and never at a loss."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

_MOST_LINES_OF_A_RECORD = 1_000
LONGEST_RECORD = 64 << 20
"""No honest record is longer, in characters."""
csv.field_size_limit(LONGEST_RECORD)


def fields_of_line(line: str) -> tuple[str, ...]:
    """What fields does this one line hold, read by itself?

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
        return tuple(next(csv.reader([line]), []))
    except csv.Error:
        return ()


def is_open(raw: str) -> bool:
    """Whether this record ends inside a quoted field.

    Examples:
        >>> is_open('1,"never closed'), is_open('1,5" pipe'), is_open('1,"a"')
        (True, False, False)
    """
    if raw.count('"') % 2 == 0:
        return False
    try:
        return next(csv.reader([raw], strict=True), None) is None
    except csv.Error as error:
        return "unexpected end of data" in str(error)


def exact_records(lines: Iterator[str], width: int) -> Iterator[tuple[tuple[str, ...], str]]:
    """Which records do these lines hold, and what is the raw text of each?

    A record may span lines where a quoted field holds line ends. A record that spans lines and does not have `width`
    fields started at a quote that is nobody's: its first line then stands alone and reading goes on at the next line.

    Args:
        lines: Lines with their line ends.
        width: The number of fields of the header.

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
            fields = tuple(next(csv.reader(next_lines(taken), strict=True), ()))
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
            yield (fields or fields_of_line(raw)), raw


__all__ = ["LONGEST_RECORD", "exact_records", "fields_of_line", "is_open"]
