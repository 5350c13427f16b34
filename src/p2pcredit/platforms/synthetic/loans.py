"""Draw synthetic loans, day by day from a seed: applicants and their true risk.

What is in it to be found: seasons of the week and the year, a 60-month product launched later, a shock that raises the
hazard of default for some calendar months, and a drift after which other people apply and the bureau's view says less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from p2pcredit.errors import UsageError
from p2pcredit.periods import DateRange, add_months

Floats = npt.NDArray[np.float64]
PURPOSES = ("debt_consolidation", "credit_card", "home_improvement", "major_purchase", "small_business", "other")
HOMES = ("RENT", "MORTGAGE", "OWN")
STATES = ("CA", "NY", "TX", "FL", "IL", "PA", "OH", "GA")
MOST_MONTHS = 60
_WEEKDAYS = (1.2, 1.25, 1.2, 1.15, 1.1, 0.6, 0.5)
_PURPOSE_RISK = np.array([0.05, -0.15, 0.0, -0.1, 0.35, 0.1])
_HOME_RISK = np.array([0.15, -0.15, 0.0])
_GRADE_NOISE = 1.1


@dataclass(frozen=True, slots=True)
class SyntheticSettings:
    """How the portfolio is drawn.

    Args:
        first, last: Days on which loans are originated and events become visible. A longer range with the same `first`
            only adds to a shorter one.
        seed: Names the portfolio; any whole number from 0.
        loans_per_day: Mean number of loans a day.
        launch_month: Months after `first` from which the 60-month term is offered.
        shock_months: First and last month after `first` (calendar time) with a raised hazard of default.
        shock_factor: By how much it is raised.
        drift_month: Months after `first` from which other people apply and features say less.
    """

    first: date = date(2021, 1, 1)
    last: date = date(2023, 12, 31)
    seed: int = 20
    loans_per_day: float = 15.0
    launch_month: int = 6
    shock_months: tuple[int, int] = (13, 16)
    shock_factor: float = 1.8
    drift_month: int = 18

    def __post_init__(self) -> None:
        """Refuse what makes no portfolio."""
        DateRange(self.first, self.last)
        if self.seed < 0 or not 0 < self.loans_per_day <= 10_000:
            raise UsageError("a synthetic portfolio needs a seed from 0 and 0 to 10000 loans a day; mend its settings")


@dataclass(frozen=True, slots=True)
class Draw:
    """The loans of a portfolio as arrays, one entry per loan.

    `columns` holds what an applicant states and a bureau knows; `risk` the true log hazard ratio; `uniforms` (loans x
    60 x 3) the luck of each month on book: default, early repayment, a payment late once.
    """

    originated: npt.NDArray[np.datetime64]
    place: npt.NDArray[np.int64]
    columns: dict[str, Floats]
    risk: Floats
    seen_risk: Floats
    uniforms: Floats


def draw_loans(settings: SyntheticSettings) -> Draw:
    """Draw the loans originated in the range of `settings`."""
    days = [_draw_day(settings, day) for day in DateRange(settings.first, settings.last)]
    return Draw(
        np.concatenate([day.originated for day in days]),
        np.concatenate([day.place for day in days]),
        {name: np.concatenate([day.columns[name] for day in days]) for name in days[0].columns},
        np.concatenate([day.risk for day in days]),
        np.concatenate([day.seen_risk for day in days]),
        np.concatenate([day.uniforms for day in days]),
    )


def _draw_day(settings: SyntheticSettings, day: date) -> Draw:
    luck = np.random.default_rng([settings.seed, day.toordinal()])
    season = 1 + 0.15 * math.sin(2 * math.pi * (day.timetuple().tm_yday - 80) / 365.25)
    n = int(luck.poisson(settings.loans_per_day * _WEEKDAYS[day.weekday()] * season))
    drifted = day >= add_months(settings.first, settings.drift_month)
    launched = day >= add_months(settings.first, settings.launch_month)
    z = luck.standard_normal((n, 8))
    fico = np.clip(np.round((700 - 12 * drifted + 35 * z[:, 0]) / 5) * 5, 620, 845)
    utilisation = np.clip(50 + 9 * drifted - 9 * z[:, 0] + 22 * z[:, 1], 0, 130)
    income = np.exp(11.05 - 0.12 * drifted + 0.5 * z[:, 2]).round(-2).astype(np.float64)
    debt_to_income = np.clip(17 + 2 * drifted + 7.5 * z[:, 3], 0, 45)
    term = np.where(launched & (luck.random(n) < 0.3), 60.0, 36.0)
    amount = np.clip(np.round(np.exp(9.3 + 0.45 * z[:, 4] + 0.2 * z[:, 2]) / 25) * 25, 1_000, 40_000)
    inquiries = luck.poisson(0.8 + 0.3 * drifted, n).astype(np.float64)
    delinquencies = luck.poisson(0.2, n).astype(np.float64)
    home = luck.choice(3, n, p=[0.42, 0.46, 0.12])
    purpose = luck.choice(6, n, p=[0.5, 0.2, 0.08, 0.06, 0.04, 0.12])
    bureau = (
        -0.62 * (fico - 700) / 35
        + 0.30 * (utilisation - 50) / 24
        + 0.22 * (inquiries - 0.8)
        + 0.25 * (delinquencies - 0.2)
    )
    stated = (
        0.30 * (debt_to_income - 17) / 7.5
        - 0.28 * (np.log(income) - 11.05) / 0.5
        + 0.15 * (np.log(amount) - 9.3) / 0.5
        + _HOME_RISK[home]
        + _PURPOSE_RISK[purpose]
        + 0.35 * (term == 60)
    )
    unseen = z[:, 5]
    risk = 0.28 * bureau + 0.55 * stated + 0.6 * unseen if drifted else bureau + stated + 0.3 * unseen
    columns: dict[str, Floats] = {
        "fico": fico,
        "utilisation": utilisation,
        "income": income,
        "debt_to_income": debt_to_income,
        "term": term,
        "amount": amount,
        "inquiries": inquiries,
        "delinquencies": delinquencies,
        "home": home.astype(np.float64),
        "purpose": purpose.astype(np.float64),
        "state": luck.integers(0, len(STATES), n).astype(np.float64),
        "zip3": luck.integers(100, 1000, n).astype(np.float64),
        "employment": luck.integers(0, 11, n).astype(np.float64),
        "credit_age": np.clip(np.round(170 + 60 * z[:, 6]), 36, 600),
        "open_accounts": luck.poisson(10, n).astype(np.float64),
        "more_accounts": luck.poisson(13, n).astype(np.float64),
        "public_records": luck.poisson(0.08, n).astype(np.float64),
        "months_since_delinquency": luck.integers(1, 24, n).astype(np.float64),
        "mortgages": luck.poisson(1.2, n).astype(np.float64),
        "opened_24m": luck.poisson(4, n).astype(np.float64),
        "verified": luck.integers(0, 3, n).astype(np.float64),
        "limit": np.exp(9.6 + 0.6 * z[:, 7]).round().astype(np.float64),
    }
    originated = np.full(n, np.datetime64(day))
    seen = bureau + stated + _GRADE_NOISE * luck.standard_normal(n)
    return Draw(originated, np.arange(n), columns, risk, seen, luck.random((n, MOST_MONTHS, 3)))


__all__ = ["HOMES", "MOST_MONTHS", "PURPOSES", "STATES", "Draw", "Floats", "SyntheticSettings", "draw_loans"]
