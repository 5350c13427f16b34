"""What a DAG file names of the jobs: which day a run has, and calls that load the jobs where a task runs.

Airflow reads DAG files every few seconds, so nothing here imports a job before a task calls it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn

from p2pcredit.orchestration.runs.run_dates import run_instant, snapshot_date

if TYPE_CHECKING:
    from airflow.sdk import Context


def day_of(context: Context) -> date:
    """Return the snapshot date that the run of this task works on.

    Raises:
        UsageError: If the run's conf asks for something that is not a date.
    """
    run = context["dag_run"]
    return snapshot_date(run.conf, run_instant(run.logical_date, run.run_after), run.run_after)


def call_job(job: str, context: Context, *, feed: str | None = None, span: bool = False) -> dict[str, Any]:
    """Do the work of one task: see `task_runtime.call_job`."""
    from p2pcredit.orchestration.runs import task_runtime

    return task_runtime.call_job(job, context, feed=feed, span=span)


def report_failure(context: Context) -> None:
    """Report a task that failed for good: see `task_runtime.report_failure`."""
    from p2pcredit.orchestration.runs import task_runtime

    task_runtime.report_failure(context)


def raise_for_airflow(what: str, error: BaseException) -> NoReturn:
    """Raise an error as Airflow is to see it: see `task_runtime.raise_for_airflow`."""
    from p2pcredit.orchestration.runs import task_runtime

    task_runtime.raise_for_airflow(what, error)
