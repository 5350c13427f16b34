"""Tests of PD by grade, against numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from p2pcredit.models.evaluation.calibration.segment_ratios import holm_adjusted, rejected_by_holm
from p2pcredit.models.evaluation.grade_tests import (
    binomial_chance,
    herfindahl,
    hosmer_lemeshow,
    jeffreys_chance,
    jeffreys_interval,
)


def test_jeffreys_of_one_loan_has_a_closed_form() -> None:
    # Beta(3/2, 1/2): (2 / pi) (asin sqrt(x) - sqrt(x (1 - x))).
    for x in (0.1, 0.5, 0.9):
        by_hand = 2 / math.pi * (math.asin(math.sqrt(x)) - math.sqrt(x * (1 - x)))
        assert jeffreys_chance(1, 1, x) == pytest.approx(by_hand)


def test_jeffreys_interval_inverts_its_test_and_reaches_the_ends() -> None:
    low, high = jeffreys_interval(4, 50, 0.9)
    assert jeffreys_chance(4, 50, low) == pytest.approx(0.05)
    assert jeffreys_chance(4, 50, high) == pytest.approx(0.95)
    assert jeffreys_interval(0, 50, 0.9)[0] == 0.0
    assert jeffreys_interval(50, 50, 0.9)[1] == 1.0


def test_the_binomial_tail_by_hand() -> None:
    assert binomial_chance(0, 5, 0.3) == pytest.approx(1.0)
    assert binomial_chance(5, 5, 0.3) == pytest.approx(0.3**5)
    assert binomial_chance(4, 5, 0.3) == pytest.approx(5 * 0.3**4 * 0.7 + 0.3**5)


def test_holm_adjusted_is_below_an_error_just_where_holm_rejects() -> None:
    draw = np.random.default_rng(8)
    for _ in range(50):
        chances = (draw.random(6) ** 3).tolist()
        below = {place for place, chance in enumerate(holm_adjusted(chances)) if chance < 0.05}
        assert below == rejected_by_holm(chances, 0.05)
        assert below == _stepped_down(chances, 0.05)


def _stepped_down(chances: list[float], error: float) -> set[int]:
    """Reject as the method is told: the smallest chance first, until one is too large for those that are left."""
    rejected: set[int] = set()
    while len(rejected) < len(chances):
        place = min(set(range(len(chances))) - rejected, key=lambda one: chances[one])
        if chances[place] >= error / (len(chances) - len(rejected)):
            break
        rejected.add(place)
    return rejected


def test_hosmer_lemeshow_by_hand() -> None:
    # Ten loans at 10% of which 2 fail, ten at 40% of which 7 do: 1 / 0.9 + 9 / 2.4 = 4.861, two degrees: exp(-x / 2).
    labels = [1] * 2 + [0] * 8 + [1] * 7 + [0] * 3
    found = hosmer_lemeshow(labels, [0.1] * 10 + [0.4] * 10, groups=2)
    assert found is not None
    assert found.statistic == pytest.approx(1 / 0.9 + 9 / 2.4)
    assert found.chance == pytest.approx(math.exp(-found.statistic / 2))
    assert hosmer_lemeshow([], []) is None
    assert hosmer_lemeshow([0, 0], [0.0, 0.0]) is None, "no room for chance"


def test_right_probabilities_are_rejected_about_as_often_as_stated() -> None:
    draw = np.random.default_rng(4)
    chances = []
    for _ in range(300):
        pd = draw.uniform(0.02, 0.3, 800)
        found = hosmer_lemeshow(draw.random(800) < pd, pd)
        assert found is not None
        chances.append(found.chance < 0.05)
    assert np.mean(chances) == pytest.approx(0.05, abs=3 * (0.05 * 0.95 / 300) ** 0.5)


def test_concentration_by_hand() -> None:
    # Shares 0.5, 0.3, 0.2: 0.25 + 0.09 + 0.04; third powers 0.125 + 0.027 + 0.008.
    index, low, high = herfindahl([50, 30, 20], 0.9)
    assert index == pytest.approx(0.38)
    half = 1.6449 * 2 * math.sqrt((0.16 - 0.38**2) / 100)
    assert (low, high) == (pytest.approx(0.38 - half, abs=1e-4), pytest.approx(0.38 + half, abs=1e-4))
    assert herfindahl([10, 10], 0.9) == (0.5, 0.5, 0.5)
    assert herfindahl([7], 0.9) == (1.0, 1.0, 1.0)
