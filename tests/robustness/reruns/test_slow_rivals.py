"""A run that is held up between reading and writing must not put old rows over those of a run that overtook it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.reruns.daily_book import DAYS, context, differences, land, make_book, unbalanced

from p2pcredit.contracts.tables import LABEL_STORE
from p2pcredit.errors import ConflictError
from p2pcredit.jobs.pipelines import PREPROCESSING
from p2pcredit.jobs.preprocessing import cash_flows, label_store
from p2pcredit.jobs.preprocessing import prefetched_feeds as landed
from p2pcredit.jobs.preprocessing import stages as preprocessing
from p2pcredit.jobs.preprocessing.stages import complete_days, preprocess, refine_silver
from p2pcredit.jobs.walking import do_step
from p2pcredit.periods import DateRange
from p2pcredit.storage.landing.read import read_landing
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.locks import exclusive_lock, shared_lock
from p2pcredit.storage.tables.lake import Lake

DAY = date(2010, 1, 28)
ONLY = DateRange(DAY, DAY)
LONGEST_HOLD_UP = 1.0
UNTIL_IT_IS_DONE = 120.0
STEPS = ["read_landing", "refine", "build_features", "build_labels"]


def land_without(home: Path, day: date) -> None:
    """Land the book as if this day's data were still to come."""
    land(home, DAYS, {feed: {**rows, day: []} for feed, rows in make_book().items()})


