"""A stretch of past days, scheduled and run by Airflow itself: the real scheduler makes each run."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from types import FrameType
from typing import Any

from p2pcredit.errors import ServiceError, UsageError
from p2pcredit.jobs.pipelines import MONITORING, PIPELINES
from p2pcredit.local_airflow.airflow import down, free_port, is_up, up
from p2pcredit.local_airflow.client import FINISHED_RUN_STATES, AirflowClient
from p2pcredit.local_airflow.settings import PAUSED_VARIABLE
from p2pcredit.orchestration.runs.run_dates import run_instant, snapshot_date
from p2pcredit.orchestration.settings.schedules import (
    CATCHUP_VARIABLE,
    END_VARIABLE,
    MONITORING_WAIT_VARIABLE,
    SIMULATED_VARIABLE,
    START_VARIABLE,
    WAIT_VARIABLE,
)

SECONDS_PER_DAY = 240.0
"""How long one day of three DAGs may take before it is called stuck."""

WAIT_MINUTES = "5"
"""How long scoring waits for a day: past days are there at once or, where their preprocessing failed, never."""

DAILY = tuple(pipeline.dag_id for pipeline in PIPELINES if pipeline.weekday is None)
"""The DAGs that run each day, in the order of the clock."""

FIRST_RUN_AT = max(pipeline.at for pipeline in PIPELINES if pipeline.weekday is None).hour + 1
"""The hour of the first Sunday from which runs are made: after those of the daily DAGs, before monitoring's."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What became of one run.

    Args:
        dag_id, run_id: Which run.
        snapshot_date: The day it worked on; for monitoring the last day of its week.
        state: `success` or `failed`.
        path: Tasks that succeeded, in the order in which they ended: the way it took through the branches.
        failed: Tasks that failed.
        skipped: Tasks that a branch passed over.
    """

    dag_id: str
    run_id: str
    snapshot_date: date
    state: str
    path: list[str]
    failed: list[str]
    skipped: list[str] = field(default_factory=list)


def run_scheduled_days(
    home: Path,
    first_monitoring_sunday: date,
    last_day: date,
    env: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    *,
    port: int | None = None,
    timeout: float | None = None,
) -> list[RunSummary]:
    """Let Airflow's scheduler run the past: one monitoring on a Sunday, then each day's preprocessing and scoring.

    Airflow is started with the DAGs' start on that Sunday at 03:00 UTC, their end late on the day after `last_day`, and
    catch-up on; jobs reckon with the time of each run. Monitoring runs first, as it would have, then the days in order.
    The DAGs are then paused, so that an
    Airflow that is started on this home later makes no run of a day without files. Airflow is taken down again whatever
    happens.

    Args:
        home: A home whose landing files cover the days, and whose earlier days are processed.
        first_monitoring_sunday: A Sunday; the first snapshot date too.
        last_day: The last snapshot date, at most five days after that Sunday: then the next monitoring would be due.
        env: Variables for all of Airflow's processes.
        progress: Called with one line at each step and as each run ends.
        port: Port of the web pages; a free one where None.
        timeout: Seconds for all runs together; by default a few minutes a day.

    Returns:
        One summary per run, monitoring first, then day by day, preprocessing before scoring.

    Raises:
        UsageError: If the dates are not as above, or an Airflow of this home is up already.
        ServiceError: If a run is missing or unfinished when time is up; it names them.
    """
    _check_dates(first_monitoring_sunday, last_day)
    if is_up(home):
        raise UsageError("the local Airflow of this home is up; take it down first: p2pcredit airflow down")
    report = progress or (lambda line: None)
    days = [first_monitoring_sunday + timedelta(days=n) for n in range((last_day - first_monitoring_sunday).days + 1)]
    span = {
        START_VARIABLE: datetime.combine(first_monitoring_sunday, clock_time(FIRST_RUN_AT), UTC).isoformat(),
        END_VARIABLE: datetime.combine(last_day + timedelta(days=1), clock_time(23), UTC).isoformat(),
        CATCHUP_VARIABLE: "1",
        SIMULATED_VARIABLE: "1",
        WAIT_VARIABLE: WAIT_MINUTES,
        MONITORING_WAIT_VARIABLE: WAIT_MINUTES,
        PAUSED_VARIABLE: "True",
    }
    with _terminated_as_interrupt():
        try:
            airflow = up(home, port or free_port(), extra_env={**span, **(env or {})}, progress=report)
            report(f"Airflow is up at {airflow.url}")
            client = airflow.client()
            deadline = time.monotonic() + (timeout or SECONDS_PER_DAY * (len(days) + 1))
            week_end = first_monitoring_sunday - timedelta(days=1)
            client.set_paused(MONITORING.dag_id, False)
            monitored = _await_runs(client, {MONITORING.dag_id: [week_end]}, deadline, report)
            for dag_id in DAILY:
                client.set_paused(dag_id, False)
            daily = _await_runs(client, dict.fromkeys(DAILY, days), deadline, report)
            for dag_id in (*DAILY, MONITORING.dag_id):
                client.set_paused(dag_id, True)
        finally:
            report("taking Airflow down")
            down(home)
    return monitored + sorted(daily, key=lambda run: (run.snapshot_date, DAILY.index(run.dag_id)))


def _check_dates(sunday: date, last_day: date) -> None:
    if sunday.weekday() != MONITORING.weekday:
        raise UsageError(f"{sunday} is a {sunday:%A}; monitoring runs on Sundays, so choose one")
    if not sunday <= last_day <= sunday + timedelta(days=5):
        raise UsageError(f"the last day is {last_day}; choose one from {sunday} to {sunday + timedelta(days=5)}")
    if last_day >= datetime.now(UTC).date() - timedelta(days=1):
        raise UsageError(f"the last day is {last_day}, whose runs are not due yet; choose an earlier one")


def _await_runs(
    client: AirflowClient, expected: Mapping[str, list[date]], deadline: float, report: Progress
) -> list[RunSummary]:
    missing = {(dag_id, day) for dag_id, days in expected.items() for day in days}
    done: list[RunSummary] = []
    while missing:
        for dag_id in expected:
            for run in client.runs(dag_id):
                day = _day_of(run)
                if (dag_id, day) in missing and run["state"] in FINISHED_RUN_STATES:
                    summary = _summary(client, dag_id, day, run)
                    done.append(summary)
                    missing.discard((dag_id, day))
                    way = " > ".join(task for task in summary.path if "." not in task)
                    report(f"{dag_id} {day}: {summary.state} ({way})")
        if missing and time.monotonic() > deadline:
            named = ", ".join(f"{dag_id} {day}" for dag_id, day in sorted(missing)[:6])
            raise ServiceError(f"time is up and {len(missing)} runs have not ended ({named}); see Airflow's logs")
        if missing:
            time.sleep(1.0)
    return done


def _day_of(run: Mapping[str, Any]) -> date:
    logical = run.get("logical_date")
    fired_at = run_instant(
        None if logical is None else datetime.fromisoformat(logical), datetime.fromisoformat(run["run_after"])
    )
    return snapshot_date(run.get("conf"), fired_at)


def _summary(client: AirflowClient, dag_id: str, day: date, run: Mapping[str, Any]) -> RunSummary:
    tasks = client.task_instances(dag_id, str(run["dag_run_id"]))

    def in_state(*states: str) -> list[str]:
        return [str(task["task_id"]) for task in tasks if task["state"] in states]

    return RunSummary(
        dag_id=dag_id,
        run_id=str(run["dag_run_id"]),
        snapshot_date=day,
        state=str(run["state"]),
        path=in_state("success"),
        failed=in_state("failed", "upstream_failed"),
        skipped=in_state("skipped"),
    )


@contextlib.contextmanager
def _terminated_as_interrupt() -> Iterator[None]:
    """Turn SIGTERM into an interrupt while Airflow is up, so that it is taken down first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
