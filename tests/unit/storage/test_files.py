from __future__ import annotations

import errno
import hashlib
import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from p2pcredit.errors import MissingFeedError, StorageError, UnreadableFileError
from p2pcredit.storage.files import (
    atomic_replace,
    read_json_or_none,
    refuse_device,
    sha256_of_file,
    unmodified_during,
    write_bytes_atomically,
    write_json_atomically,
)


def test_bytes_are_written_whole_with_parents_made_and_nothing_left_over(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.bin"
    write_bytes_atomically(path, b"one")
    write_bytes_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]


def test_json_has_sorted_keys_and_a_newline_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json_atomically(path, {"b": 1, "a": "é"})
    text = path.read_text(encoding="utf-8")
    assert list(json.loads(text)) == ["a", "b"]
    assert "é" in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("content", [{"a": math.nan}, {"a": math.inf}, {"a": {1, 2}}])
def test_what_is_no_json_is_refused_and_the_old_file_stays(tmp_path: Path, content: object) -> None:
    path = tmp_path / "a.json"
    write_json_atomically(path, {"old": True})
    with pytest.raises(StorageError, match="not plain JSON"):
        write_json_atomically(path, content)
    assert json.loads(path.read_text()) == {"old": True}


def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    write_bytes_atomically(path, b"old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("p2pcredit.storage.files.os.fsync", full)
    with pytest.raises(StorageError, match=r"^cannot write .*a\.bin: No space left on device; free some space"):
        write_bytes_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_failure_of_the_writer_leaves_no_file_and_keeps_its_own_error(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_replace(tmp_path / "a.bin") as path:
            path.write_bytes(b"half")
            raise MissingFeedError("own words")

    with pytest.raises(MissingFeedError, match="own words"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_directory_in_the_way_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(StorageError, match="Is a directory"):
        write_bytes_atomically(tmp_path / "a.bin", b"x")


def test_a_file_where_a_directory_belongs_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(StorageError):
        write_bytes_atomically(tmp_path / "a" / "b", b"x")


def test_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 1_000_000)
    assert sha256_of_file(tmp_path / "a") == hashlib.sha256(b"abc" * 1_000_000).hexdigest()
    with pytest.raises(StorageError, match="cannot read"):
        sha256_of_file(tmp_path / "absent")


@pytest.mark.parametrize("change", [lambda p: p.write_bytes(b"longer"), Path.unlink, lambda p: os.truncate(p, 1)])
def test_a_file_that_changes_while_it_is_read_is_told_from_one_that_holds_still(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"whole")
    with unmodified_during(path):
        path.read_bytes()
    with (
        pytest.raises(MissingFeedError, match=r"a\.csv changed while it was read"),
        unmodified_during(path, MissingFeedError),
    ):
        change(path)


def test_an_error_over_a_file_that_holds_still_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(UnreadableFileError, match="own words"), unmodified_during(tmp_path / "a.csv"):
        raise UnreadableFileError("own words")


def test_the_next_writer_removes_what_a_dead_one_left_and_not_what_a_living_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    (tmp_path / ".a.json.0123456789abcdef.tmp").write_text("half")
    (tmp_path / ".ab.json.0123456789abcdef.tmp").write_text("of another file")
    with atomic_replace(path) as slow:
        slow.write_bytes(b"slow")
        write_bytes_atomically(path, b"fast")
        assert slow.exists()
    assert path.read_bytes() == b"slow"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".ab.json.0123456789abcdef.tmp", "a.json"]


def test_a_disk_without_locks_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("p2pcredit.storage.locks.fcntl.flock", no_locks)
    left = tmp_path / ".a.json.0123456789abcdef.tmp"
    left.touch()
    write_bytes_atomically(tmp_path / "a.json", b"1")
    assert left.exists()  # its writer may be alive


def test_a_full_disk_is_known_by_the_words_of_an_engine_and_other_errors_pass(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for said in (OSError("No space left on device (os error 28)"), RuntimeError("parquet: No space left on device")):
        with pytest.raises(StorageError, match=r"a\.parquet: No space left on device; free some"), atomic_replace(path):
            raise said
    with pytest.raises(KeyError), atomic_replace(path):
        raise KeyError("x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["a pipe", "a link to a device"])
def test_a_device_or_a_pipe_is_refused_where_a_file_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out.csv"
    if kind == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/null")
    with pytest.raises(
        StorageError, match=r"^cannot write .*out\.csv: a device or a pipe is no file .*; name another$"
    ):
        refuse_device(path)


def test_a_pipe_in_the_place_of_a_file_of_the_home_gives_way_to_the_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    write_bytes_atomically(tmp_path / "a.json", b"1")
    assert (tmp_path / "a.json").read_bytes() == b"1"


@pytest.mark.parametrize("content", [None, b"", b"{", b"[" * 200_000, b'{"a": "\xff"}'], ids=lambda c: repr(c)[:12])
def test_what_is_no_json_is_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    assert read_json_or_none(path) is None
    path.write_bytes(b'{"a": 1}')
    assert read_json_or_none(path) == {"a": 1}
