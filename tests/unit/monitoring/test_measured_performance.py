from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score
from tests.not_none import not_none
from tests.unit.monitoring.monitoring_world import WEEK_END, make_inputs

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.metrics.performance import measure_performance
from p2pcredit.periods import add_months
from p2pcredit.settings import MonitoringSettings, Settings


def measure(inputs: MonitoringInputs, **limits: float) -> dict[tuple[str, str], MetricResult]:
    settings = Settings(monitoring=MonitoringSettings(**limits))
    return {(r.metric, r.segment): r for r in measure_performance(inputs, settings)}


def judged_by_hand(inputs: MonitoringInputs) -> pl.DataFrame:
    """The loans of the twelve newest months of closed windows, found without the code under test."""
    close = add_months(WEEK_END, 0).toordinal() - 30
    joined = inputs.predictions.join(inputs.labels, on="loan_id")
    days = joined["snapshot_date"].to_list()
    closed = [add_months(day, 12).toordinal() <= close for day in days]
    newest = max(day for day, is_closed in zip(days, closed, strict=True) if is_closed)
    inside = [c and day > add_months(newest, -12) for day, c in zip(days, closed, strict=True)]
    return joined.filter(pl.Series(inside))


def test_matured_auc_and_brier_equal_an_independent_oracle() -> None:
    inputs = make_inputs(1500)
    loans = judged_by_hand(inputs)
    found = measure(inputs)
    auc, brier = found["auc", "all"], found["brier", "all"]
    assert auc.n == loans.height
    assert auc.value == pytest.approx(roc_auc_score(loans["label"], loans["probability_of_default"]))
    assert found["gini", "all"].value == pytest.approx(2 * not_none(auc.value) - 1)
    assert brier.value == pytest.approx(brier_score_loss(loans["label"], loans["probability_of_default"]))
    ratio = found["calibration_ratio", "all"].value
    assert ratio == pytest.approx(sum(loans["label"]) / sum(loans["probability_of_default"]))


def test_every_result_has_n_interval_and_share_matured() -> None:
    for result in measure(make_inputs(5000)).values():
        if result.metric == "matured_defaults":
            continue  # a count has no interval
        assert result.value is not None, result
        assert result.low is not None
        assert result.high is not None
        assert result.low <= result.value <= result.high
        assert result.n > 0
        assert result.matured_share is not None
        assert 0 < result.matured_share <= 1


def test_share_matured_counts_the_loans_that_still_wait() -> None:
    inputs = make_inputs(1500)
    judged = judged_by_hand(inputs)
    scored = inputs.predictions.filter(pl.col("snapshot_date") > add_months(max(judged["snapshot_date"]), -12)).height
    assert measure(inputs)["auc", "all"].matured_share == pytest.approx(judged.height / scored)


def test_the_champion_is_judged_on_its_own_loans_only() -> None:
    inputs = make_inputs(2500, champion_share=0.6)
    own = judged_by_hand(inputs).filter(pl.col("model_id") == "champion")
    found = measure(inputs)["auc", "champion"]
    assert found.n == own.height < measure(inputs)["auc", "all"].n
    assert found.value == pytest.approx(roc_auc_score(own["label"], own["probability_of_default"]))


def test_vintages_and_terms_partition_the_judged_loans() -> None:
    found = measure(make_inputs(2500))
    whole = found["auc", "all"].n
    for kind in ("vintage=", "term="):
        assert (
            sum(r.n for (metric, segment), r in found.items() if metric == "auc" and segment.startswith(kind)) == whole
        )


def test_a_random_ranking_fails_and_a_good_one_passes() -> None:
    assert measure(make_inputs(2500, skill=0.0))["auc", "all"].status is Status.FAIL
    assert measure(make_inputs(2500))["auc", "all"].status is Status.PASS


def test_a_ranking_whose_interval_holds_the_threshold_is_undetermined() -> None:
    inputs = make_inputs(1500)
    auc = measure(inputs)["auc", "all"]
    assert auc.value is not None
    assert measure(inputs, auc_threshold=auc.value + 0.005)["auc", "all"].status is Status.UNDETERMINED


def test_twice_the_expected_bads_fail_the_calibration_but_not_the_ranking() -> None:
    found = measure(make_inputs(2500, bad_factor=2.0))
    assert found["calibration_ratio", "all"].status is Status.FAIL
    assert found["auc", "all"].status is Status.PASS


@pytest.mark.parametrize("limits", [{"min_matured_loans": 5000}, {"min_matured_bads": 500, "min_matured_loans": 501}])
def test_too_few_loans_or_bads_leave_the_metric_undetermined(limits: dict[str, int]) -> None:
    for result in measure(make_inputs(900), **limits).values():
        if result.metric == "matured_defaults":
            continue  # a count, however few
        assert result.value is None
        assert result.status is Status.UNDETERMINED
        assert "needed" in result.note


def test_one_class_gives_no_value_and_no_pass() -> None:
    inputs = make_inputs(900)
    all_bad = replace(inputs, labels=inputs.labels.with_columns(label=pl.lit(1, dtype=pl.Int8)))
    assert measure(all_bad)["auc", "all"].status is Status.UNDETERMINED
    assert measure(all_bad)["auc", "all"].value is None


def test_sub_grade_is_measured_as_ordinal_risk_on_the_same_loans() -> None:
    inputs = make_inputs(1500)
    grades = inputs.features.select("loan_id", "platform_sub_grade")
    loans = judged_by_hand(inputs).join(grades, on="loan_id")
    order = {name: i for i, name in enumerate(sorted(loans["platform_sub_grade"].unique().to_list()))}
    oracle = roc_auc_score(loans["label"], [order[g] for g in loans["platform_sub_grade"]])
    found = measure(inputs)
    assert found["auc_sub_grade", "all"].value == pytest.approx(oracle)
    difference = found["auc_minus_sub_grade", "all"].value
    assert difference == pytest.approx(found["auc", "all"].value - oracle)


def test_a_platform_without_sub_grades_leaves_the_comparison_undetermined() -> None:
    inputs = make_inputs(900)
    without = replace(inputs, features=inputs.features.with_columns(platform_sub_grade=pl.lit(None, dtype=pl.String)))
    compared = measure(without)["auc_sub_grade", "all"]
    assert (compared.value, compared.note) == (None, "no loan that has matured has a sub-grade of the platform")
    assert measure(without)["auc", "all"].value is not None


def test_no_predictions_at_all_give_undetermined_results_without_a_crash() -> None:
    inputs = make_inputs(900)
    empty = replace(inputs, predictions=inputs.predictions.clear(), champion_id=None)
    found = measure(empty)
    assert {r.status for r in found.values()} == {Status.UNDETERMINED}
    assert found["auc", "all"].matured_share is None


def test_the_calibration_error_is_zero_for_probabilities_that_came_true_exactly() -> None:
    inputs = make_inputs(1200)
    labels = inputs.labels.select("loan_id", truth=pl.col("label").cast(pl.Float64))
    perfect = inputs.predictions.join(labels, on="loan_id", how="left").with_columns(
        probability_of_default=pl.col("truth").fill_null(0.5)
    )
    found = measure(replace(inputs, predictions=perfect.drop("truth")))
    assert found["calibration_error", "all"].value == pytest.approx(0.0, abs=1e-12)
    assert np.isfinite(found["calibration_error", "all"].high or 0.0)
