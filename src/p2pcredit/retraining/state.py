"""What the ledger's lines add up to: decisions and their fates, weeks retrained, champions, who scored which day."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from p2pcredit.contracts.decision import Decision
from p2pcredit.errors import DecisionError
from p2pcredit.retraining import findings
from p2pcredit.retraining.approvals import NO_APPROVAL, Approval, Approvals, Proposal
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.retraining.findings import ModelFinding


class Origin(StrEnum):
    """Who made a decision."""

    MONITORING = "monitoring"
    HAND = "hand"
    OVERRIDE = "override"


class DecisionStatus(StrEnum):
    """What became of a decision: it waits, a run is acting on it, it was acted on, or a newer one took its place."""

    PENDING = "pending"
    CLAIMED = "claimed"
    ACTED_ON = "acted_on"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision, who made it, and what became of it.

    `unknown_fields`: those of the file it was taken up from that are no part of a decision.
    """

    decision_id: str
    decision: Decision
    origin: Origin
    recorded_on: date
    fate: DecisionStatus = DecisionStatus.PENDING
    cleared: bool = False
    acted_on_by: str | None = None
    model_id: str | None = None
    outcome: str | None = None
    unknown_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A training run that began and has not said how it ended."""

    run_id: str
    snapshot_date: date
    decision_id: str | None


@dataclass(frozen=True, slots=True)
class ChampionPeriod:
    """A model that scores from a snapshot date on, until the next period. `by`: who let it, or `schedule`."""

    effective_on: date
    model_id: str
    number: int
    why: str
    by: str | None = None


@dataclass(slots=True)
class HandoffState:
    """All that the ledger knows: empty at first, or unpacked from a summary; `fold` adds lines to it."""

    decisions: dict[str, DecisionRecord] = field(default_factory=dict)
    current_id: str | None = None
    claim: Claim | None = None
    trainings: list[LedgerEvent] = field(default_factory=list)
    champion_periods: list[ChampionPeriod] = field(default_factory=list)
    scored: dict[date, tuple[str, int]] = field(default_factory=dict)
    set_aside: set[str] = field(default_factory=set)
    approvals: Approvals = field(default_factory=Approvals)
    findings: dict[str, tuple[ModelFinding, ...]] = field(default_factory=dict)

    def copied(self) -> HandoffState:
        """Copy the state, so that the copy can be extended; what it holds is never changed in place."""
        return HandoffState(**{each.name: copy(getattr(self, each.name)) for each in fields(self)})

    def mark(self, decision_id: str | None, **changes: Any) -> None:
        """Say what became of a decision, if it is known."""
        record = self.decisions.get(decision_id or "")
        if record is not None:
            self.decisions[record.decision_id] = replace(record, **changes)

    @property
    def current(self) -> DecisionRecord | None:
        """The decision that counts now, whatever its fate; None before the first."""
        return self.decisions[self.current_id] if self.current_id is not None else None

    def weeks_retrained(self) -> set[date]:
        """List the Mondays of the weeks in which a training took place."""
        return {date.fromisoformat(event.facts["week"]) for event in self.trainings}

    def champion_on(self, day: date) -> str | None:
        """Return the model that scores the loans of a snapshot date; None before the first champion."""
        period = _last(period for period in self.champion_periods if period.effective_on <= day)
        return period.model_id if period else None

    @property
    def champion(self) -> str | None:
        """The model that scores from now on."""
        period = _last(self.champion_periods)
        return period.model_id if period else None

    def champion_before(self) -> str | None:
        """Return the model that a rollback returns to: the one in service before the champion's first period."""
        order = sorted(self.champion_periods, key=lambda period: (period.effective_on, period.number))
        first = next((place for place, period in enumerate(order) if period.model_id == self.champion), 0)
        return order[first - 1].model_id if first else None

    def next_unscored(self, as_of: date) -> date:
        """Return the first day of a new champion: after every scored day, and not before it or another began."""
        days = [as_of, *(period.effective_on for period in self.champion_periods)]
        if self.scored:
            days.append(max(self.scored) + timedelta(days=1))
        return max(days)

    def trainings_that_made(self, model_id: str) -> list[LedgerEvent]:
        """List the trainings that banked a model, oldest first: as their outcome, or as the challenger beside it."""
        return [e for e in self.trainings if model_id in (e.facts.get("model_id"), e.facts.get("challenger_id"))]

    def training_of(self, run_id: str, day: date) -> LedgerEvent | None:
        """Return the training that a run already did for a snapshot date, so that a retry does not train again."""
        for event in reversed(self.trainings):
            if event.run_id == run_id and event.facts["snapshot_date"] == day.isoformat():
                return event
        return None

    def known_content(self, decision: Decision) -> DecisionRecord | None:
        """Return the record that a decision file shows, or None where the file says something new.

        A file that carries an id and the content recorded under it is that decision. A file without a known id is the
        current decision if it says the same and was not cleared: every file that was taken up is written again with its
        id, so the same words in a file without one, later, are a new decision.
        """
        record = self.decisions.get(decision.decision_id or "")
        digest = decision.content_digest()
        if record is not None and record.decision.content_digest() == digest:
            return record
        current = self.current
        if current is not None and current.decision.content_digest() == digest and not current.cleared:
            return current
        return None


