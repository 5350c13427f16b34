"""`p2pcredit models approve` and `refuse`: what becomes of a promotion that waits."""

from __future__ import annotations

from typing import Annotated

import typer

from p2pcredit.cli.commands.models.options import IdArgument
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import (
    ByOption,
    DebugOption,
    HomeOption,
    JsonOption,
    WhyOption,
    command,
    job_context,
    optional_date,
)
from p2pcredit.jobs.governance import approvals


@command
def approve(
    model_id: IdArgument,
    why: WhyOption,
    by: ByOption = None,
    until: Annotated[
        str | None,
        typer.Option("--until", help="Last day on which it holds; else it has no end.", metavar="D"),
    ] = None,
    conditions: Annotated[
        str | None, typer.Option("--conditions", help="Under which conditions, in words.", metavar="TEXT")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Let a model serve that waits for approval, from the first unscored day on; --by is needed.

    Of the model that serves it renews the approval, with another end or other conditions.
    """
    return approvals.approve(job_context(home, by=by), model_id, why, optional_date(until), conditions)


@command
def refuse(
    model_id: IdArgument,
    why: WhyOption,
    by: ByOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """End the waiting of a model: it does not serve, and may be promoted again; --by is needed."""
    return approvals.refuse(job_context(home, by=by), model_id, why)
