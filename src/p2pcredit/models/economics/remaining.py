"""The probability of default over what is left of a loan's term, given that it is open today.

    PD(i more months | open after a) = (PD(a + i) - PD(a)) / share still open after a

Probabilities of the term structure count all loans made, those paid off among them; the share still open, by the same
defaults and the book's early repayments, turns them into those of the loans that are left.
"""

from __future__ import annotations

import numpy as np

from p2pcredit.models.economics.expected import still_open
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.term_structure.structure import TermStructure

_LEAST_OPEN = 1e-6
_CERTAIN = 1.0 - 1e-9


def early_hazards(early: tuple[float, ...], months: int) -> Floats:
    """Give the hazards of early repayment of so many months; nothing is repaid early where the book shows none.

    Examples:
        >>> early_hazards((0.1, 0.2), 3).tolist(), early_hazards((), 2).tolist()
        ([0.1, 0.2, 0.2], [0.0, 0.0])
    """
    if not early:
        return np.zeros(months)
    known = np.asarray(early[:months], dtype=np.float64)
    return np.concatenate([known, np.full(months - known.size, known[-1])])


def over_term(structure: TermStructure, chances: Floats, term_months: int) -> Floats:
    """Give the probability of default by the end of each month of the term, of loans just made."""
    return np.maximum.accumulate(structure.cumulative(chances, term_months)[:, :term_months], axis=1)


def remaining(
    structure: TermStructure, chances: Floats, term_months: int, seen: int, early: tuple[float, ...], lag: int
) -> Floats:
    """Give the probability of default by the end of each month that is left, of loans of one term and age still open.

    Args:
        structure: The term structure of the model that gave the chances.
        chances: Probability of default within the main window, per loan.
        term_months: Their contract term.
        seen: Whole months on book; a loan whose term has passed is taken to be in its last month.
        early: Hazards of early repayment of the product.
        lag: Months from the first missed instalment to default.

    Returns:
        (loans, months left), each row non-decreasing.
    """
    curve = over_term(structure, chances, term_months)
    age = min(max(seen, 0), term_months - 1)
    if not age:
        return curve
    left = still_open(curve, early_hazards(early, term_months), lag)[:, age]
    ahead = (curve[:, age:] - curve[:, age - 1 : age]) / np.maximum(left, _LEAST_OPEN)[:, None]
    return np.clip(ahead, 0.0, _CERTAIN)


__all__ = ["early_hazards", "over_term", "remaining"]
