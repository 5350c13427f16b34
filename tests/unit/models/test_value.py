"""What loans bring, in currency: the parts of the schedule, costs and fees, by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from p2pcredit.models.economics.experience import Experience, ProductExperience, read_experience
from p2pcredit.models.economics.value import profit_of, value_loans
from p2pcredit.models.term_structure.structure import ProductCurve, TermStructure
from p2pcredit.settings.money import MoneySettings, Stress

CURVE = ProductCurve((1.0, 1.0), typical=0.1, loans=100, defaults=30, watched_months=2)
STRUCTURE = TermStructure(1, {2: CURVE}, CURVE, (1.0,))
KNOWN = ProductExperience(0.8, None, None, 50, "product")
EXPERIENCE = Experience(date(2020, 1, 1), {2: KNOWN}, KNOWN, 0)
LEFT = 1.01 / 2.01
"""What a loan at 1% a month owes after the first of two instalments."""


def value(chance: float | None = 0.1, rate: float | None = 0.12, term: int | None = 2, stress: Stress | None = None):  # type: ignore[no-untyped-def]
    return value_loans(
        STRUCTURE,
        EXPERIENCE,
        np.array([np.nan if chance is None else chance]),
        pl.Series([term], dtype=pl.Int64),
        pl.Series([rate], dtype=pl.Float64),
        stress=stress,
    )


def test_a_loan_of_two_months_by_hand() -> None:
    found = value()
    # 10% default in the first month and 9% in the second.
    lost = 0.1 + 0.09 * LEFT
    interest = 0.9 * 0.01 + 0.81 * LEFT * 0.01
    years = (1 + 0.9 * LEFT) / 12
    assert found.loss[0] == pytest.approx(0.8 * lost)
    assert found.annual_return(0.01)[0] == pytest.approx((interest - 0.8 * lost) / years - 0.01)


def test_profit_is_income_less_costs_and_losses() -> None:
    found, money = value(), MoneySettings(funding_rate=0.03, servicing_rate=0.01, origination_fee=0.02, cost_per_loan=5)
    profit = profit_of(found, np.array([1000.0]), money)
    expected = found.expected
    whole = 1000 * (0.02 + expected.interest[0] - 0.04 * expected.years[0] - found.loss[0]) - 5
    bad = 1000 * (0.02 * 0.19 + 0.09 * 0.01 - 0.04 * (0.1 + 0.09 * (1 + LEFT)) / 12 - found.loss[0]) - 5 * 0.19
    assert profit.profit[0] == pytest.approx(whole)
    assert profit.of_bad[0] == pytest.approx(bad)
    assert profit.of_good[0] == pytest.approx(whole - bad)


def test_a_platform_earns_fees_and_bears_no_loss() -> None:
    money = MoneySettings(servicing_rate=0.01, origination_fee=0.02, cost_per_loan=5)
    calm, harsh = value(), value(stress=Stress(lgd=1.25))
    by_fees = [profit_of(one, np.array([1000.0]), money, bears_losses=False).profit[0] for one in (calm, harsh)]
    assert by_fees[0] == by_fees[1] == pytest.approx(1000 * (0.02 + 0.01 * calm.expected.years[0]) - 5)


@pytest.mark.parametrize("unknown", [{"chance": None}, {"rate": None}, {"term": None}, {"term": 10**9}, {"rate": -0.1}])
def test_a_loan_of_which_something_is_not_known_has_no_value(unknown: dict[str, Any]) -> None:
    found = value(**unknown)
    assert np.isnan(found.loss[0])
    assert np.isnan(found.annual_return(0.0)[0])


def test_experience_is_the_same_written_and_read() -> None:
    shown = ProductExperience(0.8, 0.7, 0.9, 50, "product", (0.1, 0.2), (0.05,))
    held = Experience(date(2020, 1, 1), {36: shown}, KNOWN, 3)
    assert read_experience({"economics.json": held.to_bytes()}) == held
    assert read_experience({}) is None
