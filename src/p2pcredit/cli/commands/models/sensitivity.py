"""`p2pcredit models sensitivity`: how far a model's answers move when one thing is changed."""

from __future__ import annotations

from typing import Annotated

import typer

from p2pcredit.cli.commands.models.options import IdArgument
from p2pcredit.cli.commands.portfolio.options import OutOption
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.progress import shown_context
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command
from p2pcredit.jobs.audit.sensitivity import write_sensitivity
from p2pcredit.reporting.portfolio.returns import percent
from p2pcredit.reporting.sensitivity import verdict_of, written


@command
def sensitivity(
    model_id: IdArgument,
    seeds: Annotated[
        int, typer.Option("--seeds", help="Train with so many other seeds; each is a training.", metavar="N")
    ] = 3,
    out: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Train a model again with other seeds and windows, take features away, and rank their effects; write a page."""
    with shown_context("sensitivity", home) as ctx:
        found = write_sensitivity(ctx, model_id, out, seeds=seeds)
    if as_json:
        return found
    return {
        "page": found["page"],
        "status": found["status"],
        "verdict": verdict_of(found),
        "trained_again": [
            {
                "changed": row["changed"],
                "auc": "none" if row["auc"] is None else f"{row['auc']:.3f}",
                "change": "none" if row["change"] is None else f"{row['change']:+.3f}",
                "status": row["status"],
                "decided_otherwise": "" if row["decided_otherwise"] is None else percent(row["decided_otherwise"]),
                "note": row["missing_because"] or "",
            }
            for row in (*found["seeds"], *found["windows"])
        ],
        "effects": [
            {
                "feature": row["feature"],
                "from": written(row["from_value"]),
                "to": written(row["to_value"]),
                "mean_pd": percent(row["mean_from"]),
                "then": percent(row["mean_to"]),
            }
            for row in found["effects"]
        ],
    }
