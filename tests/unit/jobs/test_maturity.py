"""Whether a first model is possible is asked each night; the labels are read only once they may be enough."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from p2pcredit.contracts.tables import LABEL_STORE, Table
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.training import maturity
from p2pcredit.jobs.training.maturity import enough_matured, matured_counts, what_is_lacking
from p2pcredit.periods import DateRange, add_months
from p2pcredit.settings import Settings, TrainingSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

FIRST = date(2010, 1, 1)
NIGHTS = DateRange(date(2011, 1, 1), date(2011, 6, 30))
SETTINGS = Settings(training=TrainingSettings(min_matured_loans=100, min_matured_bads=30, min_evaluation_bads=5))


@pytest.fixture
def ctx(tmp_path: Path) -> JobContext:
    ctx = JobContext(Layout(tmp_path), SETTINGS, "test", datetime(2012, 1, 1, tzinfo=UTC))
    put_loans(ctx, loans_a_day=2, of=60)
    return ctx


def put_loans(ctx: JobContext, *, loans_a_day: int, of: int) -> None:
    """Loans of so many days, every third bad half a year later; a good of the first is found bad afterwards."""
    rows = []
    for place in range(of * loans_a_day):
        born = FIRST + timedelta(days=place // loans_a_day)
        bad = place % 3 == 0
        known = add_months(born, 6) if bad else add_months(born, 12) + timedelta(days=31)
        rows.append((f"l{place}", "pd12", int(bad), born, known, known))
    rows.append(("l1", "pd12", 1, FIRST, date(2011, 3, 1), date(2011, 3, 1)))
    frame = pl.DataFrame(rows, schema=LABEL_STORE.schema, orient="row")
    Lake(ctx.layout).replace(LABEL_STORE, frame, DateRange(FIRST, date(2011, 12, 31)))


def test_enough_is_what_the_whole_question_says_on_every_night(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = [enough_matured(ctx, night) for night in NIGHTS]
    monkeypatch.setattr(maturity, "_not_before", lambda *_: date.min)
    assert quick == [enough_matured(ctx, night) for night in NIGHTS]
    assert not quick[0]
    assert quick[-1]


def test_nights_on_which_it_cannot_be_enough_read_the_labels_once(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[str] = Counter()
    frame = Lake.frame

    def counted(lake: Lake, table: Table, *arguments: object) -> object:
        reads[table.name] += 1
        return frame(lake, table, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "frame", counted)
    assert not any(enough_matured(ctx, night) for night in DateRange(date(2011, 1, 1), date(2011, 2, 15)))
    assert reads == {"gold/label_store": 1, "silver/quarantine": 1}


def test_labels_that_come_later_are_seen_on_the_same_night(ctx: JobContext) -> None:
    night = date(2011, 2, 20)
    assert not enough_matured(ctx, night)
    put_loans(ctx, loans_a_day=20, of=60)
    assert enough_matured(ctx, night)


def test_a_home_without_labels_is_not_enough_for_a_model(tmp_path: Path) -> None:
    ctx = JobContext(Layout(tmp_path), SETTINGS, "test", datetime(2012, 1, 1, tzinfo=UTC))
    assert not enough_matured(ctx, NIGHTS.first)
    assert matured_counts(ctx, NIGHTS.first) == (0, 0)


def test_a_loan_with_two_labels_is_counted_once_and_bad(ctx: JobContext) -> None:
    before, after = (matured_counts(ctx, day) for day in (date(2011, 2, 28), date(2011, 3, 1)))
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)  # a good more, and one of the goods is bad now


@pytest.mark.parametrize(
    ("night", "lacking"),
    [
        (date(2011, 1, 30), "0 loans have matured by 2011-01-30 (100 needed), 0 of them defaults (30 needed)"),
        (date(2011, 1, 31), "1 loans have matured by 2011-01-31 (100 needed), 1 of them defaults (30 needed)"),
        (date(2011, 6, 30), None),
    ],
)
def test_what_a_first_model_lacks_is_said_in_numbers(ctx: JobContext, night: date, lacking: str | None) -> None:
    assert what_is_lacking(ctx, night) == lacking


def test_where_the_newest_loans_cannot_judge_a_model_that_is_what_it_lacks(ctx: JobContext) -> None:
    """The newest quarter of 120 loans is 30, of which every third is bad."""
    training = SETTINGS.training.model_copy(update={"min_evaluation_bads": 11})
    stricter = replace(ctx, settings=SETTINGS.model_copy(update={"training": training}))
    lacking = what_is_lacking(stricter, NIGHTS.last)
    assert lacking is not None
    assert lacking.startswith("10 bads among the 30 newest matured loans by 2011-06-30; needed are 11, and goods")
    assert not enough_matured(stricter, NIGHTS.last)


def test_enough_loans_with_too_few_bads_lack_bads(ctx: JobContext) -> None:
    training = SETTINGS.training.model_copy(update={"min_matured_bads": 42})
    stricter = replace(ctx, settings=SETTINGS.model_copy(update={"training": training}))
    assert what_is_lacking(stricter, NIGHTS.last) == (
        "120 loans have matured by 2011-06-30 (100 needed), 41 of them defaults (42 needed)"
    )
