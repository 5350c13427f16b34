"""Read the variables of the DAGs from the environment: start, end, catch-up, simulated time, waiting, retries.

`VARIABLES` names all that Airflow's components read, those of the pages too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from p2pcredit.errors import SettingsError
from p2pcredit.orchestration.pages.places import PLACES_VARIABLE
from p2pcredit.storage.pages_token import TOKEN_FILE_VARIABLE, URL_VARIABLE

START_VARIABLE = "P2P_DAG_START"
END_VARIABLE = "P2P_DAG_END"
CATCHUP_VARIABLE = "P2P_DAG_CATCHUP"
SIMULATED_VARIABLE = "P2P_DAG_SIMULATED_TIME"
WAIT_VARIABLE = "P2P_WAIT_MINUTES"
FEED_WAIT_VARIABLE = "P2P_FEED_WAIT_MINUTES"
MONITORING_WAIT_VARIABLE = "P2P_MONITORING_WAIT_MINUTES"
RETRIES_VARIABLE = "P2P_RETRIES"
RETRY_VARIABLE = "P2P_RETRY_SECONDS"
CRON_VARIABLES = {
    "preprocessing": "P2P_DAG_CRON_PREPROCESSING",
    "inference": "P2P_DAG_CRON_INFERENCE",
    "monitoring": "P2P_DAG_CRON_MONITORING",
}
"""The tag of a pipeline -> the variable that moves its schedule."""
ZONE_VARIABLE = "P2P_DAG_TIMEZONE"
POOL_VARIABLE = "P2P_DAG_POOL"
QUEUE_VARIABLE = "P2P_DAG_QUEUE"
TASK_TIMEOUT_VARIABLE = "P2P_DAG_TASK_TIMEOUT_MINUTES"
DEADLINE_VARIABLE = "P2P_DAG_DEADLINE_MINUTES"
VARIABLES = (
    START_VARIABLE,
    END_VARIABLE,
    CATCHUP_VARIABLE,
    SIMULATED_VARIABLE,
    WAIT_VARIABLE,
    FEED_WAIT_VARIABLE,
    MONITORING_WAIT_VARIABLE,
    RETRIES_VARIABLE,
    RETRY_VARIABLE,
    *CRON_VARIABLES.values(),
    ZONE_VARIABLE,
    POOL_VARIABLE,
    QUEUE_VARIABLE,
    TASK_TIMEOUT_VARIABLE,
    DEADLINE_VARIABLE,
    URL_VARIABLE,
    TOKEN_FILE_VARIABLE,
    PLACES_VARIABLE,
)

DEFAULT_START = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any loan there is: a run dated before the start of its DAG would succeed without a single task."""

DEFAULT_WAIT = timedelta(minutes=120)
"""Scoring starts at 02:00 and so waits until 04:00: an hour more than feeds are waited for, in which a day that landed
at the last minute is preprocessed, tried again where need be."""

DEFAULT_FEED_WAIT = timedelta(minutes=120)
"""Preprocessing starts at 01:00 and so waits until 03:00."""

DEFAULT_MONITORING_WAIT = timedelta(minutes=720)
"""Monitoring starts on Sunday at 06:00 and so waits until 18:00: a working day in which to mend the last day of the
week, and early enough for its decision to be there when scoring starts on Monday."""

DEFAULT_RETRIES = 5
"""With the delays that double from half a minute on, a task outlives a fault of more than ten minutes: a feed that is
late, a training that another process still holds, a scheduler or an API server that is started again."""

DEFAULT_RETRY_DELAY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Span:
    """When the scheduler makes runs.

    Args:
        start, end: Aware instants in UTC; no end where None.
        catchup: Whether runs of the past are made, each day between start and now.
    """

    start: datetime
    end: datetime | None
    catchup: bool


@dataclass(frozen=True, slots=True)
class Retrying:
    """How a task is tried again.

    Args:
        times: How often after its first try.
        delay: How long before the first of these; each next one waits twice as long.
    """

    times: int
    delay: timedelta


def schedule_span(environ: Mapping[str, str]) -> Span:
    """Read from when to when the DAGs run.

    Args:
        environ: `P2P_DAG_START` and `P2P_DAG_END` are ISO instants (UTC where they name no zone), `P2P_DAG_CATCHUP`
            is 1 or 0; all may be absent.

    Raises:
        SettingsError: If one of them says something else, or the end lies before the start.

    Examples:
        >>> schedule_span({}).catchup
        False
        >>> schedule_span({"P2P_DAG_START": "2011-03-06T03:00:00+00:00"}).start.isoformat()
        '2011-03-06T03:00:00+00:00'
    """
    start = _instant(environ, START_VARIABLE) or DEFAULT_START
    end = _instant(environ, END_VARIABLE)
    if end is not None and end < start:
        raise SettingsError(
            f"{END_VARIABLE} ({end.isoformat()}) lies before {START_VARIABLE} ({start.isoformat()}); swap or mend them"
        )
    return Span(start, end, _yes_or_no(environ, CATCHUP_VARIABLE, "write 1 to run the past too, or 0"))


