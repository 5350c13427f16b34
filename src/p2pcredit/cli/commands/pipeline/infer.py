"""`p2pcredit infer`: score the loans of some days."""

from __future__ import annotations

from functools import partial

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.progress import shown_context
from p2pcredit.cli.runtime import (
    DayOption,
    DebugOption,
    FromOption,
    HomeOption,
    JsonOption,
    ToOption,
    date_range,
    job_command,
)
from p2pcredit.jobs import known_days
from p2pcredit.jobs.scoring import by_hand


@job_command
def infer(
    day: DayOption = None,
    first: FromOption = None,
    last: ToOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Score the loans of some days, each with the model that was champion on its day."""
    with shown_context("infer", home) as ctx:
        days = date_range(day, first, last, partial(known_days.preprocessed_days, ctx.layout))
        known_days.require_preprocessed(ctx.layout, days)
        return by_hand.infer(ctx, days)
