"""The disk in memory answers as a real one does, for every call that the hand-off makes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.robustness.protocol.disk_calls import Calls
from tests.robustness.protocol.model_disk import HOME, ModelDisk

NAMES = st.sampled_from(["a", "b", "c", "d/a", "d/b", "d", "x/a"])
TEXTS = st.sampled_from([b"", b"one", b"other words\n"])
CALLS = st.one_of(
    st.tuples(st.just("write"), NAMES, TEXTS),
    st.tuples(st.just("append"), NAMES, TEXTS),
    st.tuples(st.just("touch"), NAMES, st.just(False)),
    st.tuples(st.just("write in place"), NAMES, TEXTS),
    st.tuples(st.sampled_from(["rename", "replace"]), NAMES.filter(lambda name: name != "d"), NAMES),
    st.tuples(st.just("link"), NAMES, NAMES),
    st.tuples(st.just("mkdir"), st.sampled_from(["d", "x/a"])),
    st.tuples(st.sampled_from(["unlink", "list", "glob", "scan", "lstat", "exists", "is_file"]), NAMES),
    st.tuples(st.sampled_from(["read", "read text", "read a part", "lock twice", "sync"]), NAMES),
)


def make(home: Path, name: str, first: str, *more: Any) -> Any:
    """One call, and what came of it: an answer, or the number of the error."""
    path = home / first
    try:
        return _make(home, name, path, *more)
    except OSError as error:
        return error.errno


def _make(home: Path, name: str, path: Path, *more: Any) -> Any:
    if name in {"rename", "replace"}:
        getattr(path, name)(home / more[0])
    elif name == "link":
        os.link(path, home / more[0])
    elif name == "write":
        path.write_bytes(more[0])
    elif name in {"append", "write in place"}:
        extra = os.O_APPEND if name == "append" else os.O_TRUNC
        handle = os.open(path, os.O_RDWR | os.O_CREAT | extra, 0o644)
        try:
            size = os.fstat(handle).st_size
            return size, os.pread(handle, 1, size - 1) if size else b"", os.write(handle, more[0])
        finally:
            os.close(handle)
    elif name == "touch":
        path.touch(exist_ok=more[0])
    elif name == "read a part":
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            return stream.read(2), stream.read(4)
    elif name == "lock twice":
        one, two = (os.open(path, os.O_RDWR) for _ in range(2))
        try:
            fcntl.flock(one, fcntl.LOCK_EX)
            fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(one)
            fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(two)
    else:
        return _ask(name, path)
    return None


def _ask(name: str, path: Path) -> Any:
    if name == "list":
        return sorted(each.name for each in path.iterdir())
    if name == "glob":
        return sorted(each.name for each in path.parent.glob("[ab]*"))
    if name == "scan":
        with os.scandir(path) as entries:
            return sorted((each.name, each.is_dir()) for each in entries)
    if name == "lstat":
        found = path.lstat()
        is_directory = os.path.isdir(path)
        return found.st_mode >> 12, is_directory or found.st_size
    if name == "sync":
        handle = os.open(path, os.O_RDONLY)
        return (os.fsync(handle), os.close(handle))
    asks: dict[str, Callable[[], Any]] = {
        "unlink": path.unlink,
        "mkdir": path.mkdir,
        "exists": path.exists,
        "is_file": path.is_file,
    }
    asks |= {"read": path.read_bytes, "read text": path.read_text}
    return asks[name]()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALLS, min_size=5, max_size=40))
def test_the_disk_in_memory_answers_every_call_as_a_real_one(calls: list[Any]) -> None:
    real = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        (real / "d").mkdir()
        expected = [make(real, *call) for call in calls]
    finally:
        shutil.rmtree(real)
    disk = ModelDisk()
    with pytest.MonkeyPatch.context() as patch:
        Calls(disk).patched(patch)
        Path(HOME, "d").mkdir()
        answers = [make(Path(HOME), *call) for call in calls]
    assert answers == expected
    assert disk.handles == {}
    assert disk.locks == {}


def test_a_call_that_is_not_modelled_is_noticed() -> None:
    with pytest.MonkeyPatch.context() as patch:
        Calls(ModelDisk()).patched(patch)
        with pytest.raises(NotADirectoryError):
            os.chmod(f"{HOME}/a", 0o600)
