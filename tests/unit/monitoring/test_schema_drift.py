"""Which differences between a day of a feed and its days before are drift: by hand-made days, and as laws."""

from __future__ import annotations

from datetime import date, timedelta
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.contracts.feeds import CREDIT_HISTORY, FINANCIAL, LOAN_PERFORMANCE, LOAN_TERMS, Feed
from p2pcredit.monitoring.feeds.column_names import likely_name
from p2pcredit.monitoring.feeds.schema_drift import Comparison, Finding, compare_schema
from p2pcredit.monitoring.feeds.shapes import FeedDay, UsualDays, chance_of_so_few

DAY = date(2020, 3, 2)


def income(rows: int, filled: int | None = None, **more: object) -> FeedDay:
    """A day of `financial` with so many rows and incomes; every loan has a row."""
    counts = {"annual_income": rows if filled is None else filled}
    known: dict[str, object] = {"absent": (), "unknown": (), "loans": rows, "covered": rows}
    return FeedDay(rows, counts, **{**known, **more})  # type: ignore[arg-type]


def before(*days: FeedDay, day: date = DAY) -> UsualDays:
    """These days, the last of them the day before."""
    first = day - timedelta(days=len(days))
    return UsualDays(28, ((first + timedelta(days=place), shape) for place, shape in enumerate(days)))


def compared(today: FeedDay, *usual: FeedDay, feed: Feed = FINANCIAL) -> Comparison:
    return compare_schema(feed, DAY, today, before(*usual))


def only(comparison: Comparison) -> Finding:
    (finding,) = comparison.findings
    return finding


def test_a_column_that_was_always_filled_and_is_empty_is_drift() -> None:
    found = only(compared(income(3, 0), *[income(3)] * 10))
    assert (found.feed, found.column, found.what, found.usual) == ("financial", "annual_income", "empty", 1.0)


def test_one_blank_row_after_few_rows_is_not_told_yet() -> None:
    comparison = compared(income(1, 0), *[income(1)] * 10)
    assert (comparison.findings, comparison.undetermined) == ((), ("annual_income",))


def test_blank_days_in_a_row_count_together_so_that_a_loan_a_day_is_enough() -> None:
    found = only(compared(income(1, 0), *[income(1)] * 20, income(1, 0), income(1, 0)))
    assert found.what == "empty"


def test_a_column_that_is_filled_now_and_then_is_often_empty_on_a_small_day() -> None:
    comparison = compared(income(3, 0), *[income(10, 2)] * 20)
    assert (comparison.findings, comparison.undetermined) == ((), ("annual_income",))
    assert only(compared(income(200, 0), *[income(10, 2)] * 20)).what == "empty"


def test_a_column_filled_in_far_fewer_rows_is_sparse_and_one_in_half_of_them_is_not() -> None:
    assert only(compared(income(50, 5), *[income(50)] * 5)).what == "sparse"
    assert compared(income(50, 30), *[income(50)] * 5).findings == ()


def test_a_column_that_was_never_filled_or_begins_is_no_drift() -> None:
    assert compared(income(50, 0), *[income(50, 0)] * 28).findings == ()
    assert compared(income(50), *[income(50, 0)] * 28).findings == ()
    gone = income(5, 0, absent=("annual_income",))
    assert compared(income(5), *[gone] * 28).findings == ()


def test_a_column_gone_from_the_header_is_drift_at_once_and_its_new_name_is_guessed() -> None:
    today = income(1, 0, absent=("annual_income",), unknown=("annual_inc",))
    found = only(compared(today, income(1)))
    assert (found.what, found.likely_name) == ("absent", "annual_inc")
    again = only(compare_schema(FINANCIAL, DAY, today, before(income(1), today)))
    assert again.likely_name == "annual_inc"


def test_a_single_new_column_is_taken_for_the_single_one_that_is_gone() -> None:
    today = income(5, 0, absent=("annual_income",), unknown=("salary",))
    assert only(compared(today, *[income(5)] * 3)).likely_name == "salary"
    two = income(5, 0, absent=("annual_income",), unknown=("salary", "zip"))
    names = {finding.column: finding.likely_name for finding in compared(two, *[income(5)] * 3).findings}
    assert names == {"annual_income": "", "salary": "", "zip": ""}


def test_a_header_without_the_column_on_a_day_without_loans_is_said_and_touches_no_loan() -> None:
    today = FeedDay(0, {}, ("annual_income",), ())
    assert only(compared(today, *[income(5)] * 3)).harmless


def test_a_column_that_comes_and_goes_is_judged_by_its_rows() -> None:
    gone = income(2, 0, absent=("annual_income",))
    assert compared(gone, *[income(2), gone] * 6).findings == ()


def test_a_new_column_that_no_contract_names_is_said_once() -> None:
    found = only(compared(income(5, unknown=("mood",)), income(5)))
    assert (found.column, found.what, found.harmless) == ("mood", "unknown", True)
    assert compared(income(5, unknown=("mood",)), income(5), income(5, unknown=("mood",))).findings == ()


