"""The five kinds of task: do a job, branch on a job, wait for a day, branch on the day, name the day."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.branch import BaseBranchOperator
from airflow.sdk import BaseOperator

from p2pcredit.errors import HomeError
from p2pcredit.jobs.pipeline_graph import WaitsFor
from p2pcredit.jobs.pipelines import INFERENCE
from p2pcredit.orchestration.assets import describe_outputs
from p2pcredit.orchestration.links import links_of
from p2pcredit.orchestration.runs.job_calls import call_job, day_of, raise_for_airflow
from p2pcredit.orchestration.runs.run_home import enter_home
from p2pcredit.orchestration.settings.schedules import waiting_time
from p2pcredit.orchestration.triggers import DayCompleteTrigger
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables import day_receipts

if TYPE_CHECKING:
    from airflow.sdk import Context


def defer_if_too_early(task: BaseOperator, context: Context, waits_for: WaitsFor | None, feed: str | None) -> None:
    """Defer a task into the triggerer where what its job needs is not there yet; its method `resume` goes on later.

    Args:
        task: The task; it takes no worker's slot while it waits.
        context: Airflow's context of it.
        waits_for: What it waits for; None for nothing.
        feed: The feed, for a task of one feed.
    """
    if waits_for is None:
        return
    from p2pcredit.orchestration.runs.waiting import trigger_for

    try:
        trigger = trigger_for(waits_for, context, feed)
    except Exception as error:
        raise_for_airflow(task.task_id, error)
    if trigger is not None:
        task.log.info("waiting until %s, at most to %s", waits_for, trigger.deadline)
        task.defer(trigger=trigger, method_name="resume")


def check_home_after(task: BaseOperator, context: Context, event: dict[str, Any] | None) -> None:
    """Check, in the task that a trigger woke, that triggerer and worker are in the home that the run began in."""
    if event is None:
        return
    try:
        if event.get("refused"):
            raise HomeError(event["refused"])
        enter_home(context, event.get("began_in"))
    except Exception as error:
        raise_for_airflow(task.task_id, error)


class JobOperator(BaseOperator):
    """Do one job and keep its receipt.

    Args:
        job: `module.function` under `p2pcredit.jobs`.
        feed: The feed, for jobs of one feed.
        span: Whether the job takes a range of days (here the run's one day) or the day itself.
        waits_for: What is waited for before, in the triggerer and until a deadline; None for nothing.
    """

    ui_color = "#e3f2e6"

    def __init__(
        self,
        *,
        job: str,
        feed: str | None = None,
        span: bool = False,
        waits_for: WaitsFor | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.feed = feed
        self.span = span
        self.waits_for = waits_for
        self.operator_extra_links = links_of(job)
        self.receipt: dict[str, Any] | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Call the job on the run's snapshot date, or wait until it can be called."""
        defer_if_too_early(self, context, self.waits_for, self.feed)
        return self.resume(context)

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the job, whatever the trigger found: what is still missing is for the job to say."""
        check_home_after(self, context, event)
        self.receipt = receipt = call_job(self.job, context, feed=self.feed, span=self.span)
        describe_outputs(self, context, receipt, day_of(context).isoformat())
        return receipt


class JobBranchOperator(BaseBranchOperator):
    """Do one job and go one of two ways, as a field of its receipt says.

    Args:
        job: `module.function` under `p2pcredit.jobs`.
        field: The field of the receipt that decides. Only True is yes.
        yes, no: Task ids to go on with.
        waits_for: What is waited for before, in the triggerer and until a deadline; None for nothing.
    """

    ui_color = "#fdf0d5"

    def __init__(
        self, *, job: str, field: str, yes: str, no: str, waits_for: WaitsFor | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.field = field
        self.yes = yes
        self.no = no
        self.waits_for = waits_for

    def execute(self, context: Context) -> Any:
        """Call the job and go on, or wait until it can be called."""
        defer_if_too_early(self, context, self.waits_for, None)
        return self.resume(context)

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Call the job and go on, whatever the trigger found: what is still missing is for the job to say."""
        check_home_after(self, context, event)
        return self.do_branch(context, self.choose_branch(context))

    def choose_branch(self, context: Context) -> str:
        """Call the job on the run's snapshot date and read the field; the receipt is kept under the key `receipt`."""
        receipt = call_job(self.job, context)
        context["ti"].xcom_push(key="receipt", value=receipt)
        describe_outputs(self, context, receipt, day_of(context).isoformat())
        return self.yes if receipt.get(self.field) is True else self.no


class SnapshotDateOperator(BaseOperator):
    """Return the snapshot date of this run as `YYYY-MM-DD`."""

    def execute(self, context: Context) -> str:
        """Read the run's conf, else its date."""
        try:
            day = day_of(context).isoformat()
            enter_home(context)
        except Exception as error:
            raise_for_airflow(self.task_id, error)
        return day


class WaitForDayOperator(BaseOperator):
    """Wait until the gold tables of the run's day are complete, in the triggerer and not in a worker.

    A day that is complete already is not waited for. After `P2P_WAIT_MINUTES` (default 120) the answer is no, and at
    once in a run by hand for a day that was due longer ago. The task succeeds either way: what to do without data is
    for the next task to say.
    """

    ui_color = "#dce9f7"

    def execute(self, context: Context) -> dict[str, Any]:
        """Look once; defer where it is too early."""
        from p2pcredit.orchestration.runs.waiting import say_that_it_does_not_wait, wait_until

        try:
            day, home, now = day_of(context), enter_home(context), datetime.now(UTC)
            complete = day_receipts.is_complete(Layout(home.path), day)
            deadline = wait_until(INFERENCE, context["dag_run"], day, now, waiting_time(os.environ))
        except Exception as error:
            raise_for_airflow(self.task_id, error)
        if not complete and now < deadline:
            self.log.info("the tables of %s are not complete; waiting until %s", day, deadline.isoformat())
            began_in = home.as_record()
            trigger = DayCompleteTrigger(str(home.path), day.isoformat(), deadline.isoformat(), began_in=began_in)
            self.defer(trigger=trigger, method_name="resume")
        if not complete:
            say_that_it_does_not_wait(f"{day} is not complete", deadline)
        return {"snapshot_date": day.isoformat(), "complete": complete, **home.as_facts()}

    def resume(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Give the answer that the trigger brought."""
        try:
            if event.get("refused"):
                raise HomeError(event["refused"])
            day, home = day_of(context), enter_home(context, event.get("began_in"))
        except Exception as error:
            raise_for_airflow(self.task_id, error)
        return {"snapshot_date": day.isoformat(), "complete": event.get("complete") is True, **home.as_facts()}


class DayBranchOperator(BaseBranchOperator):
    """Go one way where the gold tables of the run's day are complete, and another where they are not.

    It looks itself, so that clearing this one task is enough once late data has come.

    Args:
        yes, no: Task ids to go on with.
    """

    ui_color = "#fdf0d5"

    def __init__(self, *, yes: str, no: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.yes = yes
        self.no = no

    def choose_branch(self, context: Context) -> str:
        """Look whether the day is complete."""
        return self.yes if call_job("scoring.day_check.check_day", context)["complete"] is True else self.no
