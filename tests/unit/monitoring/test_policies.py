from __future__ import annotations

from dataclasses import replace
from datetime import date
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit import plugins
from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.errors import MonitoringError, PluginError, SettingsError
from p2pcredit.monitoring.inputs import PolicyContext
from p2pcredit.monitoring.policies import choose as policy
from p2pcredit.monitoring.policies.choose import Verdict, decide, monitoring_has_evidence, results_from_rows
from p2pcredit.monitoring.policies.shared import MAX_REASON_LENGTH, score_in_words
from p2pcredit.settings import MonitoringSettings, Settings

FACTS = PolicyContext(date(2011, 3, 31), "champion", date(2010, 1, 1), development_bads=400, known_bads=420)
PASS, FAIL, OPEN = Status.PASS, Status.FAIL, Status.UNDETERMINED


def auc(value: float | None, status: Status, segment: str = "champion", n: int = 900) -> MetricResult:
    low, high = (None, None) if value is None else (value - 0.03, value + 0.03)
    return MetricResult("auc", segment, value, low, high, n, 0.4, status, 0.62)


def estimate(value: float | None) -> MetricResult:
    return MetricResult("auc_estimate", "champion", value, None, None, 200, None, OPEN, 0.62)


def quality(share: float, status: Status) -> MetricResult:
    return MetricResult("quarantined_share", "feed=loan_terms", share, 0.0, 0.2, 100, None, status, 0.05)


def values_lost(share: float, status: Status, column: str = "financial.annual_income") -> MetricResult:
    return MetricResult("values_lost_share", f"column={column}", share, 0.0, 0.2, 100, None, status, 0.05)


def ratio(value: float, status: Status) -> MetricResult:
    return MetricResult("calibration_ratio", "champion", value, value - 0.1, value + 0.1, 900, 0.4, status, 1.5)


def psi(value: float, status: Status, low: float = 0.05) -> MetricResult:
    return MetricResult("psi:annual_income", "all", value, low, 0.6, 300, None, status, 0.25)


def settle(*results: MetricResult, facts: PolicyContext = FACTS, **limits: Any) -> Verdict:
    limits.setdefault("policy", "cheapest_first")
    return decide(results, facts, Settings(monitoring=MonitoringSettings(**limits)))


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: EntryPoints([]))


def test_a_column_that_lost_too_many_values_is_broken_data_and_repaired() -> None:
    verdict = settle(auc(0.55, FAIL), values_lost(0.3, FAIL), facts=replace(FACTS, known_bads=500))
    assert (verdict.remedy, verdict.retrain) == ("repair_data", False)
    assert "data broken: 30.0% of financial.annual_income unusable, limit 5.0%" in verdict.reason
    both = settle(auc(0.55, FAIL), values_lost(0.9, FAIL), quality(0.06, FAIL))
    assert "data broken: 6.0% of loan_terms quarantined, limit 5.0%" in both.reason
    assert settle(auc(0.66, PASS), values_lost(0.01, PASS)).remedy == "none"


def test_values_lost_within_the_limit_are_no_evidence_about_a_model() -> None:
    assert not monitoring_has_evidence([values_lost(0.01, PASS), quality(0.0, PASS)])
    assert monitoring_has_evidence([values_lost(0.3, FAIL)])


@pytest.mark.parametrize("metric", ["product_ratio_matured", "product_ratio_to_date"])
def test_few_defaults_of_a_product_are_no_evidence_until_they_say_something(metric: str) -> None:
    few = replace(ratio(0.6, Status.UNDETERMINED), metric=metric, segment="term=36")
    assert not monitoring_has_evidence([few])
    assert monitoring_has_evidence([replace(few, status=PASS)])
    assert monitoring_has_evidence([replace(few, status=FAIL)])


