"""Judge checks of one family together: each by its own interval, and a failure only beyond chance for all of them.

A check passes where its whole interval lies within what is allowed, fails where the interval lies wholly outside and
stays outside after Holm's correction for the number of checks in the family, and is undetermined otherwise. So where
every truth lies at its limit, of weeks no more than the error of one interval's side (0.05 at a confidence of 0.9) have
a failure in a family, however many checks it has and however they depend on each other.

Source:
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6; Wilson
    (1927), JASA 22, for the test that the interval of a share inverts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.evaluation.calibration.segment_ratios import rejected_by_holm
from p2pcredit.monitoring.status import status_at_least, status_within


@dataclass(frozen=True, slots=True)
class Light:
    """A measurement before it is judged.

    Args:
        result: The measurement; its status plays no part.
        alone: What its own interval says, were it the only check.
        chance: Of a measurement as far outside or farther, were the truth at the limit; None where it is not known.
    """

    result: MetricResult
    alone: Status
    chance: float | None = None


def at_least(result: MetricResult, threshold: float, chance: float | None) -> Light:
    """Hold a measurement of which more is better against the least that passes."""
    return Light(result, status_at_least(result.low, result.high, threshold), chance)


def inside(result: MetricResult, bounds: tuple[float, float], chance: float | None) -> Light:
    """Hold a measurement against the least and the most that pass."""
    return Light(result, status_within(result.low, result.high, bounds), chance)


def one_side_of(confidence: float) -> float:
    """Return the error of one side of a two-sided interval: what a family of checks may spend in a week.

    Examples:
        >>> round(one_side_of(0.9), 12)
        0.05
    """
    return (1.0 - confidence) / 2.0


def judge_together(family: Sequence[Light], confidence: float) -> list[MetricResult]:
    """Give each measurement of a family its status.

    Args:
        family: The checks that are corrected together.
        confidence: Of their two-sided intervals.

    Examples:
        >>> low = MetricResult("auc", "term=36", 0.58, 0.55, 0.61, 900, None, Status.UNDETERMINED, 0.62, "90 bads")
        >>> [str(r.status) for r in judge_together([at_least(low, 0.62, 0.03)], 0.9)]
        ['fail']
        >>> judge_together([at_least(low, 0.62, 0.03)] * 2, 0.9)[0].note  # 2 x 0.03 is above 0.05
        '90 bads; outside by its own interval, within chance of 2 checks'
    """
    chances = [
        light.chance if light.chance is not None and light.alone is Status.FAIL else math.inf for light in family
    ]
    failed = rejected_by_holm(chances, one_side_of(confidence))
    judged = []
    for place, light in enumerate(family):
        result = replace(light.result, status=light.alone)
        if light.alone is Status.FAIL and place not in failed:
            told = f"outside by its own interval, within chance of {len(family)} checks"
            note = f"{result.note}; {told}" if result.note else told
            result = replace(result, status=Status.UNDETERMINED, note=note)
        judged.append(result)
    return judged


def chance_of_share(count: int, n: int, expected_share: float) -> float | None:
    """Give the chance of a share as far from the expected one, on its side, or farther: Wilson's score test.

    Args:
        count: Times it happened.
        n: Times it could have happened.
        expected_share: The share were the truth at the limit.

    Returns:
        None where the expected share leaves no room for chance.

    Examples:
        >>> round(chance_of_share(30, 100, 0.2), 4)  # z = 0.1 / sqrt(0.2 x 0.8 / 100) = 2.5
        0.0062
    """
    if n <= 0 or not 0.0 < expected_share < 1.0:
        return None
    z = (count / n - expected_share) / math.sqrt(expected_share * (1.0 - expected_share) / n)
    return NormalDist().cdf(-abs(z))


__all__ = ["Light", "at_least", "chance_of_share", "inside", "judge_together", "one_side_of"]
