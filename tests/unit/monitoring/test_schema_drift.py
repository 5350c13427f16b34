"""Which differences between a day of a feed and its days before are drift: by hand-made days, and as laws."""

from __future__ import annotations

import random
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


@pytest.mark.parametrize(
    ("today", "usual", "found"),
    [
        (income(50, 5), income(50), True),
        (income(50, 25), income(50), True),  # half of them
        (income(50, 40), income(50), True),
        (income(50, 46), income(50), False),  # 8 in 100
        (income(8, 4), income(8), True),  # 70 ways of four among 36 in 376,992
        (income(50, 20), income(50, 40), True),
        (income(50, 30), income(50, 40), False),  # once in 100 days
        (income(5_000, 400), income(5_000, 500), True),
        (income(5_000, 455), income(5_000, 500), False),
    ],
)
def test_a_column_that_lost_a_part_of_its_values_is_sparse_where_that_is_no_chance(
    today: FeedDay, usual: FeedDay, found: bool
) -> None:
    comparison = compared(today, *[usual] * 28)
    assert [f.what for f in comparison.findings] == ["sparse"] * found
    if found:
        assert comparison.findings[0].today == today.filled["annual_income"] / today.rows


def test_half_of_the_values_on_few_rows_a_day_add_up_over_days() -> None:
    usual = [income(4)] * 20
    assert compared(income(4, 2), *usual).findings == ()
    (finding,) = compared(income(4, 2), *usual, income(4, 2), income(4, 1), income(4, 2)).findings
    assert (finding.what, finding.today, finding.usual) == ("sparse", 0.5, 1.0)
    assert compared(income(4), *usual, income(4, 2), income(4, 1), income(4, 2)).findings == ()


def test_half_of_the_values_are_found_on_the_days_after_too() -> None:
    assert [f.what for f in compared(income(50, 25), *[income(50)] * 10, income(50, 25)).findings] == ["sparse"]


def test_a_column_whose_days_always_differ_more_than_chance_is_held_to_that() -> None:
    uneven = [income(200, 160), income(200, 100), income(200, 130), income(200, 90)] * 7
    even = [income(200, 120)] * 28
    assert [f.what for f in compared(income(200, 70), *even).findings] == ["sparse"]
    assert compared(income(200, 70), *uneven).findings == ()
    assert compared(income(200, 2), *uneven).undetermined == ("annual_income",)
    less_uneven = [income(200, 120), income(200, 100), income(200, 140), income(200, 110)] * 7
    assert [f.what for f in compared(income(200, 2), *less_uneven).findings] == ["sparse"]


@pytest.mark.parametrize(("rows", "blank_share"), [(3, 0.02), (15, 0.001), (15, 0.01), (60, 0.05), (400, 0.3)])
def test_quiet_years_have_no_false_alarm(rows: int, blank_share: float) -> None:
    """Four columns over five years whose blanks fall by chance: none. Two whose days differ by a tenth: one a year."""
    luck = random.Random(rows + round(1000 * blank_share))
    even = ["annual_income", "debt_to_income", "revolving_balance", "revolving_utilisation"]
    uneven = ["revolving_limit", "collections_owed"]
    usual, alarms = UsualDays(28), []
    for n in range(5 * 365):
        number, filled = luck.randint(1, 2 * rows), {}
        for column in [*even, *uneven]:
            of_day = luck.betavariate(4, 4 / blank_share - 4) if column in uneven else blank_share
            filled[column] = sum(luck.random() >= of_day for _ in range(number))
        today = FeedDay(number, filled, (), (), number, number)
        alarms += [f.column for f in compare_schema(FINANCIAL, DAY + timedelta(days=n), today, usual).findings]
        usual.add(DAY + timedelta(days=n), today)
    assert sum(column in even for column in alarms) == 0
    assert sum(column in uneven for column in alarms) <= 5


@pytest.mark.parametrize(("rows", "days"), [(4, 9), (12, 2), (40, 1)])
def test_a_column_that_becomes_half_blank_is_found_within_days(rows: int, days: int) -> None:
    """Of 100 books with blanks in 2 of 100 rows, of which half the values are lost from a day on."""
    luck, found = random.Random(rows), 0
    for _ in range(100):
        usual = UsualDays(28)
        for n in range(28 + days):
            share = 0.02 if n < 28 else 0.5
            today = income(rows, sum(luck.random() >= share for _ in range(rows)))
            told = compare_schema(FINANCIAL, DAY + timedelta(days=n), today, usual).findings
            if n >= 28 and told:
                found += 1
                break
            usual.add(DAY + timedelta(days=n), today)
    assert found >= 80


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
