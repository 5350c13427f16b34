"""`p2pcredit losses`: what open loans are expected to lose."""

from __future__ import annotations

from typing import Any

from p2pcredit.cli.commands.portfolio.options import AsOfOption, OutOption, StressOption
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context, optional_date
from p2pcredit.jobs.portfolio.losses import write_losses
from p2pcredit.reporting.portfolio.losses import STAGES
from p2pcredit.reporting.portfolio.returns import money, percent


@command
def losses(
    as_of: AsOfOption = None,
    stress: StressOption = "",
    out: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Show what open loans are expected to lose, by stage and scenario, and the loss given default; write a page."""
    found = write_losses(job_context(home), optional_date(as_of), out, stress=stress)
    if as_json:
        return found
    told = {key: found[key] for key in ("page", "as_of", "valued_on", "model_id", "rows")}
    if found["currency"]:
        told["currency"] = found["currency"]
    if stress.strip():
        told["stress"] = stress.strip()
    return {
        **told,
        "all": [_in_a_row({}, found["total"])],
        "by_stage": [_in_a_row({"stage": STAGES[row["stage"]]}, row) for row in found["by_stage"]],
        "loss_given_default": [
            {
                "term_months": one["term_months"],
                "applied": percent(one["loss_given_default"]),
                "interval": "" if one["low"] is None else f"{percent(one['low'])} to {percent(one['high'])}",
                "defaults": one["defaults"],
                "from": one["source"],
            }
            for one in found["products"]
        ],
    }


def _in_a_row(keys: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    return {
        **keys,
        "loans": row["loans"],
        "exposure": money(row["exposure"]),
        "loss_12_months": money(row["loss_12_months"]),
        "loss_lifetime": money(row["loss_lifetime"]),
        "allowance": money(row["allowance"]),
        "of_exposure": percent(row["coverage"]),
    }
