"""Where rows wait until they are read again: in memory while they are few, then on the disk, packed."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Hashable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Generic, TypeVar

import polars as pl

from p2pcredit.errors import SourceError

IN_MEMORY_BYTES = 32 << 20
Key = TypeVar("Key", bound=Hashable)


class Spool(Generic[Key]):
    """A place for rows under keys, gone when the block ends. However many they are, few of them are held in memory.

    One thread puts rows in; once it is done, any number may get them.

    Args:
        about: What the rows come from, for the message.
        in_memory_bytes: From how many bytes on they move to a temporary file.

    Raises:
        SourceError: If the disk has no room for them.
    """

    def __init__(self, about: Path | str, in_memory_bytes: int | None = None) -> None:
        self._about = about
        self._limit = IN_MEMORY_BYTES if in_memory_bytes is None else in_memory_bytes
        self._file: IO[bytes] | None = None
        self._places: dict[Key, list[tuple[int, int]]] = {}
        self._held: dict[Key, list[pl.DataFrame]] = {}
        self._held_bytes = 0

    def __enter__(self) -> Spool[Key]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.clear()

    def __iter__(self) -> Iterator[Key]:
        """List the keys, in the order in which each first came."""
        return iter(dict.fromkeys([*self._places, *self._held]))

    @property
    def is_on_disk(self) -> bool:
        """Whether any rows wait on the disk."""
        return self._file is not None

    def put(self, key: Key, rows: pl.DataFrame, size: int | None = None) -> None:
        """Add rows under a key, of `size` bytes where the caller knows it better than the rows."""
        self._held.setdefault(key, []).append(rows)
        self._held_bytes += int(rows.estimated_size()) if size is None else size
        if self._held_bytes > self._limit:
            self._move_to_disk()

    def get(self, key: Key) -> pl.DataFrame:
        """Read the rows under a key, in the order in which they came.

        Raises:
            KeyError: If there are none.
        """
        frames = [self._read(*place) for place in self._places.get(key, [])] + self._held.get(key, [])
        if not frames:
            raise KeyError(key)
        return pl.concat(frames)

    def clear(self) -> None:
        """Forget all rows."""
        if self._file is not None:
            self._file.close()
        self._file, self._places, self._held, self._held_bytes = None, {}, {}, 0

    def _move_to_disk(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(suffix=".parquet")  # noqa: SIM115, closed by clear
            start = self._file.seek(0, io.SEEK_END)
            for key, frames in self._held.items():
                packed = io.BytesIO()
                pl.concat(frames).write_parquet(packed, compression="lz4", statistics=False)
                length = self._file.write(packed.getbuffer())
                self._places.setdefault(key, []).append((start, length))
                start += length
            self._file.flush()
        except OSError as error:
            raise self._no_room(error) from error
        self._held, self._held_bytes = {}, 0

    def _read(self, start: int, length: int) -> pl.DataFrame:
        assert self._file is not None
        try:
            return pl.read_parquet(io.BytesIO(os.pread(self._file.fileno(), length, start)))
        except OSError as error:
            raise self._no_room(error) from error

    def _no_room(self, error: OSError) -> SourceError:
        reason = error.strerror or error
        return SourceError(f"cannot unpack {self._about}: {reason}; free some temporary space")


__all__ = ["IN_MEMORY_BYTES", "Spool"]
