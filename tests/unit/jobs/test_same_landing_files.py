"""Whether a landing file is the one that was taken in, and of which holes it is not known whether they are any."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from p2pcredit.jobs.preprocessing.completeness.day_counts import Completeness, Hole, Lost
from p2pcredit.jobs.preprocessing.completeness.reconciliation import _is_same, _Known
from p2pcredit.storage.files import sha256_of_file

DAY = date(2020, 3, 2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of nine bytes, last written in 2020."""
    path = tmp_path / "loan_terms_2020_03_02.csv"
    path.write_text("loan_id\n1")
    os.utime(path, ns=(1_583_107_200_000_000_000,) * 2)
    return path


def test_a_file_is_the_same_by_its_digest_and_is_read_once(file: Path) -> None:
    digests: dict[Path, str] = {}
    assert _is_same(file, _Known(sha256_of_file(file), 9, 1), digests)
    assert digests == {file: sha256_of_file(file)}
    assert not _is_same(file, _Known("another", 9, 1), digests)


def test_a_file_of_another_size_or_of_an_unknown_digest_is_not_read(file: Path) -> None:
    digests: dict[Path, str] = {}
    assert not _is_same(file, _Known(sha256_of_file(file), 8, 1), digests)
    assert not _is_same(file, _Known("", 9, 1), digests)
    after = file.stat().st_ctime_ns + 1
    assert not _is_same(file, _Known("", 9, 1, after), digests)
    assert not _is_same(file, _Known("any", 8, 1, after), digests)
    assert digests == {}


def test_a_file_that_was_not_touched_since_it_was_written_down_is_the_same_unread(file: Path) -> None:
    digests: dict[Path, str] = {}
    assert _is_same(file, _Known("any", 9, 1, file.stat().st_ctime_ns + 1), digests)
    assert digests == {}
    assert not _is_same(file, _Known("any", 9, 1, file.stat().st_ctime_ns), digests)


@pytest.mark.parametrize(
    ("what", "expected", "found", "kind"),
    [
        (Lost.NOT_KEPT, None, None, Completeness.UNDETERMINED),
        (Lost.BRONZE, None, 5, Completeness.UNDETERMINED),  # no file says how many landed
        (Lost.BRONZE, None, 0, Completeness.INCOMPLETE),
        (Lost.BRONZE, 7, 5, Completeness.INCOMPLETE),
        (Lost.UNREADABLE, None, 5, Completeness.INCOMPLETE),
        (Lost.SILVER, 7, 5, Completeness.INCOMPLETE),
    ],
)
def test_a_hole_is_undetermined_where_neither_receipt_nor_file_says(
    what: Lost, expected: int | None, found: int | None, kind: Completeness
) -> None:
    assert Hole(DAY, what, "loan_terms", expected, found).kind is kind
