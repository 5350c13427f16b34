from __future__ import annotations

import random
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.contracts.feeds import FEEDS, LOAN_PERFORMANCE, LOAN_TERMS, Feed
from p2pcredit.contracts.tables import silver
from p2pcredit.transforms.silver import RULE_OF, optional_with_rules, refine

DAY = date(2010, 1, 5)
_ORIGINATED = {"loan_id": "1", "origination_date": "2010-01-05"}
SOUND: dict[str, dict[str, str]] = {
    **dict.fromkeys(("demographic", "financial", "credit_history"), _ORIGINATED),
    "loan_terms": {"loan_id": "1", "origination_date": "2010-01-05", "loan_amount": "1000", "term": "36"},
    "loan_performance": {"loan_id": "1", "event_date": "2010-01-05", "status": "CURRENT", "days_past_due": "0"},
}


def rows(feed: Feed, *changes: dict[str, Any]) -> pl.LazyFrame:
    schema: dict[str, Any] = {"snapshot_date": pl.Date, "row_number": pl.Int64, "unparsed": pl.String}
    schema |= dict.fromkeys(feed.sources, pl.String)
    base = {"snapshot_date": DAY, **SOUND.get(feed.name, {})}
    return pl.LazyFrame([{**base, "row_number": n, **change} for n, change in enumerate(changes, 1)], schema=schema)


def run(frame: pl.LazyFrame, feed: Feed) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The sound rows, and the broken ones."""
    refined = refine(nw.from_native(frame), feed)
    faulty = nw.to_native(refined.faulty).collect()
    return nw.to_native(refined.sound).collect(), faulty.filter(pl.col("rules") != "")


def rules(feed: Feed, *changes: dict[str, Any]) -> dict[int, str]:
    _, broken = run(rows(feed, *changes), feed)
    return dict(broken.select("row_number", "rules").sort("row_number").iter_rows())


def values_lost(feed: Feed, *changes: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Row number, column and rule of each value that a sound row lost."""
    faulty = nw.to_native(refine(nw.from_native(rows(feed, *changes)), feed).faulty).collect()
    return sorted(
        (row["row_number"], name, row[f"{RULE_OF}{name}"])
        for row in faulty.filter(pl.col("rules") == "").iter_rows(named=True)
        for name in optional_with_rules(feed)
        if row[f"{RULE_OF}{name}"] is not None
    )


def test_a_sound_row_is_typed_as_the_contract_says() -> None:
    sound, broken = run(rows(LOAN_TERMS, {"interest_rate": "10.65%", "grade": "b"}), LOAN_TERMS)
    assert broken.is_empty()
    assert dict(sound.schema) == silver(LOAN_TERMS).schema
    row = sound.row(0, named=True)
    assert (row["loan_amount"], row["term_months"], row["platform_grade"]) == (1000.0, 36, "B")
    assert row["interest_rate_share"] == pytest.approx(0.1065)
    assert row["origination_date"] == DAY


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"loan_amount": "-5"}, "loan_amount: negative"),
        ({"loan_id": " "}, "loan_id: missing"),
        ({"loan_id": "NaN"}, "loan_id: missing"),
        ({"loan_id": "6.84E+07"}, "loan_id: a number that lost digits, export ids as text"),
        ({"loan_amount": None}, "loan_amount: missing"),
        ({"loan_amount": "#N/A"}, "loan_amount: missing"),
        ({"term": " null "}, "term: missing"),
        ({"term": "soon"}, "term: not a term in months"),
        ({"term": "0"}, "term: below 1"),
        ({"origination_date": "2010-01-06"}, "origination_date: in the future"),
        ({"origination_date": "2010-01-04"}, "origination_date: not on the day it was landed for"),
        ({"origination_date": " 2010-01-04 "}, "origination_date: not on the day it was landed for"),
        ({"origination_date": "Jan-2010"}, "origination_date: not a date (YYYY-MM-DD)"),
        ({"unparsed": "1,2,3"}, "row: wrong number of fields"),
    ],
)
def test_a_row_that_breaks_a_rule_says_which(change: dict[str, Any], rule: str) -> None:
    assert rules(LOAN_TERMS, change) == {1: rule}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"status": "VANISHED"}, "status: unknown value"),
        ({"status": None}, "status: missing"),
        ({"days_past_due": "-1"}, "days_past_due: negative"),
        ({"days_past_due": "1.5"}, "days_past_due: not a whole number"),
        ({"event_date": "2010-01-06"}, "event_date: in the future"),
    ],
)
def test_a_servicing_event_that_breaks_a_rule_says_which(change: dict[str, Any], rule: str) -> None:
    assert rules(LOAN_PERFORMANCE, change) == {1: rule}


