from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.monitoring.monitoring_world import make_inputs

from p2pcredit.contracts.alerts import Finding
from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.alerts import finding_of
from p2pcredit.monitoring.metrics.early_delinquency import measure_early_delinquency
from p2pcredit.monitoring.metrics.estimates import expected_auc, measure_estimates
from p2pcredit.monitoring.metrics.quality import measure_quality
from p2pcredit.settings import Settings

PROBABILITIES = st.lists(st.sampled_from([0.0, 0.05, 0.1, 0.1, 0.3, 0.7, 1.0]), min_size=2, max_size=12)


@given(PROBABILITIES)
def test_expected_auc_equals_the_sum_over_all_pairs(chances: list[float]) -> None:
    above, pairs = 0.0, 0.0
    for i, bad in enumerate(chances):
        for j, good in enumerate(chances):
            if i != j:
                pairs += bad * (1 - good)
                above += bad * (1 - good) * (1.0 if bad > good else 0.5 if bad == good else 0.0)
    found = expected_auc(np.array(chances))
    if pairs <= 1e-12:
        assert found is None
    else:
        assert found == pytest.approx(above / pairs)


def test_expected_auc_of_nothing_is_nothing() -> None:
    assert expected_auc(np.array([])) is None
    assert expected_auc(np.array([0.3])) is None


def test_the_estimate_then_comes_near_what_came_true_where_the_model_is_calibrated() -> None:
    found = {(r.metric, r.segment): r for r in measure_estimates(make_inputs(6000), Settings())}
    then, rate = found["auc_estimate_then", "all"], found["default_rate", "all"]
    assert then.low is not None
    assert then.high is not None
    assert rate.value == pytest.approx(found["default_rate_estimate_then", "all"].value, abs=0.02)
    assert found["auc_estimate", "champion"].value == pytest.approx(then.value, abs=0.05)


def test_an_estimate_passes_and_fails_nothing() -> None:
    statuses = {r.status for r in measure_estimates(make_inputs(6000, bad_factor=3.0), Settings())}
    assert statuses == {Status.UNDETERMINED}


def test_too_few_recent_loans_give_no_estimate() -> None:
    found = {(r.metric, r.segment): r for r in measure_estimates(make_inputs(300), Settings())}
    assert found["auc_estimate", "all"].value is None
    assert "needed" in found["auc_estimate", "all"].note


def test_early_delinquency_count_only_loans_observed_that_long() -> None:
    inputs = make_inputs(2500)
    found = {(r.metric, r.segment): r for r in measure_early_delinquency(inputs, Settings())}
    in_2010q4 = pl.col("snapshot_date").is_between(pl.date(2010, 10, 1), pl.date(2010, 12, 31))
    loans = inputs.predictions.filter(in_2010q4)
    late = loans.join(inputs.early_delinquency, on="loan_id")
    three = found["late30_within_3m", "vintage=2010Q4"]
    assert three.n == loans.height
    assert three.value == pytest.approx(late.height / loans.height)
    assert ("late30_within_6m", "vintage=2010Q4") not in found
    newest = found["late30_within_6m", "vintage=2010Q3"]
    assert newest.matured_share is not None
    assert newest.matured_share > 0.9
    assert ("late30_within_3m", "vintage=2011Q1") not in found


def test_a_loan_late_after_the_months_counts_as_on_time() -> None:
    inputs = make_inputs(2500)
    born = inputs.predictions.select("loan_id", "snapshot_date")
    signs = inputs.early_delinquency.join(born, on="loan_id").select(
        "loan_id", late_on=pl.col("snapshot_date").dt.offset_by("3mo").dt.offset_by("1d")
    )
    late = replace(inputs, early_delinquency=signs.filter(pl.col("late_on") <= inputs.week_end))
    found = {(r.metric, r.segment): r for r in measure_early_delinquency(late, Settings())}
    assert found["late30_within_3m", "vintage=2010Q1"].value == 0.0
    six = found["late30_within_6m", "vintage=2010Q1"].value
    assert six is not None
    assert six > 0


def test_each_column_that_lost_values_is_held_against_the_limit() -> None:
    lost = pl.DataFrame({"feed": ["f", "f", "g"], "column": ["b", "a", "c"], "lost": [6, 5, 1], "given": [100, 100, 1]})
    found = measure_quality(replace(make_inputs(30), values_lost=lost), Settings())
    shares = [(r.segment, r.value, r.n, r.status) for r in found if r.metric == "values_lost_share"]
    assert shares == [
        ("column=f.a", pytest.approx(0.05), 100, Status.PASS),
        ("column=f.b", pytest.approx(0.06), 100, Status.FAIL),
        ("column=g.c", 1.0, 1, Status.FAIL),
    ]


def test_quarantined_share_has_three_outcomes() -> None:
    quality = pl.DataFrame(
        {"feed": ["a", "b", "c", "b"], "rows_in": [100, 60, 0, 40], "quarantined": [5, 3, 0, 3]},
    )
    found = {r.segment: r for r in measure_quality(replace(make_inputs(30), feed_quality=quality), Settings())}
    assert found["feed=a"].status is Status.PASS
    assert found["feed=b"].status is Status.FAIL
    assert found["feed=b"].value == pytest.approx(0.06)
    assert found["feed=b"].n == 100
    assert found["feed=c"].status is Status.UNDETERMINED
    assert found["feed=c"].value is None


def test_the_share_of_loans_outside_training_is_held_against_its_setting() -> None:
    inputs = make_inputs(900)
    every = pl.int_range(pl.len())
    for one_in, status in ((5, Status.FAIL), (20, Status.PASS)):
        outside = every % one_in == 0
        told = inputs.predictions.sort("snapshot_date").with_columns(
            pl.when(outside)
            .then(pl.lit(["fico: missing"]))
            .otherwise(pl.lit([], pl.List(pl.String)))
            .alias("outside_training"),
            pl.when(outside).then(pl.lit("refer")).otherwise(pl.lit("approve")).alias("decision"),
        )
        found = {r.metric: r for r in measure_quality(replace(inputs, predictions=told), Settings())}
        share = found["outside_training_share"]
        assert (share.status, share.segment, share.threshold) == (status, "all", 0.1)
        assert share.value == pytest.approx(1 / one_in, abs=0.04)
        assert "referred: fico" in share.note


def test_refused_loans_count_among_those_outside_training() -> None:
    inputs = make_inputs(900)
    told = inputs.predictions.with_columns(
        pl.lit([], pl.List(pl.String)).alias("outside_training"), pl.lit("approve").alias("decision")
    )
    refused = (
        inputs.predictions.sort("snapshot_date")
        .tail(8)
        .select(
            "loan_id",
            "snapshot_date",
            pl.lit(["fico: missing"]).alias("outside_training"),
            pl.lit("refuse").alias("decision"),
        )
    )
    left = told.join(refused, on="loan_id", how="anti")
    found = {r.metric: r for r in measure_quality(replace(inputs, predictions=left, refused=refused), Settings())}
    share = found["outside_training_share"]
    assert share.status is Status.FAIL
    assert "8 refused: fico 8" in share.note


def test_predictions_that_do_not_tell_what_lies_outside_training_give_no_share() -> None:
    assert "outside_training_share" not in {r.metric for r in measure_quality(make_inputs(30), Settings())}


def test_too_large_a_share_of_loans_outside_training_is_a_finding_of_its_own() -> None:
    found = MetricResult("outside_training_share", "all", 0.4, 0.3, 0.5, 50, None, Status.FAIL, 0.1)
    assert finding_of(found) is Finding.OUTSIDE_TRAINING
