"""Measure how well a score ranks loans of the same cohort, so that no difference between cohorts counts as ranking."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from p2pcredit.errors import TrainingError
from p2pcredit.models.evaluation.discrimination import auc_interval, paired_auc_difference
from p2pcredit.models.evaluation.intervals import Estimate, Floats, checked_pair, normal_quantile


def auc_within_cohorts(
    labels: npt.ArrayLike, risk: npt.ArrayLike, cohorts: npt.ArrayLike, confidence: float = 0.9
) -> Estimate:
    """Calculate the share of pairs of a bad and a good loan of one cohort that the score orders rightly, a tie half.

    Each cohort's AUC counts by its number of such pairs; cohorts with bads only or goods only have none. A score that
    gives all loans of a cohort the same number has 0.5, however well it tells cohorts apart.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        risk: One per loan, higher = riskier.
        cohorts: One name or number per loan, such as its quarter of origination and term.
        confidence: Two-sided, in (0, 1).

    Returns:
        The concordance with bounds from the cohorts' own variances; n and bads are of loans in cohorts that have pairs.
        All None where no cohort has both bads and goods.

    Raises:
        TrainingError: If a label, score or cohort is missing, or lengths differ.

    Source:
        Stratified Mann-Whitney statistic (van Elteren 1960), weighed by pairs; DeLong's variance in each stratum.

    Examples:
        >>> auc_within_cohorts([0, 1, 0, 1], [0.1, 0.2, 0.8, 0.7], ["a", "a", "b", "b"]).value
        0.5
    """
    truth, score = checked_pair(labels, risk)
    normal_quantile(confidence)
    return _weighed(
        (truth[at], auc_interval(truth[at], score[at], confidence)) for at in _cohorts_with_pairs(truth, cohorts)
    )


def paired_difference_within_cohorts(
    labels: npt.ArrayLike,
    challenger: npt.ArrayLike,
    champion: npt.ArrayLike,
    cohorts: npt.ArrayLike,
    confidence: float = 0.9,
) -> Estimate:
    """Calculate by how much the challenger orders more pairs within cohorts rightly than the champion.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        challenger, champion: Scores of the same loans in the same order, higher = riskier.
        cohorts: One name or number per loan.
        confidence: Two-sided, in (0, 1).

    Returns:
        The difference in [-1, 1] with bounds, as `auc_within_cohorts`.
    """
    truth, first = checked_pair(labels, challenger)
    _, second = checked_pair(labels, champion)
    normal_quantile(confidence)
    return _weighed(
        (truth[at], paired_auc_difference(truth[at], first[at], second[at], confidence))
        for at in _cohorts_with_pairs(truth, cohorts)
    )


def _cohorts_with_pairs(truth: Floats, cohorts: npt.ArrayLike) -> Iterator[npt.NDArray[np.intp]]:
    names = np.asarray(cohorts).astype(str)
    if names.shape != truth.shape:
        raise TrainingError(f"{truth.size} labels and {names.size} cohorts; give one of each per loan")
    _, place = np.unique(names, return_inverse=True)
    for cohort in range(place.max(initial=-1) + 1):
        at = np.flatnonzero(place == cohort)
        if 0 < truth[at].sum() < at.size:
            yield at


def _weighed(found: Iterator[tuple[Floats, Estimate]]) -> Estimate:
    """Average cohorts by their pairs; the half-widths, which are normal, add as independent errors do.

    A cohort whose interval was clipped, or is Wilson's, counts with the wider of its two halves.
    """
    value = square = pairs = 0.0
    loans = bads = 0
    for truth, cohort in found:
        if cohort.value is None or cohort.low is None or cohort.high is None:
            continue
        weight = float(truth.sum() * (truth.size - truth.sum()))
        half = max(cohort.value - cohort.low, cohort.high - cohort.value)
        value, square, pairs = value + weight * cohort.value, square + (weight * half) ** 2, pairs + weight
        loans, bads = loans + truth.size, bads + int(truth.sum())
    if pairs == 0.0:
        return Estimate(None, None, None, 0, 0)
    value, half = value / pairs, math.sqrt(square) / pairs
    return Estimate(value, value - half, value + half, loans, bads)
