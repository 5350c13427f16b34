"""How an interval becomes pass, fail or undetermined, and how a share gets its interval.

A comparison with NaN is False in every direction, so none is made here before the bounds are known to be numbers.
Several checks together are corrected for their number: see `p2pcredit.monitoring.lights`.
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


def status_at_least(low: float | None, high: float | None, threshold: float) -> Status:
    """Judge a value where more is better by its interval.

    Args:
        low, high: The interval; without it nothing is shown.
        threshold: The least that passes.

    Returns:
        Pass where the whole interval lies at or above the threshold, fail where it lies below, undetermined otherwise.

    Examples:
        >>> intervals = ((0.63, 0.7), (0.6, 0.64), (0.55, 0.6), (None, 0.5))
        >>> [str(status_at_least(low, high, 0.62)) for low, high in intervals]
        ['pass', 'undetermined', 'fail', 'undetermined']
    """
    return status_within(low, high, (threshold, math.inf))


def status_within(low: float | None, high: float | None, bounds: tuple[float, float]) -> Status:
    """Judge a value against bounds by its interval: pass where it lies within them, fail where it lies outside.

    Args:
        low, high: The interval; without it nothing is shown.
        bounds: The least and the most that pass.

    Examples:
        >>> [str(status_within(*interval, (0.67, 1.5))) for interval in ((0.8, 1.2), (1.4, 2.0), (1.6, 2.2))]
        ['pass', 'undetermined', 'fail']
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return Status.UNDETERMINED
    if high < bounds[0] or low > bounds[1]:
        return Status.FAIL
    return Status.PASS if bounds[0] <= low and high <= bounds[1] else Status.UNDETERMINED


def status_of_shift(
    value: float | None, low: float | None, high: float | None, *, watch: float, alert: float
) -> Status:
    """Judge a shift by its interval, between a level to watch and a level to alert.

    Args:
        value: The measurement.
        low, high: Its interval; without it nothing is shown.
        watch, alert: The two levels.

    Returns:
        Pass where the value lies below the level to watch and its whole interval below the level to alert; fail where
        the value has reached the level to alert and its whole interval lies above the level to watch; undetermined
        otherwise.

    Examples:
        >>> shifts = ((0.05, 0.01, 0.1), (0.05, 0.0, 0.3), (0.3, 0.05, 0.5), (0.3, 0.15, 0.5))
        >>> [str(status_of_shift(*shift, watch=0.1, alert=0.25)) for shift in shifts]
        ['pass', 'undetermined', 'undetermined', 'fail']
    """
    if value is None or low is None or high is None or not all(map(math.isfinite, (value, low, high))):
        return Status.UNDETERMINED
    if value >= alert and low > watch:
        return Status.FAIL
    return Status.PASS if value < watch and high < alert else Status.UNDETERMINED


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
