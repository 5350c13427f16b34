"""What people and the ledger say of one model, for its card, its evidence and the inventory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.governance.attention import present_day
from p2pcredit.retraining.approvals import Proposal, ProposalStatus
from p2pcredit.retraining.findings import ModelFinding
from p2pcredit.retraining.service import Service, makers_of, next_review, retired_on, role_of, service_of
from p2pcredit.retraining.state import HandoffState

_OF_CARD = ("family", "target", "origin", "definition", "as_of", "parent")


def record_of(ctx: JobContext, state: HandoffState, model_id: str, card: Mapping[str, Any]) -> Receipt:
    """Give what people and the ledger say of a model.

    Args:
        ctx: The context.
        state: What the ledger adds up to.
        model_id: The model.
        card: Its card; what it lacks is None here.

    Returns:
        `model_id`, `family`, `target`, `origin`, `definition`, `as_of`, `parent` (of a recalibrated model), `role`,
        `developer`, `trained_by`, `trained_on` (a training's ledger line), `promoted_by`, `served` (`from`, `to`,
        `why`, `by`, `replaced_by`, `replaced_why`), `approval` (`by`, `on`, `why`, `until`, `conditions`; None where
        no person approved it), `refused` (`by`, `on`, `why`; or None), `retired_on`, `next_review`, `review_overdue`,
        `findings` (`number`, `text`, `opened_by`, `opened_on`, `closed_by`, `closed_on`, `closed_why`),
        `findings_open`, `findings_closed`.
    """
    makers, trainings = makers_of(state, model_id), state.trainings_that_made(model_id)
    approval, served = state.approvals.last_of(model_id), service_of(state, model_id)
    proposals = [one for one in state.approvals.proposals if one.model_id == model_id]
    findings = state.findings.get(model_id, ())
    serves = state.champion == model_id
    review = next_review(state, ctx.settings.governance.review_months) if serves else None
    retired = retired_on(state, model_id)
    return {
        "model_id": model_id,
        **{name: card.get(name) for name in _OF_CARD},
        "role": card["damaged"] if "damaged" in card else role_of(state, model_id),
        "developer": makers.get("developed it"),
        "trained_by": makers.get("trained it"),
        "trained_on": trainings[-1].at[:10] if trainings else None,
        "promoted_by": proposals[-1].proposed_by if proposals else (served[-1].by if served else None),
        "served": [_as_json(one) for one in served],
        "approval": None
        if approval is None
        else {
            "by": approval.by,
            "on": approval.approved_on.isoformat(),
            "why": approval.why,
            "until": _iso(approval.until),
            "conditions": approval.conditions or None,
        },
        "refused": _refusal(proposals),
        "retired_on": _iso(retired),
        "next_review": _iso(review),
        "review_overdue": review is not None and review < present_day(ctx),
        "findings": [_finding(one) for one in findings],
        "findings_open": sum(one.is_open for one in findings),
        "findings_closed": sum(not one.is_open for one in findings),
    }


def sign_off(ctx: JobContext, model_id: str, card: Mapping[str, Any]) -> Receipt:
    """Give who answers for a model, for its card and its evidence: what `record_of` gives beside the card."""
    found = record_of(ctx, ctx.ledger.state(), model_id, card)
    return {name: value for name, value in found.items() if name not in {"model_id", *_OF_CARD}}


def answering(record: Mapping[str, Any]) -> dict[str, str | int]:
    """Give who answers for a model in few words, as the weekly report shows them.

    A missing developer or approval is said; other things that are missing are left out.
    """
    approval = record["approval"] or {}
    told = {
        "developer": record["developer"] or "not named",
        "approved_by": approval.get("by") or "no person",
        "approved_until": approval.get("until"),
        "conditions": approval.get("conditions"),
        "next_review": record["next_review"],
        "findings_open": record["findings_open"] or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _as_json(one: Service) -> dict[str, str | None]:
    return {
        "from": one.first.isoformat(),
        "to": _iso(one.last),
        "why": one.why,
        "by": one.by,
        "replaced_by": one.replaced_by,
        "replaced_why": one.replaced_why,
    }


def _refusal(proposals: list[Proposal]) -> dict[str, str | None] | None:
    if not proposals or proposals[-1].status is not ProposalStatus.REFUSED:
        return None
    last = proposals[-1]
    return {"by": last.ended_by, "on": _iso(last.ended_on), "why": last.ended_why}


def _finding(one: ModelFinding) -> dict[str, Any]:
    return {
        "number": one.number,
        "text": one.text,
        "opened_by": one.opened_by,
        "opened_on": one.opened_on.isoformat(),
        "closed_by": one.closed_by,
        "closed_on": _iso(one.closed_on),
        "closed_why": one.closed_why or None,
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


__all__ = ["answering", "record_of", "sign_off"]
