"""Loans that the server answered and the night scored otherwise, counted by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.unit.monitoring.monitoring_world import WEEK_END, make_inputs

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.errors import MonitoringError
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.metrics.serving_skew import measure_serving_skew
from p2pcredit.settings import MonitoringSettings, Settings

LEAST = Settings(monitoring=MonitoringSettings(min_recent_loans=10))


def week(changed: dict[str, Any] | None = None, of: int = 0, asked: int = 20) -> MonitoringInputs:
    """Make a week of whose newest loans so many were asked about, and answered otherwise for the first few of them."""
    world = make_inputs(days=300)
    predictions = world.predictions.with_columns(decision=pl.lit("approve"))
    answered = predictions.sort("snapshot_date", "loan_id").tail(asked)
    answered = answered.select("loan_id", "snapshot_date", "model_id", "score", "decision")
    for name, value in (changed or {}).items():
        first = pl.int_range(pl.len()) < of
        answered = answered.with_columns(pl.when(first).then(value).otherwise(pl.col(name)).alias(name))
    return make_inputs(days=300, predictions=predictions, asked=answered)


def only(inputs: MonitoringInputs, settings: Settings = LEAST) -> MetricResult:
    (found,) = measure_serving_skew(inputs, settings)
    return found


def test_the_same_scores_pass() -> None:
    found = only(week())
    assert (found.metric, found.segment, found.value, found.n) == ("serving_skew_share", "all", 0.0, 20)
    assert (found.status, found.threshold) == (Status.PASS, 0.05)


@pytest.mark.parametrize(
    ("changed", "of", "status", "words"),
    [
        ({"score": pl.col("score") + 1}, 1, Status.PASS, "1 of 20 loans asked about and landed scored otherwise, 0"),
        ({"score": pl.col("score") + 1}, 2, Status.FAIL, "2 of 20 loans asked about and landed scored otherwise, 0"),
        ({"score": pl.lit(None)}, 2, Status.FAIL, "2 of 20"),
        ({"decision": pl.lit("decline")}, 3, Status.FAIL, "3 of 20 loans asked about and landed scored otherwise, 3"),
    ],
)
def test_another_score_or_decision_counts(changed: dict[str, Any], of: int, status: Status, words: str) -> None:
    found = only(week(changed, of))
    assert (found.value, found.status) == (of / 20, status)
    assert found.note.startswith(words)


def test_an_answer_of_another_model_says_nothing() -> None:
    assert only(week({"model_id": pl.lit("earlier")}, 8)).n == 12
    assert measure_serving_skew(week({"model_id": pl.lit("earlier")}, 20), LEAST) == []


def test_a_home_that_serves_nobody_has_no_such_line() -> None:
    assert measure_serving_skew(make_inputs(days=300), LEAST) == []


def test_too_few_show_nothing() -> None:
    found = only(week(asked=9))
    assert (found.status, found.value, found.n) == (Status.UNDETERMINED, None, 9)
    assert found.note.endswith("10 needed")


def test_an_answer_of_a_later_day_is_none_of_the_week() -> None:
    asked = week().asked.with_columns(snapshot_date=pl.lit(WEEK_END).dt.offset_by("1d"))
    with pytest.raises(MonitoringError, match="rows of asked have snapshot_date after"):
        make_inputs(days=300, asked=asked)
