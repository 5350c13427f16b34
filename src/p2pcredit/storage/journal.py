"""Lines that are on the disk before their writer goes on: one thread writes and syncs those of many at once.

A journal is a directory of segments. Each belongs to one writer, which holds its lock as long as it lives, and to one
day. A segment only grows. A line torn by a crash is the last of its segment, has no line end, and was never confirmed
to any client; `read_segment` leaves it out.
"""

from __future__ import annotations

import errno
import os
import queue
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from p2pcredit.errors import StorageError
from p2pcredit.storage.files import disk_error, sync
from p2pcredit.storage.locks import try_lock

_SEGMENT = re.compile(r"(\d{4})_(\d{2})_(\d{2})-[0-9a-f]{16}\.jsonl")
_MOST_AT_ONCE = 1_024
_MOST_WAITING = 20_000


class JournalWriter:
    """Appends lines to segments of its own.

    Args:
        directory: Of the journal; made with the first line.
        closed: Called with the directory after the writer left a segment for that of the next day.
    """

    def __init__(self, directory: Path, closed: Callable[[], None] = lambda: None) -> None:
        self._directory, self._closed = directory, closed
        self._waiting: queue.Queue[tuple[date, bytes, Future[None]] | None] = queue.Queue(_MOST_WAITING)
        self._handle: int | None = None
        self._path, self._day, self._size = directory, date.min, 0
        self._thread = threading.Thread(target=self._run, name="p2pcredit-journal", daemon=True)
        self._thread.start()

    def append(self, day: date, line: bytes) -> Future[None]:
        """Append a line to the segment of a day.

        Returns:
            Done once the line is on the disk; it raises a StorageError where the disk refuses, and the line is then
            not in the journal.

        Raises:
            StorageError: If more lines wait for the disk than it has taken for a long while.
        """
        done: Future[None] = Future()
        try:
            self._waiting.put_nowait((day, line, done))
        except queue.Full as error:
            raise StorageError(f"the disk under {self._directory} is too slow for what is asked") from error
        return done

    def close(self) -> None:
        """Write what waits, and give the segment back."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            batch = [self._waiting.get()]
            while len(batch) < _MOST_AT_ONCE:
                try:
                    batch.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            lines = [one for one in batch if one is not None]
            ended = len(lines) < len(batch)
            for day in dict.fromkeys(day for day, _, _ in lines):
                self._write(day, [one for one in lines if one[0] == day])
        self._leave()

    def _write(self, day: date, lines: list[tuple[date, bytes, Future[None]]]) -> None:
        try:
            if self._handle is None or day != self._day:
                self._begin(day)
            self._append(b"".join(line + b"\n" for _, line, _ in lines))
        except Exception as error:
            told = disk_error("write", self._path, error) if isinstance(error, OSError) else error
            for _, _, done in lines:
                done.set_exception(told)
            return
        for _, _, done in lines:
            done.set_result(None)

    def _append(self, data: bytes) -> None:
        assert self._handle is not None, "a segment is begun before it is written"
        try:
            view = memoryview(data)
            while view:
                written = os.write(self._handle, view)
                if not written:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                view = view[written:]
            os.fdatasync(self._handle)
        except OSError:  # what was not confirmed goes again, so that no line follows a torn one
            os.ftruncate(self._handle, self._size)
            raise
        self._size += len(data)

    def _begin(self, day: date) -> None:
        if self._handle is not None:
            self._leave()
            self._closed()
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{day:%Y_%m_%d}-{secrets.token_hex(8)}.jsonl"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o666)
        if not try_lock(handle):
            os.close(handle)
            raise StorageError(f"{path} is held by another process; look at what reads it")
        sync(self._directory)
        self._handle, self._path, self._day, self._size = handle, path, day, 0

    def _leave(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def segments(directory: Path) -> dict[date, list[Path]]:
    """List the segments of a journal by the day that they belong to.

    Raises:
        StorageError: If the directory cannot be read.
    """
    found: dict[date, list[Path]] = {}
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return found
    except OSError as error:
        raise disk_error("read", directory, error) from error
    for name in names:
        if parts := _SEGMENT.fullmatch(name):
            found.setdefault(date(*map(int, parts.groups())), []).append(directory / name)
    return found


@contextmanager
def read_segment(path: Path) -> Iterator[tuple[list[bytes], bool]]:
    """Read the whole lines of a segment, and hold it while the block runs where its writer has left it.

    Yields:
        The lines, and whether the writer has left: nothing will be added then, and the block may remove the file.

    Raises:
        StorageError: If it cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:  # another reader has taken it in
        yield [], False
        return
    except OSError as error:
        raise disk_error("read", path, error) from error
    try:
        left = try_lock(handle)
        try:
            with os.fdopen(os.dup(handle), "rb") as stream:
                data = stream.read()
        except OSError as error:
            raise disk_error("read", path, error) from error
        yield data.split(b"\n")[:-1], left
    finally:
        os.close(handle)


__all__ = ["JournalWriter", "read_segment", "segments"]