def test_the_first_day_is_undetermined_but_for_an_unknown_column_named_like_a_missing_one() -> None:
    plain = compared(income(5, 0, absent=("annual_income",), unknown=("mood",)))
    assert (plain.findings, plain.has_history) == ((), False)
    found = only(compared(income(5, 0, absent=("annual_income",), unknown=("annual_inc", "mood"))))
    assert (found.what, found.likely_name) == ("absent", "annual_inc")


@pytest.mark.parametrize(("covered", "what"), [(0, "no_rows"), (1, "few_rows")])
@pytest.mark.parametrize("days", [0, 5])
def test_loans_without_a_row_in_the_feed_are_seen_with_and_without_history(covered: int, what: str, days: int) -> None:
    today = FeedDay(covered, {"annual_income": covered}, (), (), 3, covered)
    assert only(compared(today, *[income(3)] * days)).what == what


def test_a_feed_that_usually_lacks_most_loans_may_lack_them_again() -> None:
    seldom = FeedDay(1, {"annual_income": 1}, (), (), 10, 1)
    assert compared(FeedDay(0, {}, (), (), 5, 0), *[seldom] * 10).findings == ()
    never = FeedDay(0, {}, (), (), 10, 0)
    assert compared(never, *[never] * 10).findings == ()


def test_terms_missing_while_the_other_feeds_have_loans_are_seen() -> None:
    assert only(compared(FeedDay(0, {}, (), (), 4, 0), feed=LOAN_TERMS)).what == "no_rows"


def test_an_empty_day_is_fine_and_a_silent_weekday_of_many_events_is_said() -> None:
    nothing = FeedDay(0, {}, (), ())
    events = [FeedDay(9, {"status": 9}, (), ())] * 28
    assert compared(nothing, *[income(5)] * 28).findings == ()
    assert only(compared(nothing, *events, feed=LOAN_PERFORMANCE)).what == "quiet"
    weekends_off = [
        nothing if (DAY + timedelta(days=n)).weekday() == DAY.weekday() else events[0] for n in range(-28, 0)
    ]
    assert compared(nothing, *weekends_off, feed=LOAN_PERFORMANCE).findings == ()


def test_what_was_accepted_is_the_usual_shape_from_its_day_on() -> None:
    gone = income(5, 0, absent=("annual_income",))
    usual = before(*[income(5)] * 10, gone)
    assert [f.what for f in compare_schema(FINANCIAL, DAY, gone, usual).findings] == ["absent"]
    accepted = {"annual_income": DAY - timedelta(days=1)}
    assert compare_schema(FINANCIAL, DAY, gone, usual, accepted).findings == ()
    back = before(*[income(5)] * 10, gone, income(5))
    assert compare_schema(FINANCIAL, DAY, gone, back, accepted).findings != ()


def test_columns_are_compared_each_by_itself() -> None:
    usual = FeedDay(20, {"fico_low": 20, "fico_high": 20, "open_accounts_count": 20}, (), (), 20, 20)
    today = FeedDay(20, {"fico_low": 20, "open_accounts_count": 1}, (), (), 20, 20)
    found = compared(today, *[usual] * 5, feed=CREDIT_HISTORY).findings
    assert [(f.column, f.what) for f in found] == [("fico_high", "empty"), ("open_accounts_count", "sparse")]


@given(st.integers(0, 12), st.integers(1, 12), st.integers(0, 30), st.integers(1, 30))
@settings(deadline=None)
def test_the_chance_is_that_of_counting_all_ways(filled: int, rows: int, usual_filled: int, usual_rows: int) -> None:
    filled, usual_filled = min(filled, rows), min(usual_filled, usual_rows)
    total = filled + usual_filled
    ways = sum(comb(rows, n) * comb(usual_rows, total - n) for n in range(filled + 1))
    assert chance_of_so_few(filled, rows, usual_filled, usual_rows) == pytest.approx(
        ways / comb(rows + usual_rows, total)
    )


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=1, max_size=40), st.integers(1, 30))
@settings(deadline=None)
def test_a_day_like_the_one_before_it_is_never_drift(days: list[tuple[int, int]], most: int) -> None:
    shapes = [income(rows, min(rows, filled)) for rows, filled in days]
    usual = UsualDays(most, ((DAY + timedelta(days=n), shape) for n, shape in enumerate(shapes)))
    same = UsualDays(1, [(DAY, shapes[-1])])
    assert compare_schema(FINANCIAL, DAY, shapes[-1], same).findings == ()
    kept = shapes[-most:]
    assert usual.rows == sum(shape.rows for shape in kept)
    assert usual.filled["annual_income"] == sum(shape.filled["annual_income"] for shape in kept)


@pytest.mark.parametrize(
    ("column", "found", "name"),
    [
        ("annual_income", ["annualIncome"], "annualIncome"),
        ("annual_income", ["ANNUAL INCOME", "annual_inc"], "ANNUAL INCOME"),
        ("fico_low", ["fico_high_2", "fico_lo"], "fico_lo"),
        ("debt_to_income", ["dti"], ""),
        ("state", [], ""),
    ],
)
def test_a_name_is_likely_where_it_is_written_alike(column: str, found: list[str], name: str) -> None:
    assert likely_name(column, found) == name
