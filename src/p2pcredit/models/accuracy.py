"""Are the probabilities themselves right? Brier score, expected calibration error, observed over expected bads."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from p2pcredit.errors import TrainingError
from p2pcredit.models.estimates import Estimate, checked_pair, normal_quantile, wilson_interval


def brier(labels: npt.ArrayLike, pd: npt.ArrayLike) -> float | None:
    """What is the mean squared distance between probability and outcome? In [0, 1], None with no loans.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        pd: Probability of default per loan, in [0, 1].

    Raises:
        TrainingError: If a value is missing or a probability lies outside [0, 1].

    Source:
        Brier (1950), Monthly Weather Review 78.

    Examples:
        >>> brier([0, 1], [0.5, 0.5])
        0.25
    """
    truth, chance = checked_pair(labels, pd, probability=True)
    return float(np.mean((chance - truth) ** 2)) if truth.size else None


def brier_interval(labels: npt.ArrayLike, pd: npt.ArrayLike, confidence: float = 0.9) -> Estimate:
    """Between which bounds does the Brier score lie? Normal interval of a mean, clipped to [0, 1].

    The bounds are None where all squared distances are equal: a few loans, all good and all scored alike, say nothing
    about how sure the mean is.
    """
    truth, chance = checked_pair(labels, pd, probability=True)
    z = normal_quantile(confidence)
    value, bads = brier(truth, chance), int(truth.sum())
    squares = (chance - truth) ** 2
    if value is None or truth.size < 2 or np.ptp(squares) < 1e-15:
        return Estimate(value, None, None, truth.size, bads)
    half = z * float(squares.std(ddof=1)) / math.sqrt(truth.size)
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), truth.size, bads)


def expected_calibration_error(labels: npt.ArrayLike, pd: npt.ArrayLike, bins: int = 10) -> float | None:
    """By how much do observed and predicted default rates differ, on average over bins of equal count?

    A loan's bin follows from its midrank, so equal probabilities share a bin and the order of the rows plays no part.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        pd: Probability of default per loan, in [0, 1].
        bins: How many bins of about equal count, 1 or more.

    Returns:
        A number in [0, 1], or None with no loans.

    Source:
        Naeini, Cooper & Hauskrecht (2015), AAAI, with equal-count bins.

    Examples:
        >>> round(expected_calibration_error([0, 0, 1, 1], [0.2, 0.2, 0.6, 0.6], bins=2), 6)
        0.3
    """
    truth, chance = checked_pair(labels, pd, probability=True)
    if bins < 1:
        raise TrainingError(f"{bins} calibration bins were asked for; give 1 or more")
    if truth.size == 0:
        return None
    _, place, counts = np.unique(chance, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2.0
    bin_of = np.minimum(bins - 1, ((middle[place] - 0.5) * bins / truth.size).astype(np.int64))
    gaps = np.bincount(bin_of, weights=truth - chance, minlength=bins)
    return float(np.abs(gaps).sum() / truth.size)


def calibration_ratio(labels: npt.ArrayLike, pd: npt.ArrayLike, confidence: float = 0.9) -> Estimate:
    """How many bads came for each bad that was expected? 1 is right, above 1 the model was too hopeful.

    Returns:
        Observed over expected bads; its interval is Wilson's for the observed share, over the mean probability. All
        None where no bads were expected (no loans, or every probability zero).
    """
    truth, chance = checked_pair(labels, pd, probability=True)
    normal_quantile(confidence)
    expected, observed = float(chance.sum()), int(truth.sum())
    if truth.size == 0 or expected <= 0.0:
        return Estimate(None, None, None, truth.size, observed)
    low, high = wilson_interval(observed / truth.size, truth.size, confidence)
    scale = truth.size / expected
    return Estimate(observed / expected, low * scale, high * scale, truth.size, observed)
