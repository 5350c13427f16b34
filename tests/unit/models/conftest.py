"""A seeded book of loans whose risk is known, and one training on it that many tests look at."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from p2pcredit.models.training.candidates import TrainingRun, train_candidates
from p2pcredit.settings import Settings

AS_OF = date(2012, 6, 30)


def make_book(loans: int = 4000, seed: int = 11, *, as_of: date = AS_OF) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make features and outcomes, as observed by `as_of`, of loans originated from 2009-01-01 to 2012-05-31."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, 1246, loans))
    origination = np.datetime64("2009-01-01") + day.astype("timedelta64[D]")
    income = np.round(rng.lognormal(10.8, 0.5, loans), -2)
    inquiries = rng.poisson(1.0, loans).astype(float)
    utilisation = np.where(rng.random(loans) < 0.05, np.nan, rng.beta(2, 2, loans))
    purpose = rng.choice(["CAR", "DEBT", "BUSINESS", "HOLIDAY"], loans, p=[0.3, 0.5, 0.19, 0.01])
    eta = -2.4 - 0.7 * (np.log(income) - 10.8) + 0.25 * inquiries + 1.2 * (np.nan_to_num(utilisation, nan=0.5) - 0.5)
    eta = eta + 0.6 * (purpose == "BUSINESS")
    bad = rng.random(loans) < 1 / (1 + np.exp(-eta))
    month_of_default = np.where(bad, rng.integers(4, 13, loans), 0)
    paid_off = np.where(rng.random(loans) < 0.1, rng.integers(1, 12, loans), 99)
    elapsed = (np.datetime64(as_of) - origination).astype(int) // 31
    defaulted = bad & (month_of_default <= elapsed) & (month_of_default <= paid_off)
    closed = ~defaulted & (paid_off <= elapsed) & (paid_off < 12)
    observed = np.minimum.reduce([elapsed, paid_off, np.where(defaulted, month_of_default - 1, 99), np.full(loans, 12)])
    window_closed = origination + np.timedelta64(395, "D")
    matured = window_closed <= np.datetime64(as_of)
    ids = [f"L{i:05d}" for i in range(loans)]
    features = pl.DataFrame(
        {
            "loan_id": ids,
            "snapshot_date": origination.astype("datetime64[D]"),
            "known_on": origination.astype("datetime64[D]"),
            "annual_income": income,
            "inquiries_6m_count": inquiries,
            "revolving_utilisation_share": pl.Series(utilisation).fill_nan(None),
            "open_accounts_count": rng.poisson(8, loans).astype(float),
            "purpose": purpose,
            "fico": pl.Series([None] * loans, dtype=pl.Float64),
            "platform_sub_grade": [
                f"{'ABCDEFG'[int(r)]}1" for r in np.clip(3 + eta + 2.4 + rng.normal(size=loans), 0, 6)
            ],
        }
    )
    outcomes = pl.DataFrame(
        {
            "loan_id": ids,
            "origination_date": origination.astype("datetime64[D]"),
            "window_closed_on": window_closed.astype("datetime64[D]"),
            "label": pl.Series(defaulted.astype(np.int8))
            .to_frame("x")
            .select(pl.when(pl.Series(matured)).then(pl.col("x")).alias("label"))["label"],
            "months_observed": pl.Series(np.maximum(observed, 0), dtype=pl.Int32),
            "defaulted_in_month": pl.Series(
                [int(m) if d else None for m, d in zip(month_of_default, defaulted, strict=True)], dtype=pl.Int32
            ),
            "late_in_month": pl.Series(
                [max(1, int(m) - 2) if d else None for m, d in zip(month_of_default, defaulted, strict=True)],
                dtype=pl.Int32,
            ),
            "closed": closed,
            "definition": "pd12",
            # Every seventh good was late once, after the months that count, and paid again.
            "late_cured": pl.Series(
                [0 if bad else 1 if place % 7 == 0 else None for place, bad in enumerate(defaulted)], dtype=pl.Int8
            ),
            "sign_rebuilt": False,
        }
    )
    return features, outcomes


@pytest.fixture(scope="session")
def book() -> tuple[pl.DataFrame, pl.DataFrame]:
    return make_book()


@pytest.fixture(scope="session")
def run(book: tuple[pl.DataFrame, pl.DataFrame]) -> TrainingRun:
    return train_candidates(*book, as_of=AS_OF, settings=Settings())
