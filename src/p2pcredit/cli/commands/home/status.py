"""`p2pcredit status`: where a home stands."""

from __future__ import annotations

from typing import Any

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.jobs.home import status as home_status
from p2pcredit.retraining.words import decision_in_short


@command
def status(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """Show where this home stands: last days done, champion, waiting decision."""
    found = home_status.status(job_context(home))
    return found if as_json else _at_a_glance(found)


def _at_a_glance(found: dict[str, Any]) -> dict[str, Any]:
    """Shorten a status for the terminal: how days stand, what waits, weeks retrained, what to begin with."""
    waiting, weeks = found["pending_decision"], found["weeks_retrained"]
    short: dict[str, Any] = {}
    for name, value in found.items():
        short[name] = value
        if name == "days" and value is not None:
            kinds = ("complete", "with_holes", "undetermined", "not_taken_in")
            said = [f"{value[kind]} {kind.replace('_', ' ')}" for kind in kinds if value[kind] or kind == kinds[0]]
            short["days"] = ", ".join(said)
            if value["holes"]:
                short["holes"] = value["holes"]
        if name == "pending_decision" and waiting is not None:
            short["outlook"] = waiting["note"]
    if found["last_preprocessed"] is None:
        short["last_preprocessed"] = "nothing yet; land a loan file, then preprocess its days"
    if waiting is not None:
        remedy = f" ({waiting['remedy']})" if waiting["remedy"] else ""
        short["pending_decision"] = (
            f"{decision_in_short(waiting)}{remedy}, of {waiting['decision_date']}; see 'p2pcredit decision show'"
        )
    short["awaiting_approval"] = [one["note"] for one in found["awaiting_approval"]] or "none"
    short["approval"] = None if found["approval"] is None else found["approval"]["note"]
    short["weeks_retrained"] = f"{len(weeks)}, the last {weeks[-1]}" if weeks else None
    keys = ("lack", "from", "to", "status", "command")
    short["gaps"] = [{key: gap[key] for key in keys} for gap in found["gaps"]] or "none"
    return short
