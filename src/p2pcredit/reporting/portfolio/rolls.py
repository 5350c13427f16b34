"""The page of roll rates, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from p2pcredit.portfolio.roll_rates import STATES
from p2pcredit.reporting.page import render_page

STATE_WORDS = {
    "current": "Current",
    "30": "30 to 59 days",
    "60": "60 to 89 days",
    "90": "90 days or default",
    "charged_off": "Charged off",
    "paid_off": "Paid off",
}


def by_state(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put the pairs of a matrix into a row for each state that loans were in.

    Examples:
        >>> by_state([{"from": "30", "to": "60", "share": 0.25, "low": 0.2, "high": 0.3, "count": 5, "exposure": 20.0}])
        [{'from': '30', '60': '25.0%', 'exposure': 20}]
    """
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row["from"], {"from": row["from"]})[row["to"]] = f"{row['share']:.1%}"
        found[row["from"]]["exposure"] = round(row["exposure"])
    return [
        {**{key: row[key] for key in row if key != "exposure"}, "exposure": row["exposure"]} for row in found.values()
    ]


def render_rolls(facts: Mapping[str, Any]) -> str:
    """Render the page of roll rates, as a whole HTML document.

    Raises:
        MonitoringError: If a fact is missing.
    """
    return render_page("rolls.html", facts, [], states=STATES, state_words=STATE_WORDS, matrix=_matrix)


def _matrix(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give each state that loans were in with its cells in the order of the states."""
    cells = {(row["from"], row["to"]): row for row in rows}
    left = [state for state in STATES if any(row["from"] == state for row in rows)]
    return [{"from": state, "cells": [cells[state, other] for other in STATES]} for state in left]


__all__ = ["STATE_WORDS", "by_state", "render_rolls"]
