"""A home accounts for every day that anybody asked for, also where its receipts were deleted or never written."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.jobs.small_days import DAY, crown, land_day, land_days_before

from p2pcredit.contracts.results import Status
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.gaps.begun_days import days_begun
from p2pcredit.jobs.gaps.find import find_gaps
from p2pcredit.jobs.gaps.gap import Lack
from p2pcredit.jobs.home.data_checks import check_gaps
from p2pcredit.jobs.home.reconciled_days import check_reconciliation
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.pipelines import PREPROCESSING
from p2pcredit.jobs.preprocessing.catch_up import make_up_days
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.walking import do_step, walk
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import days_complete

A_DAY = timedelta(days=1)
BEFORE = [DAY - n * A_DAY for n in (3, 2, 1)]


@pytest.fixture
def ctx(tmp_path: Path) -> JobContext:
    """Three days and a fourth have landed, and nothing is done."""
    at = datetime(2020, 3, 3, 1, tzinfo=UTC)
    ctx = JobContext(Layout(tmp_path / "home"), Settings(), "run", at, caller=Caller.SCHEDULED)
    land_days_before(ctx.layout, 3)
    land_day(ctx.layout, DAY)
    return ctx


def score(ctx: JobContext, days: list[date]) -> None:
    crown(ctx, "m")
    facts = {"model_id": "m", "days": {f"{day}": 1 for day in days}}
    ctx.ledger.append(EventKind.SCORED, at=ctx.at, run_id="run", facts=facts)


def test_a_home_in_which_no_day_was_ever_complete_has_not_begun(ctx: JobContext) -> None:
    assert days_begun(ctx) is None
    assert make_up_days(ctx, DAY)["made_up"] == []


def test_scored_days_whose_receipts_were_deleted_are_named_and_the_next_run_makes_them_up(ctx: JobContext) -> None:
    preprocess(ctx, DateRange(BEFORE[0], BEFORE[-1]))
    score(ctx, BEFORE)
    shutil.rmtree(ctx.layout.completed_days)
    found, said = check_reconciliation(ctx)
    assert found is Status.FAIL
    assert f"p2pcredit preprocess --date {BEFORE[0]}" in said
    assert [gap["command"] for gap in status(ctx)["gaps"]][:1] == [
        f"p2pcredit preprocess --from {BEFORE[0]} --to {BEFORE[-1]}"
    ]
    assert check_gaps(ctx)[0] is not Status.FAIL, "the reconciliation names them"
    assert make_up_days(ctx, DAY)["made_up"] == [f"{day}" for day in BEFORE]
    assert list(days_complete(ctx.layout)) == BEFORE
    assert check_reconciliation(ctx)[0] is Status.FAIL, "the ledger counts other loans than the feature store has"


def test_scored_days_of_which_receipt_and_files_are_gone_are_named_too(ctx: JobContext) -> None:
    preprocess(ctx, DateRange(BEFORE[0], BEFORE[-1]))
    score(ctx, BEFORE)
    for directory in (ctx.layout.completed_days, ctx.layout.landing):
        shutil.rmtree(directory)
    (gap,) = [gap for gap in find_gaps(ctx) if gap.lack is Lack.NOTHING_LANDED]
    assert (gap.days.first, gap.days.last) == (BEFORE[0], BEFORE[-1])


def test_the_first_night_whose_last_step_was_marked_as_success_by_hand_is_named_and_made_up(ctx: JobContext) -> None:
    first, second, third = BEFORE
    walk(PREPROCESSING, lambda step: {} if step.name == "end" else do_step(ctx, step, first))
    assert list(days_complete(ctx.layout)) == []
    walk(PREPROCESSING, lambda step: do_step(ctx, step, second))
    assert list(days_complete(ctx.layout)) == [second]
    assert f"p2pcredit preprocess --date {first}" in check_reconciliation(ctx)[1]
    assert make_up_days(ctx, third)["made_up"] == [f"{first}"]
    assert list(days_complete(ctx.layout)) == [first, second]
