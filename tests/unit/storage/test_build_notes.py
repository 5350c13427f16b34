"""What was built, and what is due again, is noted per table and span of days until the days are complete."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.build_notes import (
    days_due,
    days_not_built,
    due_notes,
    forget_built,
    note_built,
    noted_due,
)

LABELS, FLOWS = "gold/label_store", "gold/cash_flows"
DAY = date(2024, 3, 10)
ONLY = DateRange(DAY, DAY)
WEEK = DateRange(DAY - timedelta(days=3), DAY + timedelta(days=3))


def test_a_new_day_wants_every_table_and_one_that_had_a_receipt_none(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert days_not_built(layout, [LABELS, FLOWS], ONLY, before=()) == {DAY: [LABELS, FLOWS]}
    assert days_not_built(layout, [LABELS, FLOWS], ONLY, before={DAY}) == {}
    note_built(layout, LABELS, WEEK, {})
    assert days_not_built(layout, [LABELS, FLOWS], ONLY, before=()) == {DAY: [FLOWS]}


def changed(layout: Layout, days: DateRange) -> None:
    with noted_due(layout, [LABELS], days) as change:
        change.happened = True


def test_what_is_due_of_a_span_and_built_of_a_day_stays_due_of_the_others(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    changed(layout, WEEK)
    note_built(layout, LABELS, ONLY, due_notes(layout, LABELS, ONLY))
    assert sorted(days_due(layout, [LABELS], WEEK)) == [day for day in WEEK if day != DAY]


def test_a_change_while_a_table_is_built_leaves_it_due(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with noted_due(layout, [LABELS], ONLY) as change:
        before = due_notes(layout, LABELS, ONLY)  # a rival that reads the rows of before
        change.happened = True
    note_built(layout, LABELS, ONLY, before)
    assert days_due(layout, [LABELS], ONLY) == {DAY: [LABELS]}
    assert days_not_built(layout, [LABELS], ONLY, before={DAY}) == {DAY: [LABELS]}


def test_rows_that_were_there_already_take_back_their_own_note_and_touch_no_other(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with noted_due(layout, [LABELS], ONLY):
        assert days_due(layout, [LABELS], ONLY) == {DAY: [LABELS]}
    assert days_due(layout, [LABELS], ONLY) == {}
    changed(layout, ONLY)
    before = due_notes(layout, LABELS, ONLY)
    with noted_due(layout, [LABELS], ONLY):
        pass
    assert due_notes(layout, LABELS, ONLY) == before


def test_a_process_that_dies_while_rows_change_leaves_the_table_due(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with pytest.raises(KeyboardInterrupt), noted_due(layout, [LABELS], ONLY):
        raise KeyboardInterrupt
    assert days_due(layout, [LABELS], ONLY) == {DAY: [LABELS]}


def test_notes_within_days_that_are_complete_go(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    note_built(layout, LABELS, ONLY, {})
    note_built(layout, FLOWS, WEEK, {})
    forget_built(layout, ONLY)
    assert [path.name for path in layout.completed_days.iterdir()] == [layout.built_note(FLOWS, WEEK).name]


def test_what_a_writer_that_died_left_of_a_note_goes_once_its_days_are_complete(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    note_built(layout, LABELS, ONLY, {})
    note = layout.due_note(FLOWS, ONLY)
    left, foreign = note.with_name(f".{note.name}.{'0' * 16}.tmp"), note.with_name(".mine.tmp")
    left.touch()
    foreign.touch()
    with noted_due(layout, [FLOWS], WEEK):
        assert left.exists()
    forget_built(layout, ONLY)
    assert (left.exists(), foreign.exists(), layout.built_note(LABELS, ONLY).exists()) == (False, True, False)
