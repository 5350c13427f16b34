"""Any order of days, in spans or singly, again and with data that come late, gives the tables of one run in order."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.robustness.reruns.daily_book import DAYS, Book, context, differences, land, make_book, tables, unbalanced

from p2pcredit.errors import HeaderError
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import is_complete

pytestmark = pytest.mark.torture
ALL_DAYS = list(DAYS)
BOOK = make_book()


@dataclass(frozen=True)
class History:
    """An order of spans of days, which of them are done again, and the days whose data come when all else is done."""

    spans: list[DateRange]
    again: list[int]
    late: list[date]
    broken: list[date]


@st.composite
def histories(draw: st.DrawFn) -> History:
    cuts = sorted(draw(st.sets(st.integers(1, len(ALL_DAYS) - 1), min_size=1, max_size=5)))
    spans = [
        DateRange(ALL_DAYS[first], ALL_DAYS[end - 1])
        for first, end in zip([0, *cuts], [*cuts, len(ALL_DAYS)], strict=True)
    ]
    again = draw(st.lists(st.integers(0, len(spans) - 1), max_size=2))
    late = draw(st.lists(st.sampled_from(ALL_DAYS), max_size=2, unique=True))
    broken = draw(st.lists(st.sampled_from(ALL_DAYS), max_size=1))
    return History(draw(st.permutations(spans)), again, late, broken)


def book_without(days: list[date]) -> Book:
    return {feed: {day: [] if day in days else rows for day, rows in by_day.items()} for feed, by_day in BOOK.items()}


def break_file(home: Path, day: date) -> None:
    (Layout(home).landing / "financial" / f"financial_{day:%Y_%m_%d}.csv").write_text("no,such\n1,2\n")


def live_through(history: History, home: Path) -> None:
    """Do the spans in their order; what fails is left behind, mended and done in the end, as is what came late."""
    land(home, DAYS, book_without(history.late))
    for day in history.broken:
        break_file(home, day)
    behind = []
    for days in [*history.spans, *(history.spans[index] for index in history.again)]:
        try:
            preprocess(context(home), days)
        except HeaderError:
            behind.append(days)
    land(home, DAYS)
    for days in [*behind, *(DateRange(day, day) for day in history.late)]:
        preprocess(context(home), days)


def test_any_order_gives_the_tables_of_one_run(reference: Path, torture: Any) -> None:
    tried = 0

    @settings(
        max_examples=torture.times(6, 60),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=not torture.full,
    )
    @given(histories())
    def law(history: History) -> None:
        nonlocal tried
        tried += 1
        with tempfile.TemporaryDirectory() as directory:
            live_through(history, Path(directory))
            assert differences(Path(directory), reference) == []
            assert unbalanced(Path(directory)) == []

    law()
    torture.record("orders of days, spans, reruns, late and broken data", tried)


def test_late_data_change_nothing_that_was_known_before_their_day(tmp_path: Path, torture: Any) -> None:
    for number, day in enumerate(ALL_DAYS[3 :: torture.times(16, 3)]):
        home = tmp_path / str(number)
        land(home, DAYS, book_without([day]))
        preprocess(context(home), DAYS)
        before = tables(home)
        land(home, [day])
        preprocess(context(home), DateRange(day, day))
        after = tables(home)
        earlier = pl.col("snapshot_date") < day
        assert [name for name in before if not before[name].filter(earlier).equals(after[name].filter(earlier))] == []
        others = pl.col("snapshot_date") != day
        touched = [name for name in before if not before[name].filter(others).equals(after[name].filter(others))]
        assert touched in ([], ["gold/label_store"])
        own = sorted({row.split(",")[0] for feed in BOOK.values() for row in feed[day]})
        strangers = ~pl.col("loan_id").is_in(own)
        assert before["gold/label_store"].filter(strangers).equals(after["gold/label_store"].filter(strangers))


def test_a_day_that_fails_does_not_stop_the_next(tmp_path: Path, reference: Path) -> None:
    failing = ALL_DAYS[5]
    land(tmp_path, DAYS)
    break_file(tmp_path, failing)
    for day in ALL_DAYS[:12]:
        if day == failing:
            with pytest.raises(HeaderError):
                preprocess(context(tmp_path), DateRange(day, day))
        else:
            preprocess(context(tmp_path), DateRange(day, day))
    assert [day for day in ALL_DAYS[:12] if not is_complete(Layout(tmp_path), day)] == [failing]
    land(tmp_path, [failing])
    preprocess(context(tmp_path), DateRange(failing, failing))
    preprocess(context(tmp_path), DateRange(ALL_DAYS[11] + timedelta(days=1), DAYS.last))
    assert differences(tmp_path, reference) == []
