from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.features import FEATURE_STORE_KEYS, FEATURES
from p2pcredit.contracts.feeds import ALL_FEEDS, APPLICATION_FEEDS, FEEDS, feed_named
from p2pcredit.contracts.missing import MISSING_SIGNS, TEXT_MISSING_SIGNS
from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.contracts.tables import FEATURE_STORE, PREDICTIONS, TABLES, TYPES_BY_KIND, bronze, silver, table_named
from p2pcredit.errors import UsageError
from p2pcredit.storage.layout import Layout


def test_the_columns_that_others_read_are_there() -> None:
    promised = {
        "gold/predictions": "loan_id snapshot_date model_id probability_of_default score grade reason_1 reason_2"
        " reason_3 reason_4",
        "gold/label_store": "loan_id definition label origination_date known_on",
        "gold/feature_store": "loan_id snapshot_date known_on",
        "silver/quarantine": "feed snapshot_date row_number rules raw",
        "gold/monitoring": "metric segment value low high n matured_share status",
    }
    for name, columns in promised.items():
        assert set(columns.split()) <= set(TABLES[name].schema), name


def test_there_is_a_bronze_and_a_silver_table_per_feed_and_every_table_has_its_date() -> None:
    expected = {f"{layer}/{feed}" for layer in ("bronze", "silver") for feed in ALL_FEEDS}
    names = (
        "feature_store",
        "label_store",
        "cash_flows",
        "expected_losses",
        "predictions",
        "monitoring",
        "score_requests",
    )
    gold = {f"gold/{name}" for name in names}
    assert set(TABLES) == expected | gold | {"silver/quarantine"}
    for table in TABLES.values():
        assert "snapshot_date" in table.schema
        assert set(table.sorted_by) <= set(table.schema)


@pytest.mark.parametrize("feed", FEEDS.values(), ids=lambda feed: feed.name)
def test_a_feed_has_no_name_twice_and_requires_its_key_and_date(feed: object) -> None:
    from p2pcredit.contracts.feeds import Feed

    assert isinstance(feed, Feed)
    assert len(set(feed.sources)) == len(feed.sources)
    typed = [column.typed_name for column in feed.columns]
    assert len(set(typed)) == len(typed)
    assert {"loan_id", feed.date_column} <= set(feed.required_sources)
    assert {column.kind for column in feed.columns} <= set(TYPES_BY_KIND)
    assert set(bronze(feed).schema) >= set(feed.sources)
    assert set(silver(feed).schema) == {"snapshot_date", "row_number", *typed}
    assert all(column.description for column in feed.columns)


def test_what_makes_a_row_is_required_and_nothing_else() -> None:
    required = {feed.name: set(feed.required_sources) for feed in FEEDS.values()}
    assert required == {
        "loan_terms": {"loan_id", "origination_date", "loan_amount", "term"},
        "demographic": {"loan_id", "origination_date"},
        "financial": {"loan_id", "origination_date"},
        "credit_history": {"loan_id", "origination_date"},
        "loan_performance": {"loan_id", "event_date", "status", "days_past_due"},
    }
    assert all(feed.columns[0].kind is Kind.ID for feed in FEEDS.values())


def test_the_documented_signs_of_missing_are_those_that_are_read() -> None:
    text = (Path(__file__).parents[3] / "docs" / "reference" / "landing-files.md").read_text(encoding="utf-8")
    section = text.partition("### Signs of a missing value")[2].partition("### Ids")[0]
    of_all, of_words = (
        section.partition("- **Categories**")[0],
        section.partition("own words**")[2].partition("People")[0],
    )
    assert {sign.lower() for sign in re.findall("`([^`]+)`", of_all)} == MISSING_SIGNS
    words = set(re.findall("`([^`]+)`", of_words)) - {"title", "description", "employment_title"}
    assert words == TEXT_MISSING_SIGNS


def test_a_percent_is_a_share_in_silver_and_says_so() -> None:
    for feed in FEEDS.values():
        for column in feed.columns:
            assert (column.kind is Kind.PERCENT) == column.typed_name.endswith("_share")


def test_no_two_application_feeds_share_a_column_but_key_and_date() -> None:
    names = [
        column.typed_name
        for feed in APPLICATION_FEEDS
        for column in feed.columns
        if column.source not in {"loan_id", "origination_date"}
    ]
    assert len(set(names)) == len(names)


def test_features_have_no_name_twice_and_fill_the_feature_store() -> None:
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names)
    assert list(FEATURE_STORE.schema) == [*FEATURE_STORE_KEYS, *names]
    assert all(feature.reason and feature.description for feature in FEATURES)


def test_unknown_feeds_and_tables_are_told_which_there_are() -> None:
    assert table_named("gold/predictions") is PREDICTIONS
    with pytest.raises(UsageError, match="no table 'gold/x'; known are bronze/loan_terms"):
        table_named("gold/x")
    with pytest.raises(UsageError, match="no feed 'x'; known are loan_terms, demographic"):
        feed_named("x")


def test_a_result_becomes_a_row_with_its_status_as_text() -> None:
    result = MetricResult("auc", "all", None, None, None, 0, 0.0, Status.UNDETERMINED)
    assert result.as_row()["status"] == "undetermined"
    assert type(result.as_row()["status"]) is str


def test_the_paths_are_those_of_the_specification() -> None:
    layout = Layout(Path("/h"))
    assert layout.decision_file == Path("/h/logs/retraining_decision.json")
    assert layout.retraining_log(date(2024, 1, 15)) == Path("/h/logs/retraining_log_2024_01_15.txt")
    assert layout.table("gold/predictions") == Path("/h/scripts/datamart/gold/predictions")
    assert layout.model("m1") == Path("/h/model_bank/m1")
    assert layout.landing == Path("/h/data")
    assert layout.ledger == Path("/h/logs/decisions")
    assert layout.activity == Path("/h/logs/activity.jsonl")
