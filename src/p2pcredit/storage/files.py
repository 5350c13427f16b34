"""Files that are whole or not there: written beside their place, synced, then moved into it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from p2pcredit.errors import P2PCreditError, SourceError, StorageError
from p2pcredit.storage.disk_errors import denied, disk_error, full_disk
from p2pcredit.storage.locks import try_lock

MOST_SMALL_BYTES = 16 << 20
"""No file that is read whole, such as a manifest, a receipt or a line of the ledger, comes near this size."""

_CHUNK_BYTES = 1 << 20
_TRIAL = "p2pcredit-trial"
_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{16}\.tmp")


@contextmanager
def atomic_replace(
    path: Path, *, durable: bool = True, among: Collection[str] | None = None, sync_names: bool = True
) -> Iterator[Path]:
    """Write a file atomically: yield a temporary path, rename it to `path` on success.

    Args:
        path: The file to make or replace; its parents are made.
        durable: Sync file and directory to the disk before and after the move.
        among: The names in the directory, where they were listed just now: it is then not listed again for each file.
        sync_names: False leaves it to the caller to `sync` the directory, once after many files.

    Yields:
        A dot-named file in the same directory, with the mode that the umask gives. It moves to `path` when the block
        ends well and is removed when not. It is locked meanwhile, so what a writer that died left behind is known by
        being free, and the next one removes it.

    Raises:
        StorageError: If the disk refuses, in one line.
    """
    temporary: Path | None = None
    handle: int | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_behind(path, os.listdir(path.parent) if among is None else among)
        temporary, handle = _own_temporary(path)
        yield temporary
        if durable:
            sync(temporary)
        _keep_group(path, temporary)
        temporary.replace(path)
        temporary = None
        if durable and sync_names:
            sync(path.parent)
    except P2PCreditError:
        raise
    except OSError as error:
        raise disk_error("write", path, error) from error
    except Exception as error:  # an engine's own error may say that the disk is full
        full = full_disk(error)
        if full is None:
            raise
        raise disk_error("write", path, OSError(full)) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        if handle is not None:
            os.close(handle)


def write_bytes_atomically(
    path: Path,
    data: bytes | memoryview,
    *,
    durable: bool = True,
    among: Collection[str] | None = None,
    sync_names: bool = True,
) -> None:
    """Make `path` hold exactly `data`: a reader sees the old file or the new one, never a part.

    Args:
        path: The file to make or replace; its parents are made.
        data: Its whole content.
        durable: Sync file and directory to the disk.
        among, sync_names: As of `atomic_replace`.

    Raises:
        StorageError: If the disk refuses, in one line.
    """
    with atomic_replace(path, durable=durable, among=among, sync_names=sync_names) as temporary:
        temporary.write_bytes(data)


def write_json_atomically(
    path: Path,
    content: object,
    *,
    durable: bool = True,
    among: Collection[str] | None = None,
    indent: int | None = 2,
) -> None:
    """Make `path` hold `content` as JSON: sorted keys, UTF-8, a newline at the end.

    Args:
        path: The file to make or replace; its parents are made.
        content: JSON values only; NaN and infinities are refused.
        durable: Sync file and directory to the disk.
        among: As of `atomic_replace`.
        indent: By how much what belongs to a key is indented; None for one line, which is written many times faster.

    Raises:
        StorageError: If the content is not JSON or the disk refuses, in one line.
    """
    try:
        text = json.dumps(content, sort_keys=True, allow_nan=False, ensure_ascii=False, indent=indent)
        data = f"{text}\n".encode()
    except (TypeError, ValueError) as error:
        raise StorageError(f"cannot write {path}: the content is not plain JSON ({error})") from error
    write_bytes_atomically(path, data, durable=durable, among=among)


def read_small_file(path: Path, *, at_most: int = MOST_SMALL_BYTES) -> bytes:
    """Read a small file's bytes. It never waits for a pipe and never fills the memory.

    Args:
        path: An ordinary file, or a link to one.
        at_most: The most bytes that it may have.

    Raises:
        FileNotFoundError: If there is none.
        StorageError: If something else lies there, it is larger, or the disk refuses, in one line.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # looked at before it is opened: a device may act when opened
            raise StorageError(f"{path} is not an ordinary file; move it away and put the file there")
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise StorageError(f"{path} is not an ordinary file; move it away and put the file there")
            data = stream.read(at_most + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise disk_error("read", path, error) from error
    if len(data) > at_most:
        raise StorageError(f"{path} has more than the {at_most} bytes that such a file may have; move it away")
    return data


def read_json_or_none(path: Path) -> Any:
    """Read a small file of JSON that can be done without, such as a note; None without one, or where it is no JSON."""
    try:
        return json.loads(read_small_file(path))
    except (FileNotFoundError, StorageError, ValueError, RecursionError):
        return None


def sha256_of_file(path: Path) -> str:
    """Calculate the SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        StorageError: If it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise disk_error("read", path, error) from error
    return digest.hexdigest()


@contextmanager
def unmodified_during(path: Path, error: type[SourceError] = SourceError) -> Iterator[None]:
    """Make sure that a file was neither replaced nor written to between the beginning and the end of the block.

    Raises:
        SourceError: Or the kind given: it was not, and whatever was read of it is not to be trusted.
    """
    changed = f"{path} changed while it was read; write under another name, rename when it is whole, and run it again"
    before = file_fingerprint(path)
    try:
        yield
    except P2PCreditError as found:
        if file_fingerprint(path) == before:
            raise
        raise error(changed) from found
    if file_fingerprint(path) != before:
        raise error(changed)


def file_fingerprint(path: Path | str, *, follow_links: bool = True) -> tuple[int, ...]:
    """Fingerprint a file: it differs once the file was written to or replaced; empty where there is none."""
    try:
        found = os.stat(path, follow_symlinks=follow_links)
    except OSError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def names_in(directory: Path) -> list[str]:
    """List a directory; nothing where there is none.

    Raises:
        StorageError: If it cannot be looked into.
    """
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise disk_error("look into", directory, error) from error


def remove(path: Path) -> None:
    """Take a file away, or find that it is gone.

    Raises:
        StorageError: If the disk refuses, in one line.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error("remove", path, error) from error


def refuse_device(path: Path) -> None:
    """Refuse a device, a pipe or a socket, such as /dev/null, or a link to one, where a person names a file to write.

    An atomic write would put an ordinary file in its place, for every program of the machine.

    Raises:
        StorageError: If such a thing is there.
    """
    found = 0
    with suppress(OSError):
        found = path.stat().st_mode
    among_devices = path.parent == Path("/dev")
    if among_devices or (found and not (stat.S_ISREG(found) or stat.S_ISDIR(found))):
        raise StorageError(f"cannot write {path}: a device or a pipe is no file that can be replaced; name another")


def sync(path: Path) -> None:
    """Ask the disk to keep this file, or the names in this directory, before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def try_to_write_in(directory: Path) -> None:
    """Try whether this user can write in a directory: make a file there and remove it, as an atomic write would.

    Raises:
        StorageError: If the disk refuses, in one line.
    """
    trial = directory / _TRIAL
    try:
        _remove_left_behind(trial, os.listdir(directory))
        temporary, handle = _own_temporary(trial)
        os.close(handle)
        temporary.unlink()
    except OSError as error:
        raise disk_error("write in", directory, error) from error


def try_to_append_to(path: Path) -> None:
    """Try whether this user can write to a file that lies there: open it for appending, and close it.

    Only ordinary files are opened: a pipe or a device may act when it is.

    Raises:
        StorageError: If the disk refuses, in one line.
    """
    try:
        if stat.S_ISREG(path.lstat().st_mode):
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))
    except FileNotFoundError:
        return  # it was taken away meanwhile, as a decision may be
    except OSError as error:
        raise disk_error("write", path, error) from error


def _keep_group(path: Path, temporary: Path) -> None:
    """Give a file that replaces another the group of that one, where this user may; its mode is the umask's."""
    with suppress(OSError):
        group = path.lstat().st_gid
        if temporary.lstat().st_gid != group:
            os.chown(temporary, -1, group)


def _own_temporary(path: Path) -> tuple[Path, int]:
    while True:
        temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}.tmp"
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        locked = True
        with suppress(OSError):  # a disk without locks: nothing can be taken for left behind there
            locked = try_lock(handle)
        if locked and os.fstat(handle).st_nlink:
            return temporary, handle
        os.close(handle)  # it was taken for left behind before it could be locked


