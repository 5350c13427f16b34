"""How a task calls a job: with which settings and what time, which errors Airflow may try again, what alerts say.

It imports the jobs' side of the house, so it is loaded where a task runs, and not where a DAG file is read.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRuntimeError
from airflow.sdk.log import mask_secret

from p2pcredit.errors import HomeError, SettingsError
from p2pcredit.jobs import walking
from p2pcredit.jobs.checked_settings import settings_of
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.failures import domain_error, is_panic
from p2pcredit.orchestration.runs.job_calls import day_of
from p2pcredit.orchestration.runs.metrics import emit_metrics
from p2pcredit.orchestration.runs.run_dates import job_instant, run_instant
from p2pcredit.orchestration.runs.run_home import enter_home, home_of_process
from p2pcredit.orchestration.settings.schedules import simulated_time
from p2pcredit.settings import Settings
from p2pcredit.storage.home import resolve_home
from p2pcredit.storage.layout import Layout
from p2pcredit.text import one_line

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class UnforeseenFailure(AirflowFailException):
    """An error that no job foresees: it may quote a borrower's values, so an alert names its type alone.

    Args:
        what: Which job broke.
        kind: The type of the error.
        message: Its text, for the task's log.
    """

    def __init__(self, what: str, kind: str, message: str) -> None:
        super().__init__(f"{what}: {kind}: {message}")
        self.without_values = f"{what}: {kind}; see the task's log"


def job_context(context: Context) -> JobContext:
    """Build the context of a job of this run. Alert addresses are masked in the log from here on.

    Raises:
        SettingsError: If a setting of the home or of the environment is wrong.
    """
    home = home_of_process()
    settings = settings_of(home)
    for url in settings.alerts.urls:
        mask_secret(url.get_secret_value())
    run = context["dag_run"]
    fired_at = run_instant(run.logical_date, run.run_after)
    return JobContext(
        layout=Layout(home),
        settings=settings,
        run_id=f"{run.dag_id}.{run.run_id}",
        at=job_instant(fired_at, _utc_now(), simulated=simulated_time(os.environ)),
        caller=Caller.SCHEDULED,
        clock=_utc_now,
        logical_at=run.logical_date,
        progress=_log_progress,
    )


def _log_progress(what: str, done: int, of: int | None) -> None:
    """Write a line of progress into the task's log: in a training one for each candidate."""
    if what:
        log.info("%s (%d of %s)", what, done, "an unknown number" if of is None else of)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def report_failure(context: Context) -> None:
    """Report a task that failed for good: in the activity file and on every alert channel. It never fails itself.

    Airflow calls it when no try is left, also where a task's process was killed.
    """
    try:
        from p2pcredit.jobs.monitoring.alerts import alert_failure  # loads Polars, which most tasks go without

        task = context["task_instance"]
        cause = context.get("exception")
        error = cause if isinstance(cause, Exception) else RuntimeError(str(cause or "its process ended; see its log"))
        alert_failure(_failure_context(context), f"{task.dag_id}.{task.task_id} of {task.run_id}", error)
    except Exception as error:
        log.warning("the failure could not be sent to the alert channels (%s)", type(error).__name__)


def _failure_context(context: Context) -> JobContext:
    """Build the context of the failed job; where its settings are what is wrong, a plain one without channels."""
    try:
        return job_context(context)
    except (SettingsError, HomeError):
        layout, run_id = Layout(resolve_home(None, os.environ, Path.cwd())), context["dag_run"].run_id
        return JobContext(layout, Settings(), run_id, _utc_now(), caller=Caller.SCHEDULED, clock=_utc_now)


def call_job(job: str, context: Context, *, feed: str | None = None, span: bool = False) -> dict[str, Any]:
    """Do the work of one task.

    Args:
        job: `module.function` under `p2pcredit.jobs`, imported here.
        context: Airflow's context of the task.
        feed: The feed, for jobs of one feed.
        span: Whether the job takes a range of days (here one day) or the day itself.

    Returns:
        The job's receipt, as JSON values that Airflow can keep, with `home_id` and `home_format`.

    Raises:
        P2PCreditError: If the job failed in a way that trying again may heal.
        AirflowRuntimeError: If Airflow's API server did not answer; Airflow tries again.
        AirflowFailException: If it failed in any other way; Airflow does not try again.
    """
    try:
        day, home = day_of(context), enter_home(context)
        ctx = job_context(context)
        receipt: dict[str, Any] = json_safe(walking.call_job(ctx, job, day, feed=feed, span=span))
        receipt |= home.as_facts()
    except Exception as error:
        raise_for_airflow(job, error)
    except BaseException as error:
        if not is_panic(error):
            raise
        raise_for_airflow(job, error)
    log.info("%s: %s", job, receipt)
    emit_metrics(job, receipt, ctx, day)
    return receipt


def raise_for_airflow(what: str, error: BaseException) -> NoReturn:
    """Raise an error so that Airflow tries again what can heal, and nothing else.

    Raises:
        P2PCreditError: The error itself, where its type says that it may heal.
        AirflowException, AirflowRuntimeError: The error itself, where it is Airflow's own. The second is what a task
            gets to see of an API server that is away or has no database, and is no kind of the first.
        AirflowFailException: In place of any other, with a one-line message.
    """
    if isinstance(error, AirflowException | AirflowRuntimeError):
        raise error
    known = domain_error(error)
    message = message_of(known or error)
    if known is not None:
        if known.retryable:
            log.warning("%s may heal: %s", what, message)
            raise known.with_traceback(None) from None
        failure = AirflowFailException(message)
        if (for_alerts := getattr(known, "without_values", None)) is not None:
            setattr(failure, "without_values", message_of(ValueError(for_alerts)))  # noqa: B010, Airflow's type has none
        raise failure from None
    raise UnforeseenFailure(f"{what} broke", type(error).__name__, message) from error


def message_of(error: BaseException, limit: int = 500) -> str:
    """Return the message of an error in one line.

    Examples:
        >>> message_of(ValueError("two\\n  lines"))
        'two lines'
        >>> message_of(ValueError())
        'ValueError'
    """
    return one_line(str(error), limit) or type(error).__name__


def json_safe(value: Any) -> Any:
    """Convert a receipt to JSON values: dates and paths as text, NaN and infinities as null.

    Examples:
        >>> json_safe({"day": date(2011, 3, 2), "auc": float("nan"), "n": 3})
        {'day': '2011-03-02', 'auc': None, 'n': 3}
    """
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_safe(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
