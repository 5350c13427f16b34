"""`p2pcredit train`: train the candidates by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.progress import shown_context
from p2pcredit.cli.runtime import ByOption, DebugOption, HomeOption, JsonOption, job_command
from p2pcredit.jobs import known_days
from p2pcredit.jobs.training import retrain
from p2pcredit.periods import parse_date


@job_command
def train(
    as_of: Annotated[str, typer.Option("--as-of", help="Train on what was known on this day.", metavar="D")],
    why: Annotated[str | None, typer.Option("--why", help="Reason to train outside the weekly limit.")] = None,
    by: ByOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Train the candidates, and let the best one challenge the champion."""
    with shown_context("train", home, by=by) as ctx:
        day = parse_date(as_of)
        known_days.require_known(ctx.layout, day)
        return retrain.train_now(ctx, day, why)
