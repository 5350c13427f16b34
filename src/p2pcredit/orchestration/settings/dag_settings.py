"""Read from the environment what an Airflow of your own may want otherwise: cron, zone, pool, queue, limits of time.

Each is left alone where its variable is absent: then the DAGs are exactly those of the specification.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from p2pcredit.errors import SettingsError
from p2pcredit.jobs.pipeline_graph import Pipeline
from p2pcredit.jobs.pipelines import PIPELINES
from p2pcredit.orchestration.settings.schedules import (
    CRON_VARIABLES,
    DEADLINE_VARIABLE,
    POOL_VARIABLE,
    QUEUE_VARIABLE,
    TASK_TIMEOUT_VARIABLE,
    ZONE_VARIABLE,
    minutes_of,
)

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,250}")
_MOST_MINUTES = 7 * 24 * 60
_SEASONS = [date(2024, month, 1) for month in range(1, 13)]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the runs of a DAG fire.

    Args:
        cron: `minute hour * * weekday`, in the zone.
        zone: The name of the zone, such as `UTC`.
        at: The time of day, in the zone.
        days_on: How many days the UTC date of a run lies after its date in the zone: -1, 0 or 1, all year round.
    """

    cron: str
    zone: str
    at: time
    days_on: int

    def due(self, day: date) -> datetime:
        """Return when the run that works on a snapshot date fires, were it one of every day.

        Returns:
            An aware instant in UTC, on the day after the snapshot date.

        Examples:
            >>> Schedule("0 1 * * *", "UTC", time(1), 0).due(date(2024, 1, 14)).isoformat()
            '2024-01-15T01:00:00+00:00'
        """
        there = day + timedelta(days=1 - self.days_on)
        return datetime.combine(there, self.at, ZoneInfo(self.zone)).astimezone(UTC)


def schedule_of(pipeline: Pipeline, environ: Mapping[str, str]) -> Schedule:
    """Read when a DAG fires. A run works on the UTC day before the one on which it fires, in whatever zone that is.

    Args:
        pipeline: The pipeline; it fires as often, and on the same weekday in UTC, as it does by itself.
        environ: `P2P_DAG_CRON_PREPROCESSING`, `P2P_DAG_CRON_INFERENCE`, `P2P_DAG_CRON_MONITORING` are of the form
            `minute hour * * weekday`; `P2P_DAG_TIMEZONE` is the name of a zone. The specification's where absent.

    Raises:
        SettingsError: If one of them says something else, or the date in UTC depends on the season, so that one day
            would be worked on twice and another never, or weeks would end on another weekday.

    Examples:
        >>> from p2pcredit.jobs.pipelines import PREPROCESSING
        >>> schedule_of(PREPROCESSING, {}).cron
        '0 1 * * *'
        >>> schedule_of(PREPROCESSING, {"P2P_DAG_TIMEZONE": "Asia/Tokyo"}).days_on
        -1
    """
    variable = CRON_VARIABLES.get(pipeline.tag, "")
    cron = environ.get(variable, "").strip() or pipeline.cron
    zone = environ.get(ZONE_VARIABLE, "").strip() or "UTC"
    form = "minute hour * * *" if pipeline.weekday is None else "minute hour * * weekday"
    try:
        at, weekday = (asked := replace(pipeline, cron=cron)).at.replace(tzinfo=None), asked.weekday
        if (weekday is None) is not (pipeline.weekday is None):
            raise ValueError
    except ValueError as error:
        raise SettingsError(f"{variable} is {cron!r}; write '{form}', such as {pipeline.cron!r}") from error
    try:
        there = ZoneInfo(zone)
    except (LookupError, ValueError, OSError) as error:
        raise SettingsError(f"{ZONE_VARIABLE} is {zone!r}; write the name of a zone, such as Europe/Berlin") from error
    days_on = {(datetime.combine(day, at, there).astimezone(UTC).date() - day).days for day in _SEASONS}
    if len(days_on) > 1:
        raise SettingsError(
            f"{cron!r} in {zone} is before midnight UTC in one season and after it in another, so one day would be "
            f"worked on twice and another never; set {variable} to another hour"
        )
    (shift,) = days_on
    if pipeline.weekday is not None and weekday is not None and (weekday + shift) % 7 != pipeline.weekday:
        raise SettingsError(
            f"{cron!r} in {zone} is not on a Sunday in UTC, on which weeks are closed; set {variable} to such a time, "
            f"such as {pipeline.cron!r} in UTC"
        )
    return Schedule(cron, zone, at, shift)


def due_after(day: date, environ: Mapping[str, str]) -> list[tuple[Pipeline, datetime]]:
    """List the pipelines that work on a snapshot date, each with the instant at which it fires, in that order.

    Args:
        day: The snapshot date.
        environ: The variables of the schedules, as `schedule_of` reads them.

    Raises:
        SettingsError: If one of them is wrong.

    Examples:
        >>> nightly = due_after(date(2024, 1, 14), {"P2P_DAG_CRON_PREPROCESSING": "30 4 * * *"})
        >>> [f"{pipeline.tag} {at:%H:%M}" for pipeline, at in nightly]
        ['inference 02:00', 'preprocessing 04:30']
    """
    due = [(pipeline, schedule_of(pipeline, environ).due(day)) for pipeline in PIPELINES]
    return sorted((run for run in due if run[0].fires_after(day) is not None), key=lambda run: run[1])


def task_defaults(environ: Mapping[str, str]) -> dict[str, Any]:
    """Read in which pool and queue tasks run, and how long one may take; what is absent is left to Airflow.

    Args:
        environ: `P2P_DAG_POOL` and `P2P_DAG_QUEUE` are names, `P2P_DAG_TASK_TIMEOUT_MINUTES` a number of minutes above
            0 and up to a week.

    Raises:
        SettingsError: If one of them says something else.

    Examples:
        >>> task_defaults({"P2P_DAG_POOL": "loans"})
        {'pool': 'loans'}
        >>> task_defaults({})
        {}
    """
    found: dict[str, Any] = {}
    for key, variable in (("pool", POOL_VARIABLE), ("queue", QUEUE_VARIABLE)):
        said = environ.get(variable, "").strip()
        if said and not _NAME.fullmatch(said):
            raise SettingsError(f"{variable} is {said!r}; write letters, digits and _ . - only, at most 250")
        if said:
            found[key] = said
    if (timeout := minutes_of(environ, TASK_TIMEOUT_VARIABLE, _MOST_MINUTES, 240)) is not None:
        found["execution_timeout"] = timeout
    return found


def deadline(environ: Mapping[str, str]) -> timedelta | None:
    """Read how long after it was queued a run may end before that is alerted of; None for never.

    Args:
        environ: `P2P_DAG_DEADLINE_MINUTES` is a number of minutes above 0 and up to a week.

    Raises:
        SettingsError: If it says something else.
    """
    return minutes_of(environ, DEADLINE_VARIABLE, _MOST_MINUTES, 300)


__all__ = ["Schedule", "deadline", "due_after", "schedule_of", "task_defaults"]
