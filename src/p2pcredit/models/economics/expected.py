"""What loans of one term are expected to pay, to lose and to earn: a monthly schedule of default, exposure and payment.

With PD(m) the probability of default by the end of month m on book, and lag the months by which the first missed
instalment lies before the default that it becomes:

    exposure of a default in month m = balance after m - 1 - lag instalments
    expected loss = sum over m of (PD(m) - PD(m - 1)) * exposure(m) * loss given default

A loan that will default in month m pays m - 1 - lag instalments. The others pay each instalment, and of them a share is
paid off early in each month, by the book's own hazards. All that is lent either comes back or is lost:

    principal received + lost = 1

A stress multiplies the cumulative hazard, PD'(m) = 1 - (1 - PD(m)) ** factor, the loss given default, which stays a
share, and the hazards of early repayment.

Source:
    Basel Committee, International Convergence of Capital Measurement (2006), for PD x EAD x LGD; the schedule by month
    is that of IFRS 9 B5.5.28 to B5.5.44.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from p2pcredit.models.economics.schedule import balances
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.settings.money import Stress

MONTHS_A_YEAR = 12
_DAYS_A_MONTH = 30
PIECE = 50_000
"""Loans of which the schedules are held together."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of each loan, as shares of the principal at the start.

    Args:
        default: Probability of default by the end.
        lost_12_months, lost: Principal in default within twelve months and by the end, before recoveries.
        lost_12_months_discounted, lost_discounted: The same, each month's discounted to the start at the loan's own
            rate.
        interest: To be received.
        principal: To be received.
        years: Principal at work, times years.
        interest_bad, years_bad: Of interest and years, what loans that will default bring; all of what is lost is
            theirs.
    """

    default: Floats
    lost_12_months: Floats
    lost: Floats
    lost_12_months_discounted: Floats
    lost_discounted: Floats
    interest: Floats
    principal: Floats
    years: Floats
    interest_bad: Floats
    years_bad: Floats

    @classmethod
    def joined(cls, parts: list[Expected]) -> Expected:
        """Put the loans of several parts one after the other."""
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))


def lag_months(default_days: int) -> int:
    """Give by how many months the first missed instalment lies before the default.

    Examples:
        >>> lag_months(90), lag_months(30)
        (3, 1)
    """
    return round(default_days / _DAYS_A_MONTH)


def stressed(cumulative: Floats, stress: Stress) -> Floats:
    """Multiply the cumulative hazard behind probabilities of default."""
    if stress.hazard == 1.0:
        return cumulative
    return -np.expm1(stress.hazard * np.log1p(-np.clip(cumulative, 0.0, 1.0 - 1e-15)))


def expect(
    cumulative: Floats, yearly_rates: Floats, early: Floats, *, lag: int, stress: Stress | None = None
) -> Expected:
    """Follow loans with equal instalments over the months that are left to them.

    Args:
        cumulative: (loans, months): probability of default by the end of each month, none falling.
        yearly_rates: Interest rate per loan.
        early: Hazard of early repayment in each of these months, alike for all loans.
        lag: As `lag_months` gives it.
        stress: Multipliers of the hazards; its factor of the loss given default is applied by who multiplies with it.

    Returns:
        Per loan; lost amounts are before recoveries.
    """
    stress = Stress() if stress is None else stress
    parts = [_expect(cumulative[rows], yearly_rates[rows], early, lag, stress) for rows in _pieces(cumulative.shape[0])]
    return Expected.joined(parts)


def still_open(cumulative: Floats, early: Floats, lag: int) -> Floats:
    """Give the share of loans still open after each month: not defaulted, and not paid off early.

    Returns:
        (loans, months + 1), from 1 on; the same loans of which `expect` goes on.
    """
    loans, months = cumulative.shape
    alive = np.ones((loans, months + 1))
    for month in range(1, months + 1):
        _, paid_off = _paying(cumulative, alive[:, month - 1], early, month, lag)
        alive[:, month] = alive[:, month - 1] - _marginal(cumulative, month) - paid_off
    return np.clip(alive, 0.0, 1.0)


def _expect(cumulative: Floats, yearly_rates: Floats, early: Floats, lag: int, stress: Stress) -> Expected:
    loans, months = cumulative.shape
    chances = stressed(cumulative, stress)
    hazards = np.clip(np.asarray(early, dtype=np.float64) * stress.prepayment, 0.0, 1.0)
    left = balances(yearly_rates, months)
    monthly = yearly_rates / MONTHS_A_YEAR
    alive, at_work = np.ones(loans), np.ones(loans)
    lost, discounted, interest, principal, years = (np.zeros(loans) for _ in range(5))
    interest_bad, years_bad, lost_12, discounted_12 = (np.zeros(loans) for _ in range(4))
    paid_interest = np.concatenate([np.zeros((loans, 1)), np.cumsum(left[:, :-1] * monthly[:, None], axis=1)], axis=1)
    worked = np.concatenate([np.zeros((loans, 1)), np.cumsum(left[:, :-1], axis=1)], axis=1) / MONTHS_A_YEAR
    for month in range(1, months + 1):
        bad = _marginal(chances, month)
        payers, paid_off = _paying(chances, alive, hazards, month, lag)
        years += at_work / MONTHS_A_YEAR
        interest += payers * left[:, month - 1] * monthly
        came = payers * (left[:, month - 1] - left[:, month]) + paid_off * left[:, month]
        made = max(month - 1 - lag, 0)
        now = bad * left[:, made]
        interest_bad += bad * paid_interest[:, made]
        # A loan in default keeps at work what it owes, from the first instalment it missed to its default.
        years_bad += bad * (worked[:, made] + left[:, made] * (month - made) / MONTHS_A_YEAR)
        principal += came
        lost += now
        discounted += now / (1.0 + monthly) ** month
        if month <= MONTHS_A_YEAR:
            lost_12, discounted_12 = lost.copy(), discounted.copy()
        at_work = at_work - came - now
        alive = alive - bad - paid_off
    return Expected(
        default=chances[:, -1].copy(),
        lost_12_months=lost_12,
        lost=lost,
        lost_12_months_discounted=discounted_12,
        lost_discounted=discounted,
        interest=interest,
        principal=principal,
        years=years,
        interest_bad=interest_bad,
        years_bad=years_bad,
    )


def _marginal(chances: Floats, month: int) -> Floats:
    before = chances[:, month - 2] if month > 1 else 0.0
    return np.asarray(chances[:, month - 1] - before, dtype=np.float64)


def _paying(chances: Floats, alive: Floats, early: Floats, month: int, lag: int) -> tuple[Floats, Floats]:
    """Give the loans that pay the instalment of a month, and those of them that are then paid off early.

    Of the loans open before, those do not pay that will be in default by `lag` months later. A loan that will default
    is not paid off early, as probabilities of default count it; so the loans paid off are taken from the others.
    """
    months = chances.shape[1]
    before = chances[:, month - 2] if month > 1 else np.zeros(chances.shape[0])
    stopped = chances[:, min(month + lag, months) - 1] - before
    payers = np.maximum(alive - stopped, 0.0)
    if month == months:
        return payers, np.zeros_like(payers)
    later = chances[:, -1] - chances[:, min(month + lag, months) - 1]
    return payers, np.minimum(payers * early[month - 1], np.maximum(payers - later, 0.0))


def _pieces(loans: int) -> Iterator[slice]:
    for first in range(0, max(loans, 1), PIECE):
        yield slice(first, first + PIECE)


__all__ = ["Expected", "expect", "lag_months", "still_open", "stressed"]
