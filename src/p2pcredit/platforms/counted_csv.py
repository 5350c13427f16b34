"""CSV text cut into records by counting commas and line ends outside quotes, a block of bytes at a time, with NumPy.

Quotes in irregular places, such as in the middle of a field, are refused: `exact_csv` reads such files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from p2pcredit.platforms.csv_blocks import LONGEST_RECORD, Block, IrregularError, Misfit, decoded
from p2pcredit.platforms.exact_csv import fields_of_line

_COMMA, _QUOTE, _NEWLINE, _RETURN = b',"\n\r'
_BEFORE_OPENING = np.isin(np.arange(256), [_COMMA, _NEWLINE, _QUOTE])
_AFTER_CLOSING = np.isin(np.arange(256), [_COMMA, _NEWLINE, _RETURN, _QUOTE])
_Places = npt.NDArray[np.int64]


def counted_blocks(path: Path, chunks: Iterator[bytes], width: int) -> Iterator[Block]:
    """Which records do these bytes hold, and which of them have `width` fields?

    Args:
        path: The file, for messages.
        chunks: Its bytes below the header.
        width: The number of fields of the header.

    Yields:
        A block for each chunk in which a record ends. The last one says whether the file ends inside a record: it has
        no line end there, and too few fields.

    Raises:
        IrregularError: Quotes or carriage returns stand where counting cannot follow them.
        UnreadableFileError: Not UTF-8 text.
    """
    rest, offset, seen = b"", 0, 0
    for chunk in chunks:
        text = rest + chunk
        used, block, seen = _counted(path, text, offset, seen, width)
        rest, offset = text[used:], offset + used
        if block is not None:
            yield block
        if len(rest) > LONGEST_RECORD:
            raise IrregularError
    if not rest:
        return
    before = seen
    used, block, seen = _counted(path, rest + b"\n", offset, seen, width)
    if block is None or used != len(rest) + 1:
        raise IrregularError
    last = block.misfits[-1] if block.misfits else None
    inside = last is not None and seen > before and last.row_number == seen and len(last.fields) < width
    yield Block(block.body, block.numbers, block.misfits, last if inside else None)


def _counted(path: Path, text: bytes, offset: int, seen: int, width: int) -> tuple[int, Block | None, int]:
    """How many bytes do the whole records of a text take that begins at a record; those; how many were seen by now."""
    data = np.frombuffer(text, dtype=np.uint8)
    quotes = _regular_quotes(data)
    returns = _outside(np.flatnonzero(data[:-1] == _RETURN), quotes)
    if not (data[returns + 1] == _NEWLINE).all():
        raise IrregularError
    ends = _outside(np.flatnonzero(data == _NEWLINE), quotes)
    if not len(ends):
        return 0, None, seen
    used = int(ends[-1]) + 1
    decoded(path, text[:used], offset)
    starts = np.concatenate(([0], ends[:-1] + 1))
    counts = _fields(data[:used], ends, quotes[: np.searchsorted(quotes, used)])
    lengths = ends - starts
    blank = (lengths == 0) | ((lengths == 1) & (data[starts] == _RETURN))
    numbers = (seen + np.cumsum(~blank)).astype(np.int64)
    fits = (counts == width) & ~blank
    if fits.all():
        return used, Block(text[:used], numbers), int(numbers[-1])
    # Runs of fitting records are copied whole; each misfit is read on its own.
    edges = np.flatnonzero(np.diff(np.concatenate(([False], fits, [False])).astype(np.int8)))
    body = b"".join(text[starts[first] : ends[last - 1] + 1] for first, last in edges.reshape(-1, 2))
    misfits = []
    for at in np.flatnonzero(~fits & ~blank):
        raw = text[starts[at] : ends[at]].decode("utf-8").rstrip("\r")
        if "\n" in raw:
            raise IrregularError
        misfits.append(Misfit(int(numbers[at]), fields_of_line(raw), raw))
    return used, Block(body, numbers[fits], tuple(misfits)), int(numbers[-1])


def _regular_quotes(data: npt.NDArray[np.uint8]) -> _Places:
    """Where the quotes stand. Irregular ones are refused."""
    quotes = np.flatnonzero(data == _QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    before = opening[opening > 0] - 1
    after = closing[closing < len(data) - 1] + 1
    if not (_BEFORE_OPENING[data[before]].all() and _AFTER_CLOSING[data[after]].all()):
        raise IrregularError
    return quotes


def _outside(places: _Places, quotes: _Places) -> _Places:
    """Those of these places that stand outside quotes."""
    outside: _Places = places[np.searchsorted(quotes, places) % 2 == 0]
    return outside


def _fields(data: npt.NDArray[np.uint8], ends: _Places, quotes: _Places) -> _Places:
    """How many fields each record has: its commas outside quotes, and one."""
    commas = np.flatnonzero(data == _COMMA)
    counts = np.diff(np.searchsorted(commas, ends), prepend=0) + 1
    if len(quotes):
        quoted = np.diff(np.searchsorted(commas, quotes).reshape(-1, 2))[:, 0]
        holding = np.flatnonzero(quoted)
        np.subtract.at(counts, np.searchsorted(ends, quotes[::2][holding]), quoted[holding])
    return counts


__all__ = ["counted_blocks"]
