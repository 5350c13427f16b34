"""Calibration error, level and slope against independent oracles: enumeration, sampling, scikit-learn and scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from sklearn.linear_model import LogisticRegression
from tests.not_none import not_none

from p2pcredit.errors import TrainingError
from p2pcredit.models.evaluation.calibration.ratios import (
    calibration_error_by_chance,
    calibration_error_interval,
    expected_calibration_error,
)
from p2pcredit.models.evaluation.calibration.slope import calibration_in_the_large, calibration_slope

BOOKS = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 9)), max_size=40)


def _columns(book: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([label for label, _ in book], dtype=float), np.array([step / 10 for _, step in book])


def _error_by_hand(labels: np.ndarray, pd: np.ndarray, bins: int) -> float:
    """Loans sorted by probability; tied ones go where the middle of their ranks falls."""
    groups: dict[int, list[float]] = {}
    for label, chance in zip(labels, pd, strict=True):
        below, equal = (pd < chance).sum(), (pd == chance).sum()
        groups.setdefault(min(bins - 1, int((below + equal / 2) * bins / pd.size)), []).append(label - chance)
    return sum(abs(sum(gaps)) for gaps in groups.values()) / pd.size


@settings(max_examples=60, deadline=None)
@given(BOOKS, st.integers(1, 12))
def test_calibration_error_equals_a_count_by_hand(book: list[tuple[int, int]], bins: int) -> None:
    labels, pd = _columns(book)
    found = expected_calibration_error(labels, pd, bins)
    assert found == (None if not book else pytest.approx(_error_by_hand(labels, pd, bins), abs=1e-12))


@settings(max_examples=60, deadline=None)
@given(BOOKS, st.integers(1, 12), st.sampled_from([0.5, 0.9, 0.99]))
def test_calibration_error_interval_encloses_the_error(
    book: list[tuple[int, int]], bins: int, confidence: float
) -> None:
    found = calibration_error_interval(*_columns(book), confidence, bins)
    assert (found.value is None) == (not book)
    if book:
        assert 0.0 <= not_none(found.low) <= not_none(found.value) <= not_none(found.high) <= 1.0
        assert (found.n, found.bads) == (len(book), sum(label for label, _ in book))


@pytest.mark.parametrize(("pd", "n"), [(0.3, 1), (0.5, 2), (0.05, 7), (0.9, 9), (0.0, 4), (1.0, 4)])
def test_error_by_chance_equals_the_mean_over_all_outcomes(pd: float, n: int) -> None:
    outcomes = np.array(list(itertools.product([0, 1], repeat=n)))
    weights = (pd**outcomes * (1 - pd) ** (1 - outcomes)).prod(axis=1)
    by_hand = (weights * np.abs(outcomes.sum(axis=1) - n * pd)).sum() / n
    assert calibration_error_by_chance([pd] * n, bins=1) == pytest.approx(by_hand, abs=1e-12)


def test_error_by_chance_is_what_perfect_probabilities_show_on_average() -> None:
    rng = np.random.default_rng(2)
    pd = np.clip(rng.beta(1.5, 25, 1500), 0.001, 0.9)
    seen = [not_none(expected_calibration_error(rng.random(1500) < pd, pd)) for _ in range(400)]
    assert calibration_error_by_chance(pd) == pytest.approx(np.mean(seen), rel=0.05)
    assert calibration_error_by_chance([]) is None


@pytest.mark.parametrize("stretch", [1.0, 1.6])
def test_calibration_error_interval_covers_the_truth_at_least_as_often_as_it_says(stretch: float) -> None:
    rng = np.random.default_rng(8)
    pd = np.clip(rng.beta(1.5, 20, 900), 0.002, 0.5)
    true = np.minimum(0.9, pd * stretch)
    place = np.argsort(np.argsort(pd)) * 10 // 900
    truth = np.abs(np.bincount(place, weights=true - pd)).sum() / 900
    covered = 0
    for _ in range(300):
        found = calibration_error_interval(rng.random(900) < true, pd, 0.9)
        covered += not_none(found.low) <= truth + 1e-12 and truth <= not_none(found.high)
    assert covered / 300 >= 0.9


def test_slope_equals_a_regression_of_the_labels_on_the_log_odds() -> None:
    rng = np.random.default_rng(3)
    pd = np.round(rng.beta(2, 10, 800), 2).clip(0.01, 0.99)
    labels = (rng.random(800) < pd**0.8).astype(int)
    log_odds = np.log(pd / (1 - pd))
    oracle = LogisticRegression(C=np.inf, tol=1e-10, solver="newton-cholesky").fit(log_odds[:, None], labels)
    found = calibration_slope(labels, pd, 0.9)
    assert found.value == pytest.approx(oracle.coef_[0][0], abs=1e-6)
    chance = oracle.predict_proba(log_odds[:, None])[:, 1]
    design = np.column_stack([log_odds, np.ones(800)])
    error = np.linalg.inv(design.T @ (design * (chance * (1 - chance))[:, None]))[0, 0] ** 0.5
    assert not_none(found.high) - not_none(found.value) == pytest.approx(1.6448536 * error, rel=1e-4)
    assert not_none(found.value) - not_none(found.low) == pytest.approx(not_none(found.high) - not_none(found.value))


def test_level_is_the_shift_at_which_expected_and_seen_bads_agree() -> None:
    rng = np.random.default_rng(4)
    pd = np.round(rng.beta(2, 10, 500), 2).clip(0.01, 0.99)
    labels = (rng.random(500) < np.minimum(1, 1.5 * pd)).astype(int)
    log_odds = np.log(pd / (1 - pd))
    oracle = brentq(lambda shift: (1 / (1 + np.exp(-log_odds - shift))).sum() - labels.sum(), -5, 5, xtol=1e-12)
    found = calibration_in_the_large(labels, pd, 0.9)
    assert found.value == pytest.approx(oracle, abs=1e-8)
    assert not_none(found.value) > 0
    assert not_none(found.low) < not_none(found.value) < not_none(found.high)


def test_probabilities_that_are_right_have_slope_one_and_level_zero_within_their_intervals() -> None:
    rng = np.random.default_rng(5)
    covered = np.zeros(2)
    for _ in range(200):
        pd = rng.beta(2, 15, 600).clip(1e-4, 0.9)
        labels = (rng.random(600) < pd).astype(int)
        slope = calibration_slope(labels, pd, 0.9)
        level = calibration_in_the_large(labels, pd, 0.9)
        covered += [not_none(found.low) <= truth <= not_none(found.high) for found, truth in ((slope, 1), (level, 0))]
    assert np.all(covered / 200 >= 0.84)
    assert np.all(covered / 200 <= 0.97)


@pytest.mark.parametrize(
    ("labels", "pd"),
    [([], []), ([0, 0], [0.1, 0.3]), ([1, 1], [0.1, 0.3]), ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]), ([0, 1], [0.0, 1.0])],
)
def test_slope_is_none_where_there_is_nothing_to_measure(labels: list[int], pd: list[float]) -> None:
    found = calibration_slope(labels, pd)
    assert (found.value, found.low, found.high, found.n) == (None, None, None, len(labels))


def test_equal_probabilities_have_a_level_but_no_slope() -> None:
    labels = [0, 0, 0, 1]
    assert calibration_slope(labels, [0.1] * 4).value is None
    level = calibration_in_the_large(labels, [0.1] * 4)
    assert level.value == pytest.approx(np.log(1 / 3) - np.log(1 / 9))
    for one_class in ([], [0, 0], [1]):
        assert calibration_in_the_large(one_class, [0.1] * len(one_class)).value is None


def test_missing_input_is_an_error_and_never_a_number() -> None:
    for measure in (
        calibration_slope,
        calibration_in_the_large,
        calibration_error_interval,
    ):
        with pytest.raises(TrainingError):
            measure([0, 1], [0.1, float("nan")])
        with pytest.raises(TrainingError):
            measure(np.array([0, None, 1]), [0.1, 0.2, 0.3])
        with pytest.raises(TrainingError, match="confidence"):
            measure([0, 1], [0.1, 0.2], 1.0)
    with pytest.raises(TrainingError):
        calibration_error_by_chance([0.1, float("nan")])
