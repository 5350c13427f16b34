"""The cut by time, the calibration map and what a loan was watched for."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from p2pcredit.errors import TooLittleDataError, TrainingError
from p2pcredit.models.calibration import Calibration, fit_calibration, transfer_calibration
from p2pcredit.models.training.hazard import measure_exposure, observed_by, require_timing_to_tell
from p2pcredit.models.training.splits import split_by_time
from p2pcredit.settings import TrainingSettings

SMALL = TrainingSettings(min_matured_loans=50, min_matured_bads=10, min_evaluation_bads=2)
START = date(2010, 1, 1)


def _outcomes(days: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "loan_id": [f"L{i}" for i in range(len(days))],
            "origination_date": [START + timedelta(days=day) for day in days],
            "window_closed_on": [START + timedelta(days=day + 395) for day in days],
            "label": pl.Series([int(i % 3 == 0) for i in range(len(days))], dtype=pl.Int8),
        }
    )


@settings(max_examples=40)
@given(st.lists(st.integers(0, 30), min_size=100, max_size=160))
def test_no_day_is_cut_and_no_matured_loan_is_lost(days: list[int]) -> None:
    outcomes = _outcomes(days)
    try:
        split = split_by_time(outcomes, as_of=date(2012, 1, 1), settings=SMALL)
    except TooLittleDataError:
        return
    parts = (split.fit, split.calibrate, split.evaluate)
    assert sorted(i for part in parts for i in part["loan_id"]) == sorted(outcomes["loan_id"])
    filled = [part["origination_date"] for part in parts if part.height]
    for earlier, later in itertools.pairwise(filled):
        assert max(earlier) < min(later)
    assert split.evaluate.height >= 0.25 * len(days)


def test_loans_whose_window_is_open_take_no_part() -> None:
    outcomes = _outcomes(list(range(200)))
    split = split_by_time(outcomes, as_of=START + timedelta(days=395 + 149), settings=SMALL)
    assert split.fit.height + split.calibrate.height + split.evaluate.height == 150
    assert split.describe()["evaluate"]["last"] == (START + timedelta(days=149)).isoformat()


def test_all_loans_on_one_day_cannot_be_cut() -> None:
    with pytest.raises(TooLittleDataError, match="to learn from"):
        split_by_time(_outcomes([0] * 100), as_of=date(2012, 1, 1), settings=SMALL)


def _scored(size: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    margin = rng.normal(size=size)
    return (rng.random(size) < 1 / (1 + np.exp(-(-2.0 + 0.6 * margin)))).astype(int), margin


def test_calibration_finds_slope_and_level_like_a_logistic_regression() -> None:
    labels, margin = _scored()
    found = fit_calibration(labels, margin)
    oracle = LogisticRegression(C=1e9, tol=1e-10).fit(margin[:, None], labels)
    assert found.slope == pytest.approx(oracle.coef_[0, 0], abs=0.02)  # the prior pulls a little towards 1
    assert found.intercept == pytest.approx(oracle.intercept_[0], abs=0.02)
    assert found.probability(margin).sum() == pytest.approx(labels.sum(), rel=1e-6)


def test_few_bads_move_the_level_only() -> None:
    labels, margin = np.array([1] * 10 + [0] * 90), np.linspace(2, -2, 100)
    found = fit_calibration(labels, margin)
    assert found.slope == 1.0
    assert found.probability(margin).sum() == pytest.approx(10, rel=1e-6)


def test_a_reversed_ranking_keeps_a_positive_slope() -> None:
    labels, margin = _scored()
    assert fit_calibration(labels, -3 * margin).slope > 0


def test_no_bads_give_a_small_probability_and_no_loans_the_identity() -> None:
    found = fit_calibration([0] * 50, np.zeros(50))
    assert found.probability(np.zeros(1))[0] == pytest.approx(0.01, rel=1e-6)
    assert fit_calibration([], []) == Calibration(1.0, 0.0)
    with pytest.raises(TrainingError, match="missing"):
        fit_calibration([0, 1], [0.1, float("nan")])


def test_the_fit_that_serves_gets_its_own_level_and_the_spread_of_fits_that_had_not_seen_the_loans() -> None:
    labels, margin = _scored()
    first, second = slice(0, 1500), slice(1500, None)
    unseen = [(labels[first].astype(float), margin[first] - 3.0), (labels[second].astype(float), margin[second] + 1.0)]
    served = 4.0 * margin + 7.0  # spread too far, as by a fit that knows these loans, and at another level
    found = transfer_calibration(unseen, served)
    assert found.slope == pytest.approx(fit_calibration(labels, margin).slope, abs=0.02)
    assert found.probability(served).sum() == pytest.approx(labels.sum(), rel=1e-6)
    moved = transfer_calibration([(truth, value + 5.0) for truth, value in unseen], served)
    assert moved.slope == pytest.approx(found.slope, abs=1e-6)


def test_without_loans_of_one_fit_the_others_tell_and_without_any_the_map_is_the_identity() -> None:
    labels, margin = _scored(400)
    nothing = (np.zeros(0), np.zeros(0))
    alone = transfer_calibration([(labels.astype(float), margin)], margin)
    assert transfer_calibration([nothing, (labels.astype(float), margin)], margin) == alone
    assert transfer_calibration([nothing, nothing], np.zeros(0)) == Calibration()


def _watched(rows: list[tuple[date, int, int | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "loan_id": [f"L{i}" for i in range(len(rows))],
            "origination_date": [row[0] for row in rows],
            "months_observed": pl.Series([row[1] for row in rows], dtype=pl.Int32),
            "defaulted_in_month": pl.Series([row[2] for row in rows], dtype=pl.Int32),
        }
    )


def test_looking_back_from_an_earlier_day_shows_only_what_had_been_seen_by_then() -> None:
    # watched 12 months; default in month 5, once before and once after the day; paid off after 3; born yesterday
    rows = [(START, 12, None), (START, 4, 5), (date(2010, 5, 1), 4, 5), (START, 3, None), (date(2010, 7, 31), 6, None)]
    seen = observed_by(_watched(rows), date(2010, 8, 1), window_months=12, lag_days=0)
    assert seen.select("loan_id", "months", "defaulted").rows() == [
        ("L0", 7, False),
        ("L1", 5, True),
        ("L3", 3, False),
        ("L2", 3, False),
    ]


def test_a_default_counts_only_when_its_whole_month_has_passed() -> None:
    one = _watched([(date(2010, 1, 15), 4, 5)])

    def seen(day: date, lag_days: int) -> tuple[int, bool]:
        found = observed_by(one, day, window_months=12, lag_days=lag_days)
        return found.select("months", "defaulted").row(0)

    assert (seen(date(2010, 6, 14), 0), seen(date(2010, 6, 15), 0)) == ((4, False), (5, True))
    assert (seen(date(2010, 7, 14), 30), seen(date(2010, 7, 15), 30)) == ((4, False), (5, True))


def test_monthly_hazards_are_those_of_a_life_table() -> None:
    observed = pl.DataFrame(
        {
            "loan_id": ["a", "b", "c", "d"],
            "origination_date": [date(2010, 1, 1)] * 4,
            "months": [1, 2, 2, 3],
            "defaulted": [False, True, False, True],
        },
        schema_overrides={"months": pl.Int32},
    )
    found = measure_exposure(observed, window_months=3)
    assert found.hazards == pytest.approx((0.0, 1 / 3, 0.999))
    assert np.isfinite(found.log_cumulative_hazard)
    assert found.defaulted.tolist() == [0.0, 1.0, 0.0, 1.0]
    assert np.all(found.expected > 0)
    assert np.all(np.diff(found.expected[[0, 1, 3]]) > 0)


@pytest.mark.parametrize(("late", "refused"), [(0, False), (5, False), (40, True)])
def test_loans_that_end_before_they_can_default_teach_no_hazard(late: int, refused: bool) -> None:
    """All loans run a month; 50 default in it, and `late` others in the second, when the good ones are paid off."""
    observed = pl.DataFrame(
        {"months": [1] * 500 + [2] * late, "defaulted": [True] * 50 + [False] * 450 + [True] * late},
        schema_overrides={"months": pl.Int32, "defaulted": pl.Boolean},
    )
    if not refused:
        require_timing_to_tell(observed, window_months=3)
        return
    with pytest.raises(TrainingError, match=r"40 of 90 events .* 'matured' learns from such a book"):
        require_timing_to_tell(observed, window_months=3)


def test_expected_defaults_add_up_to_those_seen_where_hazards_are_small() -> None:
    rng = np.random.default_rng(8)
    months = rng.integers(1, 13, 20_000)
    observed = pl.DataFrame(
        {
            "loan_id": [str(i) for i in range(20_000)],
            "origination_date": [date(2010, 1, 1)] * 20_000,
            "months": months.astype(np.int32),
            "defaulted": rng.random(20_000) < 0.03,
        }
    )
    found = measure_exposure(observed, window_months=12)
    assert found.expected.sum() == pytest.approx(found.defaulted.sum(), rel=0.05)


def test_the_level_of_a_quarter_multiplies_what_is_expected_of_its_loans() -> None:
    """Of 1,000 loans of each quarter 100 and 20 default in their first month; all are watched for that month."""
    quarters = [date(2009, 10, 1)] * 1000 + [date(2010, 1, 1)] * 1000
    bad = [True] * 100 + [False] * 900 + [True] * 20 + [False] * 980
    observed = pl.DataFrame(
        {
            "loan_id": [str(i) for i in range(2000)],
            "origination_date": quarters,
            "months": [1] * 2000,
            "defaulted": bad,
        },
        schema_overrides={"months": pl.Int32},
    )
    found = measure_exposure(observed, window_months=1)
    worse, better = found.expected[0], found.expected[-1]
    # Pooled both would be 0.06; shrunk by 5 defaults: (100 + 5) / (60 + 5) against (20 + 5) / (60 + 5) of it.
    assert worse / better == pytest.approx(105 / 25, rel=0.02)
    assert found.expected.sum() == pytest.approx(120, rel=0.05)


def test_the_levels_of_quarters_are_those_beside_the_effects_of_terms() -> None:
    """The good quarter has a term that the bad one lacks, half again as risky: its level is the other term's."""
    groups = [  # quarter, term, loans, defaults in the first month
        (date(2009, 10, 1), 36.0, 100_000, 2_000),
        (date(2010, 1, 1), 36.0, 100_000, 1_000),
        (date(2010, 1, 1), 60.0, 100_000, 1_500),
    ]
    rows = [
        (f"{place}-{number}", quarter, 1, number < bads, term)
        for place, (quarter, term, loans, bads) in enumerate(groups)
        for number in range(loans)
    ]
    observed = pl.DataFrame(
        rows, schema=["loan_id", "origination_date", "months", "defaulted", "term_months"], orient="row"
    )
    found = measure_exposure(observed, window_months=1).expected
    bad, good, longer = found[0], found[100_000], found[-1]
    assert bad / good == pytest.approx(2.0, rel=0.02)
    assert longer == pytest.approx(good), "what the term does is left to be learned"