def simulated_time(environ: Mapping[str, str]) -> bool:
    """Read whether jobs reckon with the time at which their run was due, as in a replay of the past.

    Args:
        environ: `P2P_DAG_SIMULATED_TIME` is 1 or 0; 0 where absent: jobs reckon with the true time.

    Raises:
        SettingsError: If it says something else.

    Examples:
        >>> simulated_time({}), simulated_time({"P2P_DAG_SIMULATED_TIME": "1"})
        (False, True)
    """
    return _yes_or_no(environ, SIMULATED_VARIABLE, "write 1 for the time of each run in place of the true one, or 0")


def feed_waiting_time(environ: Mapping[str, str]) -> timedelta:
    """Read how long, from the instant at which its run is due, preprocessing waits for each feed of its day.

    Args:
        environ: `P2P_FEED_WAIT_MINUTES` is a number of minutes from 0 to 1440; 120 where absent.

    Raises:
        SettingsError: If it says something else.
    """
    return _waiting(environ, FEED_WAIT_VARIABLE, DEFAULT_FEED_WAIT)


def monitoring_waiting_time(environ: Mapping[str, str]) -> timedelta:
    """Read how long monitoring waits for the last day of its week.

    Args:
        environ: `P2P_MONITORING_WAIT_MINUTES` is a number of minutes from 0 to 1440; 720 where absent.

    Raises:
        SettingsError: If it says something else.
    """
    return _waiting(environ, MONITORING_WAIT_VARIABLE, DEFAULT_MONITORING_WAIT)


def waiting_time(environ: Mapping[str, str]) -> timedelta:
    """Read how long the scoring DAG waits for the tables of its day.

    Args:
        environ: `P2P_WAIT_MINUTES` is a number of minutes from 0 to 1440; 120 where absent.

    Raises:
        SettingsError: If it says something else.

    Examples:
        >>> waiting_time({"P2P_WAIT_MINUTES": "0.5"}).total_seconds()
        30.0
    """
    return _waiting(environ, WAIT_VARIABLE, DEFAULT_WAIT)


def retrying(environ: Mapping[str, str]) -> Retrying:
    """Read how often, and after how long, a task is retried that was killed or met an error that may heal.

    Args:
        environ: `P2P_RETRIES` is a whole number from 0 to 100, `P2P_RETRY_SECONDS` a number of seconds from 0 to 3600;
            5 and 30 where absent.

    Raises:
        SettingsError: If one of them says something else.

    Examples:
        >>> retrying({"P2P_RETRIES": "3"})
        Retrying(times=3, delay=datetime.timedelta(seconds=30))
    """
    times = _number(environ, RETRIES_VARIABLE, "a whole number", 100, DEFAULT_RETRIES)
    if times is not None and times != int(times):
        raise SettingsError(f"{RETRIES_VARIABLE} is {environ[RETRIES_VARIABLE]!r}; write a whole number, such as 5")
    seconds = _number(environ, RETRY_VARIABLE, "seconds", 3600, 30)
    return Retrying(
        DEFAULT_RETRIES if times is None else int(times),
        DEFAULT_RETRY_DELAY if seconds is None else timedelta(seconds=seconds),
    )


def minutes_of(environ: Mapping[str, str], name: str, most: int, example: int) -> timedelta | None:
    """Read a number of minutes above 0 from a variable; None where it is absent.

    Args:
        environ: The environment.
        name: The variable.
        most: The most minutes.
        example: A number for the message.

    Raises:
        SettingsError: If it says something else.

    Examples:
        >>> minutes_of({"P2P_DAG_DEADLINE_MINUTES": "90"}, "P2P_DAG_DEADLINE_MINUTES", 600, 60)
        datetime.timedelta(seconds=5400)
    """
    minutes = _number(environ, name, "minutes", most, example)
    if minutes is not None and not minutes:
        raise SettingsError(f"{name} is {environ[name]!r}; write minutes above 0, such as {example}, or leave it out")
    return None if minutes is None else timedelta(minutes=minutes)


def _waiting(environ: Mapping[str, str], name: str, default: timedelta) -> timedelta:
    minutes = _number(environ, name, "minutes", 1440, int(default.total_seconds() // 60))
    return default if minutes is None else timedelta(minutes=minutes)


def _yes_or_no(environ: Mapping[str, str], name: str, advice: str) -> bool:
    said = environ.get(name, "").strip() or "0"
    if said not in {"0", "1"}:
        raise SettingsError(f"{name} is {said!r}; {advice}")
    return said == "1"


def _number(environ: Mapping[str, str], name: str, unit: str, most: int, example: int) -> float | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise SettingsError(f"{name} is {text!r}; write {unit} from 0 to {most}, such as {example}")
    return number


def _instant(environ: Mapping[str, str], name: str) -> datetime | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"{name} is {text!r}; write an ISO instant, such as 2011-03-06T03:00:00+00:00") from error
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
