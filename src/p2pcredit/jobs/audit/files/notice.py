"""A sample notice of adverse action for a loan that the score declined."""

from __future__ import annotations

from pathlib import Path

from p2pcredit.contracts.adverse_action import VERSION
from p2pcredit.errors import MissingLoanError, UsageError
from p2pcredit.jobs.audit.loan_lineage import trace_loan
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.reporting.notice import render_notice
from p2pcredit.storage.files import write_bytes_atomically

_WHY_NONE = {
    "approve": "the score approves it, so there is no adverse action to give notice of",
    "refer": "it was left to a person, who states the reasons",
    "refuse": "no score was given for it, so a person states the reasons",
}


def write_notice(ctx: JobContext, loan_id: str, out: Path | None) -> tuple[Receipt, str]:
    """Write the notice that a declined borrower would get, by the newest score of the loan.

    Args:
        ctx: Home and settings.
        loan_id: The platform's id.
        out: Where to write the page; None to write nothing.

    Returns:
        The receipt (`loan_id`, `model_id`, `decision`, `reasons` with `code`, `text`, `advice`, `form`, `your_value`,
        `usual`, `list_version`, `path`), and the page.

    Raises:
        MissingLoanError: If the lake holds no such loan, or no model scored it.
        UsageError: If the score did not decline it.
        BankError: If the model that scored it is gone or was altered.
    """
    traced = trace_loan(ctx, loan_id)
    if not traced["scored"]:
        raise MissingLoanError(f"loan '{traced['loan_id']}' has no score ({traced['reason']}); score its day first")
    scored = max(traced["scored"], key=lambda found: found["snapshot_date"])
    if scored["decision"] in _WHY_NONE:
        raise UsageError(f"no notice for loan '{traced['loan_id']}': {_WHY_NONE[scored['decision']]}")
    facts = {
        "loan_id": traced["loan_id"],
        "date": scored["snapshot_date"],
        "model_id": scored["model_id"],
        "decision": scored["decision"],
        "score": scored["score"],
        "reasons": scored["adverse_action"],
        "list_version": VERSION,
    }
    page = render_notice(facts)
    if out is not None:
        write_bytes_atomically(out, page.encode())
    return {**facts, "path": None if out is None else str(out)}, page


__all__ = ["write_notice"]
