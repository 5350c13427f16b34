"""What becomes of one loan over its term: the sums of `TermStructure`, `expect` and `Valued` on plain numbers.

A loop of months over arrays of one number costs thirty times what its arithmetic does. Here what is the same for all
loans of a contract term is made once, whole rows of months are calculated by the functions of the frames, and what goes
from month to month is added up as plain numbers, in the same order and so to the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from p2pcredit.contracts.feeds import MOST_TERM_MONTHS
from p2pcredit.models.economics.expected import MONTHS_A_YEAR
from p2pcredit.models.economics.experience import Experience
from p2pcredit.models.economics.remaining import early_hazards
from p2pcredit.models.economics.schedule import balances
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.term_structure.structure import Growth, TermStructure

_KEPT = 128
"""Contract terms of which what is the same for all loans is kept."""


class OverTerm(NamedTuple):
    """What is expected of a loan over its term; None where it is not known."""

    lifetime: float | None = None
    loss: float | None = None
    annual_return: float | None = None


class LoansOverTerm:
    """Follows loans one by one.

    Args:
        structure: How default builds up; None for a model that has none.
        experience: What expected losses and returns rest on; None likewise.
        servicing_rate: What servicing costs a year, as a share of the principal at work.
    """

    def __init__(self, structure: TermStructure | None, experience: Experience | None, servicing_rate: float) -> None:
        self._structure, self._experience, self._servicing_rate = structure, experience, servicing_rate
        self._product_of = _kept(structure, experience)

    def of(self, chances: Floats, term: float | None, rate: float | None) -> OverTerm:
        """Follow a loan.

        Args:
            chances: Its probability of default within the main window, (1,).
            term: Contract term in months.
            rate: Yearly interest rate.
        """
        if self._structure is None or term is None or not -math.inf < term <= MOST_TERM_MONTHS:
            return OverTerm()
        product = self._product_of(int(term))
        chance, built = float(chances[0]), product.growth.cumulative(chances)[0]
        last = float(built[-1])
        lifetime = None if math.isnan(last) else max(last, chance)
        if self._experience is None or rate is None or not (term >= 1 and 0.0 <= rate < math.inf):
            return OverTerm(lifetime)
        curve = np.maximum.accumulate(built[: int(term)])
        lost, interest, years = _follow(product, curve.tolist(), rate, self._experience.lag_months)
        loss = lost * product.severity
        return OverTerm(lifetime, _or_none(loss), _or_none((interest - loss) / years - self._servicing_rate))


@dataclass(frozen=True, slots=True)
class _Product:
    """What is the same for all loans of a contract term.

    Args:
        months: The term.
        growth: How default builds up.
        early: Hazard of early repayment in each month.
        severity: Loss given default.
    """

    months: int
    growth: Growth
    early: tuple[float, ...]
    severity: float


def _kept(structure: TermStructure | None, experience: Experience | None) -> Callable[[int], _Product]:
    @lru_cache(_KEPT)
    def product_of(months: int) -> _Product:
        assert structure is not None, "asked for where there is a structure only"
        if experience is None or months < 1:
            return _Product(months, structure.growth_of(months), (), 0.0)
        shown = experience.of(months)
        early = np.clip(early_hazards(shown.early, months), 0.0, 1.0)
        return _Product(months, structure.growth_of(months), tuple(early.tolist()), min(shown.loss_given_default, 1.0))

    return product_of


def _follow(product: _Product, chances: list[float], rate: float, lag: int) -> tuple[float, float, float]:
    """Add up principal lost, interest received and principal at work times years, as `expected._expect` does.

    Args:
        product: Of the loan.
        chances: Probability of default by the end of each month.
        rate: Yearly interest rate.
        lag: Months from the first missed instalment to default.
    """
    left: list[float] = balances(np.array([rate]), product.months)[0].tolist()
    monthly, months, end = rate / MONTHS_A_YEAR, product.months, chances[-1]
    stopped_by = [*chances[lag:], *([end] * min(lag, months))]
    lost_at = [*([left[0]] * min(lag, months)), *left]
    alive = at_work = 1.0
    lost = interest = years = before = 0.0
    last = months - 1
    for month, (chance, by_then, early, lost_here) in enumerate(
        zip(chances, stopped_by, product.early, lost_at, strict=False)
    ):
        bad = chance - before
        payers = max(alive - (by_then - before), 0.0)
        paid_off = 0.0 if month == last else min(payers * early, max(payers - (end - by_then), 0.0))
        here, then = left[month], left[month + 1]
        years += at_work / MONTHS_A_YEAR
        interest += payers * here * monthly
        now = bad * lost_here
        lost += now
        at_work = at_work - (payers * (here - then) + paid_off * then) - now
        alive = alive - bad - paid_off
        before = chance
    return lost, interest, years


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


__all__ = ["LoansOverTerm", "OverTerm"]
