"""What loans of any terms are expected to lose, to bring and to earn, in currency and a year."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from p2pcredit.models.economics.expected import Expected, expect, stressed
from p2pcredit.models.economics.experience import Experience
from p2pcredit.models.economics.remaining import early_hazards, over_term
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.term_structure.structure import TermStructure, can_follow
from p2pcredit.settings.money import MoneySettings, Stress


@dataclass(frozen=True, slots=True)
class Valued:
    """Loans with what is expected of them; NaN where term, rate or probability is not known.

    Args:
        expected: As shares of the amount lent.
        severity: Loss given default of each, under the stress.
    """

    expected: Expected
    severity: Floats

    @property
    def loss(self) -> Floats:
        """Expected loss over the term, net of recoveries, as a share of the amount lent."""
        return self.expected.lost * self.severity

    def annual_return(self, servicing_rate: float) -> Floats:
        """Give the net annualised return over the term: interest less losses net of recoveries, over what is lent."""
        found = self.expected
        with np.errstate(invalid="ignore", divide="ignore"):
            return (found.interest - self.loss) / found.years - servicing_rate


@dataclass(frozen=True, slots=True)
class Profit:
    """Expected profit of each loan in currency, and the part that loans which will default have in it.

    Args:
        profit: Income less costs and losses.
        of_bad: What loans that will default bring, weighted with their probability; below zero where they cost.
        default: Probability of default within the term.
    """

    profit: Floats
    of_bad: Floats
    default: Floats

    @property
    def of_good(self) -> Floats:
        """What loans that will not default bring, weighted with their probability."""
        return self.profit - self.of_bad


def value_loans(
    structure: TermStructure,
    experience: Experience,
    chances: Floats,
    terms: pl.Series,
    rates: pl.Series,
    *,
    stress: Stress | None = None,
) -> Valued:
    """Follow each loan over its term.

    Args:
        structure: How default builds up, by term.
        experience: Loss given default and early repayments, by term, and the lag of a default.
        chances: Probability of default within the main window; NaN where there is none.
        terms: Contract terms in months; null where not known. A term longer than `MOST_TERM_MONTHS` is none to follow.
        rates: Yearly interest rates; null where the price is not known.
        stress: Multipliers; none where None.
    """
    months = terms.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    yearly = rates.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return value_numbers(structure, experience, chances, months, yearly, stress=stress)


def value_numbers(
    structure: TermStructure,
    experience: Experience,
    chances: Floats,
    months: Floats,
    yearly: Floats,
    *,
    stress: Stress | None = None,
) -> Valued:
    """Follow each loan over its term, as `value_loans` does, by arrays in which NaN is what is not known."""
    stress = Stress() if stress is None else stress
    sums = {one.name: np.full(chances.size, np.nan) for one in fields(Expected)}
    severity = np.full(chances.size, np.nan)
    known = can_follow(months) & (months >= 1) & np.isfinite(yearly) & (yearly >= 0) & np.isfinite(chances)
    for term in np.unique(months[known]):
        rows, product = known & (months == term), experience.of(int(term))
        curve = over_term(structure, chances[rows], int(term))
        early = early_hazards(product.early, int(term))
        found = expect(curve, yearly[rows], early, lag=experience.lag_months, stress=stress)
        for name, values in sums.items():
            values[rows] = getattr(found, name)
        severity[rows] = min(product.loss_given_default * stress.lgd, 1.0)
    return Valued(Expected(**sums), severity)


def profit_of(valued: Valued, amounts: Floats, money: MoneySettings, *, bears_losses: bool = True) -> Profit:
    """Calculate the profit of a lender who keeps the interest and bears losses, or of a platform that earns fees alone.

    Args:
        valued: The loans.
        amounts: What is lent.
        money: Costs and fees. `servicing_rate` is a cost of a lender, and the income of a platform.
        bears_losses: Whether interest and losses are one's own.
    """
    found, fee, cost = valued.expected, money.origination_fee, money.cost_per_loan
    if not bears_losses:
        whole = amounts * (fee + money.servicing_rate * found.years) - cost
        return Profit(
            whole, amounts * (fee * found.default + money.servicing_rate * found.years_bad) - cost * found.default,
            found.default,
        )  # fmt: skip
    carried = money.funding_rate + money.servicing_rate
    whole = amounts * (fee + found.interest - carried * found.years - valued.loss) - cost
    bad = (
        amounts * (fee * found.default + found.interest_bad - carried * found.years_bad - valued.loss)
        - cost * found.default
    )
    return Profit(whole, bad, found.default)


def stressed_chances(chances: Floats, stress: Stress) -> Floats:
    """Multiply the hazard within the main window."""
    return stressed(chances[:, None], stress)[:, 0]


__all__ = ["Profit", "Valued", "profit_of", "stressed_chances", "value_loans", "value_numbers"]
