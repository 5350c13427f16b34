"""Columns of no plausible size: what is off, what is not, and what cannot be told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.feeds import APPLICATION_FEEDS
from p2pcredit.contracts.plausible import PLAUSIBLE, Plausible
from p2pcredit.monitoring.feeds import plausibility
from p2pcredit.monitoring.feeds.levels import ranks_of
from p2pcredit.monitoring.feeds.plausibility import Sizes, implausible
from p2pcredit.monitoring.feeds.shapes import FeedDay

CHANCE = 1e-5
INCOMES = [20_000.0 + 1_500 * place for place in range(40)]


def day(column: str, values: list[float]) -> FeedDay:
    kept = sorted(values)
    return FeedDay(len(kept), {column: len(kept)}, levels={column: tuple(kept[rank] for rank in ranks_of(len(kept)))})


def found(feed: str, column: str, values: list[float], *before: list[float]) -> list[str]:
    findings = implausible(feed, day(column, values), [day(column, one) for one in before], CHANCE)
    return [finding.what for finding in findings]


def test_every_column_of_numbers_that_an_application_has_is_held_against_something() -> None:
    sized = {
        (feed.name, column.source)
        for feed in APPLICATION_FEEDS
        for column in feed.columns
        if column.kind not in {Kind.ID, Kind.TEXT, Kind.CATEGORY, Kind.DATE}
    }
    assert set(PLAUSIBLE) == sized


@pytest.mark.parametrize("place", PLAUSIBLE, ids=".".join)
def test_bounds_are_in_order_and_say_why(place: tuple[str, str]) -> None:
    plausible = PLAUSIBLE[place]
    assert 0 < plausible.low < plausible.high
    assert 0 < plausible.one_value <= 1
    assert plausible.why.endswith(".")


@pytest.mark.parametrize(
    ("factor", "what"), [(1.0, []), (0.001, ["too_low"]), (100.0, ["too_high"]), (0.0, ["one_value"])]
)
def test_a_first_days_column_of_another_size_is_found(factor: float, what: list[str]) -> None:
    assert found("financial", "annual_income", [income * factor for income in INCOMES]) == what


def test_a_share_where_a_percent_was_meant_is_found() -> None:
    assert found("loan_terms", "interest_rate", [0.0012 + 0.00001 * place for place in range(30)]) == ["too_low"]
    assert found("loan_terms", "interest_rate", [0.12 + 0.001 * place for place in range(30)]) == []


def test_exactly_half_beyond_a_bound_is_plausible_and_zeros_are_no_low_values() -> None:
    assert found("financial", "annual_income", [5e6 + place for place in range(20)] + [50_000.0] * 20) == []
    assert found("financial", "revolving_balance", [0.0] * 35 + [900.0 + place for place in range(5)]) == []
    assert found("financial", "revolving_balance", [0.0] * 10 + [2.0 + place for place in range(30)]) == ["too_low"]


def test_what_most_borrowers_lack_may_be_zero_for_all_of_a_day() -> None:
    assert found("credit_history", "tax_liens_count", [0.0] * 60) == []
    assert found("loan_terms", "term", [36.0] * 500) == []


def test_few_values_cannot_be_told_and_days_off_alike_count_together() -> None:
    assert found("financial", "annual_income", [50.0, 60.0]) == []
    assert found("financial", "annual_income", [50.0, 60.0], *[[50.0, 60.0]] * 8) == ["too_low"]
    assert found("financial", "annual_income", [50.0, 60.0], *[[50.0, 60.0]] * 4, INCOMES, *[[50.0, 60.0]] * 3) == []


def test_a_finding_names_the_column_the_bounds_and_the_median() -> None:
    (finding,) = implausible("financial", day("debt_to_income", [5.0 + p for p in range(60)]), [], CHANCE)
    assert finding.sentence == (
        "feed 'financial' has values in column 'debt_to_income' that mostly lie above the plausible 1% to 100%, their "
        "median being 3,400%; another unit?"
    )
    (finding,) = implausible("financial", day("annual_income", [0.0] * 60), [], CHANCE)
    assert finding.sentence == (
        "feed 'financial' has 0 for every loan in column 'annual_income'; is it filled, and from where?"
    )


@given(st.lists(st.floats(1_000, 1_000_000), min_size=1, max_size=80))
@settings(deadline=None)
def test_a_column_within_its_bounds_is_never_said(values: list[float]) -> None:
    assert found("financial", "annual_income", values) == []


def test_no_more_days_before_are_looked_at_than_may_count_with_today(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[FeedDay] = []
    sizes = plausibility._sizes

    def watched(column: Plausible, shape: FeedDay, name: str) -> Sizes | None:
        looked.append(shape)
        return sizes(column, shape, name)

    monkeypatch.setattr(plausibility, "_sizes", watched)
    before = [[20_000.0] * 3] * 20 + [[0.0] * 2]
    assert found("financial", "annual_income", [0.0] * 2, *before) == []
    assert len(looked) == 3  # today, the day that is off too, and the one before it
