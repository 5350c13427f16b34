"""What the ledger keeps of a training: later weeks count by it, and a person reads it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.decision import Decision
from p2pcredit.errors import TooLittleDataError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import decide
from p2pcredit.jobs.training import train as training
from p2pcredit.jobs.training.retrain import log_retraining, train_if_due, train_now, weeks_with_log
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import Origin
from p2pcredit.storage.state.model_bank import ModelArtifacts

DAY = "2022-06-08"  # a Wednesday
MONDAY = "2022-06-06"

CARD: dict[str, Any] = {
    "promoted": True,
    "reason": "better",
    "metrics": {"auc": 0.7},
    "matured_bads": 44,
    "target": "hazard",
    "origin": "trained",
    "comparison": {"difference": 0.1},
    "recalibration": {"gain": 0.2},
    "gate": None,
}


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    return written_home(tmp_path, at="2022-06-09T02:00:00")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which of the two ways of training ran."""
    ways: list[str] = []

    def way(name: str) -> Any:
        def train(ctx: JobContext, day: date) -> tuple[ModelArtifacts, ...]:
            ways.append(name)
            challenger = ModelArtifacts("c1", {}, {**CARD, "promoted": False, "recalibration": {"gain": 0.3}})
            return challenger, ModelArtifacts("m1", {}, {**CARD, "comparison": None})

        return train

    monkeypatch.setattr(training, "train_model", way("retrain"))
    monkeypatch.setattr(training, "recalibrate_champion", way("recalibrate"))
    return ways


def decided(home: WrittenHome, remedy: Any = "retrain") -> None:
    made = Decision(decision_date=of("2022-06-04"), performance_score=0.5, retrain=True, reason="low", remedy=remedy)
    decide(home.ctx, made.model_copy(update={"decision_id": "d1"}), Origin.MONITORING)


def last(home: WrittenHome, kind: EventKind = EventKind.TRAINED) -> dict[str, Any]:
    return [event.facts for event in home.ctx.ledger.events() if event.kind is kind][-1]


def test_a_training_is_kept_with_all_that_later_steps_count_by(home: WrittenHome, done: list[str]) -> None:
    home.crown("before", "2022-01-01")
    home.crown("later", "2022-06-09")
    decided(home)
    receipt = train_if_due(home.ctx, of(DAY))
    assert receipt == {"outcome": "champion", "model_id": "m1", "metrics": {"auc": 0.7}, "reason": "better"}
    assert last(home) == {
        "decision_id": "d1",
        "snapshot_date": DAY,
        "week": MONDAY,
        "outcome": "champion",
        "model_id": "m1",
        "promoted": True,
        "reason": "better",
        "asked": "decision d1 of 2022-06-04: low",
        "why": None,
        "metrics": {"auc": 0.7},
        "matured_bads": 44,
        "remedy": "retrain",
        "target": "hazard",
        "origin": "trained",
        "champion_before": "before",
        "comparison": {"difference": 0.1},
        "recalibration": {"gain": 0.2},
        "challenger_id": "c1",
        "gate": None,
        "by": None,
        "developer": None,
        "approval": "none",
    }
    claim = last(home, EventKind.CLAIMED)
    assert (claim["decision_id"], claim["snapshot_date"], claim["overrides_weekly_limit"]) == ("d1", DAY, False)


def test_a_recalibration_needs_a_champion_of_the_day(home: WrittenHome, done: list[str]) -> None:
    decided(home, "recalibrate")
    home.crown("later", "2022-06-09")
    train_if_due(home.ctx, of(DAY))
    assert done == ["retrain"]


def test_a_decision_to_recalibrate_recalibrates_the_champion(home: WrittenHome, done: list[str]) -> None:
    home.crown("before", DAY)
    decided(home, "recalibrate")
    train_if_due(home.ctx, of(DAY))
    assert done == ["recalibrate"]
    assert last(home)["remedy"] == "recalibrate"


@pytest.mark.parametrize(("champion", "outcome"), [(True, "challenger"), (False, "refused")])
def test_a_model_that_was_not_promoted_is_a_challenger_or_refused_where_none_serves(
    home: WrittenHome, monkeypatch: pytest.MonkeyPatch, champion: bool, outcome: str
) -> None:
    made = ModelArtifacts("m1", {}, {**CARD, "promoted": False})
    monkeypatch.setattr(training, "train_model", lambda ctx, day: (made,))
    if champion:
        home.crown("before", DAY)
    decided(home)
    assert train_if_due(home.ctx, of(DAY))["outcome"] == outcome
    assert last(home)["champion_before"] == ("before" if champion else None)


