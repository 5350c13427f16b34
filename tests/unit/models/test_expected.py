"""Expected losses and returns by hand, and the laws they keep.

By hand, two months: 12% a year is 1% a month, an annuity of 2 months leaves 1.01 / 2.01 of the principal after the
first instalment. Without a lag a loan that defaults in month 1 owes all, in month 2 what is left.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.models.economics.expected import expect, lag_months, still_open
from p2pcredit.models.economics.schedule import balances
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.settings.money import Stress

LEFT = 1.01 / 2.01


def row(*by_month: float) -> Floats:
    return np.array([by_month])


def test_two_months_by_hand() -> None:
    found = expect(row(0.1, 0.3), np.array([0.12]), np.zeros(2), lag=0)
    assert found.default[0] == pytest.approx(0.3)
    # 10% lose everything, 20% what is left after one instalment.
    assert found.lost[0] == pytest.approx(0.1 + 0.2 * LEFT)
    # 90% pay the first instalment, 70% the second.
    assert found.interest[0] == pytest.approx(0.9 * 0.01 + 0.7 * LEFT * 0.01)
    assert found.principal[0] == pytest.approx(0.9 * (1 - LEFT) + 0.7 * LEFT)
    # All of it is at work in the first month, then what neither came back nor was lost: 90% of what is left.
    assert found.years[0] == pytest.approx((1 + 0.9 * LEFT) / 12)
    # Those who default bring the interest of the second group's first instalment.
    assert found.interest_bad[0] == pytest.approx(0.2 * 0.01)
    assert found.years_bad[0] == pytest.approx((0.1 * 1 + 0.2 * (1 + LEFT)) / 12)
    assert found.lost_discounted[0] == pytest.approx(0.1 / 1.01 + 0.2 * LEFT / 1.01**2)


def test_a_lag_of_a_month_has_a_defaulter_pay_an_instalment_less() -> None:
    found = expect(row(0.1, 0.3), np.array([0.12]), np.zeros(2), lag=1)
    # Who defaults in month 2 missed the first instalment: 30% lose everything, 70% pay both.
    assert found.lost[0] == pytest.approx(0.3)
    assert found.interest[0] == pytest.approx(0.7 * (0.01 + LEFT * 0.01))
    assert found.interest_bad[0] == 0.0


def test_early_repayment_by_hand() -> None:
    found = expect(row(0.0, 0.0), np.array([0.12]), np.array([0.5, 0.9]), lag=0)
    # Half is paid off with the first instalment; in the last month nobody is early.
    assert found.interest[0] == pytest.approx(0.01 + 0.5 * LEFT * 0.01)
    assert found.years[0] == pytest.approx((1 + 0.5 * LEFT) / 12)
    assert still_open(row(0.0, 0.0), np.array([0.5, 0.9]), 0)[0].tolist() == [1.0, 0.5, 0.5]


def test_twelve_months_are_the_first_twelve() -> None:
    months = np.linspace(0.01, 0.24, 24)[None, :]
    found = expect(months, np.array([0.0]), np.zeros(24), lag=3)
    by_hand = sum(0.01 * (1 - max(month - 4, 0) / 24) for month in range(1, 13))
    assert found.lost_12_months[0] == pytest.approx(by_hand)
    assert found.lost_12_months_discounted[0] == pytest.approx(by_hand)  # without interest nothing is discounted
    assert found.lost[0] > found.lost_12_months[0]


def test_a_stress_multiplies_the_cumulative_hazard() -> None:
    found = expect(row(0.1, 0.19), np.array([0.0]), np.zeros(2), lag=0, stress=Stress(hazard=2.0))
    assert found.default[0] == pytest.approx(1 - 0.81**2)


def test_a_loan_without_interest_pays_equal_parts() -> None:
    assert balances(np.array([0.0]), 4)[0].tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert lag_months(90) == 3


Case = tuple[list[float], list[float], float, int, float, float]
CURVES = st.integers(1, 40).flatmap(
    lambda months: st.tuples(
        st.lists(st.floats(0, 0.08), min_size=months, max_size=months),
        st.lists(st.floats(0, 1), min_size=months, max_size=months),
        st.floats(0, 0.6),
        st.integers(0, 6),
        st.floats(0.1, 5),
        st.floats(0.1, 5),
    )
)


@given(CURVES)
@settings(deadline=None, max_examples=150)
def test_all_that_is_lent_comes_back_or_is_lost(case: Case) -> None:
    hazards, early, rate, lag, more, sooner = case
    curve = -np.expm1(-np.cumsum(hazards))[None, :]
    found = expect(curve, np.array([rate]), np.array(early), lag=lag, stress=Stress(more, 1.0, sooner))
    assert found.principal[0] + found.lost[0] == pytest.approx(1.0, abs=1e-9)
    assert -1e-12 <= found.lost_12_months[0] <= found.lost[0] + 1e-12 <= found.default[0] + 2e-12
    assert found.lost_discounted[0] <= found.lost[0] + 1e-12
    assert 0 < found.years[0] <= len(hazards) / 12 + 1e-12
    assert -1e-12 <= found.interest_bad[0] <= found.interest[0] + 1e-9
    # Interest is what a principal at work earns, but for what loans that stopped paying leave unpaid.
    assert found.interest[0] <= rate * found.years[0] + 1e-9
    assert (np.diff(still_open(curve, np.array(early), lag)[0]) <= 1e-12).all()


@given(CURVES)
@settings(deadline=None, max_examples=60)
def test_with_more_hazard_more_default_and_less_interest_comes(case: Case) -> None:
    hazards, _, rate, lag, more, _ = case
    curve, never = -np.expm1(-np.cumsum(hazards))[None, :], np.zeros(len(hazards))
    # Without early repayment: else a loan that defaults late may have paid interest for longer than one paid off early.
    calm = expect(curve, np.array([rate]), never, lag=lag)
    worse = expect(curve, np.array([rate]), never, lag=lag, stress=Stress(hazard=1.0 + more))
    assert worse.default[0] >= calm.default[0] - 1e-12
    assert worse.interest[0] <= calm.interest[0] + 1e-9


def test_loans_are_alike_alone_and_together() -> None:
    random = np.random.default_rng(1)
    curves = -np.expm1(-np.cumsum(random.uniform(0, 0.02, (50, 36)), axis=1))
    rates = random.uniform(0, 0.3, 50)
    together = expect(curves, rates, np.full(36, 0.01), lag=3)
    alone = expect(curves[7:8], rates[7:8], np.full(36, 0.01), lag=3)
    assert together.lost[7] == alone.lost[0]
    assert together.interest[7] == alone.interest[0]
