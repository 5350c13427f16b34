"""`p2pcredit trace`: from a loan to the model that scored it, what was known then, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context, say_moved
from p2pcredit.jobs.audit.loan_lineage import trace_loan
from p2pcredit.reporting.notice import in_one_line

LoanArgument = Annotated[str, typer.Argument(help="The platform's id of the loan.", metavar="LOAN_ID")]


@command
def trace(
    loan_id: LoanArgument, home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> Receipt:
    """Say which model scored a loan, what was known then, why, and what became of it."""
    return _as_read(trace_loan(job_context(home), loan_id), as_json=as_json)


def _as_read(traced: dict[str, Any], *, as_json: bool) -> Receipt:
    """Give the reasons of each score to a person as the borrower reads them, and to a program as they are."""
    if as_json:
        return traced
    scored = []
    for found in traced["scored"]:
        facts = {key: value for key, value in found.items() if key != "adverse_action"}
        scored.append({**facts, "reasons": [in_one_line(reason) for reason in found["adverse_action"]]})
    return {**traced, "scored": scored}


@command
def old_trace(
    loan_id: LoanArgument, home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> Receipt:
    """Say which model scored a loan; now 'p2pcredit trace'."""
    say_moved("models trace LOAN_ID", "trace LOAN_ID")
    return _as_read(trace_loan(job_context(home), loan_id), as_json=as_json)
