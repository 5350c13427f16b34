"""Check Parquet files from outside before they are read, and word what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from p2pcredit.errors import HeaderError, UnreadableFileError
from p2pcredit.readers.bytestream import most_unpacked_bytes

_HONEST_ROWS = 1_000_000
_MOST_ROWS_PER_BYTE = 10


@contextmanager
def reading_parquet(path: Path, instead: str) -> Iterator[None]:
    """Say in one line that a file cannot be read as Parquet, and what to do instead.

    PyArrow reads files from outside, because it raises an error where Polars, for some damaged files, panics. No file
    is memory-mapped: one that is cut off while it is mapped ends the process.

    Raises:
        UnreadableFileError: If it is damaged or cut off.
    """
    try:
        yield
    except (pa.ArrowException, pl.exceptions.PolarsError, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())[:200] or "damaged"
        raise UnreadableFileError(f"{path} cannot be read as Parquet ({reason}); {instead}") from error


def holds_no_text(kind: Any) -> bool:
    """Return whether values of this type, lists, records or durations, have no one text."""
    return bool(pa.types.is_nested(kind) or pa.types.is_duration(kind))


def without_text(path: Path, field: Any) -> HeaderError:
    """Describe a column whose values have no one text."""
    return HeaderError(f"{path}: the column '{field.name}' is of type {field.type}; write one text or number a row")


def refuse_parquet_bomb(path: Path, about: Any, packed: int) -> None:
    """Refuse a small file with more rows, or more bytes when unpacked, than honest data has.

    Args:
        path: The file, for the message.
        about: What it says of itself, as PyArrow reads it.
        packed: Its size in bytes.

    Raises:
        UnreadableFileError: If it says that it holds more.
    """
    unpacked = sum(about.row_group(place).total_byte_size for place in range(about.num_row_groups))
    if about.num_rows > _HONEST_ROWS + _MOST_ROWS_PER_BYTE * packed or unpacked > most_unpacked_bytes(packed):
        raise UnreadableFileError(
            f"{path} has {packed} bytes and says that it holds {about.num_rows} rows and {unpacked} bytes; no loan "
            "data packs so well, so it is not read"
        )


__all__ = ["holds_no_text", "reading_parquet", "refuse_parquet_bomb", "without_text"]
