"""`p2pcredit vintages` and `rolls`: how the book aged."""

from __future__ import annotations

from typing import Any

from p2pcredit.cli.commands.portfolio.options import AsOfOption, GradesOption, OutOption, VintageOption
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context, optional_date
from p2pcredit.jobs.portfolio.rolls import write_rolls
from p2pcredit.jobs.portfolio.vintages import write_vintages
from p2pcredit.reporting.portfolio.rolls import by_state
from p2pcredit.reporting.portfolio.vintages import ANCHORS, point_words


@command
def vintages(
    as_of: AsOfOption = None,
    vintage: VintageOption = "quarter",
    grades: GradesOption = "platform",
    out: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Show the share of each vintage ever 30, 60 or 90 days late or charged off by month on book; write a page."""
    found = write_vintages(job_context(home), optional_date(as_of), out, vintage=vintage, grades=grades)
    if as_json:
        return found
    return {
        "page": found["page"],
        "as_of": found["as_of"],
        "seen_until": found["seen_until"],
        "marks": "* some loans are younger, ~ projected",
        "ever_90_days_late": [_in_a_row(cell) for cell in found["by_vintage"] if cell["measure"] == "ever_90"],
    }


def _in_a_row(cell: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"vintage": cell["vintage"], "term_months": cell["term_months"], "loans": cell["loans"]}
    by_month = {point["month"]: point for point in cell["points"]}
    return row | {f"by_month_{month}": point_words(by_month.get(month)) for month in ANCHORS}


@command
def rolls(
    as_of: AsOfOption = None,
    out: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Show how loans move in a month between current, 30, 60, 90 days late, charge-off and paid off; write a page."""
    found = write_rolls(job_context(home), optional_date(as_of), out)
    if as_json:
        return found
    return {
        "page": found["page"],
        "as_of": found["as_of"],
        "seen_until": found["seen_until"],
        "loans": found["loans"],
        "cohorts": by_state(found["cohorts"]),
        "durations": by_state(found["durations"]),
        "cures": found["cures"],
    }
