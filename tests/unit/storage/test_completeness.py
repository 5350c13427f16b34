from __future__ import annotations

from datetime import date
from pathlib import Path

from p2pcredit.storage.completeness import is_complete, last_complete, mark_complete, read_receipt
from p2pcredit.storage.layout import Layout


def test_a_day_is_complete_once_it_is_marked(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    day = date(2010, 1, 5)
    assert not is_complete(layout, day)
    assert read_receipt(layout, day) is None
    mark_complete(layout, {day: {"features": 3}})
    assert is_complete(layout, day)
    assert read_receipt(layout, day) == {"features": 3}
    assert not is_complete(layout, date(2010, 1, 6))


def test_the_newest_complete_day_is_found_across_years(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert last_complete(layout) is None
    for day in (date(2010, 1, 5), date(2009, 12, 31), date(2010, 1, 4)):
        mark_complete(layout, {day: {}})
    assert last_complete(layout) == date(2010, 1, 5)


def test_the_same_facts_leave_the_receipt_as_it_is_and_others_replace_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    day = date(2010, 1, 5)
    mark_complete(layout, {day: {"features": 3}})
    before = layout.day_receipt(day).stat().st_ino
    mark_complete(layout, {day: {"features": 3}})
    assert layout.day_receipt(day).stat().st_ino == before
    mark_complete(layout, {day: {"features": 4}})
    assert read_receipt(layout, day) == {"features": 4}


def test_strangers_among_the_receipts_are_passed_over(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    mark_complete(layout, {date(2010, 1, 5): {}})
    (layout.completed_days / "notes.txt").write_text("x")
    (layout.completed_days / "9999").mkdir()
    (layout.completed_days / "2010" / "zzz.json").write_text("x")
    assert last_complete(layout) == date(2010, 1, 5)


def test_a_damaged_receipt_is_written_anew(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    day = date(2010, 1, 5)
    mark_complete(layout, {day: {"features": 3}})
    layout.day_receipt(day).write_text("{")
    assert read_receipt(layout, day) is None
    mark_complete(layout, {day: {"features": 3}})
    assert read_receipt(layout, day) == {"features": 3}