@pytest.mark.parametrize(
    ("feed", "change", "name", "rule"),
    [
        ("loan_terms", {"installment": "-5"}, "installment", "negative"),
        ("loan_terms", {"interest_rate": "4000%"}, "interest_rate_share", "above 100 percent"),
        ("loan_terms", {"interest_rate": "ten"}, "interest_rate_share", "not a percent"),
        ("financial", {"debt_to_income": "-1"}, "debt_to_income_share", "negative"),
        (
            "financial",
            {"annual_income": "24,000.00"},
            "annual_income",
            "not a number, write 24000.00 without thousands sign or name the decimal sign in the mapping",
        ),
        ("demographic", {"employment_length": "many"}, "employment_length_years", "not a number of years"),
        ("credit_history", {"earliest_credit_line": "2010-01-06"}, "earliest_credit_line", "in the future"),
        ("credit_history", {"earliest_credit_line": "1900-01-01"}, "earliest_credit_line", "more than 80 years back"),
        ("credit_history", {"earliest_credit_line": "Jan-85"}, "earliest_credit_line", "not a date (YYYY-MM-DD)"),
        ("credit_history", {"open_accounts_count": "2.5"}, "open_accounts_count", "not a whole number"),
        ("credit_history", {"fico_low": "1e6"}, "fico_low", "above 900"),
        ("loan_performance", {"amount_received": "x"}, "amount_received", "not a number"),
    ],
)
def test_an_optional_value_that_breaks_a_rule_is_missing_by_itself_and_its_row_stays(
    feed: str, change: dict[str, Any], name: str, rule: str
) -> None:
    contract = FEEDS[feed]
    sound, broken = run(rows(contract, change), contract)
    (source,) = change
    assert broken.is_empty()
    assert sound[name].to_list() == [None]
    assert sound["loan_id"].to_list() == ["1"]
    assert values_lost(contract, change) == [(1, source, f"{source}: {rule}")]


@pytest.mark.parametrize(
    ("feed", "values", "lost"),
    [
        ("credit_history", {"fico_low": "704", "fico_high": "700"}, ("fico_low", "fico_low: above fico_high")),
        ("credit_history", {"fico_low": "700", "fico_high": "700"}, None),
        ("credit_history", {"fico_low": "700", "fico_high": None}, None),
        ("credit_history", {"fico_low": "700", "fico_high": "-1"}, ("fico_high", "fico_high: negative")),
        (
            "financial",
            {"annual_income": "0", "debt_to_income": "12.5"},
            ("annual_income", "annual_income: 0 where debt_to_income is not"),
        ),
        ("financial", {"annual_income": "0", "debt_to_income": "0"}, None),
        ("financial", {"annual_income": "0", "debt_to_income": None}, None),
        ("financial", {"annual_income": "0", "debt_to_income": "-1"}, ("debt_to_income", "debt_to_income: negative")),
        ("financial", {"annual_income": "9000", "debt_to_income": "12.5"}, None),
    ],
)
def test_of_two_values_that_cannot_be_together_one_is_missing_by_itself(
    feed: str, values: dict[str, Any], lost: tuple[str, str] | None
) -> None:
    contract = FEEDS[feed]
    sound, broken = run(rows(contract, values), contract)
    assert broken.is_empty()
    assert values_lost(contract, values) == ([] if lost is None else [(1, *lost)])
    typed = {column.source: column.typed_name for column in contract.columns}
    blank = {name for name in values if sound[typed[name]].null_count()}
    assert blank == {name for name, text in values.items() if text is None or (lost and name == lost[0])}


def test_the_other_values_of_a_row_that_lost_one_are_those_it_has() -> None:
    lost, kept = {"annual_income": "x", "revolving_balance": "7"}, {"annual_income": "5", "revolving_balance": "6"}
    sound, _ = run(rows(FEEDS["financial"], lost, {**kept, "loan_id": "2"}), FEEDS["financial"])
    found = sound.sort("loan_id").select("annual_income", "revolving_balance").rows()
    assert found == [(None, 7.0), (5.0, 6.0)]


def test_a_row_that_is_set_aside_names_only_what_makes_it_none_and_loses_no_value_beside() -> None:
    change = {"loan_amount": "x", "installment": "y"}
    assert rules(LOAN_TERMS, change) == {1: "loan_amount: not a number"}
    assert values_lost(LOAN_TERMS, change) == []


def test_every_rule_a_row_breaks_is_named() -> None:
    change = {"loan_id": None, "loan_amount": "x", "term": "999", "unparsed": "x"}
    assert rules(LOAN_TERMS, change)[1].split("; ") == [
        "row: wrong number of fields",
        "loan_id: missing",
        "loan_amount: not a number",
        "term: above 480",
    ]


