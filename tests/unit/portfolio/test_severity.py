"""Loss given default by hand. All loans defaulted on 1 January 2020.

Loan a owed 1,000 and recovered 100 in the first month and 200 in the third; b owed 3,000 and recovered 300 in the
second. Both have been in default for three whole months on 1 April: r = 100/4000, 300/4000, 200/4000, so 85% is lost.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.portfolio.severity import Triangle, developed, learn_experience, severity_of, triangle_of

DEFAULTED = date(2020, 1, 1)


def defaults(*rows: tuple[str, float, date]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["loan_id", "lost", "defaulted_on"], orient="row").with_columns(
        pl.lit(36).alias("term_months")
    )


def flows(*rows: tuple[str, date, str, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["loan_id", "paid_on", "kind", "amount"], orient="row")


FLOWS = flows(
    ("a", date(2019, 12, 1), "principal", 50.0),  # before the default: no recovery
    ("a", date(2020, 1, 20), "recovery", 100.0),
    ("a", date(2020, 3, 15), "principal", 200.0),  # after it, whatever it is called
    ("a", date(2020, 3, 15), "interest", 9.0),
    ("b", date(2020, 2, 1), "recovery", 300.0),
    ("x", date(2020, 2, 1), "recovery", 999.0),  # no default of ours
)
TWO = defaults(("a", 1000.0, DEFAULTED), ("b", 3000.0, DEFAULTED))


def test_two_defaults_by_hand() -> None:
    found = severity_of(triangle_of(TWO, FLOWS, date(2020, 4, 1)), 0.9)
    assert found.pattern[:3] == pytest.approx((0.025, 0.075, 0.05))
    assert found.value == pytest.approx(0.85)
    assert (found.defaults, found.exposure, found.recovered) == (2, 4000.0, 600.0)
    factors = [month["development_factor"] for month in found.as_json()["development"]]
    assert factors[:3] == pytest.approx([6.0, 1.5, 1.0])


def test_a_young_default_counts_in_the_months_that_it_has_been_through() -> None:
    young = defaults(("a", 1000.0, DEFAULTED), ("b", 3000.0, DEFAULTED), ("c", 1000.0, date(2020, 3, 1)))
    told = pl.concat([FLOWS, flows(("c", date(2020, 3, 2), "recovery", 400.0))])
    triangle = triangle_of(young, told, date(2020, 4, 1))
    assert triangle.seen.tolist() == [3, 3, 1]
    found = severity_of(triangle, 0.9)
    # c is in the first month alone, of which 500 of 5,000 came; fewer than three defaults have been through the others.
    assert found.pattern == pytest.approx((0.1,))
    older = severity_of(triangle_of(TWO, FLOWS, date(2020, 4, 1)), 0.9)
    # c has 40% so far, and recovers what the others did from their second month on.
    assert developed(triangle.of([False, False, True]), older) == pytest.approx(1 - 0.4 - 0.075 - 0.05)


def test_what_comes_later_is_not_known_before() -> None:
    early = severity_of(triangle_of(TWO, FLOWS, date(2020, 2, 1)), 0.9)
    assert early.value == pytest.approx(0.975)
    assert early.recovered == 400.0  # the first day of the second month counts as received, in no whole month yet


def test_no_default_says_nothing() -> None:
    found = severity_of(triangle_of(TWO.clear(), FLOWS, DEFAULTED), 0.9)
    assert (found.value, found.low, found.defaults) == (None, None, 0)


def drawn(number: int, seed: int, lost_share: float) -> Triangle:
    """Defaults of random age, of which each recovers its share over ten months, more or less."""
    random = np.random.default_rng(seed)
    exposure = random.uniform(500, 5000, number)
    share = np.clip(random.normal((1 - lost_share) / 10, 0.03, (number, 10)), 0, None)
    seen = random.integers(0, 20, number)
    came = exposure[:, None] * share * (seen[:, None] > np.arange(10)[None, :])
    return Triangle(exposure, seen, came)


def test_the_interval_covers_what_defaults_were_drawn_from() -> None:
    truth = 1 - 10 * float(np.clip(np.random.default_rng(9).normal(0.06, 0.03, 200_000), 0, None).mean())
    inside = [
        found.low <= truth <= found.high
        for found in (severity_of(drawn(150, seed, 0.4), 0.9) for seed in range(60))
        if found.low is not None and found.high is not None
    ]
    assert len(inside) == 60
    assert 0.8 <= np.mean(inside) <= 0.99


@given(st.integers(2, 60), st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_a_share_between_nothing_and_all_whatever_the_order(number: int, seed: int) -> None:
    triangle = drawn(number, seed, 0.3)
    found = severity_of(triangle, 0.9)
    turned = severity_of(Triangle(triangle.exposure[::-1], triangle.seen[::-1], triangle.recovered[::-1]), 0.9)
    assert found.value is None or 0.0 <= found.value <= 1.0
    assert found.value == pytest.approx(turned.value)


def book(loans: int, term: int) -> pl.DataFrame:
    """Loans of one term, every third in default after 100 days, every fourth paid off after 200."""
    born = date(2018, 1, 1)
    return pl.DataFrame(
        {
            "loan_id": [f"{term}-{number}" for number in range(loans)],
            "origination_date": [born] * loans,
            "term_months": [term] * loans,
            "defaulted_on": [born + timedelta(days=100) if number % 3 == 0 else None for number in range(loans)],
            "paid_off_on": [
                born + timedelta(days=200) if number % 4 == 0 and number % 3 else None for number in range(loans)
            ],
        }
    )


def test_a_product_has_its_own_from_enough_defaults_on_and_the_book_before_a_setting() -> None:
    loans = pl.concat([book(120, 36), book(12, 60)])
    owed = loans.filter(pl.col("defaulted_on").is_not_null()).with_columns(pl.lit(1000.0).alias("lost"))
    came = owed.select(
        "loan_id", pl.lit(date(2018, 6, 1)).alias("paid_on"), pl.lit("recovery").alias("kind"),
        pl.when(pl.col("term_months") == 36).then(300.0).otherwise(700.0).alias("amount"),
    )  # fmt: skip
    known = {"as_of": date(2020, 1, 1), "until": date(2020, 1, 1), "fallback": 0.6, "confidence": 0.9, "lag_months": 3}
    found, rests_on = learn_experience(loans, owed, came, least_defaults=30, **known)  # type: ignore[arg-type]
    assert (found.of(36).source, found.of(36).defaults) == ("product", 40)
    assert found.of(36).loss_given_default == pytest.approx(0.7)
    # 4 defaults of 60 months are too few: the book's, 40 x 300 and 4 x 700 of 44,000.
    assert found.of(60).source == "book"
    assert found.of(60).loss_given_default == pytest.approx(1 - 14_800 / 44_000)
    assert found.of(48) == found.pooled
    assert (found.lag_months, found.of(36).recovered[1]) == (3, pytest.approx(0.3))  # 51 days after the default
    assert rests_on["60"].defaults == 4
    # Paid off in month 7: of 36-month loans 20 of the 80 still open.
    assert found.of(36).early[6] == pytest.approx(20 / 80)
    none, _ = learn_experience(loans, owed, came, least_defaults=50, **known)  # type: ignore[arg-type]
    assert (none.of(36).source, none.of(36).loss_given_default) == ("setting", 0.6)
