"""Say whether a decision will be obeyed: from which snapshot date until which, or why never."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from p2pcredit.contracts.decision import Decision
from p2pcredit.periods import week_monday
from p2pcredit.retraining.state import DecisionStatus, Origin, first_day_of

_A_WEEK = timedelta(days=7)


class Standing(StrEnum):
    """Where a decision stands, seen from a snapshot date.

    DUE a training run for that date obeys it. WAITS for a later date: it is dated ahead, the week had its retraining,
    or monitoring made it of that date's loans. LATE no run for that date or later obeys it, one for an earlier date
    does. NEVER no run obeys it. NOT_ASKED it asks for no retraining. DONE it was acted on.
    """

    DUE = "due"
    WAITS = "waits"
    LATE = "late"
    NEVER = "never"
    NOT_ASKED = "not_asked"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will become of a decision.

    Args:
        standing: Where it stands.
        note: One sentence: until when it is obeyed, what it waits for, or why it never is.
        obeyed_from, obeyed_until: First and last snapshot date whose training run obeys it; None where none does.
        dated_ahead: Its date lies after the day on which it was looked at, which may be a slip.
    """

    standing: Standing
    note: str
    obeyed_from: date | None = None
    obeyed_until: date | None = None
    dated_ahead: bool = False


def outlook(
    decision: Decision,
    day: date,
    *,
    valid_days: int,
    fate: DecisionStatus = DecisionStatus.PENDING,
    origin: Origin = Origin.HAND,
    weeks_retrained: frozenset[date] | set[date] = frozenset(),
    replaced_by: str | None = None,
) -> Outlook:
    """Say what will become of a decision, seen from a snapshot date.

    Args:
        decision: What it says.
        day: The snapshot date; training runs for it and for later ones are still to come.
        valid_days: How many days after its date it holds where it names no `expires_on`.
        fate: What became of it so far.
        origin: Who made it; an override holds also in a week that had its retraining.
        weeks_retrained: Mondays of the weeks that had their retraining.
        replaced_by: The id of the decision that took its place, where that is known.

    Examples:
        >>> made = Decision(decision_date=date(2024, 1, 15), performance_score=None, retrain=True, reason="low")
        >>> outlook(made, date(2024, 1, 16), valid_days=14).note
        'obeyed by the next training run for a snapshot date from 2024-01-16 to 2024-01-29'
        >>> outlook(made, date(2024, 2, 1), valid_days=14).note
        'the decision of 2024-01-15 expired on 2024-01-29, 14 days after its date'
    """
    if fate is DecisionStatus.ACTED_ON:
        return Outlook(Standing.DONE, "it was acted on, and is not obeyed twice")
    if fate is DecisionStatus.SUPERSEDED:
        return Outlook(Standing.NEVER, f"a newer decision{f', {replaced_by},' if replaced_by else ''} took its place")
    first, last = first_day_of(decision, origin), decision.valid_until(valid_days)
    if not decision.retrain:
        lasts = f"expired on {last}" if last < day else "stands until another decision is made"
        return Outlook(Standing.NOT_ASKED, f"it asks for no retraining, and {lasts}")
    if last < first:
        why = f"its expires_on {last} lies before its decision_date {decision.decision_date}, so it holds on no day"
        if last >= decision.decision_date:
            why = f"it expires on {last}, before a run for a day after its date {decision.decision_date} could obey it"
        return Outlook(Standing.NEVER, why)
    if last < day:
        return Outlook(Standing.NEVER, _expired(decision, last, day, valid_days))
    start = max(first, day)
    free = start if origin is Origin.OVERRIDE else _first_free(start, last, weeks_retrained)
    if free is None:
        why = f"a retraining already took place in the week of {week_monday(start)}, and it expires on {last} before "
        return Outlook(Standing.NEVER, f"{why}a week without one begins")
    if decision.first_day() > day:
        why = (
            f"the decision is dated {decision.decision_date}, after the snapshot date {day}; it waits, and is obeyed "
            f"from {free} to {last} unless a decision of monitoring takes its place before"
        )
        return Outlook(Standing.WAITS, why, free, last, dated_ahead=True)
    if free > start:
        why = f"a retraining already took place in the week of {week_monday(start)}; it waits until {free}"
        return Outlook(Standing.WAITS, f"{why}, and is obeyed until {last}", free, last)
    if fate is DecisionStatus.CLAIMED:
        return Outlook(
            Standing.DUE, f"a training run acts on it now; where that fails it holds until {last}", day, last
        )
    why = f"obeyed by the next training run for a snapshot date from {free} to {last}"
    return Outlook(Standing.DUE if free == day else Standing.WAITS, why, free, last)


def _first_free(start: date, last: date, weeks_retrained: frozenset[date] | set[date]) -> date | None:
    """Find the first day from `start` to `last` in a week without a retraining."""
    while start <= last and week_monday(start) in weeks_retrained:
        monday = week_monday(start)
        if monday > date.max - _A_WEEK:
            return None
        start = monday + _A_WEEK
    return start if start <= last else None


def _expired(decision: Decision, last: date, day: date, valid_days: int) -> str:
    span = "" if decision.expires_on is not None else f", {valid_days} days after its date"
    told = f"the decision of {decision.decision_date} expired on {last}{span}"
    slip = "; is its year a slip of the pen?" if _holds_with_the_next_year(decision, day, valid_days) else ""
    return told + slip


def _holds_with_the_next_year(decision: Decision, day: date, valid_days: int) -> bool:
    """Return whether the same date in the next year would hold on `day`."""
    written = decision.decision_date
    if written.year == date.max.year:
        return False
    leap_day = (written.month, written.day) == (2, 29)
    meant = written.replace(year=written.year + 1, day=28 if leap_day else written.day)
    shifted = decision.model_copy(update={"decision_date": meant, "expires_on": None})
    return shifted.first_day() <= day <= shifted.valid_until(valid_days)


__all__ = ["Outlook", "Standing", "outlook"]
