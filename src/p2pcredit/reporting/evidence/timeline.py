"""When each sample of a model was originated, and when its outcomes were known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from p2pcredit.periods import add_months

_SAMPLES = (("fit", "Fit"), ("calibrate", "Calibration"), ("evaluate", "Test"))
OPEN = "Open"


def sample_timeline(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Place the samples of a pack in time.

    A loan matures when its window has passed since origination, and the reporting lag after that.

    Args:
        facts: The facts of the pack.

    Returns:
        Per sample `part` (its name in the facts; empty for the loans whose outcome was open), `sample` (in words),
        `first`, `last` (days of origination; None where it has no loan), `known_by` (the day on which the outcome of
        its last loan was known; None for open ones and without a loan). Open are loans originated after the last one
        that judges, up to the training date; there is no row of them where there is no such day.
    """
    window, lag = facts["data"]["definition"]["window_months"], facts["data"]["definition"]["reporting_lag_days"]
    periods, as_of = facts["data"]["periods"], date.fromisoformat(facts["model"]["as_of"])
    rows: list[dict[str, Any]] = []
    newest: date | None = None
    for part, sample in _SAMPLES:
        if part not in periods:
            continue
        first, last = periods[part]["first"], periods[part]["last"]
        known_by = None
        if last is not None:
            newest = date.fromisoformat(last)
            known_by = (add_months(newest, window) + timedelta(days=lag)).isoformat()
        rows.append({"part": part, "sample": sample, "first": first, "last": last, "known_by": known_by})
    if newest is not None and newest < as_of:
        begins = (newest + timedelta(days=1)).isoformat()
        rows.append({"part": "", "sample": OPEN, "first": begins, "last": as_of.isoformat(), "known_by": None})
    return rows


__all__ = ["OPEN", "sample_timeline"]
