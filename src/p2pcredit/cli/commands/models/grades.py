"""`p2pcredit models grades`: bounds of grades and a cut-off that fit the book."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from p2pcredit.cli.commands.models.options import IdArgument
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.jobs.audit.grade_scale import propose_grades
from p2pcredit.reporting.portfolio.returns import percent


@command
def grades(
    model_id: IdArgument,
    count: Annotated[int, typer.Option("--count", help="How many grades, 2 to 26.", metavar="N")] = 7,
    by: Annotated[
        Literal["quantiles", "odds"],
        typer.Option("--by", help="About as many loans in each grade, or a master scale in equal steps of the odds."),
    ] = "quantiles",
    approve: Annotated[
        float | None,
        typer.Option("--approve", help="Share of the loans up to the cut-off; else that of settings.", metavar="SHARE"),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Propose grade bounds and a cut-off from the loans that a model learned from; nothing is set."""
    found = propose_grades(job_context(home), model_id, count=count, steps=by, approve=approve)
    if as_json:
        return found
    return {
        "loans": found["loans"],
        "bads": found["bads"],
        "approved": percent(found["approved"]),
        "order_of_grades": found["status"],
        "proposed": _in_words(found["proposed"]),
        "today": _in_words(found["today"]),
        "scores.grade_bounds": ", ".join(f"{bound:g}" for bound in found["grade_bounds"]),
        "scores.approval_cutoff": found["approval_cutoff"],
    }


def _in_words(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "grade": row["grade"],
            "pd_up_to": "" if row["up_to"] is None else f"{row['up_to']:g}",
            "loans": row["n"],
            "share": percent(row["share"]),
            "bads": row["bads"],
            "bad_share": percent(row["bad_share"]),
            "interval": "none" if row["low"] is None else f"{percent(row['low'])} to {percent(row['high'])}",
        }
        for row in rows
    ]
