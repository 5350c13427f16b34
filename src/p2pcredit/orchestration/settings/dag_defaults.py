"""What the three DAGs have in common: start, catch-up, retries, tags."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from p2pcredit.orchestration.runs.job_calls import report_failure
from p2pcredit.orchestration.settings.dag_settings import task_defaults
from p2pcredit.orchestration.settings.schedules import retrying, schedule_span

MAX_RETRY_DELAY = timedelta(minutes=5)

OWNER = "p2pcredit"
"""Shown as the owner of each DAG, and what the list of DAGs can be searched by."""

RUNS_AT_ONCE = 8
"""How many runs of a DAG may be active: a run that waits for its data keeps no run by hand of another date back. What
two of them write is kept apart by the locks of tables, ledger and training."""


def dag_arguments(tag: str, doc: str | None, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Build the arguments that every DAG of this package shares: all but its id and its schedule.

    Several runs of a DAG may be active, of which the scheduler makes one a day. Where it catches up on the past, one
    may be, so that days are worked on in order. A task is tried again when its process was killed and after an error
    that may heal: `call_job` turns every other into one that Airflow gives up on at once. A task that fails for good
    is reported to the alert channels.

    Args:
        tag: What the DAG is about, beside the package's own tag.
        doc: Text shown on the DAG's page; its first line is shown in the list of DAGs.
        environ: Where the variables of `schedules` are read; the process's own where None.

    Raises:
        SettingsError: If one of them is wrong; Airflow shows it as an import error of the DAG file.
    """
    environ = os.environ if environ is None else environ
    span, retries = schedule_span(environ), retrying(environ)
    return {
        "start_date": span.start,
        "end_date": span.end,
        "catchup": span.catchup,
        "max_active_runs": 1 if span.catchup else RUNS_AT_ONCE,
        "tags": ["p2pcredit", tag],
        "description": None if doc is None else doc.partition("\n")[0],
        "doc_md": doc,
        "default_args": {
            "owner": OWNER,
            "retries": retries.times,
            "retry_delay": retries.delay,
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": max(MAX_RETRY_DELAY, retries.delay),
            "on_failure_callback": report_failure,
            **task_defaults(environ),
        },
    }
