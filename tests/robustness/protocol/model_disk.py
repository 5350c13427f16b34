"""A file system in memory: what the kernel does for the calls that the hand-off makes.

Its files lie under `HOME`, below a device file: a call that is not modelled meets "Not a directory" there, so it is
noticed and never quietly wrong.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import zlib
from dataclasses import dataclass, field

HOME = "/dev/null/home"
FIRST_HANDLE = 1 << 20


@dataclass(slots=True, eq=False)
class Inode:
    """What a file is, whatever it is called."""

    number: int
    data: bytes = b""


@dataclass(slots=True, eq=False)
class Handle:
    """An open file or directory, and who opened it."""

    owner: str
    inode: Inode | None
    path: str
    flags: int
    place: int = 0


def refuse(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


@dataclass
class ModelDisk:
    """Files by path, directories, handles and locks. Each method is one call that the kernel would do at once."""

    files: dict[str, Inode] = field(default_factory=dict)
    directories: set[str] = field(default_factory=lambda: {HOME})
    handles: dict[int, Handle] = field(default_factory=dict)
    locks: dict[int, int] = field(default_factory=dict)
    inodes: int = 0
    owner: str = ""
    opened: dict[str, int] = field(default_factory=dict)

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        inode = self.files.get(path)
        if flags & os.O_CREAT and flags & os.O_EXCL and (inode is not None or path in self.directories):
            raise refuse(errno.EEXIST, path)
        if path in self.directories:
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                raise refuse(errno.EISDIR, path)
        elif inode is None:
            self._parent(path)
            if not flags & os.O_CREAT:
                raise refuse(errno.ENOENT, path)
            inode = self._inode()
            self.files[path] = inode
        elif flags & os.O_TRUNC:
            inode.data = b""
        # numbers are each owner's own, so that what one does never shows in what another sees
        self.opened[self.owner] = self.opened.get(self.owner, 0) + 1
        handle = FIRST_HANDLE + zlib.crc32(self.owner.encode()) % 1000 * 1_000_000 + self.opened[self.owner]
        assert handle not in self.handles
        self.handles[handle] = Handle(self.owner, inode, path, flags)
        return handle

    def close(self, handle: int) -> None:
        self._handle(handle)
        del self.handles[handle]
        self.locks = {inode: holder for inode, holder in self.locks.items() if holder != handle}

    def close_all_of(self, owner: str) -> None:
        for handle in [number for number, held in self.handles.items() if held.owner == owner]:
            self.close(handle)

    def read(self, handle: int, size: int) -> bytes:
        held = self._handle(handle)
        data = self._data(held)[held.place : held.place + size]
        held.place += len(data)
        return data

    def pread(self, handle: int, size: int, place: int) -> bytes:
        return self._data(self._handle(handle))[place : place + size]

    def write(self, handle: int, data: bytes) -> int:
        held = self._handle(handle)
        old = self._data(held)
        place = len(old) if held.flags & os.O_APPEND else held.place
        assert held.inode is not None
        held.inode.data = old[:place].ljust(place, b"\0") + bytes(data) + old[place + len(data) :]
        held.place = place + len(data)
        return len(data)

    def fsync(self, handle: int) -> None:
        self._handle(handle)

    def fstat(self, handle: int) -> os.stat_result:
        held = self._handle(handle)
        return self._status(held.inode)

    def stat(self, path: str) -> os.stat_result:
        if path in self.directories:
            return self._status(None)
        return self._status(self._there(path))

    def link(self, source: str, target: str) -> None:
        if source in self.directories:
            raise refuse(errno.EEXIST if self._is_there(target) else errno.EPERM, target)
        inode = self._there(source)
        if self._is_there(target):
            raise refuse(errno.EEXIST, target)
        self.files[target] = inode

    def unlink(self, path: str) -> None:
        if path in self.directories:
            raise refuse(errno.EISDIR, path)
        self._there(path)
        del self.files[path]

    def rename(self, source: str, target: str) -> None:
        assert source not in self.directories, "the model moves no directories"
        inode = self._there(source)
        self._parent(target)
        if target in self.directories:
            raise refuse(errno.ENOTEMPTY if source.startswith(f"{target}/") else errno.EISDIR, target)
        if self.files.get(target) is inode:
            return  # two names of one file: nothing happens, both stay
        del self.files[source]
        self.files[target] = inode

    def listdir(self, path: str) -> list[str]:
        if path not in self.directories:
            raise refuse(errno.ENOTDIR if path in self.files else errno.ENOENT, path)
        names = [*self.files, *self.directories]
        return sorted(name.rpartition("/")[2] for name in names if name.rpartition("/")[0] == path)

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        if path in self.directories or path in self.files:
            raise refuse(errno.EEXIST, path)
        self._parent(path)
        self.directories.add(path)

    def flock(self, handle: int, operation: int) -> None:
        inode = self._handle(handle).inode
        assert inode is not None
        if operation & fcntl.LOCK_UN:
            self.locks.pop(inode.number, None)
        elif self.locks.setdefault(inode.number, handle) != handle:
            assert operation & fcntl.LOCK_NB, "no actor is left to give this lock back"
            raise refuse(errno.EWOULDBLOCK, "")

    def is_locked_against(self, handle: int) -> bool:
        inode = self._handle(handle).inode
        return inode is not None and self.locks.get(inode.number, handle) != handle

    def holds(self, owner: str, lock: str) -> bool:
        inode = self.files.get(lock)
        holder = self.locks.get(inode.number) if inode else None
        return holder is not None and self.handles[holder].owner == owner

    def names_of(self, handle: int) -> list[str]:
        inode = self._handle(handle).inode
        return sorted(path for path, at in self.files.items() if at is inode)

    def _inode(self) -> Inode:
        self.inodes += 1
        return Inode(self.inodes)

    def _there(self, path: str) -> Inode:
        if path not in self.files:
            self._parent(path)
            raise refuse(errno.EISDIR if path in self.directories else errno.ENOENT, path)
        return self.files[path]

    def _is_there(self, path: str) -> bool:
        self._parent(path)
        return path in self.files or path in self.directories

    def _parent(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent not in self.directories:
            raise refuse(errno.ENOTDIR if parent in self.files else errno.ENOENT, path)

    def _handle(self, handle: int) -> Handle:
        if handle not in self.handles:
            raise refuse(errno.EBADF, "")
        return self.handles[handle]

    def _data(self, held: Handle) -> bytes:
        if held.inode is None:
            raise refuse(errno.EISDIR, held.path)
        return held.inode.data

    @staticmethod
    def _status(inode: Inode | None) -> os.stat_result:
        kind = stat.S_IFDIR | 0o755 if inode is None else stat.S_IFREG | 0o644
        size = 0 if inode is None else len(inode.data)
        return os.stat_result((kind, 0 if inode is None else inode.number, 1, 1, 0, 0, size, 0, 0, 0))
