"""Which day a DAG run works on, and what time it is for its jobs: pure arithmetic on what Airflow says of the run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from p2pcredit.errors import UsageError
from p2pcredit.names import perhaps
from p2pcredit.periods import parse_date

CONF_KEY = "snapshot_date"
"""The key of a run's conf by which a person names the snapshot date; for monitoring it names the week's last date."""

_MOST_SHOWN = 60


def run_instant(logical_date: datetime | None, run_after: datetime) -> datetime:
    """Return the instant at which a run fired: its logical date, else `run_after` (a run by hand may have none).

    Returns:
        An aware instant in UTC.

    Examples:
        >>> run_instant(None, datetime(2026, 11, 23, 2, 46, tzinfo=UTC)).isoformat()
        '2026-11-23T02:46:00+00:00'
    """
    return (logical_date or run_after).astimezone(UTC)


def snapshot_date(conf: Mapping[str, Any] | None, fired_at: datetime, made_at: datetime | None = None) -> date:
    """Return the snapshot date that a run works on.

    Args:
        conf: The run's conf; `snapshot_date` in it, written `YYYY-MM-DD`, is obeyed, and no other key is allowed. A
            null is what Airflow's form sends for a date left empty, and names none.
        fired_at: Aware instant at which the run fired, from `run_instant`.
        made_at: Aware instant from which on the run may begin: for one that a person started with a logical date of the
            past, the true time. A day that has begun by either has begun.

    Returns:
        The date asked for, else the last full day (UTC) before the run fired.

    Raises:
        UsageError: If the conf holds something that is not a date, a day that has not begun when the run fires, which
            would be waited for until it is over, or another key.

    Examples:
        >>> snapshot_date({}, datetime(2024, 1, 15, 1, tzinfo=UTC))
        datetime.date(2024, 1, 14)
        >>> snapshot_date({"snapshot_date": "2011-03-02"}, datetime(2024, 1, 15, 1, tzinfo=UTC))
        datetime.date(2011, 3, 2)
        >>> snapshot_date({"snapshot_date": None}, datetime(2024, 1, 15, 1, tzinfo=UTC))
        datetime.date(2024, 1, 14)
        >>> by_hand = datetime(2024, 1, 20, 9, tzinfo=UTC)
        >>> snapshot_date({"snapshot_date": "2024-01-19"}, datetime(2024, 1, 15, 1, tzinfo=UTC), by_hand)
        datetime.date(2024, 1, 19)
    """
    unknown = sorted(str(key) for key in conf or {} if key != CONF_KEY)
    if unknown:
        meant = perhaps(unknown[0], [CONF_KEY])
        raise UsageError(
            f"conf has the unknown key '{unknown[0][:_MOST_SHOWN]}'{meant}; the only one is '{CONF_KEY}', such as "
            f'{{"{CONF_KEY}": "2010-12-31"}}; without it the run works on the day before it fired'
        )
    if conf and conf.get(CONF_KEY) is not None:
        asked = conf[CONF_KEY]
        if not isinstance(asked, str):
            raise UsageError(f"conf '{CONF_KEY}' is {asked!r}; write it as text, YYYY-MM-DD, such as \"2010-12-31\"")
        day, today = parse_date(asked), max(fired_at, made_at or fired_at).astimezone(UTC).date()
        if day > today:
            raise UsageError(
                f"conf '{CONF_KEY}' is {day}, which had not begun when the run fired ({today} in UTC); "
                "name a day that has"
            )
        return day
    return fired_at.astimezone(UTC).date() - timedelta(days=1)


def job_instant(fired_at: datetime, now: datetime, *, simulated: bool) -> datetime:
    """Return the instant that a run's jobs reckon with: the true time, or the run's own where time is simulated.

    Args:
        fired_at: Aware instant at which the run fired.
        now: The true time, aware.
        simulated: True where `P2P_DAG_SIMULATED_TIME` asks for the run's own time, as for a replay of the past.

    Returns:
        An aware instant in UTC, to stand in ledger and activity.

    Examples:
        >>> past, now = datetime(2011, 3, 3, 2, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
        >>> job_instant(past, now, simulated=False).year, job_instant(past, now, simulated=True).year
        (2026, 2011)
    """
    return (fired_at if simulated else now).astimezone(UTC)
