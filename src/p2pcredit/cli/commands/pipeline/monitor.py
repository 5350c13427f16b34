"""`p2pcredit monitor`: review a week."""

from __future__ import annotations

from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import ByOption, DebugOption, HomeOption, JsonOption, job_command, job_context
from p2pcredit.jobs import known_days
from p2pcredit.jobs.monitoring import review
from p2pcredit.periods import DateRange, parse_date


@job_command
def monitor(
    week_end: Annotated[str, typer.Option("--week-end", help="The last day the week looks at.", metavar="D")],
    by: ByOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Measure what has matured, write the report and the retraining decision, and send alerts."""
    ctx, day = job_context(home, by=by), parse_date(week_end)
    known_days.require_week_of_home(ctx.layout, day, ctx.at.date())  # a mistyped date sends no alert
    receipt = review.monitor(ctx, day, alert=True)
    known_days.require_preprocessed(ctx.layout, DateRange(day, day))
    return receipt
