"""Grades that fit a book: as many loans in each, or equal steps of the odds; and whether worse grades are worse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.errors import TooLittleDataError
from p2pcredit.models.evaluation.grade_scale import (
    ObservedGrade,
    Steps,
    cutoff_that_approves,
    grade_doubts,
    observed_grades,
    propose_bounds,
    status_of_order,
)
from p2pcredit.settings import ScoreSettings

RISKY = np.random.default_rng(4).beta(3, 7, 4_000)
"""A book of which 29% turn bad."""
books = st.lists(st.floats(1e-4, 0.999), min_size=30, max_size=300)


def test_quantiles_put_as_many_loans_into_each_grade() -> None:
    bounds = propose_bounds(RISKY, 5, "quantiles")
    shares = [one.n / RISKY.size for one in observed_grades(RISKY, np.zeros(RISKY.size), bounds, 0.95)]
    assert shares == pytest.approx([0.2] * 5, abs=0.02)


def test_a_master_scale_rises_by_one_factor_of_the_odds() -> None:
    bounds = np.array(propose_bounds(RISKY, 6, "odds"))
    odds = bounds / (1 - bounds)
    assert odds[1:] / odds[:-1] == pytest.approx(np.full(4, (odds[-1] / odds[0]) ** 0.25), rel=0.05)


@given(books, st.integers(2, 26), st.sampled_from(["quantiles", "odds"]))
@settings(deadline=None)
def test_every_proposal_is_one_that_settings_take_or_says_that_there_is_none(
    chances: list[float], count: int, steps: Steps
) -> None:
    if len({f"{chance:.2g}" for chance in chances}) == 1:
        return
    try:
        bounds = propose_bounds(np.array(chances), count, steps)
    except TooLittleDataError:
        assert np.ptp(np.quantile(chances, (0.05, 0.95))) < 0.01  # none but tails that differ
        return
    assert len(bounds) < count
    ScoreSettings(grade_bounds=bounds, approval_cutoff=0.9999)
    observed = observed_grades(np.array(chances), np.zeros(len(chances)), bounds, 0.95)
    assert sum(one.n for one in observed) == len(chances)


def test_few_loans_are_no_book() -> None:
    with pytest.raises(TooLittleDataError, match="29 loans say too little"):
        propose_bounds(np.full(29, 0.1), 3, "odds")
    assert grade_doubts(np.full(29, 0.9), ScoreSettings()) == []


def test_the_cutoff_approves_the_share_that_is_asked_for() -> None:
    assert (cutoff_that_approves(RISKY, 0.7) >= RISKY).mean() == pytest.approx(0.7, abs=0.02)


def test_settings_of_another_book_are_told() -> None:
    assert grade_doubts(RISKY, ScoreSettings()) == [
        "grade G holds 83% of 4000 loans, so scores.grade_bounds do not fit this book; see 'p2pcredit models grades'",
        "scores.approval_cutoff 0.08 declines 97% of 4000 loans; see 'p2pcredit models grades'",
    ]
    safe = grade_doubts(np.linspace(0.021, 0.07, 100), ScoreSettings())
    assert safe == ["scores.approval_cutoff 0.08 approves 100% of 100 loans; see 'p2pcredit models grades'"]
    fitting = ScoreSettings(grade_bounds=propose_bounds(RISKY, 7, "quantiles"), approval_cutoff=0.3)
    assert grade_doubts(RISKY, fitting) == []


@pytest.mark.parametrize(
    ("bads", "status"), [((1, 5, 30), "pass"), ((1, 30, 5), "fail"), ((1, 6, 5), "undetermined"), ((0, 0, 0), "pass")]
)
def test_a_worse_grade_with_fewer_bads_fails_where_it_is_beyond_chance(bads: tuple[int, ...], status: str) -> None:
    chances = np.repeat([0.05, 0.15, 0.25], 100)
    turned = np.concatenate([np.repeat([1.0, 0.0], [found, 100 - found]) for found in bads])
    assert str(status_of_order(observed_grades(chances, turned, (0.1, 0.2), 0.95))) == status


def test_grades_without_loans_are_listed_and_judge_nothing() -> None:
    observed = observed_grades(np.array([0.05, 0.25]), np.array([0.0, 1.0]), (0.1, 0.2), 0.95)
    assert observed[1] == ObservedGrade("B", 0.2, 0, 0, None, None)
    assert observed[1].bad_share is None
    assert str(status_of_order(observed)) == "pass"
