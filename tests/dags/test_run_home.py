"""Every task of a run works in the home that the run began in, or stops in one line that names both."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowRuntimeError, ErrorType, TaskDeferred
from airflow.sdk.execution_time.comms import ErrorResponse
from tests.dags.tasks import task_of

from p2pcredit.errors import SettingsError
from p2pcredit.orchestration.bundle import PackageDagBundle
from p2pcredit.orchestration.dags import data_preprocessing, model_monitoring, model_training_inference
from p2pcredit.orchestration.operators import JobBranchOperator, SnapshotDateOperator, WaitForDayOperator
from p2pcredit.orchestration.triggers import DayCompleteTrigger
from p2pcredit.storage.home_format import HomeIdentity, mark_home

DAY = date(2011, 3, 2)


class Instance:
    """Stands in for a task instance: what earlier tasks of the run recorded, and what this one records."""

    def __init__(self, records: dict[str, Any] | None = None) -> None:
        self.records = records or {}
        self.asked: list[str] = []
        self.pushed: dict[str, Any] = {}

    def xcom_pull(self, *, task_ids: str, key: str, map_indexes: int) -> Any:
        assert key == "home"
        self.asked.append(task_ids)
        return self.records.get(task_ids)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


class WithoutDatabase(Instance):
    """A task instance while Airflow's API server has no database, told as its supervisor tells it."""

    def xcom_pull(self, *, task_ids: str, key: str, map_indexes: int) -> Any:
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 500}))

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcom_pull(task_ids="", key=key, map_indexes=-1)


def context(task: Any, instance: Instance) -> Any:
    run = SimpleNamespace(
        conf={"snapshot_date": str(DAY)},
        logical_date=None,
        run_after=datetime(2011, 3, 3, 2, tzinfo=UTC),
        dag_id=task.dag_id,
        run_id="manual",
    )
    return {"task": task, "ti": instance, "dag_run": run}


