"""The internal rate against closed forms, and against Brent's method of SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from p2pcredit.portfolio.internal_rate import internal_rate


def test_an_annuity_at_one_percent_a_month_bears_twelve_point_seven_a_year() -> None:
    instalment = 1200.0 * 0.01 / (1 - 1.01**-36)
    found = internal_rate(np.arange(37) / 12, [-1200.0, *[instalment] * 36])
    assert found.value == pytest.approx(1.01**12 - 1, abs=1e-10)
    assert found.unique


@pytest.mark.parametrize(
    ("years", "amounts", "rate"),
    [
        ([0.0, 2.0], [-100.0, 121.0], 0.1),
        ([0.0, 0.5], [-100.0, 50.0], -0.75),
        ([0.0, 1.0, 1.0], [-100.0, 60.0, 40.0], 0.0),
        ([3.0, 0.0], [1.0, -1000.0], 0.1 - 1.0),
        ([0.0, 1 / 365], [-1.0, 1.05], 1.05**365 - 1),
        ([0.0, 30.0], [-100.0, 1e-9], (1e-11) ** (1 / 30) - 1),
    ],
)
def test_two_amounts_bear_what_their_ratio_says(years: list[float], amounts: list[float], rate: float) -> None:
    assert internal_rate(years, amounts).value == pytest.approx(rate, rel=1e-7, abs=1e-10)


def test_where_nothing_came_back_all_is_lost_and_where_nothing_was_lent_there_is_no_rate() -> None:
    assert internal_rate([0.0, 1.0, 2.0], [-5.0, -5.0, 0.0]).value == -1.0
    for amounts in ([], [1.0], [1.0, 2.0]):
        assert internal_rate(range(len(amounts)), amounts).value is None


def test_amounts_that_no_rate_fits_say_so() -> None:
    # -1 + 3x - 3x^2 has no root: its discriminant is 9 - 12.
    found = internal_rate([0.0, 1.0, 2.0], [-1.0, 3.0, -3.0])
    assert found.value is None
    assert found.reason == "no yearly rate makes the amounts worth nothing together"
    assert internal_rate([0.0, 1.0], [-1.0, float("nan")]).value is None


def test_a_rate_that_may_not_be_the_only_one_says_so() -> None:
    # -1 + 6x - 11x^2 + 6x^3 = 0 at x = 1, 1/2 and 1/3: rates of 0, 100% and 200%.
    found = internal_rate([0.0, 1.0, 2.0, 3.0], [-1.0, 6.0, -11.0, 6.0])
    assert found.value is not None
    assert min(abs(found.value - rate) for rate in (0.0, 1.0, 2.0)) < 1e-9
    assert not found.unique


@example(received=[(1, 69.0)], lent=10.0)
@settings(max_examples=60)
@given(
    received=st.lists(st.tuples(st.integers(1, 3000), st.floats(0.5, 500)), min_size=1, max_size=40),
    lent=st.floats(10, 5000),
)
def test_it_is_what_brents_method_finds(received: list[tuple[int, float]], lent: float) -> None:
    years = np.array([0.0, *(day / 365 for day, _ in received)])
    amounts = np.array([-lent, *(amount for _, amount in received)])
    found = internal_rate(years, amounts)

    def value(log_rate: float) -> float:
        return float(np.sum(amounts * np.exp(-log_rate * years)))

    if found.value is None:
        assert found.reason == "the yearly rate is too large for a number"
        assert value(699.0) > 0, "seven times the money on the next day"
        return
    assert found.unique
    low, high = -1.0, 1.0
    while value(low) < 0:
        low *= 2
    while value(high) > 0:
        high *= 2
    assert found.value == pytest.approx(np.expm1(brentq(value, low, high, xtol=1e-13)), rel=1e-6, abs=1e-9)


def test_a_rate_too_large_for_a_number_says_so() -> None:
    assert internal_rate([0.0, 1 / 365], [-1.0, 10.0]).reason == "the yearly rate is too large for a number"
