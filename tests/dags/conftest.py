"""An Airflow of the tests' own: set up before its first import, on a temporary database, without examples.

Airflow reads its settings once per process, so these tests are best run in a pytest process of their own.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import warnings
from pathlib import Path

from p2pcredit.orchestration.settings.bundle_settings import BUNDLE_VARIABLE, bundle_config

_HOME = tempfile.TemporaryDirectory(prefix="p2p-airflow-")
for _name in [name for name in os.environ if name.startswith(("AIRFLOW__", "P2P_"))]:
    del os.environ[_name]
os.environ.update(
    {
        "AIRFLOW_HOME": _HOME.name,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME.name}/airflow.db",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        BUNDLE_VARIABLE: bundle_config(),
    }
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import airflow  # noqa: F401

import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from datetime import UTC, date, datetime  # noqa: E402
from types import ModuleType  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402

from p2pcredit.jobs.pipelines import jobs_of  # noqa: E402

OURS = ("p2pcredit", "tests.dags")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignore warnings of Airflow and what it stands on; those that our own modules raise stay errors."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            for module in ("airflow", "sqlalchemy", "pydantic", "alembic", "structlog", "pendulum", "contextlib"):
                item.add_marker(pytest.mark.filterwarnings(rf"ignore:::{module}"))
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))


@pytest.fixture(scope="session")
def database() -> None:
    """Airflow's tables, made once."""
    from airflow.utils.db import initdb

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        initdb()


class Jobs:
    """Stand-ins for the jobs: each call is noted, and what a job gives or raises is set by the test."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.contexts: list[Any] = []
        self.gives: dict[str, Any] = {}
        self.raises: dict[str, list[Exception]] = {}
        self.told: list[tuple[str, str]] = []

    def module(self, name: str) -> ModuleType:
        """Return a module in which every function is a stand-in."""
        module = ModuleType(f"p2pcredit.jobs.{name}")
        module.__getattr__ = lambda function: self._job(f"{name}.{function}")  # type: ignore[method-assign]
        return module

    def called(self) -> list[str]:
        """List the names of the jobs that were called, in order."""
        return [name for name, _ in self.calls]

    def _job(self, name: str) -> Callable[..., Any]:
        def tell(ctx: Any, what: str, error: Exception) -> None:
            self.told.append((what, str(error)))

        def job(ctx: Any, *arguments: Any) -> Any:
            self.calls.append((name, arguments))
            self.contexts.append(ctx)
            if self.raises.get(name):
                raise self.raises[name].pop(0)
            return self.gives.get(name, {"job": name})

        return tell if name == "monitoring.alerts.alert_failure" else job


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Every module of jobs that the DAGs call, replaced."""
    stand_ins = Jobs()
    for name in {job.rpartition(".")[0] for job in jobs_of()}:
        monkeypatch.setitem(sys.modules, f"p2pcredit.jobs.{name}", stand_ins.module(name))
    return stand_ins


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory that the DAGs work in; they do not wait for data."""
    monkeypatch.setenv("P2P_HOME", str(tmp_path))
    for waits in ("P2P_WAIT_MINUTES", "P2P_FEED_WAIT_MINUTES", "P2P_MONITORING_WAIT_MINUTES"):
        monkeypatch.setenv(waits, "0")
    return tmp_path


class Ran:
    """What became of a run: its state, and each task's."""

    def __init__(self, run: Any) -> None:
        tasks = run.get_task_instances()
        self.state = str(run.state)
        self.tasks = {task.task_id: str(task.state) for task in tasks}
        self.tries = {task.task_id: task.try_number for task in tasks}

    def in_state(self, state: str) -> set[str]:
        """List the ids of the tasks in a state."""
        return {task_id for task_id, found in self.tasks.items() if found == state}


@pytest.fixture
def run_dag(database: None, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run a DAG in this process; `day` becomes its conf, else `logical_date` or nothing says when."""
    sleep = time.sleep
    # Airflow's test runner sleeps a second each time that a failure moves one task further down.
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.02)))

    def run(dag: Any, day: str | None = "2011-03-02", **options: Any) -> Ran:
        conf = options.pop("run_conf", {"snapshot_date": day} if day else {})
        logical_date = options.pop("logical_date", datetime.now(UTC))
        for task in dag.tasks:
            task.retry_delay = task.max_retry_delay = datetime.resolution
        return Ran(dag.test(run_conf=conf, logical_date=logical_date, **options))

    return run


def complete(home: Path, day: date) -> None:
    """Say that the gold tables of a day are complete."""
    receipt = home / "scripts/datamart/gold/completed_days" / f"{day:%Y}" / f"{day:%Y_%m_%d}.json"
    receipt.parent.mkdir(parents=True, exist_ok=True)
    receipt.write_text(json.dumps({"day": day.isoformat()}), encoding="utf-8")


@pytest.fixture
def complete_day(home: Path) -> Callable[[date], None]:
    """Says that the gold tables of a day are complete."""
    return lambda day: complete(home, day)
