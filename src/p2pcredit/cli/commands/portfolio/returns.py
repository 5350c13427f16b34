"""`p2pcredit returns`: what the book earned, by vintage, grade and term."""

from __future__ import annotations

from typing import Any

from p2pcredit.cli.commands.portfolio.options import AsOfOption, GradesOption, OutOption, VintageOption
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context, optional_date
from p2pcredit.jobs.portfolio.returns import write_returns
from p2pcredit.reporting.portfolio.returns import ahead_words, percent, rate_words


@command
def returns(
    as_of: AsOfOption = None,
    vintage: VintageOption = "quarter",
    grades: GradesOption = "platform",
    out: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Show what loans earned a year by vintage, grade and term, with losses and what is still open; write a page."""
    found = write_returns(job_context(home), optional_date(as_of), out, vintage=vintage, grades=grades)
    if as_json:
        return found
    return {
        "page": found["page"],
        "as_of": found["as_of"],
        "valued_on": found["valued_on"],
        **({"currency": found["currency"]} if found["currency"] else {}),
        "rebuilt": percent(found["rebuilt_share"]) + " of what was received",
        "all": [_in_a_row(found["total"])],
        "by_vintage": [_in_a_row(cell) for cell in found["by_vintage"]],
        "by_grade": [_in_a_row(cell) for cell in found["by_grade"]],
        "by_term": [_in_a_row(cell) for cell in found["by_term"]],
    }


def _in_a_row(cell: dict[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {key: cell[key] for key in ("vintage", "grade", "term_months") if key in cell}
    return {
        **keys,
        "loans": cell["loans"],
        "invested": cell["invested"],
        "received": cell["received"],
        "return": percent(cell["net_annualised_return"]),
        "internal_rate": rate_words(cell),
        "loss": percent(cell["loss_share"]),
        "open": percent(cell["open_share"]),
        "return_to_end": ahead_words(cell["projected_return"]),
        "state": "matured" if cell["mature"] else "immature",
    }
