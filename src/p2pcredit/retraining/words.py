"""The lines of the decision ledger as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def decision_in_short(decision: Mapping[str, Any]) -> str:
    """Name what a decision asks for in up to three words.

    Examples:
        >>> decision_in_short({"retrain": False})
        'do not retrain'
    """
    return "retrain" if decision["retrain"] else "do not retrain"


def event_in_a_row(event: Mapping[str, Any]) -> dict[str, Any]:
    """Put a ledger line into a row: `number`, `at` (to the minute), `event`, `by`, `what`.

    Args:
        event: A line as `LedgerEvent.as_json` gives it.

    Examples:
        >>> line = {"number": 3, "event": "refused", "at": "2024-01-15T06:00:00+00:00", "run_id": "cli", "by": "Ada"}
        >>> event_in_a_row({**line, "model_id": "m1", "why": "too few loans"})
        {'number': 3, 'at': '2024-01-15 06:00', 'event': 'refused', 'by': 'Ada', 'what': 'm1: too few loans'}
    """
    at = str(event["at"])[:16].replace("T", " ")
    by = event.get("by") or event.get("decision", {}).get("decided_by")
    return {"number": event["number"], "at": at, "event": event["event"], "by": by, "what": event_in_words(event)}


def event_in_words(event: Mapping[str, Any]) -> str:
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


__all__ = ["decision_in_short", "event_in_a_row", "event_in_words"]
