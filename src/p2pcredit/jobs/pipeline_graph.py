"""What a pipeline is: steps and groups of steps in their order, branches, joins, and a schedule.

A pipeline checks itself when it is made. `jobs/pipelines.py` lists those there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from enum import StrEnum
from itertools import chain


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
        >>> from p2pcredit.jobs.pipelines import INFERENCE, MONITORING
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
            >>> from p2pcredit.jobs.pipelines import INFERENCE
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
