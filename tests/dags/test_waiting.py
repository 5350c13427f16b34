"""Waiting for a day's tables holds no slot: the task defers at once, and its trigger leaves the event loop free."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.bases.sensor import BaseSensorOperator
from airflow.sdk.exceptions import TaskDeferred

from p2pcredit.orchestration.dags import data_preprocessing, model_monitoring, model_training_inference
from p2pcredit.orchestration.operators import WaitForDayOperator
from p2pcredit.orchestration.triggers import DayCompleteTrigger

DAY = date(2011, 3, 2)
CONTEXT: Any = {"dag_run": SimpleNamespace(conf={"snapshot_date": str(DAY)}, logical_date=None, run_after=None)}
CONTEXT["dag_run"].run_after = datetime(2011, 3, 3, 2, tzinfo=UTC)


@pytest.fixture
def waiting(home: Path, monkeypatch: pytest.MonkeyPatch) -> WaitForDayOperator:
    """The task of the DAG, where waiting is allowed and sleeping is not."""

    def refuse(seconds: float) -> None:
        raise AssertionError(f"slept {seconds} s in a worker's slot")

    monkeypatch.setenv("P2P_WAIT_MINUTES", "120")
    monkeypatch.setattr(time, "sleep", refuse)
    task = model_training_inference.dag.get_task("wait_for_preprocessing")
    assert isinstance(task, WaitForDayOperator)
    return task


def test_a_day_that_is_not_complete_is_looked_at_once_and_then_waited_for_in_the_triggerer(
    waiting: WaitForDayOperator, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[date] = []
    monkeypatch.setattr(
        "p2pcredit.storage.tables.day_receipts.is_complete", lambda layout, day: bool(looks.append(day))
    )
    with pytest.raises(TaskDeferred) as deferred:
        waiting.execute(CONTEXT)
    assert looks == [DAY]
    trigger = deferred.value.trigger
    assert isinstance(trigger, DayCompleteTrigger)
    assert (trigger.home, trigger.snapshot_date) == (str(home), str(DAY))
    assert deferred.value.method_name == "resume"
    assert waiting.resume(CONTEXT, {"complete": True}) == {"snapshot_date": str(DAY), "complete": True}


def test_a_day_that_is_complete_is_not_deferred(
    waiting: WaitForDayOperator, complete_day: Callable[[date], None]
) -> None:
    complete_day(DAY)
    assert waiting.execute(CONTEXT) == {"snapshot_date": str(DAY), "complete": True}


def test_no_task_of_the_dags_is_a_sensor_that_pokes_in_its_slot() -> None:
    tasks = [t for m in (data_preprocessing, model_training_inference, model_monitoring) for t in m.dag.tasks]
    assert [t.task_id for t in tasks if isinstance(t, BaseSensorOperator) and not t.deferrable] == []
    assert [t.task_id for t in tasks if isinstance(t, WaitForDayOperator)] == ["wait_for_preprocessing"]


def test_a_look_at_a_slow_disk_does_not_hold_up_other_triggers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others_ran, looked = threading.Event(), threading.Event()

    def slow_look(layout: object, day: date) -> bool:
        looked.set()
        return others_ran.wait(20)  # false where nobody else came to run meanwhile

    monkeypatch.setattr("p2pcredit.storage.tables.day_receipts.is_complete", slow_look)
    deadline = datetime.now(UTC) + timedelta(minutes=5)
    trigger = DayCompleteTrigger(str(tmp_path), str(DAY), deadline.isoformat())

    async def another_trigger() -> None:
        while not looked.is_set():
            await asyncio.sleep(0.01)
        others_ran.set()

    async def both() -> Any:
        event, _ = await asyncio.gather(anext(trigger.run()), another_trigger())
        return event.payload

    assert asyncio.run(both()) == {"complete": True}


def test_between_two_looks_the_trigger_sleeps_without_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, False, True])
    monkeypatch.setattr("p2pcredit.storage.tables.day_receipts.is_complete", lambda layout, day: next(answers))
    deadline = datetime.now(UTC) + timedelta(minutes=5)
    trigger = DayCompleteTrigger(str(tmp_path), str(DAY), deadline.isoformat(), poll_seconds=0.01)
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("the event loop was put to sleep"))

    async def first() -> Any:
        return await anext(trigger.run())

    assert asyncio.run(first()).payload == {"complete": True}
