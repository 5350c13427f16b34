"""What the strategy advises, in sentences: keep, raise, lower or approve none, with amounts in the book's currency."""

from __future__ import annotations

from typing import Any

import pytest

from p2pcredit.reporting.portfolio.strategy import advice_of

PRESENT = {"cutoff": 0.08, "approval_rate": 0.9}


def best(cutoff: float, low: float) -> dict[str, Any]:
    gain = {"gain": 2000.0, "gain_low": low, "gain_high": 3000.0}
    return {"cutoff": cutoff, "cutoff_low": 0.05, "cutoff_high": 0.2, "approval_rate": 0.95, **gain}


def facts(by_profit: dict[str, Any], currency: str = "EUR") -> dict[str, Any]:
    return {
        "best": {"by_profit": by_profit, "present": PRESENT, "under_limit": None},
        "confidence": 0.9,
        "currency": currency,
        "cutoff": 0.08,
        "loss_limit": None,
        "bands": [],
        "three_ways": {"approve_up_to": 0.055, "decline_above": 0.115},
    }


@pytest.mark.parametrize(
    ("by_profit", "begins", "says"),
    [
        (best(0.08, 0.0), "Keep the cut-off.", "none earns more"),
        (best(0.12, -5.0), "Keep the cut-off.", "2,000 EUR (-5 to 3,000) more is not shown at 90%"),
        (best(0.12, 100.0), "Raise the cut-off from 8.0% to 12.0%", "2,000 EUR (100 to 3,000) more"),
        (best(0.05, 100.0), "Lower the cut-off from 8.0% to 5.0%", "approving 95% rather than 90%"),
        (best(0.0, 100.0), "Approve none of these loans", "To approve none brings 2,000 EUR (100 to 3,000) more"),
    ],
)
def test_the_first_sentence_says_what_to_do(by_profit: dict[str, Any], begins: str, says: str) -> None:
    first, ways = advice_of(facts(by_profit))
    assert first.startswith(begins)
    assert says in first
    assert (
        ways == "In three ways: approve up to 5.5%, decline above 11.5%, and have a person look at what lies between."
    )


def test_without_a_currency_amounts_stand_alone() -> None:
    assert "2,000 (100 to 3,000) more" in advice_of(facts(best(0.12, 100.0), currency=""))[0]