def remove_left_behind(directory: Path, is_ours: Callable[[str], bool]) -> None:
    """Remove what writers that died left in a directory, of files that may never be written again.

    Args:
        directory: The directory.
        is_ours: Whether a file of that name is written by `atomic_replace` alone.
    """
    with suppress(OSError):
        there = os.listdir(directory)
        written = {match[1] for match in map(_TEMPORARY.fullmatch, there) if match is not None}
        for name in sorted(filter(is_ours, written)):
            _remove_left_behind(directory / name, there)


def _remove_left_behind(path: Path, there: Collection[str]) -> None:
    """Remove temporary files of this path, among the names there, that no live writer holds locked."""
    start = f".{path.name}."
    for left in [path.parent / name for name in there if name.startswith(start) and name.endswith(".tmp")]:
        with suppress(OSError):
            handle = os.open(left, os.O_RDWR | os.O_CLOEXEC)
            try:
                if try_lock(handle):
                    os.unlink(left)
            finally:
                os.close(handle)


__all__ = [
    "MOST_SMALL_BYTES",
    "atomic_replace",
    "denied",
    "disk_error",
    "file_fingerprint",
    "full_disk",
    "read_json_or_none",
    "read_small_file",
    "refuse_device",
    "remove",
    "remove_left_behind",
    "sha256_of_file",
    "sync",
    "try_to_append_to",
    "try_to_write_in",
    "unmodified_during",
    "write_bytes_atomically",
    "write_json_atomically",
]
