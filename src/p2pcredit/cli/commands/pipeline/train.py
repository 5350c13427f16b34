"""`p2pcredit train`: train the candidates by hand."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.progress import shown_context
from p2pcredit.cli.runtime import ByOption, DebugOption, HomeOption, JsonOption, Undone, job_command
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
) -> Receipt | Undone:
    """Train the candidates, and let the best one challenge the champion.

    Exit code 1 where no model serves after it: the first one was refused, or there was too little to learn from.
    """
    with shown_context("train", home, by=by) as ctx:
        day = parse_date(as_of)
        known_days.require_known(ctx.layout, day)
        receipt = retrain.train_now(ctx, day, why)
        if receipt["outcome"] == "refused" and ctx.ledger.state().champion_on(day) is None:
            return Undone(receipt, _nothing_serves(receipt))
        return receipt


def _nothing_serves(receipt: dict[str, Any]) -> str:
    """Say that no model serves, why, and what to do."""
    model_id = receipt["model_id"]
    said = f"no model serves: {receipt['reason'].removesuffix('; nothing serves yet')}"
    if model_id is None:
        return said
    return (
        f"{said}; give it loans that matured later or columns that tell more and train again with --why TEXT, or take "
        f"it as it is: p2pcredit models promote {model_id} --why TEXT"
    )
