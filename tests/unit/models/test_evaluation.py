"""Metrics against independent oracles, ties and single classes included."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.metrics import brier_score_loss, roc_auc_score
from tests.not_none import not_none

from p2pcredit.errors import P2PCreditError, TrainingError
from p2pcredit.models.evaluation.calibration.ratios import (
    brier,
    brier_interval,
    calibration_ratio,
    expected_calibration_error,
)
from p2pcredit.models.evaluation.discrimination import (
    auc,
    auc_interval,
    gini,
    gini_interval,
    ks,
    ks_interval,
    paired_auc_difference,
)

TIED_BOOKS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=40)


def _columns(book: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    labels, steps = zip(*book, strict=True)
    return np.array(labels), np.array(steps) / 6.0


def _has_both_classes(labels: np.ndarray) -> bool:
    return 0 < labels.sum() < labels.size


@given(TIED_BOOKS)
def test_auc_equals_the_library_and_a_count_over_all_pairs(book: list[tuple[int, int]]) -> None:
    labels, risk = _columns(book)
    if not _has_both_classes(labels):
        assert auc(labels, risk) is None
        return
    pairs = list(itertools.product(risk[labels == 1], risk[labels == 0]))
    by_hand = sum(1.0 if b > g else 0.5 if b == g else 0.0 for b, g in pairs) / len(pairs)
    assert auc(labels, risk) == pytest.approx(by_hand, abs=1e-12)
    assert auc(labels, risk) == pytest.approx(roc_auc_score(labels, risk), abs=1e-12)


@given(TIED_BOOKS)
def test_ks_equals_the_two_sample_statistic(book: list[tuple[int, int]]) -> None:
    labels, risk = _columns(book)
    if not _has_both_classes(labels):
        assert ks(labels, risk) is None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the p-value, which is not looked at
        oracle = ks_2samp(risk[labels == 1], risk[labels == 0], method="asymp").statistic
    assert ks(labels, risk) == pytest.approx(oracle, abs=1e-12)


@given(TIED_BOOKS)
def test_gini_of_the_reversed_score_is_the_negative(book: list[tuple[int, int]]) -> None:
    labels, risk = _columns(book)
    forward, backward = gini(labels, risk), gini(labels, -risk)
    assert (forward is None) == (not _has_both_classes(labels))
    if forward is not None:
        assert backward == pytest.approx(-forward, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(TIED_BOOKS, st.sampled_from([0.5, 0.8, 0.9, 0.99]))
def test_every_interval_encloses_its_value_and_stays_in_range(book: list[tuple[int, int]], confidence: float) -> None:
    labels, risk = _columns(book)
    ranges = {
        auc_interval: (0, 1),
        gini_interval: (-1, 1),
        ks_interval: (0, 1),
        brier_interval: (0, 1),
        calibration_ratio: (0, np.inf),
    }
    for measure, (least, most) in ranges.items():
        found = measure(labels, risk, confidence)
        assert (found.n, found.bads) == (labels.size, labels.sum())
        if found.value is not None and found.low is not None and found.high is not None:
            assert least <= found.low <= found.value + 1e-12
            assert found.value - 1e-12 <= found.high <= most


def _delong_by_hand(labels: np.ndarray, risk: np.ndarray) -> float:
    wins = (risk[labels == 1][:, None] > risk[labels == 0][None, :]).astype(float)
    wins += 0.5 * (risk[labels == 1][:, None] == risk[labels == 0][None, :])
    bads, goods = wins.shape
    return float(wins.mean(axis=1).var(ddof=1) / bads + wins.mean(axis=0).var(ddof=1) / goods)


def test_auc_interval_equals_delong_over_the_matrix_of_all_pairs() -> None:
    rng = np.random.default_rng(4)
    labels = (rng.random(150) < 0.2).astype(int)
    risk = np.round(rng.normal(size=150) + labels, 1)
    found = auc_interval(labels, risk, 0.95)
    half = 1.959963985 * _delong_by_hand(labels, risk) ** 0.5
    assert found.low == pytest.approx(found.value - half, abs=1e-9)
    assert found.high == pytest.approx(found.value + half, abs=1e-9)


def test_auc_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    truth = 0.7602499389  # two normals one standard deviation apart: Phi(1 / sqrt 2)
    covered = 0
    for _ in range(400):
        labels = np.repeat([0, 1], [150, 60])
        found = auc_interval(labels, rng.normal(size=210) + labels, 0.9)
        covered += not_none(found.low) <= truth <= not_none(found.high)
    assert 0.86 <= covered / 400 <= 0.94


def test_perfect_separation_of_a_few_loans_is_not_certain() -> None:
    found = auc_interval([0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.8, 0.9], 0.9)
    assert found.value == 1.0
    assert not_none(found.low) < 0.9
    assert found.high == 1.0


def test_a_constant_score_never_has_a_lower_bound_above_a_half() -> None:
    found = auc_interval([0] * 50 + [1] * 50, [0.3] * 100, 0.9)
    assert found.value == 0.5
    assert not_none(found.low) < 0.5 < not_none(found.high)


def test_a_single_bad_loan_still_gets_an_honest_interval() -> None:
    found = auc_interval([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.25], 0.9)
    assert found.value == pytest.approx(2 / 3)
    assert not_none(found.low) < 0.3


@pytest.mark.parametrize("labels", [[], [0, 0, 0], [1, 1]])
def test_one_class_or_no_loans_gives_none_and_never_nan(labels: list[int]) -> None:
    risk = [0.2] * len(labels)
    assert auc(labels, risk) is None
    assert gini(labels, risk) is None
    assert ks(labels, risk) is None
    for measure in (auc_interval, gini_interval, ks_interval):
        found = measure(labels, risk, 0.9)
        assert (found.value, found.low, found.high) == (None, None, None)
    assert paired_auc_difference(labels, risk, risk, 0.9).value is None


def test_brier_equals_the_library() -> None:
    rng = np.random.default_rng(6)
    pd, labels = rng.random(60), rng.integers(0, 2, 60)
    assert brier(labels, pd) == pytest.approx(brier_score_loss(labels, pd))
    assert brier([], []) is None


def test_brier_interval_of_equal_distances_has_no_bounds() -> None:
    found = brier_interval([0, 0, 0], [0.1, 0.1, 0.1], 0.9)
    assert found.value == pytest.approx(0.01)
    assert (found.low, found.high) == (None, None)


def test_calibration_error_weighs_the_gap_of_each_bin() -> None:
    # two bins of two: gaps |0.5 - 0.15| and |1 - 0.55|
    found = expected_calibration_error([0, 1, 1, 1], [0.1, 0.2, 0.5, 0.6], bins=2)
    assert found == pytest.approx((0.35 + 0.45) / 2)
    assert expected_calibration_error([], []) is None


@given(TIED_BOOKS, st.randoms())
def test_calibration_error_does_not_depend_on_the_order_of_rows(book: list[tuple[int, int]], random: object) -> None:
    shuffled = list(book)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first = expected_calibration_error(*_columns(book))
    assert first == pytest.approx(expected_calibration_error(*_columns(shuffled)), abs=1e-12)


def test_calibration_ratio_is_observed_over_expected() -> None:
    found = calibration_ratio([1, 1, 0, 0], [0.25, 0.25, 0.25, 0.25], 0.9)
    assert found.value == 2.0
    assert not_none(found.low) < 2.0 < not_none(found.high) <= 4.0
    assert calibration_ratio([0, 0], [0.0, 0.0], 0.9).value is None
    assert calibration_ratio([], [], 0.9).value is None


def test_no_bads_at_all_leaves_the_calibration_ratio_undecided_upwards() -> None:
    found = calibration_ratio([0] * 20, [0.05] * 20, 0.9)
    assert found.value == 0.0
    assert found.low == 0.0
    assert not_none(found.high) > 1.0


def test_paired_difference_equals_delong_over_the_matrix_of_all_pairs() -> None:
    rng = np.random.default_rng(7)
    labels = (rng.random(120) < 0.3).astype(int)
    first, second = np.round(rng.normal(size=(2, 120)) + labels, 1)

    def wins(risk: np.ndarray) -> np.ndarray:
        bad, good = risk[labels == 1][:, None], risk[labels == 0][None, :]
        return (bad > good) + 0.5 * (bad == good)

    gap = wins(first) - wins(second)
    error = (gap.mean(1).var(ddof=1) / gap.shape[0] + gap.mean(0).var(ddof=1) / gap.shape[1]) ** 0.5
    found = paired_auc_difference(labels, first, second, 0.8)
    assert found.value == pytest.approx(roc_auc_score(labels, first) - roc_auc_score(labels, second))
    assert found.low == pytest.approx(found.value - 1.2815515655 * error)


def test_a_score_does_not_differ_from_itself() -> None:
    found = paired_auc_difference([0, 1, 0, 1], [0.1, 0.9, 0.4, 0.3], [1, 9, 4, 3], 0.9)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_a_perfect_challenger_on_a_few_loans_is_not_certainly_better() -> None:
    found = paired_auc_difference([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], [0.5] * 4, 0.9)
    assert found.value == 0.5
    assert not_none(found.low) < 0.0


@pytest.mark.parametrize(
    ("labels", "risk"),
    [
        ([0, 1, 1], [0.1, float("nan"), 0.3]),
        ([0, float("nan"), 1], [0.1, 0.2, 0.3]),
        ([0, None, 1], [0.1, 0.2, 0.3]),
        ([0, 2, 1], [0.1, 0.2, 0.3]),
        ([0, 1], [0.1, 0.2, 0.3]),
        ([0, 1], ["a", "b"]),
    ],
)
def test_missing_or_wrong_input_is_an_error_and_never_a_number(labels: list[float], risk: list[float]) -> None:
    for measure in (auc, gini, ks, brier, calibration_ratio):
        with pytest.raises(TrainingError) as caught:
            measure(labels, risk)
        assert "\n" not in str(caught.value)
    assert issubclass(TrainingError, P2PCreditError)


def test_probabilities_outside_zero_to_one_are_refused() -> None:
    with pytest.raises(TrainingError, match="must lie in 0 to 1"):
        brier([0, 1], [0.1, 1.2])
    with pytest.raises(TrainingError, match="1 or more"):
        expected_calibration_error([0], [0.1], bins=0)


@pytest.mark.parametrize("confidence", [0.0, 1.0, float("nan")])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(TrainingError, match="confidence"):
        auc_interval([0, 1], [0.1, 0.2], confidence)
