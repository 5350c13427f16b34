from __future__ import annotations

import re
from datetime import date
from string import ascii_letters, ascii_uppercase
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit.contracts.feature import NEVER_MONTHS, Feature
from p2pcredit.contracts.feature_sets import features_of
from p2pcredit.contracts.feature_sources import columns_behind, sources_of
from p2pcredit.contracts.features import FEATURES, PHRASES
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, QUARANTINE, silver
from p2pcredit.transforms.features import build_features
from p2pcredit.transforms.typing import BLANKS

DAY = date(2010, 3, 15)
ALL = ("loan_terms", "demographic", "financial", "credit_history")


def features(*, without: tuple[str, ...] = (), **values: Any) -> dict[str, Any]:
    """The feature row of one loan with these typed values."""
    frames = {}
    for feed in APPLICATION_FEEDS:
        schema = silver(feed).schema
        given = {name: value for name, value in values.items() if name in schema}
        row = {"loan_id": "1", "snapshot_date": DAY, "origination_date": DAY, "row_number": 1, "loan_amount": 1000.0}
        row = {name: value for name, value in row.items() if name in schema} | given
        frames[feed.name] = nw.from_native(pl.LazyFrame([] if feed.name in without else [row], schema=schema))
    (found,) = nw.to_native(build_features(frames)).collect().to_dicts()
    return found


def test_the_columns_are_those_of_the_contract_and_known_on_is_the_snapshot_date() -> None:
    row = features()
    assert list(row) == list(FEATURE_STORE.schema)
    assert row["known_on"] == row["snapshot_date"] == DAY


def test_ratios_are_over_the_yearly_income() -> None:
    row = features(annual_income=24000.0, installment=100.0, revolving_balance=6000.0)
    assert row["loan_to_income"] == pytest.approx(1000 / 24000)
    assert row["installment_to_income"] == pytest.approx(1200 / 24000)
    assert row["revolving_to_income"] == pytest.approx(0.25)


@pytest.mark.parametrize("income", [0.0, None])
def test_without_an_income_the_ratios_are_missing_and_never_infinite(income: float | None) -> None:
    row = features(annual_income=income, installment=100.0, revolving_balance=6000.0)
    for name in ("loan_to_income", "installment_to_income", "revolving_to_income"):
        assert row[name] is None
    assert row["annual_income"] == income


@pytest.mark.parametrize(
    ("opened", "months"), [(date(2000, 3, 31), 120), (date(2010, 3, 1), 0), (date(2009, 12, 31), 3), (None, None)]
)
def test_the_age_of_the_credit_history_is_in_calendar_months(opened: date | None, months: int | None) -> None:
    assert features(earliest_credit_line=opened)["credit_age_months"] == months


def test_the_bureau_score_is_the_middle_of_its_range_or_missing() -> None:
    assert features(fico_low=700.0, fico_high=704.0)["fico"] == 702
    assert features(fico_low=700.0)["fico"] is None


def test_no_description_has_length_zero() -> None:
    assert features()["description_length"] == 0
    assert features(description="čau")["description_length"] == 3


def test_the_payment_is_that_of_an_annuity_at_the_reference_rate_whatever_the_price() -> None:
    row = features(annual_income=24000.0, loan_amount=10000.0, term_months=36, interest_rate_share=0.25)
    assert row["annuity_to_income"] == pytest.approx(332.143 * 12 / 24000, rel=1e-6)  # 1% a month over 36 months
    assert row == features(annual_income=24000.0, loan_amount=10000.0, term_months=36) | {"interest_rate_share": 0.25}
    assert row["debt_to_income_after_share"] is None
    after = features(annual_income=24000.0, loan_amount=10000.0, term_months=36, debt_to_income_share=0.1)
    assert after["debt_to_income_after_share"] == pytest.approx(0.1 + 332.143 * 12 / 24000, rel=1e-6)


def test_the_revolving_limit_is_the_stated_one_or_follows_from_balance_and_utilisation() -> None:
    implied = features(revolving_balance=500.0, revolving_utilisation_share=0.25)
    assert (implied["revolving_limit"], implied["loan_to_revolving_limit"]) == (2000.0, 0.5)
    assert features(revolving_limit=4000.0, revolving_balance=500.0)["loan_to_revolving_limit"] == 0.25
    unused = features(revolving_balance=0.0, revolving_utilisation_share=0.0)
    assert (unused["revolving_limit"], unused["loan_to_revolving_limit"]) == (None, None)
    assert features(revolving_limit=0.0)["loan_to_revolving_limit"] is None


