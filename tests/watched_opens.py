"""Which files does a piece of code open? The kernel is asked, so engines written in Rust count too."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_IN_OPEN, _IN_ISDIR, _IN_Q_OVERFLOW = 0x20, 0x40000000, 0x4000
_EVENT = struct.Struct("iIII")


@dataclass
class Opened:
    """What was opened and read.

    Args:
        files: Each file under the directory that was opened, relative to it.
        read_bytes: All bytes that this process read meanwhile, wherever they lay.
    """

    files: set[str] = field(default_factory=set)
    read_bytes: int = 0


@contextmanager
def watched_opens(directory: Path) -> Iterator[Opened]:
    """Count, while the block runs, what is opened of the files that lie under a directory when it begins.

    New directories are not watched: what a job writes there and reads again at once is not history.
    """
    if sys.platform != "linux":
        pytest.skip("opens are counted by inotify, which Linux alone has")
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert handle >= 0, os.strerror(ctypes.get_errno())
    watched: dict[int, Path] = {}
    for place in (directory, *(path for path in directory.rglob("*") if path.is_dir())):
        number = libc.inotify_add_watch(handle, os.fsencode(place), _IN_OPEN)
        assert number >= 0, os.strerror(ctypes.get_errno())
        watched[number] = place
    opened = Opened()
    before = _read_so_far()
    try:
        yield opened
        opened.read_bytes = _read_so_far() - before
        opened.files |= {str(path.relative_to(directory)) for path in _events(handle, watched)}
    finally:
        os.close(handle)


def _events(handle: int, watched: dict[int, Path]) -> Iterator[Path]:
    while True:
        try:
            data = os.read(handle, 1 << 20)
        except BlockingIOError:
            return
        start = 0
        while start < len(data):
            number, mask, _, length = _EVENT.unpack_from(data, start)
            name = data[start + _EVENT.size : start + _EVENT.size + length].rstrip(b"\0")
            start += _EVENT.size + length
            assert not mask & _IN_Q_OVERFLOW, "more was opened than the kernel could tell of"
            if name and not mask & _IN_ISDIR:
                yield watched[number] / os.fsdecode(name)


def _read_so_far() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("rchar")))
