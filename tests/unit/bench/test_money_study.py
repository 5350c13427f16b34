"""The back-test of choices on real loans, by hand: equal amounts, equal parts of ties, and time at work from totals."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from bench.studies.money import choose, years_by_schedule

LOANS = pl.DataFrame(
    {
        "vintage": ["2010-01"] * 4,
        "invested": [100.0, 100.0, 200.0, 400.0],
        "income": [10.0, 2.0, 8.0, 40.0],
        "years": [100.0, 100.0, 200.0, 400.0],
        "loss": [0.0, 5.0, 1.0, 0.0],
        "expected_annual_return": [0.05, 0.09, 0.05, 0.01],
        "platform_sub_grade": ["A1", "A1", "B1", "A1"],
    }
)


def test_the_best_by_the_measure_are_lent_to_until_the_amount_is_spent() -> None:
    found = choose(LOANS, "expected annual return", 0.25)
    # Of 800 a quarter is lent: 100 to the best, and 100 of the 300 that come next and are alike.
    assert found.lent.tolist() == [200.0]
    assert found.income[0] == pytest.approx(2.0 + (10.0 + 8.0) / 3)
    assert found.rate(np.ones((1, 1)))[0] == pytest.approx(8.0 / 200.0)


def test_every_measure_lends_the_same_amount() -> None:
    by_grade = choose(LOANS, "sub-grade", 0.25)
    assert by_grade.lent.tolist() == [200.0]
    assert by_grade.income[0] == pytest.approx((10.0 + 2.0 + 40.0) / 3)
    assert choose(LOANS, "sub-grade", 1.0).income.tolist() == [60.0]


def test_time_at_work_follows_the_schedule_until_the_last_payment() -> None:
    totals = pl.DataFrame(
        {
            "term_months": [12, 12, 12],
            "rate": [0.0, 0.0, 0.0],
            "months_paid": [12, 3, 3],
            "disbursed": [1200.0] * 3,
            "principal": [1200.0, 1200.0, 300.0],
            "bad": [False, False, True],
        }
    )
    whole, early, lost = years_by_schedule(totals)
    assert whole == pytest.approx(100.0 * sum(range(1, 13)) / 12)
    assert early == pytest.approx((1200.0 + 1100.0 + 1000.0) / 12)
    # 900 are never paid back: at work for three months with the rest, and for four until the default.
    assert lost == pytest.approx((1200.0 + 1100.0 + 1000.0 + 4 * 900.0) / 12)
