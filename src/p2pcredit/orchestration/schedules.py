"""What the environment may say about the three DAGs: start, end, catch-up, and how long they wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from p2pcredit.errors import SettingsError

PREPROCESSING_DAG = "P2PCreditScore_DataPreprocessing"
INFERENCE_DAG = "P2PCreditScore_ModelTrainingInference"
MONITORING_DAG = "P2PCreditScore_ModelMonitoring"

PREPROCESSING_CRON = "0 1 * * *"
INFERENCE_CRON = "0 2 * * *"
MONITORING_CRON = "0 6 * * 0"

START_VARIABLE = "P2P_DAG_START"
END_VARIABLE = "P2P_DAG_END"
CATCHUP_VARIABLE = "P2P_DAG_CATCHUP"
WAIT_VARIABLE = "P2P_WAIT_MINUTES"

DEFAULT_START = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any loan there is: a run dated before the start of its DAG would succeed without a single task."""

DEFAULT_WAIT = timedelta(minutes=120)


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


def schedule_span(environ: Mapping[str, str]) -> Span:
    """From when to when do the DAGs run?

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
        raise SettingsError(f"{END_VARIABLE} ({end.isoformat()}) lies before the start ({start.isoformat()})")
    catchup = environ.get(CATCHUP_VARIABLE, "").strip() or "0"
    if catchup not in {"0", "1"}:
        raise SettingsError(f"{CATCHUP_VARIABLE} is {catchup!r}; write 1 to run the past too, or 0")
    return Span(start, end, catchup == "1")


def waiting_time(environ: Mapping[str, str]) -> timedelta:
    """How long does the scoring DAG wait for the tables of its day?

    Args:
        environ: `P2P_WAIT_MINUTES` is a number of minutes from 0 to 1440; 120 where absent.

    Raises:
        SettingsError: If it says something else.

    Examples:
        >>> waiting_time({"P2P_WAIT_MINUTES": "0.5"}).total_seconds()
        30.0
    """
    text = environ.get(WAIT_VARIABLE, "").strip()
    if not text:
        return DEFAULT_WAIT
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes <= 1440:
        raise SettingsError(f"{WAIT_VARIABLE} is {text!r}; write minutes from 0 to 1440, such as 120")
    return timedelta(minutes=minutes)


def _instant(environ: Mapping[str, str], name: str) -> datetime | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"{name} is {text!r}; write an ISO instant, such as 2011-03-06T03:00:00+00:00") from error
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
