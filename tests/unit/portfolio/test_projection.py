"""Projections by hand, and against a book drawn from known hazards."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from tests.not_none import not_none

from p2pcredit.portfolio.projection import Ahead, Experience, ahead_of, experience_of, level_of, with_months

BORN = date(2020, 1, 1)


def loans(*rows: tuple[date | None, date | None], until: date, term: int = 3, **more: float) -> pl.DataFrame:
    """Days of default and of being paid off, of loans made on 1 January 2020."""
    frame = pl.DataFrame(
        [
            {"origination_date": BORN, "term_months": term, "defaulted_on": bad, "paid_off_on": paid}
            for bad, paid in rows
        ],
        schema_overrides={"defaulted_on": pl.Date, "paid_off_on": pl.Date},
    )
    return with_months(frame, pl.lit(until)).with_columns(pl.lit(value).alias(name) for name, value in more.items())


OWED = loans((None, None), until=BORN, outstanding=300.0, interest_rate_share=0.0)


def projected(owed: pl.DataFrame, book: dict[int, Experience], level: float) -> Ahead:
    return not_none(ahead_of(owed, book, level))


def test_hazards_are_of_the_loans_still_open_when_the_month_begins() -> None:
    # Four loans over three months: one defaults in month 2, one is paid off in month 2, two are paid off at their end.
    end = date(2020, 4, 1)
    book = loans((date(2020, 2, 20), None), (None, date(2020, 2, 25)), (None, end), (None, end), until=date(2020, 6, 1))
    found = experience_of(book)[3]
    assert found.default.tolist() == [0.0, 0.25, 0.0]
    assert found.early.tolist() == [0.0, 0.25, 0.0]  # being paid off at the end of the term is not early


def test_months_that_no_loan_has_been_through_have_the_mean_of_the_last() -> None:
    book = loans((date(2020, 1, 20), None), (None, None), (None, None), (None, None), until=date(2020, 3, 1), term=6)
    assert experience_of(book)[6].default.tolist() == pytest.approx([0.25, 0.0, *[1 / 7] * 4])


def test_the_level_of_a_cell_is_shrunk_to_one_by_five_defaults() -> None:
    cell = loans(*[(date(2020, 1, 20), None)] * 3, *[(None, None)] * 7, until=date(2020, 2, 1))
    book = {3: Experience(np.array([0.1, 0.1, 0.1]), np.zeros(3), 3)}
    assert level_of(cell, book) == pytest.approx((3 + 5) / (1 + 5))


def test_a_loan_that_can_neither_default_nor_be_paid_early_pays_its_annuity() -> None:
    # 300 owed with three months to go at 12% a year: interest of 3.00, 2.01 and 1.01, see the annuity of 102.01.
    owed = loans((None, None), until=BORN, outstanding=300.0, interest_rate_share=0.12)
    found = projected(owed, {3: Experience(np.zeros(3), np.zeros(3), 3)}, 1.0)
    annuity = 300 * 0.01 / (1 - 1.01**-3)
    assert found.principal == pytest.approx(300.0)
    assert found.interest == pytest.approx(3 * annuity - 300)
    assert found.lost == 0.0


def test_losses_and_early_repayment_by_hand() -> None:
    # 300 owed without interest over three months: 300, 200, 100 owed when each begins. A tenth defaults each month; of
    # the others a fifth is paid off early, but for the last month. Alive: 1, 0.72, 0.5184.
    owed = loans((None, None), until=BORN, outstanding=300.0, interest_rate_share=0.0)
    found = projected(owed, {3: Experience(np.full(3, 0.1), np.full(3, 0.2), 3)}, 1.0)
    assert found.lost == pytest.approx(0.1 * (300 + 0.72 * 200 + 0.5184 * 100))
    assert found.principal == pytest.approx(300 - found.lost)
    assert found.years == pytest.approx((300 + 0.72 * 200 + 0.5184 * 100) / 12)
    doubled = projected(owed, {3: Experience(np.full(3, 0.1), np.full(3, 0.2), 3)}, 2.0)
    assert doubled.lost > 1.7 * found.lost


def test_a_loan_beyond_its_term_has_one_month_to_go() -> None:
    owed = loans((None, None), until=date(2020, 9, 1), outstanding=100.0, interest_rate_share=0.0)
    found = projected(owed, {3: Experience(np.array([0.0, 0.0, 0.5]), np.zeros(3), 3)}, 1.0)
    assert (found.lost, found.principal) == (50.0, 50.0)


def test_a_term_of_which_the_book_has_lived_through_less_than_half_is_not_projected() -> None:
    assert ahead_of(OWED, {3: Experience(np.full(3, 0.1), np.zeros(3), 1)}, 1.0) is None
    assert ahead_of(OWED, {3: Experience(np.full(3, 0.1), np.zeros(3), 2)}, 1.0) is not None
    assert experience_of(loans((None, None), until=date(2020, 3, 1), term=6))[6].reached == 2


def test_what_is_projected_for_half_of_a_book_is_what_comes_of_the_other() -> None:
    """Loans of 24 months with a hazard of 1% a month, half of them seen for six months: eight such books."""
    expected = lost = 0.0
    for seed in range(8):
        happens = np.random.default_rng(seed).random((4000, 24)) < 0.01
        month = np.where(happens.any(axis=1), happens.argmax(axis=1) + 1, 0).tolist()
        days = [None if not m else date(2020 + (m - 1) // 12, (m - 1) % 12 + 1, 15) for m in month]
        old = loans(*((day, None) for day in days[:2000]), until=date(2022, 1, 1), term=24)
        seen = [day if day is not None and day < date(2020, 7, 1) else None for day in days[2000:]]
        young = loans(*((day, None) for day in seen), until=date(2020, 7, 1), term=24)
        book = experience_of(pl.concat([old, young]))
        still = young.filter(~pl.col("bad")).with_columns(outstanding=pl.lit(1.0), interest_rate_share=pl.lit(0.0))
        expected += projected(still, book, level_of(young, book)).lost
        lost += sum(1 - (m - 7) / 18 for m in month[2000:] if m > 6)  # owed when the month of the default begins
    assert expected == pytest.approx(lost, rel=0.12)