def test_the_broken_row_keeps_its_raw_text() -> None:
    _, broken = run(rows(LOAN_TERMS, {"loan_amount": " -5 ", "title": "=1+1"}), LOAN_TERMS)
    assert broken.row(0, named=True)["loan_amount"] == " -5 "
    assert broken.row(0, named=True)["title"] == "=1+1"


def test_of_a_loan_that_stands_twice_the_first_sound_row_is_kept() -> None:
    changes = [{"loan_amount": "x"}, {"loan_amount": "20"}, {"loan_amount": "30"}, {"loan_id": "2"}]
    sound, _ = run(rows(LOAN_TERMS, *changes), LOAN_TERMS)
    assert sorted(sound.select("loan_id", "loan_amount").rows()) == [("1", 20.0), ("2", 1000.0)]
    assert rules(LOAN_TERMS, *changes) == {1: "loan_amount: not a number", 3: "loan_id: duplicate"}


def test_the_same_loan_written_with_blanks_around_its_id_is_a_duplicate() -> None:
    assert rules(LOAN_TERMS, {}, {"loan_id": " 1 "}) == {2: "loan_id: duplicate"}


def test_an_id_that_became_a_number_with_decimals_is_the_loan_it_was() -> None:
    sound, _ = run(rows(LOAN_TERMS, {"loan_id": "68407277.0"}, {"loan_id": "68407277"}), LOAN_TERMS)
    assert sound["loan_id"].to_list() == ["68407277"]
    assert rules(LOAN_TERMS, {"loan_id": "68407277.0"}, {"loan_id": "68407277"}) == {2: "loan_id: duplicate"}


def test_events_with_values_that_cannot_be_read_are_one_only_if_those_are_written_alike() -> None:
    changes = [{"amount_received": "1,000"}, {"amount_received": "2,000"}, {"amount_received": " 2,000"}]
    assert rules(LOAN_PERFORMANCE, *changes) == {3: "row: duplicate"}


def test_the_same_loan_on_two_days_is_no_duplicate() -> None:
    other = {"snapshot_date": date(2010, 1, 6), "origination_date": "2010-01-06"}
    assert rules(LOAN_TERMS, {}, other) == {}


def test_the_smallest_row_number_wins_whatever_the_order_of_rows() -> None:
    frame = rows(LOAN_TERMS, {"loan_amount": "20", "row_number": 9}, {"loan_amount": "30", "row_number": 2})
    sound, broken = run(frame, LOAN_TERMS)
    assert sound["row_number"].to_list() == [2]
    assert broken["row_number"].to_list() == [9]


def test_several_events_of_a_loan_on_a_day_are_kept_and_a_repeated_event_is_not() -> None:
    late = {"status": "LATE", "days_past_due": "30"}
    assert rules(LOAN_PERFORMANCE, {}, late, {**late, "days_past_due": "30.0"}) == {3: "row: duplicate"}


def test_an_event_that_became_visible_late_is_sound() -> None:
    assert rules(LOAN_PERFORMANCE, {"event_date": "2009-06-30"}) == {}


@pytest.mark.parametrize("feed", FEEDS.values(), ids=lambda feed: feed.name)
def test_a_day_without_rows_gives_two_empty_tables_of_the_right_types(feed: Feed) -> None:
    sound, broken = run(rows(feed), feed)
    assert (sound.height, broken.height) == (0, 0)
    assert dict(sound.schema) == silver(feed).schema


TEXTS = st.one_of(
    st.none(),
    st.text(max_size=6),
    st.sampled_from(["1", " 1", "2", "36", "2010-01-05", "10%", "-1", "CURRENT", "DEFAULT", "n/a", "٣", "1e99", ""]),
)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(list(FEEDS.values())), st.lists(TEXTS, min_size=2, max_size=8), st.integers(0, 30), st.integers()
)
def test_rows_in_are_rows_out_and_rows_quarantined_whatever_the_text(
    feed: Feed, texts: list[str | None], height: int, seed: int
) -> None:
    chance = random.Random(seed)
    hostile = (*feed.sources, "unparsed")
    changes = [{name: chance.choice(texts) for name in hostile if chance.random() < 0.3} for _ in range(height)]
    sound, broken = run(rows(feed, *changes), feed)
    numbers = sound["row_number"].to_list() + broken["row_number"].to_list()
    assert sorted(numbers) == list(range(1, len(changes) + 1))
    assert all(broken["rules"].to_list())
    assert sound["loan_id"].null_count() == 0
    if feed.one_row_per_loan:
        assert sound["loan_id"].is_unique().all()
