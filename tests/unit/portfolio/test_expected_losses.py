"""Expected losses and stages by hand.

A model's window is 2 months and terms are 4; hazards add 0.1 a month for a loan with 1 - exp(-0.2) within the window,
as for every typical loan. Rates are zero, so that a loan owes 1, 3/4, 1/2, 1/4 of what it was lent.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.models.economics.experience import Experience, ProductExperience
from p2pcredit.models.economics.remaining import remaining
from p2pcredit.models.term_structure.structure import ProductCurve, TermStructure
from p2pcredit.portfolio.expected_losses import (
    Assumptions,
    LateLoans,
    late_loans,
    losses_by_month,
    sums_by,
    with_losses,
)
from p2pcredit.settings.money import MoneySettings, Scenario, Stress, scenarios_of

CURVE = ProductCurve((0.5, 0.5, 0.5, 0.5), typical=0.2, loans=100, defaults=30, watched_months=4)
STRUCTURE = TermStructure(2, {4: CURVE}, CURVE, (1.0,))
USUAL = float(-np.expm1(-0.2))
KNOWN = ProductExperience(0.8, 0.7, 0.9, 50, "product")
EXPERIENCE = Experience(date(2020, 1, 1), {4: KNOWN}, KNOWN, 0)
LATE = {30: LateLoans(0.4, 60, True), 60: LateLoans(1.0, 3, False)}
BASE = (Scenario("base", 1.0, Stress(), ""),)
FRESH: dict[str, Any] = {
    "loan_id": "a",
    "term_months": 4,
    "grade": "A",
    "seen": 0,
    "interest_rate_share": 0.0,
    "outstanding": 1000.0,
    "recovered": 0.0,
    "in_default": False,
    "months_in_default": None,
    "days_past_due": 0,
    "probability_of_default": USUAL,
    "probability_when_made": USUAL,
    "model_when_made": "m",
}
TYPES = {"months_in_default": pl.Int64, "probability_when_made": pl.Float64, "model_when_made": pl.String}


def losses(*changes: dict[str, Any], **more: Any) -> pl.DataFrame:
    loans = pl.DataFrame([{**FRESH, **change} for change in changes], schema_overrides=TYPES)
    given: dict[str, Any] = {"to_come": {}, "scenarios": BASE, "stress": Stress(), "money": MoneySettings(), **more}
    return with_losses(loans, Assumptions({"m": STRUCTURE}, "m", EXPERIENCE, LATE, **given))


def marginal(*ends: float) -> list[float]:
    """Probability of default in each month, from cumulative hazards at months' ends."""
    alive = [1.0, *(float(np.exp(-end)) for end in ends)]
    return [before - after for before, after in pairwise(alive)]


def test_a_fresh_loan_by_hand() -> None:
    (row,) = losses({}).iter_rows(named=True)
    first, second, third, fourth = marginal(0.1, 0.2, 0.3, 0.4)
    expected = 800.0 * (first + 0.75 * second + 0.5 * third + 0.25 * fourth)
    assert row["loss_lifetime"] == pytest.approx(expected)
    assert row["loss_12_months"] == pytest.approx(expected)  # its term is shorter than a year
    assert row["allowance"] == pytest.approx(expected)  # without interest nothing is discounted
    assert (row["stage"], row["stage_reason"], row["exposure"]) == (1, "none", 1000.0)
    assert row["remaining_probability"] == pytest.approx(1 - np.exp(-0.4))


def test_a_loan_two_months_old_is_looked_at_among_those_still_open() -> None:
    (row,) = losses({"seen": 2, "outstanding": 500.0}).iter_rows(named=True)
    # Open after two months with hazards of 0.1 left in each of two: 1 - exp(-0.1), and as much of what then is left.
    first, second = marginal(0.1, 0.2)
    assert row["loss_lifetime"] == pytest.approx(0.8 * 500.0 * (first + 0.5 * second))
    assert row["remaining_probability"] == pytest.approx(1 - np.exp(-0.2))


def test_early_repayment_leaves_fewer_open_of_whom_the_same_default() -> None:
    found = remaining(STRUCTURE, np.array([USUAL]), 4, 1, (0.5, 0.0, 0.0, 0.0), 0)[0]
    alive, later = np.exp(-0.1), np.exp(-0.1) - np.exp(-0.4)
    # Half of those who paid the first instalment leave, but for those who will default.
    left = alive - min(0.5 * alive, alive - later)
    assert found[-1] == pytest.approx(later / left)


def test_stages_follow_days_past_due_and_risk_that_has_grown() -> None:
    found = losses(
        {"loan_id": "a"},
        {"loan_id": "b", "days_past_due": 29},
        {"loan_id": "c", "days_past_due": 30},
        {"loan_id": "d", "probability_when_made": 0.02},
        {"loan_id": "e", "probability_when_made": None, "model_when_made": None},
        {"loan_id": "f", "in_default": True, "months_in_default": 0},
    )
    assert found["stage"].to_list() == [1, 1, 2, 2, 1, 3]
    assert found["stage_reason"].to_list() == ["none", "none", "days_past_due", "pd_shift", "none", "default"]
    assert found["remaining_when_made"].is_null().to_list() == [False] * 4 + [True, False]


def test_a_late_loan_defaults_as_often_as_late_loans_did() -> None:
    found = losses({"loan_id": "a", "days_past_due": 45}, {"loan_id": "b", "days_past_due": 75})
    # 40% of those 30 days late came to default, more than by the curve (33%); of 60 days too few are known: all do.
    assert found["remaining_probability"].to_list() == [0.4, 1.0]
    assert found["loss_lifetime"].to_list() == pytest.approx([0.4 * 800.0, 800.0])


