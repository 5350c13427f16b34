"""Reasons as a borrower reads them, and the page of a notice."""

from __future__ import annotations

from typing import Any

import pytest

from p2pcredit.reporting.notice import borrower_reasons, in_one_line, in_plain_words, render_notice

KNOWN: list[dict[str, Any]] = [
    {"feature": "debt_to_income_share", "value": 0.384, "usual_at_cutoff": 0.21},
    {"feature": "annual_income", "value": None, "usual_at_cutoff": 60000.0},
    {"feature": "home_ownership", "value": "RENT", "usual_at_cutoff": "MORTGAGE"},
]


def test_a_reason_has_code_text_advice_and_the_two_values() -> None:
    (found,) = borrower_reasons(["Debt payments are high for the income"], KNOWN)
    assert found == {
        "code": "I2",
        "text": "The payments on your debts take a large part of your income.",
        "advice": "Pay a debt off, or down, before you apply again.",
        "form": "Excessive obligations in relation to income",
        "your_value": "38%",
        "usual": "21%",
    }


def test_a_missing_value_is_compared_with_nothing() -> None:
    missing, low = borrower_reasons(["No information on annual income", "Income is low"], KNOWN)
    assert (missing["code"], missing["your_value"], missing["usual"]) == ("N1", None, None)
    assert (low["code"], low["your_value"]) == ("I1", None)


def test_there_are_four_reasons_at_most_in_the_order_of_the_score() -> None:
    words = [
        "Housing situation",
        "Debt payments are high for the income",
        "Bureau score is low",
        "Region",
        "Income is low",
    ]
    found = borrower_reasons(words, KNOWN)
    assert [reason["code"] for reason in found] == ["E2", "I2", "H2", "E5"]
    assert (found[0]["your_value"], found[0]["usual"]) == ("rent", "mortgage")


def test_a_line_says_all_of_it() -> None:
    (found,) = borrower_reasons(["Debt payments are high for the income"], KNOWN)
    assert in_one_line(found) == (
        "I2 The payments on your debts take a large part of your income. Yours: 38%; usual among loans just approved: "
        "21%. Pay a debt off, or down, before you apply again."
    )
    assert "Yours" not in in_one_line({**found, "your_value": None})


@pytest.mark.parametrize(
    ("feature", "value", "said"),
    [
        ("loan_to_income", 0.255, "26%"),
        ("months_since_delinquency", 1200.0, "never"),
        ("months_since_delinquency", 1.0, "1 month"),
        ("term_months", 60.0, "60 months"),
        ("employment_length_years", 10.0, "10 years"),
        ("inquiries_6m_count", 3.0, "3"),
        ("fico", 682.0, "682"),
        ("state", "CA", "CA"),
        ("purpose", "DEBT_CONSOLIDATION", "debt consolidation"),
    ],
)
def test_values_are_written_as_a_borrower_says_them(feature: str, value: float | str, said: str) -> None:
    assert in_plain_words(feature, value) == said


def facts(**changed: Any) -> dict[str, Any]:
    reasons = borrower_reasons(["Debt payments are high for the income", "Housing situation"], KNOWN)
    return {
        "loan_id": "7",
        "date": "2010-05-06",
        "model_id": "m",
        "score": 512,
        "list_version": 1,
        "reasons": reasons,
    } | changed


def test_a_notice_names_reasons_values_and_what_is_for_the_lender_to_fill() -> None:
    page = render_notice(facts())
    assert page.index("The payments on your debts") < page.index("Whether you rent, own or have a mortgage")
    assert "Yours: 38%. Usual among loans just approved: 21%." in page
    assert "[name and address of the lender]" in page
    assert "Reasons of list 1, by model m, score 512." in page


def test_a_notice_without_reasons_leaves_them_to_the_lender() -> None:
    assert "the lender states the reasons" in render_notice(facts(reasons=[]))


def test_what_a_file_brought_is_escaped() -> None:
    page = render_notice(facts(loan_id="<script>alert(1)</script>"))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