def test_too_little_data_releases_the_decision_and_says_so(home: WrittenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(ctx: JobContext, day: date) -> tuple[ModelArtifacts, ...]:
        raise TooLittleDataError("3 bads")

    monkeypatch.setattr(training, "train_model", refuse)
    decided(home)
    assert train_if_due(home.ctx, of(DAY)) == {
        "outcome": "refused",
        "model_id": None,
        "metrics": {},
        "reason": "3 bads",
    }
    assert last(home, EventKind.RELEASED) == {"decision_id": "d1", "snapshot_date": DAY, "reason": "refused: 3 bads"}


@pytest.mark.parametrize(
    ("error", "says"),
    [(ValueError("secret"), "failed: ValueError"), (KeyboardInterrupt(), "failed: KeyboardInterrupt")],
)
def test_a_failure_releases_the_decision_with_the_kind_of_error(
    home: WrittenHome, monkeypatch: pytest.MonkeyPatch, error: BaseException, says: str
) -> None:
    def fail(ctx: JobContext, day: date) -> tuple[ModelArtifacts, ...]:
        raise error

    monkeypatch.setattr(training, "train_model", fail)
    decided(home)
    with pytest.raises(type(error)):
        train_if_due(home.ctx, of(DAY))
    assert last(home, EventKind.RELEASED)["reason"] == says


def test_a_person_may_train_once_a_week_and_again_with_a_reason(home: WrittenHome, done: list[str]) -> None:
    assert train_now(home.ctx, of(DAY), None)["outcome"] == "champion"
    assert last(home)["asked"] == "asked for by a person"
    another = home.ctx.moved_to(home.ctx.at)
    object.__setattr__(another, "run_id", "second")
    refused = train_now(another, of("2022-06-12"), None)
    assert (refused["outcome"], refused["model_id"]) == ("refused", None)
    assert refused["reason"].startswith(f"a retraining already took place in the week of {MONDAY}; give --why")
    assert train_now(another, of("2022-06-12"), "audit")["outcome"] == "champion"
    assert (last(home)["asked"], last(home)["why"]) == ("audit", "audit")
    assert last(home, EventKind.CLAIMED)["overrides_weekly_limit"] is True
    assert done == ["retrain", "retrain"]


def test_a_run_that_trained_already_answers_with_that_training(home: WrittenHome, done: list[str]) -> None:
    first = train_now(home.ctx, of(DAY), None)
    assert train_now(home.ctx, of(DAY), None) == first
    assert done == ["retrain"]


def test_the_log_of_a_week_has_its_trainings_and_no_others(home: WrittenHome, done: list[str]) -> None:
    home.trained("2022-05-31", 1, model_id="week-before")
    train_now(home.ctx, of(DAY), "first")
    written = home.ctx.layout.retraining_log(of(MONDAY)).read_text().splitlines()
    assert written[0] == f"Retraining in the week of {MONDAY} (Monday)"
    assert len(written) == 2
    assert f"snapshot_date={DAY} outcome=champion model=m1 decision=none run=test reason=better" in written[1]
    assert log_retraining(home.ctx, of("2022-06-12"))["reason"] == f"1 in the week of {MONDAY}"
    assert log_retraining(home.ctx, of("2022-06-13")) == {
        "logged": False,
        "path": None,
        "reason": "no retraining in the week of 2022-06-13",
    }


@pytest.mark.parametrize(
    ("named", "counts"), [(MONDAY, True), ("2022-06-12", True), ("2022-06-13", False), ("2022-06-05", False)]
)
def test_a_log_named_after_any_day_of_the_week_counts_for_it(home: WrittenHome, named: str, counts: bool) -> None:
    path = home.ctx.layout.retraining_log(of(named))
    path.parent.mkdir(parents=True)
    path.touch()
    assert weeks_with_log(home.ctx, of(DAY)) == ({of(MONDAY)} if counts else set())


def test_the_log_says_what_the_training_was_blind_to(home: WrittenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [
        "early delinquency was not learned from: 0 of 40 late loans paid again",
        "term_months was 36 for all",
    ]
    made = ModelArtifacts("m1", {}, {**CARD, "limits": limits, "comparison": None})
    monkeypatch.setattr(training, "train_model", lambda ctx, day: (made,))
    decided(home)
    train_if_due(home.ctx, of(DAY))
    assert last(home)["limits"] == limits
    log_retraining(home.ctx, of(DAY))
    written = home.ctx.layout.retraining_log(of(MONDAY)).read_text().splitlines()
    assert written[-2:] == [f"  limit: {limit}" for limit in limits]
    assert log_retraining(home.ctx, of(DAY))["logged"]
    assert home.ctx.layout.retraining_log(of(MONDAY)).read_text().splitlines() == written
