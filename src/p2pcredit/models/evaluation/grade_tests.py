"""Test the probability of default of grades: Jeffreys, binomial, Hosmer-Lemeshow, migration, concentration.

Source:
    European Central Bank (2019), Instructions for reporting the validation results of internal models: the Jeffreys
    test of a grade's PD, migrations, concentration in grades; Brown, Cai & DasGupta (2001), Interval estimation for a
    binomial proportion, Statistical Science 16; Hosmer & Lemeshow (1980), Goodness of fit tests for the multiple
    logistic regression model, Communications in Statistics 9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, binom, chi2

from p2pcredit.models.evaluation.calibration.ratios import bins_for, equal_count_bins
from p2pcredit.models.evaluation.intervals import checked_pair, normal_quantile


def jeffreys_chance(bads: int, n: int, expected_rate: float) -> float:
    """Give the chance that the true default rate lies at or below the expected one: small where the PD is too low.

    Under Jeffreys' prior the rate is Beta(bads + 1/2, n - bads + 1/2) after the loans were seen.

    Args:
        bads: Defaults seen.
        n: Loans, at least `bads`.
        expected_rate: The PD of the grade, 0 to 1.

    Examples:
        >>> round(jeffreys_chance(1, 1, 0.5), 4)  # 1/2 - 1/pi
        0.1817
    """
    return float(beta.cdf(expected_rate, bads + 0.5, n - bads + 0.5))


def jeffreys_interval(bads: int, n: int, confidence: float) -> tuple[float, float]:
    """Calculate Jeffreys' interval of a default rate: equal tails, 0 or 1 where none or all defaulted.

    Examples:
        >>> [round(bound, 4) for bound in jeffreys_interval(0, 10, 0.9)]
        [0.0, 0.1708]
    """
    outside = (1.0 - confidence) / 2.0
    low = float(beta.ppf(outside, bads + 0.5, n - bads + 0.5)) if bads else 0.0
    high = float(beta.ppf(1.0 - outside, bads + 0.5, n - bads + 0.5)) if bads < n else 1.0
    return low, high


def binomial_chance(bads: int, n: int, expected_rate: float) -> float:
    """Give the chance of so many defaults or more, were each loan to default with the expected rate.

    Examples:
        >>> round(binomial_chance(2, 3, 0.1), 3)  # 3 x 0.1 x 0.1 x 0.9 + 0.1 x 0.1 x 0.1
        0.028
    """
    return float(binom.sf(bads - 1, n, expected_rate))


@dataclass(frozen=True, slots=True)
class GoodnessOfFit:
    """How far defaults by group of PD lie from those expected.

    Args:
        statistic: Sum over the groups of (seen - expected)^2 over the binomial variance of the group.
        groups: How many; the degrees of freedom, since the loans taught the model nothing.
        chance: Of a statistic so large or larger, were each probability right.
    """

    statistic: float
    groups: int
    chance: float


def hosmer_lemeshow(labels: npt.ArrayLike, pd: npt.ArrayLike, groups: int | None = None) -> GoodnessOfFit | None:
    """Test whether probabilities are right over groups of equal count, from the safest to the riskiest.

    Args:
        labels: One per loan, 1 = bad, 0 = good; of loans that the model did not learn from.
        pd: Probability of default per loan.
        groups: How many; by default ten, fewer where a group would hold under twenty loans.

    Returns:
        None where no group has room for chance.

    Examples:
        >>> found = hosmer_lemeshow([0, 0, 0, 1, 0, 1, 1, 1], [0.25] * 4 + [0.5] * 4, groups=2)
        >>> found.groups, round(found.statistic, 3)  # (1 - 1)^2 / 0.75 + (3 - 2)^2 / 1
        (2, 1.0)
    """
    truth, chance = checked_pair(labels, pd, probability=True)
    if not truth.size:
        return None
    groups = bins_for(truth.size) if groups is None else groups
    place = equal_count_bins(chance, groups)
    counts = np.bincount(place, minlength=groups)
    seen, expected = (np.bincount(place, weights=side, minlength=groups) for side in (truth, chance))
    with np.errstate(invalid="ignore", divide="ignore"):
        terms = (seen - expected) ** 2 / (expected * (1.0 - expected / counts))
    held = (counts > 0) & np.isfinite(terms)
    if not held.any():
        return None
    statistic, used = float(terms[held].sum()), int(held.sum())
    return GoodnessOfFit(statistic, used, float(chi2.sf(statistic, used)))


def herfindahl(counts: Sequence[int], confidence: float) -> tuple[float, float, float]:
    """Calculate the Herfindahl-Hirschman index of shares, with its normal interval.

    1 over the number of grades where all are alike, 1 where one holds everything.

    Args:
        counts: Loans of each grade, at least one in all.
        confidence: Two-sided.

    Returns:
        The index, and the bounds of its interval within 0 to 1.

    Examples:
        >>> [round(value, 4) for value in herfindahl([60, 30, 10], 0.9)]  # 0.36 + 0.09 + 0.01
        [0.46, 0.4008, 0.5192]
    """
    shares = np.asarray(counts, dtype=np.float64) / sum(counts)
    index = float((shares**2).sum())
    error = 2.0 * math.sqrt(max(0.0, float((shares**3).sum()) - index**2) / sum(counts))
    half = normal_quantile(confidence) * error
    return index, max(0.0, index - half), min(1.0, index + half)


__all__ = [
    "GoodnessOfFit",
    "binomial_chance",
    "herfindahl",
    "hosmer_lemeshow",
    "jeffreys_chance",
    "jeffreys_interval",
]
