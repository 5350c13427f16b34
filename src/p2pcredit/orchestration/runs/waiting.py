"""Decide whether a task is too early, and until when it waits: imported by the task that runs, not by the DAG file."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from p2pcredit.jobs.pipelines import PREPROCESSING, WaitsFor
from p2pcredit.orchestration.runs.job_calls import day_of
from p2pcredit.orchestration.runs.run_home import RunHome, enter_home
from p2pcredit.orchestration.settings.dag_settings import schedule_of
from p2pcredit.orchestration.settings.schedules import feed_waiting_time, monitoring_waiting_time
from p2pcredit.orchestration.triggers import FeedLandedTrigger, HomeTrigger, WeekReadyTrigger
from p2pcredit.storage.landing.presence import landed_now
from p2pcredit.storage.layout import Layout

if TYPE_CHECKING:
    from airflow.sdk import Context

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
    return _until_ready(home, day, begun, now)


def _until_landed(home: RunHome, feed: str, day: date, now: datetime) -> HomeTrigger | None:
    """Wait for a feed to a deadline that the day gives: a run for a day long past does not wait."""
    deadline = schedule_of(PREPROCESSING, os.environ).due(day) + feed_waiting_time(os.environ)
    if now >= deadline or landed_now(Layout(home.path), feed, day):
        return None
    return FeedLandedTrigger(
        str(home.path), day.isoformat(), deadline.isoformat(), began_in=home.as_record(), feed=feed
    )


def _until_ready(home: RunHome, week_end: date, begun: datetime, now: datetime) -> HomeTrigger | None:
    """Wait for the last day of a week, from the start of the run on, so that a task tried again does not wait anew.

    In a home without a complete day there is nothing to wait for, nor for a week before the first one.
    """
    from p2pcredit.jobs.monitoring.readiness import WeekReadiness
    from p2pcredit.storage.tables.day_receipts import first_complete

    deadline, layout = begun + monitoring_waiting_time(os.environ), Layout(home.path)
    first = first_complete(layout)
    if now >= deadline or first is None or week_end < first or WeekReadiness(layout, week_end).is_ready():
        return None
    return WeekReadyTrigger(
        str(home.path), week_end.isoformat(), deadline.isoformat(), _WEEK_POLL_SECONDS, home.as_record()
    )


__all__ = ["trigger_for"]
