"""Roll rates: paths by hand, and loans drawn from a chain whose matrix is known."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.linalg import expm

from p2pcredit.portfolio.roll_rates import MONTH_DAYS, STATES, by_cohorts, by_durations, cures_of, stays_of

UNTIL = date(2020, 12, 31)
Event = tuple[str, date, str, int]


def loans(*born: tuple[str, date]) -> pl.DataFrame:
    return pl.DataFrame(list(born), schema={"loan_id": pl.String, "origination_date": pl.Date}, orient="row")


def events(*rows: Event) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"loan_id": loan, "event_date": on, "row_number": place, "status": status, "days_past_due": days}
            for place, (loan, on, status, days) in enumerate(rows)
        ],
        schema={
            "loan_id": pl.String,
            "event_date": pl.Date,
            "row_number": pl.Int64,
            "status": pl.String,
            "days_past_due": pl.Int64,
        },
    )


PATH = events(
    ("a", date(2020, 3, 20), "LATE", 30),
    ("a", date(2020, 4, 19), "LATE", 60),
    ("a", date(2020, 5, 2), "CURRENT", 0),
    ("a", date(2020, 5, 9), "LATE", 10),
    ("a", date(2020, 8, 1), "FULLY_PAID", 0),
    ("a", date(2020, 9, 1), "LATE", 90),
)


def test_a_life_is_cut_where_the_state_changes_and_ends_where_it_closes() -> None:
    found = stays_of(loans(("a", date(2020, 1, 15))), PATH, UNTIL).rows()
    assert found == [
        ("a", "current", date(2020, 1, 15), date(2020, 3, 20), "30"),
        ("a", "30", date(2020, 3, 20), date(2020, 4, 19), "60"),
        ("a", "60", date(2020, 4, 19), date(2020, 5, 2), "current"),
        ("a", "current", date(2020, 5, 2), date(2020, 8, 1), "paid_off"),
        ("a", "paid_off", date(2020, 8, 1), UNTIL, None),
    ]


def test_cohorts_count_from_one_months_end_to_the_next() -> None:
    # At the ends of months: Jan and Feb current, Mar 30, Apr 60, May to Jul current, Aug paid off, and then no more.
    matrix = by_cohorts(stays_of(loans(("a", date(2020, 1, 15))), PATH, UNTIL), UNTIL, 0.95)
    rows = {(row["from"], row["to"]): row["count"] for row in matrix.as_json() if row["count"]}
    assert rows == {
        ("current", "current"): 3,  # January, May, June
        ("current", "30"): 1,
        ("current", "paid_off"): 1,
        ("30", "60"): 1,
        ("60", "current"): 1,
    }
    assert matrix.shares[0].sum() == pytest.approx(1.0)


def test_a_move_on_the_last_day_of_a_month_holds_at_its_end() -> None:
    path = events(("a", date(2020, 2, 29), "LATE", 30), ("a", date(2020, 3, 31), "CURRENT", 0))
    matrix = by_cohorts(stays_of(loans(("a", date(2020, 1, 31))), path, date(2020, 4, 30)), date(2020, 4, 30), 0.95)
    rows = {(row["from"], row["to"]): row["count"] for row in matrix.as_json() if row["count"]}
    assert rows == {("current", "30"): 1, ("30", "current"): 1, ("current", "current"): 1}


def test_durations_divide_moves_by_the_time_spent() -> None:
    stays = stays_of(loans(("a", date(2020, 1, 15))), PATH, UNTIL)
    matrix = by_durations(stays, 0.95)
    assert matrix.exposure[0] == pytest.approx((65 + 91) / MONTH_DAYS)  # 15 January to 20 March, 2 May to 1 August
    assert matrix.exposure[1] == pytest.approx(30 / MONTH_DAYS)
    assert matrix.counts[0].tolist() == [0, 1, 0, 0, 0, 1]
    assert np.allclose(matrix.shares[[0, 1, 2]].sum(axis=1), 1.0)
    assert np.isnan(matrix.shares[3]).all()  # no loan was ever 90 days past due


def test_a_cure_is_a_return_to_current_or_paid_off_of_those_that_left() -> None:
    stays = stays_of(loans(("a", date(2020, 1, 15))), PATH, UNTIL)
    assert [(row["state"], row["left"], row["cured"]) for row in cures_of(stays, 0.95)] == [
        ("30", 1, 0),
        ("60", 1, 1),
        ("90", 0, 0),
    ]


RATES = np.array(
    [
        [0.0, 0.060, 0.0, 0.0, 0.0, 0.020],
        [0.45, 0.0, 0.40, 0.0, 0.0, 0.02],
        [0.20, 0.10, 0.0, 0.50, 0.0, 0.0],
        [0.05, 0.0, 0.0, 0.0, 0.60, 0.01],
        [0.0] * 6,
        [0.0] * 6,
    ]
)
"""Moves a month, from row to column."""
_STATUS = {
    "current": ("CURRENT", 0),
    "30": ("LATE", 30),
    "60": ("LATE", 60),
    "90": ("DEFAULT", 90),
    "charged_off": ("CHARGED_OFF", 120),
    "paid_off": ("FULLY_PAID", 0),
}


def simulated(number: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Draw the lives of loans from the chain with these rates, in days."""
    rng = np.random.default_rng(seed)
    born = date(2015, 1, 1)
    rows: list[Event] = []
    starts = []
    for loan in range(number):
        start = born + timedelta(days=int(rng.integers(0, 365)))
        starts.append((f"{loan}", start))
        day, state = 0.0, 0
        while state < 4:
            total = RATES[state].sum()
            day += rng.exponential(MONTH_DAYS / total)
            if day > 1500:
                break
            state = int(rng.choice(6, p=RATES[state] / total))
            rows.append((f"{loan}", start + timedelta(days=int(day)), *_STATUS[STATES[state]]))
    return loans(*starts), events(*rows)


def test_both_estimators_find_the_matrix_that_loans_were_drawn_from() -> None:
    until = date(2018, 12, 31)
    stays = stays_of(*simulated(3000, 7), until)
    generator = RATES.copy()
    np.fill_diagonal(generator, -RATES.sum(axis=1))
    truth = expm(generator)
    durations, cohorts = by_durations(stays, 0.99), by_cohorts(stays, until, 0.99)
    # Some 400 loans were ever in the worst state; days are whole, so that a few moves of one day are lost.
    assert np.abs(durations.shares[:4] - truth[:4]).max() < 0.05
    assert np.abs(cohorts.shares[:4] - truth[:4]).max() < 0.05
    inside = (durations.low[:4] - 0.005 <= truth[:4]) & (truth[:4] <= durations.high[:4] + 0.005)
    assert inside.mean() >= 0.9
    within = (cohorts.low[:4] - 0.005 <= truth[:4]) & (truth[:4] <= cohorts.high[:4] + 0.005)
    assert within.mean() >= 0.9
    # From current to charge-off within a month: hardly any loan does it, and durations give it a probability.
    assert durations.shares[0, 4] == pytest.approx(truth[0, 4], rel=0.25)
    cured = {row["state"]: row["share"] for row in cures_of(stays, 0.95)}
    assert cured["30"] == pytest.approx(0.47 / 0.87, abs=0.03)
    assert cured["90"] == pytest.approx(0.06 / 0.66, abs=0.03)


def test_the_same_loans_give_the_same_intervals() -> None:
    stays = stays_of(*simulated(200, 3), date(2018, 12, 31))
    first, again = by_durations(stays, 0.9), by_durations(stays, 0.9)
    assert np.array_equal(first.low, again.low, equal_nan=True)
