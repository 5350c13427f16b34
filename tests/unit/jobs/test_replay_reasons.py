"""A replay that scored nothing says why, and is an error where something was to be done and failed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from tests.unit.jobs.small_days import DAY, land_day

from p2pcredit.errors import LeakError, SchemaDriftError, TrainingError
from p2pcredit.jobs.activity import warn
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


def failing_trainings(monkeypatch: pytest.MonkeyPatch, reasons: list[str]) -> None:
    """Let the training of each night fail for the next reason."""
    left = iter(reasons)

    def fail(*_: object) -> None:
        raise LeakError(next(left))

    monkeypatch.setattr("p2pcredit.jobs.training.retrain.check_retraining", lambda *_: {"retrain": True})
    monkeypatch.setattr("p2pcredit.jobs.training.retrain.train_if_due", fail)


def test_a_reason_of_many_nights_is_logged_once_and_summed_up_but_alerts_every_night(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    days = DateRange(DAY, DAY + timedelta(days=4))
    leak = "'outcome' predicts too well (AUC {} on {} loans)"
    nights = [leak.format("0.971", "998"), leak.format("0.97", "1,004"), "no goods", leak.format(1, 1200), "one part"]
    failing_trainings(monkeypatch, nights)
    for day in days:
        land_day(ctx.layout, day)
    with caplog.at_level(logging.WARNING, "p2pcredit"), pytest.raises(TrainingError):
        replay(ctx, days)
    task = "P2PCreditScore_ModelTrainingInference.train_model_task"
    said = [record.getMessage() for record in caplog.records if "predicts" in record.getMessage()]
    assert said == [
        f"{task} of 2020-03-02 failed: {nights[0]}",
        f"training failed on 3 days from 2020-03-02 to 2020-03-05 for one reason; on the first day: {nights[0]}",
    ]
    others = [record.getMessage() for record in caplog.records if "train_model_task" in record.getMessage()]
    assert others[1:] == [f"{task} of 2020-03-04 failed: no goods", f"{task} of 2020-03-06 failed: one part"]
    alerts = [json.loads(line)["body"] for line in ctx.layout.replay_alerts.read_text().splitlines()]
    assert [line for line in alerts if line.startswith(task)] == [
        f"{task} of {day} failed: {reason}" for day, reason in zip(days, nights, strict=True)
    ]


def test_repeated_failures_are_summed_up_though_a_later_day_ends_the_replay(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing_trainings(monkeypatch, ["no goods", "no goods"])

    def refuse(_: JobContext, day: date, *_args: object, **_more: object) -> None:
        if day == DAYS.last:
            raise SchemaDriftError("a column is gone")

    monkeypatch.setattr("p2pcredit.jobs.replay.require_what_is_used", refuse)
    for day in DAYS:
        land_day(ctx.layout, day)
    with caplog.at_level(logging.WARNING, "p2pcredit"), pytest.raises(SchemaDriftError):
        replay(ctx, DAYS)
    assert caplog.records[-1].getMessage() == (
        "training failed on 2 days from 2020-03-02 to 2020-03-03 for one reason; on the first day: no goods"
    )


def test_a_training_that_was_refused_without_a_model_is_told_with_its_reason(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: dict[str, object] = {
        "outcome": "refused",
        "model_id": None,
        "metrics": {},
        "reason": "no feature tells good from bad",
    }
    monkeypatch.setattr("p2pcredit.jobs.replay.what_is_lacking", lambda *_: None)
    monkeypatch.setattr("p2pcredit.jobs.training.retrain.check_retraining", lambda *_: {"retrain": True})
    monkeypatch.setattr("p2pcredit.jobs.training.retrain.train_if_due", lambda *_: refused)
    for day in DAYS:
        land_day(ctx.layout, day)
    done = replay(ctx, DAYS)
    assert (done["trainings"], done["scored"]) == (0, 0)
    assert done["reason"] == "no model came to serve, so nothing was scored: no feature tells good from bad"


def test_a_model_that_may_not_serve_is_told_with_its_reason(ctx: JobContext, monkeypatch: pytest.MonkeyPatch) -> None:
    from p2pcredit.retraining.events import EventKind

    monkeypatch.setattr("p2pcredit.jobs.replay.what_is_lacking", lambda *_: None)
    facts = {"snapshot_date": f"{DAY}", "week": f"{DAY}", "model_id": "m1", "promoted": False, "reason": "AUC 0.48"}
    facts |= {"outcome": "refused", "decision_id": None}
    ctx.ledger.append(EventKind.TRAINED, at=ctx.at, run_id="x", facts=facts)
    for day in DAYS:
        land_day(ctx.layout, day)
    assert replay(ctx, DAYS)["reason"] == "no model came to serve, so nothing was scored: AUC 0.48"


def test_warnings_of_many_nights_are_logged_once_and_summed_up_and_each_is_kept(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def check(ctx: JobContext, day: date) -> dict[str, object]:
        warn(ctx, f"{day.day} of the 9 loans of {day} lie outside")
        logging.getLogger("p2pcredit").warning("kept nowhere else")
        return {"retrain": False}

    monkeypatch.setattr("p2pcredit.jobs.training.retrain.check_retraining", check)
    for day in DAYS:
        land_day(ctx.layout, day)
    with caplog.at_level(logging.WARNING, "p2pcredit"):
        replay(ctx, DAYS)
        warn(ctx, "4 of the 9 loans of 2020-03-05 lie outside")
    first = "2 of the 9 loans of 2020-03-02 lie outside"
    assert [message for message in caplog.messages if "lie outside" in message] == [
        first,
        f"2 more warnings like this one, in other numbers; logs/activity.jsonl has each: {first}",
        "4 of the 9 loans of 2020-03-05 lie outside",
    ]
    assert caplog.messages.count("kept nowhere else") == len(DAYS)
    kept = [json.loads(line) for line in ctx.layout.activity.read_text().splitlines()]
    assert sum(entry["job"] == "warning" and "lie outside" in entry["message"] for entry in kept) == 4
