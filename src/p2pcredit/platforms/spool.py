"""Where the rows of a text file wait until they are read: in memory while they are few, then on the disk."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

from p2pcredit.errors import SourceError

IN_MEMORY_BYTES = 64 << 20


class Spool:
    """A place for bytes, gone when the block ends. How much a packed file holds is not known before it is unpacked.

    Args:
        path: The file that is read, for the message.
        in_memory_bytes: From how many bytes on a temporary file holds them.

    Raises:
        SourceError: If the disk has no room for them.
    """

    def __init__(self, path: Path, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self._path = path
        self._limit = in_memory_bytes
        self._body: IO[bytes] = io.BytesIO()
        self._size = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._body.close()

    def write(self, data: bytes) -> int:
        """Add bytes at the end."""
        self._size += len(data)
        try:
            if self._size > self._limit and isinstance(self._body, io.BytesIO):
                held = self._body.getbuffer()
                self._body = tempfile.NamedTemporaryFile(suffix=".csv")  # noqa: SIM115, closed by __exit__
                self._body.write(held)
            return self._body.write(data)
        except OSError as error:
            raise self._no_room(error) from error

    def source(self) -> IO[bytes] | Path:
        """What a reader of CSV takes: the bytes from their beginning, or the file that holds them."""
        try:
            self._body.flush()
            self._body.seek(0)
        except OSError as error:
            raise self._no_room(error) from error
        return self._body if isinstance(self._body, io.BytesIO) else Path(self._body.name)

    def _no_room(self, error: OSError) -> SourceError:
        reason = error.strerror or error
        return SourceError(f"cannot unpack {self._path}: {reason}; free some temporary space")


__all__ = ["IN_MEMORY_BYTES", "Spool"]
