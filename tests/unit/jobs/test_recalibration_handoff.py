"""A decision whose remedy is to recalibrate is acted on like any other, exactly once, and trains nothing in full."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import clear_decision, decide
from p2pcredit.jobs.training.retrain import train_if_due
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import Origin
from p2pcredit.storage.state.model_bank import ModelArtifacts

DAY = date(2024, 1, 15)


@pytest.fixture
def cheaper(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    calls: list[date] = []

    def recalibrate(ctx: JobContext, day: date) -> tuple[ModelArtifacts]:
        calls.append(day)
        gained = {"log_loss_gain": 0.01, "promote": True, "reason": "better"}
        about = {"target": "hazard", "origin": "recalibrated", "comparison": None, "gate": None, "matured_bads": 90}
        told = {"promoted": True, "reason": "better", "metrics": {"auc": 0.7}, "recalibration": gained}
        return (ModelArtifacts("r1", {}, {**about, **told}),)

    monkeypatch.setattr("p2pcredit.jobs.training.train.recalibrate_champion", recalibrate)
    return calls


def _promote(ctx: JobContext, model_id: str) -> None:
    facts = {"model_id": model_id, "effective_on": "2024-01-01", "why": "first"}
    ctx.ledger.append(EventKind.PROMOTED, at=ctx.at, run_id="person", facts=facts)


def test_it_sets_a_new_calibration_once_and_trains_nothing(
    run_on: Callable[..., JobContext], decision: Callable[..., Any], trainer: Any, cheaper: list[date]
) -> None:
    ctx = run_on(DAY)
    _promote(ctx, "m0")
    decide(ctx, decision(date(2024, 1, 13), remedy="recalibrate"), Origin.MONITORING)
    done = train_if_due(ctx, DAY)
    assert (done["outcome"], done["model_id"]) == ("champion", "r1")
    clear_decision(ctx, DAY)
    assert train_if_due(run_on(date(2024, 1, 22)), date(2024, 1, 22))["outcome"] == "none"
    assert (cheaper, trainer.calls) == ([DAY], [])
    facts = ctx.ledger.state().trainings[-1].facts
    assert (facts["remedy"], facts["origin"], facts["champion_before"]) == ("recalibrate", "recalibrated", "m0")
    assert facts["recalibration"]["log_loss_gain"] == 0.01
    assert ctx.ledger.state().champion == "r1"


def test_without_a_champion_it_asks_for_a_full_training(
    run_on: Callable[..., JobContext], decision: Callable[..., Any], trainer: Any, cheaper: list[date]
) -> None:
    ctx = run_on(DAY)
    decide(ctx, decision(date(2024, 1, 13), remedy="recalibrate"), Origin.MONITORING)
    assert train_if_due(ctx, DAY)["outcome"] == "champion"
    assert (len(trainer.calls), cheaper) == (1, [])


@pytest.mark.parametrize("remedy", [None, "retrain", "none", "something else"])
def test_any_other_remedy_and_a_hand_written_decision_train_in_full(
    run_on: Callable[..., JobContext],
    decision: Callable[..., Any],
    trainer: Any,
    cheaper: list[date],
    remedy: str | None,
) -> None:
    ctx = run_on(DAY)
    _promote(ctx, "m0")
    decide(ctx, decision(date(2024, 1, 13), remedy=remedy), Origin.MONITORING)
    assert train_if_due(ctx, DAY)["outcome"] == "champion"
    assert (len(trainer.calls), cheaper) == (1, [])
