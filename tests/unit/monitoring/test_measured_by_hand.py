"""What each metric counts, on loans written by hand: windows, boundaries, segments, notes, thresholds."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from tests.unit.monitoring.written_week import AFTER, LAST, WEEK_END, settings, week

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.evaluation.intervals import normal_quantile, wilson_interval
from p2pcredit.monitoring.chart_summaries import calibration_profile, score_profile
from p2pcredit.monitoring.inputs import newest_closed_origination
from p2pcredit.monitoring.matured import matured_window, part_segments, scored_loans, whole_segments
from p2pcredit.monitoring.metrics.drift import measure_drift
from p2pcredit.monitoring.metrics.early_delinquency import measure_early_delinquency
from p2pcredit.monitoring.metrics.estimates import auc_sampling_range, expected_auc, measure_estimates
from p2pcredit.monitoring.metrics.performance import measure_performance
from p2pcredit.monitoring.metrics.quality import measure_quality
from p2pcredit.monitoring.status import share_interval, status_at_least, status_of_shift, status_within

DAY = timedelta(days=1)
Found = dict[tuple[str, str], MetricResult]


def by_name(results: list[MetricResult]) -> Found:
    return {(result.metric, result.segment): result for result in results}


EDGES: list[dict[str, Any]] = [
    {"loan_id": "too-old", "day": AFTER, "pd": 0.9, "label": 1},
    {"loan_id": "oldest", "day": AFTER + DAY, "pd": 0.1, "label": 0, "model": "early", "sub": "A1"},
    {"loan_id": "newest", "day": LAST, "pd": 0.2, "label": 1, "term": 60.0, "sub": "B3"},
    {"loan_id": "waiting", "day": LAST + DAY, "pd": 0.3, "label": 1},  # an early bad: its window is open
    {"loan_id": "unknown", "day": LAST, "pd": 0.4},
]


def test_judged_are_loans_after_the_first_day_up_to_the_last_with_a_label() -> None:
    inputs = week(EDGES)
    assert matured_window(WEEK_END, settings()) == (AFTER, LAST)
    scored = scored_loans(inputs, settings())
    assert scored.select("loan_id", "label", "vintage", "term_months", "sub_grade_rank").rows() == [
        ("oldest", 0, "2022Q1", 36.0, 1.0),
        ("newest", 1, "2022Q1", 60.0, 103.0),
        ("unknown", None, "2022Q1", 36.0, None),
        ("waiting", None, "2022Q1", 36.0, None),
    ]


def test_segments_hold_what_was_judged_and_count_what_was_scored() -> None:
    scored = scored_loans(week(EDGES), settings())
    whole, champion = whole_segments(scored, "now")
    assert (whole.segment, whole.n, whole.bads, whole.scored, whole.matured_share) == ("all", 2, 1, 4, 0.5)
    assert (champion.segment, champion.n, champion.bads, champion.scored) == ("champion", 1, 1, 3)
    assert (whole.label.tolist(), whole.risk.tolist(), whole.sub_grade.tolist()) == ([0, 1], [0.1, 0.2], [1.0, 103.0])
    assert whole_segments(scored, None)[1].scored == 0
    assert whole_segments(scored, None)[1].matured_share is None
    parts = [(part.segment, part.n, part.scored) for part in part_segments(scored)]
    assert parts == [("vintage=2022Q1", 2, 4), ("term=36", 1, 3), ("term=60", 1, 1)]


def test_a_window_is_closed_on_its_last_day() -> None:
    assert newest_closed_origination(WEEK_END, settings().labels) == LAST


def test_recent_is_what_was_scored_in_the_last_ten_days_by_the_champion() -> None:
    first = WEEK_END - timedelta(days=9)
    inputs = week(
        [
            {"loan_id": "before", "day": first - DAY, "pd": 0.1},
            {"loan_id": "first", "day": first, "pd": 0.2},
            {"loan_id": "last", "day": WEEK_END, "pd": 0.3, "model": "early"},
        ]
    )
    assert inputs.recent_predictions(settings())["loan_id"].to_list() == ["first", "last"]
    assert inputs.recent_features(settings())["loan_id"].to_list() == ["first", "last"]
    assert inputs.of_champion(inputs.recent_predictions(settings()))["loan_id"].to_list() == ["first"]
    assert week([], champion_id=None).of_champion(inputs.predictions).is_empty()


def judged(goods: int, bads: int, *, good: float = 0.1, bad: float = 0.3, **more: Any) -> list[dict[str, Any]]:
    pairs = [(0, good)] * goods + [(1, bad)] * bads
    return [{"day": LAST, "pd": chance, "label": label, **more} for label, chance in pairs]


@pytest.mark.parametrize(
    ("goods", "bads", "note"),
    [
        (0, 0, "no loan has matured"),
        (17, 2, "19 loans have matured, 20 needed"),
        (19, 1, "1 bads among 20 matured loans, 2 needed"),
        (0, 20, "all 20 matured loans are bad"),
    ],
)
def test_too_few_to_judge_are_said_with_the_numbers(goods: int, bads: int, note: str) -> None:
    found = by_name(measure_performance(week(judged(goods, bads)), settings()))
    for name in ("auc", "gini", "ks", "brier", "calibration_error", "calibration_ratio"):
        result = found[name, "all"]
        assert (result.value, result.status, result.note, result.n) == (None, Status.UNDETERMINED, note, goods + bads)
        assert result.matured_share == (1.0 if goods + bads else None)
        assert result.threshold == (0.62 if name == "auc" else None)


def test_just_enough_loans_and_bads_are_judged() -> None:
    found = by_name(measure_performance(week(judged(18, 2, sub="A1")), settings()))
    auc, ratio = found["auc", "all"], found["calibration_ratio", "all"]
    assert (auc.value, auc.threshold, auc.status, auc.note) == (1.0, 0.62, Status.UNDETERMINED, "2 bads")
    assert auc.low is not None
    assert auc.low < 0.62, "two bads that both rank last show little"
    assert ratio.value == pytest.approx(2 / (18 * 0.1 + 2 * 0.3))
    assert ratio.note == "2 bads; 0.67 to 1.5 is allowed"
    assert found["brier", "all"].value == pytest.approx((18 * 0.01 + 2 * 0.49) / 20)
    assert (found["gini", "all"].value, found["ks", "all"].value) == (1.0, 1.0)
    assert found["auc_sub_grade", "all"].value == 0.5
    assert found["auc_minus_sub_grade", "all"].value == 0.5
    assert found["auc_sub_grade", "all"].note == "2 bads; the platform's own sub-grade on the same loans"
    assert found["auc", "vintage=2022Q1"].n == found["auc", "term=36"].n == 20


@pytest.mark.parametrize(("bad", "bound"), [(0.9, 0.67), (0.1, 1.5)])
def test_a_ratio_is_held_against_the_nearer_bound(bad: float, bound: float) -> None:
    found = by_name(measure_performance(week(judged(18, 2, good=0.05, bad=bad)), settings()))
    assert found["calibration_ratio", "all"].threshold == bound


def test_a_perfect_ratio_is_held_against_the_upper_bound() -> None:
    ratio = by_name(measure_performance(week(judged(18, 2, good=0.0, bad=1.0)), settings()))["calibration_ratio", "all"]
    assert (ratio.value, ratio.threshold) == (1.0, 1.5)
    assert ratio.status is Status.UNDETERMINED, "2 of 2 expected may as well be 0.7 or 6"


def test_loans_without_a_sub_grade_are_left_out_of_its_comparison_and_said() -> None:
    loans = [*judged(18, 2, sub="A1"), *judged(5, 5)]
    result = by_name(measure_performance(week(loans), settings()))["auc_sub_grade", "all"]
    assert (result.value, result.n) == (0.5, 20)
    few = [*judged(17, 2, sub="A1"), *judged(5, 5)]
    result = by_name(measure_performance(week(few), settings()))["auc_sub_grade", "all"]
    assert (result.value, result.n) == (None, 19)
    assert result.note == "with a sub-grade of the platform: 19 loans have matured, 20 needed"
    assert result.matured_share == 1.0
    none = by_name(measure_performance(week(judged(18, 1, sub="A1")), settings()))["auc_sub_grade", "all"]
    assert none.note == "19 loans have matured, 20 needed"


def test_statuses_turn_exactly_at_their_thresholds() -> None:
    at_least = [((0.62, 0.7), Status.PASS), ((0.61, 0.7), Status.UNDETERMINED), ((0.6, 0.62), Status.UNDETERMINED)]
    at_least += [((0.6, 0.61), Status.FAIL)]
    for (low, high), status in at_least:
        assert status_at_least(low, high, 0.62) is status
    bounds = (0.67, 1.5)
    within = [((0.67, 1.5), Status.PASS), ((0.66, 1.5), Status.UNDETERMINED), ((0.67, 1.51), Status.UNDETERMINED)]
    within += [((0.4, 0.67), Status.UNDETERMINED), ((0.4, 0.66), Status.FAIL)]
    within += [((1.5, 1.7), Status.UNDETERMINED), ((1.51, 1.7), Status.FAIL)]
    for (low, high), status in within:
        assert status_within(low, high, bounds) is status
    missing: list[tuple[float | None, float | None]] = [(None, 0.5), (0.4, None), (math.nan, 0.5), (0.4, math.inf)]
    for least, most in missing:
        assert status_within(least, most, bounds) is Status.UNDETERMINED
        assert status_at_least(least, most, 0.62) is Status.UNDETERMINED
    shifts = [((0.0999, 0.0, 0.2499), Status.PASS), ((0.0999, 0.0, 0.25), Status.UNDETERMINED)]
    shifts += [((0.1, 0.05, 0.2), Status.UNDETERMINED), ((0.2499, 0.2, 0.3), Status.UNDETERMINED)]
    shifts += [((0.25, 0.1, 0.4), Status.UNDETERMINED), ((0.25, 0.11, 0.4), Status.FAIL)]
    shifts += [((math.nan, 0.1, 0.2), Status.UNDETERMINED)]
    for (value, low, high), status in shifts:
        assert status_of_shift(value, low, high, watch=0.1, alert=0.25) is status


def test_estimates_rest_on_the_recent_loans_and_then_on_the_judged_ones() -> None:
    recent = [{"day": WEEK_END, "pd": 0.1 if place % 2 else 0.3} for place in range(10)]
    of_others = [{"day": WEEK_END, "pd": 0.5, "model": "early"}]
    found = by_name(measure_estimates(week([*recent, *of_others, *judged(16, 4)]), settings()))
    rate = found["default_rate_estimate", "champion"]
    half = normal_quantile(0.9) * math.sqrt(5 * 0.09 + 5 * 0.21) / 10
    assert rate.value == pytest.approx(0.2)
    assert (rate.low, rate.high) == (pytest.approx(max(0.0, 0.2 - half)), pytest.approx(0.2 + half))
    assert (rate.n, found["default_rate_estimate", "all"].n) == (10, 11)
    assert found["default_rate_estimate", "all"].value == pytest.approx(2.5 / 11)
    auc = found["auc_estimate", "champion"]
    pairs = 2.0 * 8.0 - (5 * 0.09 + 5 * 0.21)
    assert auc.value == pytest.approx((1.5 * 4.5 + 0.5 * (20 * 0.21 + 20 * 0.09)) / pairs)
    assert (auc.low, auc.high) == auc_sampling_range(auc.value or 0.0, 2.0, 8.0, 0.9)
    assert (auc.threshold, auc.matured_share) == (0.62, None)
    then = found["default_rate_estimate_then", "all"]
    assert (then.value, then.n) == (pytest.approx((16 * 0.1 + 4 * 0.3) / 20), 20)
    assert then.matured_share == pytest.approx(20 / 31)
    came = found["default_rate", "all"]
    assert (came.value, came.n, came.note) == (0.2, 20, "4 bads")
    assert (came.low, came.high) == wilson_interval(0.2, 20, 0.9)


def test_one_loan_too_few_gives_no_estimate_and_says_so() -> None:
    recent = [{"day": WEEK_END, "pd": 0.1} for _ in range(9)]
    found = by_name(measure_estimates(week([*recent, *judged(15, 4)]), settings()))
    assert found["auc_estimate", "all"].note == "9 loans, 10 needed"
    assert found["auc_estimate", "all"].threshold == 0.62
    assert found["auc_estimate_then", "all"].note == "19 loans, 20 needed"
    assert found["default_rate", "all"].note == "19 loans have matured, 20 needed"
    assert found["default_rate", "all"].value is None
    sure = [{"day": WEEK_END, "pd": 0.0} for _ in range(10)]
    result = by_name(measure_estimates(week(sure), settings()))["auc_estimate", "all"]
    assert (result.value, result.note) == (None, "the probabilities leave no pair of a bad with a good")


def test_the_range_of_a_sampled_auc_is_that_of_hanley_and_mcneil() -> None:
    auc, bads, goods = 0.8, 10.0, 40.0
    variance = (0.16 + 9 * (0.8 / 1.2 - 0.64) + 39 * (2 * 0.64 / 1.8 - 0.64)) / 400
    half = normal_quantile(0.9) * math.sqrt(variance)
    assert auc_sampling_range(auc, bads, goods, 0.9) == (pytest.approx(0.8 - half), pytest.approx(0.8 + half))
    assert auc_sampling_range(0.99, 0.2, 0.2, 0.9) == auc_sampling_range(0.99, 1.0, 1.0, 0.9)
    assert auc_sampling_range(0.99, 1.0, 1.0, 0.9)[1] == 1.0
    assert auc_sampling_range(0.02, 1.0, 1.0, 0.9)[0] == 0.0
    assert expected_auc(pl.Series([0.5, 0.5]).to_numpy()) == 0.5


def test_early_delinquency_count_loans_observed_to_the_last_day_and_late_up_to_it() -> None:
    edge = date(2022, 3, 29)  # three months on book end with the week
    loans: list[dict[str, Any]] = [
        *({"day": edge, "pd": 0.1, "late_on": WEEK_END if place < 3 else None} for place in range(10)),
        {"day": edge - DAY, "pd": 0.1, "late_on": WEEK_END},  # a day too late for three months
        {"day": edge + DAY, "pd": 0.1, "late_on": WEEK_END},  # not observed that long
        {"day": date(2022, 1, 5), "pd": 0.1, "late_on": date(2022, 4, 5)},
    ]
    found = by_name(measure_early_delinquency(week(loans), settings()))
    (result,) = found.values()
    assert (result.metric, result.segment, result.n, result.note) == (
        "late30_within_3m",
        "vintage=2022Q1",
        12,
        "4 of 12 loans",
    )
    assert (result.value, result.matured_share) == (4 / 12, 12 / 13)
    assert (result.low, result.high) == wilson_interval(4 / 12, 12, 0.9)
    assert (result.status, result.threshold) == (Status.UNDETERMINED, None)


def test_early_delinquency_need_as_many_loans_as_a_recent_metric() -> None:
    nine = week([{"day": date(2021, 12, 29), "pd": 0.1} for _ in range(9)])
    found = by_name(measure_early_delinquency(nine, settings()))
    assert [key[0] for key in found] == ["late30_within_3m", "late30_within_6m"]
    assert {result.note for result in found.values()} == {
        "9 loans observed 3 months, 10 needed",
        "9 loans observed 6 months, 10 needed",
    }
    assert all(result.value is None and result.matured_share == 1.0 and result.n == 9 for result in found.values())


def test_early_delinquency_show_the_twelve_newest_vintages() -> None:
    quarters = [date(year, month, 1) for year in (2018, 2019, 2020, 2021) for month in (1, 4, 7, 10)][:13]
    loans = [{"day": day, "pd": 0.1} for day in quarters for _ in range(10)]
    found = by_name(measure_early_delinquency(week(loans), settings()))
    shown = [segment for metric, segment in found if metric == "late30_within_6m"]
    assert (len(shown), shown[0], shown[-1]) == (12, "vintage=2018Q2", "vintage=2021Q1")


@pytest.mark.parametrize(("broken", "status"), [(5, Status.PASS), (6, Status.FAIL)])
def test_a_feed_fails_beyond_the_limit_and_not_at_it(broken: int, status: Status) -> None:
    quality = pl.DataFrame({"feed": ["b", "a", "b"], "rows_in": [60, 1, 40], "quarantined": [broken - 1, 0, 1]})
    first, second, *_ = measure_quality(week([], feed_quality=quality), settings(quarantined_share_limit=0.05))
    assert (first.segment, first.value, first.n, first.note) == ("feed=a", 0.0, 1, "0 of 1 rows")
    assert (second.segment, second.value, second.status) == ("feed=b", broken / 100, status)
    assert (second.n, second.threshold, second.note) == (100, 0.05, f"{broken} of 100 rows")
    assert (second.low, second.high) == wilson_interval(broken / 100, 100, 0.9)


def test_score_bands_are_twenty_points_wide_and_hold_the_champions_recent_scores() -> None:
    reference = pl.DataFrame({"score": [500, 519, 520, 560]}, schema={"score": pl.Int32})
    loans = [
        {"day": WEEK_END, "pd": 0.1, "score": 539},
        {"day": WEEK_END, "pd": 0.1, "score": 540},
        {"day": WEEK_END, "pd": 0.1, "score": 700, "model": "early"},
        {"day": date(2022, 6, 1), "pd": 0.1, "score": 700},
    ]
    profile = score_profile(week(loans, reference=reference), settings())
    assert (profile["n_reference"], profile["n_recent"]) == (4, 2)
    assert [tuple(band.values()) for band in profile["bands"]] == [
        (500, 520, 0.5, 0.0),
        (520, 540, 0.25, 0.5),
        (540, 560, 0.0, 0.5),
        (560, 580, 0.25, 0.0),
    ]
    assert list(profile["bands"][0]) == ["low", "high", "reference", "recent"]
    only_before = score_profile(week([], reference=reference), settings())
    assert (only_before["n_reference"], only_before["n_recent"], only_before["bands"]) == (4, 0, [])
    only_after = score_profile(week(loans, reference=reference.clear()), settings())
    assert (only_after["n_reference"], only_after["n_recent"], only_after["bands"]) == (0, 2, [])


def test_calibration_by_grade_is_that_of_the_judged_loans_of_the_grade() -> None:
    loans = [
        *judged(3, 1, grade="B", good=0.1, bad=0.5),
        *judged(1, 0, grade="A", good=0.02),
        {"day": LAST, "pd": 0.9, "label": 1, "grade": None},
        {"day": LAST + DAY, "pd": 0.9, "label": 1, "grade": "A"},  # not judged yet
    ]
    first, second, last = calibration_profile(week(loans), settings())
    assert (first["grade"], first["n"], first["bads"], first["expected"], first["observed"]) == ("A", 1, 0, 0.02, 0.0)
    assert (second["grade"], second["n"], second["bads"], second["observed"]) == ("B", 4, 1, 0.25)
    assert second["expected"] == pytest.approx(0.2)
    assert (second["low"], second["high"]) == wilson_interval(0.25, 4, 0.9)
    assert (last["grade"], last["n"], last["bads"], last["expected"]) == ("no grade", 1, 1, 0.9)


def test_just_enough_loans_show_their_early_signs() -> None:
    ten = week([{"day": date(2021, 12, 29), "pd": 0.1, "late_on": date(2022, 2, 1)} for _ in range(10)])
    assert [result.value for result in measure_early_delinquency(ten, settings())] == [1.0, 1.0]


RECENT = [{"day": WEEK_END, "pd": 0.1, "score": 500, "term": 36.0} for _ in range(10)]


def drift(recent: list[dict[str, Any]], **reference: list[Any]) -> Found:
    schema = {"score": pl.Int32, "term_months": pl.Float64}
    before = pl.DataFrame(reference, schema={name: schema[name] for name in reference})
    return by_name(measure_drift(week(recent, reference=before), settings()))


def test_drift_is_measured_from_as_many_recent_loans_as_needed() -> None:
    found = drift(RECENT, score=[500] * 8, term_months=[36.0, 60.0] * 4)
    assert (found["psi_score", "all"].value, found["psi_score", "all"].status) == (0.0, Status.PASS)
    term = found["psi:term_months", "all"]
    assert (term.n, term.threshold, term.status) == (10, 0.25, Status.FAIL)
    assert term.note.endswith("by chance alone; largest move 36: 50% then, 100% now")
    few = drift(RECENT[:9], score=[500] * 8, term_months=[36.0] * 8)
    assert few["psi_score", "all"].note == "9 recent loans, 10 needed"
    assert few["psi:term_months", "all"].note == "9 recent loans, 10 needed"
    assert few["psi:term_months", "all"].threshold == 0.25


def test_drift_without_development_loans_says_that() -> None:
    assert drift(RECENT, score=[], term_months=[])["psi:term_months", "all"].note == "no development loans"
    found = drift(RECENT, term_months=[36.0])["psi_score", "all"]
    assert (found.note, found.n, found.threshold) == ("no scored development loans", 10, 0.25)


@pytest.mark.parametrize(("before", "now", "measured"), [(None, None, False), (None, 36.0, True), (36.0, None, True)])
def test_a_column_that_was_missing_on_one_side_only_has_moved(
    before: float | None, now: float | None, measured: bool
) -> None:
    found = drift([{**loan, "term": now} for loan in RECENT], term_months=[before] * 8)["psi:term_months", "all"]
    assert (found.value is not None) is measured
    assert found.status is (Status.FAIL if measured else Status.UNDETERMINED)
    assert measured or found.note == "missing on every loan, then and now"


def test_a_scored_loan_without_features_is_judged_all_the_same() -> None:
    inputs = week(EDGES)
    without = week(EDGES, features=inputs.features.filter(pl.col("loan_id") != "newest"))
    scored = scored_loans(without, settings())
    assert scored["loan_id"].to_list() == ["oldest", "newest", "unknown", "waiting"]
    assert whole_segments(scored, "now")[0].n == 2
    assert [part.segment for part in part_segments(scored)] == ["vintage=2022Q1", "term=36"]


def test_where_nothing_could_happen_the_share_may_be_any() -> None:
    assert share_interval(0, 0, 0.9) == (0.0, 1.0)
    assert share_interval(0, 1, 0.9) == wilson_interval(0.0, 1, 0.9)
