from __future__ import annotations

from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from p2pcredit.contracts.features import FEATURES
from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import silver
from p2pcredit.engines.local import collect
from p2pcredit.models.ratios import RATIOS, complete_ratios, with_inputs
from p2pcredit.transforms.features import build_features

DAY = date(2020, 1, 1)
KNOWN: dict[str, Any] = {
    "loan_id": "a",
    "snapshot_date": DAY,
    "origination_date": DAY,
    "loan_amount": 12_000.0,
    "term_months": 36,
    "annual_income": 48_000.0,
    "debt_to_income_share": 0.2,
    "revolving_balance": 6_000.0,
    "revolving_limit": 20_000.0,
}


def features(**values: Any) -> pl.DataFrame:
    """One row of the feature store, built from silver rows with these values."""
    rows = {}
    for name in ("loan_terms", "demographic", "financial", "credit_history"):
        schema = silver(FEEDS[name]).schema
        row = {column: {**KNOWN, **values}.get(column) for column in schema}
        rows[name] = nw.from_native(pl.LazyFrame([row], schema=schema))
    return collect(build_features(rows))


def test_each_ratio_is_calculated_as_the_feature_store_calculates_it() -> None:
    built = features()
    usual = {name: built[name][0] for name in with_inputs(tuple(RATIOS))}
    for name in RATIOS:
        lost = built.with_columns(pl.lit(None, pl.Float64).alias(name), pl.lit(None, pl.Float64).alias("loan_amount"))
        lost = lost.with_columns(annual_income=pl.lit(None, pl.Float64))
        again = complete_ratios(lost, [name], {**usual, name: 0.0})[name][0]
        assert again == pytest.approx(built[name][0], rel=1e-12)


def test_every_ratio_raises_the_risk_as_it_grows() -> None:
    directions = {feature.name: feature.direction for feature in FEATURES}
    assert {directions[name] for name in RATIOS} == {1}


def test_a_lost_income_leaves_no_ratio_below_that_of_the_reference_income() -> None:
    usual = {name: features()[name][0] for name in with_inputs(tuple(RATIOS))}
    for amount in (1_000.0, 12_000.0, 40_000.0):
        lost = complete_ratios(features(loan_amount=amount, annual_income=None), list(RATIOS), usual)
        known = features(loan_amount=amount, annual_income=usual["annual_income"])
        for name in RATIOS:
            assert lost[name][0] >= known[name][0] * (1 - 1e-12)
            assert lost[name][0] >= min(usual[name], lost[name][0])


def test_a_ratio_that_is_known_or_whose_inputs_are_known_stays_as_it_is() -> None:
    usual = {name: features()[name][0] for name in with_inputs(tuple(RATIOS))}
    built = features(loan_amount=90_000.0)
    assert complete_ratios(built, list(RATIOS), usual).equals(built)
    blank = built.with_columns(loan_to_income=pl.lit(None, pl.Float64))
    assert complete_ratios(blank, list(RATIOS), usual)["loan_to_income"].to_list() == [None]
    assert np.isnan(features(annual_income=0.0)["loan_to_income"].to_numpy()).all()


def test_without_a_reference_figure_nothing_is_filled() -> None:
    lost = features(annual_income=None)
    assert complete_ratios(lost, list(RATIOS), {"loan_to_income": 0.3}).equals(lost)
