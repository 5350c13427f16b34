"""The three pipelines as data: ids, schedules, steps, branches, joins, and which job each step calls.

Everything that runs, lists or draws a pipeline reads it here: the DAG files (`orchestration.builder`), `replay`, the
commands `preprocess`, `train`, `infer` and `monitor`, the demo, the crash kit, and the page `pipelines.md` of the
reference. Nothing heavy is imported, since Airflow reads the DAG files again and again.

To add a gold table, write its contract in `contracts/tables.py`, which names its job, and the job in a module of
`jobs/preprocessing`: the group `gold_processing` has a step for each such table. To add a DAG, add a `Pipeline` to
`PIPELINES`, and its jobs: `orchestration/dags/further_pipelines.py` builds each pipeline that has no file of its own.
`replay` then walks the pipeline too, in the order of the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from itertools import chain

from p2pcredit.contracts.feeds import ALL_FEEDS
from p2pcredit.contracts.tables import TABLES
from p2pcredit.jobs.pipeline_graph import Branch, Group, Kind, Pipeline, Step, WaitsFor

FEATURES, LABELS, PREDICTIONS = "gold/feature_store", "gold/label_store", "gold/predictions"
MEASUREMENTS = "gold/monitoring"
DECISION = "decision/retraining"
REPORT = "report/weekly"


def _of_each_feed(job: str, *, writes: bool = True, waits_for: WaitsFor | None = None) -> tuple[Step, ...]:
    return tuple(
        Step(
            name,
            job,
            feed=name,
            span=True,
            command="preprocess",
            writes=writes,
            waits_for=None if feed.optional else waits_for,
        )
        for name, feed in ALL_FEEDS.items()
    )


def _of_each_table_built_from_silver() -> tuple[Step, ...]:
    return tuple(
        Step(table.name.rpartition("/")[2], table.job, span=True, command="preprocess", outputs=(table.name,))
        for table in TABLES.values()
        if table.job
    )


PREPROCESSING = Pipeline(
    dag_id="P2PCreditScore_DataPreprocessing",
    cron="0 1 * * *",
    tag="preprocessing",
    parts=(
        Step("start", "preprocessing.catch_up.make_up_days"),
        Group(
            "source_data_checks",
            ("start",),
            _of_each_feed("preprocessing.source_checks.check_source", writes=False, waits_for=WaitsFor.FEED),
        ),
        Group("bronze_processing", ("source_data_checks",), _of_each_feed("preprocessing.stages.load_bronze")),
        Group("silver_processing", ("bronze_processing",), _of_each_feed("preprocessing.stages.refine_silver")),
        Group(
            "gold_processing",
            ("silver_processing",),
            _of_each_table_built_from_silver(),
        ),
        Step("end", "preprocessing.stages.complete_days", after=("gold_processing",), span=True, command="preprocess"),
    ),
)

INFERENCE = Pipeline(
    dag_id="P2PCreditScore_ModelTrainingInference",
    cron="0 2 * * *",
    tag="inference",
    parts=(
        Step("wait_for_preprocessing", kind=Kind.WAIT_FOR_DAY),
        Step(
            "check_inference_condition",
            after=("wait_for_preprocessing",),
            kind=Kind.CHECK_DAY,
            branch=Branch("complete", yes="check_retraining_needed", no="skip_inference"),
        ),
        Step("skip_inference", after=("check_inference_condition",)),
        Step(
            "check_retraining_needed",
            "training.retrain.check_retraining",
            after=("check_inference_condition",),
            branch=Branch("retrain", yes="train_model_task", no="skip_retraining"),
            command="train",
        ),
        Step("skip_retraining", after=("check_retraining_needed",)),
        Step(
            "train_model_task",
            "training.retrain.train_if_due",
            after=("check_retraining_needed",),
            command="train",
            reads=(FEATURES, LABELS, DECISION),
        ),
        Step(
            "get_model",
            "scoring.champions.get_model",
            after=("skip_retraining", "train_model_task"),
            joins=True,
            command="infer",
            writes=False,
        ),
        Step(
            "run_inference",
            "scoring.score.score_day",
            after=("get_model",),
            command="infer",
            reads=(FEATURES,),
            outputs=(PREDICTIONS,),
        ),
        Step(
            "clear_decision",
            "decisions.clear_decision",
            after=("run_inference",),
            command="train",
            reads=(DECISION,),
            outputs=(DECISION,),
        ),
        Step("log_retraining", "training.retrain.log_retraining", after=("clear_decision",), command="train"),
        Step("end", after=("log_retraining", "skip_inference"), joins=True),
    ),
)

MONITORING = Pipeline(
    dag_id="P2PCreditScore_ModelMonitoring",
    cron="0 6 * * 0",
    tag="monitoring",
    parts=(
        Step(
            "check_monitoring",
            "monitoring.steps.check_monitoring",
            branch=Branch("monitor", yes="get_week_end_date", no="skip_monitoring"),
            command="monitor",
            waits_for=WaitsFor.WEEK,
        ),
        Step("skip_monitoring", after=("check_monitoring",)),
        Step("get_week_end_date", after=("check_monitoring",), kind=Kind.NAME_DAY),
        Step(
            "get_model",
            "scoring.champions.get_monitored_model",
            after=("get_week_end_date",),
            command="monitor",
            writes=False,
        ),
        Step(
            "calculate_metrics",
            "monitoring.steps.calculate_metrics",
            after=("get_model",),
            branch=Branch("report", yes="generate_report", no="skip_report"),
            command="monitor",
            shares_week=True,
            reads=(PREDICTIONS, LABELS, FEATURES),
            outputs=(MEASUREMENTS,),
        ),
        Step("skip_report", after=("calculate_metrics",)),
        Step(
            "generate_report",
            "monitoring.report.generate_report",
            after=("calculate_metrics",),
            command="monitor",
            shares_week=True,
            reads=(MEASUREMENTS, PREDICTIONS, LABELS),
            outputs=(REPORT,),
        ),
        Step(
            "write_retraining_decision",
            "monitoring.steps.write_retraining_decision",
            after=("generate_report",),
            command="monitor",
            shares_week=True,
            reads=(MEASUREMENTS,),
            outputs=(DECISION,),
        ),
        Step(
            "send_alerts",
            "monitoring.alerts.send_alerts",
            after=("write_retraining_decision",),
            command="monitor",
            writes=False,
        ),
        Step("end", after=("send_alerts", "skip_monitoring", "skip_report"), joins=True),
    ),
)

PIPELINES: tuple[Pipeline, ...] = (PREPROCESSING, INFERENCE, MONITORING)
"""All pipelines. Of a night, they are walked in the order of the clock."""


Due = Callable[[date], list[tuple[Pipeline, datetime]]]
"""Gives the pipelines that work on a snapshot date, each with the instant at which it fires, in that order."""


def due_after(day: date) -> list[tuple[Pipeline, datetime]]:
    """List the pipelines that work on a snapshot date, each with the instant at which it fires, in that order.

    Examples:
        >>> [f"{pipeline.tag} {at:%a %H:%M}" for pipeline, at in due_after(date(2024, 1, 13))]
        ['preprocessing Sun 01:00', 'inference Sun 02:00', 'monitoring Sun 06:00']
    """
    due = [(pipeline, at) for pipeline in PIPELINES if (at := pipeline.fires_after(day)) is not None]
    return sorted(due, key=lambda run: run[1])


def jobs_of(pipelines: tuple[Pipeline, ...] = PIPELINES) -> Mapping[str, Step]:
    """Map each job that a pipeline calls to the first step that calls it, in the order of the steps."""
    found: dict[str, Step] = {}
    for step in chain.from_iterable(pipeline.steps for pipeline in pipelines):
        if step.job is not None:
            found.setdefault(step.job, step)
    return found
