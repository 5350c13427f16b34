"""The built-in policy at the very numbers where it turns, and what it says of which result."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.errors import MonitoringError
from p2pcredit.monitoring.inputs import PolicyContext
from p2pcredit.monitoring.policies.cheapest_first import cheapest_remedy_first
from p2pcredit.monitoring.policies.shared import in_words, score_in_words
from p2pcredit.monitoring.policies.verdict import Verdict
from p2pcredit.monitoring.registry import without_nan
from p2pcredit.settings import MonitoringSettings, Settings
from p2pcredit.text import one_line

FACTS = PolicyContext(date(2022, 6, 4), "now", date(2022, 1, 1), development_bads=100, known_bads=100)
PASS, FAIL, OPEN = Status.PASS, Status.FAIL, Status.UNDETERMINED


def result(metric: str, segment: str, value: float | None, status: Status, **more: Any) -> MetricResult:
    given = {"low": None, "high": None, "n": 900, "matured_share": 0.5, "threshold": 0.62, **more}
    return MetricResult(metric, segment, value, status=status, **given)


def settle(*results: MetricResult, facts: PolicyContext = FACTS, **limits: Any) -> Verdict:
    return cheapest_remedy_first(results, facts, Settings(monitoring=MonitoringSettings(**limits)))


HOLDS, FAILS = result("auc", "champion", 0.7, PASS), result("auc", "champion", 0.5, FAIL)


def test_the_worst_feed_is_named_and_all_broken_ones_are_evidence() -> None:
    feeds = [
        result("quarantined_share", f"feed={name}", share, status)
        for name, share, status in (("a", 0.06, FAIL), ("b", 0.5, FAIL), ("c", 0.07, FAIL), ("d", 0.9, PASS))
    ]
    verdict = settle(HOLDS, *feeds, quarantined_share_limit=0.05)
    assert verdict.remedy == "repair_data"
    assert "data broken: 50.0% of b quarantined, limit 5.0%" in verdict.reason
    assert len(verdict.evidence) == 4
    assert not any("feed=d" in line for line in verdict.evidence)


@pytest.mark.parametrize(("known", "remedy"), [(109, "watch"), (110, "retrain")])
def test_a_failing_ranking_is_retrained_from_a_tenth_more_bads(known: int, remedy: str) -> None:
    facts = replace(FACTS, known_bads=known)
    assert settle(FAILS, facts=facts, retrain_at_new_bads_share=9.0).remedy == remedy


@pytest.mark.parametrize(
    ("learned", "known", "remedy"), [(0, 0, "none"), (0, 1, "retrain"), (100, 124, "none"), (100, 125, "retrain")]
)
def test_a_champion_is_refreshed_from_a_quarter_more_bads_and_at_least_one(
    learned: int, known: int, remedy: str
) -> None:
    assert settle(HOLDS, facts=replace(FACTS, development_bads=learned, known_bads=known)).remedy == remedy


@pytest.mark.parametrize(("tried", "known", "remedy"), [(100, 109, "watch"), (100, 110, "recalibrate")])
def test_a_calibration_is_set_anew_from_a_tenth_more_bads(tried: int, known: int, remedy: str) -> None:
    off = result("calibration_ratio", "champion", 2.0, FAIL)
    facts = replace(FACTS, calibrated_bads=tried, known_bads=known, development_bads=1000)
    verdict = settle(HOLDS, off, facts=facts)
    assert verdict.remedy == remedy
    assert "ranking holds, 2.00 bads per bad expected" in verdict.reason
    assert in_words(off) in verdict.evidence


def test_the_calibration_of_the_segment_that_was_judged_counts() -> None:
    off = result("calibration_ratio", "all", 2.0, FAIL)
    assert settle(HOLDS, off).remedy == "none"
    service = result("auc", "all", 0.7, PASS)
    assert settle(service, off, facts=replace(FACTS, known_bads=120)).remedy == "recalibrate"
    of_champion = result("calibration_ratio", "champion", 2.0, FAIL)
    verdict = settle(of_champion, facts=replace(FACTS, known_bads=120))
    assert verdict.remedy == "recalibrate"
    assert "ranking undetermined, 2.00 bads per bad expected" in verdict.reason


def test_one_moved_input_and_several_are_said_with_the_largest() -> None:
    small = result("psi:fico", "all", 0.11, OPEN, low=0.01)
    large = result("psi:annual_income", "all", 0.3, FAIL, low=0.2)
    one = settle(HOLDS, small)
    assert "performance holds, an input moved to the watch level or beyond (psi:fico 0.11)" in one.reason
    both = settle(HOLDS, small, large)
    assert "performance holds, 2 inputs moved to the watch level or beyond (psi:annual_income 0.30)" in both.reason
    assert in_words(small) in both.evidence
    assert "performance undetermined" in settle(result("auc", "champion", 0.6, OPEN), small).reason


@pytest.mark.parametrize(
    ("value", "low", "status", "remedy"),
    [
        (0.1, 0.01, OPEN, "watch"),
        (0.0999, 0.01, PASS, "none"),
        (0.1, 0.0, OPEN, "none"),
        (0.1, None, OPEN, "none"),
        (0.3, None, FAIL, "watch"),
        (None, 0.2, FAIL, "none"),
    ],
)
def test_an_index_is_watched_from_the_watch_level_beyond_chance_or_at_the_alert_level(
    value: float | None, low: float | None, status: Status, remedy: str
) -> None:
    assert settle(HOLDS, result("psi:fico", "all", value, status, low=low)).remedy == remedy


def test_at_most_eight_moved_inputs_are_evidence() -> None:
    moved = [result(f"psi:{n}", "all", 0.3, FAIL, low=0.2) for n in range(10)]
    assert len(settle(HOLDS, *moved).evidence) == 9


def test_what_stands_for_performance_is_said_with_its_remark() -> None:
    few, none = (result("auc", "all", None, OPEN, n=n) for n in (5, 0))
    estimates = result("auc_estimate", "champion", 0.7, OPEN), result("auc_estimate", "all", 0.8, OPEN)
    assert "(estimate, too little matured yet)" in settle(few, *estimates).reason
    assert "(estimate, nothing matured yet)" in settle(none, *estimates).reason
    assert settle(*estimates).score_name == "auc_estimate of champion"
    assert settle(*estimates).evidence == (in_words(estimates[0]),)
    assert settle(estimates[1]).score_name == "auc_estimate of all"
    served = settle(result("auc", "all", 0.7, PASS))
    assert "0.700 (as served, the champion's own loans have not matured) at or above" in served.reason
    assert settle(result("auc", "champion", 0.6, OPEN)).reason.endswith(
        "the threshold lies within its interval: watch, no retraining"
    )
    assert settle(*estimates).reason.endswith("undetermined until loans mature: no retraining")


def test_scores_near_the_threshold_are_written_with_the_digits_that_tell_them_apart() -> None:
    assert score_in_words(0.6199999990, "", 0.62) == "Performance score 0.619999999 below threshold 0.620000000"
    assert score_in_words(0.6199, "", 0.62) == "Performance score 0.6199 below threshold 0.6200"
    assert score_in_words(0.62, "", 0.62) == "Performance score 0.620 at or above threshold 0.620"


def test_a_result_in_words_leaves_out_what_it_does_not_have() -> None:
    assert in_words(result("auc", "all", None, OPEN, matured_share=None, threshold=None)) == (
        "auc of all not measured, n 900, undetermined"
    )
    assert (
        in_words(result("auc", "all", 0.5, FAIL, low=0.4)) == "auc of all 0.500, n 900, matured 50%, fail against 0.620"
    )
    assert "[0.400, 0.600]" in in_words(result("auc", "all", 0.5, FAIL, low=0.4, high=0.6))
    assert "[" not in in_words(result("auc", "all", 0.5, FAIL, high=0.6))


def test_a_long_line_is_cut_at_its_limit() -> None:
    assert one_line("x" * 10, 10) == "x" * 10
    assert one_line("x" * 11, 10) == "x" * 7 + "..."
    assert len(one_line("x" * 400)) == 300


def test_numbers_that_are_none_take_value_bounds_and_status_with_them() -> None:
    broken = without_nan(result("auc", "all", float("inf"), PASS, low=0.1, high=0.2))
    assert (broken.value, broken.low, broken.high, broken.status) == (None, None, None, OPEN)
    assert broken.note == "the metric gave no number"
    half = without_nan(result("auc", "all", 0.5, PASS, low=float("nan"), high=0.6, threshold=float("inf")))
    assert (half.value, half.low, half.high, half.status, half.threshold) == (0.5, None, 0.6, PASS, None)


@pytest.mark.parametrize(("remedy", "retrain"), [("retrain", False), ("none", True), ("tea", False)])
def test_a_verdict_must_agree_with_itself(remedy: Any, retrain: bool) -> None:
    with pytest.raises(MonitoringError, match="contradicts itself"):
        Verdict(remedy, retrain, None, "none", 0.62, "x", ())


def test_a_score_lies_between_nought_and_one() -> None:
    for score in (0.0, 1.0, None):
        assert Verdict("none", False, score, "auc", 0.62, "x", ()).performance_score == score
    for score in (-0.01, 1.01, float("nan")):
        with pytest.raises(MonitoringError, match="give a number from 0 to 1, or None"):
            Verdict("none", False, score, "auc", 0.62, "x", ())