def test_what_the_borrower_wrote_becomes_simple_facts() -> None:
    row = features(
        title="Debt CARD",
        description="Borrower added on 03/22/10 > Thank you, GOD bless.<br/>My interest rate is 29%",
        employment_title=" ups ",
    )
    assert (row["title_length"], row["title_capitals_share"]) == (9, pytest.approx(5 / 8))
    assert row["description_words_count"] == 9
    assert row["description_capitals_share"] == pytest.approx(5 / 32)
    assert (row["employer_given"], row["employer_length"]) == (1, 3)
    told = {topic for topic in PHRASES if row[f"mentions_{topic}"] == 1}
    assert told == {"thanks", "pleading", "rates"}


@given(st.text(st.sampled_from([*BLANKS, *"  aZč7.<_"]), max_size=40))
def test_words_and_capitals_are_those_that_a_reader_counts(text: str) -> None:
    row = features(description=text)
    letters = [sign for sign in text if sign in ascii_letters]
    assert row["description_words_count"] == len([word for word in re.split(f"[{BLANKS}]+", text) if word])
    share = sum(sign in ascii_uppercase for sign in letters) / len(letters) if letters else None
    assert row["description_capitals_share"] == share


def test_a_phrase_counts_at_the_start_of_a_word_only() -> None:
    assert features(title="goddess of agribusiness")["mentions_business"] == 0
    assert features(title="Business")["mentions_business"] == 1


def test_an_employer_of_one_letter_is_given() -> None:
    row = features(employment_title=" X ")
    assert (row["employer_given"], row["employer_length"]) == (1, 1)


@pytest.mark.parametrize("text", [None, "", "  ", "123 !"])
def test_nothing_written_is_no_capital_and_no_phrase(text: str | None) -> None:
    row = features(title=text, description=text, employment_title=None)
    assert row["title_capitals_share"] is None
    assert row["description_capitals_share"] is None
    assert [row[f"mentions_{topic}"] for topic in PHRASES] == [0.0] * len(PHRASES)
    assert (row["employer_given"], row["employer_length"]) == (0, 0)


@pytest.mark.parametrize("feed", ALL[1:])
def test_what_another_feed_lacks_is_missing_and_the_loan_stays(feed: str) -> None:
    row = features(without=(feed,), home_ownership="RENT", annual_income=5.0, open_accounts_count=3)
    lost = {"demographic": "home_ownership", "financial": "annual_income", "credit_history": "open_accounts_count"}
    assert row["loan_id"] == "1"
    assert row[lost[feed]] is None


def test_no_feature_comes_from_the_servicing_of_the_loan() -> None:
    servicing = set(silver(FEEDS["loan_performance"]).schema) - {"loan_id", "snapshot_date", "row_number"}
    assert servicing.isdisjoint(FEATURE_STORE.schema)
    forbidden = ("payment", "recover", "settle", "hardship", "received", "status", "outstanding", "last_fico")
    assert not [f.name for f in FEATURES if any(word in f.name for word in forbidden)]


def test_price_and_grade_stand_outside_the_default_set() -> None:
    default = {f.name for f in features_of("application")}
    assert {f.name for f in features_of(["application", "price"])} - default == {
        "interest_rate_share",
        "installment_to_income",
        "platform_grade",
        "platform_sub_grade",
    }


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.looked_up_with], ids=lambda f: f.name)
def test_never_is_the_most_months_and_what_nobody_looked_for_stays_missing(feature: Feature) -> None:
    found: dict[str, Any] = {str(feature.looked_up_with): 0.0}
    seven: dict[str, Any] = {feature.name: 7.0}
    assert features(**found)[feature.name] == NEVER_MONTHS
    assert features(**found, **seven)[feature.name] == 7.0
    assert features(**seven)[feature.name] == 7.0
    assert features()[feature.name] is None
    assert features(without=("credit_history",))[feature.name] is None


@pytest.mark.parametrize(
    ("feature", "count"), [(f, name) for f in FEATURES for name in f.counted_by], ids=lambda v: getattr(v, "name", v)
)
def test_months_are_missing_and_not_never_where_the_event_is_counted(feature: Feature, count: str) -> None:
    looked_up: dict[str, Any] = {feature.looked_up_with: 0.0}
    assert features(**looked_up | {count: 0.0})[feature.name] == NEVER_MONTHS
    assert features(**looked_up | {count: 2.0})[feature.name] is None
    assert features(**looked_up | {count: 2.0, feature.name: 7.0})[feature.name] == 7.0