class Overtaking:
    """Holds up the first call of a step after it has read, while a rival does the whole day on newer data."""

    def __init__(
        self, step: str, home: Path, monkeypatch: pytest.MonkeyPatch, hold_up: float = LONGEST_HOLD_UP
    ) -> None:
        self.hold_up = hold_up
        self.rival = threading.Thread(target=self.overtake, args=(home,))
        room = {"read_landing": landed, "build_labels": label_store}.get(step, preprocessing)
        self.real = getattr(room, step)
        self.held_up = False
        monkeypatch.setattr(room, step, self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        found = self.real(*args, **kwargs)
        if not self.held_up:
            self.held_up = True
            self.rival.start()
            self.rival.join(self.hold_up)  # a rival that waits for us cannot be waited for
        return found

    @staticmethod
    def overtake(home: Path) -> None:
        land(home, DAYS)
        preprocess(context(home, "rival"), ONLY)


@pytest.fixture
def unreconciled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are not compared at the end of a day, which would find older rows and do the day again."""
    monkeypatch.setattr(preprocessing, "holes_of", lambda *_: [])


@contextmanager
def no_lock(*_: Any, **__: Any) -> Iterator[None]:
    yield


@pytest.fixture
def without_late_day(tmp_path: Path) -> Path:
    """A home where everything is done, but one early day had no data yet."""
    home = tmp_path / "home"
    land_without(home, DAY)
    preprocess(context(home), DAYS)
    return home


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_is_overtaken_leaves_the_newer_rows(
    step: str, without_late_day: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaking = Overtaking(step, without_late_day, monkeypatch)
    preprocess(context(without_late_day), ONLY)
    overtaking.rival.join()
    assert overtaking.held_up
    assert differences(without_late_day, reference) + unbalanced(without_late_day) == []


@pytest.mark.usefixtures("unreconciled")
def test_without_the_lock_the_older_rows_would_win(
    without_late_day: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p2pcredit.storage.tables.lake.exclusive_lock", no_lock)
    monkeypatch.setattr(preprocessing, "preprocess", lambda *_: None)
    overtaking = Overtaking("refine", without_late_day, monkeypatch, UNTIL_IT_IS_DONE)  # nothing makes it wait
    refine_silver(context(without_late_day), "loan_terms", ONLY)
    overtaking.rival.join()
    assert "silver/loan_terms" in differences(without_late_day, reference)


def all_read_before_a_rival(home: Path) -> Any:
    """Reads ahead as far as it goes, and then lets a rival do the late day on newer data."""

    def read_all(items: Iterator[Any]) -> Iterator[Any]:
        read = list(items)
        if read:  # the rival reads a single day, and nothing ahead
            assert len(read) == len(make_book())
            assert None not in read
            Overtaking.overtake(home)
        yield from read

    return read_all


def test_what_was_read_ahead_is_read_again_where_newer_data_have_landed(
    without_late_day: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preprocessing, "prefetch", all_read_before_a_rival(without_late_day))
    preprocess(context(without_late_day), DAYS)
    assert differences(without_late_day, reference) + unbalanced(without_late_day) == []


@pytest.mark.usefixtures("unreconciled")
def test_what_was_read_ahead_would_be_old(
    without_late_day: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preprocessing, "prefetch", all_read_before_a_rival(without_late_day))
    monkeypatch.setattr(landed.Landed, "still_holds", lambda *_: True)
    preprocess(context(without_late_day), DAYS)
    assert "bronze/loan_terms" in differences(without_late_day, reference)


def test_what_was_read_ahead_is_not_read_again_where_it_still_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    real = read_landing

    def counted(layout: Layout, feed: Any, days: DateRange) -> Any:
        read.append(feed.name)
        return real(layout, feed, days)

    monkeypatch.setattr(landed, "read_landing", counted)
    land(tmp_path, DAYS)
    preprocess(context(tmp_path), DAYS)
    assert sorted(read) == sorted(make_book())


def test_nothing_is_read_ahead_while_somebody_lands(tmp_path: Path) -> None:
    land(tmp_path, DAYS)
    ctx = context(tmp_path)
    with exclusive_lock(ctx.layout.landing_lock, "the landing directory"):
        assert list(landed.prefetch_feeds(ctx, [DAYS])) == [None] * len(make_book())


def test_late_data_mend_the_labels_of_a_day_that_is_not_complete_yet(tmp_path: Path, reference: Path) -> None:
    home, tonight = tmp_path / "home", DateRange(DAYS.last, DAYS.last)
    known_tonight = Lake(Layout(reference)).read(LABEL_STORE, tonight)
    late = known_tonight["origination_date"].min()
    assert isinstance(late, date)
    land_without(home, late)
    preprocess(context(home), DateRange(DAYS.first, DAYS.last - timedelta(days=1)))
    for step in PREPROCESSING.steps:
        if step.name not in {"start", "end"}:
            do_step(context(home), step, DAYS.last)
    land(home, DAYS)
    preprocess(context(home), DateRange(late, late))  # a backfill, while the nightly run stands just before its end
    complete_days(context(home), tonight)
    assert differences(home, reference) == []
    assert not list(Layout(home).completed_days.glob("labels_*"))


def test_the_lost_label_would_be_seen(tmp_path: Path, reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for room in (label_store, cash_flows):
        monkeypatch.setattr(room, "mark_labels_begun", lambda *_: None)
    with pytest.raises(AssertionError, match="gold/label_store"):
        test_late_data_mend_the_labels_of_a_day_that_is_not_complete_yet(tmp_path, reference)


def test_a_lock_is_waited_for_and_given_up_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with exclusive_lock(path, "the table"):
        with (
            pytest.raises(ConflictError, match="another process is at work on the table"),
            exclusive_lock(path, "the table", wait_seconds=0),
        ):
            pass
        with pytest.raises(ConflictError), shared_lock(path, "the table", wait_seconds=0.02):
            pass
    with (
        shared_lock(path, "the table"),
        shared_lock(path, "the table"),
        pytest.raises(ConflictError),
        exclusive_lock(path, "it", wait_seconds=0),
    ):
        pass
    assert ConflictError.retryable


def test_a_reader_needs_no_lock_file(tmp_path: Path) -> None:
    with shared_lock(tmp_path / "none", "the landing directory"):
        assert not (tmp_path / "none").exists()
