"""Waiting for a day's tables holds no slot: the task defers at once, and its trigger leaves the event loop free."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.bases.sensor import BaseSensorOperator
from airflow.sdk.exceptions import TaskDeferred
from tests.dags.tasks import task_of

from p2pcredit.contracts.feeds import ALL_FEEDS, FEEDS
from p2pcredit.jobs.pipelines import MONITORING
from p2pcredit.orchestration.dags import data_preprocessing, model_monitoring, model_training_inference
from p2pcredit.orchestration.operators import JobBranchOperator, JobOperator, WaitForDayOperator
from p2pcredit.orchestration.runs.waiting import wait_until
from p2pcredit.orchestration.triggers import DayCompleteTrigger, FeedLandedTrigger, HomeTrigger, WeekReadyTrigger
from p2pcredit.storage.home_format import mark_home

DAY = date(2011, 3, 2)
SATURDAY = date(2011, 3, 5)
CONTEXT: Any = {"dag_run": SimpleNamespace(conf={"snapshot_date": str(DAY)}, logical_date=None, run_after=None)}
CONTEXT["dag_run"].run_after = datetime(2011, 3, 3, 2, tzinfo=UTC)


@pytest.fixture
def waiting(home: Path, monkeypatch: pytest.MonkeyPatch) -> WaitForDayOperator:
    """The task of the DAG, where waiting is allowed and sleeping is not."""

    def refuse(seconds: float) -> None:
        raise AssertionError(f"slept {seconds} s in a worker's slot")

    monkeypatch.setenv("P2P_WAIT_MINUTES", "120")
    monkeypatch.setattr(time, "sleep", refuse)
    return task_of(model_training_inference.dag, "wait_for_preprocessing", WaitForDayOperator)


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
    assert waiting.resume(CONTEXT, {"complete": True}) == {
        "snapshot_date": str(DAY),
        "complete": True,
        **mark_home(home).as_facts(),
    }


def test_a_day_that_is_complete_is_not_deferred(
    waiting: WaitForDayOperator, complete_day: Callable[[date], None], home: Path
) -> None:
    complete_day(DAY)
    found = waiting.execute(CONTEXT)
    assert found == {"snapshot_date": str(DAY), "complete": True, **mark_home(home).as_facts()}


def test_no_task_of_the_dags_is_a_sensor_that_pokes_in_its_slot() -> None:
    tasks = [t for m in (data_preprocessing, model_training_inference, model_monitoring) for t in m.dag.tasks]
    assert [t.task_id for t in tasks if isinstance(t, BaseSensorOperator) and not getattr(t, "deferrable", False)] == []
    assert [t.task_id for t in tasks if isinstance(t, WaitForDayOperator)] == ["wait_for_preprocessing"]


def test_a_look_at_a_slow_disk_does_not_hold_up_other_triggers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others_ran, looked = threading.Event(), threading.Event()

    def slow_look(layout: object, day: date) -> bool:
        looked.set()
        return others_ran.wait(20)  # false where no other ran meanwhile

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


def running(
    day: date, fired_at: datetime, start_date: datetime | None = None, run_type: str = DagRunType.SCHEDULED
) -> Any:
    """The context of a task of a run for a day."""
    run = SimpleNamespace(dag_id="dag", run_id="run", conf={"snapshot_date": str(day)}, logical_date=None)
    run.run_after, run.start_date, run.run_type = fired_at, start_date, run_type
    return {"dag_run": run}


def deferred_by(task: Any, context: Any) -> Any:
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    assert deferred.value.method_name == "resume"
    return deferred.value.trigger


def land(home: Path, feed: str, day: date, text: str = "loan_id\n") -> Path:
    path = home / "data" / feed / f"{feed}_{day:%Y_%m_%d}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def yesterday(home: Path, monkeypatch: pytest.MonkeyPatch) -> date:
    """The day whose run is due now: its feeds are waited for all day long."""
    monkeypatch.setenv("P2P_FEED_WAIT_MINUTES", "1440")
    monkeypatch.setenv("P2P_MONITORING_WAIT_MINUTES", "720")
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("slept in a worker's slot"))
    now = datetime.now(UTC)
    return now.date() - timedelta(days=2 if now.hour < 1 else 1)  # at 00:30 the run of yesterday is not due yet


def test_a_feed_that_has_not_landed_is_waited_for_in_the_triggerer_to_a_deadline_that_the_day_gives(
    home: Path, yesterday: date, jobs: Any
) -> None:
    task = task_of(data_preprocessing.dag, "source_data_checks.financial", JobOperator)
    context = running(yesterday, datetime.now(UTC))
    trigger = deferred_by(task, context)
    assert isinstance(trigger, FeedLandedTrigger)
    assert (trigger.home, trigger.feed, trigger.snapshot_date) == (str(home), "financial", str(yesterday))
    fires = datetime.combine(yesterday + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=1)
    assert datetime.fromisoformat(trigger.deadline) == fires + timedelta(days=1)
    assert jobs.calls == []
    task.resume(context, {"complete": False})
    assert jobs.called() == ["preprocessing.source_checks.check_source"], "what is missing is for the check to say"


def test_a_feed_that_has_landed_and_a_day_long_past_are_not_waited_for(home: Path, yesterday: date, jobs: Any) -> None:
    task = task_of(data_preprocessing.dag, "source_data_checks.financial", JobOperator)
    land(home, "financial", yesterday)
    task.execute(running(yesterday, datetime.now(UTC)))
    task.execute(running(DAY, datetime.now(UTC)))
    assert jobs.called() == ["preprocessing.source_checks.check_source"] * 2


def test_a_feed_that_lands_while_its_run_waits_is_taken_in_at_the_first_try(
    run_dag: Any, home: Path, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    due = now.date() - timedelta(days=2 if now.hour < 1 else 1)
    monkeypatch.setenv("P2P_FEED_WAIT_MINUTES", "1440")
    for feed in set(FEEDS) - {"financial"}:
        land(home, feed, due)
    waits = threading.Event()
    looker = FeedLandedTrigger.looker

    def seen(self: FeedLandedTrigger, layout: Any, day: date) -> Callable[[], bool]:
        assert self.feed == "financial"
        waits.set()
        return looker(self, layout, day)

    monkeypatch.setattr(FeedLandedTrigger, "looker", seen)
    arrival = threading.Thread(target=lambda: waits.wait(60) and land(home, "financial", due))
    arrival.start()
    ran = run_dag(data_preprocessing.dag, day=due.isoformat())
    arrival.join()
    assert (ran.state, waits.is_set()) == ("success", True)
    assert ran.tries["source_data_checks.financial"] == 1
    assert jobs.called().count("preprocessing.source_checks.check_source") == len(ALL_FEEDS)


def test_a_file_that_still_grows_is_looked_at_again(tmp_path: Path) -> None:
    trigger = FeedLandedTrigger(str(tmp_path), str(DAY), (datetime.now(UTC)).isoformat(), feed="financial")
    from p2pcredit.storage.layout import Layout

    look = trigger.looker(Layout(tmp_path), DAY)
    assert not look()
    land(tmp_path, "financial", DAY, "half")
    assert not look()
    land(tmp_path, "financial", DAY, "half and more")
    assert not look()
    assert look()


def test_monitoring_waits_in_the_triggerer_for_the_last_day_of_its_week_to_be_complete_and_scored(
    home: Path, yesterday: date, jobs: Any, complete_day: Callable[[date], None]
) -> None:
    task = model_monitoring.dag.get_task("check_monitoring")
    complete_day(DAY - timedelta(days=1))
    begun = datetime.now(UTC) - timedelta(hours=1)
    trigger = deferred_by(task, running(DAY, begun, begun))
    assert isinstance(trigger, WeekReadyTrigger)
    assert datetime.fromisoformat(trigger.deadline) == begun + timedelta(hours=12), "a task tried again waits no longer"
    assert jobs.calls == []
    assert not trigger.looker(_layout(home), DAY)()
    complete_day(DAY)
    assert trigger.looker(_layout(home), DAY)(), "there is no model, so nothing to score"


def test_a_run_by_hand_for_a_week_long_past_decides_at_once_and_says_why_in_a_line(
    home: Path,
    yesterday: date,
    jobs: Any,
    complete_day: Callable[[date], None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = task_of(model_monitoring.dag, "check_monitoring", JobBranchOperator)
    complete_day(SATURDAY - timedelta(days=1))
    now = datetime.now(UTC)
    jobs.gives["monitoring.steps.check_monitoring"] = {"monitor": False}
    context = running(SATURDAY, now, now, DagRunType.MANUAL)
    context["ti"] = SimpleNamespace(xcom_push=lambda **_: None, xcom_pull=lambda **_: None)
    chosen: list[Any] = []
    monkeypatch.setattr(task, "do_branch", lambda context, branch: chosen.append(branch))
    with caplog.at_level(logging.WARNING, "p2pcredit"):
        task.execute(context)
    assert jobs.called() == ["monitoring.steps.check_monitoring"]
    assert chosen == ["skip_monitoring"]
    assert [record.message for record in caplog.records if "waited for" in record.message] == [
        "2011-03-05, the last day of the week, is not complete and scored; it is waited for until 2011-03-06 18:00 "
        "UTC, so this run goes on without it"
    ]


def test_a_run_by_hand_waits_until_the_hour_that_its_day_gives_and_no_longer_than_one_that_begins_on_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_hand, scheduled = SimpleNamespace(run_type=DagRunType.MANUAL), SimpleNamespace(run_type=DagRunType.SCHEDULED)
    due, wait = datetime(2011, 3, 6, 6, tzinfo=UTC), timedelta(hours=12)
    for hours, expected in ((-30, -18), (-1, 11), (0, 12), (5, 12), (13, 12), (9000, 12)):
        begun = due + timedelta(hours=hours)
        assert wait_until(MONITORING, by_hand, SATURDAY, begun, wait) == due + timedelta(hours=expected)
        assert wait_until(MONITORING, scheduled, SATURDAY, begun, wait) == begun + wait, "what it waits for is late too"
    monkeypatch.setenv("P2P_DAG_SIMULATED_TIME", "1")
    assert wait_until(MONITORING, by_hand, SATURDAY, due + timedelta(days=90), wait) == due + timedelta(days=90) + wait


def test_scoring_by_hand_of_a_day_long_past_is_decided_at_once_and_of_yesterday_it_waits(
    waiting: WaitForDayOperator, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P2P_WAIT_MINUTES", "1440")
    now = datetime.now(UTC)
    with caplog.at_level(logging.WARNING, "p2pcredit"):
        answer = waiting.execute(running(DAY, now, now, DagRunType.MANUAL))
    assert (answer["snapshot_date"], answer["complete"]) == (str(DAY), False)
    (line,) = [record.message for record in caplog.records if "waited for" in record.message]
    assert line == f"{DAY} is not complete; it is waited for until 2011-03-04 02:00 UTC, so this run goes on without it"
    recent = now.date() - timedelta(days=2 if now.hour < 2 else 1)  # at 01:30 the run of yesterday is not due yet
    trigger = deferred_by(waiting, running(recent, now, now, DagRunType.MANUAL))
    due = datetime.combine(recent + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=2)
    assert datetime.fromisoformat(trigger.deadline) == due + timedelta(days=1)
    late = deferred_by(waiting, running(DAY, now, now))
    assert datetime.fromisoformat(late.deadline) >= now + timedelta(days=1), "the scheduler made it late"


def _layout(home: Path) -> Any:
    from p2pcredit.storage.layout import Layout

    return Layout(home)


@pytest.mark.parametrize(
    "trigger",
    [
        FeedLandedTrigger("/h", "2011-03-02", "2011-03-03T03:00:00+00:00", 1.0, feed="financial"),
        WeekReadyTrigger("/h", "2011-03-05", "2011-03-06T18:00:00+00:00", 15.0),
    ],
    ids=["feed", "week"],
)
def test_each_trigger_can_be_built_again_from_what_it_says_of_itself(trigger: HomeTrigger) -> None:
    _, facts = trigger.serialize()
    again = type(trigger)(**facts)
    assert again.serialize() == trigger.serialize()
