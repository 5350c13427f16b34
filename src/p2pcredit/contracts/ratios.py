"""The features that are calculated from others: written once, for what builds, completes and traces them.

A formula is made of plain arithmetic, so it takes the expressions of any engine. The monthly payment of a loan is given
to it as a function: the engines differ in how they calculate a power, and in its last digit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Payment = Callable[[Any, Any], Any]
"""From the amount and the term in months to the monthly payment at `REFERENCE_RATE`."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A feature that is calculated from others.

    Args:
        inputs: The features it is calculated from.
        formula: From the monthly payment as a function, and the inputs, to its own; a division by 0 is infinite.
        riskier: Whether it raises the risk as it grows, or lowers it.
    """

    inputs: tuple[str, ...]
    formula: Callable[..., Any]
    riskier: bool = True


_LOAN = ("loan_amount", "term_months")

RATIOS: dict[str, Ratio] = {
    "loan_to_income": Ratio(("loan_amount", "annual_income"), lambda _, amount, income: amount / income),
    "annuity_to_income": Ratio(
        (*_LOAN, "annual_income"), lambda pays, amount, term, income: pays(amount, term) * 12.0 / income
    ),
    "debt_to_income_after_share": Ratio(
        ("debt_to_income_share", *_LOAN, "annual_income"),
        lambda pays, debts, amount, term, income: debts + pays(amount, term) * 12.0 / income,
    ),
    "revolving_to_income": Ratio(("revolving_balance", "annual_income"), lambda _, balance, income: balance / income),
    "revolving_limit": Ratio(
        ("revolving_balance", "revolving_utilisation_share"), lambda _, balance, used: balance / used, riskier=False
    ),
    "loan_to_revolving_limit": Ratio(("loan_amount", "revolving_limit"), lambda _, amount, limit: amount / limit),
}
"""Per feature of the contract how it follows from others. A limit that the feed gives is not calculated."""

__all__ = ["RATIOS", "Payment", "Ratio"]
