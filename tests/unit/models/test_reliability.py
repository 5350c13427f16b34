"""Calibration slope, calibration error and reliability bins against independent oracles; ties, one class, empty."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from tests.not_none import not_none

from p2pcredit.errors import TrainingError
from p2pcredit.models.evaluation.calibration.ratios import (
    calibration_error_interval,
    equal_count_bins,
    expected_calibration_error,
)
from p2pcredit.models.evaluation.calibration.reliability import reliability_bins
from p2pcredit.models.evaluation.calibration.slope import calibration_slope
from p2pcredit.models.evaluation.intervals import normal_quantile


def _loans(size: int = 3000, slope: float = 1.0, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-2.0, 1.0, size)
    labels = (rng.random(size) < 1 / (1 + np.exp(-(-2 + slope * (log_odds + 2))))).astype(float)
    return labels, 1 / (1 + np.exp(-log_odds))


@pytest.mark.parametrize("slope", [0.4, 1.0, 2.0])
def test_the_slope_is_that_of_an_unpenalised_logistic_regression(slope: float) -> None:
    labels, chances = _loans(slope=slope)
    found = calibration_slope(labels, chances)
    value = np.log(chances / (1 - chances))[:, None]
    oracle = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=500).fit(value, labels)
    assert found.value == pytest.approx(oracle.coef_[0, 0], abs=1e-6)
    expected = oracle.predict_proba(value)[:, 1]
    design = np.column_stack([np.ones(labels.size), value[:, 0]])
    error = math.sqrt(np.linalg.inv(design.T @ (design * (expected * (1 - expected))[:, None]))[1, 1])
    assert not_none(found.high) - not_none(found.value) == pytest.approx(normal_quantile(0.9) * error, rel=1e-5)
    assert not_none(found.low) < slope < not_none(found.high)


def test_probabilities_too_far_apart_have_a_slope_below_one() -> None:
    labels, chances = _loans()
    odds = (chances / (1 - chances)) ** 2
    found = calibration_slope(labels, odds / (1 + odds))
    assert found.high is not None
    assert found.high < 1


@pytest.mark.parametrize(
    ("labels", "chances"),
    [([], []), ([0, 0], [0.1, 0.2]), ([1, 1], [0.1, 0.2]), ([0, 1], [0.3, 0.3]), ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4])],
    ids=["empty", "goods only", "bads only", "one probability", "told apart without overlap"],
)
def test_without_two_classes_that_overlap_there_is_no_slope(labels: list[int], chances: list[float]) -> None:
    found = calibration_slope(labels, chances)
    assert (found.value, found.low, found.high) == (None, None, None)


def test_certain_probabilities_and_tied_ones_are_measured() -> None:
    assert calibration_slope([0, 1, 0, 1], [0.0, 1.0, 1.0, 0.0]).value == pytest.approx(0.0, abs=1e-9)
    assert calibration_slope([0, 1, 0, 1, 1], [0.2, 0.2, 0.2, 0.6, 0.6]).n == 5
    with pytest.raises(TrainingError, match="must lie in 0 to 1"):
        calibration_slope([0, 1], [0.2, 1.2])


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.1, 0.2, 0.2, 0.5, 0.9])), min_size=1, max_size=300))
@bounded(deadline=None)
def test_the_error_lies_within_its_interval_and_ignores_the_order_of_rows(rows: list[tuple[int, float]]) -> None:
    labels, chances = (np.array(column) for column in zip(*rows, strict=True))
    found = calibration_error_interval(labels, chances)
    bins = max(1, min(10, labels.size // 20))
    assert found.value == pytest.approx(expected_calibration_error(labels, chances, bins), abs=1e-12)
    assert not_none(found.low) <= not_none(found.value) <= not_none(found.high)
    again = calibration_error_interval(labels[::-1], chances[::-1])
    assert (again.low, again.high) == pytest.approx((found.low, found.high), abs=1e-12)


def test_without_loans_there_is_no_error() -> None:
    found = calibration_error_interval([], [])
    assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)
    assert reliability_bins([], []) == []


def test_reliability_bins_hold_every_loan_once_and_rise() -> None:
    labels, chances = _loans(997)
    rows = reliability_bins(labels, chances)
    assert sum(row["n"] for row in rows) == 997
    assert sum(row["bads"] for row in rows) == labels.sum()
    assert [row["expected"] for row in rows] == sorted(row["expected"] for row in rows)
    assert sum(row["expected"] * row["n"] for row in rows) == pytest.approx(chances.sum())
    assert all(row["low"] <= row["observed"] <= row["high"] for row in rows)
    gaps = sum(abs(row["observed"] - row["expected"]) * row["n"] for row in rows) / 997
    assert gaps == pytest.approx(expected_calibration_error(labels, chances))


def test_equal_probabilities_share_a_bin() -> None:
    assert (
        equal_count_bins(np.array([0.3] * 50), 10).tolist() == [5] * 50
        or len(set(equal_count_bins(np.array([0.3] * 50), 10).tolist())) == 1
    )
    assert len(reliability_bins([0, 1] * 50, [0.3] * 100)) == 1