def test_a_loan_in_default_loses_what_is_not_still_to_be_recovered() -> None:
    default = {"in_default": True, "outstanding": 1000.0, "recovered": 50.0}
    found = losses(
        {"loan_id": "a", "months_in_default": 0, **default},
        {"loan_id": "b", "months_in_default": 1, **default},
        {"loan_id": "c", "months_in_default": 7, **default},
        to_come={"4": [0.2, 0.15, 0.0]},
    )
    assert found["exposure"].to_list() == [950.0, 950.0, 950.0]
    assert found["loss_lifetime"].to_list() == pytest.approx([750.0, 800.0, 950.0])


def test_scenarios_are_averaged_by_weight_and_stress_applies_to_each() -> None:
    scenarios = (Scenario("base", 0.75, Stress(), ""), Scenario("down", 0.25, Stress(hazard=2.0, lgd=1.5), ""))
    (row,) = losses({}, scenarios=scenarios).iter_rows(named=True)
    (calm,) = losses({}).iter_rows(named=True)
    (harsh,) = losses({}, stress=Stress(hazard=2.0, lgd=1.5)).iter_rows(named=True)
    assert row["loss_lifetime"] == pytest.approx(0.75 * calm["loss_lifetime"] + 0.25 * harsh["loss_lifetime"])
    assert row["loss_lifetime:down"] == pytest.approx(harsh["loss_lifetime"])
    # 0.8 x 1.5 would be more than all: the loss given default stays a share.
    first, second, third, fourth = marginal(0.2, 0.4, 0.6, 0.8)
    assert harsh["loss_lifetime"] == pytest.approx(1000.0 * (first + 0.75 * second + 0.5 * third + 0.25 * fourth))


def test_discounting_is_at_the_loans_own_rate() -> None:
    (row,) = losses({"interest_rate_share": 0.12, "days_past_due": 30}).iter_rows(named=True)
    assert row["allowance"] == pytest.approx(row["loss_lifetime"])  # what a late loan loses is not put off
    (fresh,) = losses({"interest_rate_share": 0.12}).iter_rows(named=True)
    assert 0.95 * fresh["loss_lifetime"] < fresh["allowance"] < fresh["loss_lifetime"]


def test_sums_of_cells_are_the_sums_of_their_loans_with_bounds_of_severity() -> None:
    found = losses({"loan_id": "a"}, {"loan_id": "b", "grade": "B"}, {"loan_id": "c", "in_default": True})
    total = sums_by(found, [], EXPERIENCE)[0]
    assert total["loans"] == 3
    assert total["allowance"] == pytest.approx(found["allowance"].sum(), abs=0.01)
    assert total["allowance_low"] == pytest.approx(found["allowance"].sum() * 7 / 8, abs=0.01)
    cells = sums_by(found, ["grade"], EXPERIENCE)
    assert [cell["grade"] for cell in cells] == ["A", "B"]
    assert sum(cell["allowance"] for cell in cells) == pytest.approx(total["allowance"], abs=0.02)
    unbounded = replace(KNOWN, low=None, high=None)
    bare = Experience(date(2020, 1, 1), {4: unbounded}, unbounded, 0)
    assert sums_by(found, [], bare)[0]["allowance_low"] is None


def test_months_add_up_to_the_lifetime_loss_of_loans_not_late() -> None:
    found = losses({"loan_id": "a"}, {"loan_id": "b", "seen": 2, "outstanding": 500.0})
    months = losses_by_month(found, STRUCTURE, EXPERIENCE, Stress())
    assert len(months) == 4
    assert sum(months) == pytest.approx(found["loss_lifetime"].sum())


def test_late_loans_are_told_from_enough_of_them() -> None:
    seen = pl.DataFrame({"band": [30] * 10 + [60] * 3, "defaulted": [True] * 4 + [False] * 6 + [True] * 3})
    found = late_loans(seen, 5)
    assert (found[30].share, found[30].told) == (0.4, True)
    assert (found[60].share, found[60].told, found[60].loans) == (1.0, False, 3)


@given(
    st.lists(
        st.tuples(st.floats(0.001, 0.9), st.integers(0, 3), st.integers(0, 80), st.booleans()), min_size=1, max_size=8
    ),
    st.floats(1.0, 4.0),
)
@settings(deadline=None, max_examples=40)
def test_no_loan_loses_more_than_it_owes_and_stress_never_less(
    cases: list[tuple[float, int, int, bool]], worse: float
) -> None:
    changes = [
        {
            "loan_id": str(place),
            "probability_of_default": chance,
            "seen": seen,
            "days_past_due": days,
            "in_default": bad,
        }
        for place, (chance, seen, days, bad) in enumerate(cases)
    ]
    calm, harsh = losses(*changes), losses(*changes, stress=Stress(hazard=worse, lgd=worse))
    for found in (calm, harsh):
        assert (found["loss_lifetime"] <= found["exposure"] + 1e-9).all()
        assert (found["loss_12_months"] <= found["loss_lifetime"] + 1e-9).all()
        assert (found["allowance"] <= found["loss_lifetime"] + 1e-9).all()
        assert (found["loss_12_months"] >= 0).all()
    assert (harsh["loss_lifetime"] >= calm["loss_lifetime"] - 1e-9).all()


def test_scenarios_of_settings() -> None:
    money = MoneySettings(
        stress={"unemployment": "hazard 1.1, lgd 1.05; source: none"},
        scenarios={"base": "0.8", "down": "0.2 of unemployment:+2"},
    )
    base, down = scenarios_of(money)
    assert (base.weight, base.stress) == (0.8, Stress())
    assert (down.stress.hazard, down.stress.lgd) == pytest.approx((1.21, 1.1025))
