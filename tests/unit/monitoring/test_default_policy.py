"""The default policy: a refresh by calendar, triggers between, and what the decision says of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.errors import SettingsError
from p2pcredit.monitoring.inputs import PolicyContext
from p2pcredit.monitoring.policies.choose import DEFAULT_POLICY, Verdict, decide
from p2pcredit.monitoring.policies.registry import require_policy
from p2pcredit.settings import MonitoringSettings, Settings

PASS, FAIL, OPEN = Status.PASS, Status.FAIL, Status.UNDETERMINED
FACTS = PolicyContext(date(2022, 6, 4), "now", date(2022, 1, 1), 100, 120, 100, last_training=date(2022, 1, 1))
DUE = date(2022, 7, 1)


def result(metric: str, segment: str, value: float | None, status: Status, **more: Any) -> MetricResult:
    given = {"low": None, "high": None, "n": 900, "matured_share": 0.5, "threshold": 0.62, **more}
    return MetricResult(metric, segment, value, status=status, **given)


HOLDS = result("auc", "champion", 0.7, PASS)
LOW = result("auc_within_cohort", "champion", 0.52, FAIL, threshold=0.58)
OFF = result("product_ratio_matured", "term=60", 1.5, FAIL, threshold=1.25)
BROKEN = result("quarantined_share", "feed=financial", 0.5, FAIL, threshold=0.05)


def settle(*results: MetricResult, facts: PolicyContext = FACTS, **limits: Any) -> Verdict:
    return decide(results, facts, Settings(monitoring=MonitoringSettings(**limits)))


def test_it_is_the_default() -> None:
    assert MonitoringSettings().policy == DEFAULT_POLICY == "refresh_and_triggers"


@pytest.mark.parametrize(("day", "asks"), [(date(2022, 6, 30), False), (DUE, True), (date(2022, 9, 1), True)])
def test_half_a_year_after_the_last_training_the_calendar_asks_for_a_refresh(day: date, asks: bool) -> None:
    verdict = settle(HOLDS, facts=replace(FACTS, week_end=day))
    assert (verdict.retrain, verdict.next_refresh_on) == (asks, DUE)
    if asks:
        assert (verdict.remedy, verdict.kind, verdict.trigger) == ("retrain", "refresh", "calendar")
        assert verdict.reason.endswith("6 months since the training of 2022-01-01: refresh")
    else:
        assert (verdict.remedy, verdict.kind, verdict.trigger) == ("none", "", "")


def test_a_training_that_came_to_nothing_counts_for_the_calendar_too() -> None:
    later = replace(FACTS, week_end=date(2022, 8, 6), last_training=date(2022, 4, 1))
    assert not settle(HOLDS, facts=later).retrain
    assert settle(HOLDS, facts=replace(later, last_training=None)).retrain  # the champion's own date then


def test_a_ranking_within_cohorts_too_low_asks_for_a_training_that_may_change_the_recipe() -> None:
    verdict = settle(HOLDS, LOW)
    assert (verdict.remedy, verdict.kind, verdict.trigger) == ("retrain", "redevelopment", "ranking_within_cohort")
    assert "ranking within quarter and term 0.520 below 0.580" in verdict.reason
    assert any(line.startswith("auc_within_cohort of champion 0.520") for line in verdict.evidence)
    assert settle(HOLDS, replace(LOW, status=OPEN)).remedy == "none"
    as_served = result("auc_within_cohort", "all", 0.52, FAIL)
    assert settle(HOLDS, as_served).remedy == "none"  # of the models that scored, not of the champion


def test_a_ranking_too_low_with_hardly_a_bad_more_than_the_last_training_knew_is_watched() -> None:
    verdict = settle(HOLDS, LOW, facts=replace(FACTS, known_bads=109))
    assert (verdict.remedy, verdict.retrain, verdict.trigger) == ("watch", False, "ranking_within_cohort")
    due = replace(FACTS, known_bads=109, week_end=DUE)
    assert settle(HOLDS, LOW, facts=due).kind == "refresh"


def test_a_product_off_its_bounds_is_recalibrated() -> None:
    verdict = settle(HOLDS, OFF)
    assert (verdict.remedy, verdict.kind, verdict.trigger) == ("recalibrate", "recalibration", "segment_calibration")
    assert verdict.retrain
    assert "term 60: 1.50 bads per bad expected, beyond the error of a year: recalibrate" in verdict.reason
    again = settle(HOLDS, OFF, facts=replace(FACTS, calibrated_bads=115))
    assert (again.remedy, again.retrain) == ("watch", False)
    assert "120 bads are known, 115 when the model was last set" in again.reason


def test_the_worst_product_is_named_and_all_are_evidence() -> None:
    safe = result("product_ratio_to_date", "term=36", 0.4, FAIL, threshold=0.8)
    verdict = settle(HOLDS, OFF, safe)
    assert "term 36: 0.40 bads per bad expected" in verdict.reason
    assert len(verdict.evidence) == 3


def test_broken_data_are_repaired_before_all_else() -> None:
    verdict = settle(HOLDS, LOW, OFF, BROKEN, facts=replace(FACTS, week_end=DUE))
    assert (verdict.remedy, verdict.retrain, verdict.trigger) == ("repair_data", False, "data_broken")


def test_ranking_goes_before_calendar_and_calendar_before_calibration() -> None:
    due = replace(FACTS, week_end=DUE)
    assert settle(HOLDS, LOW, OFF, facts=due).trigger == "ranking_within_cohort"
    assert settle(HOLDS, OFF, facts=due).trigger == "calendar"
    assert settle(HOLDS, LOW, OFF).trigger == "ranking_within_cohort"


def test_inputs_that_moved_are_watched_and_pooled_numbers_trigger_nothing() -> None:
    moved = result("psi_score", "all", 0.9, FAIL, threshold=0.25)
    assert (settle(HOLDS, moved).remedy, settle(HOLDS, moved).trigger) == ("watch", "inputs_moved")
    pooled = result("calibration_ratio", "champion", 2.0, FAIL), result("auc", "champion", 0.5, FAIL)
    assert not any(settle(one, facts=replace(FACTS, known_bads=900)).retrain for one in pooled)


def test_a_champion_whose_own_loans_are_young_is_scored_by_its_evaluation_model() -> None:
    again = result("auc_of_champion", "champion", 0.66, OPEN, threshold=None, low=0.63, high=0.69)
    served = result("auc", "all", 0.55, FAIL)
    verdict = settle(again, served)
    assert (verdict.performance_score, verdict.score_name) == (0.66, "auc_of_champion of champion")
    assert verdict.reason.startswith("Performance score 0.660 (by its evaluation model) at or above threshold 0.620")
    assert settle(again, HOLDS).performance_score == 0.7
    assert settle(served).score_name == "auc of all"


def test_without_a_champion_nothing_is_asked_for() -> None:
    verdict = settle(facts=PolicyContext(date(2022, 6, 4), None, None, None, 500))
    assert (verdict.remedy, verdict.next_refresh_on) == ("none", None)


@pytest.mark.parametrize(
    ("policy", "results", "asks"),
    [
        ("never", [result("auc", "champion", 0.3, FAIL), LOW, OFF], False),
        ("calendar:5", [HOLDS], True),
        ("calendar:6", [LOW, OFF], False),
        ("threshold:0.7", [replace(HOLDS, value=0.69)], True),
        ("threshold:0.7", [HOLDS], False),
        ("psi:0.25", [result("psi:fico", "all", 0.25, FAIL)], True),
        ("psi:0.25", [result("psi:fico", "all", 0.24, OPEN), LOW], False),
        ("psi:0.25", [result("psi_score", "all", 0.3, FAIL)], True),
    ],
)
def test_each_plain_policy_has_one_rule(policy: str, results: list[MetricResult], asks: bool) -> None:
    verdict = settle(*results, policy=policy)
    assert (verdict.retrain, verdict.remedy == "retrain", bool(verdict.trigger)) == (asks, asks, asks)
    assert verdict.reason.startswith("Performance score ")
    assert settle(*results, BROKEN, policy=policy).remedy == "repair_data"
    assert settle(*results, facts=replace(FACTS, champion_id=None), policy=policy).remedy == "none"


def test_a_threshold_of_its_own_stands_in_the_decision() -> None:
    verdict = settle(replace(HOLDS, value=0.65), policy="threshold:0.7")
    assert (verdict.threshold, verdict.reason) == (0.7, "Performance score 0.650 below threshold 0.700; retrain")


def test_a_calendar_says_when_it_asks_next() -> None:
    assert settle(HOLDS, policy="calendar:12").next_refresh_on == date(2023, 1, 1)
    assert settle(HOLDS, policy="calendar:12").reason.endswith("the calendar asks on 2023-01-01")


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("calendar", "after 'calendar:' belongs months, a number of at least 1 and at most 120, such as 'calendar:6'"),
        ("calendar:half", "after 'calendar:' belongs months"),
        ("calendar:0", "a number of at least 1"),
        ("calendar:1.5", "after 'calendar:' belongs months"),
        ("threshold:2", "at least 0 and at most 1, such as 'threshold:0.62'"),
        ("psi:-1", "a number of at least 0, such as 'psi:0.25'"),
        ("psi:nan", "a number of at least 0"),
        ("never:3", "the policy 'never' takes no argument, write 'never'"),
        ("tarot:3", "there is no policy 'tarot'"),
    ],
)
def test_an_argument_that_is_none_is_refused_with_what_to_write(policy: str, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        require_policy(policy)
    assert told in str(refused.value)
    with pytest.raises(SettingsError):
        settle(HOLDS, policy=policy)


def test_the_old_name_of_the_cheapest_remedy_first_goes_on_working() -> None:
    for name in ("cheapest_first", "cheapest_remedy_first"):
        require_policy(name)
        verdict = settle(HOLDS, facts=replace(FACTS, known_bads=900), policy=name)
        assert (verdict.retrain, verdict.kind, verdict.trigger) == (True, "refresh", "new_bads")
