"""Vintage curves: months counted by hand, the trap of *at* month m, and books drawn from known hazards."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from p2pcredit.portfolio.vintage_curves import (
    OBSERVED,
    PARTLY,
    PROJECTED,
    curve,
    curves_by,
    event_month,
    months_seen,
)

Array = np.ndarray[tuple[int], np.dtype[np.int64]]


def whole(*numbers: int) -> Array:
    return np.array(numbers, dtype=np.int64)


@pytest.mark.parametrize(
    ("born", "event", "month"),
    [
        (date(2020, 1, 15), date(2020, 1, 15), 1),
        (date(2020, 1, 15), date(2020, 2, 15), 1),
        (date(2020, 1, 15), date(2020, 2, 16), 2),
        (date(2020, 1, 31), date(2020, 2, 29), 1),
        (date(2020, 1, 31), date(2020, 3, 31), 2),
        (date(2020, 1, 15), date(2021, 1, 15), 12),
        (date(2020, 1, 15), date(2021, 1, 16), 13),
    ],
)
def test_an_event_belongs_to_the_month_on_book_by_whose_end_it_happened(born: date, event: date, month: int) -> None:
    frame = pl.DataFrame({"o": [born], "e": [event]})
    assert frame.select(event_month(pl.col("o"), pl.col("e")).alias("m"))["m"].to_list() == [month]


@pytest.mark.parametrize(
    ("born", "until", "months"),
    [
        (date(2020, 1, 15), date(2020, 2, 14), 0),
        (date(2020, 1, 15), date(2020, 2, 15), 1),
        (date(2020, 1, 31), date(2020, 2, 29), 1),
        (date(2020, 1, 31), date(2020, 2, 28), 0),
        (date(2020, 1, 31), date(2021, 1, 31), 12),
    ],
)
def test_months_on_book_are_whole(born: date, until: date, months: int) -> None:
    frame = pl.DataFrame({"o": [born], "u": [until]})
    assert frame.select(months_seen(pl.col("o"), pl.col("u")).alias("m"))["m"].to_list() == [months]


def test_a_share_is_of_all_loans_where_all_have_been_on_book_so_long() -> None:
    # Ten loans, five months on book, events in months 2, 2 and 4.
    events, seen = whole(2, 2, 4, *[0] * 7), whole(*[5] * 10)
    points = curve(events, seen, events, seen, 5, 0.95)
    assert [(point.share, point.state) for point in points] == [
        (0.0, OBSERVED),
        (0.2, OBSERVED),
        (0.2, OBSERVED),
        (0.3, OBSERVED),
        (0.3, OBSERVED),
    ]
    assert points[1].low < 0.2 < points[1].high


def test_where_some_loans_are_younger_the_share_is_that_of_a_life_table() -> None:
    # Four loans: events in months 1 and 3, one seen for two months only, one for three. Month 3: of the two loans at
    # risk one has its event, so 1 - (3/4) (1/2) = 62.5%, and not 2 of 4.
    events, seen = whole(1, 3, 0, 0), whole(3, 3, 2, 3)
    points = curve(events, seen, events, seen, 3, 0.95)
    assert [(point.state, point.share, point.seen) for point in points] == [
        (OBSERVED, 0.25, 4),
        (OBSERVED, 0.25, 4),
        (PARTLY, pytest.approx(0.625), 3),
    ]


def test_where_few_loans_are_old_enough_a_month_is_projected_and_leaps_with_none_of_them() -> None:
    # Of ten loans one has been on book for two months and has its event then; by itself it would be half of the curve.
    events, seen = whole(2, *[0] * 9), whole(2, *[1] * 9)
    older, older_seen = whole(*[2] * 5, *[0] * 95), whole(*[2] * 100)
    points = curve(events, seen, np.concatenate([events, older]), np.concatenate([seen, older_seen]), 2, 0.95)
    assert [point.state for point in points] == [OBSERVED, PROJECTED]
    assert points[1].share == pytest.approx(1 - np.exp(-6 / 101))


def test_an_event_after_the_months_seen_has_not_happened_yet() -> None:
    events, seen = whole(4, 0), whole(3, 3)
    assert [point.share for point in curve(events, seen, events, seen, 3, 0.95)] == [0.0, 0.0, 0.0]


def test_later_months_are_projected_at_the_level_that_the_cell_has_shown() -> None:
    # The pool: 1,000 loans with a hazard of 1% in each of two months. The cell: 100 loans, one month, 6 events where
    # 1.27 were expected by the pool with the cell in it; the level is (6 + 5) / (1.27.. + 5).
    cell_events, cell_seen = whole(*[1] * 6, *[0] * 94), whole(*[1] * 100)
    pool_events = np.concatenate([cell_events, whole(*[1] * 8, *[2] * 10, *[0] * 982)])
    pool_seen = np.concatenate([cell_seen, whole(*[2] * 1000)])
    points = curve(cell_events, cell_seen, pool_events, pool_seen, 2, 0.95)
    expected = 100 * (14 / 1100)
    level = (6 + 5) / (expected + 5)
    later = 1 - (1 - 0.06) * np.exp(-level * 10 / 992)
    assert [(point.month, point.state) for point in points] == [(1, OBSERVED), (2, PROJECTED)]
    assert points[1].share == pytest.approx(later)
    assert points[1].low < later < points[1].high
    assert points[1].seen == 0


def test_a_curve_ends_where_no_loan_of_any_vintage_has_been() -> None:
    events, seen = whole(1, 0, 0), whole(2, 2, 2)
    assert len(curve(events, seen, events, seen, 36, 0.95)) == 2


def test_a_loan_that_was_late_and_pays_again_stays_ever_late() -> None:
    # 90 days past due in month 3, current from month 5 on: 100% ever, from month 3 to the end. At month 6 it were 0%.
    loans = pl.DataFrame({"term_months": [12], "vintage": ["2020Q1"], "seen": [12], "ever_90": [3]})
    (found,) = curves_by(loans, ["ever_90"], ["vintage"], [], 0.95)
    assert [point["share"] for point in found["points"]] == [0.0, 0.0, *[1.0] * 10]
    assert (found["loans"], found["events"]) == (1, 1)


def draw(rng: np.random.Generator, loans: int, hazards: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Array:
    """Draw the month of the event of each loan, 0 for none."""
    happens = rng.random((loans, hazards.size)) < hazards
    return np.where(happens.any(axis=1), happens.argmax(axis=1) + 1, 0).astype(np.int64)


def test_projections_cover_the_truth_of_a_book_with_known_hazards() -> None:
    """Ten vintages of 400 loans, each at a level of its own; the interval of 95% covers what came in nine of ten."""
    rng = np.random.default_rng(11)
    base = 0.002 + 0.006 * np.exp(-((np.arange(36) - 14) ** 2) / 120.0)
    covered = trials = 0
    for _ in range(12):
        levels = np.exp(rng.normal(0.0, 0.25, 10))
        seen = [np.full(400, 36 - 3 * age, dtype=np.int64) for age in range(10)]
        events = [draw(rng, 400, base * level) for level in levels]
        pool, pool_seen = np.concatenate(events), np.concatenate(seen)
        for own, own_seen in zip(events[1:], seen[1:], strict=True):
            last = curve(own, own_seen, pool, pool_seen, 36, 0.95)[-1]
            assert (last.month, last.state) == (36, PROJECTED)
            came = float((own > 0).mean())
            covered += last.low <= came <= last.high
            trials += 1
    assert trials == 108
    assert covered / trials >= 0.90
