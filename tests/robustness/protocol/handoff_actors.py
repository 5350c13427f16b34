"""Who meets in the hand-off: monitoring, training runs, a person with the command line, and one with an editor."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from tests.robustness.protocol.execution import Actor
from tests.robustness.protocol.model_disk import HOME
from tests.robustness.protocol.steps import DECISION, LOGS

from p2pcredit.contracts.decision import Decision
from p2pcredit.errors import ConflictError, TrainingError
from p2pcredit.jobs import decisions
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.training import retrain as retraining
from p2pcredit.retraining.state import Origin
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout

SATURDAY = date(2024, 1, 13)
MONDAY = date(2024, 1, 15)
TUESDAY = date(2024, 1, 16)
WEDNESDAY = date(2024, 1, 17)
NEXT_MONDAY = date(2024, 1, 22)
SETTINGS = Settings()
TORN = b'{"retrain": fal'
Train = Callable[[], bool]


def context(run_id: str, day: date) -> JobContext:
    """Make the context of a new process in the night after a day."""
    at = datetime.combine(day + timedelta(days=1), time(2, tzinfo=UTC))
    return JobContext(Layout(Path(HOME)), SETTINGS, run_id, at)


def monitoring_decision(*, retrain: bool = True) -> Decision:
    made = Decision(decision_date=SATURDAY, performance_score=0.58, retrain=retrain, reason="AUC 0.58 below 0.62")
    return made.model_copy(update={"decision_id": f"monitoring-{SATURDAY}-{made.content_digest()[:8]}"})


def hand_written(*, retrain: bool = True, reason: str = "by hand") -> bytes:
    """Write the four fields as a person types them."""
    content = {"decision_date": "2024-01-14", "performance_score": 0.6, "retrain": retrain, "reason": reason}
    return json.dumps(content).encode()


def monitoring(*, retrain: bool = True) -> Actor:
    def decide() -> None:
        decisions.decide(context("monitoring", MONDAY), monitoring_decision(retrain=retrain), Origin.MONITORING)

    return Actor("monitoring", [("decide", decide)], retryable=(ConflictError,))


def training(name: str, day: date) -> Actor:
    """Return a run of the training DAG: each task is a process of its own and is tried again as by Airflow."""

    def check() -> int:
        return 0 if retraining.check_retraining(context(name, day), day)["retrain"] else 1

    def train() -> None:
        retraining.train_if_due(context(name, day), day)

    def clear() -> None:
        decisions.clear_decision(context(name, day), day)

    def log() -> None:
        retraining.log_retraining(context(name, day), day)

    jobs: list[tuple[str, Callable[[], int | None]]] = [("check", check), ("train", train), ("clear", clear)]
    return Actor(name, [*jobs, ("log", log)], retryable=(ConflictError,), expected=(TrainingError,))


def override(*, retrain: bool = True) -> Actor:
    def decide() -> None:
        decisions.override_decision(context("override", MONDAY), MONDAY, retrain=retrain, why="audit")

    return Actor("override", [("override", decide)])


def mover(*texts: bytes, name: str = "person") -> Actor:
    """Return a person who moves files into the decision file's place, one after the other."""

    def put(raw: bytes) -> Callable[[], None]:
        def move() -> None:
            temporary = Path(LOGS, f".{name}.tmp")
            temporary.write_bytes(raw)
            temporary.rename(DECISION)

        return move

    return Actor(name, [(f"move file {number}", put(raw)) for number, raw in enumerate(texts, 1)], machine=False)


def editor(raw: bytes) -> Actor:
    """Return a person whose editor empties the decision file and writes it anew, in two halves."""

    def write() -> None:
        handle = os.open(DECISION, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        half = len(raw) // 2
        os.write(handle, raw[:half])
        os.write(handle, raw[half:])
        os.close(handle)

    return Actor("editor", [("write in place", write)], machine=False)


class Trainer:
    """Stands in for the real training, which touches nothing that the others see."""

    def __init__(self) -> None:
        self.goes_well: Train = lambda: True

    def __call__(self, ctx: JobContext, day: date) -> Any:
        from p2pcredit.storage.state.model_bank import ModelArtifacts

        if not self.goes_well():
            raise TrainingError("no luck")
        card = {"promoted": True, "reason": "for the test", "metrics": {"auc": 0.7}, "matured_bads": None}
        unknown = dict.fromkeys(("target", "origin", "comparison", "recalibration", "gate"))
        return (ModelArtifacts(f"model-of-{ctx.run_id}", {}, {**unknown, **card}),)
