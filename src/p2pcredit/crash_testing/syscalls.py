"""Which system calls change a disk, and what a call is about to change.

Numbers are those of the kernel's own tables; a call that an architecture lacks is simply absent.
"""

from __future__ import annotations

import os
import platform
import stat
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

AT_FDCWD = -100
_PATH_BYTES = 4096
O_TMPFILE = 0o20000000


class Target(Enum):
    """Where a call says what it changes: in which of its arguments, and as what."""

    HANDLE_FIRST = "handle in argument 0"
    HANDLE_THIRD = "handle in argument 2"
    PATH_FIRST = "path in argument 0"
    PATH_SECOND = "path in argument 1"
    BOTH_PATHS = "paths in arguments 0 and 1"
    AT_FIRST = "path in argument 1, from the directory in argument 0"
    AT_SECOND = "path in argument 2, from the directory in argument 1"
    AT_BOTH = "paths in arguments 1 and 3, from the directories in 0 and 2"


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that changes a disk.

    Args:
        name: Its name in the manual.
        target: Where it says what it changes.
        takes_space: Whether a full disk may refuse it.
        x86_64, aarch64: Its number; None where there is none.
    """

    name: str
    target: Target
    takes_space: bool
    x86_64: int | None
    aarch64: int | None


CALLS = (
    Call("write", Target.HANDLE_FIRST, True, 1, 64),
    Call("writev", Target.HANDLE_FIRST, True, 20, 66),
    Call("pwrite64", Target.HANDLE_FIRST, True, 18, 68),
    Call("pwritev", Target.HANDLE_FIRST, True, 296, 70),
    Call("pwritev2", Target.HANDLE_FIRST, True, 328, 287),
    Call("sendfile", Target.HANDLE_FIRST, True, 40, 71),
    Call("splice", Target.HANDLE_THIRD, True, 275, 76),
    Call("copy_file_range", Target.HANDLE_THIRD, True, 326, 285),
    Call("fallocate", Target.HANDLE_FIRST, True, 285, 47),
    Call("ftruncate", Target.HANDLE_FIRST, False, 77, 46),
    Call("truncate", Target.PATH_FIRST, False, 76, 45),
    Call("open", Target.PATH_FIRST, True, 2, None),
    Call("creat", Target.PATH_FIRST, True, 85, None),
    Call("openat", Target.AT_FIRST, True, 257, 56),
    Call("openat2", Target.AT_FIRST, True, 437, 437),
    Call("mkdir", Target.PATH_FIRST, True, 83, None),
    Call("mkdirat", Target.AT_FIRST, True, 258, 34),
    Call("mknod", Target.PATH_FIRST, True, 133, None),
    Call("mknodat", Target.AT_FIRST, True, 259, 33),
    Call("link", Target.BOTH_PATHS, True, 86, None),
    Call("linkat", Target.AT_BOTH, True, 265, 37),
    Call("symlink", Target.PATH_SECOND, True, 88, None),
    Call("symlinkat", Target.AT_SECOND, True, 266, 36),
    Call("rename", Target.BOTH_PATHS, True, 82, None),
    Call("renameat", Target.AT_BOTH, True, 264, 38),
    Call("renameat2", Target.AT_BOTH, True, 316, 276),
    Call("unlink", Target.PATH_FIRST, False, 87, None),
    Call("unlinkat", Target.AT_FIRST, False, 263, 35),
    Call("rmdir", Target.PATH_FIRST, False, 84, None),
    Call("chmod", Target.PATH_FIRST, False, 90, None),
    Call("fchmod", Target.HANDLE_FIRST, False, 91, 52),
    Call("fchmodat", Target.AT_FIRST, False, 268, 53),
    Call("fchmodat2", Target.AT_FIRST, False, 452, 452),
    Call("chown", Target.PATH_FIRST, False, 92, None),
    Call("fchown", Target.HANDLE_FIRST, False, 93, 55),
    Call("fchownat", Target.AT_FIRST, False, 260, 54),
    Call("utimensat", Target.AT_FIRST, False, 280, 88),
    Call("fsync", Target.HANDLE_FIRST, True, 74, 82),
    Call("fdatasync", Target.HANDLE_FIRST, True, 75, 83),
)
"""`fsync` changes nothing that a reader sees, but a network disk may only say there that it is full."""

_OPENS = {"open": 1, "openat": 2}
_SYNCS = {"fsync", "fdatasync"}
AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SECCOMP_NUMBERS = {"x86_64": 317, "aarch64": 277}
OPENING = os.O_CREAT | os.O_TRUNC | O_TMPFILE
"""Flags of an `open` that may change something; others are let pass unseen."""


def numbers_here() -> dict[int, Call]:
    """Return the calls by their number on this machine; empty where its architecture is not known."""
    machine = platform.machine()
    if machine not in AUDIT_ARCHITECTURES:
        return {}
    named = ((getattr(call, machine), call) for call in CALLS)
    return {number: call for number, call in named if number is not None}


def flags_argument(call: Call) -> int | None:
    """Return in which argument an `open` has its flags; None for other calls."""
    return _OPENS.get(call.name)


def changed_paths(call: Call, arguments: tuple[int, ...], thread: int) -> list[str]:
    """List the paths that this thread, now stopped in this call, is about to change.

    Args:
        call: The call.
        arguments: Its six arguments as words.
        thread: The number of the thread.

    Returns:
        Absolute paths; empty where nothing changes (a sync, the opening of a file that is there) or where the thread
        has gone.
    """
    try:
        return _paths(call, arguments, thread)
    except OSError:  # the thread was killed meanwhile
        return []


def is_sync(call: Call) -> bool:
    """Return whether a call changes nothing and only asks that changes last."""
    return call.name in _SYNCS


def _paths(call: Call, arguments: tuple[int, ...], thread: int) -> list[str]:
    def of_path(argument: int, directory: int | None = None) -> str:
        handle = AT_FDCWD if directory is None else _signed(arguments[directory])
        return _resolve(thread, handle, _text(thread, arguments[argument]))

    match call.target:
        case Target.HANDLE_FIRST:
            found = [_of_handle(thread, arguments[0])]
        case Target.HANDLE_THIRD:
            found = [_of_handle(thread, arguments[2])]
        case Target.PATH_FIRST:
            found = [of_path(0)]
        case Target.PATH_SECOND:
            found = [of_path(1)]
        case Target.BOTH_PATHS:
            found = [of_path(0), of_path(1)]
        case Target.AT_FIRST:
            found = [of_path(1, 0)] if arguments[1] else [_of_handle(thread, arguments[0])]
        case Target.AT_SECOND:
            found = [of_path(2, 1)]
        case Target.AT_BOTH:
            found = [of_path(1, 0), of_path(3, 2)]
    if call.name in _OPENS and not _opening_changes(arguments[_OPENS[call.name]], found[0]):
        return []
    return found


def _opening_changes(flags: int, path: str) -> bool:
    if flags & O_TMPFILE == O_TMPFILE:
        return True
    try:
        found = os.stat(path)
    except OSError:
        return bool(flags & os.O_CREAT)
    return bool(flags & os.O_TRUNC) and stat.S_ISREG(found.st_mode) and found.st_size > 0


def _of_handle(thread: int, handle: int) -> str:
    return os.readlink(f"/proc/{thread}/fd/{handle & 0xFFFFFFFF}").removesuffix(" (deleted)")


def _resolve(thread: int, directory: int, path: str) -> str:
    if path.startswith("/"):
        return os.path.normpath(path)
    root = os.readlink(f"/proc/{thread}/cwd") if directory == AT_FDCWD else _of_handle(thread, directory)
    return os.path.normpath(os.path.join(root, path))


def _text(thread: int, address: int) -> str:
    with Path(f"/proc/{thread}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        page = 4096 - address % 4096  # a path may end just before a page that is not there
        data = memory.read(min(page, _PATH_BYTES))
        if b"\0" not in data:
            data += memory.read(_PATH_BYTES)
    return os.fsdecode(data.partition(b"\0")[0])


def _signed(word: int) -> int:
    low = word & 0xFFFFFFFF
    return low - (1 << 32) if low >= 1 << 31 else low
