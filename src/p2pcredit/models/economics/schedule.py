"""The schedule of an annuity, as shares of the amount lent.

left(k) = (g ** n - g ** k) / (g ** n - 1), where g = 1 + rate / 12
"""

from __future__ import annotations

import numpy as np

from p2pcredit.models.evaluation.intervals import Floats


def balances(yearly_rates: Floats, months: int) -> Floats:
    """Give the share of the principal that is left after each instalment, from none to the last.

    Args:
        yearly_rates: One per loan; zero is a loan without interest.
        months: Instalments.

    Returns:
        (loans, months + 1), from 1 to 0.

    Examples:
        >>> balances(np.array([0.0, 0.12]), 2).round(6).tolist()
        [[1.0, 0.5, 0.0], [1.0, 0.502488, 0.0]]
    """
    rates = np.asarray(yearly_rates, dtype=np.float64)[:, None] / 12.0
    after = np.arange(months + 1, dtype=np.float64)[None, :]
    # Written with expm1, so that a rate of almost nothing loses no digits.
    growth = np.log1p(rates)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = -np.expm1(growth * (after - months)) / -np.expm1(-growth * months)
    return np.where(rates > 0.0, np.clip(left, 0.0, 1.0) + 0.0, 1.0 - after / months)  # no zero below zero
