"""What tasks emit through Airflow's metrics, and that they never fail for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from airflow.sdk.observability import stats

from p2pcredit.contracts.tables import MONITORING
from p2pcredit.jobs.context import JobContext
from p2pcredit.orchestration.runs.metrics import emit_metrics
from p2pcredit.orchestration.runs.task_runtime import call_job
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

DAY = date(2011, 3, 5)


@pytest.fixture
def gauges(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    found: dict[str, float] = {}
    backend = SimpleNamespace(gauge=lambda name, value, **_: found.__setitem__(name, value))
    monkeypatch.setattr("airflow.sdk._shared.observability.metrics.stats._backend", backend)
    return found


@pytest.fixture
def ctx(home: Path) -> JobContext:
    return JobContext(Layout(home), Settings(), "run", datetime(2011, 3, 9, 2, tzinfo=UTC))


def test_rows_of_a_feed_are_emitted_under_its_name(gauges: dict[str, float], ctx: JobContext) -> None:
    receipt = {"feed": "loan_terms", "rows_in": 46, "quarantined": 5}
    emit_metrics("preprocessing.stages.refine_silver", receipt, ctx, DAY)
    assert gauges == {"p2pcredit.rows_in.loan_terms": 46, "p2pcredit.rows_quarantined.loan_terms": 5}


def test_scored_loans_and_the_days_behind_are_emitted(
    gauges: dict[str, float], ctx: JobContext, complete_day: Callable[[date], None]
) -> None:
    complete_day(DAY)
    emit_metrics("scoring.score.score_day", {"scored": 40, "caught_up": 2}, ctx, DAY)
    assert gauges == {"p2pcredit.loans_scored": 42, "p2pcredit.days_behind": 3}


def test_the_auc_comes_with_its_interval_and_a_bound_that_is_not_known_is_left_out(
    gauges: dict[str, float], ctx: JobContext
) -> None:
    empty = dict.fromkeys(MONITORING.schema) | {"snapshot_date": DAY, "week_end_date": DAY, "model_id": "m", "n": 9}
    row = empty | {"metric": "auc", "segment": "all", "value": 0.68, "low": 0.61, "status": "pass", "note": ""}
    other = row | {"segment": "term=36", "value": 0.5}
    rows = pl.DataFrame([other, row], schema=MONITORING.schema)
    Lake(ctx.layout).replace(MONITORING, rows, DateRange(DAY, DAY))
    emit_metrics("monitoring.steps.calculate_metrics", {"metrics": 2}, ctx, DAY)
    assert gauges == {"p2pcredit.auc": 0.68, "p2pcredit.auc_low": 0.61}


def test_a_home_without_a_decision_emits_no_age(gauges: dict[str, float], ctx: JobContext) -> None:
    emit_metrics("training.retrain.check_retraining", {"retrain": False}, ctx, DAY)
    assert gauges == {}


def test_metrics_that_cannot_be_emitted_fail_no_task(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(stats, "gauge", broken)
    with caplog.at_level(logging.WARNING):
        emit_metrics("preprocessing.stages.refine_silver", {"feed": "f", "rows_in": 1, "quarantined": 0}, ctx, DAY)
    assert "could not be emitted (OSError)" in caplog.text


def test_a_job_reports_its_progress_in_the_tasks_log(
    home: Path, jobs: Any, gauges: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    run = SimpleNamespace(
        dag_id="dag", run_id="run", conf={"snapshot_date": str(DAY)}, logical_date=None, run_after=datetime.now(UTC)
    )
    context: Any = {"dag_run": run}
    with caplog.at_level(logging.INFO):
        call_job("training.retrain.train_if_due", context)
        jobs.contexts[-1].progress("xgboost (matured) fitted", 2, 5)
    assert "xgboost (matured) fitted (2 of 5)" in caplog.text
