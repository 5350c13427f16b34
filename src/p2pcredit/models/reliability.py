"""How far can a probability be relied on? Slope, calibration error with its interval, and the bins of the chart."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from p2pcredit.models.calibration import logistic
from p2pcredit.models.estimates import Estimate, Floats, checked_pair, normal_quantile, wilson_interval
from p2pcredit.models.evaluation import expected_calibration_error

BINS = 10
"""Bins of about equal count for the calibration error; fewer where a bin would hold under twenty loans."""

LEAST_LOANS_PER_BIN = 20
_REDRAWS = 100
_STEPS = 100
_MOST_SLOPE = 50.0


def calibration_slope(labels: npt.ArrayLike, pd: npt.ArrayLike, confidence: float = 0.9) -> Estimate:
    """Are high probabilities too high and low ones too low? The slope of the outcome on the model's own log-odds.

    A logistic regression of the label on the log-odds of the probability, with an intercept: 1 is right, below 1 the
    model is too sure of itself, above 1 not sure enough.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        pd: Probability of default per loan, in (0, 1).
        confidence: Two-sided, in (0, 1).

    Returns:
        The slope with the normal interval from the observed information; all None with one class, with a single
        probability for all loans, or where bads and goods are told apart without overlap.

    Raises:
        TrainingError: If a value is missing or no probability.

    Source:
        Cox (1958), Two further applications of a model for binary regression, Biometrika 45.
    """
    truth, chance = checked_pair(labels, pd, probability=True)
    z, bads = normal_quantile(confidence), int(truth.sum())
    nothing = Estimate(None, None, None, truth.size, bads)
    safe = np.clip(chance, 1e-12, 1.0 - 1e-12)
    value = np.log(safe) - np.log1p(-safe)
    if not 0 < bads < truth.size or np.ptp(value) < 1e-9:
        return nothing
    columns = np.column_stack([np.ones(truth.size), value - value.mean()])
    beta = np.zeros(2)
    for _ in range(_STEPS):
        expected = logistic(columns @ beta)
        weight = expected * (1.0 - expected)
        information = columns.T @ (columns * weight[:, None])
        if not np.isfinite(information).all() or abs(np.linalg.det(information)) < 1e-12:
            return nothing
        step = np.linalg.solve(information, columns.T @ (truth - expected))
        beta = beta + np.clip(step, -2.0, 2.0)
        if abs(beta[1]) > _MOST_SLOPE:
            return nothing
        if float(np.abs(step).max()) < 1e-10:
            break
    half = z * float(np.sqrt(np.linalg.inv(information)[1, 1]))
    return Estimate(float(beta[1]), float(beta[1]) - half, float(beta[1]) + half, truth.size, bads)


def calibration_error_interval(labels: npt.ArrayLike, pd: npt.ArrayLike, confidence: float = 0.9) -> Estimate:
    """The expected calibration error, with the range of the same loans redrawn: labels drawn from the bin rates seen.

    The error is above 0 by chance alone: a calibrated model with few loans shows one too.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        pd: Probability of default per loan, in [0, 1].
        confidence: Two-sided, in (0, 1).

    Returns:
        The error over `BINS` bins (fewer where one would hold under twenty loans) with bounds; all None without loans.
    """
    truth, risk = checked_pair(labels, pd, probability=True)
    n, observed = int(truth.size), int(truth.sum())
    normal_quantile(confidence)
    bins = bins_for(n)
    value = expected_calibration_error(truth, risk, bins)
    if value is None:
        return Estimate(None, None, None, n, observed)
    _, place = np.unique(equal_count_bins(risk, bins), return_inverse=True)
    counts, bads, expected = (np.bincount(place, weights=w) for w in (np.ones(n), truth, risk))
    draw = np.random.default_rng(n).binomial(counts.astype(np.int64), bads / counts, size=(_REDRAWS, counts.size))
    errors = np.abs(draw - expected).sum(axis=1) / n
    low, high = np.quantile(errors, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Estimate(value, min(value, float(low)), max(value, float(high)), n, observed)


def bins_for(loans: int) -> int:
    """Into how many bins of equal count do so many loans go?

    Examples:
        >>> bins_for(5), bins_for(90), bins_for(5000)
        (1, 4, 10)
    """
    return max(1, min(BINS, loans // LEAST_LOANS_PER_BIN))


def equal_count_bins(values: Floats, bins: int) -> npt.NDArray[np.int64]:
    """In which of `bins` bins of about equal count does each value fall? Equal values share a bin.

    Examples:
        >>> equal_count_bins(np.array([0.2, 0.1, 0.2, 0.9]), 2).tolist()
        [1, 0, 1, 1]
    """
    if values.size == 0:
        return np.zeros(0, dtype=np.int64)
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2.0
    return np.minimum(bins - 1, ((middle[place] - 0.5) * bins / values.size).astype(np.int64))


def reliability_bins(labels: npt.ArrayLike, pd: npt.ArrayLike, confidence: float = 0.9) -> list[dict[str, Any]]:
    """Expected and observed default rate over bins of about equal count, safest first.

    Returns:
        Per bin that holds a loan: `n`, `bads`, `expected` (mean probability), `observed` (share of bads), `low`, `high`
        (Wilson's interval of the observed share).
    """
    truth, chance = checked_pair(labels, pd, probability=True)
    place = equal_count_bins(chance, bins_for(truth.size))
    rows: list[dict[str, Any]] = []
    for held in np.unique(place):
        inside = place == held
        n, bads = int(inside.sum()), int(truth[inside].sum())
        low, high = wilson_interval(bads / n, n, confidence)
        expected = float(chance[inside].mean())
        rows.append({"n": n, "bads": bads, "expected": expected, "observed": bads / n, "low": low, "high": high})
    return rows
