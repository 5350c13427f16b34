"""Metrics of the loans through Airflow's own StatsD or OpenTelemetry: emitted after a job's receipt, never failing it.

Names hold the feed, as plain StatsD has no tags. Airflow puts its prefix (`[metrics] statsd_prefix`) before them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from airflow.sdk.observability import stats

from p2pcredit.jobs.context import JobContext

log = logging.getLogger(__name__)

PREFIX = "p2pcredit."


def emit_metrics(job: str, receipt: Mapping[str, Any], ctx: JobContext, day: date) -> None:
    """Emit the gauges that a job's receipt gives. Where that goes wrong, the log says so and the task goes on.

    Args:
        job: `module.function` under `p2pcredit.jobs`.
        receipt: What it returned, as JSON values.
        ctx: The context that it was called with.
        day: The snapshot date of the run.
    """
    try:
        for name, value in measured(job, receipt, ctx, day).items():
            if value is not None and math.isfinite(value):
                stats.gauge(PREFIX + name, value)
    except Exception as error:
        log.warning("metrics of %s could not be emitted (%s)", job, type(error).__name__)


def measured(job: str, receipt: Mapping[str, Any], ctx: JobContext, day: date) -> dict[str, float | None]:
    """Collect what is measured after a job; a value that is not known is None, and is not emitted.

    Args:
        job: `module.function` under `p2pcredit.jobs`.
        receipt: What it returned, as JSON values.
        ctx: The context that it was called with.
        day: The snapshot date of the run.

    Returns:
        Name, without the prefix, to value: rows, loans, whole days, or an AUC from 0 to 1.
    """
    if job == "preprocessing.stages.refine_silver":
        feed = receipt["feed"]
        return {f"rows_in.{feed}": receipt["rows_in"], f"rows_quarantined.{feed}": receipt["quarantined"]}
    if job == "preprocessing.stages.complete_days":
        return {"days_behind": _days_behind(ctx)}
    if job == "scoring.score.score_day":
        return {"loans_scored": receipt["scored"] + receipt["caught_up"], "days_behind": _days_behind(ctx)}
    if job in {"training.retrain.check_retraining", "monitoring.steps.write_retraining_decision"}:
        return {"decision_age_days": _decision_age(ctx)}
    if job == "monitoring.steps.calculate_metrics":
        return _auc(ctx, day)
    return {}


def _days_behind(ctx: JobContext) -> float | None:
    """Count the days between the newest complete day and yesterday; 0 where yesterday is complete."""
    from p2pcredit.storage.tables.day_receipts import last_complete

    last = last_complete(ctx.layout)
    return None if last is None else max(0, (ctx.at.date() - timedelta(days=1) - last).days)


def _decision_age(ctx: JobContext) -> float | None:
    current = ctx.ledger.state().current
    return None if current is None else (ctx.at.date() - current.decision.decision_date).days


def _auc(ctx: JobContext, week_end: date) -> dict[str, float | None]:
    from p2pcredit.contracts.tables import MONITORING
    from p2pcredit.periods import DateRange
    from p2pcredit.storage.tables.lake import Lake

    rows = Lake(ctx.layout).read(MONITORING, DateRange(week_end, week_end))
    for row in rows.iter_rows(named=True):
        if (row["metric"], row["segment"]) == ("auc", "all"):
            return {"auc": row["value"], "auc_low": row["low"], "auc_high": row["high"]}
    return {}