def test_a_matured_ranking_below_the_threshold_beyond_its_interval_retrains() -> None:
    verdict = settle(auc(0.55, FAIL), auc(0.66, PASS, "all"), facts=replace(FACTS, known_bads=500))
    assert (verdict.remedy, verdict.retrain, verdict.performance_score) == ("retrain", True, 0.55)
    assert verdict.reason.startswith("Performance score 0.550 below threshold 0.620")
    assert verdict.score_name == "auc of champion"
    assert "auc of champion 0.550 [0.520, 0.580], n 900, matured 40%, fail" in verdict.evidence[0]


def test_a_failing_ranking_is_only_watched_where_little_is_new_since_the_last_training() -> None:
    verdict = settle(auc(0.55, FAIL))
    assert (verdict.remedy, verdict.retrain, verdict.performance_score) == ("watch", False, 0.55)
    assert "the last training knew 400 matured bads, now 420 are known" in verdict.reason


def test_a_ranking_that_passes_needs_nothing() -> None:
    verdict = settle(auc(0.701, PASS), quality(0.01, PASS), ratio(1.1, PASS), psi(0.05, PASS))
    assert verdict.remedy == "none"
    assert verdict.reason.startswith("Performance score 0.701 at or above threshold 0.620")


def test_too_many_unknown_outcomes_are_broken_data_and_retrain_nothing() -> None:
    unknown = MetricResult("unknown_outcome_share", "all", 0.4, 0.3, 0.5, 100, None, FAIL, 0.2)
    verdict = settle(auc(0.55, FAIL), unknown, facts=replace(FACTS, known_bads=9000))
    assert (verdict.remedy, verdict.retrain) == ("repair_data", False)
    assert "the outcome of 40.0% of loans cannot be known, limit 20.0%" in verdict.reason
    few = replace(unknown, value=0.1, status=PASS)
    assert settle(auc(0.55, FAIL), few, facts=replace(FACTS, known_bads=9000)).remedy == "retrain"
    assert not policy.monitoring_has_evidence([few])
    assert policy.monitoring_has_evidence([unknown])


def test_broken_data_are_repaired_before_anything_is_retrained() -> None:
    verdict = settle(auc(0.55, FAIL), quality(0.3, FAIL), facts=replace(FACTS, known_bads=9000))
    assert (verdict.remedy, verdict.retrain) == ("repair_data", False)
    assert "30.0% of loan_terms" in verdict.reason


def test_calibration_off_with_fine_ranking_asks_the_training_step_for_a_new_calibration_only() -> None:
    verdict = settle(auc(0.7, PASS), ratio(2.1, FAIL), facts=replace(FACTS, known_bads=441))
    assert (verdict.remedy, verdict.retrain) == ("recalibrate", True)
    assert "no full retraining" in verdict.reason


def test_a_calibration_is_set_anew_only_where_more_is_known_than_when_it_was_last_set() -> None:
    results = (auc(0.7, PASS), ratio(2.1, FAIL))
    assert settle(*results).remedy == "watch"
    assert "matured bads are known" in settle(*results).reason
    tried = replace(FACTS, known_bads=470, calibrated_bads=440)
    assert (settle(*results, facts=tried).remedy, settle(*results, facts=tried).retrain) == ("watch", False)
    assert settle(*results, facts=replace(tried, known_bads=490)).remedy == "recalibrate"
    assert settle(*results, facts=replace(FACTS, development_bads=None)).remedy == "recalibrate"


def test_recalibrations_do_not_put_off_a_training_for_which_the_evidence_has_doubled() -> None:
    facts = replace(FACTS, known_bads=800, calibrated_bads=780)
    assert settle(auc(0.7, PASS), ratio(2.1, FAIL), facts=facts).remedy == "retrain"


@pytest.mark.parametrize("ranking", [auc(0.7, PASS), auc(0.61, OPEN), auc(None, OPEN)])
def test_drift_alone_never_retrains(ranking: MetricResult) -> None:
    verdict = settle(ranking, psi(3.0, FAIL))
    assert (verdict.remedy, verdict.retrain) == ("watch", False)


