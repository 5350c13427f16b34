"""What will become of the decision that counts in this home, by its clock and by the days it has worked on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from p2pcredit.contracts.alerts import Finding
from p2pcredit.contracts.decision import Decision, unknown_fields_in_words
from p2pcredit.jobs.activity import warn_once
from p2pcredit.jobs.context import JobContext
from p2pcredit.periods import week_monday
from p2pcredit.retraining.outlook import Outlook, Standing, outlook
from p2pcredit.retraining.state import DecisionRecord, DecisionStatus, HandoffState, Origin, first_day_of
from p2pcredit.storage.state.decision_file import Unreadable
from p2pcredit.storage.tables.day_receipts import last_complete

WHAT_TO_DO = (
    "write it anew with a decision_date of these days and no expires_on, or use "
    "'p2pcredit decision override --retrain --why ...'"
)
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pending:
    """A decision that waits, taken up into the ledger or still in the decision file only, and its outlook.

    `unknown_fields`: those of its file that are no part of a decision.
    """

    decision: Decision
    outlook: Outlook
    unknown_fields: tuple[str, ...] = ()


def pending_decision(ctx: JobContext, state: HandoffState, shown: Decision | Unreadable | None) -> Pending | None:
    """Find the decision that waits; None where none does.

    Args:
        ctx: The context.
        state: What the ledger adds up to.
        shown: What lies in the decision file; where it says something new it counts, as the next run takes it up.
    """
    if isinstance(shown, Decision) and state.known_content(shown) is None:
        return Pending(shown, outlook_of_file(ctx, shown), shown.unknown_fields)
    current = state.current
    if current is None or current.fate not in {DecisionStatus.PENDING, DecisionStatus.CLAIMED}:
        return None
    return Pending(current.decision, outlook_of(ctx, current), current.unknown_fields)


def outlook_of(ctx: JobContext, record: DecisionRecord, day: date | None = None) -> Outlook:
    """Say what will become of a recorded decision.

    Args:
        ctx: The context.
        record: The decision.
        day: The snapshot date that a run works on; else the newest one that is over at the present instant.

    Returns:
        Its outlook. One that has expired by the clock while the home has not worked on its days yet is LATE: a run
        that goes on where the home stopped, such as a replay, still obeys it.
    """
    state = ctx.ledger.state()
    replaced_by = state.current_id if record.fate is DecisionStatus.SUPERSEDED else None
    return _seen(ctx, record.decision, record.fate, record.origin, day, replaced_by)


def outlook_of_file(ctx: JobContext, shown: Decision) -> Outlook:
    """Say what will become of a decision file that no run has taken up yet."""
    return _seen(ctx, shown, DecisionStatus.PENDING, Origin.HAND, None, None)


def in_words(found: Outlook | None, unknown_fields: Sequence[str] = ()) -> dict[str, str | None]:
    """Put an outlook into JSON values: `obeyed_from`, `obeyed_until`, `note`, which names unknown fields too."""
    if found is None:
        return {"obeyed_from": None, "obeyed_until": None, "note": None}
    first, last = found.obeyed_from, found.obeyed_until
    return {
        "obeyed_from": None if first is None else first.isoformat(),
        "obeyed_until": None if last is None else last.isoformat(),
        "note": "; ".join(filter(None, (found.note, unknown_fields_in_words(unknown_fields)))),
    }


def weeks_with_log(ctx: JobContext, day: date) -> set[date]:
    """Return the Monday of this snapshot date's week, if a retraining log of that week lies there, by run or hand."""
    monday = week_monday(day)
    named = (ctx.layout.retraining_log(date.fromordinal(monday.toordinal() + place)) for place in range(7))
    return {monday} if any(os.path.lexists(path) for path in named) else set()


