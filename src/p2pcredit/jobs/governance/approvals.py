"""Approve or refuse a promotion that waits: one ledger line each, from which all else follows.

An approval never reaches back: the model serves from the first day that is neither preprocessed nor scored. The tables
of predictions are held meanwhile, so that no run scores a day by one model while the line that gives it to another is
written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from p2pcredit.contracts.tables import PREDICTIONS
from p2pcredit.errors import BankError, UsageError
from p2pcredit.jobs.activity import record
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.governance.acts import acting
from p2pcredit.jobs.governance.attention import present_day
from p2pcredit.jobs.tracking.sync import mirror_models
from p2pcredit.retraining.approvals import (
    FOUR_EYES,
    Proposal,
    ProposalStatus,
    approval_in_words,
    require_other_person,
    waiting_in_words,
)
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.service import makers_of
from p2pcredit.retraining.state import HandoffState
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.day_receipts import last_complete
from p2pcredit.storage.tables.lake import Lake

_A_DAY = timedelta(days=1)


def approve(
    ctx: JobContext, model_id: str, why: str, until: date | None = None, conditions: str | None = None
) -> Receipt:
    """Let a model serve that waits for approval; or approve anew the one that serves, with another end or conditions.

    Args:
        ctx: The context; `by` names who approves.
        model_id: The model.
        why: The reason.
        until: The last day on which the approval holds; None where it has no end.
        conditions: Under which conditions; None where under none.

    The same words of the same person on the same day are one approval, so that a command that was killed may be run
    again.

    Returns:
        `model_id`, `replaces`, `effective_on` (None where it serves already), `by`, `until`, `conditions`.

    Raises:
        BankError: If there is no such model or it was altered.
        UsageError: If it neither waits nor serves, no person is named, the person may not approve it, the reason is
            blank, or the end lies before the first day of service.
    """
    actor = acting(ctx, by_name=True)
    if not why.strip():
        raise UsageError("an approval needs a reason; give it with --why")
    card = ModelBank(ctx.layout).get(model_id).card
    if "as_of" not in card:
        raise BankError(f"the card of model {model_id} does not say as of when it learned; restore it from a backup")
    with Lake(ctx.layout).lock(PREDICTIONS), ctx.ledger.exclusive():
        state = ctx.ledger.state()
        waits = state.approvals.waiting_of(model_id)
        if waits is None and state.champion != model_id:
            raise UsageError(f"{model_id} neither waits for approval nor serves; {_waiting_ones(state)}")
        if ctx.settings.governance.approval == FOUR_EYES or (waits is not None and waits.approval == FOUR_EYES):
            require_other_person(str(actor["by"]), makers_of(state, model_id))
        today = home_day(ctx)
        effective = None if waits is None else max(today, state.next_unscored(date.fromisoformat(card["as_of"])))
        if until is not None and until < (effective or today):
            what = "the model would serve from" if effective else "today is"
            raise UsageError(f"--until {until} lies in the past: {what} {effective or today}; give a later day")
        facts = {
            "model_id": model_id,
            "replaces": None if waits is None else state.champion,
            "effective_on": None if effective is None else effective.isoformat(),
            "why": why,
            **actor,
            "until": None if until is None else until.isoformat(),
            "conditions": conditions.strip() if conditions and conditions.strip() else None,
        }
        ctx.ledger.append(
            EventKind.APPROVED,
            at=ctx.at,
            run_id=ctx.run_id,
            facts=facts,
            unless=lambda now: _is_recorded(ctx, now, facts),
        )
    receipt: Receipt = {
        key: facts[key] for key in ("model_id", "replaces", "effective_on", "by", "until", "conditions")
    }
    record(ctx, "approve", {**receipt, "why": why})
    mirror_models(ctx)
    return receipt


def refuse(ctx: JobContext, model_id: str, why: str) -> Receipt:
    """End the waiting of a model: it does not serve, and may be promoted again.

    The same words of the same person on the same day are one refusal, so that a command that was killed may be run
    again.

    Returns:
        `model_id`, `by`, `why`.

    Raises:
        UsageError: If it does not wait, no person is named, or the reason is blank.
    """
    actor = acting(ctx, by_name=True)
    if not why.strip():
        raise UsageError("a refusal needs a reason; give it with --why")
    with ctx.ledger.exclusive():
        state = ctx.ledger.state()
        if state.approvals.waiting_of(model_id) is not None:
            facts = {"model_id": model_id, "why": why, **actor}
            ctx.ledger.append(EventKind.REFUSED, at=ctx.at, run_id=ctx.run_id, facts=facts)
        elif not _is_refused(ctx, state, model_id, str(actor["by"]), why):
            raise UsageError(f"{model_id} does not wait for approval; {_waiting_ones(state)}")
    receipt: Receipt = {"model_id": model_id, "by": actor["by"], "why": why}
    record(ctx, "refuse", receipt)
    mirror_models(ctx)
    return receipt


def home_day(ctx: JobContext) -> date:
    """Return the first day that is not preprocessed: in daily service today; in a home of past days the day after them.

    Where nothing is preprocessed it is the day of the context's instant.
    """
    last = last_complete(ctx.layout)
    return ctx.at.date() if last is None else last + _A_DAY


def waiting_lines(state: HandoffState) -> list[str]:
    """Say of each promotion that waits that it does, in one line with what to do."""
    return [waiting_in_words(one, state.champion) for one in state.approvals.waiting]


def proposal_facts(state: HandoffState, proposal: Proposal) -> dict[str, str | None]:
    """Give a promotion that waits as JSON values, with the line that says what to do as `note`."""
    makers = makers_of(state, proposal.model_id)
    return {
        "model_id": proposal.model_id,
        "since": proposal.asked_on.isoformat(),
        "approval": proposal.approval,
        "replaces": proposal.replaces,
        "why": proposal.why,
        "developer": makers.get("developed it"),
        "promoted_by": proposal.proposed_by,
        "note": waiting_in_words(proposal, state.champion),
    }


def champion_approval(ctx: JobContext, state: HandoffState) -> dict[str, str | None] | None:
    """Give the approval of the model that serves as JSON values; None where no person approved it."""
    given = None if state.champion is None else state.approvals.last_of(state.champion)
    if given is None:
        return None
    notice = ctx.settings.governance.notice_days
    return {
        "by": given.by,
        "on": given.approved_on.isoformat(),
        "why": given.why,
        "until": None if given.until is None else given.until.isoformat(),
        "conditions": given.conditions or None,
        "standing": str(given.standing(present_day(ctx), notice)),
        "note": approval_in_words(given, present_day(ctx), notice),
    }


def _is_recorded(ctx: JobContext, state: HandoffState, facts: Mapping[str, Any]) -> bool:
    """Return whether the last approval of a model that does not wait says the same, on the same day."""
    last = state.approvals.last_of(facts["model_id"])
    if last is None or state.approvals.waiting_of(facts["model_id"]) is not None:
        return False
    until = None if last.until is None else last.until.isoformat()
    said = (last.by, last.why, until, last.conditions or None)
    wanted = tuple(facts[name] for name in ("by", "why", "until", "conditions"))
    return last.approved_on == ctx.at.date() and said == wanted


def _is_refused(ctx: JobContext, state: HandoffState, model_id: str, by: str, why: str) -> bool:
    """Return whether the last proposal of a model was refused in these words, by this person, on this day."""
    last = next((one for one in reversed(state.approvals.proposals) if one.model_id == model_id), None)
    if last is None or last.status is not ProposalStatus.REFUSED:
        return False
    return (last.ended_by, last.ended_why, last.ended_on) == (by, why, ctx.at.date())


def _waiting_ones(state: HandoffState) -> str:
    waiting = ", ".join(one.model_id for one in state.approvals.waiting)
    return f"waiting are: {waiting}" if waiting else "nothing waits; 'p2pcredit models promote' lets a model take over"


__all__ = ["approve", "champion_approval", "home_day", "proposal_facts", "refuse", "waiting_lines"]
