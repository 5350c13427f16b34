"""A line that was confirmed is on the disk once; one torn by a crash is in no segment's lines."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from p2pcredit.errors import StorageError
from p2pcredit.storage.journal import JournalWriter, read_segment, segments

MONDAY, TUESDAY = date(2021, 10, 11), date(2021, 10, 12)


def lines_of(directory: Path, day: date) -> list[bytes]:
    found = []
    for path in segments(directory)[day]:
        with read_segment(path) as (lines, _):
            found += lines
    return found


def test_lines_are_there_once_they_are_confirmed_in_their_order(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "journal")
    for done in [writer.append(MONDAY, b"line %d" % number) for number in range(500)]:
        done.result(timeout=60)
    assert lines_of(tmp_path / "journal", MONDAY) == [b"line %d" % number for number in range(500)]
    writer.close()


def test_a_segment_is_held_while_its_writer_lives_and_free_afterwards(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(MONDAY, b"a").result(timeout=60)
    (path,) = segments(tmp_path)[MONDAY]
    with read_segment(path) as (lines, left):
        assert (lines, left) == ([b"a"], False)
    writer.close()
    with read_segment(path) as (lines, left):
        assert (lines, left) == ([b"a"], True)


def test_another_day_begins_another_segment_and_says_so(tmp_path: Path) -> None:
    closed: list[int] = []
    writer = JournalWriter(tmp_path, lambda: closed.append(1))
    for day in (MONDAY, TUESDAY):
        writer.append(day, b"x").result(timeout=60)
    writer.close()
    assert {day: len(paths) for day, paths in segments(tmp_path).items()} == {MONDAY: 1, TUESDAY: 1}
    assert closed == [1]


def test_a_torn_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "2021_10_11-0123456789abcdef.jsonl"
    path.write_bytes(b"whole\nto")
    (tmp_path / "2021_10_11-other.tmp").write_bytes(b"not a segment\n")
    assert lines_of(tmp_path, MONDAY) == [b"whole"]


def test_a_line_that_the_disk_refuses_is_not_in_the_journal_and_the_next_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(MONDAY, b"before").result(timeout=60)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(StorageError, match="No space left on device; free some space"):
        writer.append(MONDAY, b"refused").result(timeout=60)
    monkeypatch.undo()
    writer.append(MONDAY, b"after").result(timeout=60)
    writer.close()
    assert lines_of(tmp_path, MONDAY) == [b"before", b"after"]


def test_a_journal_that_was_never_written_has_no_segments(tmp_path: Path) -> None:
    assert segments(tmp_path / "none") == {}
    with read_segment(tmp_path / "gone") as (lines, left):
        assert (lines, left) == ([], False)
