"""A full training tries the cheaper remedy too: who takes over, what is banked, what is said of the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.training import train as training
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.storage.state.model_bank import ModelArtifacts, ModelBank

DAY = date(2024, 1, 15)


def _made(model_id: str, origin: str, *, promoted: bool, recalibration: dict[str, Any] | None) -> ModelArtifacts:
    card: dict[str, Any] = {"model_id": model_id, "origin": origin, "metrics": {"auc": 0.7}, "evidence": {}}
    card |= {"promoted": promoted, "reason": f"{model_id} decides", "recalibration": recalibration}
    return ModelArtifacts(model_id, {"model.json": model_id.encode()}, card, {"evidence.json": b"{}\n"})


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool, dict[str, Any] | None], None]:
    """Lets the challenger win or lose, and the recalibration gain or not."""

    def set_up(challenger_wins: bool, recalibration: dict[str, Any] | None) -> None:
        challenger = _made("c1", "trained", promoted=challenger_wins, recalibration=recalibration)
        recalibrated = _made("r1", "recalibrated", promoted=True, recalibration=recalibration)
        monkeypatch.setattr(TrainingSnapshot, "as_of", lambda ctx, day: None)
        monkeypatch.setattr(training, "make_challenger", lambda snapshot, backend, progress: challenger)
        monkeypatch.setattr(training, "make_recalibrated", lambda snapshot: recalibrated)

    return set_up


@pytest.mark.parametrize(
    ("challenger_wins", "recalibration", "winner", "promoted", "banked"),
    [
        (True, {"promote": True}, "c1", True, ["c1"]),
        (True, {"promote": False}, "c1", True, ["c1"]),
        (False, {"promote": True}, "r1", True, ["c1", "r1"]),
        (False, {"promote": False}, "c1", False, ["c1"]),
        (False, None, "c1", False, ["c1"]),
    ],
)
def test_a_better_ranking_goes_first_then_a_better_calibration_then_nobody(
    run_on: Callable[..., JobContext],
    ways: Callable[..., None],
    challenger_wins: bool,
    recalibration: dict[str, Any] | None,
    winner: str,
    promoted: bool,
    banked: list[str],
) -> None:
    ways(challenger_wins, recalibration)
    ctx = run_on(DAY)
    *others, done = training.train_model(ctx, DAY)
    assert (done.model_id, done.promoted) == (winner, promoted)
    assert [made.model_id for made in others] == (["c1"] if winner == "r1" else [])
    assert ModelBank(ctx.layout).model_ids() == banked
    assert ModelBank(ctx.layout).attachment(winner, "evidence.json") == b"{}\n"


def test_a_recalibration_alone_banks_one_model(run_on: Callable[..., JobContext], ways: Callable[..., None]) -> None:
    ways(False, {"promote": True})
    ctx = run_on(DAY)
    (done,) = training.recalibrate_champion(ctx, DAY)
    assert (done.model_id, done.card["origin"]) == ("r1", "recalibrated")
    assert ModelBank(ctx.layout).model_ids() == ["r1"]
