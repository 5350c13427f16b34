"""The page of the model inventory, from what the inventory lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p2pcredit.reporting.page import render_page

NOT_NAMED = "a person not named"


def person(name: str | None) -> str:
    """Write a name for readers.

    Examples:
        >>> person("Ada"), person("schedule"), person(None)
        ('Ada', 'the schedule', 'a person not named')
    """
    if name is None:
        return NOT_NAMED
    return "the schedule" if name == "schedule" else name


def approval_words(record: Mapping[str, Any]) -> str:
    """Write who approved or refused a model, from when until when.

    Examples:
        >>> given = {"by": "Ada", "on": "2024-01-15", "until": "2024-06-30"}
        >>> approval_words({"approval": given, "refused": None, "role": "champion"})
        'Ada on 2024-01-15, until 2024-06-30'
        >>> approval_words({"approval": None, "refused": {"by": "Bob", "on": "2024-01-15"}, "role": "refused"})
        'refused by Bob on 2024-01-15'
        >>> approval_words({"approval": None, "refused": None, "role": "waits for approval"})
        'waits'
    """
    if record["role"] == "waits for approval":
        return "waits"
    if record["refused"] is not None:
        return f"refused by {person(record['refused']['by'])} on {record['refused']['on']}"
    given = record["approval"]
    if given is None:
        return "none"
    until = "" if given["until"] is None else f", until {given['until']}"
    return f"{given['by']} on {given['on']}{until}"


def served_words(record: Mapping[str, Any]) -> str:
    """Write when a model served.

    Examples:
        >>> served_words({"served": [{"from": "2024-01-01", "to": "2024-01-31"}, {"from": "2024-03-01", "to": None}]})
        '2024-01-01 to 2024-01-31; since 2024-03-01'
        >>> served_words({"served": []})
        'never'
    """
    times = (f"since {t['from']}" if t["to"] is None else f"{t['from']} to {t['to']}" for t in record["served"])
    return "; ".join(times) or "never"


def render_inventory(inventory: Mapping[str, Any]) -> str:
    """Render the page of an inventory, as a whole HTML document.

    Raises:
        MonitoringError: If a fact is missing.
    """
    words = {"person": person, "approval_words": approval_words, "served_words": served_words}
    return render_page("inventory.html", inventory, [], **words)


__all__ = ["approval_words", "person", "render_inventory", "served_words"]
