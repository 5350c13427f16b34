"""One loan followed over its term gets the numbers of the frames, to the last bit, in any company."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit.models.economics.experience import Experience, ProductExperience
from p2pcredit.models.economics.value import value_numbers
from p2pcredit.models.one_loan.over_term import LoansOverTerm, OverTerm
from p2pcredit.models.term_structure.structure import ProductCurve, TermStructure

SHARES = tuple(np.random.default_rng(3).uniform(0.0, 0.2, 60).tolist())
CURVES = {
    12: ProductCurve(SHARES[:12], 0.07, 100, 9, 12),
    36: ProductCurve(SHARES[:36], 0.11, 100, 9, 30),
    60: ProductCurve(SHARES, 0.19, 100, 9, 40),
}
STRUCTURE = TermStructure(12, CURVES, CURVES[36], (0.7, 1.0, 0.31))
EARLY = tuple(np.random.default_rng(4).uniform(0.0, 0.05, 36).tolist())
SHOWN = ProductExperience(0.62, None, None, 50, "product", EARLY)
OTHER = ProductExperience(1.4, None, None, 0, "setting")
SERVICING = 0.01

LOAN = st.tuples(
    st.floats(1e-6, 1 - 1e-6),
    st.sampled_from([1.0, 2.0, 11.0, 12.0, 13.0, 36.0, 36.5, 60.0, 84.0, 480.0, 481.0, 0.0, -4.0, 0.5]),
    st.one_of(st.sampled_from([0.0, 1e-300, 1.0, -0.01, float("inf")]), st.floats(0.0, 0.6)),
)


def bits(values: list[float | None]) -> list[str | None]:
    return [None if value is None or value != value else float(value).hex() for value in values]


@pytest.mark.parametrize("lag", [0, 1, 3, 40])
@given(loans=st.lists(LOAN, min_size=1, max_size=6))
def test_it_is_what_the_frames_calculate_of_many(lag: int, loans: list[tuple[float, float, float]]) -> None:
    experience = Experience(date(2020, 1, 1), {36: SHOWN, 12: SHOWN}, OTHER, lag)
    chances, terms, rates = (np.array(column) for column in zip(*loans, strict=True))
    valued = value_numbers(STRUCTURE, experience, chances, terms, rates)
    lifetime, earned = STRUCTURE.lifetime_of_terms(chances, terms), valued.annual_return(SERVICING)
    one_by_one = LoansOverTerm(STRUCTURE, experience, SERVICING)
    for place, (chance, term, rate) in enumerate(loans):
        expected = [float(column[place]) for column in (lifetime, valued.loss, earned)]
        assert bits([*one_by_one.of(np.array([chance]), term, rate)]) == bits([*expected])


def test_what_is_not_known_stays_unknown() -> None:
    experience = Experience(date(2020, 1, 1), {}, SHOWN, 3)
    chance = np.array([0.1])
    followed = LoansOverTerm(STRUCTURE, experience, SERVICING)
    assert followed.of(chance, None, 0.1) == OverTerm()
    assert followed.of(chance, 36.0, None).loss is None
    assert followed.of(chance, 36.0, None).lifetime is not None
    assert LoansOverTerm(None, experience, SERVICING).of(chance, 36.0, 0.1) == OverTerm()
    without = LoansOverTerm(STRUCTURE, None, SERVICING).of(chance, 36.0, 0.1)
    assert (without.loss, without.lifetime) == (None, followed.of(chance, 36.0, 0.1).lifetime)
