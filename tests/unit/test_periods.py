from __future__ import annotations

import calendar
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit.errors import UsageError
from p2pcredit.periods import (
    DateRange,
    add_months,
    month_end,
    month_start,
    months_on_book,
    parse_date,
    week_monday,
)

DAYS = st.dates(date(1950, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    "text",
    ["", "2010-1-1", "2010/01/01", "20100101", "2010-02-29", "2010-W01-1", "0000-01-01", "２０10-01-01", "2010-01-01 "],
)
def test_what_is_no_date_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="is not a date; write it as YYYY-MM-DD") as caught:
        parse_date(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31"])
def test_a_date_that_nobody_can_mean_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=f"^{text} lies before 1900 or after 2199; write a date between them$"):
        parse_date(text)


@given(DAYS)
def test_a_date_is_read_back_as_it_is_written(day: date) -> None:
    assert parse_date(day.isoformat()) == day


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2012, 1, 31), 1, date(2012, 2, 29)),
        (date(2011, 1, 31), 1, date(2011, 2, 28)),
        (date(2012, 2, 29), 12, date(2013, 2, 28)),
        (date(2012, 2, 29), 48, date(2016, 2, 29)),
        (date(2010, 12, 31), -1, date(2010, 11, 30)),
        (date(2010, 1, 15), -13, date(2008, 12, 15)),
        (date(2010, 1, 15), 0, date(2010, 1, 15)),
    ],
)
def test_months_are_added_to_the_same_day_or_the_last_of_a_shorter_month(
    day: date, months: int, expected: date
) -> None:
    assert add_months(day, months) == expected


@given(DAYS, st.integers(-300, 300))
def test_adding_months_moves_exactly_so_many_months(day: date, months: int) -> None:
    moved = add_months(day, months)
    assert (moved.year - day.year) * 12 + moved.month - day.month == months
    assert moved.day == min(day.day, calendar.monthrange(moved.year, moved.month)[1])


@given(DAYS, st.integers(0, 3000))
def test_months_on_book_is_the_most_months_that_fit(born: date, days: int) -> None:
    day = born + timedelta(days=days)
    months = months_on_book(born, day)
    assert add_months(born, months) <= day < add_months(born, months + 1)


@pytest.mark.parametrize(
    ("born", "day", "months"),
    [
        (date(2010, 1, 31), date(2010, 2, 27), 0),
        (date(2010, 1, 31), date(2010, 2, 28), 1),
        (date(2012, 2, 29), date(2013, 2, 28), 12),
        (date(2010, 1, 15), date(2010, 1, 14), -1),
    ],
)
def test_months_on_book_at_month_ends_and_before_origination(born: date, day: date, months: int) -> None:
    assert months_on_book(born, day) == months


@given(DAYS)
def test_a_week_starts_on_the_monday_not_after_the_day(day: date) -> None:
    monday = week_monday(day)
    assert monday.weekday() == 0
    assert 0 <= (day - monday).days <= 6


@given(DAYS)
def test_a_month_starts_on_the_first_and_ends_before_the_next_first(day: date) -> None:
    assert month_start(day).day == 1
    assert (month_end(day) + timedelta(days=1)).day == 1
    assert month_start(day) <= day <= month_end(day)


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(UsageError, match=r"ends \(2010-01-01\) before it starts \(2010-01-02\); swap"):
        DateRange(date(2010, 1, 2), date(2010, 1, 1))


@given(DAYS, st.integers(0, 800), st.integers(1, 12))
def test_cutting_a_range_at_month_ends_loses_and_repeats_no_day(first: date, length: int, together: int) -> None:
    days = DateRange(first, first + timedelta(days=length))
    parts = list(days.months(together))
    assert [day for part in parts for day in part] == list(days)
    assert all(part.last == month_end(part.last) for part in parts[:-1])
    assert all(months_on_book(month_start(part.first), part.last) < together for part in parts)
    assert len(days) == length + 1


def test_a_range_contains_its_days_and_nothing_else() -> None:
    days = DateRange(date(2010, 1, 30), date(2010, 2, 2))
    assert date(2010, 1, 30) in days
    assert date(2010, 2, 2) in days
    assert date(2010, 2, 3) not in days
    assert "2010-02-01" not in days
