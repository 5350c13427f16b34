"""Make up the days that a pause, an outage or a late feed left behind, before the daily run works on its own day.

Complete days whose files landed anew with other rows are taken in again in the same way.

The set of days is fixed by one look, and every stage of a day is done here in its turn, so that what lands meanwhile is
for the next run and no day can be complete without one of its stages.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from p2pcredit.contracts.alerts import Finding
from p2pcredit.contracts.feeds import ALL_FEEDS
from p2pcredit.contracts.results import Status
from p2pcredit.errors import OutsideHomeError, P2PCreditError, StorageError
from p2pcredit.jobs.activity import warn_once, without_values
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.failures import domain_error
from p2pcredit.jobs.gaps.begun_days import days_begun
from p2pcredit.jobs.gaps.find import days_whole
from p2pcredit.jobs.gaps.gap import Gap, Lack
from p2pcredit.jobs.landing.changed_files import changed_or_late, known_since
from p2pcredit.periods import DateRange, count_of_days, joined, spans_of
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import is_complete, read_receipts

if TYPE_CHECKING:
    from p2pcredit.jobs.landing.deliveries import Delivery

logger = logging.getLogger("p2pcredit")

_DAYS_AFTER = 7
"""How long a day that is too old to be made up is looked for by the daily runs, each of which warns unless one has."""


def make_up_days(ctx: JobContext, day: date) -> Receipt:
    """Preprocess the days before a day that have landed and are not complete, or landed anew, oldest first, in spans.

    A day is made up where every feed has landed for it, the first day that was begun in the home does not lie after it,
    and it lies at most `preprocessing.catch_up_days` before `day`. A complete day is taken in again where a landing
    file of it holds other rows than were taken in, unless a feed has fewer of them: that would take loans away which
    were scored, so a person is asked. Days that follow each other are written in one commit per table, as many as
    memory bears, and judged as strictly as one that came in time; where that fails, each is done by itself. A day that
    cannot be made up is warned of at once, stays a gap, and keeps neither the others nor `day` back.

    Returns:
        `made_up` (days), `failed` (day -> why, in short), `too_old` (landed days that were passed over since they lie
        further back), `landed_anew` (days of the first two that were complete), `left` (days that landed anew with
        fewer rows).

    Raises:
        StorageError: If the disk refuses, or another process holds a table for too long: the day itself would meet the
            same.
    """
    made_up: list[str] = []
    failed: dict[str, str] = {}
    late = _landed_and_incomplete(ctx, day, 1, ctx.settings.preprocessing.catch_up_days)
    deliveries = _deliveries(ctx, day)
    for span in _spans(ctx.layout, sorted({*late, *deliveries.anew})):
        together = len(span) > 1 and _preprocess(ctx, span) is None
        for missed in span:
            anew = missed in deliveries.anew
            done = together or (is_complete(ctx.layout, missed) and not anew)
            error = None if done else _preprocess(ctx, DateRange(missed, missed))
            if error is None:
                made_up.append(missed.isoformat())
            else:
                failed[missed.isoformat()] = _warn(ctx, missed, error, "anew" if anew else "late")
    return {
        "made_up": made_up,
        "failed": failed,
        "too_old": _warn_of_too_old(ctx, day),
        "landed_anew": [one.isoformat() for one in deliveries.anew],
        "left": [one.isoformat() for one in deliveries.left],
    }


@dataclass(frozen=True, slots=True)
class _Deliveries:
    """Complete days that landed anew: those to take in, and those that hold fewer rows and are left to a person."""

    anew: Collection[date] = ()
    left: Collection[date] = ()


def _deliveries(ctx: JobContext, day: date) -> _Deliveries:
    """Find the complete days so far before a day that landed anew; say of each what becomes of it, once."""
    days = [day - timedelta(days=n) for n in range(ctx.settings.preprocessing.catch_up_days, 0, -1)]
    receipts = read_receipts(ctx.layout, days)
    since = known_since(ctx.layout, receipts)
    if not any(changed_or_late(ctx.layout, feed, receipts, since) for feed in ALL_FEEDS):
        return _Deliveries()
    from p2pcredit.jobs.landing.deliveries import deliveries_to_take_in  # reads files and tables, which few nights need

    anew: list[date] = []
    left: list[date] = []
    for delivered, of_day in deliveries_to_take_in(ctx, days).items():
        lacking = any(one.lacks_rows for one in of_day)
        (left if lacking else anew).append(delivered)
        _say_delivered(ctx, of_day, lacking=lacking)
    return _Deliveries(anew, left)


def _say_delivered(ctx: JobContext, of_day: Sequence[Delivery], *, lacking: bool) -> None:
    """Say once of a day what landed anew and what becomes of it; a file that cannot be read is said where it fails."""
    from p2pcredit.jobs.monitoring.alerts import alert_once

    if not lacking and any(one.rows is None for one in of_day):
        return
    day = of_day[0].day
    about = f"{day} landed anew: {', '.join(f'{one.feed} {one.digest[:12]}' for one in of_day)}"
    what = f"{day} landed anew after it was preprocessed: {', '.join(one.words for one in of_day)}"
    if not lacking:
        warn_once(ctx, about, f"{what}; it is taken in, and loans that came newly are scored")
        return
    command = Gap(Lack.NOT_COMPLETE, DateRange(day, day), Status.FAIL).command
    message = f"{what}; fewer rows are taken in by a person only: mend the file and land it again, or: {command}"
    alert_once(ctx, about, message, Finding.DAY_MISSED)


def _preprocess(ctx: JobContext, days: DateRange) -> Exception | None:
    """Preprocess days; give what is wrong with them, which must not cost the new day, or None.

    Raises:
        StorageError: If the disk refuses, or another process holds a table for too long.
    """
    from p2pcredit.jobs.preprocessing.stages import preprocess  # most nights have nothing to make up

    try:
        preprocess(ctx, days, nightly=True)
    except Exception as error:
        of_disk = domain_error(error) if isinstance(error, OSError) else error
        if isinstance(of_disk, StorageError) and not isinstance(of_disk, OutsideHomeError):
            raise of_disk from error
        return error
    return None


def _spans(layout: Layout, days: Sequence[date]) -> list[DateRange]:
    """Join days that follow each other, up to as many landed bytes as a commit holds in memory.

    The first day of a month, which closes the month before, stands alone, as in the nights.
    """
    if not days:
        return []
    from p2pcredit.storage.landing.files import BYTES_TOGETHER, landed_bytes

    def size(day: DateRange) -> int:
        try:
            return sum(of_month for _, of_month in landed_bytes(layout, day))
        except (P2PCreditError, OSError):
            return BYTES_TOGETHER + 1  # what is wrong with it is said where it is done, by itself

    spans: list[DateRange] = []
    for _, together in groupby(days, key=lambda day: (day.year, day.month, day.day == 1)):
        apart = [DateRange(day, day) for day in together]
        spans += joined([(day, size(day)) for day in apart], BYTES_TOGETHER)
    return spans


def _landed_and_incomplete(ctx: JobContext, day: date, nearest: int, furthest: int) -> list[date]:
    """List the days so far before a day that landed whole and are not complete, from the first that was begun on."""
    if furthest < nearest:
        return []
    begun = days_begun(ctx, not_before=day - timedelta(days=furthest))
    if begun is None:
        return []
    before = [day - timedelta(days=n) for n in range(furthest, nearest - 1, -1)]
    missing = [one for one in before if one >= begun.first and not is_complete(ctx.layout, one)]
    return days_whole(ctx.layout, missing) if missing else []


def _warn(ctx: JobContext, day: date, error: Exception, landed: str) -> str:
    from p2pcredit.jobs.monitoring.alerts import alert_once

    known = domain_error(error)
    why = without_values(known) if isinstance(known, P2PCreditError) else f"{type(error).__name__}; see the log"
    if known is None:
        logger.error("making up %s broke", day, exc_info=error)
    command = Gap(Lack.NOT_COMPLETE, DateRange(day, day), Status.FAIL).command
    failed = "could not be made up" if landed == "late" else "could not be taken in"
    message = f"{day} landed {landed} and {failed}: {why}; mend it, the next run tries again, or: {command}"
    about = f"making up {day}" if landed == "late" else f"taking in {day}: {why}"
    alert_once(ctx, about, message, Finding.DAY_MISSED)
    return why[:200]


def _warn_of_too_old(ctx: JobContext, day: date) -> list[str]:
    """Warn once of the days that have just become too old to be made up; those before are in the week's alerts."""
    reach = ctx.settings.preprocessing.catch_up_days
    old = _landed_and_incomplete(ctx, day, reach + 1, reach + _DAYS_AFTER)
    if old:
        from p2pcredit.jobs.monitoring.alerts import alert_once

        for span in spans_of(old):
            line = Gap(Lack.NOT_COMPLETE, span, Status.FAIL).line
            message = f"no run makes up what lies more than {count_of_days(reach)} back: {line}"
            alert_once(ctx, f"too old to make up, to {span.last}", message, Finding.DAY_MISSED)
    return [one.isoformat() for one in old]


__all__ = ["make_up_days"]
