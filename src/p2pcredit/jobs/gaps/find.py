"""Find the gaps of a home: days that landed and are not complete or not scored, weeks that were not reviewed.

So are reports, alerts and trainings that the steps of past runs were to leave: see `jobs.gaps.undone_steps`.

A gap lies between days or weeks that are done, so that no later run comes back to it by itself once it is further back
than `preprocessing.catch_up_days`. What lies after the newest done day only waits, but a day that landed in part while
a later one is whole; what lies before the first one was never asked for, as `jobs.gaps.begun_days` tells. Gaps are read
from the files each time; nothing has to remember them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.results import Status
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.gaps.begun_days import days_begun
from p2pcredit.jobs.gaps.gap import Gap, Lack
from p2pcredit.jobs.gaps.undone_steps import steps_that_ran, undone_of_trainings, undone_of_weeks
from p2pcredit.jobs.pipelines import MONITORING
from p2pcredit.periods import DateRange
from p2pcredit.retraining.state import HandoffState
from p2pcredit.storage.landing.presence import days_landed
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import days_complete

SKIPPED_WEEK = "week_skipped"
"""The job of an activity line that says that a week was not monitored, with `week_end_date` and `reason`."""

_A_WEEK = timedelta(days=7)
_WEEKS_COMPARED = 4


def find_gaps(ctx: JobContext, up_to: date | None = None) -> list[Gap]:
    """Find the gaps of a home, in order: days not complete, not scored, weeks not reviewed, what steps left undone.

    Args:
        ctx: The context.
        up_to: The last day to look at, such as the end of a week; what waits after the newest done day is then left
            out. None for all, and what waits.
    """
    begun = days_begun(ctx)
    if begun is None or (up_to is not None and up_to < begun.first):
        return []
    begun = DateRange(begun.first, begun.last if up_to is None else min(begun.last, up_to))
    state, done = ctx.ledger.state(), [day for day in days_complete(ctx.layout) if day in begun]
    gaps = list(_not_complete(ctx.layout, begun, done, state.scored))
    if up_to is None:
        gaps += _landed_after(ctx.layout, begun.last)
    if not done:
        return gaps
    ran = steps_that_ran(ctx)
    others = [
        *_not_scored(state, done, ran.due),
        *_not_monitored(ctx, state, done, look_back=up_to is None),
        *undone_of_weeks(ctx, state, ran, done[-1]),
        *undone_of_trainings(ctx, state, ran, done[-1]),
    ]
    return gaps + [gap for gap in others if up_to is None or (gap.status is Status.FAIL and gap.days.last <= up_to)]


def days_whole(layout: Layout, days: Collection[date]) -> list[date]:
    """List those of these days for which every feed has landed, by the names of files, in order."""
    landed = [days_landed(layout, feed, days) for feed in FEEDS]
    return sorted(set(days).intersection(*landed))


def _not_complete(layout: Layout, begun: DateRange, done: Sequence[date], scored: Collection[date]) -> Iterator[Gap]:
    """Find the days that are not complete from the first to the last that were begun, each with what landed for it."""
    complete = frozenset(done)
    missing = [day for day in begun if day not in complete]
    if not missing:
        return
    lacking = _feeds_missing(layout, missing)

    def kind(day: date) -> tuple[Lack, tuple[str, ...]] | None:
        if not lacking[day]:
            return Lack.NOT_COMPLETE, ()
        if len(lacking[day]) < len(FEEDS):
            return Lack.LANDED_IN_PART, lacking[day]
        came = day in scored or _usually_done(day, complete, begun.first)
        return (Lack.NOTHING_LANDED, ()) if came else None

    for span, (lack, feeds) in _spans(missing, kind):
        status = Status.UNDETERMINED if lack is Lack.NOTHING_LANDED else Status.FAIL
        yield Gap(lack, span, status, feeds)


def _landed_after(layout: Layout, last: date) -> Iterator[Gap]:
    """Find the days after the newest done one for which something landed; one in part fails once a whole one followed.

    The feeds that a newest day still lacks may be on their way. Once all have come for a later day, no run comes back
    to those that have not: a day that lacks one is never complete.
    """
    from p2pcredit.storage.landing.files import landed_range  # reads raw files otherwise

    landed = landed_range(layout)
    if landed is None or landed.last <= last:
        return
    after = list(DateRange(last + timedelta(days=1), landed.last))
    missing = _feeds_missing(layout, after)
    newest_whole = max((day for day in after if not missing[day]), default=date.min)

    def kind(day: date) -> tuple[tuple[Lack, Status], tuple[str, ...]] | None:
        if len(missing[day]) == len(FEEDS):
            return None
        if not missing[day]:
            return (Lack.NOT_COMPLETE, Status.UNDETERMINED), ()
        return (Lack.LANDED_IN_PART, Status.FAIL if day < newest_whole else Status.UNDETERMINED), missing[day]

    for span, ((lack, status), feeds) in _spans(after, kind):
        yield Gap(lack, span, status, feeds)


def _feeds_missing(layout: Layout, days: Collection[date]) -> dict[date, tuple[str, ...]]:
    """List for each day the required feeds that have not landed for it, by the names of files."""
    landed = {feed: days_landed(layout, feed, days) for feed in FEEDS}
    return {day: tuple(feed for feed in FEEDS if day not in landed[feed]) for day in days}


def _not_scored(state: HandoffState, done: Sequence[date], asked: Collection[date]) -> Iterator[Gap]:
    """Find the days after the first scored one that are not, and those before it of which a run asked for a champion.

    Args:
        state: What the ledger adds up to.
        done: The complete days, in order.
        asked: The days whose run looked whether a training is due.
    """
    first, last = min(state.scored, default=date.max), max(state.scored, default=date.min)
    wanted = (day for day in done if day not in state.scored and (day > first or day in asked))
    missed = [day for day in wanted if state.champion_on(day) is not None]
    for span, (status, _) in _spans(missed, lambda day: (Status.FAIL if day < last else Status.UNDETERMINED, ())):
        yield Gap(Lack.NOT_SCORED, span, status)


def _not_monitored(ctx: JobContext, state: HandoffState, done: Sequence[date], *, look_back: bool) -> Iterator[Gap]:
    """Find the weeks between monitored ones that are not, those that a run passed over, and those without a decision.

    Args:
        ctx: The context.
        state: What the ledger adds up to.
        done: The complete days, in order.
        look_back: Whether the activity file is read also where the newest week was monitored.
    """
    from p2pcredit.jobs.monitoring.reviewed import monitored_weeks, undecided_weeks  # tables are looked at here only

    monitored = frozenset(monitored_weeks(ctx))
    regular = sorted(week for week in monitored if week <= done[-1] and MONITORING.fires_after(week) is not None)
    skipped: set[date] = set()
    if look_back or not regular or regular[-1] + _A_WEEK <= done[-1]:  # else they lie between monitored ones
        skipped = {week for week in _skipped_weeks(ctx) if week <= done[-1] and week not in monitored}
    missed: set[date] = set()
    if regular:
        complete, week = frozenset(done), regular[0] + _A_WEEK
        while week <= done[-1]:
            if week not in monitored and week in complete:
                missed.add(week)
            week += _A_WEEK
    lacks = dict.fromkeys(missed | skipped, Lack.NOT_MONITORED)
    lacks |= {week: Lack.NOT_DECIDED for week in undecided_weeks(ctx, state) if week <= done[-1]}
    for week, lack in sorted(lacks.items()):
        if state.champion_on(week) is not None:
            fails = week in skipped or (bool(regular) and week < regular[-1])
            yield Gap(lack, DateRange(week, week), Status.FAIL if fails else Status.UNDETERMINED)


def _skipped_weeks(ctx: JobContext) -> set[date]:
    found: set[date] = set()
    for entry in recent_entries(ctx, SKIPPED_WEEK):
        try:
            found.add(date.fromisoformat(str(entry.get("week_end_date"))))
        except ValueError:
            continue
    return found


def _usually_done(day: date, complete: Collection[date], first: date) -> bool:
    """Return whether a day comes as a rule: at least half of its weekdays in the four weeks before are complete."""
    before = [earlier for n in range(1, _WEEKS_COMPARED + 1) if (earlier := day - n * _A_WEEK) >= first]
    return 2 * sum(earlier in complete for earlier in before) >= len(before)


def _spans(
    days: Iterable[date], kind: Callable[[date], tuple[Any, tuple[str, ...]] | None]
) -> Iterator[tuple[DateRange, tuple[Any, tuple[str, ...]]]]:
    """Join days in order that follow each other without a gap and are of one kind; days of no kind are left out."""
    held: tuple[DateRange, tuple[Any, tuple[str, ...]]] | None = None
    for day in days:
        found = kind(day)
        if held is not None and found == held[1] and (day - held[0].last).days == 1:
            held = DateRange(held[0].first, day), held[1]
            continue
        if held is not None:
            yield held
        held = None if found is None else (DateRange(day, day), found)
    if held is not None:
        yield held


__all__ = ["SKIPPED_WEEK", "days_whole", "find_gaps"]
