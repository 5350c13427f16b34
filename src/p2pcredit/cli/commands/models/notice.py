"""`p2pcredit models notice`: the notice that a declined borrower would get."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.commands.trace import LoanArgument
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.jobs.audit.files.notice import write_notice
from p2pcredit.reporting.notice import in_one_line


@command
def notice(
    loan_id: LoanArgument,
    out: Annotated[Path | None, typer.Option("--out", help="Write the page to this file.", metavar="FILE")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Write a sample notice of adverse action for a loan that the score declined, as an HTML page."""
    receipt, page = write_notice(job_context(home), loan_id, out)
    if as_json:
        return receipt
    if out is None:
        sys.stdout.write(page)
        return {}
    return {**receipt, "reasons": [in_one_line(reason) for reason in receipt["reasons"]]}
