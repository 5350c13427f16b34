from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p2pcredit.periods import DateRange
from p2pcredit.storage.files import read_json_or_none
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables import day_receipts
from p2pcredit.storage.tables.day_receipts import (
    days_complete,
    is_complete,
    last_complete,
    mark_complete,
    read_receipt,
    read_receipts,
)

FEBRUARY = DateRange(date(2010, 2, 1), date(2010, 2, 28))


def facts(number: int) -> dict[str, object]:
    return {"rows": {"features": number}}


def files(layout: Layout) -> list[str]:
    return sorted(str(path.relative_to(layout.completed_days)) for path in layout.completed_days.glob("*/*"))


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


def test_the_receipts_of_a_whole_month_are_one_file_however_its_days_came(tmp_path: Path) -> None:
    at_once, by_day = Layout(tmp_path / "span"), Layout(tmp_path / "days")
    mark_complete(at_once, {day: facts(day.day) for day in FEBRUARY})
    for day in reversed(list(FEBRUARY)):
        assert not is_complete(by_day, day)
        mark_complete(by_day, {day: facts(day.day)})
        assert is_complete(by_day, day)
    assert files(at_once) == files(by_day) == ["2010/2010_02.json"]
    assert at_once.month_receipt(FEBRUARY.first).read_bytes() == by_day.month_receipt(FEBRUARY.first).read_bytes()
    assert read_receipt(by_day, date(2010, 2, 9)) == facts(9)
    assert last_complete(by_day) == FEBRUARY.last
    assert list(days_complete(by_day)) == list(FEBRUARY)
    assert not is_complete(by_day, date(2010, 3, 1))


def test_a_day_of_a_whole_month_is_marked_again_in_its_month(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    mark_complete(layout, {day: facts(1) for day in FEBRUARY})
    before = layout.month_receipt(FEBRUARY.first).stat().st_ino
    mark_complete(layout, {FEBRUARY.last: facts(1)})
    assert layout.month_receipt(FEBRUARY.first).stat().st_ino == before
    mark_complete(layout, {FEBRUARY.last: facts(2)})
    assert files(layout) == ["2010/2010_02.json"]
    assert read_receipt(layout, FEBRUARY.last) == facts(2)
    assert read_receipt(layout, FEBRUARY.first) == facts(1)


def test_days_stay_complete_while_their_receipts_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout(tmp_path)
    seen: list[bool] = []
    for name in ("replace", "unlink"):
        real = getattr(os, name)

        def change(*args: object, real: object = real, **more: object) -> None:
            real(*args, **more)  # type: ignore[operator]
            seen.append(all(is_complete(layout, day) and read_receipt(layout, day) == facts(1) for day in known))

        monkeypatch.setattr(os, name, change)
    known = list(FEBRUARY)[:-1]
    mark_complete(layout, {day: facts(1) for day in known})
    seen.clear()
    mark_complete(layout, {FEBRUARY.last: facts(1)})
    assert seen == [True] * 28  # the file of the month, and one removed for each day before


def test_a_process_that_died_between_month_and_days_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    mark_complete(layout, {day: facts(1) for day in list(FEBRUARY)[:-1]})

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", die)
        with pytest.raises(KeyboardInterrupt):
            mark_complete(layout, {day: facts(2) for day in FEBRUARY})
    assert all(is_complete(layout, day) for day in FEBRUARY)
    mark_complete(layout, {day: facts(2) for day in FEBRUARY})
    assert files(layout) == ["2010/2010_02.json"]
    assert [read_receipt(layout, day) for day in FEBRUARY] == [facts(2)] * 28


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 89), st.integers(1, 60), st.integers(0, 2)).map(
            lambda drawn: (date(2010, 1, 1) + timedelta(drawn[0]), drawn[1], drawn[2])
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_was_marked_last_is_read_in_any_order_of_spans(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[date, int, int]]
) -> None:
    layout = Layout(tmp_path_factory.mktemp("home"))
    expected: dict[date, dict[str, object]] = {}
    for first, length, number in spans:
        marked = {first + timedelta(place): facts(number) for place in range(length)}
        mark_complete(layout, marked)
        expected |= marked
    assert {day: read_receipt(layout, day) for day in expected} == expected
    assert list(days_complete(layout)) == sorted(expected)
    assert last_complete(layout) == max(expected)
    span = DateRange(date(2010, 1, 1), date(2010, 12, 31))
    names = [
        [f"{month.first:%Y/%Y_%m}.json"]
        if all(day in expected for day in month)
        else [f"{day:%Y/%Y_%m_%d}.json" for day in month if day in expected]
        for month in span.months()
    ]
    assert files(layout) == [name for of_month in names for name in of_month]


def test_a_month_that_is_joined_while_its_receipts_are_read_hides_no_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, days = Layout(tmp_path), list(FEBRUARY)
    mark_complete(layout, {day: facts(day.day) for day in days[:-1]})
    joined: list[Path] = []

    def reads(path: Path) -> Any:
        try:
            return read_json_or_none(path)
        finally:
            if not joined:  # after the first file that is looked for, the last day makes the month whole
                joined.append(path)
                mark_complete(layout, {days[-1]: facts(28)})

    monkeypatch.setattr(day_receipts, "read_json_or_none", reads)
    found = read_receipts(layout, days[:-1])
    assert joined
    assert found == {day: facts(day.day) for day in days[:-1]}
