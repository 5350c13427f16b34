"""Which columns are at another level than in the days before: by hand-made days, and as laws."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.monitoring.feeds import levels
from p2pcredit.monitoring.feeds.levels import (
    POINTS,
    UsualLevels,
    compare_levels,
    most_from,
    most_up_to,
    ranks_of,
    sized,
)
from p2pcredit.monitoring.feeds.shapes import FeedDay, chance_of_so_few

DAY = date(2020, 3, 2)
CHANCE = 1e-6
SPREAD = [20_000.0, 31_000.0, 38_000.0, 45_000.0, 52_000.0, 61_000.0, 75_000.0, 98_000.0]
Values = Sequence[float]


def shape(values: Values, column: str = "annual_income") -> FeedDay:
    """A day of `financial` with these values, of which it keeps eleven at most."""
    ordered = sorted(values)
    kept = tuple(ordered[rank] for rank in ranks_of(len(ordered)))
    return FeedDay(len(ordered), {column: len(ordered)}, levels={column: kept} if kept else {})


def found(today: Values, *before: Values, accepted: date | None = None) -> tuple[list[str], list[str]]:
    """What was found of the incomes of a day, and what cannot be told."""
    first = DAY - timedelta(days=len(before))
    days = [(first + timedelta(days=place), shape(values)) for place, values in enumerate(before)]
    usual = UsualLevels(sized("financial"), 28, days)
    accepted_from = {} if accepted is None else {"annual_income": accepted}
    comparison = compare_levels("financial", DAY, shape(today), usual, CHANCE, accepted_from)
    return [finding.what for finding in comparison.findings], list(comparison.undetermined)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda income: income / 1000, "low"),
        (lambda income: income / 100, "low"),
        (lambda income: income * 100, "high"),
        (lambda income: 0.0, "low"),
        (lambda income: 20_000.0, "low"),
        (lambda income: 98_000.0, "high"),
        (lambda income: -income, "low"),
    ],
)
def test_a_whole_column_at_another_level_is_found(change: object, what: str) -> None:
    assert found([change(income) for income in SPREAD], *[SPREAD] * 10) == ([what], [])  # type: ignore[operator]


def test_one_value_in_all_rows_is_found_where_rows_usually_differ() -> None:
    assert found([52_000.0] * 8, *[SPREAD] * 10) == (["constant"], [])


def test_a_day_like_those_before_passes_and_so_does_one_with_a_few_values_far_out() -> None:
    assert found(SPREAD, *[SPREAD] * 10) == ([], [])
    assert found([*SPREAD, 1.0, 9e8], *[SPREAD] * 10) == ([], [])


def test_a_level_that_moves_as_books_do_is_no_finding() -> None:
    assert found([income * 1.3 for income in SPREAD], *[SPREAD] * 10) == ([], [])


def test_a_column_that_is_mostly_zero_may_be_all_zero_and_one_that_never_is_may_not() -> None:
    assert found([0.0] * 8, *[[0.0] * 7 + [1.0]] * 10) == ([], [])
    assert found([0.0] * 200, *[[0.0] * 150 + [1.0] * 50] * 10) == (["constant"], [])


def test_too_few_values_far_off_cannot_be_told_and_days_in_a_row_can() -> None:
    usual = [[30_000.0], [50_000.0], [70_000.0]] * 8
    assert found([50.0], *usual) == ([], ["annual_income"])
    assert found([50.0], *usual[:-4], *[[50.0]] * 7) == (["low"], [])


def test_a_first_day_cannot_be_told() -> None:
    assert found(SPREAD) == ([], ["annual_income"])


def test_an_accepted_level_is_the_usual_one_from_its_day_on() -> None:
    small = [income / 1000 for income in SPREAD]
    before = [*[SPREAD] * 10, small, small]
    assert found(small, *before) == (["low"], [])
    assert found(small, *before, accepted=DAY - timedelta(days=2)) == ([], [])
    assert found(small, *before, accepted=DAY) == ([], [])


def test_a_date_and_a_number_have_a_size_and_a_text_or_the_day_itself_has_none() -> None:
    assert "earliest_credit_line" in sized("credit_history")
    assert not {"loan_id", "origination_date", "purpose"} & set(sized("loan_terms"))
    assert "event_date" not in sized("loan_performance")


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.floats(-1e6, 1e6))
@settings(deadline=None)
def test_the_counts_up_to_and_from_a_bound_are_never_too_small(values: list[float], bound: float) -> None:
    kept = shape(values).levels["annual_income"], len(values)
    assert len(kept[0]) == min(len(values), POINTS)
    assert sum(value <= bound for value in values) <= most_up_to(kept, bound)
    assert sum(value >= bound for value in values) <= most_from(kept, bound)


@given(st.integers(5, 40), st.integers(1, 28), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_days_drawn_alike_are_no_finding(rows: int, days: int, luck: object) -> None:
    def draw() -> list[float]:
        return [luck.lognormvariate(10, 0.7) for _ in range(rows)]  # type: ignore[attr-defined]

    assert found(draw(), *[draw() for _ in range(days)])[0] == []


def test_the_chance_is_that_of_fishers_exact_test() -> None:
    assert chance_of_so_few(0, 5, 20, 20) == pytest.approx(1 / comb(25, 5))


@given(
    days=st.lists(st.lists(st.integers(0, 4).map(float), max_size=13), min_size=1, max_size=16),
    most=st.integers(1, 4),
    today=st.lists(st.integers(0, 4).map(float), min_size=1, max_size=13),
)
def test_what_is_usual_after_many_days_is_what_the_last_of_them_say(
    days: list[list[float]], most: int, today: list[float]
) -> None:
    shapes = [(DAY + timedelta(days=place), shape(values)) for place, values in enumerate(days)]
    kept = [(day, held) for day, held in shapes if held.levels][-most:]
    long, short = (UsualLevels(("annual_income",), most, given_days) for given_days in (shapes, kept))
    assert list(long.days) == list(short.days)
    assert long.suspects(shape(today)) == short.suspects(shape(today))


def test_a_bound_that_most_usual_values_reach_is_given_up_early(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[float] = []

    def watched(kept: tuple[tuple[float, ...], int], bound: float) -> int:
        looked.append(bound)
        return most_up_to(kept, bound)

    monkeypatch.setattr(levels, "most_up_to", watched)
    assert found(SPREAD, *[SPREAD] * 28) == ([], [])
    assert found([90_000.0 + more for more in range(8)], *[SPREAD] * 28) == (["high"], [])
    assert 0 < len(looked) <= 3 * 9  # of the 28 days that each of three bounds would take
