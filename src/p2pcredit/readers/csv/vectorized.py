"""CSV text cut into records by counting separators and line ends outside quotes, a block at a time, with NumPy.

Quotes in irregular places, such as in the middle of a field, are refused: the `strict` reader reads such files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from p2pcredit.readers.csv.blocks import LONGEST_RECORD, Block, IrregularError, MalformedRecord, decoded
from p2pcredit.readers.csv.strict import fields_of_line

_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
_COUNTED_TOGETHER = 1 << 20
"""Bytes whose marks stay in a core's own memory: counting more at a time takes two to three times as long."""
_Mask = npt.NDArray[np.bool_]
_and_not = np.greater
"""Of two truths: the first and not the second."""


@dataclass(frozen=True, slots=True)
class _Fields:
    """How many fields a record has, and what stands between them."""

    width: int
    separator: str

    @property
    def mark(self) -> int:
        """The separator as a byte."""
        return ord(self.separator)


def counted_blocks(path: Path, chunks: Iterator[bytes], width: int, separator: str = ",") -> Iterator[Block]:
    """Split bytes into records, and mark those that have `width` fields.

    Args:
        path: The file, for messages.
        chunks: Its bytes below the header.
        width: The number of fields of the header.
        separator: What stands between fields, an ASCII character.

    Yields:
        A block for each chunk in which a record ends. The last one says whether the file ends inside a record: it has
        no line end there, and too few fields.

    Raises:
        IrregularError: Quotes or carriage returns stand where counting cannot follow them.
        UnreadableFileError: Not UTF-8 text.
    """
    rest, offset, seen = b"", 0, 0
    fields = _Fields(width, separator)
    for chunk in chunks:
        blocks, at = [], 0
        while at < len(chunk):
            some = chunk[at : at + max(_COUNTED_TOGETHER, len(rest))]  # more after a long record: none is counted often
            at += len(some)
            text = rest + some
            used, block, seen = _counted(path, text, offset, seen, fields)
            rest, offset = text[used:], offset + used
            blocks += [block] if block is not None else []
        if blocks:
            yield _joined(blocks)
        if len(rest) > LONGEST_RECORD:
            raise IrregularError
    if not rest:
        return
    before = seen
    used, block, seen = _counted(path, rest + b"\n", offset, seen, fields)
    if block is None or used != len(rest) + 1:
        raise IrregularError
    last = block.malformed[-1] if block.malformed else None
    inside = last is not None and seen > before and last.row_number == seen and len(last.fields) < width
    yield Block(block.body, block.numbers, block.malformed, last if inside else None)


def _joined(blocks: Sequence[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    body = b"".join(block.body for block in blocks)
    malformed = tuple(misfit for block in blocks for misfit in block.malformed)
    return Block(body, np.concatenate([block.numbers for block in blocks]), malformed)


def _counted(path: Path, text: bytes, offset: int, seen: int, fields: _Fields) -> tuple[int, Block | None, int]:
    """Split whole records off a text that begins at one; return their bytes, their block, and the records so far."""
    if b"\n" not in text:
        return 0, None, seen
    data = np.frombuffer(text, dtype=np.uint8)
    between = data == fields.mark
    inside = _inside_quotes(data, between)
    newlines, returns = _and_not(data == _NEWLINE, inside), data == _RETURN
    if _and_not(_and_not(returns[:-1], inside[:-1]), newlines[1:]).any():
        raise IrregularError
    ends = np.flatnonzero(newlines)
    if not len(ends):
        return 0, None, seen
    used = int(ends[-1]) + 1
    decoded(path, text[:used], offset)
    starts = np.concatenate(([0], ends[:-1] + 1))
    counts = np.add.reduceat(_and_not(between, inside)[:used], starts, dtype=np.int32) + 1
    lengths = ends - starts
    blank = (lengths == 0) | ((lengths == 1) & returns[starts])
    numbers = (seen + np.cumsum(~blank)).astype(np.int64)
    fits = (counts == fields.width) & ~blank
    if fits.all():
        return used, Block(text[:used], numbers), int(numbers[-1])
    # Runs of fitting records are copied whole; each misfit is read on its own.
    edges = np.flatnonzero(np.diff(np.concatenate(([False], fits, [False])).astype(np.int8)))
    body = b"".join(text[starts[first] : ends[last - 1] + 1] for first, last in edges.reshape(-1, 2))
    malformed = []
    for at in np.flatnonzero(~fits & ~blank):
        raw = text[starts[at] : ends[at]].decode("utf-8").rstrip("\r")
        if "\n" in raw:
            raise IrregularError
        malformed.append(MalformedRecord(int(numbers[at]), fields_of_line(raw, fields.separator), raw))
    return used, Block(body, numbers[fits], tuple(malformed)), int(numbers[-1])


def _inside_quotes(data: npt.NDArray[np.uint8], between: _Mask) -> _Mask:
    """Mark what of a text that begins at a record stands in quotes, opening quotes included and closing ones not.

    Args:
        data: Its bytes.
        between: Where a separator stands.

    Raises:
        IrregularError: If a quote opens elsewhere than where a field begins, or closes elsewhere than where it ends.
    """
    quotes = data == _QUOTE
    inside = _running_parity(quotes)
    neighbours = quotes | between
    neighbours |= data == _NEWLINE
    opening = quotes & inside
    if _and_not(opening[1:], neighbours[:-1]).any():
        raise IrregularError
    neighbours |= data == _RETURN
    closing = _and_not(quotes, inside)
    if _and_not(closing[:-1], neighbours[1:]).any():
        raise IrregularError
    return inside


def _running_parity(marks: _Mask) -> _Mask:
    """Mark each place up to which, it included, the number of marks is odd. 64 places are worked on together.

    Source:
        G. Langdale and D. Lemire (2019), Parsing gigabytes of JSON per second: the prefix exclusive-or of quotes.

    Examples:
        >>> _running_parity(np.array([False, True, False, True, True])).tolist()
        [False, True, True, False, True]
    """
    packed = np.packbits(marks, bitorder="little")
    words = np.zeros(-(-packed.size // 8), dtype="<u8")
    words.view(np.uint8)[: packed.size] = packed
    for shift in (1, 2, 4, 8, 16, 32):
        words ^= words << np.uint64(shift)
    last = words >> np.uint64(63)
    carried = np.bitwise_xor.accumulate(last) ^ last  # the parity of all words before
    words ^= np.uint64(0) - carried
    return np.unpackbits(words.view(np.uint8), count=marks.size, bitorder="little").view(np.bool_)


__all__ = ["counted_blocks"]
