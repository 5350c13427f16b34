"""Walk a pipeline in this process, by the rules by which a scheduler runs its DAG: branches, joins, failures."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.pipeline_graph import Kind, Pipeline, Step, Task
from p2pcredit.periods import DateRange


class State(StrEnum):
    """How a task ended, in Airflow's words."""

    SUCCESS = "success"
    SKIPPED = "skipped"
    FAILED = "failed"
    UPSTREAM_FAILED = "upstream_failed"


@dataclass(frozen=True, slots=True)
class Walked:
    """What became of a pipeline's tasks.

    Args:
        states: Task id -> how it ended.
        receipts: Task id -> what it said, of those that ran.
    """

    states: dict[str, State] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)

    def succeeded(self, task_id: str) -> bool:
        """Return whether this task ran and succeeded."""
        return self.states.get(task_id) is State.SUCCESS

    @property
    def failed(self) -> bool:
        """Whether any task failed."""
        return State.FAILED in self.states.values()


def call_job(
    ctx: JobContext, job: str, days: DateRange | date, *, feed: str | None = None, span: bool = False, **more: Any
) -> Receipt:
    """Call a job with the arguments that its step says it takes; its module is imported now, and not before.

    Args:
        ctx: The context.
        job: `module.function` under `p2pcredit.jobs`.
        days: The day, or the range of days.
        feed: The feed, for a job of one feed.
        span: Whether the job takes a range of days. One that takes a day is given the last of a range.
        more: Further arguments by name.

    Returns:
        The job's receipt.
    """
    module, _, function = job.rpartition(".")
    work = getattr(importlib.import_module(f"p2pcredit.jobs.{module}"), function)
    if span and isinstance(days, date):
        days = DateRange(days, days)
    elif not span and isinstance(days, DateRange):
        days = days.last
    arguments = [days] if feed is None else [feed, days]
    receipt: Receipt = work(ctx, *arguments, **more)
    return receipt


def do_step(ctx: JobContext, step: Step, days: DateRange | date, **more: Any) -> Receipt:
    """Do what a step does; one without a job does nothing, and finds the day complete or not where it asks.

    Nothing is waited for: a walk comes after what it would wait for.
    """
    if step.job is not None:
        return call_job(ctx, step.job, days, feed=step.feed, span=step.span, **more)
    if step.kind is Kind.CHECK_DAY:
        from p2pcredit.jobs.scoring.day_check import check_day  # reads files, which most steps do not

        return check_day(ctx, days.last if isinstance(days, DateRange) else days)
    return {}


def walk(
    pipeline: Pipeline,
    do: Callable[[Step], Receipt],
    on_failure: Callable[[Task, P2PCreditError], None] | None = None,
) -> Walked:
    """Run the tasks of a pipeline one after the other, each in the state that a scheduler would give it.

    Args:
        pipeline: The pipeline.
        do: Does a step and gives its receipt.
        on_failure: Called where a step fails. The tasks after it do not run, and the walk goes on without them. Where
            it is None, or raises, the walk ends with that error.

    Returns:
        The states and receipts of the tasks.
    """
    walked = Walked()
    passed_over: set[str] = set()
    for task in pipeline.tasks:
        state = State.SKIPPED if task.task_id in passed_over else _state_before(task, walked)
        if state is State.SUCCESS:
            try:
                receipt = walked.receipts[task.task_id] = do(task.step)
                if (branch := task.step.branch) is not None:
                    passed_over.add(branch.no if receipt.get(branch.field) is True else branch.yes)
            except P2PCreditError as error:
                if on_failure is None:
                    raise
                on_failure(task, error)
                state = State.FAILED
        walked.states[task.task_id] = state
    return walked


def _state_before(task: Task, walked: Walked) -> State:
    """Return the state that a task takes from the tasks above it; SUCCESS where it may run."""
    above = {walked.states[name] for name in task.upstream}
    if above & {State.FAILED, State.UPSTREAM_FAILED}:
        return State.UPSTREAM_FAILED
    if task.step.joins:
        return State.SUCCESS if State.SUCCESS in above else State.SKIPPED
    return State.SKIPPED if State.SKIPPED in above else State.SUCCESS


__all__ = ["State", "Walked", "call_job", "do_step", "walk"]
