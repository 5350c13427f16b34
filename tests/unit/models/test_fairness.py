"""Approval rates by group: the four-fifths ratio against an independent interval, and what stays undetermined."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from scipy.stats.contingency import relative_risk

from p2pcredit.models.champion.fairness import LEAST_LOANS, approval_rates, share_ratio


def _groups(*counts: tuple[str | None, int, int]) -> list[dict[str, object]]:
    """Per group: name, loans, approved; each twentieth loan is bad."""
    names = [name for name, n, _ in counts for _ in range(n)]
    approved = [place < taken for _, n, taken in counts for place in range(n)]
    labels = [int(place % 20 == 0) for _, n, _ in counts for place in range(n)]
    return approval_rates(pl.Series(names, dtype=pl.String), np.array(approved), labels)


@given(st.integers(1, 199), st.integers(1, 299))
@bounded(deadline=None)
def test_the_interval_of_the_ratio_is_that_of_katz(count: int, base: int) -> None:
    ratio, low, high = share_ratio(count, 200, base, 300, 0.9)
    oracle = relative_risk(count, 200, base, 300)
    bounds = oracle.confidence_interval(0.9)
    assert ratio == pytest.approx(oracle.relative_risk)
    assert (low, high) == pytest.approx((bounds.low, bounds.high))


def test_a_rate_of_none_or_of_all_is_no_certainty() -> None:
    ratio, low, high = share_ratio(0, 50, 40, 50, 0.9)
    assert ratio == low == 0.0
    assert high > 0
    ratio, low, high = share_ratio(20, 20, 50, 50, 0.9)
    assert ratio == 1.0
    assert low < 1.0 < high


def test_a_group_below_four_fifths_beyond_its_interval_fails() -> None:
    rows = {row["group"]: row for row in _groups(("A", 400, 320), ("B", 400, 160), ("C", 400, 310), ("D", 400, 256))}
    assert [rows[name]["status"] for name in "ABCD"] == ["pass", "fail", "pass", "undetermined"]
    assert rows["A"]["ratio"] == 1.0
    assert rows["A"]["ratio_low"] is None
    assert rows["B"]["ratio"] == pytest.approx(0.5)
    assert (rows["B"]["n"], rows["B"]["approved"], rows["B"]["bads"]) == (400, 160, 20)


def test_a_small_group_is_undetermined_and_never_the_measure_of_others() -> None:
    rows = {row["group"]: row for row in _groups(("large", 200, 100), ("small", LEAST_LOANS - 1, LEAST_LOANS - 1))}
    assert rows["small"]["status"] == "undetermined"
    assert rows["large"]["ratio"] == 1.0
    assert rows["small"]["ratio"] == pytest.approx(2.0)


def test_without_a_large_group_or_an_approval_there_is_no_ratio() -> None:
    assert {(r["ratio"], r["status"]) for r in _groups(("A", 5, 3), ("B", 6, 1))} == {(None, "undetermined")}
    assert {(r["ratio"], r["status"]) for r in _groups(("A", 200, 0), ("B", 200, 0))} == {(None, "undetermined")}
    assert approval_rates(pl.Series([], dtype=pl.String), [], []) == []


def test_a_missing_group_is_a_group_and_every_loan_is_counted_once() -> None:
    rows = _groups(("A", 120, 100), (None, 150, 90))
    assert [row["group"] for row in rows] == ["not known", "A"]
    assert sum(row["n"] for row in rows) == 270  # type: ignore[misc]
