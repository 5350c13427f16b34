"""Lights by hand: each rests on its interval, and a family fails only beyond Holm's correction."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest
from tests.unit.monitoring.monitoring_world import make_inputs

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.lights import Light, at_least, chance_of_share, inside, judge_together
from p2pcredit.monitoring.metrics.drift import chance_of_shift, measure_drift, population_stability_index
from p2pcredit.monitoring.metrics.performance import measure_performance
from p2pcredit.settings import MonitoringSettings, Settings

OPEN = Status.UNDETERMINED


def measured(low: float, high: float, segment: str = "all") -> MetricResult:
    return MetricResult("auc", segment, (low + high) / 2, low, high, 900, None, OPEN, 0.62)


def test_holm_by_hand_the_smallest_against_a_third_the_next_against_a_half() -> None:
    # 0.05 / 3 = 0.0167, 0.05 / 2 = 0.025, 0.05 / 1: 0.01 and 0.02 fail, 0.051 would only alone by its interval.
    chances = [0.02, 0.051, 0.01]
    family = [at_least(measured(0.5, 0.6, f"s{place}"), 0.62, chance) for place, chance in enumerate(chances)]
    judged = judge_together(family, 0.9)
    assert [result.status for result in judged] == [Status.FAIL, OPEN, Status.FAIL]
    assert [result.segment for result in judged] == ["s0", "s1", "s2"]
    assert judged[1].note == "outside by its own interval, within chance of 3 checks"


def test_a_small_chance_alone_fails_nothing_whose_interval_holds_the_limit() -> None:
    (result,) = judge_together([at_least(measured(0.5, 0.63), 0.62, 1e-9)], 0.9)
    assert (result.status, result.note) == (OPEN, "")


def test_what_has_no_chance_cannot_fail_and_what_lies_within_passes() -> None:
    unknown = inside(measured(1.6, 2.0), (0.67, 1.5), None)
    right = inside(measured(0.9, 1.1), (0.67, 1.5), 0.4)
    assert [result.status for result in judge_together([unknown, right], 0.9)] == [OPEN, Status.PASS]
    assert judge_together([], 0.9) == []


def test_the_chance_of_a_share_is_that_of_the_score_test() -> None:
    # (0.10 - 0.05) / sqrt(0.05 x 0.95 / 400) = 4.588, whose tail is 2.2e-6.
    assert chance_of_share(40, 400, 0.05) == pytest.approx(2.235e-6, rel=1e-2)
    assert chance_of_share(20, 400, 0.05) == pytest.approx(0.5)
    assert chance_of_share(5, 0, 0.05) is None
    assert chance_of_share(5, 10, 1.2) is None


def test_of_twenty_four_vintages_at_the_threshold_few_weeks_have_a_failure() -> None:
    draw, weeks, error = np.random.default_rng(3), 300, 0.04
    alone = together = 0
    for _ in range(weeks):
        values = draw.normal(0.62, error, 24)
        family = []
        for place, value in enumerate(values):
            low, high = value - 1.6449 * error, value + 1.6449 * error
            z = (value - 0.62) / error
            chance = NormalDist().cdf(z)
            family.append(at_least(measured(low, high, f"v{place}"), 0.62, chance))
        alone += any(light.alone is Status.FAIL for light in family)
        together += any(result.status is Status.FAIL for result in judge_together(family, 0.9))
    assert alone > weeks / 2, "uncorrected, most quiet weeks have a false failure"
    assert together <= weeks * 0.05 + 3 * (weeks * 0.05 * 0.95) ** 0.5


def test_whole_service_and_parts_of_the_book_are_two_families() -> None:
    found = measure_performance(make_inputs(2500, bad_factor=2.0), Settings())
    by_segment = {r.segment: r for r in found if r.metric == "calibration_ratio"}
    assert by_segment["all"].status is by_segment["champion"].status is Status.FAIL
    parts = [r for segment, r in by_segment.items() if "=" in segment]
    assert any(r.note.endswith(f"within chance of {len(parts)} checks") or r.status is Status.FAIL for r in parts)
    for result in parts:
        if result.status is Status.FAIL:
            assert result.low is not None
            assert result.low > 1.5, "a failure's own interval lies outside"


def test_the_chance_of_a_shift_is_half_at_its_own_level() -> None:
    draw = np.random.default_rng(5)
    found = population_stability_index(pl.Series(draw.normal(size=4000)), pl.Series(draw.normal(0.6, 1, size=4000)))
    # The index overstates the true one by `chance` on average, so at its own value less that the chance is about half.
    assert chance_of_shift(found, found.value - found.chance) == pytest.approx(0.5, abs=0.05)
    assert chance_of_shift(found, 0.0) < 1e-9


def test_an_index_that_chance_gives_with_few_loans_fails_nothing() -> None:
    inputs, seeds = make_inputs(3000), range(12)
    limits = MonitoringSettings(min_recent_loans=10, recent_days=14)
    point_alarms = alarms = 0
    for seed in seeds:
        draw = np.random.default_rng(seed)
        same = inputs.features.with_columns(annual_income=pl.Series(draw.lognormal(3, 1, inputs.features.height)))
        found = measure_drift(replace(inputs, features=same), Settings(monitoring=limits))
        values = [r for r in found if r.value is not None and r.metric != "psi_score"]
        point_alarms += any(r.value is not None and r.value >= limits.psi_alert for r in values)
        alarms += any(r.status is Status.FAIL for r in values)
    assert point_alarms > len(seeds) / 2, "with some 47 loans a column or other reaches the level by chance"
    assert alarms <= 2


def test_an_unmeasured_light_stays_undetermined() -> None:
    nothing = MetricResult("auc", "all", None, None, None, 3, 0.1, OPEN, 0.62, "3 loans")
    assert judge_together([Light(nothing, OPEN)], 0.9) == [nothing]