def fold(events: Iterable[LedgerEvent], onto: HandoffState | None = None) -> HandoffState:
    """Fold these lines, in order, into a state.

    Args:
        events: The lines.
        onto: What the lines before them added up to; it stays as it is. None where there are none before them.

    Raises:
        DecisionError: If a line lacks what its kind must say.
    """
    state = HandoffState() if onto is None else onto.copied()
    for event in events:
        try:
            _STEPS[event.kind](state, event)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            why = f"{type(error).__name__} in its facts"
            message = f"ledger line {event.number} ({event.kind}) is damaged ({why}); restore it from a backup"
            raise DecisionError(message) from error
    return state


def is_newer(decision: Decision, origin: Origin, current: DecisionRecord | None) -> bool:
    """Return whether a decision takes the current one's place.

    A person's decision always does. Monitoring's does unless it rests on older data, or on the same week's data as a
    decision that was acted on already (a rerun of monitoring must not make the same week count twice). A decision dated
    after the day on which it was recorded is treated as a typo and doesn't block later decisions.
    """
    if current is None or origin is not Origin.MONITORING:
        return True
    if current.decision.decision_date > current.recorded_on:
        return True
    if current.fate in {DecisionStatus.ACTED_ON, DecisionStatus.CLAIMED} and current.origin is Origin.MONITORING:
        return decision.decision_date > current.decision.decision_date
    return decision.decision_date >= current.decision.decision_date


def first_day_of(decision: Decision, origin: Origin) -> date:
    """Give the first snapshot date whose scheduled run may act on a decision.

    That of a person holds from the day before its date, whose run fires on its date. Monitoring's rests on the loans of
    its date as their champion scored them: a run for that day is late or done again, and would put another champion in
    place of the one that was measured. So it holds from the day after.
    """
    if origin is not Origin.MONITORING:
        return decision.first_day()
    return date.fromordinal(min(decision.decision_date.toordinal() + 1, date.max.toordinal()))


def _last(periods: Iterable[ChampionPeriod]) -> ChampionPeriod | None:
    return max(periods, key=lambda period: (period.effective_on, period.number), default=None)


def _decided(state: HandoffState, event: LedgerEvent) -> None:
    decision = Decision.model_validate(event.facts["decision"])
    origin = Origin(event.facts["origin"])
    decision_id = str(event.facts["decision_id"])
    unknown = tuple(str(name) for name in event.facts.get("unknown_fields", ()))
    record = DecisionRecord(decision_id, decision, origin, _day_of(event), unknown_fields=unknown)
    if is_newer(decision, origin, state.current):
        previous = state.current
        if previous is not None and previous.fate is DecisionStatus.PENDING:
            state.mark(previous.decision_id, fate=DecisionStatus.SUPERSEDED)
        state.current_id = decision_id
    else:
        record = replace(record, fate=DecisionStatus.SUPERSEDED)
    state.decisions[decision_id] = record


def _claimed(state: HandoffState, event: LedgerEvent) -> None:
    decision_id = event.facts.get("decision_id")
    state.claim = Claim(event.run_id, date.fromisoformat(event.facts["snapshot_date"]), decision_id)
    state.mark(decision_id, fate=DecisionStatus.CLAIMED)


def _released(state: HandoffState, event: LedgerEvent) -> None:
    state.claim = None
    record = state.decisions.get(event.facts.get("decision_id") or "")
    if record is not None and record.fate is DecisionStatus.CLAIMED:
        waits = record.decision_id == state.current_id
        state.mark(record.decision_id, fate=DecisionStatus.PENDING if waits else DecisionStatus.SUPERSEDED)


