"""What the comparison of instalment, term, amount and income of a day or a book comes to, for receipts that keep it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Doubt = Literal["underpaid", "overpaid", "unaffordable"]

REPAID = "repaid"
"""All instalments of the term over the amount: a little above 1 of loans that are paid back by them."""
BURDEN = "burden"
"""The instalment over the income of a month; the amount over its term where no instalment is known."""

COLUMNS: Mapping[str, str] = {REPAID: "term", BURDEN: "annual_income"}
"""The landed column that each asks about."""
FEEDS: Mapping[str, str] = {REPAID: "loan_terms", BURDEN: "financial"}


class Compared(NamedTuple):
    """How the loans of a day or of a book stand.

    Args:
        loans: Of how many enough is known.
        below: Of how many too little is paid back; 0 of a burden.
        above: Of how many too much is paid back, or of the income.
        middle: The median; NaN without any.
    """

    loans: int = 0
    below: int = 0
    above: int = 0
    middle: float = float("nan")

    def __add__(self, other: object) -> Compared:
        """Add the loans of another part of the book; the median stays that of the larger part."""
        if not isinstance(other, Compared):
            return NotImplemented
        middle = self.middle if self.loans >= other.loans else other.middle
        return Compared(self.loans + other.loans, self.below + other.below, self.above + other.above, middle)


def doubt_of(name: str, side: str) -> Doubt:
    """Name what is doubted, where more than half lie `too_low` or `too_high`."""
    if name == BURDEN:
        return "unaffordable"
    return "underpaid" if side == "too_low" else "overpaid"


__all__ = ["BURDEN", "COLUMNS", "FEEDS", "REPAID", "Compared", "Doubt", "doubt_of"]
