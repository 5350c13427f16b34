"""Plan whether a retraining is due on a snapshot date: one pure function, for the check and for the training itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from p2pcredit.periods import week_monday
from p2pcredit.retraining.outlook import outlook
from p2pcredit.retraining.state import DecisionRecord, DecisionStatus, HandoffState, Origin, first_day_of
from p2pcredit.settings import HandoffSettings


@dataclass(frozen=True, slots=True)
class Plan:
    """Whether to train, on which decision, and why, in one line."""

    retrain: bool
    reason: str
    decision_id: str | None = None
    overrides_limit: bool = False
    remedy: str | None = None


def plan_retraining(
    state: HandoffState,
    day: date,
    *,
    settings: HandoffSettings,
    weeks_with_log: set[date],
    first_model_possible: bool,
    by_person: bool = False,
    first_model_waits: str = "",
) -> Plan:
    """Decide whether a retraining is due on this snapshot date.

    Args:
        state: What the ledger adds up to.
        day: The snapshot date of the run that asks.
        settings: How long a decision serves.
        weeks_with_log: Mondays for which a retraining log file lies there. Where it and the ledger disagree, the
            stricter one counts.
        first_model_possible: There is no champion and enough loans have matured for one.
        by_person: Whether a person asks for the training, who may have monitoring's decision obeyed on its own date
            too.
        first_model_waits: Why a first model is not tried again yet, though enough have; empty where that is not so.

    Returns:
        The plan. `retrain` is True on a valid decision that says so, or for the first model; never twice in one week
        (Monday to Sunday) except where a person overrides it, and for no first model while one waits for approval.
    """
    week = week_monday(day)
    limited = week in state.weeks_retrained() or week in weeks_with_log
    record = state.current
    usable = record is not None and record.fate in {DecisionStatus.PENDING, DecisionStatus.CLAIMED}
    if record is not None and usable:
        first = record.decision.first_day() if by_person else first_day_of(record.decision, record.origin)
        taken = state.weeks_retrained() | weeks_with_log
        verdict = _validity(record, first, day, settings, taken)
        overrides = record.origin is Origin.OVERRIDE
        if verdict is None and record.decision.retrain and limited and not overrides:
            found = outlook(
                record.decision, day, valid_days=settings.valid_days, origin=record.origin, weeks_retrained=taken
            )
            until = "expires before the next week" if found.obeyed_from is None else f"waits until {found.obeyed_from}"
            return Plan(False, _limit_reason(week) + f"; decision {record.decision_id} {until}")
        if verdict is None and record.decision.retrain:
            why = f"decision {record.decision_id} of {record.decision.decision_date}: {record.decision.reason}"
            return Plan(True, why, record.decision_id, overrides_limit=limited, remedy=record.decision.remedy)
        waiting = verdict or f"decision {record.decision_id} says no retraining: {record.decision.reason}"
    else:
        waiting = _no_decision(record)
    if first_model_possible and state.approvals.waiting:
        newest = state.approvals.waiting[-1]
        why = f"no champion yet; {newest.model_id} waits for approval ({newest.approval}) since {newest.asked_on}"
        return Plan(False, why)
    if first_model_possible and not limited:
        return Plan(True, "no champion yet and enough loans have matured for a first model")
    if first_model_possible:
        return Plan(False, _limit_reason(week))
    return Plan(False, first_model_waits or waiting)


@dataclass(frozen=True, slots=True)
class Retry:
    """When a first model is tried again after one was refused.

    Args:
        model_id: The one that was refused last.
        tried_on: As of when.
        knew: How many matured bads it knew.
        needed: How many must be known for the next.
    """

    model_id: str
    tried_on: date
    knew: int
    needed: int

    def in_words(self, known: int) -> str:
        """Say what the next attempt waits for, where so many matured bads are known now."""
        return (
            f"no champion yet; the first model {self.model_id} of {self.tried_on}, with {self.knew} matured bads, does "
            f"not serve; the next is tried at {self.needed}, {known} are known"
        )


def retry_of_first_model(state: HandoffState, day: date, growth_share: float) -> Retry | None:
    """Say when a first model is tried again: not until the matured bads have grown by a share since the last attempt.

    Tried weekly on nearly the same loans, one of many attempts passes by luck. With a half, after 50 bads come 75, 113
    and 170.

    Args:
        state: What the ledger adds up to; no model has served yet.
        day: The snapshot date; attempts as of a later day play no part.
        growth_share: The share, such as 0.5.

    Returns:
        None before the first attempt, where its line does not say how many bads it knew, and with a share of 0.
    """
    tried = [t.facts for t in state.trainings if date.fromisoformat(t.facts["snapshot_date"]) <= day]
    told = [facts for facts in tried if facts.get("matured_bads") is not None]
    if not told or growth_share <= 0.0:
        return None
    last = max(told, key=lambda facts: int(facts["matured_bads"]))
    knew = int(last["matured_bads"])
    needed = math.ceil(knew + growth_share * knew - 1e-9)
    return Retry(str(last.get("model_id")), date.fromisoformat(last["snapshot_date"]), knew, max(needed, knew + 1))


def _validity(
    record: DecisionRecord, first: date, day: date, settings: HandoffSettings, weeks_retrained: set[date]
) -> str | None:
    """Word why a decision does not hold on `day`; None where it does."""
    decision = record.decision
    if first <= day <= decision.valid_until(settings.valid_days):
        return None
    asked = decision.model_copy(update={"retrain": True})  # a no that has expired says so too
    return outlook(
        asked, day, valid_days=settings.valid_days, origin=record.origin, weeks_retrained=weeks_retrained
    ).note


def _limit_reason(week: date) -> str:
    return f"a retraining already took place in the week of {week}; at most one a week"


def _no_decision(record: DecisionRecord | None) -> str:
    if record is None:
        return "no decision"
    return f"no new decision: {record.decision_id} was acted on by {record.acted_on_by}"