def test_an_index_above_the_watch_level_by_chance_is_not_watched() -> None:
    assert settle(auc(0.7, PASS), psi(0.15, OPEN, low=0.0)).remedy == "none"
    assert settle(auc(0.7, PASS), psi(0.15, OPEN, low=0.05)).remedy == "watch"


def test_a_ranking_within_its_interval_is_called_undetermined_and_not_fine() -> None:
    verdict = settle(auc(0.61, OPEN))
    assert (verdict.remedy, verdict.retrain) == ("watch", False)
    assert "below threshold" in verdict.reason
    assert "undetermined" in verdict.reason


def test_the_estimate_serves_where_nothing_has_matured_and_says_so() -> None:
    verdict = settle(auc(None, OPEN, n=0), auc(None, OPEN, "all", n=0), estimate(0.55))
    assert verdict.performance_score == 0.55
    assert verdict.score_name == "auc_estimate of champion"
    assert "estimate, nothing matured yet" in verdict.reason
    assert "undetermined" in verdict.reason
    assert not verdict.retrain


def test_nothing_measured_is_undetermined_and_has_no_score() -> None:
    verdict = settle(auc(float("nan"), PASS), estimate(None))
    assert verdict.performance_score is None
    assert "nothing could be measured" in verdict.reason
    assert "0.620" in verdict.reason
    assert verdict.remedy != "none"


def test_the_service_speaks_until_the_champions_own_loans_mature() -> None:
    verdict = settle(auc(None, OPEN), auc(0.66, PASS, "all"))
    assert (verdict.performance_score, verdict.score_name) == (0.66, "auc of all")


def test_a_failing_service_retrains_only_where_more_is_known_than_the_champion_learned() -> None:
    results = (auc(None, OPEN), auc(0.55, FAIL, "all"))
    assert settle(*results, facts=replace(FACTS, known_bads=439)).remedy == "watch"
    assert settle(*results, facts=replace(FACTS, known_bads=441)).remedy == "retrain"
    assert settle(*results, facts=replace(FACTS, development_bads=None)).remedy == "retrain"


def test_a_champion_that_learned_from_half_the_bads_known_now_is_refreshed() -> None:
    verdict = settle(auc(0.7, PASS), facts=replace(FACTS, known_bads=800), retrain_at_new_bads_share=1.0)
    assert verdict.retrain
    assert "the last training knew 400 matured bads, now 800 are known" in verdict.reason
    assert not settle(auc(0.7, PASS), facts=replace(FACTS, known_bads=799), retrain_at_new_bads_share=1.0).retrain
    assert settle(auc(0.7, PASS), facts=replace(FACTS, known_bads=500)).retrain  # a quarter more is enough by default
    assert not settle(auc(0.7, PASS), facts=replace(FACTS, known_bads=499)).retrain
    assert not settle(auc(0.7, PASS), facts=replace(FACTS, known_bads=800), retrain_at_new_bads_share=0.0).retrain
    assert not settle(auc(0.7, PASS), facts=replace(FACTS, known_bads=800, development_bads=None)).retrain


def test_without_a_champion_nothing_is_retrained() -> None:
    verdict = settle(facts=PolicyContext(date(2011, 3, 31), None, None, None, 500))
    assert (verdict.remedy, verdict.retrain, verdict.performance_score) == ("none", False, None)
    assert "no champion" in verdict.reason


@given(st.floats(0, 1), st.floats(0.5, 1))
def test_the_words_never_contradict_the_numbers(value: float, threshold: float) -> None:
    words = score_in_words(value, "", threshold)
    assert (" below " in words) == (value < threshold)
    if abs(value - threshold) > 1e-7 and value < threshold:
        numbers = [float(word) for word in words.replace("(", "").split() if word[0].isdigit()]
        assert numbers[0] < numbers[1]


