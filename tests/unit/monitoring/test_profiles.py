from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from tests.unit.monitoring.monitoring_world import make_inputs

from p2pcredit.monitoring.chart_summaries import calibration_profile, score_profile
from p2pcredit.settings import Settings


def test_shares_of_the_score_bands_add_up_on_both_sides() -> None:
    inputs = make_inputs(2500)
    profile = score_profile(inputs, Settings())
    assert sum(band["reference"] for band in profile["bands"]) == pytest.approx(1)
    assert sum(band["recent"] for band in profile["bands"]) == pytest.approx(1)
    assert profile["n_reference"] == inputs.reference.height
    assert profile["bands"][0]["low"] <= inputs.reference["score"].min() < profile["bands"][-1]["high"]


def test_without_development_scores_there_are_no_bands() -> None:
    assert score_profile(replace(make_inputs(900), reference=pl.DataFrame()), Settings())["bands"] == []


def test_grades_hold_expected_and_observed_of_the_judged_loans() -> None:
    profile = calibration_profile(make_inputs(2500), Settings())
    assert [row["grade"] for row in profile] == ["A", "B", "C"]
    for row in profile:
        assert row["observed"] == row["bads"] / row["n"]
        assert 0 <= row["low"] <= row["observed"] <= row["high"] <= 1
    assert profile[0]["expected"] < profile[1]["expected"] < profile[2]["expected"]


def test_referred_loans_stand_last_and_have_no_grade() -> None:
    inputs = make_inputs(2500)
    grade = pl.when(pl.int_range(pl.len()) % 5 == 0).then(None).otherwise("grade").alias("grade")
    profile = calibration_profile(replace(inputs, predictions=inputs.predictions.with_columns(grade)), Settings())
    assert [row["grade"] for row in profile] == ["A", "B", "C", "no grade"]
    whole = calibration_profile(inputs, Settings())
    assert sum(row["n"] for row in profile) == sum(row["n"] for row in whole)
