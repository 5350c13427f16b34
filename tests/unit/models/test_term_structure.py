"""The term structure of default: by hand, on books whose truth is known, and by laws."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit.errors import BankError
from p2pcredit.models.term_structure.fit import Watched, fit_term_structure, watch, watched_later
from p2pcredit.models.term_structure.structure import (
    TERM_STRUCTURE_FILE,
    ProductCurve,
    TermStructure,
    read_term_structure,
    term_structure_facts,
)

WINDOW = 12


def watched_alike(*groups: tuple[int, int, int, int, float], cohort: int = 0) -> Watched:
    """Make loans: each group is (loans, term, months watched, 1 where they then default, hazard within the window)."""
    columns = list(zip(*[group[1:] for group in groups for _ in range(group[0])], strict=True))
    terms, months, defaulted, hazard = (np.array(column) for column in columns)
    return Watched(
        terms.astype(np.int64),
        np.full(terms.size, cohort, dtype=np.int64),
        months.astype(np.int64),
        defaulted.astype(np.float64),
        hazard.astype(np.float64),
    )


def test_shares_are_defaults_over_risk_at_stake_by_hand() -> None:
    # 1,000 loans of 24 months, each of hazard 0.05: 10 default in month 6, 20 in month 18, the others never.
    structure = fit_term_structure(
        watched_alike((10, 24, 6, 1, 0.05), (20, 24, 18, 1, 0.05), (970, 24, 24, 0, 0.05)), window_months=WINDOW
    )
    assert structure is not None
    curve = structure.products[24]
    assert (curve.loans, curve.defaults, curve.watched_months) == (1000, 30, 24)
    assert curve.shares[5] == pytest.approx(1.0), "all defaults within the window came in month 6"
    assert curve.shares[17] == pytest.approx((20 / 990) / (10 / 1000)), "20 of 990 after 10 of 1,000"
    assert sum(curve.shares) == pytest.approx(1.0 + curve.shares[17])
    assert structure.powers == (1.0,), "loans of one risk say nothing of how an excess fades"
    by_then = structure.cumulative(np.array([1 - np.exp(-0.05)]), 24, [12, 17, 18, 24])[0]
    assert by_then == pytest.approx(1 - np.exp(-0.05 * np.array([1, 1, 1 + curve.shares[17], 1 + curve.shares[17]])))


def test_what_the_later_months_are_known_from_by_hand() -> None:
    old = watched_alike((5, 36, 20, 1, 0.05), (95, 36, 30, 0, 0.05), cohort=2007 * 4 + 2)
    new = watched_alike((3, 36, 14, 1, 0.05), (4, 36, 9, 1, 0.05), (50, 36, 12, 0, 0.05), cohort=2008 * 4)
    both = Watched(
        np.concatenate([old.terms, new.terms]),
        np.concatenate([old.cohorts, new.cohorts]),
        np.concatenate([old.months, new.months]),
        np.concatenate([old.defaulted, new.defaulted]),
        np.concatenate([old.hazard, new.hazard]),
    )
    told = watched_later(both, WINDOW)
    assert told == {"quarters": 2, "first": "2007Q3", "last": "2008Q1", "defaults": 8}
    young = watched_alike((4, 36, 9, 1, 0.05), (50, 36, 12, 0, 0.05), cohort=2008 * 4)
    assert watched_later(young, WINDOW) == {"quarters": 0, "first": None, "last": None, "defaults": 0}


def test_too_few_defaults_give_no_curve() -> None:
    loans = watched_alike((9, 36, 5, 1, 0.05), (500, 36, 30, 0, 0.05))
    assert fit_term_structure(loans, window_months=WINDOW) is None
    assert term_structure_facts(None) is None


def test_months_watched_by_hand() -> None:
    outcomes = pl.DataFrame(
        {
            "loan_id": ["open", "paid", "bad", "bad later", "old", "unknown", "no term", "new", "unscored"],
            "origination_date": [date(2010, 1, 15)] * 4
            + [date(2005, 1, 1)]
            + [date(2010, 1, 15)] * 2
            # of the last but one no month has passed
            + [date(2011, 6, 1), date(2010, 1, 15)],
            "term_months": pl.Series([36, 36, 36, 36, 6, 36, None, 36, 36], dtype=pl.Int32),
            "defaulted_in_month": pl.Series([None, None, 7, 20, None, None, None, None, None], dtype=pl.Int32),
            "unknown_outcome": [False] * 5 + [True] + [False] * 3,
        }
    )
    chances = outcomes.select("loan_id").head(8).with_columns(probability_of_default=pl.lit(0.1))
    found = watch(outcomes, chances, until=date(2011, 6, 14), window_months=WINDOW)
    # 16 whole months by then for those of 15 January 2010 (the 17th ends on the 15th); a default of month 20 is later.
    assert found.months.tolist() == [16, 16, 7, 16, 12]
    assert found.defaulted.tolist() == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert found.terms.tolist() == [36, 36, 36, 36, 6], "paid loans stay at risk: they cannot default any more"
    assert found.cohorts.tolist() == [8040, 8040, 8040, 8040, 8020]
    assert found.hazard == pytest.approx(-np.log(0.9))


class Book:
    """Loans of 36 and, launched later in good years, of 60 months, some paid off early, with the truth of each.

    Args:
        seed: Of everything drawn.
        levels: Of the hazard in the bad years and in the good ones.
    """

    def __init__(self, seed: int, levels: tuple[float, float] = (1.6, 0.8)) -> None:
        draw, loans = np.random.default_rng(seed), 40_000
        quarter = draw.integers(0, 40, loans)
        self.terms = np.where((quarter >= 12) & (draw.random(loans) < 0.4), 60, 36)
        self.risk = draw.normal(size=loans) * 0.6
        self.bad_years = quarter < 12
        months = np.arange(1, 61)
        short = 0.006 * np.exp(-(((months - 14) / 12.0) ** 2)) + 0.001
        long = 0.008 * np.exp(-(((months - 20) / 18.0) ** 2)) + 0.001
        power = np.where(months <= 12, 1.0, np.where(months <= 24, 0.8, 0.6))
        shape = np.where(self.terms[:, None] == 36, short, long)
        hazard = shape * np.exp(self.risk[:, None] * power)
        hazard[months[None, :] > self.terms[:, None]] = 0.0
        self.by_month = self.default_by_month(hazard)
        lived = hazard * np.where(self.bad_years, *levels)[:, None]
        fails, pays = draw.random(lived.shape) < lived, draw.random(lived.shape) < self.prepaid
        fail = np.where(fails.any(axis=1), fails.argmax(axis=1) + 1, 999)
        pay = np.where(pays.any(axis=1), pays.argmax(axis=1) + 1, 999)
        bad = (fail <= pay) & (fail <= self.terms)
        year, month = 2000 + quarter // 4, (quarter % 4) * 3 + 1 + draw.integers(0, 3, loans)
        names = [str(number) for number in range(loans)]
        self.outcomes = pl.DataFrame(
            {
                "loan_id": names,
                "origination_date": [date(int(y), int(m), 1) for y, m in zip(year, month, strict=True)],
                "term_months": self.terms,
                "defaulted_in_month": pl.Series(np.where(bad, fail, 0)),
                "unknown_outcome": [False] * loans,
            }
        ).with_columns(pl.col("defaulted_in_month").replace(0, None))
        self.chances = pl.DataFrame({"loan_id": names, "probability_of_default": self.by_month[:, 11]})

    prepaid = 0.015

    def default_by_month(self, hazard: Any) -> Any:
        """Give the probability of default by each month where some pay off early."""
        before = np.cumprod(np.hstack([np.ones((hazard.shape[0], 1)), (1 - hazard) * (1 - self.prepaid)]), axis=1)
        return np.cumsum(before[:, :-1] * hazard, axis=1)

    def fit(self, until: date) -> TermStructure:
        found = fit_term_structure(
            watch(self.outcomes, self.chances, until=until, window_months=WINDOW), window_months=WINDOW
        )
        assert found is not None
        return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_truth_of_a_book_is_found_though_one_term_was_launched_in_good_years(seed: int) -> None:
    book = Book(seed)
    structure = book.fit(date(2010, 1, 1))
    lifetime = structure.lifetime(book.by_month[:, 11], book.outcomes["term_months"])
    for term in (36, 60):
        of_term = book.terms == term
        true = book.by_month[of_term, term - 1]
        ratio = lifetime[of_term].mean() / true.mean()
        events = structure.products[term].defaults
        # Defaults seen are a Poisson count: four standard errors of it, and 2% for what fades between the bands.
        assert abs(np.log(ratio)) < 4.0 / np.sqrt(events) + 0.02, (term, ratio, events)
        riskiest = of_term & (book.risk > np.quantile(book.risk, 0.9))
        assert lifetime[riskiest].mean() == pytest.approx(book.by_month[riskiest, term - 1].mean(), rel=0.12)
    assert structure.powers[0] == pytest.approx(0.8, abs=0.12)
    assert structure.powers[1] == pytest.approx(0.6, abs=0.15)


def test_pooled_over_cohorts_the_same_book_would_mislead() -> None:
    """Loans are watched longest where they are oldest, in the bad years: their late months are no effect of age."""
    book = Book(4, levels=(2.5, 0.5))
    until = date(2006, 1, 1)
    watched = watch(book.outcomes, book.chances, until=until, window_months=WINDOW)
    one_cohort = Watched(
        watched.terms, np.zeros_like(watched.cohorts), *(watched.months, watched.defaulted), watched.hazard
    )
    pooled, found = fit_term_structure(one_cohort, window_months=WINDOW), book.fit(until)
    assert pooled is not None
    young = (book.terms == 36) & ~book.bad_years
    true = book.by_month[young, 35].mean()
    apart, together = (
        s.lifetime(book.by_month[young, 11], pl.Series([36] * int(young.sum()))).mean() for s in (found, pooled)
    )
    assert apart == pytest.approx(true, rel=0.1)
    assert abs(together / true - 1) > 2 * abs(apart / true - 1)


def test_a_month_that_nobody_reached_is_carried_on_and_said() -> None:
    loans = watched_alike((60, 36, 10, 1, 0.08), (940, 36, 18, 0, 0.08))
    structure = fit_term_structure(loans, window_months=WINDOW)
    assert structure is not None
    curve = structure.products[36]
    assert curve.watched_months == 18
    last_year = sum(curve.shares[6:18]) / 12
    assert curve.shares[18:] == pytest.approx([last_year] * 18)
    assert curve.unseen_share == pytest.approx(18 * last_year / (1 + 18 * last_year))


def test_a_term_never_seen_follows_the_curve_of_all_and_short_terms_end_with_the_window() -> None:
    structure = fit_term_structure(
        watched_alike((50, 36, 9, 1, 0.05), (40, 36, 20, 1, 0.05), (910, 36, 36, 0, 0.05)), window_months=WINDOW
    )
    assert structure is not None
    chances = np.array([0.04, 0.04, 0.04, 0.04])
    found = structure.lifetime(chances, pl.Series([36, 48, 6, None]))
    assert found[1] >= found[0] > 0.04
    assert found[2] == 0.04, "within six months it cannot default later than the window looks"
    assert np.isnan(found[3])


@given(
    chances=st.lists(st.floats(1e-6, 0.95), min_size=1, max_size=20),
    shares=st.lists(st.floats(0.0, 0.5), min_size=60, max_size=60),
    powers=st.lists(st.floats(0.0, 1.5), min_size=0, max_size=4),
    term=st.sampled_from([3, 12, 13, 36, 60, 84]),
)
def test_no_month_undoes_default_and_the_window_stays_what_the_model_says(
    chances: list[float], shares: list[float], powers: list[float], term: int
) -> None:
    curve = ProductCurve(tuple(shares), typical=0.05, loans=1, defaults=1, watched_months=60)
    structure = TermStructure(WINDOW, {60: curve}, curve, tuple(powers))
    given_chances = np.array(chances)
    within = sum(shares[:WINDOW])
    if within == 0.0:
        return
    whole = TermStructure(WINDOW, {}, ProductCurve(tuple(s / within for s in shares), 0.05, 1, 1, 60), tuple(powers))
    built = whole.cumulative(given_chances, term)
    assert built.shape == (len(chances), max(term, WINDOW))
    assert (np.diff(built, axis=1) >= -1e-12).all()
    assert ((built >= 0.0) & (built <= 1.0)).all()
    assert built[:, WINDOW - 1].tolist() == chances
    lifetime = structure.lifetime(given_chances, pl.Series([term] * len(chances)))
    assert (lifetime >= given_chances).all()


def test_it_is_read_back_as_it_was_written_and_damage_is_said() -> None:
    structure = fit_term_structure(
        watched_alike((50, 36, 9, 1, 0.05), (40, 60, 20, 1, 0.07), (910, 60, 36, 0, 0.05)), window_months=WINDOW
    )
    assert structure is not None
    written = structure.to_bytes()
    assert read_term_structure({TERM_STRUCTURE_FILE: written}) == structure
    assert read_term_structure({}) is None
    for damaged in (b"{", b"[]", b'{"schema_version": 9}', written.replace(b'"typical"', b'"untypical"')):
        with pytest.raises(BankError, match=TERM_STRUCTURE_FILE):
            read_term_structure({TERM_STRUCTURE_FILE: damaged})


def test_a_term_longer_than_any_contract_has_no_lifetime_and_takes_no_memory() -> None:
    curve = ProductCurve((0.01,) * 12, typical=0.1, loans=9, defaults=1, watched_months=12)
    terms = pl.Series([12.0, 480.0, 481.0, 1e9, 1e300, None])
    found = TermStructure(12, {12: curve}, curve, (1.0,)).lifetime(np.full(6, 0.1), terms)
    assert np.isfinite(found).tolist() == [True, True, False, False, False, False]