_NUMBER = st.one_of(st.none(), st.just(float("nan")), st.floats(0, 1))


@given(
    st.lists(
        st.builds(
            MetricResult,
            st.sampled_from(["auc", "auc_estimate", "calibration_ratio", "psi_score", "quarantined_share"]),
            st.sampled_from(["all", "champion", "feed=x" * 40]),
            _NUMBER,
            _NUMBER,
            _NUMBER,
            st.integers(0, 9999),
            _NUMBER,
            st.sampled_from(Status),
            _NUMBER,
        ),
        max_size=8,
    ),
    st.one_of(st.none(), st.integers(0, 900)),
    st.integers(0, 900),
)
def test_every_reason_is_one_short_line_that_names_score_and_threshold(
    results: list[MetricResult], learned: int | None, known: int
) -> None:
    verdict = decide(results, replace(FACTS, development_bads=learned, known_bads=known), Settings())
    assert verdict.reason.startswith("Performance score ")
    assert "threshold 0.62" in verdict.reason
    assert "\n" not in verdict.reason
    assert len(verdict.reason) <= MAX_REASON_LENGTH
    if verdict.performance_score is None:
        assert "undetermined" in verdict.reason


def gives_a_number(results: object, facts: object, settings: object) -> float:
    return 0.5


def always_retrains(results: object, facts: object, settings: Settings) -> Verdict:
    return Verdict("retrain", True, 0.5, "own", settings.monitoring.auc_threshold, "because", ())


def test_a_policy_of_another_package_decides_when_the_settings_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("always_retrains", "gives_a_number", "not_there")
    found = EntryPoints([EntryPoint(name, f"{__name__}:{name}", "p2pcredit.policies") for name in names])
    monkeypatch.setattr(plugins, "entry_points", lambda group: found)
    assert settle(auc(0.7, PASS), policy="always_retrains").retrain
    assert not settle(auc(0.7, PASS)).retrain
    with pytest.raises(MonitoringError, match="gave a float where a Verdict belongs"):
        settle(policy="gives_a_number")
    with pytest.raises(MonitoringError, match=r"the policy 'not_there' of the package .* cannot be imported"):
        settle(policy="not_there")


def test_two_policies_with_one_name_are_refused_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    places = ("z_of_another:policy", f"{__name__}:always_retrains")
    for order in (places, places[::-1]):
        found = EntryPoints([EntryPoint("twice", place, "p2pcredit.policies") for place in order])
        monkeypatch.setattr(plugins, "entry_points", lambda group, found=found: found)
        with pytest.raises(PluginError, match=f"packages {__name__} and z_of_another both add the policy 'twice'"):
            settle(auc(0.7, PASS), policy="twice")


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="no policy 'tarot'; known are refresh_and_triggers, cheapest_first"):
        settle(policy="tarot")


def test_a_verdict_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(MonitoringError, match="contradicts itself"):
        Verdict("watch", True, 0.5, "auc", 0.62, "why", ())
    with pytest.raises(MonitoringError, match="performance score of nan"):
        Verdict("watch", False, float("nan"), "auc", 0.62, "why", ())


def test_only_clean_data_are_no_evidence() -> None:
    assert not monitoring_has_evidence([])
    assert not monitoring_has_evidence([quality(0.0, PASS), auc(None, OPEN), auc(float("nan"), PASS)])
    assert monitoring_has_evidence([quality(0.3, FAIL)])
    assert monitoring_has_evidence([estimate(0.6)])


def test_results_survive_the_way_through_table_rows() -> None:
    results = [auc(0.55, FAIL), quality(0.01, PASS)]
    rows = [{**result.as_row(), "week_end_date": date(2011, 3, 31)} for result in results]
    assert results_from_rows(rows) == results
    with pytest.raises(MonitoringError, match="no result"):
        results_from_rows([{"metric": "auc"}])