def warn_if_not_obeyed(ctx: JobContext, state: HandoffState, day: date | None = None) -> None:
    """Warn, once per decision, where the decision that waits asks for a retraining that no run will do.

    That is one that has expired, contradicts itself, or is dated ahead. Call it while holding the ledger.
    """
    current = state.current
    if current is None or current.fate is not DecisionStatus.PENDING or not current.decision.retrain:
        return
    if _holds_into_the_next_week(ctx, current, day):
        return
    found = outlook_of(ctx, current, day)
    if found.standing is Standing.WAITS and found.dated_ahead and day is not None and day < _clock_day(ctx):
        found = outlook_of(ctx, current)  # a run for an older day: look from the present as well
    if found.standing is not Standing.NEVER and not (found.standing is Standing.WAITS and found.dated_ahead):
        return
    what = "is not obeyed yet" if found.standing is Standing.WAITS else "will not be obeyed"
    message = f"decision {current.decision_id} {what}: {found.note}{_replaced(ctx, state, day)}; {WHAT_TO_DO}"
    warn_once(ctx, f"decision {current.decision_id}", message, Finding.DECISION_NOT_OBEYED)


def _holds_into_the_next_week(ctx: JobContext, record: DecisionRecord, day: date | None) -> bool:
    """Return whether it holds on the day and on the next Monday, so that a run obeys it; this reads no file."""
    today = _clock_day(ctx) if day is None else day
    next_monday = week_monday(today).toordinal() + 7
    last = record.decision.valid_until(ctx.settings.handoff.valid_days)
    return first_day_of(record.decision, record.origin) <= today and last.toordinal() >= next_monday


def _replaced(ctx: JobContext, state: HandoffState, day: date | None) -> str:
    """Word which waiting decision to retrain the current one replaced; empty where there is none."""
    ids = list(state.decisions)
    place = ids.index(str(state.current_id))
    before = state.decisions[ids[place - 1]] if place else None
    if before is None or before.fate is not DecisionStatus.SUPERSEDED or not before.decision.retrain:
        return ""
    waited = outlook_of(ctx, replace(before, fate=DecisionStatus.PENDING), day)
    lives = waited.standing in {Standing.DUE, Standing.WAITS} and not waited.dated_ahead
    return f"; it took the place of {before.decision_id}, which waited" if lives else ""


def _seen(
    ctx: JobContext, decision: Decision, fate: DecisionStatus, origin: Origin, day: date | None, replaced_by: str | None
) -> Outlook:
    today = _clock_day(ctx) if day is None else day
    found = _from_day(ctx, decision, fate, origin, today, replaced_by)
    if found.standing is not Standing.NEVER or fate is DecisionStatus.SUPERSEDED:
        return found
    last = last_complete(ctx.layout)
    if last is None or last >= today - _A_DAY:
        return found
    earlier = _from_day(ctx, decision, fate, origin, last + _A_DAY, replaced_by)
    if earlier.standing is Standing.NEVER:
        return found
    note = f"{found.note}; only a run for a snapshot date from {earlier.obeyed_from} to {earlier.obeyed_until} obeys it"
    return replace(earlier, standing=Standing.LATE, note=note)


def _from_day(
    ctx: JobContext, decision: Decision, fate: DecisionStatus, origin: Origin, day: date, replaced_by: str | None
) -> Outlook:
    return outlook(
        decision,
        day,
        valid_days=ctx.settings.handoff.valid_days,
        fate=fate,
        origin=origin,
        weeks_retrained=ctx.ledger.state().weeks_retrained() | weeks_with_log(ctx, day),
        replaced_by=replaced_by,
    )


def _clock_day(ctx: JobContext) -> date:
    """Return the newest snapshot date that is over at the present instant: the day before it."""
    return ctx.at.date() - _A_DAY


__all__ = [
    "WHAT_TO_DO",
    "Pending",
    "in_words",
    "outlook_of",
    "outlook_of_file",
    "pending_decision",
    "warn_if_not_obeyed",
    "weeks_with_log",
]
