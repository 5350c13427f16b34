"""Open and close findings about a model: one ledger line each."""

from __future__ import annotations

from datetime import date

from p2pcredit.errors import UsageError
from p2pcredit.jobs.activity import record
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.governance.acts import acting
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.findings import ModelFinding
from p2pcredit.storage.state.model_bank import ModelBank


def open_finding(ctx: JobContext, model_id: str, text: str) -> Receipt:
    """Record what a person found about a model; the same words again on the same day are the same finding.

    Returns:
        `model_id`, `finding` (its number among those of the model), `text`, `by`, `open` (how many are open now).

    Raises:
        BankError: If there is no such model or it was altered.
        UsageError: If the text is blank, or no person is named where settings ask for it.
    """
    actor = acting(ctx)
    if not text.strip():
        raise UsageError("a finding needs a text; give it with --open TEXT")
    ModelBank(ctx.layout).get(model_id)
    with ctx.ledger.exclusive():
        found = ctx.ledger.state().findings.get(model_id, ())
        last = found[-1] if found else None
        said = None if last is None else (last.text, last.opened_by, last.opened_on, last.is_open)
        recorded = said == (text.strip(), actor["by"], ctx.at.date(), True)
        number = len(found) if recorded else len(found) + 1
        facts = {"model_id": model_id, "finding": number, "text": text.strip(), **actor}
        if not recorded:
            ctx.ledger.append(EventKind.FINDING_OPENED, at=ctx.at, run_id=ctx.run_id, facts=facts)
    receipt: Receipt = {
        "model_id": model_id,
        "finding": facts["finding"],
        "text": facts["text"],
        "by": actor["by"],
        "open": sum(one.is_open for one in found) + (not recorded),
    }
    record(ctx, "finding_opened", receipt)
    return receipt


def close_finding(ctx: JobContext, model_id: str, number: int, why: str | None = None) -> Receipt:
    """Record that a finding is closed, and what was done about it where that is said.

    The same words of the same person on the same day close it once, so that a command that was killed may be run again.

    Returns:
        `model_id`, `finding`, `text`, `by`, `open` (how many are open now).

    Raises:
        UsageError: If the model has no such finding, it is closed, or no person is named where settings ask for it.
    """
    actor = acting(ctx)
    with ctx.ledger.exclusive():
        found = ctx.ledger.state().findings.get(model_id, ())
        done = (why or "").strip()
        closed = (actor["by"], ctx.at.date(), done)
        finding = next((one for one in found if one.number == number and _how_closed(one) == closed), None)
        still_open = sum(one.is_open for one in found)
        if finding is None:
            finding, still_open = _open_one(model_id, number, found), still_open - 1
            facts = {"model_id": model_id, "finding": number, "why": done or None, **actor}
            ctx.ledger.append(EventKind.FINDING_CLOSED, at=ctx.at, run_id=ctx.run_id, facts=facts)
    receipt: Receipt = {
        "model_id": model_id,
        "finding": number,
        "text": finding.text,
        "by": actor["by"],
        "open": still_open,
    }
    record(ctx, "finding_closed", receipt)
    return receipt


def _how_closed(finding: ModelFinding) -> tuple[str | None, date | None, str]:
    return finding.closed_by, finding.closed_on, finding.closed_why


def _open_one(model_id: str, number: int, found: tuple[ModelFinding, ...]) -> ModelFinding:
    known = next((one for one in found if one.number == number), None)
    still = ", ".join(str(one.number) for one in found if one.is_open) or "none"
    if known is None:
        raise UsageError(f"{model_id} has no finding {number}; open are: {still}")
    if not known.is_open:
        raise UsageError(f"finding {number} of {model_id} was closed on {known.closed_on}; open are: {still}")
    return known


__all__ = ["close_finding", "open_finding"]
