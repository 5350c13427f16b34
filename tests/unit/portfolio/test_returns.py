"""Returns by hand. Lent on 1 January 2020; a year has 365 days.

Loan A: 1,000 lent; 500 and 100 interest come after 365 days, 500 and 50 after 730. At work: 500 for one year and 500
for two, 1,500 a year; 150 / 1500 = 10%. Its internal rate: 1000 = 600 v + 550 v^2 has v = 1 / 1.1.

Loan B: 1,000 lent; 200 and 100 interest after 365 days, default after 730 with 800 left, 80 recovered after 1,095. At
work: 200 for one year and 800 for two, 1,800; (100 + 80 - 800) / 1800 = -34.4%.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from p2pcredit.portfolio.returns import returns_by

BORN = date(2020, 1, 1)


def day(number: int) -> date:
    return BORN + timedelta(days=number)


def loans(*rows: tuple[str, str, int | None, int | None], term: int = 24) -> pl.DataFrame:
    """Loan, grade, and the days after which it defaulted or was paid off."""
    return pl.DataFrame(
        [
            {
                "loan_id": loan,
                "grade": grade,
                "origination_date": BORN,
                "term_months": term,
                "interest_rate_share": 0.1,
                "defaulted_on": None if bad is None else day(bad),
                "paid_off_on": None if paid is None else day(paid),
            }
            for loan, grade, bad, paid in rows
        ],
        schema_overrides={"defaulted_on": pl.Date, "paid_off_on": pl.Date},
    )


def flows(*rows: tuple[str, int, str, float], rebuilt: bool = False) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"loan_id": loan, "paid_on": day(after), "kind": kind, "amount": amount, "rebuilt": rebuilt}
            for loan, after, kind, amount in rows
        ]
    )


A = loans(("a", "A", None, 730))
FLOWS_OF_A = flows(
    ("a", 0, "disbursed", -1000.0),
    ("a", 365, "principal", 500.0),
    ("a", 365, "interest", 100.0),
    ("a", 730, "principal", 500.0),
    ("a", 730, "interest", 50.0),
)
B = loans(("b", "B", 730, None))
FLOWS_OF_B = flows(
    ("b", 0, "disbursed", -1000.0),
    ("b", 365, "principal", 200.0),
    ("b", 365, "interest", 100.0),
    ("b", 1095, "recovery", 80.0),
)
BOTH, FLOWS_OF_BOTH = pl.concat([A, B]), pl.concat([FLOWS_OF_A, FLOWS_OF_B])


def one(loans: pl.DataFrame, flows: pl.DataFrame, until: int) -> dict[str, Any]:
    (found,) = returns_by(loans, flows, [], day(until))
    return found


def test_a_loan_paid_as_agreed_earns_its_interest_on_what_was_at_work() -> None:
    found = one(A, FLOWS_OF_A, 730)
    assert (found["invested"], found["principal"], found["interest"]) == (1000.0, 1000.0, 150.0)
    assert found["net_annualised_return"] == pytest.approx(0.10)
    assert found["internal_rate"] == pytest.approx(0.10, abs=1e-9)
    assert (found["lost"], found["outstanding"], found["loss_share"], found["open_share"]) == (0, 0, 0, 0)


def test_a_default_costs_what_is_left_and_a_recovery_gives_some_back() -> None:
    found = one(B, FLOWS_OF_B, 1095)
    assert (found["lost"], found["recoveries"], found["outstanding"]) == (800.0, 80.0, 0.0)
    assert found["net_annualised_return"] == pytest.approx(-620 / 1800)
    assert found["loss_share"] == pytest.approx(0.72)
    before = one(B, FLOWS_OF_B, 1094)
    assert (before["recoveries"], before["net_annualised_return"]) == (0.0, pytest.approx(-700 / 1800))


def test_a_cell_is_weighed_by_money_at_work_and_not_a_mean_of_its_loans() -> None:
    found = one(BOTH, FLOWS_OF_BOTH, 1095)
    assert found["net_annualised_return"] == pytest.approx((150 - 620) / 3300)
    by_grade = returns_by(BOTH, FLOWS_OF_BOTH, ["grade"], day(1095))
    assert [(cell["grade"], cell["loans"]) for cell in by_grade] == [("A", 1), ("B", 1)]
    assert sum(cell["received"] for cell in by_grade) == found["received"] == 1150.0 + 380.0


def test_an_open_loan_is_worth_what_it_owes_and_nothing_later_is_known() -> None:
    found = one(A, FLOWS_OF_A, 400)
    assert (found["outstanding"], found["open_share"], found["mature"]) == (500.0, 0.5, False)
    # At work: 500 for 365 days and 500 for 400.
    assert found["net_annualised_return"] == pytest.approx(100 / ((500 * 365 + 500 * 400) / 365))
    # 1000 = 600 v + 500 v^(400/365) holds at the rate found.
    rate = 1 + found["internal_rate"]
    assert 600 / rate + 500 / rate ** (400 / 365) == pytest.approx(1000.0)


def test_a_default_after_the_valuation_has_not_happened_yet() -> None:
    found = one(B, FLOWS_OF_B, 729)
    assert (found["lost"], found["outstanding"]) == (0.0, 800.0)
    assert one(B, FLOWS_OF_B, 730)["lost"] == 800.0


def test_principal_that_comes_after_the_default_is_a_recovery() -> None:
    later = pl.concat([FLOWS_OF_B, flows(("b", 900, "principal", 30.0))])
    found = one(B, later, 1095)
    assert (found["principal"], found["recoveries"], found["lost"]) == (200.0, 110.0, 800.0)


def test_what_is_not_told_apart_pays_principal_first() -> None:
    whole = flows(("a", 0, "disbursed", -1000.0), ("a", 365, "received", 600.0), ("a", 730, "received", 550.0))
    found = one(A, whole, 730)
    assert (found["principal"], found["interest"], found["short"]) == (1000.0, 150.0, 0)
    assert one(A, whole, 400)["outstanding"] == 400.0


def test_a_loan_paid_off_of_which_payments_are_missing_is_counted() -> None:
    found = one(A, flows(("a", 0, "disbursed", -1000.0), ("a", 730, "received", 40.0)), 730)
    assert found["short"] == 1


def test_paid_off_early_and_matured_are_told() -> None:
    early = one(A, FLOWS_OF_A, 730)
    assert early["prepaid_share"] == 0.0  # on its last day
    assert one(loans(("a", "A", None, 365)), FLOWS_OF_A, 365)["prepaid_share"] == 1.0
    assert early["mature"] is False  # 2020 had 366 days
    assert one(A, FLOWS_OF_A, 731)["mature"] is True


def test_rebuilt_money_is_told_as_a_share_of_what_was_received() -> None:
    rebuilt = pl.concat([FLOWS_OF_A, flows(("b", 0, "disbursed", -1000.0))]).with_columns(
        (pl.col("kind") == "interest").alias("rebuilt")
    )
    assert one(A, rebuilt, 730)["rebuilt_share"] == pytest.approx(150 / 1150)


def test_where_all_is_lost_the_rate_is_minus_all_and_without_loans_there_is_none() -> None:
    lost = one(loans(("b", "B", 10, None)), flows(("b", 0, "disbursed", -1000.0)), 100)
    assert lost["internal_rate"] == -1.0
    assert lost["net_annualised_return"] == pytest.approx(-1000 / (1000 * 10 / 365))
    nothing = one(A, FLOWS_OF_A, -1)
    assert (nothing["loans"], nothing["internal_rate"], nothing["no_rate"]) == (0, None, "nothing was paid out")


def test_flows_known_later_never_change_what_was_earned_until_a_day() -> None:
    before = one(BOTH, FLOWS_OF_BOTH.filter(pl.col("paid_on") <= day(500)), 500)
    assert before == one(BOTH, FLOWS_OF_BOTH, 500)


def test_to_the_end_an_open_loan_goes_on_as_the_book_did() -> None:
    # No loan of the book defaulted or was paid early: what is open pays 12% on 500 over the months that are left.
    book = loans(("a", "A", None, None), term=20).with_columns(pl.lit(0.12).alias("interest_rate_share"))
    found = one(book, FLOWS_OF_A, 365)
    assert found["projected_loss_share"] == 0.0
    # On 31 December 2020 eleven whole months of twenty have passed: nine annuities of 1% a month on 500.
    annuity = 500 * 0.01 / (1 - 1.01**-9)
    interest = 9 * annuity - 500
    assert found["projected_return"] == pytest.approx((100 + interest) / (1000 * 1 + interest / 0.12), rel=1e-6)
    done = one(A, FLOWS_OF_A, 731)
    assert done["projected_return"] == pytest.approx(done["net_annualised_return"])


def test_what_a_default_gives_back_is_that_of_old_defaults_and_else_the_setting() -> None:
    old = one(B, FLOWS_OF_B, 1095)  # 365 days after the default
    assert old["projected_loss_share"] == pytest.approx(old["loss_share"])
    (young,) = returns_by(B, FLOWS_OF_B, [], day(800), loss_given_default=0.6)
    assert young["projected_loss_share"] == pytest.approx(0.8 * 0.6)
