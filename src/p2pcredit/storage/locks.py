"""Locks between processes on one home: held through a file, and given back by the kernel when the holder dies.

This is the only module that locks. Each wait has a deadline, and its error says which lock, who holds it, what to do.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from p2pcredit.errors import ConflictError
from p2pcredit.storage.disk_errors import disk_error

LONGEST_WAIT_SECONDS = 1800.0
_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.25
_HELD_LOCKS = Path("/proc/locks")


@contextmanager
def exclusive_lock(path: Path, what: str, *, wait_seconds: float = LONGEST_WAIT_SECONDS) -> Iterator[None]:
    """Hold a lock while the block runs; others who ask for it wait their turn.

    Args:
        path: The file that stands for the lock; it is made where it is missing, never removed, and its content means
            nothing.
        what: What the lock guards, for the message.
        wait_seconds: How long to wait for another holder; 0 does not wait.

    Raises:
        ConflictError: If it was held by another all that time; trying again may heal it.
        StorageError: If the disk refuses, or something else than a file lies there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise disk_error("write", path, error) from error
    try:
        _acquire(handle, path, what, wait_seconds, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def shared_lock(path: Path, what: str, *, wait_seconds: float = LONGEST_WAIT_SECONDS) -> Iterator[None]:
    """Keep exclusive holders away while the block reads; other readers may read too.

    Where the file is not there, or may not be opened by this user, no process that keeps this rule can be writing.

    Args:
        path, what, wait_seconds: As of `exclusive_lock`.

    Raises:
        ConflictError: If it was held exclusively all that time; trying again may heal it.
        StorageError: If the disk refuses.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        _acquire(handle, path, what, wait_seconds, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def try_lock(handle: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Take the lock of an open file if it is free.

    Args:
        handle: Of the file; the lock lasts until it is closed.
        kind: `fcntl.LOCK_EX` or `fcntl.LOCK_SH`.

    Returns:
        Whether it was taken; False where another handle holds it.

    Raises:
        OSError: If the disk has no locks.
    """
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_lock(handle: int, kind: int, wait_seconds: float) -> bool:
    """Try a lock again and again until it is taken or the time is up; the first try comes at once.

    Args:
        handle, kind: As of `try_lock`.
        wait_seconds: How long to try.

    Returns:
        Whether it was taken.

    Raises:
        OSError: If the disk has no locks.
    """
    deadline, pause = time.monotonic() + wait_seconds, _FIRST_PAUSE_SECONDS
    while not try_lock(handle, kind):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    return True


def hold_if_possible(handle: int, wait_seconds: float) -> bool:
    """Take the lock of an open file, and go on without where the disk has no locks or the time is up.

    Args:
        handle: Of the file; the lock lasts until it is closed.
        wait_seconds: How long to try.

    Returns:
        Whether it is held.
    """
    with suppress(OSError):
        return wait_for_lock(handle, fcntl.LOCK_EX, wait_seconds)
    return False


def holder_of(handle: int) -> int | None:
    """Read from the kernel's list which process holds the lock of an open file; None where the list does not say.

    Args:
        handle: Of the file.
    """
    with suppress(OSError, ValueError, IndexError):
        found = os.fstat(handle)
        place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
        for line in _HELD_LOCKS.read_text(encoding="ascii").splitlines():
            words = line.split()  # 1: FLOCK  ADVISORY  WRITE 4711 fe:00:5948531 0 EOF; a waiting one has -> after 1:
            if words[1] == "FLOCK" and words[5] == place and int(words[4]) > 0:
                return int(words[4])
    return None


def _acquire(handle: int, path: Path, what: str, wait_seconds: float, kind: int) -> None:
    try:
        taken = wait_for_lock(handle, kind, wait_seconds)
    except OSError as error:
        raise disk_error("lock", path, error) from error
    if not taken:
        holder = holder_of(handle)
        who = f"it holds {path}" if holder is None else f"process {holder} holds {path}"
        raise ConflictError(
            f"another process is at work on {what} ({who}); run it again when that has ended, or end it if it hangs"
        )


__all__ = [
    "LONGEST_WAIT_SECONDS",
    "exclusive_lock",
    "hold_if_possible",
    "holder_of",
    "shared_lock",
    "try_lock",
    "wait_for_lock",
]
