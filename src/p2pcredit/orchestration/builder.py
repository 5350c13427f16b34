"""Build an Airflow DAG from a pipeline's data: the one place where steps become operators and edges."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, BaseOperator, TaskGroup, TriggerRule

from p2pcredit.jobs.pipeline_graph import Group, Kind, Pipeline, Step
from p2pcredit.orchestration.assets import asset_named
from p2pcredit.orchestration.deadlines import alert_after
from p2pcredit.orchestration.operators import (
    DayBranchOperator,
    JobBranchOperator,
    JobOperator,
    SnapshotDateOperator,
    WaitForDayOperator,
)
from p2pcredit.orchestration.runs.run_form import run_params
from p2pcredit.orchestration.settings.dag_defaults import dag_arguments
from p2pcredit.orchestration.settings.dag_settings import deadline, schedule_of
from p2pcredit.orchestration.task_docs import task_doc


def build(pipeline: Pipeline, doc: str | None, environ: Mapping[str, str] | None = None) -> DAG:
    """Build the DAG of a pipeline.

    Args:
        pipeline: The pipeline.
        doc: Text shown on the DAG's page.
        environ: Where the variables of the schedules are read; the process's own where None.

    Raises:
        SettingsError: If a variable of the schedules is wrong; Airflow shows it as an import error of the DAG file.
    """
    environ = os.environ if environ is None else environ
    schedule, may_take = schedule_of(pipeline, environ), deadline(environ)
    arguments = dag_arguments(pipeline.tag, doc, environ) | {"params": run_params(pipeline.weekday)}
    if schedule.zone != "UTC":  # Airflow reads the cron in the zone of the start
        arguments["start_date"] = arguments["start_date"].astimezone(pendulum.timezone(schedule.zone))
    if may_take is not None:
        arguments["deadline"] = alert_after(may_take)
    with DAG(pipeline.dag_id, schedule=schedule.cron, **arguments) as dag:
        nodes: dict[str, BaseOperator | TaskGroup] = {}
        for part in pipeline.parts:
            nodes[part.name] = node = _group(part) if isinstance(part, Group) else _operator(part)
            for name in part.after:
                nodes[name].set_downstream(node)
    return dag


def _group(part: Group) -> TaskGroup:
    with TaskGroup(part.name) as group:
        for step in part.steps:
            _operator(step)
    return group


def _operator(step: Step) -> BaseOperator:
    common: dict[str, Any] = {"task_id": step.name, "doc_md": task_doc(step)}
    if step.reads:
        common["inlets"] = [asset_named(name) for name in step.reads]
    if step.outputs:
        common["outlets"] = [asset_named(name) for name in step.outputs]
    if step.joins:
        common["trigger_rule"] = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    if step.kind is Kind.WAIT_FOR_DAY:
        return WaitForDayOperator(**common)
    if step.kind is Kind.NAME_DAY:
        return SnapshotDateOperator(**common)
    branch = step.branch
    if step.kind is Kind.CHECK_DAY and branch is not None:
        return DayBranchOperator(yes=branch.yes, no=branch.no, **common)
    if step.job is None:
        return EmptyOperator(**common)
    if branch is not None:
        ways = {"field": branch.field, "yes": branch.yes, "no": branch.no}
        return JobBranchOperator(job=step.job, waits_for=step.waits_for, **ways, **common)
    return JobOperator(job=step.job, feed=step.feed, span=step.span, waits_for=step.waits_for, **common)
