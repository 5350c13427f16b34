"""A training that fails, a run that dies, a step that is killed: nothing is lost and nothing is done twice."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.jobs.handoff_nights import (
    MONDAY,
    NEXT_MONDAY,
    SATURDAY,
    TUESDAY,
    Run,
    a_night,
    kinds,
    trained_decisions,
    write_by_hand,
)

from p2pcredit.errors import ConflictError, StorageError, TooLittleDataError, TrainingError
from p2pcredit.jobs.decisions import clear_decision, decide, reconcile
from p2pcredit.jobs.training.retrain import log_retraining, train_if_due, weeks_with_log
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import DecisionStatus, Origin
from p2pcredit.storage.state.decision_file import Unreadable, read_decision


def test_a_retry_of_the_same_run_answers_with_the_training_it_did(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    first = train_if_due(ctx, MONDAY)
    assert train_if_due(run_on(MONDAY), MONDAY) == first
    assert len(trainer.calls) == 1


def test_a_run_that_comes_while_another_trains_is_told_to_try_again(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    with (
        ctx.ledger.training(),
        pytest.raises(ConflictError, match="another process is at work on a training on this home"),
    ):
        train_if_due(run_on(MONDAY, "other"), MONDAY)
    assert ConflictError.retryable
    assert trainer.calls == []
    assert train_if_due(run_on(MONDAY, "other"), MONDAY)["outcome"] == "champion"


@pytest.mark.parametrize("error", [TrainingError("no luck"), MemoryError(), KeyboardInterrupt()])
def test_a_failed_training_releases_the_decision_for_the_next_run(
    run_on: Run, trainer: Any, decision: Any, error: BaseException
) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    trainer.error = error
    with pytest.raises(type(error)):
        train_if_due(ctx, MONDAY)
    assert kinds(ctx) == ["decided", "claimed", "released"]
    assert clear_decision(ctx, MONDAY)["cleared"] == []
    assert log_retraining(ctx, MONDAY)["logged"] is False
    assert ctx.layout.decision_file.exists()
    trainer.error = None
    assert train_if_due(run_on(TUESDAY), TUESDAY)["outcome"] == "champion"


def test_a_training_refused_for_too_little_data_is_no_failure_and_keeps_the_decision(
    run_on: Run, trainer: Any, decision: Any
) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    trainer.error = TooLittleDataError("3 bads, 50 needed")
    assert a_night(ctx, MONDAY) == {
        "outcome": "refused",
        "model_id": None,
        "metrics": {},
        "reason": "3 bads, 50 needed",
    }
    assert ctx.layout.decision_file.exists()
    assert weeks_with_log(ctx, MONDAY) == set()
    current = ctx.ledger.state().current
    assert current is not None
    assert current.fate is DecisionStatus.PENDING


def test_a_claim_of_a_dead_run_is_released_by_the_next(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY, "dead")
    made = decision(SATURDAY)
    decide(ctx, made, Origin.MONITORING)
    facts = {"decision_id": made.decision_id, "snapshot_date": "2024-01-15", "reason": "x"}
    ctx.ledger.append(EventKind.CLAIMED, at=ctx.at, run_id="dead", facts=facts)
    heir = run_on(TUESDAY)
    assert train_if_due(heir, TUESDAY)["outcome"] == "champion"
    assert kinds(heir) == ["decided", "claimed", "released", "claimed", "trained"]
    assert "run dead died" in heir.ledger.events()[2].facts["reason"]


def test_a_full_disk_stops_the_claim_before_anything_is_trained(
    run_on: Run, trainer: Any, decision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        with pytest.raises(StorageError, match="free some space"):
            train_if_due(ctx, MONDAY)
    assert trainer.calls == []
    assert train_if_due(ctx, MONDAY)["outcome"] == "champion"


def killed_at_each_step(
    disk: Any, tmp_path: Path, least: int, before: Callable[[Path], Any], act: Callable[[Path], Any]
) -> Iterator[Path]:
    """A home for each step on disk that `act` makes there, killed just before that step; at last one not killed."""
    for number in itertools.count(1):
        home = tmp_path / f"home-{number}"
        before(home)
        with disk.killing_at(number) as killed:
            act(home)
        yield home
        if not killed[0]:
            break
    assert number > least


@pytest.mark.parametrize("again_as", ["night", "another night"])
@pytest.mark.parametrize("by_hand", [False, True], ids=["monitoring", "a person"])
def test_a_kill_between_any_two_steps_on_disk_is_finished_by_the_next_run(
    run_on: Run, trainer: Any, decision: Any, disk: Any, tmp_path: Path, again_as: str, by_hand: bool
) -> None:
    made = decision(SATURDAY)

    def before(home: Path) -> None:
        if by_hand:
            write_by_hand(run_on(MONDAY, home=home))

    def decide_and_obey(home: Path) -> None:
        """Every step may die, every step may be run again."""
        if not by_hand:
            decide(run_on(MONDAY, "monitoring", home=home), made, Origin.MONITORING)
        a_night(run_on(MONDAY, "night", home=home), MONDAY)

    for home in killed_at_each_step(disk, tmp_path, 20 if by_hand else 30, before, decide_and_obey):
        heir = run_on(MONDAY, again_as, home=home)
        assert not isinstance(read_decision(heir.layout.decision_file), Unreadable)
        if not by_hand:
            decide(run_on(MONDAY, "monitoring again", home=home), made, Origin.MONITORING)
        train_if_due(heir, MONDAY)
        clear_decision(heir, MONDAY)
        log_retraining(heir, MONDAY)
        (acted_on,) = trained_decisions(heir)
        assert by_hand or acted_on == made.decision_id
        assert (kinds(heir).count("decided"), kinds(heir).count("cleared")) == (1, 1)
        state = heir.ledger.state()
        record = state.decisions[str(acted_on)]
        assert (record.fate, record.cleared, state.claim) == (DecisionStatus.ACTED_ON, True, None)
        assert not heir.layout.decision_file.exists()
        assert heir.layout.retraining_log(MONDAY).read_text().count("model=") == 1
        assert a_night(run_on(NEXT_MONDAY, "later", home=home), NEXT_MONDAY) == {"outcome": "skipped"}


def test_a_kill_while_setting_aside_loses_no_byte_of_the_unreadable_file(
    run_on: Run, disk: Any, tmp_path: Path, decision: Any
) -> None:
    def before(home: Path) -> None:
        ctx = run_on(MONDAY, home=home)
        decide(ctx, decision(SATURDAY), Origin.MONITORING)
        ctx.layout.decision_file.write_text("broken")

    for home in killed_at_each_step(disk, tmp_path, 4, before, lambda home: reconcile(run_on(MONDAY, home=home))):
        ctx = run_on(MONDAY, home=home)
        reconcile(ctx)
        (aside,) = ctx.layout.logs.glob("*.unreadable-*")
        assert aside.read_text() == "broken"
        assert read_decision(ctx.layout.decision_file) == decision(SATURDAY)
