"""What a landing gathers to hold instalment, term, amount and income against each other, by hand-worked numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
import pytest

from p2pcredit.jobs.landing.plausibility.payments import LandedPayments, warn_of_payments
from p2pcredit.monitoring.feeds.compared_payments import BURDEN, REPAID, Compared
from p2pcredit.platforms.loan_book import ORIGINS_SCHEMA, REJECTED_SCHEMA, RawBook

TEXTS = ("loan_id", "loan_amount", "term", "installment", "interest_rate")


def part(loans: Sequence[tuple[str | None, ...]], incomes: Mapping[str, str | None]) -> RawBook:
    """A part of a book: per loan its id, amount, term, instalment and rate as texts, and incomes in their own order."""
    feeds = {
        "loan_terms": pl.DataFrame(loans, schema=dict.fromkeys(TEXTS, pl.String), orient="row"),
        "financial": pl.DataFrame(
            {"loan_id": list(incomes), "annual_income": list(incomes.values())},
            schema={"loan_id": pl.String, "annual_income": pl.String},
        ),
    }
    return RawBook(len(loans), feeds, pl.DataFrame(schema=REJECTED_SCHEMA), pl.DataFrame(schema=ORIGINS_SCHEMA))


def found(*parts: RawBook) -> dict[str, Compared]:
    gathered = LandedPayments()
    for one in parts:
        gathered.look_at(one)
    return gathered.found


@pytest.mark.parametrize("term", ["36", " 36 months", "+36", "36.0"])
@pytest.mark.parametrize("rate", ["12", " 12.0 %", "12%"])
def test_texts_are_read_as_silver_reads_them(term: str, rate: str) -> None:
    """36 instalments of 100 come to 3,600 of 3,000; 100 of a month's 2,000 are a twentieth."""
    compared = found(part([("a", "3000", term, " 100 ", rate)], {"a": "24000"}))
    assert compared == {REPAID: Compared(1, 0, 0, 1.2), BURDEN: Compared(1, 0, 0, 0.05)}


def test_instalments_of_interest_alone_are_left_out_by_their_rate_in_percent() -> None:
    """12% of 3,000 a year are 30 a month; a tenth more is still interest alone."""
    near, above = (part([("a", "3000", "6", paid, "12")], {"a": "24000"}) for paid in ("32.9", "33.1"))
    assert (found(near)[REPAID].loans, found(above)[REPAID].loans) == (0, 1)
    alone = part([("a", "3000", "6", "30", "12")], {"a": "24000"})
    assert found(alone)[REPAID].loans == 0
    other = part([("a", "3000", "6", "30", "1.2")], {"a": "24000"})
    assert found(other)[REPAID] == Compared(1, 1, 0, 0.06)


def test_incomes_are_joined_by_the_loan_whatever_their_order() -> None:
    loans = [("a", "3000", "36", "100", "12"), ("b", "3000", "36", "1000", "12")]
    right = {"a": "2400", "b": "240000"}  # 1,200 of 2,400 and 12,000 of 240,000: a half and a twentieth
    turned = dict(reversed(right.items()))
    assert found(part(loans, right))[BURDEN] == found(part(loans, turned))[BURDEN] == Compared(2, 0, 1, 0.275)
    assert found(part(loans, {"c": "100", **right}))[BURDEN].loans == 2
    assert found(part(loans, {"a": "2400"}))[BURDEN] == Compared(1, 0, 1, 0.5)


def test_what_no_loan_of_a_part_has_is_not_compared() -> None:
    bare = part([("a", "3600", "36", None, "12")], {"a": "24000"})
    assert found(bare) == {BURDEN: Compared(1, 0, 0, 0.05)}
    poor = part([("a", "3000", "36", "100", "12")], {"a": None})
    assert found(poor) == {REPAID: Compared(1, 0, 0, 1.2)}


@pytest.mark.parametrize("text", ["n.v.", "nan", "1,200.50"])
def test_what_is_no_number_is_missing(text: str) -> None:
    loan = ("a", "3000", "36", text, "12")
    assert found(part([loan], {"a": text})) == {}
    assert found(part([loan], {"a": "24000"})) == {BURDEN: Compared(1, 0, 0, 0.0416667)}


def test_parts_add_up_and_columns_that_are_right_are_not_asked_about() -> None:
    years = [part([(f"{n}", "3000", "3", "100", "12")], {f"{n}": "24000"}) for n in range(20)]
    gathered = LandedPayments()
    for one in years:
        gathered.look_at(one)
    assert gathered.found[REPAID] == Compared(20, 20, 0, 0.1)
    assert gathered.findings(1e-5, []) == {("loan_terms", "term"): ("underpaid", Compared(20, 20, 0, 0.1))}
    assert gathered.findings(1e-5, ["financial.annual_income"])
    assert gathered.findings(1e-5, ["loan_terms.term"]) == {}


@pytest.mark.parametrize(
    ("doubt", "place", "beyond", "words"),
    [
        ("underpaid", ("loan_terms", "term"), 7, ["in 7 of 20 loans all instalments come to less", "{column: Months,"]),
        ("overpaid", ("loan_terms", "term"), 11, ["in 11 of 20 loans all instalments come to more than five times"]),
        (
            "unaffordable",
            ("financial", "annual_income"),
            11,
            ["above 40% of the monthly income", "{column: Pay,"],
        ),
    ],
)
def test_each_doubt_is_told_with_its_count_its_columns_and_the_setting(
    caplog: pytest.LogCaptureFixture, doubt: str, place: tuple[str, str], beyond: int, words: list[str]
) -> None:
    expected = {("loan_terms", "term"): "Months", ("financial", "annual_income"): "Pay"}
    told = warn_of_payments({place: (doubt, Compared(20, 7, 11, 0.3))}, expected)  # type: ignore[dict-item]
    assert told == {".".join(place): {"what": doubt, "values": 20, "beyond": beyond}}
    (said,) = caplog.messages
    assert said.startswith(f"{expected[place]} ({'.'.join(place)}): in {beyond} of 20 loans ")
    assert all(word in said for word in words)
    assert said.endswith(f"where that is right, name '{'.'.join(place)}' in the setting preprocessing.own_sizes")
    caplog.clear()
    warn_of_payments({place: (doubt, Compared(20, 7, 11, 0.3))}, {})  # type: ignore[dict-item]
    assert caplog.messages[0].startswith(f"{place[1]} (")
    assert doubt == "overpaid" or "{column: COLUMN, times: 12}" in caplog.messages[0]
