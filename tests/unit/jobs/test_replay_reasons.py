"""A replay that scored nothing says why, and is an error where something was to be done and failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.unit.jobs.small_days import DAY, land_day

from p2pcredit.errors import LeakError, TrainingError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.replay import replay
from p2pcredit.periods import DateRange

DAYS = DateRange(DAY, DAY + timedelta(days=2))


@pytest.fixture
def ctx(run_on: Callable[..., JobContext]) -> JobContext:
    return run_on(DAY, "replay")


def test_too_little_matured_is_told_in_numbers(ctx: JobContext) -> None:
    for day in DAYS:
        land_day(ctx.layout, day)
    done = replay(ctx, DAYS)
    assert (done["trainings"], done["decisions"], done["scored"]) == (0, 0, 0)
    assert done["reason"] == (
        "nothing was trained, so nothing scored: too little has matured for a first model; 0 loans have matured by "
        "2020-03-04 (500 needed), 0 of them defaults (50 needed)"
    )
    last = json.loads(ctx.layout.activity.read_text().splitlines()[-1])
    assert (last["job"], last["reason"]) == ("replay", done["reason"])


def test_days_without_loans_are_nothing_to_do(ctx: JobContext) -> None:
    for day in DAYS:
        land_day(ctx.layout, day, 0)
    assert replay(ctx, DAYS)["reason"] == "nothing to do: no loan was originated on these days"


def test_a_training_that_was_due_and_failed_is_an_error(ctx: JobContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise LeakError("'outcome' predicts too well")

    monkeypatch.setattr("p2pcredit.jobs.training.retrain.check_retraining", lambda *_: {"retrain": True})
    monkeypatch.setattr("p2pcredit.jobs.training.retrain.train_if_due", fail)
    for day in DAYS:
        land_day(ctx.layout, day)
    with pytest.raises(TrainingError, match="training of 2020-03-04 failed: 'outcome' predicts too well") as caught:
        replay(ctx, DAYS)
    assert "nothing was scored" in str(caught.value)


def test_a_model_that_may_not_serve_is_told_with_its_reason(ctx: JobContext, monkeypatch: pytest.MonkeyPatch) -> None:
    from p2pcredit.retraining.events import EventKind

    monkeypatch.setattr("p2pcredit.jobs.replay.what_is_lacking", lambda *_: None)
    facts = {"snapshot_date": f"{DAY}", "week": f"{DAY}", "model_id": "m1", "promoted": False, "reason": "AUC 0.48"}
    facts |= {"outcome": "refused", "decision_id": None}
    ctx.ledger.append(EventKind.TRAINED, at=ctx.at, run_id="x", facts=facts)
    for day in DAYS:
        land_day(ctx.layout, day)
    assert replay(ctx, DAYS)["reason"] == "no model came to serve, so nothing was scored: AUC 0.48"
