"""Locks between processes on one home: held through a file, and given back by the kernel when the holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from p2pcredit.errors import ConflictError
from p2pcredit.storage.files import disk_error

LONGEST_WAIT_SECONDS = 1800.0
_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.25


@contextmanager
def exclusive_lock(path: Path, what: str, *, wait_seconds: float = LONGEST_WAIT_SECONDS) -> Iterator[None]:
    """Hold a lock while the block runs; others who ask for it wait their turn.

    Args:
        path: The file that stands for the lock; it is made where it is missing, and its content means nothing.
        what: What the lock guards, for the message.
        wait_seconds: How long to wait for whoever holds it; 0 does not wait.

    Raises:
        ConflictError: If somebody else held it all that time; trying again may heal it.
        StorageError: If the disk refuses.
    """
    handle = open_lock(path)
    try:
        _acquire(handle, what, wait_seconds)
        yield
    finally:
        os.close(handle)


def open_lock(path: Path) -> int:
    """A handle on which a lock can be taken: of a file that is made where it is missing, and never removed.

    Raises:
        StorageError: If the disk refuses, or something else than a file lies there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise disk_error("write", path, error) from error


@contextmanager
def shared_lock(path: Path, what: str, *, wait_seconds: float = LONGEST_WAIT_SECONDS) -> Iterator[None]:
    """Keep away whoever wants to hold a lock while the block reads; other readers may read too.

    Where the file is not there, or may not be opened by this user, nobody who keeps this rule can be writing.

    Raises:
        ConflictError: If somebody held it all that time; trying again may heal it.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        _acquire(handle, what, wait_seconds, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, what: str, wait_seconds: float, kind: int = fcntl.LOCK_EX) -> None:
    pause, waited = _FIRST_PAUSE_SECONDS, 0.0
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if waited >= wait_seconds:
                raise ConflictError(f"another process is at work on {what}; run it again when it is done") from error
        time.sleep(pause)
        waited += pause
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
