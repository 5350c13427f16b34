"""Hold defaults seen against those expected, segment by segment, with one correction for all segments together.

Source:
    Garwood (1936), Fiducial limits for the Poisson distribution, Biometrika 28; Przyborowski & Wilenski (1940),
    Homogeneity of results in testing samples from Poisson series, Biometrika 31, for two counts; Holm (1979), A simple
    sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import beta, binom, chi2, poisson

LEAST_EXPECTED = 5.0
"""A segment passes only where so many defaults were expected: of fewer, none seen says nothing."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A group of scored loans.

    Args:
        loans: How many.
        defaults: Of them, those that have defaulted.
        expected: Defaults expected of them by now.
    """

    loans: int
    defaults: int
    expected: float


def chance_outside(seen: Seen, low: float, high: float, level_bads: int | None = None) -> float:
    """Give the chance of defaults as far from expected or farther, were the true ratio at the nearer bound.

    Args:
        seen: The segment.
        low, high: The bounds of the true ratio.
        level_bads: How many defaults the level of the expectation was set on; its own error then counts. None where
            the expectation is taken as given.

    Examples:
        >>> round(chance_outside(Seen(900, 75, 30.0), 0.8, 1.25), 9)
        4.6e-08
        >>> round(chance_outside(Seen(900, 75, 30.0), 0.8, 1.25, level_bads=20), 3)
        0.003
    """
    above = seen.defaults > seen.expected
    mean = seen.expected * (high if above else low)
    if level_bads is None:
        return float(poisson.sf(seen.defaults - 1, mean) if above else poisson.cdf(seen.defaults, mean))
    share, both = mean / (mean + level_bads), seen.defaults + level_bads
    return float(binom.sf(seen.defaults - 1, both, share) if above else binom.cdf(seen.defaults, both, share))


def ratio_interval(seen: Seen, confidence: float, level_bads: int | None = None) -> tuple[float, float]:
    """Calculate the exact interval of defaults seen over defaults expected.

    Args:
        seen: The segment; some defaults are expected.
        confidence: Two-sided.
        level_bads: As in `chance_outside`, at least 1.

    Examples:
        >>> [round(bound, 3) for bound in ratio_interval(Seen(900, 30, 30.0), 0.9)]
        [0.72, 1.356]
        >>> [round(bound, 3) for bound in ratio_interval(Seen(900, 30, 30.0), 0.9, level_bads=20)]
        [0.6, 1.688]
    """
    outside, count = (1.0 - confidence) / 2.0, seen.defaults
    if level_bads is None:
        least = float(chi2.ppf(outside, 2 * count)) / 2.0 if count else 0.0
        most = float(chi2.ppf(1.0 - outside, 2 * (count + 1))) / 2.0
    else:
        low = float(beta.ppf(outside, count, level_bads + 1)) if count else 0.0
        high = float(beta.ppf(1.0 - outside, count + 1, level_bads))
        least, most = (level_bads * share / (1.0 - share) for share in (low, high))
    return least / seen.expected, most / seen.expected


def holm_adjusted(chances: Sequence[float]) -> list[float]:
    """Adjust chances for their number: each below an error just where Holm's method rejects it at that error.

    Examples:
        >>> [round(chance, 6) for chance in holm_adjusted([0.02, 0.01, 0.5])]  # 2 x 0.02, 3 x 0.01, 1 x 0.5
        [0.04, 0.03, 0.5]
    """
    adjusted, so_far = [0.0] * len(chances), 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=lambda place: chances[place])):
        so_far = max(so_far, min(1.0, chances[place] * (len(chances) - rank)))
        adjusted[place] = so_far
    return adjusted


def rejected_by_holm(chances: Sequence[float], alpha: float) -> set[int]:
    """Find the places whose chance is too small to be chance, so that with `alpha` none of all is rejected wrongly.

    Examples:
        >>> sorted(rejected_by_holm([0.04, 0.001, 0.03], 0.05))
        [1]
        >>> sorted(rejected_by_holm([0.02, 0.001, 0.03], 0.05))
        [0, 1, 2]
    """
    return {place for place, chance in enumerate(holm_adjusted(chances)) if chance < alpha}


__all__ = ["LEAST_EXPECTED", "Seen", "chance_outside", "holm_adjusted", "ratio_interval", "rejected_by_holm"]
