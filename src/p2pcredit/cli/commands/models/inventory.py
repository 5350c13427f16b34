"""`p2pcredit models inventory` and `finding`: every model with who answers for it, and what was found about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from p2pcredit.cli.commands.models.options import IdArgument
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import ByOption, DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.errors import UsageError
from p2pcredit.jobs.governance import findings
from p2pcredit.jobs.governance import inventory as governance
from p2pcredit.reporting.inventory import approval_words, served_words


@command
def inventory(
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the page there; else into reports/.", metavar="FILE")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """List every model with when it served, who answers for it, findings, retirement and next review; write a page."""
    found = governance.write_inventory(job_context(home), out)
    return found if as_json else {"page": found["page"], "models": [_in_a_row(model) for model in found["models"]]}


def _in_a_row(model: dict[str, Any]) -> dict[str, Any]:
    return {
        "model_id": model["model_id"],
        "role": model["role"],
        "served": served_words(model),
        "approved": approval_words(model),
        "retired": model["retired_on"],
        "next_review": model["next_review"],
        "findings": f"{model['findings_open']} open, {model['findings_closed']} closed",
    }


@command
def finding(
    model_id: IdArgument,
    text: Annotated[str | None, typer.Option("--open", help="What was found.", metavar="TEXT")] = None,
    number: Annotated[int | None, typer.Option("--close", help="Close this finding.", metavar="N")] = None,
    why: Annotated[str | None, typer.Option("--why", help="With --close: what was done about it.")] = None,
    by: ByOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Open a finding about a model, or close one."""
    if (text is None) == (number is None):
        raise UsageError("give either --open TEXT or --close N")
    ctx = job_context(home, by=by)
    if text is not None:
        if why is not None:
            raise UsageError("--why goes with --close N; a new finding says all in --open TEXT")
        return findings.open_finding(ctx, model_id, text)
    assert number is not None
    return findings.close_finding(ctx, model_id, number, why)
