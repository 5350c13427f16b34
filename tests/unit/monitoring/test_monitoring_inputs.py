from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.monitoring.monitoring_world import WEEK_END, make_inputs

from p2pcredit.errors import MonitoringError
from p2pcredit.models.evaluation.platform_grades import grade_ranks
from p2pcredit.monitoring.inputs import newest_closed_origination
from p2pcredit.monitoring.matured import scored_loans
from p2pcredit.periods import add_months
from p2pcredit.settings import LabelSettings, Settings


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("predictions", "snapshot_date"),
        ("labels", "known_on"),
        ("labels", "origination_date"),
        ("features", "known_on"),
        ("features", "snapshot_date"),
        ("reference", "known_on"),
        ("early_delinquency", "late_on"),
    ],
)
def test_a_row_known_after_the_week_is_refused(table: str, column: str) -> None:
    inputs = make_inputs(60)
    later = getattr(inputs, table).with_columns(pl.lit(WEEK_END + timedelta(days=1)).alias(column))
    with pytest.raises(MonitoringError, match=f"{table} have {column} after 2011-03-31"):
        replace(inputs, **{table: later})


def test_a_row_known_on_the_last_day_of_the_week_is_taken() -> None:
    inputs = make_inputs(60)
    labels = inputs.labels.with_columns(known_on=pl.lit(WEEK_END))
    assert replace(inputs, labels=labels).labels.height == labels.height


@pytest.mark.parametrize("wrong", [None, float("nan"), -0.1, 1.1])
def test_a_prediction_without_a_probability_is_refused(wrong: float | None) -> None:
    inputs = make_inputs(30)
    predictions = inputs.predictions.with_columns(probability_of_default=pl.lit(wrong, dtype=pl.Float64))
    with pytest.raises(MonitoringError, match="30 of 30 predictions"):
        replace(inputs, predictions=predictions)


@pytest.mark.parametrize("table", ["predictions", "labels", "features", "early_delinquency"])
def test_a_loan_that_stands_twice_is_refused(table: str) -> None:
    inputs = make_inputs(600)
    frame = getattr(inputs, table)
    with pytest.raises(MonitoringError, match=f"{table} holds 1 rows more"):
        replace(inputs, **{table: pl.concat([frame, frame.head(1)])})


def test_a_missing_column_is_named() -> None:
    inputs = make_inputs(30)
    with pytest.raises(MonitoringError, match="predictions of the week lack the column 'grade'"):
        replace(inputs, predictions=inputs.predictions.drop("grade"))


@given(st.dates(date(2008, 1, 1), date(2020, 12, 31)), st.integers(1, 60), st.integers(0, 120))
def test_newest_closed_origination_closes_and_the_day_after_does_not(day: date, months: int, lag: int) -> None:
    settings = LabelSettings(window_months=months, reporting_lag_days=lag)
    found = newest_closed_origination(day, settings)
    close = timedelta(days=lag)
    assert add_months(found, months) + close <= day
    assert add_months(found + timedelta(days=1), months) + close > day


@given(st.dates(date(2009, 1, 1), date(2013, 12, 31)), st.integers(0, 500))
def test_closing_agrees_with_the_offset_of_the_engine(week_end: date, age: int) -> None:
    labels = LabelSettings()
    frame = pl.DataFrame({"born": [week_end - timedelta(days=age)]})
    engine = pl.col("born").dt.offset_by("12mo").dt.offset_by("30d") <= week_end
    assert (frame["born"].item() <= newest_closed_origination(week_end, labels)) == frame.select(engine).item()


def test_an_early_bad_without_the_goods_of_its_cohort_is_not_judged() -> None:
    inputs, settings = make_inputs(900), Settings()
    last = newest_closed_origination(WEEK_END, settings.labels)
    early_bads = inputs.labels.filter(pl.col("origination_date") > last)
    assert early_bads.height > 0
    assert early_bads["label"].to_list() == [1] * early_bads.height
    judged = scored_loans(inputs, settings).filter(pl.col("label").is_not_null())
    assert judged["snapshot_date"].max() == last
    assert not set(judged["loan_id"]) & set(early_bads["loan_id"])


def test_labels_of_another_definition_are_not_judged() -> None:
    inputs = make_inputs(900)
    other = replace(inputs, labels=inputs.labels.with_columns(definition=pl.lit("pd6")))
    assert scored_loans(other, Settings())["label"].null_count() == scored_loans(other, Settings()).height


def test_grades_go_from_safe_to_risky() -> None:
    ranks = grade_ranks(["G5", "A1", "HR", "AA", "A", "nonsense", "C10", "C9"])
    assert sorted(ranks, key=lambda grade: ranks[grade]) == ["AA", "A", "A1", "C9", "C10", "G5", "HR"]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *(("predictions", name) for name in ("loan_id", "snapshot_date", "model_id", "probability_of_default")),
        *(("predictions", name) for name in ("score", "grade")),
        *(("labels", name) for name in ("loan_id", "definition", "label", "origination_date", "known_on")),
        *(("features", name) for name in ("loan_id", "snapshot_date", "known_on", "term_months")),
        ("features", "platform_sub_grade"),
        *(("early_delinquency", name) for name in ("loan_id", "late_on")),
        *(("feed_quality", name) for name in ("feed", "rows_in", "quarantined")),
        *(("values_lost", name) for name in ("feed", "column", "lost", "given")),
        *(("unknown_outcomes", name) for name in ("loan_id", "set_aside_on")),
    ],
)
def test_each_column_that_a_metric_reads_must_be_there(table: str, column: str) -> None:
    inputs = make_inputs(30)
    with pytest.raises(MonitoringError, match=f"the {table} of the week lack the column '{column}'; they need"):
        replace(inputs, **{table: getattr(inputs, table).drop(column)})


def test_a_reference_is_held_to_each_date_that_it_has() -> None:
    later = pl.DataFrame({"known_on": [WEEK_END + timedelta(days=1)]})
    with pytest.raises(MonitoringError, match="1 rows of reference have known_on after 2011-03-31"):
        replace(make_inputs(30), reference=later)


def rows_of(table: str, *loans: str, day: date = WEEK_END) -> dict[str, Any]:
    """Rows of a table that has none by itself, one for each loan."""
    columns = {"loan_id": list(loans), "set_aside_on": [day] * len(loans), "snapshot_date": [day] * len(loans)}
    more = {"outside_training": [["fico"]] * len(loans), "decision": ["REFUSED"] * len(loans)}
    frame = pl.DataFrame(columns | more)
    return {table: frame.select("loan_id", "set_aside_on") if table == "unknown_outcomes" else frame}


@pytest.mark.parametrize(("table", "column"), [("unknown_outcomes", "set_aside_on"), ("refused", "snapshot_date")])
def test_what_was_set_aside_or_refused_after_the_week_or_twice_is_refused(table: str, column: str) -> None:
    inputs = make_inputs(30)
    assert getattr(replace(inputs, **rows_of(table, "X1", "X2")), table).height == 2
    with pytest.raises(MonitoringError, match=f"1 rows of {table} have {column} after 2011-03-31"):
        replace(inputs, **rows_of(table, "X1", day=WEEK_END + timedelta(days=1)))
    with pytest.raises(MonitoringError, match=f"{table} holds 1 rows more than it has loans"):
        replace(inputs, **rows_of(table, "X1", "X1"))
