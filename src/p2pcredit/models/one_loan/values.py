"""The values of one loan as a model takes them: blanks as missing, ratios completed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from p2pcredit.contracts.features import REFERENCE_RATE
from p2pcredit.contracts.ratios import RATIOS
from p2pcredit.models.ratios import MOST
from p2pcredit.models.reference_borrower import ReferenceBorrower, Value, number_of_blank
from p2pcredit.models.training_support import Support, without_missing

Values = dict[str, Any]
"""Feature -> number, text, or None where it is missing."""


class LoanValues:
    """Prepares the values of loans for one model, as `blanks_as_missing` and `complete_ratios` do for frames.

    Args:
        support: What the model was trained on.
        neutral: The reference borrower.
    """

    def __init__(self, support: Support, neutral: ReferenceBorrower) -> None:
        numbers = {name: number_of_blank(name) for name, held in support.items() if not held.knows_blank}
        self._blanks = {name: number for name, number in numbers.items() if number is not None}
        self._neutral = neutral
        self._fillable = [name for name in without_missing(support) if self._can_be_filled(name)]

    def without_blanks(self, values: Mapping[str, Any]) -> Values:
        """Take a number that stands for a blank as missing where too few training loans had it."""
        found = dict(values)
        for name, number in self._blanks.items():
            if found.get(name) == number:
                found[name] = None
        return found

    def completed(self, given: Values) -> Values:
        """Fill each ratio that is missing because something it is calculated from is."""
        found = given
        for name in self._fillable:
            if given[name] is None:
                filled = self._filled(name, given)
                if filled is not None:
                    found = {**found, name: filled}
        return found

    def _can_be_filled(self, name: str) -> bool:
        ratio = RATIOS.get(name)
        needed = () if ratio is None else (name, *ratio.inputs)
        return bool(needed) and all(self._neutral.get(one) is not None for one in needed)

    def _filled(self, name: str, given: Values) -> float | None:
        """Give the ratio, filled as `complete_ratios` says where it is missing."""
        own: float | None = given[name]
        if own is not None:
            return own
        ratio, usual = RATIOS[name], self._neutral[name]
        lacking = any(given[one] is None for one in ratio.inputs)
        known = [self._known(one, given) for one in ratio.inputs]
        reckoned = _reckoned(name, known)
        if not ratio.riskier:
            return _least(usual, reckoned) if lacking else None
        to_nothing = reckoned is not None and math.isinf(reckoned)
        if not (lacking or to_nothing):
            return None
        return _most(usual, None if reckoned is None else min(reckoned, MOST))

    def _known(self, name: str, given: Values) -> float | None:
        if self._can_be_filled(name):
            return self._filled(name, given)
        own: float | None = given[name]
        usual = self._neutral[name]
        return own if own is not None else float(usual) if isinstance(usual, int | float) else None


def _reckoned(name: str, known: list[float | None]) -> float | None:
    """Calculate a ratio; a division by 0 is infinite, and what is no number is missing."""
    if any(one is None for one in known):
        return None
    with np.errstate(all="ignore"):
        found = float(RATIOS[name].formula(_annuity, *(np.float64(one) for one in known if one is not None)))
    return None if math.isnan(found) else found


def _annuity(amount: float, term: float) -> float:
    rate = REFERENCE_RATE / 12
    return float(float(amount) * rate / (1.0 - (1.0 + rate) ** -float(term)))


def _most(usual: Value, other: float | None) -> float:
    assert isinstance(usual, int | float), "a ratio that can be filled has a usual number"
    return float(usual) if other is None else max(float(usual), other)


def _least(usual: Value, other: float | None) -> float:
    assert isinstance(usual, int | float), "a ratio that can be filled has a usual number"
    return float(usual) if other is None else min(float(usual), other)


__all__ = ["LoanValues", "Values"]
