"""Approval, overrides and the band of rejects, against numbers that a hand can check."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from p2pcredit.models.population.decisions import (
    SCHEMA,
    approval_rate,
    how_overrides_paid,
    latest_of_each,
    override_rates,
)
from p2pcredit.models.population.reject_band import explored, reject_band


def _rows(*given: dict[str, Any]) -> pl.DataFrame:
    usual = {"outcome": "APPROVED", "overridden": False, "exploration": False, "decided_on": date(2024, 1, 1)}
    rows = [{**usual, "application_id": f"A{place}", **one} for place, one in enumerate(given)]
    return pl.DataFrame([{name: row.get(name) for name in SCHEMA} for row in rows], schema=SCHEMA)


def _many(number: int, bads: int, **more: Any) -> list[dict[str, Any]]:
    return [{"label": int(place < bads), **more} for place in range(number)]


def test_an_application_that_was_taken_up_again_counts_by_its_last_decision() -> None:
    rows = _rows(
        {"application_id": "A", "outcome": "APPROVED", "decided_on": date(2024, 2, 1)},
        {"application_id": "A", "outcome": "DECLINED", "decided_on": date(2024, 1, 1)},
    )
    assert latest_of_each(rows)["outcome"].to_list() == ["APPROVED"]


def test_an_applicant_who_left_was_neither_approved_nor_declined() -> None:
    share = approval_rate(_rows({}, {"outcome": "WITHDRAWN"}, {"outcome": "DECLINED"}), 0.9)
    assert (share.count, share.n, share.value) == (1, 2, 0.5)
    assert approval_rate(_rows({"outcome": "WITHDRAWN"}), 0.9).value is None


def test_each_side_of_overrides_is_held_against_those_whom_the_policy_decides_alike() -> None:
    rows = _rows(
        *[{"overridden": True}] * 2,
        *[{}] * 8,
        *[{"outcome": "DECLINED"}] * 6,
        *[{"outcome": "DECLINED", "overridden": True}] * 2,
        *[{"exploration": True}] * 5,
    )
    sides = override_rates(rows, 0.9)
    assert {side: (share.count, share.n) for side, share in sides.items()} == {"low": (2, 8), "high": (2, 10)}


def test_overrides_that_default_twice_as_often_show_a_ratio_of_two_and_loans_by_lot_are_on_no_side() -> None:
    rows = _rows(
        *_many(100, 20, overridden=True), *_many(400, 40), *_many(50, 50, exploration=True), {"overridden": True}
    )
    paid = how_overrides_paid(rows, 0.9, least_bads=5)
    assert (paid.overridden.n, paid.policy.n) == (100, 400)
    assert paid.ratio == pytest.approx(2.0)
    assert paid.low is not None
    assert paid.high is not None
    assert paid.low < 2.0 < paid.high


def test_too_few_defaults_of_overrides_give_no_ratio() -> None:
    paid = how_overrides_paid(_rows(*_many(100, 4, overridden=True), *_many(400, 40)), 0.9, least_bads=5)
    assert (paid.ratio, paid.low, paid.high) == (None, None, None)


def test_a_band_lowers_the_cut_off_until_the_default_rate_is_that_of_before() -> None:
    rows = _rows(
        {"probability_of_default": 0.01},
        {"probability_of_default": 0.02, "outcome": "DECLINED"},
        {"probability_of_default": 0.03, "outcome": "DECLINED"},
        {"probability_of_default": 0.9, "outcome": "DECLINED"},
        {"probability_of_default": 0.5, "outcome": "WITHDRAWN"},
        {"probability_of_default": None},
    )
    once, thrice = reject_band(rows, 0.05, (1.0, 3.0))
    assert (once["let_in"], once["declined_let_in"]) == (3, 2)
    assert once["default_rate"] == pytest.approx(0.02)
    assert (once["cutoff"], once["approval_rate"]) == (0.03, 0.75)
    assert thrice["default_rate"] == pytest.approx((0.01 + 0.06 + 0.09) / 3)
    assert (thrice["cutoff"], thrice["approval_rate"]) == (0.01, 0.25)


def test_a_cut_off_never_parts_applicants_with_the_same_probability() -> None:
    rows = _rows(
        {"probability_of_default": 0.01},
        {"probability_of_default": 0.02},
        {"probability_of_default": 0.02, "outcome": "DECLINED"},
    )
    assert reject_band(rows, 0.05, (1.0, 40.0))[1]["cutoff"] == 0.01


def test_nobody_below_the_cut_off_has_no_rate() -> None:
    (found,) = reject_band(_rows({"probability_of_default": 0.5}), 0.05, (1.0,))
    assert (found["let_in"], found["default_rate"], found["cutoff"]) == (0, None, None)


@given(st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans()), min_size=1, max_size=40), st.floats(0.01, 0.9))
@bounded(deadline=None)
def test_worse_rejects_never_raise_the_cut_off_nor_lower_the_default_rate(
    people: list[tuple[float, bool]], cutoff: float
) -> None:
    rows = _rows(*({"probability_of_default": pd, "outcome": "DECLINED" if no else "APPROVED"} for pd, no in people))
    found = reject_band(rows, cutoff, (1.0, 2.0, 5.0))
    rates = [one["default_rate"] for one in found if one["default_rate"] is not None]
    cutoffs = [one["cutoff"] if one["cutoff"] is not None else 0.0 for one in found]
    assert rates == sorted(rates)
    assert cutoffs == sorted(cutoffs, reverse=True)


def test_loans_approved_by_lot_beyond_the_cut_off_tell_how_bad_the_declined_are() -> None:
    more = {"exploration": True, "probability_of_default": 0.1}
    rows = _rows(*_many(100, 20, **more), *_many(50, 50, exploration=True, probability_of_default=0.01))
    found = explored(rows, 0.08, 0.9)
    assert (found["n"], found["bads"], found["status"]) == (100, 20, "measured")
    assert found["expected"] == pytest.approx(10.0)
    assert found["factor"] == pytest.approx(2.0)
    assert found["low"] > 1.0
    assert explored(rows.head(40), 0.08, 0.9)["status"] == "undetermined"
