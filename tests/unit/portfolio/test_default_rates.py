"""Default rates as the law has them published: cases worked by hand.

The window is the year 2021. Loans of 36 months, made before it, unless a case says otherwise.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from p2pcredit.periods import DateRange
from p2pcredit.portfolio.default_rates import (
    average_rate,
    by_category,
    default_spells,
    months_of_history,
    one_year_rate,
    windows_until,
    with_window,
)

WINDOW = DateRange(date(2021, 1, 1), date(2021, 12, 31))
Event = tuple[date, str, int]


def book(**loans: tuple[date, int, list[Event]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Loan -> the day it was made, its term and its events."""
    events = [
        {"loan_id": loan, "event_date": on, "row_number": place, "status": status, "days_past_due": days}
        for loan, (_, _, own) in loans.items()
        for place, (on, status, days) in enumerate(own)
    ]
    terms = [
        {
            "loan_id": loan,
            "origination_date": born,
            "term_months": term,
            "grade": loan[0].upper(),
            "closed_on": min((on for on, status, _ in own if status in {"FULLY_PAID", "CHARGED_OFF"}), default=None),
        }
        for loan, (born, term, own) in loans.items()
    ]
    schema = {
        "loan_id": pl.String,
        "event_date": pl.Date,
        "row_number": pl.Int64,
        "status": pl.String,
        "days_past_due": pl.Int64,
    }
    return pl.DataFrame(terms, schema_overrides={"closed_on": pl.Date}), pl.DataFrame(events, schema=schema)


def rate(window: DateRange = WINDOW, days: int = 90, **loans: tuple[date, int, list[Event]]) -> dict[str, Any]:
    terms, events = book(**loans)
    return one_year_rate(with_window(terms, default_spells(events, days), window), window, 0.95)


def counted(found: dict[str, Any]) -> tuple[int, int]:
    return found["denominator"], found["numerator"]


BEFORE = date(2020, 6, 15)


def test_1_a_loan_that_defaults_within_the_window_is_in_both_and_one_that_pays_in_the_denominator() -> None:
    found = rate(a=(BEFORE, 36, [(date(2021, 5, 1), "DEFAULT", 90)]), b=(BEFORE, 36, []))
    assert counted(found) == (2, 1)
    assert found["rate"] == 0.5


def test_2_a_loan_that_defaults_twice_within_the_window_counts_once() -> None:
    twice = [(date(2021, 2, 1), "DEFAULT", 90), (date(2021, 4, 1), "CURRENT", 0), (date(2021, 9, 1), "DEFAULT", 90)]
    assert counted(rate(a=(BEFORE, 36, twice), b=(BEFORE, 36, []))) == (2, 1)


def test_3_a_loan_made_inside_the_window_is_in_neither_though_it_defaults() -> None:
    found = rate(
        a=(date(2021, 1, 1), 36, [(date(2021, 8, 1), "DEFAULT", 90)]),
        b=(date(2020, 12, 31), 36, []),
        c=(BEFORE, 36, []),
    )
    assert counted(found) == (2, 0)
    assert sum(found["excluded"].values()) == 0


def test_4_a_loan_without_a_payment_due_within_the_window_is_left_out() -> None:
    # Six months from 15 June 2020: the last instalment was due on 15 December 2020, and it is still open, 20 days late.
    over = (BEFORE, 6, [(date(2021, 1, 4), "LATE", 20), (date(2021, 3, 15), "DEFAULT", 90)])
    found = rate(a=over, b=(BEFORE, 36, []))
    assert counted(found) == (1, 0)
    assert found["excluded"] == {"closed": 0, "in_default": 0, "no_payment": 1}
    # With the last one due on 15 January 2021 it counts.
    assert counted(rate(a=(BEFORE, 7, over[2]), b=(BEFORE, 36, []))) == (2, 1)


def test_5_a_loan_repaid_early_within_the_window_stays_in_the_denominator() -> None:
    assert counted(rate(a=(BEFORE, 36, [(date(2021, 2, 1), "FULLY_PAID", 0)]), b=(BEFORE, 36, []))) == (2, 0)


def test_6_a_loan_closed_before_the_window_is_in_neither() -> None:
    found = rate(
        a=(BEFORE, 36, [(date(2020, 12, 31), "FULLY_PAID", 0)]),
        b=(BEFORE, 36, [(date(2020, 11, 1), "CHARGED_OFF", 120)]),
        c=(BEFORE, 36, []),
    )
    assert counted(found) == (1, 0)
    assert found["excluded"]["closed"] == 2


