"""Ranking within cohorts, by hand and over simulated books."""

from __future__ import annotations

import numpy as np
import pytest

from p2pcredit.errors import TrainingError
from p2pcredit.models.evaluation.discrimination import auc, auc_interval, paired_auc_difference
from p2pcredit.models.evaluation.within_cohort import auc_within_cohorts, paired_difference_within_cohorts


def test_by_hand() -> None:
    """Cohort a has 2 pairs, both right; b has 4, two right and one tied: (2 + 2.5) / 6; c has goods only."""
    labels = [1, 0, 0, 1, 1, 0, 0, 0]
    risk = [0.3, 0.1, 0.2, 0.5, 0.4, 0.4, 0.45, 0.9]
    cohorts = ["a", "a", "a", "b", "b", "b", "b", "c"]
    found = auc_within_cohorts(labels, risk, cohorts)
    assert found.value == pytest.approx(4.5 / 6)
    assert (found.n, found.bads) == (7, 3)


def test_one_cohort_is_the_plain_measure() -> None:
    rng = np.random.default_rng(1)
    labels, first, second = rng.integers(0, 2, 200), rng.random(200), rng.random(200)
    assert auc_within_cohorts(labels, first, np.zeros(200)) == auc_interval(labels, first)
    assert paired_difference_within_cohorts(labels, first, second, np.zeros(200)) == pytest.approx(
        paired_auc_difference(labels, first, second)
    )


def test_differences_between_cohorts_are_no_ranking() -> None:
    """The score knows only which cohort is worse: pooled it ranks, within cohorts it is a coin."""
    labels = np.array([1] * 30 + [0] * 70 + [1] * 5 + [0] * 95)
    cohorts = np.repeat([2009, 2010], 100)
    risk = np.where(cohorts == 2009, 0.3, 0.05)
    assert (auc(labels, risk) or 0) > 0.65
    found = auc_within_cohorts(labels, risk, cohorts)
    assert found.value == 0.5


def test_nothing_to_compare_is_undetermined() -> None:
    found = auc_within_cohorts([1, 1, 0], [0.1, 0.2, 0.3], [1, 1, 2])
    assert (found.value, found.low, found.n) == (None, None, 0)
    assert auc_within_cohorts([], [], []).value is None


def test_each_loan_needs_a_cohort() -> None:
    with pytest.raises(TrainingError, match="2 labels and 1 cohorts"):
        auc_within_cohorts([0, 1], [0.1, 0.2], ["a"])


def test_the_interval_covers_the_truth() -> None:
    """Normal scores one standard deviation apart have an AUC of 0.760; 90% intervals over 300 books cover it."""
    covered = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        cohorts = rng.integers(0, 8, 1_500)
        labels = (rng.random(1_500) < 0.03 + 0.02 * cohorts).astype(int)
        found = auc_within_cohorts(labels, labels + rng.normal(size=1_500) + cohorts, cohorts)
        covered += (found.low or 0.0) <= 0.76025 <= (found.high or 0.0)
    assert 252 <= covered <= 288
