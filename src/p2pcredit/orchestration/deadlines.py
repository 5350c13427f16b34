"""Alert of a run that is not finished by its deadline; Airflow calls this in the triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference


def alert_after(interval: timedelta) -> DeadlineAlert:
    """Build the deadline of a DAG: counted from when a run was queued, which a run by hand has too.

    Args:
        interval: How long a run may take.
    """
    minutes = interval.total_seconds() / 60
    callback = AsyncCallback(report_missed_deadline, kwargs={"minutes": minutes})
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, interval, callback)


async def report_missed_deadline(minutes: float, context: Mapping[str, Any] | None = None) -> None:
    """Say to the alert channels and in the activity file that a run is late. The run goes on.

    Args:
        minutes: The deadline, in minutes after the run was queued.
        context: What Airflow says of the run: `dag_run`, a mapping.
    """
    run = (context or {}).get("dag_run") or {}
    what = f"{run.get('dag_id', 'a DAG')} of {run.get('dag_run_id', 'a run')}"
    await asyncio.to_thread(_report, what, str(run.get("dag_run_id", "")), minutes)


def _report(what: str, run_id: str, minutes: float) -> None:
    from p2pcredit.errors import P2PCreditError  # the triggerer loads the jobs only where there is something to say
    from p2pcredit.jobs.checked_settings import settings_of
    from p2pcredit.jobs.context import Caller, JobContext
    from p2pcredit.jobs.monitoring.alerts import alert_failure
    from p2pcredit.orchestration.runs.run_home import home_of_process
    from p2pcredit.storage.layout import Layout

    home, now = home_of_process(), datetime.now(UTC)
    ctx = JobContext(Layout(home), settings_of(home), run_id, now, caller=Caller.SCHEDULED)
    late = P2PCreditError(f"not finished {minutes:g} minutes after it was queued (P2P_DAG_DEADLINE_MINUTES)")
    alert_failure(ctx, what, late)


__all__ = ["alert_after", "report_missed_deadline"]
