"""What the ledger adds up to for one model: its role, who made it, when it served, why, and what took its place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from p2pcredit.periods import add_months
from p2pcredit.retraining.approvals import ProposalStatus
from p2pcredit.retraining.state import ChampionPeriod, HandoffState

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Service:
    """A time in which a model served without another between.

    Args:
        first: The first snapshot date.
        last: The last one; None while it serves.
        why: Why it came to serve.
        by: Who let it serve: a person, or `schedule`.
        replaced_by, replaced_why: Which model took its place, and why; None while it serves.
    """

    first: date
    last: date | None
    why: str
    by: str | None
    replaced_by: str | None = None
    replaced_why: str | None = None


def role_of(state: HandoffState, model_id: str) -> str:
    """Name the role of a model: `champion`, `waits for approval`, `former champion`, `refused` or `challenger`."""
    if state.champion == model_id:
        return "champion"
    if state.approvals.waiting_of(model_id) is not None:
        return "waits for approval"
    if any(period.model_id == model_id for period in state.champion_periods):
        return "former champion"
    proposals = [one for one in state.approvals.proposals if one.model_id == model_id]
    return "refused" if proposals and proposals[-1].status is ProposalStatus.REFUSED else "challenger"


def makers_of(state: HandoffState, model_id: str) -> dict[str, str | None]:
    """Name who developed, trained and promoted a model: what each did -> the name, None where not known."""
    makers: dict[str, str | None] = {}
    for training in state.trainings_that_made(model_id):
        makers |= {"developed it": training.facts.get("developer"), "trained it": training.facts.get("by")}
    waits = state.approvals.waiting_of(model_id)
    if waits is not None:
        makers["promoted it"] = waits.proposed_by
    return makers


def service_of(state: HandoffState, model_id: str) -> list[Service]:
    """List the times in which a model served, oldest first; one that ended before its first day is left out."""
    periods = sorted(state.champion_periods, key=lambda period: (period.effective_on, period.number))
    found: list[Service] = []
    for place, period in enumerate(periods):
        if period.model_id != model_id or (place and periods[place - 1].model_id == model_id):
            continue
        after = next((later for later in periods[place:] if later.model_id != model_id), None)
        served = _served(period, after)
        if served.last is None or served.last >= served.first:
            found.append(served)
    return found


def retired_on(state: HandoffState, model_id: str) -> date | None:
    """Return the first day since when a model is out of use; None for one that serves, waits, or never was in use.

    Of a model that served it is the day after its last; of one that a person refused, the day of the refusal.
    """
    if state.champion == model_id or state.approvals.waiting_of(model_id) is not None:
        return None
    served = service_of(state, model_id)
    if served and served[-1].last is not None:
        return served[-1].last + _A_DAY
    refused = [
        one.ended_on
        for one in state.approvals.proposals
        if one.model_id == model_id and one.status is ProposalStatus.REFUSED
    ]
    return refused[-1] if refused else None


def next_review(state: HandoffState, review_months: int) -> date | None:
    """Return when the model that serves is to be reviewed: so long after its last approval, or its first day.

    An approval is a review: a renewal moves the date. None where nothing serves.
    """
    if state.champion is None:
        return None
    approval = state.approvals.last_of(state.champion)
    served = service_of(state, state.champion)
    began = approval.approved_on if approval is not None else (served[-1].first if served else None)
    return None if began is None else add_months(began, review_months)


def _served(period: ChampionPeriod, after: ChampionPeriod | None) -> Service:
    if after is None:
        return Service(period.effective_on, None, period.why, period.by)
    last = after.effective_on - _A_DAY
    return Service(period.effective_on, last, period.why, period.by, after.model_id, after.why)


__all__ = ["Service", "makers_of", "next_review", "retired_on", "role_of", "service_of"]
