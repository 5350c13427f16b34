"""`p2pcredit replay`: walk through history."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.progress import shown_context
from p2pcredit.cli.runtime import DebugOption, FromOption, HomeOption, JsonOption, ToOption, date_range, job_command
from p2pcredit.errors import UsageError
from p2pcredit.jobs import checked_settings, known_days
from p2pcredit.jobs import replay as walk
from p2pcredit.names import no_such


@job_command
def replay(
    first: FromOption = None,
    last: ToOption = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Decide by another policy than the settings say.")
    ] = None,
    reports: Annotated[str, typer.Option("--reports", help="'last' week's report only, or 'all'.")] = "last",
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Walk through history as the three DAGs would have lived it, alerts into a file of the home."""
    if reports not in {"last", "all"}:
        raise UsageError(no_such("choice for --reports", reports, ("last", "all")))
    with shown_context("replay", home, run_id="replay") as ctx:
        if policy is not None:
            checked_settings.require_policy(policy)
            ctx = ctx.with_policy(policy)
        days = date_range(None, first, last, partial(known_days.landed_days, ctx.layout))
        return walk.replay(ctx, days, all_reports=reports == "all")
