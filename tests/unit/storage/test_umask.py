"""Files that several users open in place follow the umask, so that a group can share a home."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from p2pcredit.errors import StorageError
from p2pcredit.jobs.activity import append_line
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.rights import check_rights
from p2pcredit.settings import Settings
from p2pcredit.storage.disk_errors import disk_error
from p2pcredit.storage.files import try_to_append_to, try_to_write_in, write_bytes_atomically
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.locks import exclusive_lock


@pytest.fixture(params=[0o002, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_locks_activity_and_replaced_files_follow_the_umask(umask: int, tmp_path: Path) -> None:
    with exclusive_lock(tmp_path / "logs" / ".lock", "the ledger"):
        append_line(tmp_path / "logs" / "activity.jsonl", {"job": "land"})
        write_bytes_atomically(tmp_path / "logs" / "receipt.json", b"{}")
    assert {mode(path) for path in (tmp_path / "logs").iterdir()} == {0o666 & ~umask}
    assert mode(tmp_path / "logs") & 0o777 == 0o777 & ~umask


def test_files_of_spark_follow_the_umask(umask: int) -> None:
    from p2pcredit.engines.spark.session import _defaults

    assert _defaults("local[1]")["spark.hadoop.fs.permissions.umask-mode"] == f"{umask:03o}"


def test_a_replaced_file_keeps_its_group(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root may give a file to any group")
    path = tmp_path / "decision.json"
    path.write_bytes(b"old")
    os.chown(path, -1, 61000)
    write_bytes_atomically(path, b"new")
    assert (path.read_bytes(), path.stat().st_gid) == (b"new", 61000)


def test_trying_to_write_leaves_nothing_behind_and_changes_no_byte(tmp_path: Path) -> None:
    file = tmp_path / "activity.jsonl"
    file.write_bytes(b"{}\n")
    (tmp_path / ".p2pcredit-trial.0123456789abcdef.tmp").touch()  # of a trial that was killed
    try_to_write_in(tmp_path)
    try_to_append_to(file)
    try_to_append_to(tmp_path / "gone")
    assert [path.name for path in tmp_path.iterdir()] == ["activity.jsonl"]
    assert file.read_bytes() == b"{}\n"


def test_what_refuses_a_trial_is_named_by_the_check_of_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = JobContext(Layout(tmp_path), Settings(), "cli", datetime(2021, 1, 1, tzinfo=UTC))
    append_line(ctx.layout.activity, {"job": "land"})
    assert check_rights(ctx)[0] == "pass"
    (tmp_path / "reports").mkdir()
    real = os.open

    def squashed(path: object, flags: int, *more: object, **named: object) -> int:
        closed = str(path).startswith((str(ctx.layout.activity), str(tmp_path / "reports")))
        if closed and flags & os.O_ACCMODE != os.O_RDONLY:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", squashed)  # as a network file system that squashes root refuses what modes allow
    status, finding = check_rights(ctx)
    assert status == "fail"
    assert "2 of 4 places cannot be written by this user" in finding
    assert "logs/activity.jsonl, reports; the first: cannot write" in finding


def test_what_the_group_may_not_write_is_said_with_the_umask_that_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / ".lock"
    lock.touch()
    lock.chmod(0o644)
    found = lock.stat()
    monkeypatch.setattr(os, "geteuid", lambda: found.st_uid + 1)
    monkeypatch.setattr(os, "getegid", lambda: found.st_gid)
    monkeypatch.setattr(os, "access", lambda *_: False)
    said = str(disk_error("write", lock, PermissionError(errno.EACCES, "Permission denied")))
    assert f"user {found.st_uid} made .lock without the right for its group to write; let every user" in said
    assert "umask 002" in said
    lock.chmod(0o664)
    assert "give this user the right" in str(disk_error("write", lock, PermissionError(errno.EACCES, "denied")))
    with pytest.raises(StorageError, match="write in"):
        try_to_write_in(tmp_path / "missing")
