"""`p2pcredit strategy`: what each cut-off approves, loses and earns."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from p2pcredit.cli.commands.portfolio.options import AsOfOption, OutOption, StressOption
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context, optional_date
from p2pcredit.jobs.portfolio.strategy import write_strategy
from p2pcredit.reporting.portfolio.returns import money, percent
from p2pcredit.reporting.portfolio.strategy import advice_of


@command
def strategy(
    as_of: AsOfOption = None,
    loss_limit: Annotated[
        float | None,
        typer.Option("--loss-limit", help="The most of the amount lent that may be lost, such as 0.05.", metavar="X"),
    ] = None,
    revenue: Annotated[
        Literal["interest", "fees"],
        typer.Option(
            "--revenue", help="Whose profit: a lender's, who bears losses, or a platform's, which earns fees."
        ),
    ] = "interest",
    months: Annotated[
        int, typer.Option("--months", help="The loans of how many months stand for those to come.", metavar="N")
    ] = 12,
    stress: StressOption = "",
    out: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Show what each cut-off approves, loses and earns, which earns most, what the present one costs; write a page."""
    found = write_strategy(
        job_context(home),
        optional_date(as_of),
        out,
        months=months,
        loss_limit=loss_limit,
        revenue=revenue,
        stress=stress,
    )
    if as_json:
        return found
    names = {"present": "set now", "by_profit": "most profit", "under_limit": "under the loss limit"}
    return {
        "page": found["page"],
        "as_of": found["as_of"],
        "model_id": found["model_id"],
        **({"currency": found["currency"]} if found["currency"] else {}),
        "loans": f"{found['loans']:,} made from {found['first']} to {found['last']}",
        "advice": " ".join(advice_of(found)),
        "cutoffs": [_in_a_row(name, found["best"][key]) for key, name in names.items() if found["best"][key]],
        "bands": [
            {
                "band": f"{percent(band['above'])} to {percent(band['up_to'])}",
                "loans": band["loans"],
                "lifetime_default": percent(band["lifetime_default_rate"]),
                "breaks_even_at": percent(band["break_even"]),
                "profit": money(band["profit"]),
                "interval": f"{money(band['profit_low'])} to {money(band['profit_high'])}",
                "do": band["verdict"],
            }
            for band in found["bands"]
        ],
    }


def _in_a_row(name: str, one: dict[str, Any]) -> dict[str, Any]:
    return {
        "which": name,
        "cutoff": percent(one["cutoff"]),
        "approved": percent(one["approval_rate"]),
        "lifetime_default": percent(one["lifetime_default_rate"]),
        "lost_of_lent": percent(one["loss_share"]),
        "net_return": percent(one["net_return"]),
        "profit": money(one["profit"]),
        "against_present": f"{money(one['gain'])} ({money(one['gain_low'])} to {money(one['gain_high'])})",
    }
