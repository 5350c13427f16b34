"""Decide whether a task is too early, and until when it waits: imported by the task that runs, not by the DAG file."""

from __future__ import annotations

import logging
import os
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from p2pcredit.jobs.pipeline_graph import Pipeline, WaitsFor
from p2pcredit.jobs.pipelines import MONITORING, PREPROCESSING
from p2pcredit.orchestration.runs.job_calls import day_of
from p2pcredit.orchestration.runs.run_home import RunHome, enter_home
from p2pcredit.orchestration.settings.dag_settings import schedule_of
from p2pcredit.orchestration.settings.schedules import feed_waiting_time, monitoring_waiting_time, simulated_time
from p2pcredit.orchestration.triggers import FeedLandedTrigger, HomeTrigger, WeekReadyTrigger
from p2pcredit.storage.landing.presence import landed_now
from p2pcredit.storage.layout import Layout

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

_BY_HAND = "manual"
"""What Airflow calls a run that a person, or a program through the interface, asked for."""

_WEEK_POLL_SECONDS = 15.0
"""A week is waited for by the hour."""


def trigger_for(waits_for: WaitsFor, context: Context, feed: str | None) -> HomeTrigger | None:
    """Build the trigger that a task waits with; None where it need not wait or has waited long enough.

    Args:
        waits_for: What it waits for.
        context: Airflow's context of the task.
        feed: The feed, for a task of one feed.
    """
    home, day, now = enter_home(context), day_of(context), datetime.now(UTC)
    if waits_for is WaitsFor.FEED:
        return _until_landed(home, str(feed), day, now)
    begun = getattr(context["dag_run"], "start_date", None) or now
    deadline = wait_until(MONITORING, context["dag_run"], day, begun, monitoring_waiting_time(os.environ))
    return _until_ready(home, day, deadline, now)


def wait_until(pipeline: Pipeline, run: Any, day: date, begun: datetime, wait: timedelta) -> datetime:
    """Return until when a run waits for its day, counted from when it began.

    A run by hand for a day long past does not wait: it counts from when the day was due. A run that the scheduler makes
    late does, as those that it waits for are made late too; so does one whose time is simulated.

    Args:
        pipeline: The pipeline that waits.
        run: Airflow's run.
        day: The snapshot date, for monitoring the last day of its week.
        begun: When the run, or its task, began.
        wait: How long it waits.
    """
    if getattr(run, "run_type", None) != _BY_HAND or simulated_time(os.environ):
        return begun + wait
    return min(begun, schedule_of(pipeline, os.environ).due(day)) + wait


def say_that_it_does_not_wait(what: str, deadline: datetime) -> None:
    """Say in the task's log that what is not ready is not waited for.

    Args:
        what: The day or week, and what it lacks.
        deadline: Until when it is waited for, which is past.
    """
    log.warning("%s; it is waited for until %s, so this run goes on without it", what, f"{deadline:%Y-%m-%d %H:%M} UTC")


def _until_landed(home: RunHome, feed: str, day: date, now: datetime) -> HomeTrigger | None:
    """Wait for a feed to a deadline that the day gives: a run for a day long past does not wait."""
    deadline = schedule_of(PREPROCESSING, os.environ).due(day) + feed_waiting_time(os.environ)
    if now >= deadline or landed_now(Layout(home.path), feed, day):
        return None
    return FeedLandedTrigger(
        str(home.path), day.isoformat(), deadline.isoformat(), began_in=home.as_record(), feed=feed
    )


def _until_ready(home: RunHome, week_end: date, deadline: datetime, now: datetime) -> HomeTrigger | None:
    """Wait for the last day of a week to a deadline, which a task that is tried again does not put off.

    In a home without a complete day there is nothing to wait for, nor for a week before the first one.
    """
    from p2pcredit.jobs.monitoring.readiness import WeekReadiness
    from p2pcredit.storage.tables.day_receipts import first_complete

    layout = Layout(home.path)
    first = first_complete(layout)
    if first is None or week_end < first or WeekReadiness(layout, week_end).is_ready():
        return None
    if now >= deadline:
        say_that_it_does_not_wait(f"{week_end}, the last day of the week, is not complete and scored", deadline)
        return None
    return WeekReadyTrigger(
        str(home.path), week_end.isoformat(), deadline.isoformat(), _WEEK_POLL_SECONDS, home.as_record()
    )


__all__ = ["say_that_it_does_not_wait", "trigger_for", "wait_until"]
