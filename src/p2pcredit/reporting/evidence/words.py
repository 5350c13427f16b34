"""How the evidence page writes its numbers: each with its n and its interval, and never a bare NaN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING = "not measured"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with so many digits after the point.

    Examples:
        >>> number(0.65432), number(None)
        ('0.654', 'not measured')
    """
    return NOTHING if value is None else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """Write a share as a percentage.

    Examples:
        >>> percent(0.0512), percent(None)
        ('5.1%', 'not measured')
    """
    return NOTHING if value is None else f"{value:.{digits}%}"


def whole(value: float | None) -> str:
    """Write a whole number with its thousands apart.

    Examples:
        >>> whole(20814), whole(None)
        ('20,814', 'none')
    """
    return "none" if value is None else f"{value:,.0f}"


def between(low: float | None, high: float | None, digits: int = 3, *, share: bool = False) -> str:
    """Write an interval.

    Examples:
        >>> between(0.1, 0.25), between(0.1, 0.25, 1, share=True), between(None, 0.2)
        ('0.100 to 0.250', '10.0% to 25.0%', 'none')
    """
    if low is None or high is None:
        return "none"
    show = percent if share else number
    return f"{show(low, digits)} to {show(high, digits)}"


def signed(value: float | None, digits: int = 3) -> str:
    """Write a difference, with its sign.

    Examples:
        >>> signed(0.0123), signed(None)
        ('+0.012', 'not measured')
    """
    return NOTHING if value is None else f"{value:+.{digits}f}"


def in_words(name: str) -> str:
    """Write a column's name for readers.

    Examples:
        >>> in_words("debt_to_income_share"), in_words("term_months")
        ('debt to income', 'term months')
    """
    return name.removesuffix("_share").removesuffix("_count").replace("_", " ")


def group_in_words(by: str, group: str) -> str:
    """Write the name of a group of borrowers for readers.

    Examples:
        >>> group_in_words("state", "CA"), group_in_words("term_months", "36"), group_in_words("home_ownership", "RENT")
        ('CA', '36 months', 'Rent')
    """
    if by == "state":
        return group
    return f"{group} months" if by == "term_months" else group.replace("_", " ").capitalize()


def lead_in_words(other: Mapping[str, Any] | None, name: str) -> str:
    """Word how the model ranks against another on the same loans, in one sentence.

    Examples:
        >>> lead_in_words({"difference": {"value": 0.02, "low": -0.01, "high": 0.05}}, "the sub-grade")
        'It is not shown to rank better or worse than the sub-grade.'
    """
    lead = None if other is None else other["difference"]
    if lead is None or lead["low"] is None:
        return f"It could not be compared with {name}."
    if lead["low"] > 0:
        return f"It ranks better than {name}, beyond the interval."
    if lead["high"] < 0:
        return f"It ranks worse than {name}, beyond the interval."
    return f"It is not shown to rank better or worse than {name}."


def commonest_terms(structure: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Choose the six contract terms with the most loans, shortest first; none without a term structure.

    Examples:
        >>> commonest_terms({"terms": [{"term_months": 36, "loans": 5}, {"term_months": 60, "loans": 9}]})[1]
        {'term_months': 60, 'loans': 9}
        >>> commonest_terms(None)
        []
    """
    if structure is None:
        return []
    most = sorted(structure["terms"], key=lambda term: (-term["loans"], term["term_months"]))[:6]
    return sorted(most, key=lambda term: term["term_months"])


def by_month(term: Mapping[str, Any], month: int) -> float:
    """Read the probability of default by the end of a month on book, or of the curve where it ends before.

    Examples:
        >>> by_month({"curve": [{"months_on_book": 1, "probability_of_default": 0.01}]}, 12)
        0.01
    """
    curve = term["curve"]
    return float(curve[min(month, len(curve)) - 1]["probability_of_default"])


def kind_in_words(kind: str) -> str:
    """Say what a kind of change is, and what it is held to.

    Examples:
        >>> kind_in_words("refresh")
        "The champion's recipe on more data: it takes over unless a guard stops it."
    """
    return {
        "first": "No champion served: it must pass the floor and beat one default rate for all.",
        "refresh": "The champion's recipe on more data: it takes over unless a guard stops it.",
        "redevelopment": "Another recipe than the champion's: it must rank better, or no worse with a stated benefit, "
        "and no guard may stop it.",
        "recalibration": "The champion's ranking with a new map to probabilities.",
    }.get(kind, "")


WORDS = {
    "kind_in_words": kind_in_words,
    "commonest_terms": commonest_terms,
    "by_month": by_month,
    "number": number,
    "percent": percent,
    "whole": whole,
    "between": between,
    "signed": signed,
    "in_words": in_words,
    "group_in_words": group_in_words,
    "lead_in_words": lead_in_words,
}
"""What the template calls."""
