"""The defects that public attempts at this design share, one test each; those of the DAGs' shape are in tests/dags."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from p2pcredit.errors import TrainingError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import clear_decision, decide
from p2pcredit.jobs.training.retrain import check_retraining, log_retraining, train_if_due
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import Origin
from p2pcredit.storage.state.decision_file import Unreadable, place_decision, read_decision

SATURDAY = date(2024, 1, 13)
MONDAY = date(2024, 1, 15)
TUESDAY = date(2024, 1, 16)
NEXT_MONDAY = date(2024, 1, 22)
Run = Callable[..., JobContext]


@pytest.mark.parametrize("days_later", [1, 2, 7, 8, 13])
def test_a_decision_written_on_sunday_is_obeyed_in_the_week_after(
    run_on: Run, trainer: Any, decision: Any, days_later: int
) -> None:
    sunday = SATURDAY + timedelta(days=1)
    decide(run_on(sunday, "monitoring"), decision(SATURDAY), Origin.MONITORING)
    day = sunday + timedelta(days=days_later)
    assert check_retraining(run_on(day), day)["retrain"] is True
    assert train_if_due(run_on(day), day)["outcome"] == "champion"


def test_a_reader_never_sees_half_a_decision_and_a_broken_file_is_never_read_as_no(
    run_on: Run, trainer: Any, decision: Any, tmp_path: Path
) -> None:
    path = tmp_path / "retraining_decision.json"
    texts = [decision(SATURDAY, reason=f"{n} " + "long " * 20_000) for n in range(2)]
    place_decision(path, texts[0], None)
    done = threading.Event()

    def write_on_and_on() -> None:
        for number in range(60):
            place_decision(path, texts[(number + 1) % 2], texts[number % 2])
        done.set()

    writer = threading.Thread(target=write_on_and_on)
    writer.start()
    seen = 0
    while not done.is_set():
        found = read_decision(path)
        assert found is None or found in texts
        seen += found is not None
    writer.join()
    assert seen > 0

    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    whole = ctx.layout.decision_file.read_bytes()
    for length in range(1, len(whole) - 2, 37):
        ctx.layout.decision_file.write_bytes(whole[:length])
        assert isinstance(read_decision(ctx.layout.decision_file), Unreadable)
        assert check_retraining(ctx, MONDAY)["retrain"] is True


def test_the_decision_is_cleared_and_logged_only_where_a_training_took_place(
    run_on: Run, trainer: Any, decision: Any
) -> None:
    def clear_and_log(ctx: JobContext, day: date) -> tuple[bool, bool]:
        return bool(clear_decision(ctx, day)["cleared"]), bool(log_retraining(ctx, day)["logged"])

    no = run_on(MONDAY)
    decide(no, decision(SATURDAY, retrain=False, reason="AUC 0.70 above 0.62"), Origin.MONITORING)
    assert train_if_due(no, MONDAY)["outcome"] == "none"
    assert clear_and_log(no, MONDAY) == (False, False)
    assert no.layout.decision_file.exists()

    failed = run_on(TUESDAY)
    decide(failed, decision(date(2024, 1, 14)), Origin.MONITORING)
    trainer.error = TrainingError("no luck")
    with pytest.raises(TrainingError):
        train_if_due(failed, TUESDAY)
    assert clear_and_log(failed, TUESDAY) == (False, False)
    assert failed.layout.decision_file.exists()
    assert not list(failed.layout.logs.glob("retraining_log_*"))

    trainer.error = None
    assert train_if_due(failed, TUESDAY)["outcome"] == "champion"
    assert clear_and_log(failed, TUESDAY) == (True, True)
    assert not failed.layout.decision_file.exists()
    assert [path.name for path in failed.layout.logs.glob("retraining_log_*")] == ["retraining_log_2024_01_15.txt"]


@pytest.mark.parametrize("known_to", ["ledger", "log", "both"])
def test_the_weekly_limit_is_read_from_ledger_and_log_files_and_the_stricter_counts(
    run_on: Run, trainer: Any, decision: Any, known_to: str
) -> None:
    ctx = run_on(MONDAY)
    if known_to in {"ledger", "both"}:
        facts = {
            "decision_id": None,
            "snapshot_date": "2024-01-15",
            "week": "2024-01-15",
            "model_id": "m0",
            "promoted": False,
        }
        ctx.ledger.append(EventKind.TRAINED, at=ctx.at, run_id="earlier", facts=facts)
    if known_to in {"log", "both"}:
        ctx.layout.logs.mkdir(parents=True, exist_ok=True)
        (ctx.layout.logs / "retraining_log_2024_01_15.txt").write_text("by another system\n")
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    for day in (MONDAY, TUESDAY, date(2024, 1, 21)):
        assert "at most one a week" in check_retraining(run_on(day), day)["reason"]
        assert train_if_due(run_on(day), day)["outcome"] == "none"
    assert trainer.calls == []
    assert json.loads(ctx.layout.decision_file.read_text())["retrain"] is True
    assert train_if_due(run_on(NEXT_MONDAY), NEXT_MONDAY)["outcome"] == "champion"