def _trained(state: HandoffState, event: LedgerEvent) -> None:
    state.claim = None
    state.trainings.append(event)
    state.mark(
        event.facts.get("decision_id"),
        fate=DecisionStatus.ACTED_ON,
        acted_on_by=event.run_id,
        model_id=event.facts.get("model_id"),
        outcome=f"{event.facts.get('outcome')}: {event.facts.get('reason')}",
    )
    if event.facts.get("promoted"):
        _take_over(state, event.facts["snapshot_date"], event, str(event.facts.get("reason", "")))


def _cleared(state: HandoffState, event: LedgerEvent) -> None:
    state.mark(event.facts.get("decision_id"), cleared=True)


def _promoted(state: HandoffState, event: LedgerEvent) -> None:
    _take_over(state, event.facts["effective_on"], event, str(event.facts.get("why", "")))


def _rolled_back(state: HandoffState, event: LedgerEvent) -> None:
    _reign(state, event.facts["effective_on"], event, event.facts.get("why", ""))


def _take_over(state: HandoffState, effective_on: str, event: LedgerEvent, why: str) -> None:
    """Let a promoted model serve, or wait where its line says that it needs approval."""
    approval = event.facts.get("approval") or NO_APPROVAL
    if approval == NO_APPROVAL:
        state.approvals = state.approvals.after_takeover(event.number)
        _reign(state, effective_on, event, why)
        return
    proposal = Proposal(
        model_id=str(event.facts["model_id"]),
        number=event.number,
        asked_on=_day_of(event),
        approval=str(approval),
        why=why,
        proposed_by=event.facts.get("by"),
        replaces=state.champion,
    )
    state.approvals = state.approvals.after_proposal(proposal)


def _approved(state: HandoffState, event: LedgerEvent) -> None:
    until = event.facts.get("until")
    approval = Approval(
        model_id=str(event.facts["model_id"]),
        number=event.number,
        approved_on=_day_of(event),
        by=str(event.facts["by"]),
        why=str(event.facts["why"]),
        until=None if until is None else date.fromisoformat(until),
        conditions=str(event.facts.get("conditions") or ""),
    )
    waited = state.approvals.waiting_of(approval.model_id)
    state.approvals = state.approvals.after_approval(approval)
    if event.facts.get("effective_on") is not None:
        promoted = "" if waited is None else f"{waited.why}; "
        _reign(state, event.facts["effective_on"], event, f"{promoted}approved: {approval.why}")


def _refused(state: HandoffState, event: LedgerEvent) -> None:
    facts = event.facts
    state.approvals = state.approvals.after_refusal(facts["model_id"], facts.get("by"), facts["why"], _day_of(event))


def _finding_opened(state: HandoffState, event: LedgerEvent) -> None:
    facts = event.facts
    finding = ModelFinding(int(facts["finding"]), str(facts["text"]), facts.get("by"), _day_of(event))
    state.findings = findings.opened(state.findings, str(facts["model_id"]), finding)


def _finding_closed(state: HandoffState, event: LedgerEvent) -> None:
    facts, model_id = event.facts, str(event.facts["model_id"])
    why = str(facts.get("why") or "")
    state.findings = findings.closed(
        state.findings, model_id, int(facts["finding"]), facts.get("by"), why, _day_of(event)
    )


def _day_of(event: LedgerEvent) -> date:
    return datetime.fromisoformat(event.at).date()


def _scored(state: HandoffState, event: LedgerEvent) -> None:
    for day, loans in event.facts["days"].items():
        state.scored[date.fromisoformat(day)] = (str(event.facts["model_id"]), int(loans))


def _reign(state: HandoffState, effective_on: str, event: LedgerEvent, why: Any) -> None:
    facts, first = event.facts, date.fromisoformat(effective_on)
    state.champion_periods.append(ChampionPeriod(first, facts["model_id"], event.number, str(why), facts.get("by")))


def _set_aside(state: HandoffState, event: LedgerEvent) -> None:
    state.set_aside.add(str(event.facts.get("path")))


_STEPS = {
    EventKind.DECIDED: _decided,
    EventKind.SET_ASIDE: _set_aside,
    EventKind.CLAIMED: _claimed,
    EventKind.RELEASED: _released,
    EventKind.TRAINED: _trained,
    EventKind.CLEARED: _cleared,
    EventKind.PROMOTED: _promoted,
    EventKind.ROLLED_BACK: _rolled_back,
    EventKind.APPROVED: _approved,
    EventKind.REFUSED: _refused,
    EventKind.FINDING_OPENED: _finding_opened,
    EventKind.FINDING_CLOSED: _finding_closed,
    EventKind.SCORED: _scored,
}
