"""Unknown outcomes and loans outside training, counted on fingers: windows, shares at their limits, what is said."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from tests.unit.monitoring.written_week import AFTER, WEEK_END, settings, week

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.evaluation.intervals import wilson_interval
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.metrics.quality import measure_quality
from p2pcredit.settings import PreprocessingSettings, ScoringSettings, Settings

DAY = timedelta(days=1)
RECENT = WEEK_END - timedelta(days=9)
LOANS = [{"loan_id": name, "day": AFTER + DAY, "pd": 0.1} for name in "bcde"]


def found(inputs: MonitoringInputs, metric: str, limits: Settings) -> MetricResult:
    (result,) = [result for result in measure_quality(inputs, limits) if result.metric == metric]
    return result


def unknown(names: str, loans: list[dict[str, Any]], limit: float = 0.2, **more: Any) -> MetricResult:
    of = {"loan_id": list(names), "set_aside_on": [WEEK_END] * len(names)}
    unknown_outcomes = pl.DataFrame(of, schema={"loan_id": pl.String, "set_aside_on": pl.Date})
    limits = settings().model_copy(update={"preprocessing": PreprocessingSettings(max_quarantined_share=limit)})
    return found(week(loans, unknown_outcomes=unknown_outcomes, **more), "unknown_outcome_share", limits)


@pytest.mark.parametrize(("limit", "status"), [(0.25, Status.PASS), (0.24, Status.FAIL)])
def test_one_of_four_loans_of_the_window_has_an_outcome_that_cannot_be_known(limit: float, status: Status) -> None:
    before_the_window = {"loan_id": "a", "day": AFTER, "pd": 0.1}
    result = unknown("ab", [before_the_window, *LOANS], limit)
    assert (result.segment, result.value, result.n, result.status) == ("all", 0.25, 4, status)
    assert (result.low, result.high) == wilson_interval(0.25, 4, 0.9)
    assert (result.threshold, result.matured_share) == (limit, None)
    assert result.note == "1 of 4 loans scored since 2022-01-29, left out of all that judges"


def test_why_outcomes_are_unknown_is_said_where_any_is() -> None:
    told = unknown("bc", LOANS, why_unknown="a balance below 0", events_of_no_loan=7)
    assert told.note == (
        "2 of 4 loans scored since 2022-01-29, left out of all that judges; mostly because of a balance below 0; "
        "events that name no loan, and may be of any: 7"
    )
    assert unknown("", LOANS, why_unknown="a balance below 0").note == (
        "0 of 4 loans scored since 2022-01-29, left out of all that judges"
    )
    assert unknown("bc", LOANS).note == "2 of 4 loans scored since 2022-01-29, left out of all that judges"


def test_where_no_loan_was_scored_the_share_of_unknown_outcomes_is_undetermined() -> None:
    nothing = unknown("", [{"loan_id": "a", "day": AFTER, "pd": 0.1}], 0.3)
    assert (nothing.metric, nothing.segment, nothing.n) == ("unknown_outcome_share", "all", 0)
    assert (nothing.value, nothing.status, nothing.threshold) == (None, Status.UNDETERMINED, 0.3)
    assert nothing.note == "no loan was scored since 2022-01-29"
    nameless = unknown("", [], events_of_no_loan=2)
    assert nameless.note == ("no loan was scored since 2022-01-29; events that name no loan, and may be of any: 2")


def outside(
    told: list[tuple[str, date, list[str] | None, str]], refused: list[tuple[str, date, list[str]]], limit: float = 0.1
) -> list[MetricResult]:
    """Loans that were scored (day, what lies outside, decision), and loans that were refused."""
    loans = [{"loan_id": name, "day": day, "pd": 0.1} for name, day, _, _ in told]
    inputs = week(loans)
    predictions = inputs.predictions.with_columns(
        pl.Series("outside_training", [row[2] for row in told], dtype=pl.List(pl.String)),
        pl.Series("decision", [row[3] for row in told], dtype=pl.String),
    )
    schema: dict[str, Any] = {"loan_id": pl.String, "snapshot_date": pl.Date, "outside_training": pl.List(pl.String)}
    away = pl.DataFrame(refused, schema=schema, orient="row").with_columns(decision=pl.lit("refuse"))
    limits = settings().model_copy(update={"scoring": ScoringSettings(max_outside_training_share=limit)})
    return measure_quality(week(loans, predictions=predictions, refused=away), limits)[-1:]


TOLD: list[tuple[str, date, list[str] | None, str]] = [
    ("before", RECENT - DAY, ["fico: missing"], "refer"),
    ("plain", RECENT, [], "approve"),
    ("referred", RECENT, ["fico: missing", "state: XX"], "refer"),
    ("scored", WEEK_END, ["state: YY"], "approve"),
    ("safe", WEEK_END, [], "refer"),
    ("untold", WEEK_END, None, "approve"),
]
REFUSED = [("old", RECENT - DAY, ["dti: 900"]), ("away", RECENT, ["dti: 900"])]


@pytest.mark.parametrize(("limit", "status"), [(0.6, Status.PASS), (0.59, Status.FAIL)])
def test_of_five_recent_loans_that_were_told_three_lie_outside_training(limit: float, status: Status) -> None:
    (result,) = outside(TOLD, REFUSED, limit)
    assert (result.metric, result.segment, result.value) == ("outside_training_share", "all", 0.6)
    assert (result.n, result.status, result.threshold, result.matured_share) == (5, status, limit, None)
    assert (result.low, result.high) == wilson_interval(0.6, 5, 0.9)
    assert result.note == "3 of 5 loans, 2 of them referred, 1 refused: state 2, dti 1, fico 1"


def test_without_a_loan_outside_or_refused_nothing_more_is_said() -> None:
    (result,) = outside([TOLD[1], TOLD[4]], [])
    assert (result.value, result.note) == (0.0, "0 of 2 loans, 1 of them referred")


def test_where_no_recent_loan_was_told_the_share_outside_training_is_undetermined() -> None:
    (result,) = outside([TOLD[0], TOLD[5]], [], 0.3)
    assert (result.metric, result.segment, result.n) == ("outside_training_share", "all", 0)
    assert (result.value, result.status, result.threshold) == (None, Status.UNDETERMINED, 0.3)
    assert result.note == "no recent loan was scored"


def test_refused_loans_alone_are_all_outside_training() -> None:
    loans = [{"loan_id": "plain", "day": WEEK_END, "pd": 0.1}]
    away = pl.DataFrame(
        {"loan_id": ["away"], "snapshot_date": [WEEK_END], "outside_training": [["dti: 900"]], "decision": ["refuse"]}
    )
    result = found(week(loans, refused=away), "outside_training_share", settings())
    assert (result.value, result.n, result.status) == (1.0, 1, Status.FAIL)
    assert result.note == "1 of 1 loans, 0 of them referred, 1 refused: dti 1"


def test_at_most_six_columns_are_named_the_most_frequent_first_and_equals_by_name() -> None:
    (result,) = outside([("x", WEEK_END, [f"{name}: missing" for name in "gfedcba"], "refer")], [])
    assert result.note == "1 of 1 loans, 1 of them referred: a 1, b 1, c 1, d 1, e 1, f 1"


@pytest.mark.parametrize(("limit", "status"), [(0.05, Status.PASS), (0.04, Status.FAIL)])
def test_rows_of_a_feed_are_summed_over_its_days_and_held_against_the_limit(limit: float, status: Status) -> None:
    quality = pl.DataFrame({"feed": ["f", "f"], "rows_in": [60, 40], "quarantined": [5, 0]})
    result = found(week([], feed_quality=quality), "quarantined_share", settings(quarantined_share_limit=limit))
    assert (result.segment, result.value, result.n, result.status) == ("feed=f", 0.05, 100, status)
    assert (result.low, result.high) == wilson_interval(0.05, 100, 0.9)
    assert (result.threshold, result.note) == (limit, "5 of 100 rows")


def test_a_feed_without_a_row_is_undetermined_and_more_lost_than_came_in_is_all_of_it() -> None:
    quality = pl.DataFrame({"feed": ["none", "odd"], "rows_in": [0, 2], "quarantined": [0, 3]})
    rows = [r for r in measure_quality(week([], feed_quality=quality), settings()) if r.metric == "quarantined_share"]
    assert [(r.segment, r.n, r.status) for r in rows] == [
        ("feed=none", 0, Status.UNDETERMINED),
        ("feed=odd", 2, Status.FAIL),
    ]
    assert (rows[0].metric, rows[0].threshold, rows[0].note) == ("quarantined_share", 0.05, "no row came in")
    assert (rows[1].low, rows[1].high) == wilson_interval(1.0, 2, 0.9)
