"""Find what the steps of past runs were to leave and did not: reports, alerts, trainings, logs, a cleared decision.

A task that is marked as success by hand leaves none of these, and no later step needs them, so that nothing else would
name it. What a step left is seen in its files and in the ledger; that a step before it ran, and said what was to come,
in the activity file. Where that does not reach back to a week, nothing is said of the week.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from p2pcredit.contracts.decision import Decision
from p2pcredit.contracts.results import Status
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.gaps.gap import Gap, Lack
from p2pcredit.periods import DateRange, parse_date
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import DecisionStatus, HandoffState, Origin
from p2pcredit.storage.state.decision_file import read_decision

REPORTED = "generate_report"
ALERTED = "send_alerts"
CHECKED = "check_retraining"
"""Jobs whose lines of the activity file say that they ran."""


@dataclass(frozen=True, slots=True)
class StepsThatRan:
    """What the activity file says of the steps that ran.

    Args:
        since: The day of its oldest entry; None where it has none.
        reported: Last days of the weeks whose report was written.
        alerted: Last day of a week -> who sent its alerts.
        due: Snapshot date -> what the check before a training said of it last, in the order in which they were said.
    """

    since: date | None = None
    reported: set[date] = field(default_factory=set)
    alerted: dict[date, set[str]] = field(default_factory=dict)
    due: dict[date, dict[str, Any]] = field(default_factory=dict)


def steps_that_ran(ctx: JobContext) -> StepsThatRan:
    """Read what the activity file says of the steps that ran, in its last few megabytes."""
    oldest = next((day for entry in recent_entries(ctx) if (day := _written_on(entry)) is not None), None)
    found = StepsThatRan(oldest)
    for entry in recent_entries(ctx, REPORTED, ALERTED, CHECKED):
        name = "snapshot_date" if entry["job"] == CHECKED else "week_end_date"
        try:
            day = date.fromisoformat(str(entry.get(name)))
        except ValueError:
            continue
        match entry["job"]:
            case "generate_report":
                found.reported.add(day)
            case "send_alerts":
                found.alerted.setdefault(day, set()).add(str(entry.get("caller")))
            case _:
                found.due.pop(day, None)
                found.due[day] = entry
    return found


def undone_of_weeks(ctx: JobContext, state: HandoffState, ran: StepsThatRan, last: date) -> list[Gap]:
    """Find the decided weeks up to a day whose report was not written, or whose alerts were not sent, in order.

    A replay writes the report of its last week only, so none of its weeks lacks one. Of the newest decided week it
    cannot be told, since its run may be about to do it, nor of one whose report was written and is gone.
    """
    decided = {
        made.decision.decision_date: made.recorded_on
        for made in state.decisions.values()
        if made.origin is Origin.MONITORING and made.decision.decision_date <= last
    }
    found = []
    for week, recorded_on in sorted(decided.items()):
        sent_by, sure = ran.alerted.get(week, set()), week != max(decided)
        if not sent_by:
            known = ran.since is not None and ran.since <= recorded_on
            lack = Lack.NOT_ALERTED if known else None
        else:
            lack = Lack.NOT_REPORTED if sent_by != {str(Caller.REPLAY)} and not _has_report(ctx, week) else None
            sure = sure and week not in ran.reported
        if lack is not None:
            found.append(Gap(lack, DateRange(week, week), Status.FAIL if sure else Status.UNDETERMINED))
    return found


def undone_of_trainings(ctx: JobContext, state: HandoffState, ran: StepsThatRan, last: date) -> Iterator[Gap]:
    """Find a training that was due and passed by, a decision acted on and not cleared, weeks retrained without a log.

    Args:
        ctx: The context.
        state: What the ledger adds up to.
        ran: The steps that ran.
        last: The newest complete day: what lies as many days before it as runs make up is for the next run to do.
    """
    due = _due(ctx, state, ran)
    if due is not None:
        yield Gap(Lack.NOT_TRAINED, DateRange(due, due), Status.UNDETERMINED)
    shown = read_decision(ctx.layout.decision_file)
    record = state.known_content(shown) if isinstance(shown, Decision) else None
    if record is not None and record.fate is DecisionStatus.ACTED_ON:
        for trained in _trained_on(state):
            if trained.decision_id == record.decision_id:
                yield Gap(Lack.NOT_CLEARED, DateRange(trained.day, trained.day), Status.UNDETERMINED)
    reach = timedelta(days=ctx.settings.preprocessing.catch_up_days)
    for trained in {one.week: one for one in _trained_on(state)}.values():
        if not ctx.layout.retraining_log(trained.week).exists():
            status = Status.FAIL if trained.day < last - reach else Status.UNDETERMINED
            yield Gap(Lack.NOT_LOGGED, DateRange(trained.day, trained.day), status)


@dataclass(frozen=True, slots=True)
class _Training:
    day: date
    week: date
    decision_id: str | None


def _trained_on(state: HandoffState) -> list[_Training]:
    return [
        _Training(parse_date(facts["snapshot_date"]), parse_date(facts["week"]), facts.get("decision_id"))
        for facts in (event.facts for event in state.trainings)
    ]


def _due(ctx: JobContext, state: HandoffState, ran: StepsThatRan) -> date | None:
    """Give the day of which the last check said that a training is due, where none began since and it still is."""
    day, said = next(reversed(ran.due.items()), (None, {}))
    if day is None or said.get("retrain") is not True:
        return None
    begun = (
        parse_date(event.facts["snapshot_date"]) for event in ctx.ledger.events() if event.kind is EventKind.CLAIMED
    )
    if any(claimed >= day for claimed in begun):
        return None
    decision_id = said.get("decision_id")
    if decision_id is None:
        return day if state.champion_on(day) is None else None
    record = state.decisions.get(str(decision_id))
    return day if record is not None and record.fate is DecisionStatus.PENDING else None


def _has_report(ctx: JobContext, week: date) -> bool:
    return ctx.layout.report(week).is_file()


def _written_on(entry: dict[str, Any]) -> date | None:
    try:
        return datetime.fromisoformat(str(entry.get("at"))).date()
    except ValueError:
        return None


__all__ = ["StepsThatRan", "steps_that_ran", "undone_of_trainings", "undone_of_weeks"]
