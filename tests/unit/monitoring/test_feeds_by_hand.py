"""Shapes, names and causes of feeds, counted on fingers at the very numbers where they turn."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from p2pcredit.monitoring.feeds.column_names import likely_name
from p2pcredit.monitoring.feeds.quarantine_causes import Cause, advice_on, too_many_set_aside
from p2pcredit.monitoring.feeds.shapes import FeedDay, UsualDays, chance_of_so_few

FIRST = date(2024, 1, 1)


@pytest.mark.parametrize(
    ("set_aside", "rows", "few_count", "stops"),
    [
        (2, 10, True, False),  # exactly the share
        (3, 15, True, False),
        (3, 10, True, True),
        (3, 10, False, True),
        (2, 5, True, False),  # two of five are not half of them
        (2, 4, True, True),
        (2, 4, False, False),
        (1, 2, True, True),
        (1, 3, True, False),
        (0, 0, True, False),
    ],
)
def test_more_than_a_share_is_too_many_and_one_or_two_rows_where_they_are_half(
    set_aside: int, rows: int, few_count: bool, stops: bool
) -> None:
    assert too_many_set_aside(set_aside, rows, 0.2, few_count=few_count) is stops


def test_a_cause_is_one_sentence_with_its_rows_its_example_and_what_to_write() -> None:
    assert Cause("term: missing", 1, "").sentence == (
        "most often by 'term: missing' (1 row): fill that column; in a mapping name the column of the download that "
        "holds it"
    )
    assert Cause("dti: above 999", 1200, "1e6").sentence == (
        "most often by 'dti: above 999' (1,200 rows, such as '1e6'): mend the values of dti; in a mapping scale them "
        "with 'times'"
    )


@pytest.mark.parametrize(
    ("problem", "advice"),
    [
        ("not a date (YYYY-MM-DD)", "write dates as"),
        ("not a term", "write terms in months"),
        ("not a number", "write plain numbers"),
        ("a character that cannot be seen", "write ids without control characters"),
    ],
)
def test_the_advice_is_that_of_the_narrowest_words(problem: str, advice: str) -> None:
    assert advice_on(f"column: {problem}").startswith(advice)


@pytest.mark.parametrize(
    ("column", "candidates", "likely"),
    [
        ("abcd", ["abce"], "abce"),  # three of four letters
        ("abcde", ["abcxy"], ""),
        ("int_rate", ["interest_rate"], "interest_rate"),  # each word begins the other
        ("in_rate", ["interest_rate"], ""),  # two letters say too little
        ("abcd", ["abcx", "abcde"], "abcde"),
        ("abcd", [], ""),
    ],
)
def test_the_likely_name_is_the_one_most_alike_from_three_quarters_on(
    column: str, candidates: list[str], likely: str
) -> None:
    assert likely_name(column, candidates) == likely


def usual(most: int, *rows: int) -> UsualDays:
    """Days with so many rows, of which all but one have a term."""
    days = [(FIRST + timedelta(days=n), FeedDay(count, {"term": max(0, count - 1)})) for n, count in enumerate(rows)]
    return UsualDays(most, days)


def test_the_oldest_day_goes_where_enough_days_with_rows_are_left() -> None:
    days = usual(2, 1, 2, 3)
    assert [shape.rows for shape in days.since(None)] == [2, 3]
    assert (days.rows, days.filled, days.reaches_far_enough) == (5, {"term": 3}, True)
    assert [shape.rows for shape in days.since(FIRST + timedelta(days=2))] == [3]


def test_what_a_feed_held_before_a_pause_stays_until_enough_days_with_rows_have_come() -> None:
    paused = usual(2, 4, 0, 0)
    assert ([shape.rows for shape in paused.since(None)], paused.reaches_far_enough) == ([4, 0, 0], False)
    again = usual(2, 4, 0, 0, 5, 6)
    assert ([shape.rows for shape in again.since(None)], again.rows, again.filled["term"]) == ([5, 6], 11, 9)
    seven = usual(9, *[1] * 6, *[0] * 9)
    assert (len(seven.days), seven.reaches_far_enough) == (15, False)
    assert usual(9, *[1] * 7, *[0] * 2).reaches_far_enough
    assert not usual(9, *[1] * 8).reaches_far_enough


def test_a_shape_keeps_what_is_filled_and_comes_back_from_its_receipt() -> None:
    shape = FeedDay(3, {"term": 2, "dti": 0}, None, None, 5, 4, texts={"purpose": {"CAR": 3}})
    old = {"rows": 3, "filled": {"term": 2}, "absent": None, "unknown": None, "loans": 5, "covered": 4, "levels": {}}
    told = {**old, "texts": {"purpose": {"CAR": 3}}}
    assert shape.as_json() == told
    assert FeedDay.from_json(told) == FeedDay(3, {"term": 2}, None, None, 5, 4, texts={"purpose": {"CAR": 3}})
    assert FeedDay.from_json(old) == FeedDay(3, {"term": 2}, None, None, 5, 4)
    broken: Any
    for broken in (None, [], {**told, "rows": "many"}, {**told, "filled": None}, {**told, "texts": {"purpose": 3}}):
        assert FeedDay.from_json(broken) is None


@pytest.mark.parametrize(
    ("filled", "rows", "usual_filled", "usual_rows", "chance"),
    [
        (0, 1, 1, 1, 1 / 2),
        (0, 2, 2, 2, 1 / 6),  # both of the two filled among four rows lie in the usual ones
        (1, 2, 1, 2, 5 / 6),
        (2, 2, 0, 2, 1.0),
        (2, 2, 1, 1, 1.0),
        (0, 3, 0, 5, 1.0),
    ],
)
def test_the_chance_of_so_few_is_counted_over_all_ways_to_lay_the_filled_rows(
    filled: int, rows: int, usual_filled: int, usual_rows: int, chance: float
) -> None:
    assert chance_of_so_few(filled, rows, usual_filled, usual_rows) == pytest.approx(chance)
