"""Instalment, term, amount and income held against each other: which units contradict, and which loans are sound."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit.monitoring.feeds.compared_payments import BURDEN, REPAID, Compared
from p2pcredit.monitoring.feeds.payments import compared
from p2pcredit.monitoring.feeds.plausibility import doubts_of, implausible
from p2pcredit.monitoring.feeds.shapes import FeedDay

CHANCE = 1e-5
NUMBERS = {
    "loan_amount": pl.Float64,
    "term_months": pl.Int64,
    "installment": pl.Float64,
    "interest_rate_share": pl.Float64,
    "annual_income": pl.Float64,
}


def annuity(amount: float, months: int, rate: float) -> float:
    return amount * rate / 12 / (1 - (1 + rate / 12) ** -months)


def book(count: int = 40, months: int = 36, rate: float = 0.15) -> pl.DataFrame:
    amounts = [2_000.0 + 300 * n for n in range(count)]
    return pl.DataFrame(
        {
            "loan_amount": amounts,
            "term_months": [months] * count,
            "installment": [annuity(amount, months, rate) for amount in amounts],
            "interest_rate_share": [rate] * count,
            "annual_income": [30_000.0 + 900 * n for n in range(count)],
        },
        schema=NUMBERS,
    )


def doubts(loans: pl.DataFrame) -> dict[str, Any]:
    return doubts_of({name: compared(name, loans) for name in (REPAID, BURDEN)}, CHANCE)


def changed(**columns: pl.Expr) -> pl.DataFrame:
    return book().with_columns(**columns)


TERM, INCOME, PAID = pl.col("term_months"), pl.col("annual_income"), pl.col("installment")


@pytest.mark.parametrize(
    ("loans", "doubted"),
    [
        (book(), {}),
        (changed(term_months=TERM // 12), {REPAID: "underpaid"}),
        (changed(term_months=pl.lit(105)), {}),  # weeks and instalments of a month: less than five times
        (book(months=6).with_columns(term_months=pl.lit(72)), {REPAID: "overpaid"}),
        (changed(annual_income=INCOME / 12), {BURDEN: "unaffordable"}),
        (changed(annual_income=INCOME / 12, installment=pl.lit(None, pl.Float64)), {BURDEN: "unaffordable"}),
        (changed(term_months=TERM // 12, installment=pl.lit(None, pl.Float64)), {BURDEN: "unaffordable"}),
        (changed(installment=pl.lit(None, pl.Float64), annual_income=pl.lit(None, pl.Float64)), {}),
    ],
)
def test_another_unit_contradicts_and_a_sound_book_does_not(loans: pl.DataFrame, doubted: dict[str, str]) -> None:
    assert doubts(loans) == doubted


def test_loans_of_one_month_and_loans_of_interest_alone_are_sound() -> None:
    payday = book().with_columns(term_months=pl.lit(1), loan_amount=pl.lit(300.0), installment=pl.lit(360.0))
    assert doubts(payday) == {}
    owed = pl.col("loan_amount") * pl.col("interest_rate_share") / 12
    interest = changed(term_months=pl.lit(6), installment=owed)
    assert doubts(interest) == {}
    assert doubts(interest.with_columns(interest_rate_share=pl.lit(None, pl.Float64))) == {REPAID: "underpaid"}


@given(st.integers(1, 60), st.floats(0.01, 0.6), st.floats(60, 100_000), st.floats(0.02, 0.39))
def test_no_sound_book_is_asked_about_and_each_in_another_unit_is(
    months: int, rate: float, amount: float, burden: float
) -> None:
    paid = annuity(amount, months, rate)
    income = min(max(12 * paid / burden, 1_000.0), 1_000_000.0)
    sound = 12 * paid / income <= 0.4
    loan = {
        "loan_amount": [amount] * 30,
        "term_months": [months] * 30,
        "installment": [paid] * 30,
        "interest_rate_share": [rate] * 30,
        "annual_income": [income] * 30,
    }
    loans = pl.DataFrame(loan, schema=NUMBERS)
    asked = doubts(loans)
    assert REPAID not in asked
    assert (BURDEN not in asked) or not sound
    if months % 12 == 0 and paid * months / amount < 6 and 1 <= paid <= 20_000:
        years = loans.with_columns(term_months=pl.lit(months // 12))
        alone = paid <= 1.1 * amount * rate / 12
        assert doubts(years).get(REPAID) == (None if alone else "underpaid")


def test_half_of_the_loans_is_not_most_and_few_loans_count_with_the_days_before() -> None:
    half = pl.concat([book(20), changed(term_months=TERM // 12).head(20)])
    assert doubts(half) == {}
    few = {REPAID: compared(REPAID, changed(term_months=TERM // 12).head(4))}
    assert doubts_of(few, CHANCE) == {}
    assert doubts_of(few, CHANCE, [few] * 4) == {REPAID: "underpaid"}
    sound = {REPAID: compared(REPAID, book(4))}
    assert doubts_of(few, CHANCE, [few, sound, few, few, few]) == {}


def test_counts_of_two_parts_add_up_and_receipts_keep_them() -> None:
    assert Compared(3, 1, 0, 0.9) + Compared(5, 0, 2, 1.2) == Compared(8, 1, 2, 1.2)
    day = FeedDay(3, payments={REPAID: Compared(3, 3, 0, 0.1)})
    assert FeedDay.from_json(day.as_json()) == day


def test_a_finding_names_the_column_and_the_unit_that_it_may_be_in() -> None:
    day = FeedDay(40, payments={REPAID: compared(REPAID, changed(term_months=TERM // 12))})
    (finding,) = implausible("loan_terms", day, [], CHANCE)
    assert (finding.feed, finding.column, finding.what) == ("loan_terms", "term", "underpaid")
    assert finding.sentence == (
        "feed 'loan_terms' has loans whose instalments over the term in column 'term' come to 0.1 times the amount "
        "(median); is the term in years?"
    )
    rich = FeedDay(40, payments={BURDEN: compared(BURDEN, changed(annual_income=INCOME / 12))})
    (finding,) = implausible("financial", rich, [], CHANCE)
    assert "take up 82% a month (median); is it the income of a month, or the term in years?" in finding.sentence


def repeated(*values: float) -> list[tuple[str, float]]:
    kept = tuple(sorted(values))
    day = FeedDay(len(kept), {"annual_income": len(kept)}, levels={"annual_income": kept})
    return [(one.what, one.today) for one in implausible("financial", day, [], CHANCE)]


def test_a_far_value_that_several_loans_of_a_day_have_is_asked_about() -> None:
    sound = [20_000.0 + 1_000 * n for n in range(7)]
    assert repeated(*sound, 9_999_999.0, 9_999_999.0, 9_999_999.0) == [("repeated", 9_999_999.0)]
    assert repeated(*sound, 9_999_999.0, 9_999_999.0) == []
    assert repeated(*sound, 9_999_997.0, 9_999_998.0, 9_999_999.0) == []
    assert repeated(*sound, 99_999.0, 99_999.0, 99_999.0) == [("repeated", 99_999.0)]
    assert repeated(*sound, 99_999.0, 99_999.0, 99_999.0, 100_500.0) == []
    assert repeated(*sound, 90_000.0, 90_000.0, 90_000.0) == []


def one(amount: float, term: int, paid: float | None, rate: float, income: float) -> pl.DataFrame:
    return pl.DataFrame([(amount, term, paid, rate, income)], schema=NUMBERS, orient="row")


@pytest.mark.parametrize(
    ("paid", "rate", "expected"),
    [
        (149.0, 0.1, Compared(1, 1, 0, 0.496667)),  # 10 instalments of 149 are 1,490 of 3,000
        (150.0, 0.1, Compared(1, 0, 0, 0.5)),
        (1_500.0, 0.1, Compared(1, 0, 0, 5.0)),
        (1_501.0, 0.1, Compared(1, 0, 1, 5.00333)),
        (32.9, 0.12, Compared()),  # a tenth above the 30 that are interest alone
        (33.1, 0.12, Compared(1, 1, 0, 0.110333)),
    ],
)
def test_what_is_repaid_by_hand(paid: float, rate: float, expected: Compared) -> None:
    found = compared(REPAID, one(3_000, 10, paid, rate, 24_000))
    assert found[:3] == expected[:3]
    assert found.middle == pytest.approx(expected.middle, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("paid", "income", "expected"),
    [
        (800.0, 24_000.0, Compared(1, 0, 0, 0.4)),
        (801.0, 24_000.0, Compared(1, 0, 1, 0.4005)),
        (None, 24_000.0, Compared(1, 0, 0, 0.05)),  # 100 a month, as 3,600 over 36
        (None, 2_400.0, Compared(1, 0, 1, 0.5)),
    ],
)
def test_what_a_loan_takes_of_the_income_by_hand(paid: float | None, income: float, expected: Compared) -> None:
    assert compared(BURDEN, one(3_600, 36, paid, 0.1, income)) == expected
