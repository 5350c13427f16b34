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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from enum import StrEnum
from itertools import chain

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import TABLES

FEATURES, LABELS, PREDICTIONS = "gold/feature_store", "gold/label_store", "gold/predictions"
MEASUREMENTS = "gold/monitoring"
DECISION = "decision/retraining"
REPORT = "report/weekly"


class Kind(StrEnum):
    """What a step does: call a job, mark a place in the graph, or ask about the day that the run works on."""

    JOB = "job"
    PLACE = "place"
    WAIT_FOR_DAY = "wait for the day"
    CHECK_DAY = "check the day"
    NAME_DAY = "name the day"


class WaitsFor(StrEnum):
    """What a scheduled task that calls a job waits for first, until a deadline; a walk in one process never waits."""

    FEED = "its feed has landed"
    WEEK = "the week's last day is complete and scored"


@dataclass(frozen=True, slots=True)
class Branch:
    """Where to go after a step.

    Args:
        field: The field of the step's receipt that decides. Only a plain True leads to `yes`.
        yes, no: Names of steps; the other one is skipped.
    """

    field: str
    yes: str
    no: str


@dataclass(frozen=True, slots=True)
class Step:
    """One task of a pipeline.

    Args:
        name: Its task id, within its group.
        job: `module.function` under `p2pcredit.jobs`; None for a step without one.
        after: The steps and groups that it comes after.
        feed: The feed, for a job of one feed; it is the job's first argument after the context.
        span: Whether the job takes a range of days, or the snapshot date itself.
        branch: Where to go after it.
        joins: Whether it runs where none of the steps before it failed and at least one succeeded. Else all must have
            succeeded.
        kind: What it does.
        command: The command that runs it by hand; None where no command does.
        writes: Whether the job writes anything but the activity log.
        shares_week: Whether the job takes `week`, what was known at the end of a monitoring week, so that several steps
            in one process read it once.
        waits_for: What a scheduled task waits for before it calls the job; None where it does not wait.
        reads, outputs: Names of the data assets that the job reads and writes, such as `gold/feature_store`: of the
            gold tables, the decision and the report alone. Other DAGs may be scheduled on what is written.
    """

    name: str
    job: str | None = None
    after: tuple[str, ...] = ()
    feed: str | None = None
    span: bool = False
    branch: Branch | None = None
    joins: bool = False
    kind: Kind = Kind.PLACE
    command: str | None = None
    writes: bool = True
    shares_week: bool = False
    waits_for: WaitsFor | None = None
    reads: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.job is not None:
            object.__setattr__(self, "kind", Kind.JOB)

    @property
    def function(self) -> str | None:
        """The name of the job's function alone; None for a step without a job."""
        return None if self.job is None else self.job.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Group:
    """Steps that do not wait for each other.

    Args:
        name: The group's id; the ids of its tasks are `group.step`.
        after: The steps and groups that all of them come after.
        steps: The steps, each without an `after` of its own.
    """

    name: str
    after: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """A step with its full task id and those of the tasks right before it."""

    task_id: str
    step: Step
    upstream: tuple[str, ...]


@dataclass(frozen=True)
class Pipeline:
    """One DAG.

    Args:
        dag_id: Its id in Airflow.
        cron: When it runs, in UTC: `minute hour * * weekday`, minute and hour as numbers, the weekday 0 (Sunday) to 6
            or `*`.
        tag: What it is about, in a word.
        parts: Its steps and groups, each after those that it names in `after`.
        doc: Text for its DAG's page, the first line for the list of DAGs. A pipeline with a DAG file of its own has it
            there.

    Raises:
        ValueError: If two steps share a name, a step comes after one that is not listed before it, a branch leads to
            a step that does not follow it alone, or the schedule is of another form.

    Examples:
        >>> INFERENCE.fires_after(date(2024, 1, 14)).isoformat()
        '2024-01-15T02:00:00+00:00'
        >>> MONITORING.fires_after(date(2024, 1, 14)) is None
        True
        >>> [task.task_id for task in MONITORING.tasks][:2]
        ['check_monitoring', 'skip_monitoring']
    """

    dag_id: str
    cron: str
    tag: str
    parts: tuple[Step | Group, ...]
    doc: str = ""
    tasks: tuple[Task, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ids: dict[str, tuple[str, ...]] = {}
        tasks: list[Task] = []
        for part in self.parts:
            if part.name in ids or not set(part.after) <= set(ids):
                raise ValueError(f"{self.dag_id}: list {part.name} once, below {', '.join(part.after)}")
            upstream = tuple(chain.from_iterable(ids[name] for name in part.after))
            named = (
                [(part.name, part)] if isinstance(part, Step) else [(f"{part.name}.{s.name}", s) for s in part.steps]
            )
            tasks += [Task(task_id, step, upstream) for task_id, step in named]
            ids[part.name] = tuple(task_id for task_id, _ in named)
        object.__setattr__(self, "tasks", tuple(tasks))
        for task in tasks:
            branch = task.step.branch
            below = {other.task_id for other in tasks if other.upstream == (task.task_id,)}
            if branch is not None and not {branch.yes, branch.no} <= below:
                raise ValueError(f"{self.dag_id}: {branch.yes} and {branch.no} must come after {task.task_id} alone")
        _ = self.at, self.weekday

    @property
    def at(self) -> clock_time:
        """The time of day at which it fires, in UTC."""
        minute, hour, *_ = self._fields
        return clock_time(int(hour), int(minute), tzinfo=UTC)

    @property
    def weekday(self) -> int | None:
        """The weekday on which it fires, Monday 0 to Sunday 6; None where it does every day."""
        named = self._fields[4]
        return None if named == "*" else (int(named) - 1) % 7

    def fires_after(self, day: date) -> datetime | None:
        """Return when the run that works on this snapshot date fires: on the day after. None where none does."""
        next_day = day + timedelta(days=1)
        if self.weekday is not None and next_day.weekday() != self.weekday:
            return None
        return datetime.combine(next_day, self.at)

    @property
    def steps(self) -> Iterator[Step]:
        """All steps, in their order."""
        return (task.step for task in self.tasks)

    def by_hand(self, command: str, below: str | None = None) -> list[Step]:
        """List the steps that a command runs, in order; where a step is named, only those listed below it.

        Examples:
            >>> [step.name for step in INFERENCE.by_hand("train", below="train_model_task")]
            ['clear_decision', 'log_retraining']
        """
        steps = list(self.steps)
        first = 0 if below is None else [step.name for step in steps].index(below) + 1
        return [step for step in steps[first:] if step.command == command]

    @property
    def _fields(self) -> list[str]:
        fields = self.cron.split()
        if len(fields) != 5 or fields[2:4] != ["*", "*"]:
            raise ValueError(f"{self.dag_id}: schedule {self.cron!r} is not of the form 'minute hour * * weekday'")
        return fields


def _of_each_feed(job: str, *, writes: bool = True, waits_for: WaitsFor | None = None) -> tuple[Step, ...]:
    return tuple(
        Step(feed, job, feed=feed, span=True, command="preprocess", writes=writes, waits_for=waits_for)
        for feed in FEEDS
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


__all__ = [
    "INFERENCE",
    "MONITORING",
    "PIPELINES",
    "PREPROCESSING",
    "Branch",
    "Group",
    "Kind",
    "Pipeline",
    "Step",
    "Task",
    "WaitsFor",
    "due_after",
    "jobs_of",
]
