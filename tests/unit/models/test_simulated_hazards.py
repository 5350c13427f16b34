"""On a book whose hazards are known, learning from everything observed ranks better than learning from matured loans,
and learning from resolved loans tells far too many defaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from p2pcredit.models.reference_borrower import feature_named
from p2pcredit.models.training.fit import Learner
from p2pcredit.models.training.hazard import Exposure, measure_exposure, observed_by
from p2pcredit.settings import Settings

AS_OF = date(2012, 1, 1)
MONTHS = 24
SETTINGS = Settings()
FEATURES = tuple(map(feature_named, ("fico", "debt_to_income_share", "inquiries_6m_count", "purpose")))
SEEDS = (1, 2, 3, 4, 5)
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Book:
    """Loans as observed by `AS_OF`, their true log risk, and loans that come after with their true probabilities."""

    loans: pl.DataFrame
    later: pl.DataFrame
    later_risk: Array
    later_pd: float


def _applicants(rng: np.random.Generator, size: int, prefix: str) -> tuple[pl.DataFrame, Array]:
    fico, debt = rng.normal(700, 40, size), rng.beta(2, 6, size)
    inquiries, purpose = rng.poisson(1.0, size), rng.choice(["CAR", "DEBT", "BUSINESS"], size)
    risk = -0.012 * (fico - 700) + 2.0 * (debt - 0.25) + 0.25 * (inquiries - 1) + 0.5 * (purpose == "BUSINESS")
    frame = pl.DataFrame(
        {
            "loan_id": [f"{prefix}{i:05d}" for i in range(size)],
            "fico": fico,
            "debt_to_income_share": debt,
            "inquiries_6m_count": inquiries.astype(float),
            "purpose": purpose,
        }
    )
    return frame, np.asarray(risk, dtype=np.float64)


def _hazards(risk: Array) -> Array:
    """Monthly hazards of default, (loans, 12): they rise over the first half-year, the same way for all."""
    baseline = 0.005 * np.minimum(1.0, np.arange(1, 13) / 6.0)
    return 1.0 - (1.0 - baseline[None, :]) ** np.exp(risk)[:, None]


def simulate(seed: int) -> Book:
    """A book that grows fast, so that few of its loans have matured; safe borrowers pay off sooner."""
    rng = np.random.default_rng(seed)
    sizes = (40 * 1.13 ** np.arange(MONTHS)).astype(int)
    frame, risk = _applicants(rng, int(sizes.sum()), "L")
    elapsed = np.repeat(np.arange(MONTHS, 0, -1), sizes)
    fails = rng.random((risk.size, 12)) < _hazards(risk)
    default = np.where(fails.any(axis=1), fails.argmax(axis=1) + 1, 99)
    leaves = rng.random((risk.size, 12)) < (0.02 * np.exp(-0.3 * risk))[:, None]
    paid = np.where(leaves.any(axis=1), leaves.argmax(axis=1) + 1, 99)
    seen_default = (default <= elapsed) & (default <= paid)
    watched = np.minimum.reduce([elapsed, paid, default - 1, np.full(risk.size, 12)])
    start = np.datetime64("2012-01", "M") - elapsed.astype("timedelta64[M]")
    loans = frame.with_columns(
        pl.Series("origination_date", start.astype("datetime64[D]")),
        pl.Series("months_observed", watched, dtype=pl.Int32),
        pl.Series("defaulted_in_month", np.where(seen_default, default, -1), dtype=pl.Int32).replace(-1, None),
        pl.Series("closed", ~seen_default & (paid <= elapsed)),
        pl.Series("matured", elapsed >= 13),
    )
    later, later_risk = _applicants(rng, 4000, "N")
    return Book(loans, later, later_risk, float(1.0 - np.prod(1.0 - _hazards(later_risk), axis=1).mean()))


def labelled(loans: pl.DataFrame) -> pl.DataFrame:
    return loans.with_columns(pl.col("defaulted_in_month").is_not_null().cast(pl.Int8).alias("label"))


def rank_correlation(first: Array, second: Array) -> float:
    one, other = (np.argsort(np.argsort(values)) for values in (first, second))
    return float(np.corrcoef(one, other)[0, 1])


@pytest.fixture(scope="module")
def books() -> list[Book]:
    return [simulate(seed) for seed in SEEDS]


def exposure_of(book: Book) -> Exposure:
    return measure_exposure(observed_by(book.loans, AS_OF, window_months=12, lag_days=0), window_months=12)


@pytest.mark.parametrize("family", ["scorecard", "boosting"])
def test_the_hazard_form_finds_the_true_risk_better_than_matured_loans_alone(books: list[Book], family: str) -> None:
    learner, gains = Learner(family, FEATURES, SETTINGS), []
    for book in books:
        matured, exposure = labelled(book.loans.filter(pl.col("matured"))), exposure_of(book)
        assert exposure.defaulted.sum() > 1.8 * int(matured["label"].sum())  # more to learn from
        by_label = rank_correlation(learner.on_labels(matured).margin(book.later), book.later_risk)
        by_hazard = rank_correlation(learner.on_exposure(book.loans, exposure).margin(book.later), book.later_risk)
        gains.append(by_hazard - by_label)
    assert np.mean(gains) > 0.02
    assert sum(gain > 0.0 for gain in gains) >= len(SEEDS) - 1


@pytest.mark.parametrize("family", ["scorecard", "boosting"])
def test_resolved_loans_alone_tell_far_too_many_defaults_and_the_hazard_form_does_not(
    books: list[Book], family: str
) -> None:
    learner = Learner(family, FEATURES, SETTINGS)
    ended = pl.col("closed") | pl.col("defaulted_in_month").is_not_null()
    for book in books:
        resolved = learner.on_labels(labelled(book.loans.filter(ended))).predict(book.later).mean()
        honest = learner.on_exposure(book.loans, exposure_of(book)).predict(book.later).mean()
        assert resolved > 2.0 * book.later_pd
        assert honest == pytest.approx(book.later_pd, rel=0.3)


def test_prepayment_and_censoring_leave_the_life_table_right(books: list[Book]) -> None:
    told = [1.0 - np.prod(1.0 - np.array(exposure_of(book).hazards)) for book in books]
    assert np.mean(told) == pytest.approx(np.mean([book.later_pd for book in books]), rel=0.1)


def launched_in_good_years(seed: int) -> pl.DataFrame:
    """Loans of six years, three bad and three good; those of 60 months, half again as risky, began in the fourth."""
    rng = np.random.default_rng(seed)
    month = rng.integers(0, 72, 24_000)
    frame, risk = _applicants(rng, month.size, "T")
    longer = (month >= 36) & (rng.random(month.size) < 0.4)
    level = np.where(month < 36, 1.5, 0.6)
    hazards = 1.0 - (1.0 - _hazards(risk)) ** (level * np.where(longer, 1.5, 1.0))[:, None]
    fails = rng.random(hazards.shape) < hazards
    default = np.where(fails.any(axis=1), fails.argmax(axis=1) + 1, 99)
    elapsed = 72 - month
    seen = default <= np.minimum(elapsed, 12)
    start = np.datetime64("2012-01", "M") - elapsed.astype("timedelta64[M]")
    return frame.with_columns(
        pl.Series("term_months", np.where(longer, 60.0, 36.0)),
        pl.Series("origination_date", start.astype("datetime64[D]")),
        pl.Series("months_observed", np.where(seen, default - 1, np.minimum(elapsed, 12)), dtype=pl.Int32),
        pl.Series("defaulted_in_month", np.where(seen, default, -1), dtype=pl.Int32).replace(-1, None),
    ).sort("origination_date", "loan_id")


@pytest.mark.parametrize("family", ["scorecard", "boosting"])
def test_a_term_launched_in_good_years_is_found_as_risky_as_it_is(family: str) -> None:
    """Pooled over quarters it looks safer than the other: its years were better (0.6 x 1.5 against 1.1)."""
    learner = Learner(family, (*FEATURES, feature_named("term_months")), SETTINGS)
    found = []
    for seed in SEEDS[:3]:
        loans = launched_in_good_years(seed)
        exposure = measure_exposure(observed_by(loans, AS_OF, window_months=12, lag_days=0), window_months=12)
        model = learner.on_exposure(loans, exposure)
        short, long = (
            model.margin(loans.with_columns(pl.lit(term, dtype=pl.Float64).alias("term_months"))).mean()
            for term in (36.0, 60.0)
        )
        found.append(np.exp(long - short))
    assert np.mean(found) == pytest.approx(1.5, abs=0.25)
