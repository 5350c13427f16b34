"""What the system says when a disk refuses, as one line with advice."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from p2pcredit.errors import StorageError


def disk_error(verb: str, path: Path, error: OSError) -> StorageError:
    """Word what a disk refused as a one-line error.

    Examples:
        >>> import errno
        >>> str(disk_error("write", Path("a.json"), OSError(errno.ENOSPC, "No space left on device")))
        'cannot write a.json: No space left on device; free some space and run it again'
    """
    full = full_disk(error)
    if full is not None:
        remedy = "allow larger files (ulimit -f)" if full == os.strerror(errno.EFBIG) else "free some space"
        return StorageError(f"cannot {verb} {path}: {full}; {remedy} and run it again")
    advice = _ADVICE.get(type(error), "mend it and retry")
    if isinstance(error, PermissionError):
        advice = _closed_to_the_group(path) or advice
    return StorageError(f"cannot {verb} {path}: {error.strerror or error}; {advice}")


def full_disk(error: Exception) -> str | None:
    """Return the system's words for a full disk or an exhausted limit; None where an error says anything else.

    Engines in Rust give those words and no error number.

    Examples:
        >>> full_disk(OSError("No space left on device (os error 28)"))
        'No space left on device'
        >>> full_disk(OSError("Permission denied (os error 13)")) is None
        True
    """
    said = str(error)
    return next((words for words in map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)) if words in said), None)


def denied(error: Exception) -> bool:
    """Return whether an engine's error says, in the system's words, that this user lacks a right.

    Examples:
        >>> denied(OSError("Generic LocalFileSystem error: Permission denied (os error 13)"))
        True
    """
    return os.strerror(errno.EACCES) in str(error)


def _closed_to_the_group(path: Path) -> str | None:
    """Advise where another user of this user's group owns the path, or the nearest one above it, with no right for it.

    Such a home is shared between users, and one of them works with a umask that takes the group's right away.
    """
    groups = {os.getegid(), *os.getgroups()}
    for place in (path, *path.absolute().parents):
        try:
            found = place.lstat()
        except OSError:
            continue
        if os.access(place, os.W_OK):
            continue
        if found.st_uid == os.geteuid() or found.st_gid not in groups or found.st_mode & stat.S_IWGRP:
            return None
        return (
            f"user {found.st_uid} made {place.name} without the right for its group to write; let every user of this "
            "home work with umask 002, and run 'chmod -R g+w' on the home once"
        )
    return None


_ADVICE: dict[type[OSError], str] = {
    PermissionError: "give this user the right to it and run it again",
    FileNotFoundError: "check the path",
    IsADirectoryError: "a file belongs there; move the directory away",
    NotADirectoryError: "a directory belongs above it; move the file away",
    FileExistsError: "a directory belongs above it; move the file away",
}

__all__ = ["denied", "disk_error", "full_disk"]