@pytest.fixture
def other(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second home, which a worker without the shared directory has."""
    found = home / "elsewhere" / "home"
    mark_home(found)
    return found


def record_of(home: Path, identity: HomeIdentity) -> dict[str, Any]:
    return {"id": identity.id, "format": identity.format, "path": str(home)}


def test_two_workers_whose_homes_are_not_shared_stop_the_run_before_anything_is_written(
    run_dag: Any, jobs: Any, home: Path, other: Path
) -> None:
    ours, theirs = mark_home(home), mark_home(other)

    class MovesOn(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            os.environ["P2P_HOME"] = str(other)  # the next task runs on the other worker
            return default

    jobs.gives = MovesOn()
    ran = run_dag(data_preprocessing.dag)
    assert ran.state == "failed"
    assert set(jobs.called()) == {"preprocessing.catch_up.make_up_days"}
    checks = {task_id for task_id in ran.tasks if task_id.startswith("source_data_checks.")}
    assert ran.in_state("failed") == checks
    assert {ran.tries[task_id] for task_id in checks} == {1}, "it cannot heal, so it is not tried again"
    for _, message in jobs.told:
        assert f"this worker's home {other} has id {theirs.short_id}, the run began in {home} with id" in message
        assert f"{ours.short_id}: mount the same shared directory on every worker" in message
        assert "\n" not in message


def test_in_one_home_each_receipt_and_each_task_say_which(run_dag: Any, jobs: Any, home: Path) -> None:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    identity = mark_home(home)
    ran = run_dag(model_monitoring.dag)
    assert ran.state == "success"
    with create_session() as session:
        found = session.execute(
            select(XComModel.task_id, XComModel.key, XComModel.value).where(
                XComModel.dag_id == model_monitoring.dag.dag_id
            )
        ).all()
    told = {(task, key): value for task, key, value in found}
    assert "home" in {key for _, key in told}
    receipt = next(value for (task, key), value in told.items() if (task, key) == ("check_monitoring", "receipt"))
    receipt = json.loads(receipt) if isinstance(receipt, str) else receipt
    assert (receipt["home_id"], receipt["home_format"]) == (identity.short_id, 2)


@pytest.mark.parametrize("task_id", ["check_inference_condition", "get_model", "run_inference", "clear_decision"])
def test_each_kind_of_task_stops_in_another_home(task_id: str, jobs: Any, home: Path, other: Path) -> None:
    identity = mark_home(home)
    task = task_of(model_training_inference.dag, task_id, BaseOperator)
    began = {"wait_for_preprocessing": record_of(other, mark_home(other))}
    with pytest.raises(AirflowFailException, match=f"has id {identity.short_id}, the run began in {other}"):
        task.execute(context(task, Instance(began)))
    assert jobs.calls == []


@pytest.mark.parametrize("module", [data_preprocessing, model_training_inference, model_monitoring])
def test_a_task_that_finds_airflow_without_its_database_is_left_to_airflow_to_try_again(
    module: Any, jobs: Any, home: Path
) -> None:
    mark_home(home)
    raised = {}
    for task in module.dag.tasks:
        if not isinstance(task, EmptyOperator):
            with pytest.raises(Exception, match="API_SERVER_ERROR") as caught:
                task.execute(context(task, WithoutDatabase()))
            raised[task.task_id] = caught.type
    assert raised == dict.fromkeys(raised, AirflowRuntimeError)
    assert len(raised) > 3
    assert jobs.calls == [], "what a task did not record, no later task can compare"


def test_the_task_that_names_the_day_stops_in_another_home(home: Path, other: Path) -> None:
    mark_home(home)
    task = task_of(model_monitoring.dag, "get_week_end_date", SnapshotDateOperator)
    instance = Instance({"check_monitoring": record_of(other, mark_home(other))})
    with pytest.raises(AirflowFailException, match="mount the same shared directory"):
        task.execute(context(task, instance))


def test_a_home_to_which_nothing_was_written_is_another_than_the_one_that_the_run_began_in(
    jobs: Any, home: Path, other: Path
) -> None:
    task = task_of(model_training_inference.dag, "run_inference", BaseOperator)
    instance = Instance({"get_model": record_of(other, mark_home(other))})
    with pytest.raises(AirflowFailException, match=f"this worker's home {home} has no id, the run began in {other}"):
        task.execute(context(task, instance))
    assert not (home / "home.json").exists()


def test_a_run_that_began_in_an_empty_directory_stops_in_the_home_of_the_others(
    run_dag: Any, jobs: Any, home: Path, other: Path
) -> None:
    assert not (home / "home.json").exists(), "as the place of a disk that is not mounted"

    class MovesOn(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            os.environ["P2P_HOME"] = str(other)
            return default

    jobs.gives = MovesOn()
    ran = run_dag(data_preprocessing.dag)
    assert ran.in_state("failed") == {task_id for task_id in ran.tasks if task_id.startswith("source_data_checks.")}
    began = json.loads((home / "home.json").read_text())["id"][:8]
    for _, message in jobs.told:
        assert f"this worker's home {other} has id {mark_home(other).short_id}, the run began in {home}" in message
        assert f"with id {began}: mount the same shared directory on every worker" in message


def test_the_same_home_mounted_elsewhere_is_the_same_home(jobs: Any, home: Path) -> None:
    identity = mark_home(home)
    task = task_of(model_training_inference.dag, "run_inference", BaseOperator)
    instance = Instance({"get_model": {**record_of(home, identity), "path": "/mnt/loans"}})
    receipt = task.execute(context(task, instance))
    assert receipt == {"job": "scoring.score.score_day", "home_id": identity.short_id, "home_format": 2}
    assert instance.asked == ["get_model"], "one record is enough"
    assert instance.pushed["home"] == record_of(home, identity)


def test_above_tasks_that_left_no_record_the_next_ones_are_asked(jobs: Any, home: Path, other: Path) -> None:
    mark_home(home)
    task = task_of(
        model_training_inference.dag, "get_model", BaseOperator
    )  # after a place and a training that was skipped
    instance = Instance({"check_inference_condition": record_of(other, mark_home(other))})
    with pytest.raises(AirflowFailException, match="the run began in"):
        task.execute(context(task, instance))
    assert set(instance.asked) == {"train_model_task", "check_retraining_needed", "check_inference_condition"}


def test_a_run_that_recorded_no_home_goes_on_and_the_log_says_so(
    jobs: Any, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    identity = mark_home(home)
    task = task_of(model_training_inference.dag, "run_inference", BaseOperator)
    instance = Instance()
    with caplog.at_level(logging.WARNING):
        assert task.execute(context(task, instance))["home_id"] == identity.short_id
    assert "which home this run began in is not recorded" in caplog.text
    assert "undetermined" in caplog.text
    assert instance.pushed["home"]["id"] == identity.id


def test_a_home_of_this_format_without_an_id_gets_one_from_the_first_task(jobs: Any, home: Path) -> None:
    (home / "home.json").write_text('{"format": 2, "made_by": "0.2.0"}')
    task = task_of(model_monitoring.dag, "check_monitoring", JobBranchOperator)
    instance = Instance()
    assert task.choose_branch(context(task, instance)) == "skip_monitoring"
    assert instance.pushed["home"]["id"] == json.loads((home / "home.json").read_text())["id"]


def test_a_home_of_a_newer_format_stops_a_task_before_it_reads_a_table(jobs: Any, home: Path) -> None:
    (home / "home.json").write_text('{"format": 9, "made_by": "7.0.0"}')
    task = task_of(model_training_inference.dag, "run_inference", BaseOperator)
    with pytest.raises(AirflowFailException, match=r"has format 9, made by version 7\.0\.0; this version reads"):
        task.execute(context(task, Instance()))
    assert jobs.calls == []


def test_workers_of_two_versions_are_named(jobs: Any, home: Path) -> None:
    identity = mark_home(home)
    task = task_of(model_training_inference.dag, "run_inference", BaseOperator)
    instance = Instance({"get_model": {**record_of(home, identity), "format": 3}})
    with pytest.raises(AirflowFailException, match="the run began in format 3: install the same version"):
        task.execute(context(task, instance))


def answer_of(trigger: DayCompleteTrigger) -> Any:
    async def first() -> Any:
        return (await anext(trigger.run())).payload

    return asyncio.run(first())


def test_a_triggerer_that_has_another_home_ends_the_waiting_and_the_task_fails_in_one_line(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark_home(home)
    monkeypatch.setenv("P2P_WAIT_MINUTES", "120")
    task = task_of(model_training_inference.dag, "wait_for_preprocessing", WaitForDayOperator)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context(task, Instance()))
    trigger = deferred.value.trigger
    assert isinstance(trigger, DayCompleteTrigger)
    trigger.home = str(tmp_path / "nothing-mounted")
    answer = answer_of(trigger)
    assert answer["complete"] is False
    assert "this triggerer's home" in answer["refused"]
    with pytest.raises(AirflowFailException, match="has no id, the run began in") as caught:
        task.resume(context(task, Instance()), answer)
    assert "\n" not in str(caught.value)


def test_a_task_that_waited_and_is_taken_up_in_another_home_stops(home: Path, other: Path) -> None:
    began = mark_home(other)
    mark_home(home)
    deadline = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    answer = answer_of(DayCompleteTrigger(str(other), str(DAY), deadline, began_in=record_of(other, began)))
    assert answer["complete"] is False
    task = task_of(model_training_inference.dag, "wait_for_preprocessing", WaitForDayOperator)
    with pytest.raises(AirflowFailException, match="mount the same shared directory"):
        task.resume(context(task, Instance()), answer)


def test_a_bundle_that_names_a_path_is_refused_in_one_line() -> None:
    with pytest.raises(SettingsError, match=r"the path s3://bucket/dags; .*object storage is not") as told:
        PackageDagBundle(name="p2pcredit", path="s3://bucket/dags")
    assert "\n" not in str(told.value)
