"""`p2pcredit population`: who applied, what was decided, and what a cut-off would let in."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from p2pcredit.cli.commands.portfolio.options import AsOfOption, OutOption
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context, optional_date
from p2pcredit.jobs.portfolio.population import write_population
from p2pcredit.reporting.portfolio.population import exploration_in_words, paid_in_words
from p2pcredit.reporting.portfolio.returns import percent


@command
def population(
    as_of: AsOfOption = None,
    months: Annotated[int, typer.Option("--months", help="Decisions of how many months.", metavar="N")] = 12,
    out: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Show who applied, approval and override rates, how overrides paid, and the band of what a cut-off lets in."""
    found = write_population(job_context(home), optional_date(as_of), out, months=months)
    if as_json:
        return found
    return {
        "page": found["page"],
        "as_of": found["as_of"],
        "model_id": found["model_id"],
        "applications": f"{found['applications']:,} decided from {found['first']} to {found['last']}",
        "approved": _share(found["approval"]),
        "overrides_low_side": _share(found["overrides"]["low"]),
        "overrides_high_side": _share(found["overrides"]["high"]),
        "paid": paid_in_words(found["paid"]),
        "exploration": exploration_in_words(found["exploration"]),
        "band": [
            {
                "declined_worse_by": f"{row['factor']:g} times",
                "default_rate": "none" if row["default_rate"] is None else percent(row["default_rate"]),
                "cutoff_for_the_same": "none" if row["cutoff"] is None else percent(row["cutoff"]),
                "would_approve": "none" if row["approval_rate"] is None else percent(row["approval_rate"]),
            }
            for row in found["band"]
        ],
    }


def _share(share: dict[str, Any]) -> str:
    if share["value"] is None:
        return "none decided"
    interval = f"{percent(share['low'])} to {percent(share['high'])}"
    return f"{percent(share['value'])} ({interval}), {share['count']:,} of {share['n']:,}"
