"""Share one error among the tests of a year, so that a quiet year has a false alarm no more often than stated.

Each week tests on loans that are nearly those of the week before. However the tests of a year depend on each other,
the chance that any of them rejects what is true is at most the sum of their own errors (Boole's inequality). So each
week spends one part in 53 of the year's error, the most weeks that end in any 365 days, and the triggers share that
part. Within a trigger several products are tested together (Holm).

Source:
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, which
    rests on the same inequality; Lan & DeMets (1983), Discrete sequential boundaries, Biometrika 70, for spending an
    error over looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from p2pcredit.models.evaluation.calibration.segment_ratios import Seen, chance_outside, rejected_by_holm
from p2pcredit.models.evaluation.intervals import Estimate, normal_quantile

WEEKS = 53
"""As many Saturdays as a year of 365 days, or of 366, can have."""
TRIGGERS = 2
"""Ranking within cohorts, and calibration of products."""


def weekly_alpha(yearly: float) -> float:
    """Give the error that one trigger may spend in one week.

    Examples:
        >>> round(weekly_alpha(0.1), 6)
        0.000943
    """
    return yearly / (WEEKS * TRIGGERS)


def chance_of_so_low(found: Estimate, threshold: float, confidence: float) -> float | None:
    """Give the chance of a measurement so low or lower, were the truth at the threshold.

    Args:
        found: The measurement with its normal interval.
        threshold: The least that is well.
        confidence: Of that interval, two-sided.

    Returns:
        None where there is no interval to say how sure the measurement is.

    Examples:
        >>> round(chance_of_so_low(Estimate(0.58, 0.58 - 0.0329, 0.58 + 0.0329, 900, 90), 0.62, 0.9), 4)
        0.0228
    """
    if found.value is None or found.low is None or found.high is None:
        return None
    error = (found.high - found.low) / 2.0 / normal_quantile(confidence)
    if not error > 0.0 or not math.isfinite(error):
        return None
    return NormalDist().cdf((found.value - threshold) / error)


def products_off(products: Sequence[Seen], bounds: tuple[float, float], yearly: float) -> set[int]:
    """Find the products whose defaults lie outside the bounds beyond what a week's part of the year's error allows."""
    return rejected_by_holm([chance_outside(seen, *bounds) for seen in products], weekly_alpha(yearly))


__all__ = ["TRIGGERS", "WEEKS", "chance_of_so_low", "products_off", "weekly_alpha"]
