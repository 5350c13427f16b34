"""`p2pcredit decision`: look at the retraining decision, its history, or decide yourself."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from p2pcredit.cli.printing import Receipt, decision_in_short
from p2pcredit.cli.runtime import (
    ByOption,
    DebugOption,
    HomeOption,
    JsonOption,
    WhyOption,
    command,
    job_context,
    optional_date,
)
from p2pcredit.jobs import decisions
from p2pcredit.storage.tables.day_receipts import last_complete


@command
def show(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """Show the decision that counts now and what became of it."""
    return decisions.show_decision(job_context(home))


@command
def history(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """List every line of the ledger, oldest first."""
    events = [event.as_json() for event in job_context(home).ledger.events()]
    return events if as_json else [_in_a_row(event) for event in events]


def _in_a_row(event: dict[str, Any]) -> dict[str, Any]:
    at = str(event["at"])[:16].replace("T", " ")
    by = event.get("by") or event.get("decision", {}).get("decided_by")
    return {"number": event["number"], "at": at, "event": event["event"], "by": by, "what": _what(event)}


def _what(event: dict[str, Any]) -> str:
    """Describe a ledger line in one line."""
    match event["event"]:
        case "decided":
            decision = event["decision"]
            asked = decision_in_short(decision)
            return f"{asked}, of {decision['decision_date']} by {event['origin']}: {decision['reason']}"
        case "trained":
            model = f" {event['model_id']}" if event["model_id"] else ""
            return f"{event['outcome']}{model}: {event['reason']}"
        case "scored":
            days = sorted(event["days"])
            return f"{sum(event['days'].values())} loans of {days[0]} to {days[-1]} by {event['model_id']}"
        case "promoted" if event["effective_on"] is None:
            return f"{event['model_id']} waits for approval ({event['approval']}): {event['why']}"
        case "approved":
            since = "serves already" if event["effective_on"] is None else f"from {event['effective_on']} on"
            until = "" if event["until"] is None else f", approved until {event['until']}"
            return f"{event['model_id']} {since}{until}: {event['why']}"
        case "refused":
            return f"{event['model_id']}: {event['why']}"
        case "finding_opened":
            return f"{event['model_id']}, {event['finding']}: {event['text']}"
        case "finding_closed":
            done = "" if event["why"] is None else f": {event['why']}"
            return f"{event['model_id']}, {event['finding']}{done}"
        case "promoted" | "rolled_back":
            return f"{event['model_id']} from {event['effective_on']} on: {event['why']}"
        case "set_aside":
            return f"{event['path']}: {event['why']}"
        case _:
            return str(event.get("reason") or event.get("decision_id") or "")


@command
def override(
    retrain: Annotated[bool, typer.Option("--retrain/--no-retrain", help="What to decide.")],
    why: WhyOption,
    day: Annotated[
        str | None, typer.Option("--date", help="Date of the decision; else the last preprocessed day.", metavar="D")
    ] = None,
    by: ByOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Decide by hand, with a reason; to retrain also holds where the week has had its retraining."""
    ctx = job_context(home, by=by)
    decided_on: date = optional_date(day) or last_complete(ctx.layout) or ctx.at.date()
    return decisions.override_decision(ctx, decided_on, retrain=retrain, why=why)
