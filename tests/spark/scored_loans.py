"""Loans of a feature store and a model of either family that learned from them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from p2pcredit.contracts.features import FEATURES
from p2pcredit.contracts.tables import FEATURE_STORE
from p2pcredit.models.absence_effects import Outcomes
from p2pcredit.models.boosting.model import BoostingModel, fit_boosting
from p2pcredit.models.boosting.trees import Trees
from p2pcredit.models.scorecard.fit import fit_scorecard
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.scoring_model import ScoringModel

LEARNED = ("loan_to_income", "debt_to_income_share", "fico", "purpose")


def loans(count: int = 600) -> pl.DataFrame:
    """Make loans of three weeks with a few features that depend on default; every tenth value is missing."""
    chance = np.random.default_rng(5)
    days = [date(2010, 1, 20) + timedelta(days=n % 20) for n in range(count)]
    values = {
        "loan_to_income": chance.uniform(0.01, 0.6, count),
        "debt_to_income_share": chance.uniform(0, 0.4, count),
        "fico": chance.uniform(600, 850, count),
    }
    known = {
        name: pl.Series(name, column).set(pl.Series(chance.random(count) < 0.1), None)
        for name, column in values.items()
    }
    purpose = pl.Series("purpose", chance.choice(["CAR", "CARDS", "WEDDING"], count))
    frame = pl.DataFrame({"loan_id": [f"l{n:04}" for n in range(count)], "snapshot_date": days, "known_on": days})
    frame = frame.with_columns(*known.values(), purpose)
    return frame.with_columns(
        pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in FEATURE_STORE.schema.items()
        if name not in frame.columns
    ).select(list(FEATURE_STORE.schema))


def model(family: str) -> ScoringModel:
    """Fit a small model of the family, with a neutral profile so that there are reasons."""
    frame = loans()
    risk = frame["loan_to_income"].fill_null(0.3) * 4 - (frame["fico"].fill_null(700) - 700) / 100
    risk += 1.5 * (frame["purpose"] == "WEDDING")
    bads = (np.random.default_rng(6).random(frame.height) < 1 / (1 + np.exp(1.5 - risk.to_numpy()))).astype(float)
    features = tuple(feature for feature in FEATURES if feature.name in LEARNED)
    fitted: ScorecardModel | BoostingModel
    if family == "scorecard":
        fitted = fit_scorecard(frame, features, bads)
    else:
        fitted = fit_boosting(frame, features, bads, seed=1, threads=1, trees=Trees(rounds=20))
    neutral: dict[str, float | str | None] = {
        "loan_to_income": 0.2,
        "debt_to_income_share": 0.1,
        "fico": 720.0,
        "purpose": "CAR",
    }
    known = {name: neutral[name] for name in fitted.feature_names}
    return fitted.with_reference(known, frame, Outcomes(bads))


def odd_loans() -> pl.DataFrame:
    """Return the same loans, some of them outside what the model was trained on."""
    odd = pl.col("loan_id").str.ends_with("7")
    return loans().with_columns(
        pl.when(odd).then(pl.lit("BOAT")).otherwise("purpose").alias("purpose"),
        pl.when(pl.col("loan_id").str.ends_with("77")).then(900.0).otherwise("fico").alias("fico"),
    )
