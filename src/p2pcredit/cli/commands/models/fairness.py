"""`p2pcredit models fairness`: how groups of people that no table holds fare under a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.commands.models.options import IdArgument
from p2pcredit.cli.commands.portfolio.options import AsOfOption, OutOption
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.progress import shown_context
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, optional_date
from p2pcredit.jobs.audit.fairness import write_fairness
from p2pcredit.reporting.fairness import verdict_of
from p2pcredit.reporting.portfolio.returns import percent


@command
def fairness(
    model_id: IdArgument,
    groups: Annotated[
        Path,
        typer.Option(
            "--groups",
            help="A CSV or Parquet file outside the home: application_id or loan_id, and a column per kind of group.",
            metavar="FILE",
        ),
    ],
    as_of: AsOfOption = None,
    months: Annotated[int, typer.Option("--months", help="Of how many months of people.", metavar="N")] = 12,
    alternatives: Annotated[
        int,
        typer.Option(
            "--alternatives",
            help="Train again without each of so many features that tell groups apart, and pairs with the best.",
            metavar="N",
        ),
    ] = 0,
    out: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Compare denial rates and scores of groups at many cut-offs, groups from a file that no model may read."""
    with shown_context("fairness", home) as ctx:
        found = write_fairness(
            ctx, model_id, groups, optional_date(as_of), out, months=months, alternatives=alternatives
        )
    if as_json:
        return found
    return {
        "page": found["page"],
        "status": found["status"],
        "verdict": verdict_of(found),
        "people": f"{found['n']:,} {found['people']} from {found['first']} to {found['last']}",
        "groups": [
            {
                "by": one["column"],
                "group": row["group"],
                "people": row["n"],
                "denied": percent(row["denial_rate"]),
                "impact_ratio": "none" if row["ratio"] is None else f"{row['ratio']:.2f}",
                "status": row["status"],
            }
            for one in found["by"]
            for cut in one["cutoffs"]
            if cut["present"]
            for row in cut["groups"]
        ],
    }