def test_months_that_were_given_and_could_not_be_read_are_missing_and_not_never() -> None:
    loans = ["l1", "l2"]
    frames = {}
    for feed in APPLICATION_FEEDS:
        base = dict.fromkeys(silver(feed).schema) | {"snapshot_date": DAY, "delinquencies_2y_count": 0}
        columns = silver(feed).schema
        rows = [{name: (base | {"loan_id": loan})[name] for name in columns} for loan in loans]
        frames[feed.name] = nw.from_native(pl.LazyFrame(rows, schema=columns))
    record = {"snapshot_date": DAY, "loan_id": "l1", "feed": "credit_history"} | {
        "kind": "value",
        "column": "months_since_delinquency",
    }
    others = [record | {"kind": "row", "loan_id": "l2"}, record | {"loan_id": "l2", "column": "fico_low"}]
    quarantine = pl.LazyFrame([record, record, *others], schema=QUARANTINE.schema)
    found = nw.to_native(build_features(frames, nw.from_native(quarantine))).collect().sort("loan_id")
    assert found.select("loan_id", "months_since_delinquency").rows() == [("l1", None), ("l2", NEVER_MONTHS)]


def test_never_is_the_most_that_a_landing_file_may_hold_and_counts_as_safest() -> None:
    for feature in (f for f in FEATURES if f.looked_up_with):
        column = next(c for c in FEEDS["credit_history"].columns if c.source == feature.name)
        assert column.maximum == NEVER_MONTHS
        assert feature.direction == -1
        assert feature.looked_up_with in silver(FEEDS["credit_history"]).schema


FULL: dict[str, Any] = {
    **{column.typed_name: 7.0 for feed in APPLICATION_FEEDS for column in feed.columns},
    "loan_id": "1",
    "origination_date": DAY,
    "earliest_credit_line": date(2000, 1, 1),
    "loan_amount": 1000.0,
    "term_months": 36,
    "title": "A loan",
    "description": "Business, Please",
}
"""A loan with a value in every column."""


def whole(**changed: Any) -> dict[str, Any]:
    texts = {"purpose", "platform_grade", "platform_sub_grade", "home_ownership", "state", "zip3", "employment_title"}
    texts |= {"income_verification", "application_type"}
    values: dict[str, Any] = {name: str(value) if name in texts else value for name, value in FULL.items()}
    values |= {name: 7 for name in values if name.endswith("_count")}
    return features(**(values | changed))


def what_moves_with(column: str) -> set[str]:
    """The features that differ once a column is blank, in a full loan or one that lacks what goes before it."""
    looked_up = [f for f in FEATURES if column in (f.looked_up_with, *f.counted_by)]
    others: list[dict[str, Any]] = [{}, *({f.name: None, **dict.fromkeys(f.counted_by, 0)} for f in looked_up)]
    others += [{"revolving_limit": None}] if column.startswith("revolving_") else []
    moved: set[str] = set()
    for lacking in others:
        full, without = whole(**lacking), whole(**{**lacking, column: None})
        several = whole(**{**lacking, column: 7})
        moved |= {f.name for f in FEATURES if full[f.name] != without[f.name]}
        moved |= {f.name for f in looked_up if several[f.name] != full[f.name]}
    return moved


@pytest.mark.parametrize(
    ("feed", "column"),
    [
        (feed.name, c)
        for feed in APPLICATION_FEEDS
        for c in feed.columns
        if c.source not in ("loan_id", "origination_date")
    ],
    ids=lambda value: getattr(value, "source", value),
)
def test_the_list_of_what_features_are_made_of_agrees_with_the_code(feed: str, column: Any) -> None:
    listed = {f.name for f in FEATURES if (feed, column.source) in sources_of(f.name)}
    phrases = {f"mentions_{topic}" for topic in PHRASES}
    moved = what_moves_with(column.typed_name)
    assert moved - listed == set()
    assert listed - moved <= (phrases if column.source in ("title", "description") else set())


def test_every_feature_is_made_of_something() -> None:
    assert all(sources_of(f.name) for f in FEATURES)
    assert columns_behind(["fico", "term_months"]) == {
        ("credit_history", "fico_low"),
        ("credit_history", "fico_high"),
        ("loan_terms", "term"),
    }