def test_7_a_loan_in_default_when_the_window_begins_is_in_neither_and_counts_again_once_it_has_cured() -> None:
    still = [(date(2020, 11, 1), "DEFAULT", 90), (date(2021, 1, 1), "CURRENT", 0), (date(2021, 6, 1), "DEFAULT", 90)]
    found = rate(a=(BEFORE, 36, still), b=(BEFORE, 36, []))
    assert counted(found) == (1, 0)
    assert found["excluded"]["in_default"] == 1
    cured = [(date(2020, 11, 1), "DEFAULT", 90), (date(2020, 12, 31), "CURRENT", 0), (date(2021, 6, 1), "DEFAULT", 90)]
    assert counted(rate(a=(BEFORE, 36, cured), b=(BEFORE, 36, []))) == (2, 1)


def test_8_a_default_on_the_first_and_the_last_day_of_the_window_is_in_it_and_one_a_day_later_is_not() -> None:
    found = rate(
        a=(BEFORE, 36, [(date(2021, 1, 1), "DEFAULT", 90)]),
        b=(BEFORE, 36, [(date(2021, 12, 31), "DEFAULT", 90)]),
        c=(BEFORE, 36, [(date(2022, 1, 1), "DEFAULT", 90)]),
    )
    assert counted(found) == (3, 2)


def test_9_days_past_due_make_a_default_from_as_many_as_are_asked_for() -> None:
    late = (BEFORE, 36, [(date(2021, 3, 1), "LATE", 89), (date(2021, 5, 31), "LATE", 180)])
    assert counted(rate(a=late, days=90)) == (1, 1)
    assert counted(rate(a=late, days=181)) == (1, 0)
    assert counted(rate(a=(BEFORE, 36, [(date(2021, 3, 1), "LATE", 89)]), days=90)) == (1, 0)


def test_10_windows_go_back_as_far_as_whole_years_reach_and_a_short_history_is_known_as_such() -> None:
    first = date(2018, 3, 10)
    assert [window.first.year for window in windows_until(first, 2021)] == [2019, 2020, 2021]
    assert months_of_history(first, 2021) == 45
    assert windows_until(date(2021, 5, 1), 2021) == []
    assert months_of_history(date(2020, 1, 1), 2021) == 24  # under 36 months
    assert all(len(window) in {365, 366} for window in windows_until(first, 2021))


def test_11_the_rate_is_the_simple_average_of_the_windows_and_not_that_of_all_loans_together() -> None:
    assert average_rate([{"rate": 1 / 10}, {"rate": 3 / 5}]) == pytest.approx(0.35)  # and not 4 of 15
    assert rate(a=(date(2021, 5, 1), 36, []))["rate"] is None  # no loan when the window begins
    assert average_rate([{"rate": None}]) is None


def test_12_expected_by_category_rests_on_the_windows_before_the_year_alone() -> None:
    # A: one of two in 2020, one of one in 2021 (the other was charged off in 2020). B: none of one, one of one.
    terms, events = book(
        a1=(date(2019, 6, 1), 36, [(date(2020, 4, 1), "DEFAULT", 90), (date(2020, 6, 1), "CHARGED_OFF", 150)]),
        a2=(date(2019, 6, 1), 36, [(date(2021, 4, 1), "DEFAULT", 90)]),
        b1=(date(2019, 6, 1), 36, [(date(2021, 8, 1), "DEFAULT", 90)]),
    )
    spells = default_spells(events, 90)
    windows = windows_until(date(2019, 6, 1), 2021)
    parts = [(window, with_window(terms, spells, window)) for window in windows]
    found = by_category(parts, "grade", 0.95)
    assert [(row["category"], row["expected"], row["denominator"], row["numerator"]) for row in found] == [
        ("A", 0.5, 1, 1),
        ("B", 0.0, 1, 1),
    ]
    assert [row["expected_windows"] for row in found] == [1, 1]


def test_13_a_category_without_a_loan_before_the_year_has_no_expected_rate() -> None:
    terms, events = book(a=(BEFORE, 36, []))
    parts = [(WINDOW, with_window(terms, default_spells(events, 90), WINDOW))]
    (row,) = by_category(parts, "grade", 0.95)
    assert (row["expected"], row["expected_windows"], row["rate"]) == (None, 0, 0.0)
