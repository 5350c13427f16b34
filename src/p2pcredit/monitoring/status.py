"""How a measurement becomes pass, fail or undetermined, and how a share gets its interval.

A comparison with NaN is False in every direction, so none is made here before the value is known to be a number.
"""

from __future__ import annotations

import math

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.evaluation.intervals import wilson_interval


def is_number(value: float | None) -> bool:
    """Test whether a value is there and finite.

    Examples:
        >>> is_number(0.0), is_number(None), is_number(float("nan"))
        (True, False, False)
    """
    return value is not None and math.isfinite(value)


def status_at_least(value: float | None, high: float | None, threshold: float) -> Status:
    """Judge a value where more is better: fail where its whole interval lies below the threshold.

    Args:
        value: The measurement.
        high: Upper bound of its interval; without it nothing can fail.
        threshold: The least that passes.

    Returns:
        Pass from the threshold up, fail where the whole interval lies below it, undetermined otherwise.

    Examples:
        >>> [str(status_at_least(v, h, 0.62)) for v, h in ((0.66, 0.7), (0.6, 0.64), (0.55, 0.6), (float("nan"), 0.5))]
        ['pass', 'undetermined', 'fail', 'undetermined']
    """
    if value is None or not math.isfinite(value):
        return Status.UNDETERMINED
    if value >= threshold:
        return Status.PASS
    if high is not None and math.isfinite(high) and high < threshold:
        return Status.FAIL
    return Status.UNDETERMINED


def status_within(value: float | None, low: float | None, high: float | None, bounds: tuple[float, float]) -> Status:
    """Judge a value against bounds: pass within them, fail where its whole interval lies outside.

    Args:
        value: The measurement.
        low, high: Its interval; without it nothing can fail.
        bounds: The least and the most that pass.

    Examples:
        >>> str(status_within(1.7, 1.4, 2.0, (0.67, 1.5))), str(status_within(1.9, 1.6, 2.2, (0.67, 1.5)))
        ('undetermined', 'fail')
    """
    if value is None or not math.isfinite(value):
        return Status.UNDETERMINED
    if bounds[0] <= value <= bounds[1]:
        return Status.PASS
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return Status.UNDETERMINED
    return Status.FAIL if high < bounds[0] or low > bounds[1] else Status.UNDETERMINED


def status_between_levels(value: float | None, watch: float, alert: float) -> Status:
    """Judge a value where less is better against its watch level and its alert level.

    Examples:
        >>> [str(status_between_levels(v, 0.1, 0.25)) for v in (0.05, 0.1, 0.25, None)]
        ['pass', 'undetermined', 'fail', 'undetermined']
    """
    if value is None or not math.isfinite(value):
        return Status.UNDETERMINED
    if value >= alert:
        return Status.FAIL
    return Status.PASS if value < watch else Status.UNDETERMINED


def unmeasured(
    metric: str,
    segment: str,
    n: int,
    note: str,
    *,
    matured_share: float | None = None,
    threshold: float | None = None,
) -> MetricResult:
    """Make the result of a measurement that could not be made, with the reason.

    Args:
        metric, segment: What was to be measured.
        n: Loans there were.
        note: Why that did not do.
        matured_share: Share of the loans whose outcome is known, 0 to 1.
        threshold: What it would have been held against.
    """
    return MetricResult(metric, segment, None, None, None, n, matured_share, Status.UNDETERMINED, threshold, note)


def share_interval(count: int, n: int, confidence: float) -> tuple[float, float]:
    """Calculate the interval of a share of which `count` of `n` were seen.

    Args:
        count: Times it happened, 0 to n.
        n: Times it could have happened; 0 gives the whole range.
        confidence: Share of such intervals that hold the truth, such as 0.9.

    Returns:
        Low and high of Wilson's interval, 0 to 1.

    Examples:
        >>> [round(bound, 4) for bound in share_interval(5, 50, 0.95)]
        [0.0435, 0.2136]
    """
    return wilson_interval(count / n, n, confidence) if n > 0 else (0.0, 1.0)
