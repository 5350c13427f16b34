"""Measure calibration: Brier score, expected calibration error, observed over expected bads."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from p2pcredit.errors import TrainingError
from p2pcredit.models.evaluation.intervals import Estimate, Floats, checked_pair, normal_quantile, wilson_interval

BINS = 10
LEAST_LOANS_PER_BIN = 20


def brier(labels: npt.ArrayLike, pd: npt.ArrayLike) -> float | None:
    """Calculate the mean squared distance between probability and outcome. In [0, 1], None with no loans.

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
    """Calculate the interval of the Brier score: the normal interval of a mean, clipped to [0, 1].

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
    """Average how far observed and predicted default rates differ, over bins of equal count.

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
    place = equal_count_bins(chance, bins)
    if truth.size == 0:
        return None
    gaps = np.bincount(place, weights=truth - chance, minlength=bins)
    return float(np.abs(gaps).sum() / truth.size)


def calibration_error_by_chance(pd: npt.ArrayLike, bins: int | None = None) -> float | None:
    """Calculate the expected calibration error that perfect probabilities show, on average, by chance alone.

    The error is a mean of absolute gaps, so it never comes out at zero: with few bads much of it is chance.

    Args:
        pd: Probability of default per loan, in [0, 1].
        bins: As in `calibration_error_interval`.

    Returns:
        A number in [0, 1], or None with no loans. Each bin counts as binomial with its mean probability, which is exact
        where the probabilities of a bin are equal and a little too much where they are not.

    Source:
        Roelofs, Cain, Shlens & Mozer (2022), AISTATS, on the bias; de Moivre's mean absolute deviation of a binomial
        variable, see Diaconis & Zabell (1991), Statistical Science 6.

    Examples:
        >>> calibration_error_by_chance([0.5, 0.5], bins=1)
        0.25
    """
    _, chance = checked_pair(np.zeros_like(np.asarray(pd, dtype=np.float64)), pd, probability=True)
    bins = bins_for(chance.size) if bins is None else bins
    place = equal_count_bins(chance, bins)
    if chance.size == 0:
        return None
    counts, sums = np.bincount(place, minlength=bins), np.bincount(place, weights=chance, minlength=bins)
    return float(_mean_deviation(counts[counts > 0], (sums / np.maximum(counts, 1))[counts > 0]).sum() / chance.size)


def calibration_error_interval(
    labels: npt.ArrayLike, pd: npt.ArrayLike, confidence: float = 0.9, bins: int | None = None
) -> Estimate:
    """Calculate the interval of the calibration error that would be seen with any number of loans.

    The value is `expected_calibration_error`. On average it is never too small, and too large by no more than the mean
    absolute noise of the bins' rates; it varies no more than the signed gaps do. So the bounds are value - noise - z s
    and value + z s, clipped to [0, 1], with s the standard error of the weighted gaps: no sampling, no seed, on the
    safe side. Rates are smoothed by one bad and one good so that a bin without bads is not certain.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        pd: Probability of default per loan, in [0, 1].
        confidence: Two-sided, in (0, 1).
        bins: How many bins of about equal count; by default ten, fewer where a bin would hold under twenty loans.

    Returns:
        The error with its bounds; all None with no loans.

    Source:
        For each bin E|g + noise| lies between |g| and |g| + E|noise|, and Var|X| <= Var X; the noise as in
        `calibration_error_by_chance`.
    """
    truth, chance = checked_pair(labels, pd, probability=True)
    z = normal_quantile(confidence)
    bins = bins_for(truth.size) if bins is None else bins
    value = expected_calibration_error(truth, chance, bins)
    if value is None:
        return Estimate(None, None, None, 0, 0)
    place = equal_count_bins(chance, bins)
    counts = np.bincount(place, minlength=bins)
    seen = np.bincount(place, weights=truth, minlength=bins)[counts > 0]
    counts = counts[counts > 0]
    rates = (seen + 1.0) / (counts + 2.0)
    error = math.sqrt(float((counts * rates * (1.0 - rates)).sum())) / truth.size
    noise = float(_mean_deviation(counts, rates).sum()) / truth.size
    low, high = max(0.0, value - noise - z * error), min(1.0, value + z * error)
    return Estimate(value, low, high, truth.size, int(truth.sum()))


def bins_for(loans: int) -> int:
    """Return the number of bins of equal count for so many loans.

    Examples:
        >>> bins_for(5), bins_for(90), bins_for(5000)
        (1, 4, 10)
    """
    return max(1, min(BINS, loans // LEAST_LOANS_PER_BIN))


def equal_count_bins(chance: Floats, bins: int) -> npt.NDArray[np.int64]:
    """Assign each value to one of `bins` bins of about equal count. Equal values share a bin.

    Raises:
        TrainingError: If fewer than one bin is asked for.

    Examples:
        >>> equal_count_bins(np.array([0.2, 0.1, 0.2, 0.9]), 2).tolist()
        [1, 0, 1, 1]
    """
    if bins < 1:
        raise TrainingError(f"{bins} calibration bins were asked for; give 1 or more")
    if chance.size == 0:
        return np.zeros(0, dtype=np.int64)
    _, place, counts = np.unique(chance, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2.0
    return np.minimum(bins - 1, ((middle[place] - 0.5) * bins / chance.size).astype(np.int64))


def _mean_deviation(trials: npt.NDArray[np.int64], share: Floats) -> Floats:
    """Calculate a binomial count's mean deviation: 2 k P(k) (1 - p) with k the first count above its mean."""
    from scipy.stats import binom  # a second to import, and asked for by few

    above = np.floor(trials * share) + 1.0
    return np.asarray(2.0 * above * (1.0 - share) * binom.pmf(above, trials, share), dtype=np.float64)


def calibration_ratio(labels: npt.ArrayLike, pd: npt.ArrayLike, confidence: float = 0.9) -> Estimate:
    """Calculate observed over expected bads. 1 is right, above 1 the model was too hopeful.

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
