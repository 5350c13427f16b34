"""`p2pcredit trace`: from a loan to the model that scored it, what was known then, and what became of it."""

from __future__ import annotations

from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context, say_moved
from p2pcredit.jobs.audit.loan_lineage import trace_loan

LoanArgument = Annotated[str, typer.Argument(help="The platform's id of the loan.", metavar="LOAN_ID")]


@command
def trace(
    loan_id: LoanArgument, home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> Receipt:
    """Say which model scored a loan, what was known then, why, and what became of it."""
    return trace_loan(job_context(home), loan_id)


@command
def old_trace(
    loan_id: LoanArgument, home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> Receipt:
    """Say which model scored a loan; now 'p2pcredit trace'."""
    say_moved("models trace LOAN_ID", "trace LOAN_ID")
    return trace_loan(job_context(home), loan_id)
