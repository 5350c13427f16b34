"""What a measurement is: a value never stands without its n, its interval, its share matured and its status."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """A check has three outcomes. Undetermined never counts as pass."""

    PASS = "pass"
    FAIL = "fail"
    UNDETERMINED = "undetermined"


def worst_of(statuses: Iterable[str]) -> Status:
    """Sum up some outcomes: fail before undetermined before pass, which is also that of none.

    Examples:
        >>> str(worst_of(["pass", "undetermined"])), str(worst_of(["undetermined", "fail"])), str(worst_of([]))
        ('undetermined', 'fail', 'pass')
    """
    held = set(statuses)
    return next((status for status in (Status.FAIL, Status.UNDETERMINED) if status in held), Status.PASS)


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric of one segment in one monitoring week: a row of `gold/monitoring`.

    Args:
        metric: Its name, such as `auc`, `psi_score`, `psi:annual_income`.
        segment: `all`, or such as `vintage=2010Q1`, `term=36`.
        value: The measurement; None where nothing could be measured (never NaN).
        low, high: Bounds of its interval, None where there is none.
        n: Loans it rests on.
        matured_share: Of the loans scored in the window, the share whose label is known (0 to 1); None where labels
            play no part.
        status: Pass, fail or undetermined against `threshold`.
        threshold: What it was held against, None for information only.
        note: One sentence for the reader.
    """

    metric: str
    segment: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    matured_share: float | None
    status: Status
    threshold: float | None = None
    note: str = ""

    def as_row(self) -> dict[str, Any]:
        """Give a plain dict with the status as text."""
        return {**{name: getattr(self, name) for name in _NAMES}, "status": str(self.status)}


_NAMES = tuple(field.name for field in fields(MetricResult))
