"""A block of CSV records cut out of a file: those that fit the header, as text for an engine, and those that do not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from p2pcredit.errors import UnreadableFileError

LONGEST_RECORD = 64 << 20
"""No honest record is longer, in characters."""


@dataclass(frozen=True, slots=True)
class MalformedRecord:
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
class Block:
    """Some records that follow each other in a file.

    Args:
        body: The records that fit the header, as CSV text without a header.
        numbers: Their places among all records below the header, from 1.
        malformed: The records that do not fit it, in order.
        cut_off: In the last block of a file: the record inside which the file ends.
    """

    body: bytes
    numbers: npt.NDArray[np.int64]
    malformed: tuple[MalformedRecord, ...] = ()
    cut_off: MalformedRecord | None = None


class NotUtf8Error(UnreadableFileError):
    """The bytes of a file are no UTF-8 text."""


class IrregularError(Exception):
    """Quotes stand where the counting of fields cannot follow them."""


def decoded(path: Path, raw: bytes, offset: int) -> str:
    """Decode bytes that begin `offset` bytes below the header of a file.

    Raises:
        NotUtf8Error: If they are no UTF-8 text.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotUtf8Error(
            f"{path} is not UTF-8 text: byte 0x{raw[error.start]:02x} at position {offset + error.start} of its rows; "
            "save it as UTF-8"
        ) from error


__all__ = ["LONGEST_RECORD", "Block", "IrregularError", "MalformedRecord", "NotUtf8Error", "decoded"]
