"""Sends calls of `os`, `io` and `fcntl` about paths under `HOME` to a disk in memory, all others to the real one."""

from __future__ import annotations

import builtins
import fcntl
import glob
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.robustness.protocol.model_disk import FIRST_HANDLE, HOME, ModelDisk

from p2pcredit.storage import locks


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
        patch.setattr(locks, "wait_for_lock", _wait_for_lock)
        for name, mine in {"open": "open", "unlink": "unlink", "remove": "unlink", "mkdir": "mkdir"}.items():
            patch.setattr(os, name, self._by_path(mine, getattr(os, name)))
        for name, mine in {"stat": "stat", "lstat": "stat", "listdir": "listdir"}.items():
            patch.setattr(os, name, self._by_path(mine, getattr(os, name)))
        for name, mine in {"link": "link", "rename": "rename", "replace": "rename"}.items():
            patch.setattr(os, name, self._by_two_paths(mine, getattr(os, name)))
        patch.setattr(os, "scandir", self._scandir(os.scandir))
        globber = getattr(glob, "_StringGlobber", None)  # from Python 3.13 on, `Path.glob` keeps two calls of its own
        for name in ("lstat", "scandir") if globber else ():
            patch.setattr(globber, name, staticmethod(getattr(os, name)))
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


def _wait_for_lock(handle: int, kind: int, wait_seconds: float) -> bool:
    """Wait without looking again: no holder in the model keeps a lock for as long as the deadline of a real wait."""
    if wait_seconds <= 0:
        return locks.try_lock(handle, kind)
    fcntl.flock(handle, kind)
    return True


def _ours(path: Any) -> bool:
    return isinstance(path, str | os.PathLike) and str(path).startswith(HOME)
