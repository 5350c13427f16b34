"""The variables of schedule, pool and limits, as Airflow's own objects and their stored form have them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from tests.not_none import not_none

from p2pcredit.jobs.pipelines import PREPROCESSING
from p2pcredit.orchestration.builder import build

ENVIRON = {
    "P2P_DAG_CRON_PREPROCESSING": "30 4 * * *",
    "P2P_DAG_TIMEZONE": "Europe/Berlin",
    "P2P_DAG_POOL": "loans",
    "P2P_DAG_QUEUE": "big",
    "P2P_DAG_TASK_TIMEOUT_MINUTES": "90",
    "P2P_DAG_DEADLINE_MINUTES": "300",
}

pytestmark = pytest.mark.usefixtures("home")


def test_airflow_schedules_and_bounds_the_tasks_as_the_variables_say() -> None:
    dag = build(PREPROCESSING, "Doc.", ENVIRON)
    assert (dag.schedule, str(dag.timezone)) == ("30 4 * * *", "Europe/Berlin")
    assert {(task.pool, task.queue, not_none(task.execution_timeout).total_seconds()) for task in dag.tasks} == {
        ("loans", "big", 5400.0)
    }
    stored = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    assert str(stored.timezone) == "Europe/Berlin"
    assert stored.deadline


def test_without_the_variables_there_is_no_deadline_and_tasks_run_where_airflow_runs_them() -> None:
    dag = build(PREPROCESSING, "Doc.", {})
    assert not dag.deadline
    assert {(task.pool, task.queue, task.execution_timeout) for task in dag.tasks} == {
        ("default_pool", "default", None)
    }


def test_a_run_that_misses_its_deadline_is_alerted_of(home: Path, jobs: Any) -> None:
    dag = build(PREPROCESSING, "Doc.", ENVIRON)
    assert isinstance(dag.deadline, list)
    (alert,) = dag.deadline
    assert alert.callback.path == "p2pcredit.orchestration.deadlines.report_missed_deadline"
    from p2pcredit.orchestration.deadlines import report_missed_deadline

    run = {"dag_run": {"dag_id": "P2PCreditScore_DataPreprocessing", "dag_run_id": "scheduled__1"}}
    asyncio.run(report_missed_deadline(context=run, **alert.callback.kwargs))
    ((what, said),) = jobs.told
    assert what == "P2PCreditScore_DataPreprocessing of scheduled__1"
    assert "not finished 300 minutes after it was queued" in said
