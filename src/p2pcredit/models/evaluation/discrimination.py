"""Measure how well a score ranks bads above goods: AUC, Gini and KS, ties counted right, each with an interval."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.models.evaluation.intervals import Estimate, Floats, checked_pair, normal_quantile, wilson_interval


def auc(labels: npt.ArrayLike, risk: npt.ArrayLike) -> float | None:
    """Calculate the probability that a bad loan scores riskier than a good one, a tie counting half.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        risk: One per loan, higher = riskier.

    Returns:
        A number in [0, 1], or None with no loans or one class.

    Raises:
        TrainingError: If a label or score is missing.

    Source:
        Mann & Whitney (1947), by midranks.

    Examples:
        >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
        0.875
    """
    truth, score = checked_pair(labels, risk)
    bads = int(truth.sum())
    goods = truth.size - bads
    if bads == 0 or goods == 0:
        return None
    ranks = _midranks(score)
    return float((ranks[truth == 1.0].sum() - bads * (bads + 1) / 2.0) / (bads * goods))


def auc_interval(labels: npt.ArrayLike, risk: npt.ArrayLike, confidence: float = 0.9) -> Estimate:
    """Calculate the interval of the AUC.

    DeLong's variance, normal interval, clipped to [0, 1]. Where that variance is zero (complete separation, a constant
    score) or cannot be estimated (a single bad or good loan), the interval is Wilson's with the smaller class as its
    number of trials, because the variance of an AUC never exceeds A(1 - A) / min(bads, goods).

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        risk: One per loan, higher = riskier.
        confidence: Two-sided, in (0, 1).

    Returns:
        The AUC with bounds; all None with one class.

    Source:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44; Sun & Xu (2014), IEEE Signal Processing Letters 21, for
        the midrank form; Birnbaum & Klose (1957) for the bound of the variance.
    """
    truth, score = checked_pair(labels, risk)
    bads = int(truth.sum())
    smaller = min(bads, truth.size - bads)
    normal_quantile(confidence)
    if smaller == 0:
        return Estimate(None, None, None, truth.size, bads)
    of_bads, of_goods = _placements(truth, score)
    value = float(of_bads.mean())
    variance = _variance(of_bads, of_goods)
    if variance is None or variance <= 1e-18:
        low, high = wilson_interval(value, smaller, confidence)
    else:
        half = normal_quantile(confidence) * math.sqrt(variance)
        low, high = max(0.0, value - half), min(1.0, value + half)
    return Estimate(value, low, high, truth.size, bads)


def gini(labels: npt.ArrayLike, risk: npt.ArrayLike) -> float | None:
    """Calculate the Gini coefficient (accuracy ratio) of a score, 2 AUC - 1. In [-1, 1], None with one class.

    Examples:
        >>> gini([0, 1], [0.2, 0.7])
        1.0
    """
    value = auc(labels, risk)
    return None if value is None else 2.0 * value - 1.0


def gini_interval(labels: npt.ArrayLike, risk: npt.ArrayLike, confidence: float = 0.9) -> Estimate:
    """Calculate the interval of the Gini coefficient: that of the AUC, stretched to [-1, 1]."""
    found = auc_interval(labels, risk, confidence)
    if found.value is None or found.low is None or found.high is None:
        return found
    return replace(found, value=2 * found.value - 1, low=2 * found.low - 1, high=2 * found.high - 1)


def ks(labels: npt.ArrayLike, risk: npt.ArrayLike) -> float | None:
    """Calculate the largest distance between the score distributions of bads and goods (Kolmogorov-Smirnov).

    Taken over distinct score values, so that tied loans are never torn apart.

    Returns:
        A number in [0, 1], or None with no loans or one class.

    Examples:
        >>> ks([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
        0.5
    """
    truth, score = checked_pair(labels, risk)
    bads = truth.sum()
    goods = truth.size - bads
    if bads == 0 or goods == 0:
        return None
    _, place = np.unique(score, return_inverse=True)
    bad_shares = np.cumsum(np.bincount(place, weights=truth)) / bads
    good_shares = np.cumsum(np.bincount(place, weights=1.0 - truth)) / goods
    return float(min(1.0, np.abs(bad_shares - good_shares).max()))


def ks_interval(labels: npt.ArrayLike, risk: npt.ArrayLike, confidence: float = 0.9) -> Estimate:
    """Calculate an interval of KS that holds whatever the distributions.

    Each class's empirical distribution stays within its Dvoretzky-Kiefer-Wolfowitz band with half the error allowed; KS
    moves by no more than the two half-widths together. No sampling, no seed; wide, and true for small numbers too.

    Source:
        Dvoretzky, Kiefer & Wolfowitz (1956) with the constant of Massart (1990).
    """
    truth, score = checked_pair(labels, risk)
    bads = int(truth.sum())
    value = ks(truth, score)
    normal_quantile(confidence)
    if value is None:
        return Estimate(None, None, None, truth.size, bads)
    error = (1.0 - confidence) / 2.0
    half = sum(math.sqrt(math.log(2.0 / error) / (2.0 * count)) for count in (bads, truth.size - bads))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), truth.size, bads)


def paired_auc_difference(
    labels: npt.ArrayLike, challenger: npt.ArrayLike, champion: npt.ArrayLike, confidence: float = 0.9
) -> Estimate:
    """Calculate by how much the challenger's AUC exceeds the champion's on the same loans.

    Where DeLong's covariance gives no positive variance and the two differ all the same, the standard error is bounded
    by the sum of the two scores' largest possible ones, each AUC shrunk by half a loan.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        challenger, champion: Scores of the same loans in the same order, higher = riskier.
        confidence: Two-sided, in (0, 1); for a one-sided bound at c give 2c - 1 and read `low`.

    Returns:
        The difference in [-1, 1] with bounds; all None with one class.

    Source:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44.
    """
    truth, first = checked_pair(labels, challenger)
    _, second = checked_pair(labels, champion)
    bads = int(truth.sum())
    smaller = min(bads, truth.size - bads)
    z = normal_quantile(confidence)
    if smaller == 0:
        return Estimate(None, None, None, truth.size, bads)
    bads_first, goods_first = _placements(truth, first)
    bads_second, goods_second = _placements(truth, second)
    value = float(bads_first.mean() - bads_second.mean())
    variance = _variance(bads_first - bads_second, goods_first - goods_second)
    if variance is not None and variance > 1e-18:
        error = math.sqrt(variance)
    elif variance is not None and abs(value) < 1e-12:
        error = 0.0
    else:
        shrunk = [(float(a.mean()) * smaller + 0.5) / (smaller + 1) for a in (bads_first, bads_second)]
        error = sum(math.sqrt(a * (1 - a) / smaller) for a in shrunk)
    return Estimate(value, max(-1.0, value - z * error), min(1.0, value + z * error), truth.size, bads)


def _midranks(values: Floats) -> Floats:
    return np.asarray(pl.Series(values).rank("average").to_numpy(), dtype=np.float64)


def _placements(truth: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Calculate per bad the share of goods it outranks, and per good the share of bads that outrank it."""
    is_bad = truth == 1.0
    together = _midranks(score)
    bads, goods = int(is_bad.sum()), int((~is_bad).sum())
    of_bads = (together[is_bad] - _midranks(score[is_bad])) / goods
    of_goods = 1.0 - (together[~is_bad] - _midranks(score[~is_bad])) / bads
    return of_bads, of_goods


def _variance(of_bads: Floats, of_goods: Floats) -> float | None:
    if of_bads.size < 2 or of_goods.size < 2:
        return None
    return float(of_bads.var(ddof=1) / of_bads.size + of_goods.var(ddof=1) / of_goods.size)
