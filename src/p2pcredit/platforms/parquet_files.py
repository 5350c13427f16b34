"""What a Parquet file is told by, and what is refused of one that somebody else wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from p2pcredit.errors import UnreadableFileError
from p2pcredit.platforms.bytestream import most_unpacked_bytes

_MAGIC = b"PAR1"
_HONEST_ROWS = 1_000_000
_MOST_ROWS_PER_BYTE = 10


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet does; one that cannot be opened does not."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def refuse_parquet_bomb(path: Path, about: Any, packed: int) -> None:
    """A small file must not fill the memory: not more rows, nor more bytes when unpacked, than honest data has.

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


def twice_named(names: Iterable[str]) -> str | None:
    """The first in the alphabet of the names that stand more than once; None where each stands once.

    Examples:
        >>> twice_named(["b", "a", "c", "b", "a"]), twice_named(["a"])
        ('a', None)
    """
    return min((name for name, times in Counter(names).items() if times > 1), default=None)


__all__ = ["is_parquet", "refuse_parquet_bomb", "twice_named"]
