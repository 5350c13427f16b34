"""Internal rate of return of dated amounts, found by bisection between bounds that are known to enclose it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from p2pcredit.models.evaluation.intervals import Floats

_WIDEST = 2.0**20
"""The logarithm of one plus a yearly rate is looked for between minus and plus so much: a loss of all but a trifle in a
day is far inside."""
_LARGEST_EXPONENT = 700.0
_STEPS = 200


@dataclass(frozen=True, slots=True)
class InternalRate:
    """A yearly rate, or why there is none.

    Args:
        value: The rate, above -1; -1 where nothing came back; None where there is none.
        unique: Whether no other rate fits the amounts too; False where there is none.
        reason: Why there is none; empty where there is one.
    """

    value: float | None
    unique: bool
    reason: str = ""


def internal_rate(years: npt.ArrayLike, amounts: npt.ArrayLike) -> InternalRate:
    """Find the yearly rate at which all amounts are worth nothing together.

    The value of the amounts at a rate has the sign of the last one where the rate is low enough, and of the first one
    where it is high enough. So bounds are widened until the signs differ; where they never do, there is no rate, and
    the result says so. The rate is the only one where amounts, or their running sums, change their sign once
    (Descartes; Norstrom).

    Args:
        years: When each amount was paid, in years from any day on.
        amounts: Paid out below zero, received above.

    Source:
        Norstrom (1972), A sufficient condition for a unique nonnegative internal rate of return, JFQA 7.

    Examples:
        >>> internal_rate([0.0, 1.0], [-100.0, 110.0])
        InternalRate(value=0.1, unique=True, reason='')
        >>> internal_rate([0.0, 1.0], [-100.0, 0.0]).value
        -1.0
        >>> internal_rate([0.0], [100.0]).reason
        'nothing was paid out'
    """
    when, sums = _by_time(np.asarray(years, dtype=np.float64), np.asarray(amounts, dtype=np.float64))
    if not np.isfinite(when).all() or not np.isfinite(sums).all():
        return InternalRate(None, unique=False, reason="an amount or its day is missing")
    if not (sums < 0).any():
        return InternalRate(None, unique=False, reason="nothing was paid out")
    if not (sums > 0).any():
        return InternalRate(-1.0, unique=True)
    low, high = _bounds(when, sums)
    if low is None or high is None:
        return InternalRate(None, unique=False, reason="no yearly rate makes the amounts worth nothing together")
    at_low = _value(when, sums, low)
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        if (_value(when, sums, middle) > 0) == (at_low > 0):
            low = middle
        else:
            high = middle
    if high > _LARGEST_EXPONENT:
        return InternalRate(None, unique=False, reason="the yearly rate is too large for a number")
    rate = math.expm1((low + high) / 2.0)
    return InternalRate(round(rate, 12), unique=_changes(sums) == 1 or _changes(np.cumsum(sums)) == 1)


def _by_time(years: Floats, amounts: Floats) -> tuple[Floats, Floats]:
    """Add up the amounts of each time, and drop what adds up to nothing."""
    when, place = np.unique(years, return_inverse=True)
    sums = np.bincount(place, weights=amounts, minlength=when.size)
    kept = sums != 0
    return when[kept], sums[kept]


def _bounds(when: Floats, sums: Floats) -> tuple[float | None, float | None]:
    """Spread bounds around a rate of zero until the values at them differ in sign."""
    width = 1.0
    while width <= _WIDEST:
        if _value(when, sums, -width) * _value(when, sums, width) < 0:
            return -width, width
        width *= 2.0
    return None, None


def _value(when: Floats, sums: Floats, log_rate: float) -> float:
    """Sum what the amounts are worth at a rate, on a day when none of them grows; the sign is that of any other day."""
    start = when[-1] if log_rate < 0 else when[0]
    return float(np.sum(sums * np.exp(log_rate * (start - when))))


def _changes(values: Floats) -> int:
    signs = np.sign(values[values != 0])
    return int((signs[1:] != signs[:-1]).sum())


__all__ = ["InternalRate", "internal_rate"]
