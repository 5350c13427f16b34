"""A file system in memory, behind the calls of `os`, `io` and `fcntl` that the hand-off uses.

Paths under `HOME` and the handles opened there live in memory, everything else goes to the real disk. `HOME` lies below
a device file: a call that is not modelled meets "Not a directory" there, so it is noticed and never quietly wrong.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

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
            raise refuse(errno.EISDIR, target)
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
            assert operation & fcntl.LOCK_NB, "nobody is left who could give this lock back"
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


class Raw(io.RawIOBase):
    """An open file of the model as Python's own readers and writers want it."""

    def __init__(self, calls: Calls, handle: int, mode: str) -> None:
        super().__init__()
        self._calls, self._handle, self._mode = calls, handle, mode

    def readable(self) -> bool:
        return "r" in self._mode or "+" in self._mode

    def writable(self) -> bool:
        return self._mode.strip("bt") != "r"

    def fileno(self) -> int:
        return self._handle

    def readinto(self, buffer: Any) -> int:
        data = self._calls.call("read", self._handle, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any) -> int:
        # A writer that was killed is thrown away with what it had not written yet.
        return self._calls.call("write", self._handle, bytes(data)) if self._open() else len(data)

    def close(self) -> None:
        if not self.closed and self._open():
            self._calls.call("close", self._handle)
        super().close()

    def _open(self) -> bool:
        return self._handle in self._calls.disk.handles


class Calls:
    """Sends the calls of Python programs to a model. `around` may stand between: it is given each call and makes it.

    Args:
        disk: The model.
        around: Called with the call's name, its arguments, and what does it.
    """

    def __init__(self, disk: ModelDisk) -> None:
        self.disk = disk
        self.around: Callable[[str, tuple[Any, ...], Callable[[], Any]], Any] | None = None

    def call(self, name: str, *args: Any) -> Any:
        def make() -> Any:
            return getattr(self.disk, name)(*args)

        return make() if self.around is None else self.around(name, args, make)

    def patched(self, patch: Any) -> None:
        """Let `os`, `io` and `fcntl` ask the model about everything under `HOME`."""
        for name in ("close", "read", "pread", "write", "fsync", "fstat"):
            patch.setattr(os, name, self._by_handle(name, name, getattr(os, name)))
        patch.setattr(fcntl, "flock", self._by_handle("flock", "flock", fcntl.flock))
        for name, mine in {"open": "open", "unlink": "unlink", "remove": "unlink", "mkdir": "mkdir"}.items():
            patch.setattr(os, name, self._by_path(mine, getattr(os, name)))
        for name, mine in {"stat": "stat", "lstat": "stat", "listdir": "listdir"}.items():
            patch.setattr(os, name, self._by_path(mine, getattr(os, name)))
        for name, mine in {"link": "link", "rename": "rename", "replace": "rename"}.items():
            patch.setattr(os, name, self._by_two_paths(mine, getattr(os, name)))
        patch.setattr(os, "scandir", self._scandir(os.scandir))
        opened = self._open_file(io.open)
        patch.setattr(io, "open", opened)
        patch.setattr(builtins, "open", opened)

    def _by_handle(self, name: str, mine: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(handle: Any, *args: Any) -> Any:
            ours = isinstance(handle, int) and handle >= FIRST_HANDLE
            return self.call(mine, handle, *args) if ours else real(handle, *args)

        return call

    def _by_path(self, mine: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any = ".", *args: Any, **more: Any) -> Any:
            if isinstance(path, int) and path >= FIRST_HANDLE:
                return self.call("fstat", path)
            return self.call(mine, str(path), *args) if _ours(path) else real(path, *args, **more)

        return call

    def _by_two_paths(self, mine: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(source: Any, target: Any, **more: Any) -> Any:
            ours = _ours(source) and _ours(target)
            return self.call(mine, str(source), str(target)) if ours else real(source, target, **more)

        return call

    def _scandir(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any = ".") -> Any:
            return Entries(str(path), self.call("listdir", str(path)), self.disk) if _ours(path) else real(path)

        return call

    def _open_file(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(file: Any, mode: str = "r", *args: Any, **more: Any) -> Any:
            ours = file >= FIRST_HANDLE if isinstance(file, int) else _ours(file)
            if not ours:
                return real(file, mode, *args, **more)
            kind = mode.strip("bt")
            handle = file if isinstance(file, int) else self.call("open", str(file), _FLAGS[kind])
            raw = Raw(self, handle, kind)
            if kind in {"r", "w", "a", "x"}:
                whole: Any = io.BufferedReader(raw) if kind == "r" else io.BufferedWriter(raw)
            else:
                raise NotImplementedError(f"the model opens no file with mode {mode!r}")
            if "b" in mode:
                return whole
            texts = dict(zip(("buffering", "encoding", "errors", "newline"), args, strict=False)) | more
            texts.pop("buffering", None)
            return io.TextIOWrapper(whole, **{**texts, "encoding": texts.get("encoding") or "utf-8"})

        return call


class Entries:
    """What `os.scandir` answers."""

    def __init__(self, parent: str, names: list[str], disk: ModelDisk) -> None:
        self._entries = [Entry(name, f"{parent}/{name}", f"{parent}/{name}" in disk.directories) for name in names]

    def __enter__(self) -> Entries:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)


@dataclass(frozen=True)
class Entry:
    """One of them."""

    name: str
    path: str
    directory: bool

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self.directory

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return not self.directory

    def is_symlink(self) -> bool:
        return False


_FLAGS = {
    "r": os.O_RDONLY,
    "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "x": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
}


def _ours(path: Any) -> bool:
    return isinstance(path, str | os.PathLike) and str(path).startswith(HOME)
