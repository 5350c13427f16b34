from __future__ import annotations

from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from p2pcredit.contracts.features import FEATURES
from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.ratios import RATIOS
from p2pcredit.contracts.tables import silver
from p2pcredit.engines.local import collect
from p2pcredit.models.ratios import MOST, complete_ratios, with_inputs
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
    "revolving_utilisation_share": 0.3,
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
        lost = lost.with_columns(annual_income=pl.lit(None, pl.Float64), revolving_balance=pl.lit(None, pl.Float64))
        again = complete_ratios(lost, [name], {**usual, name: 0.0 if RATIOS[name].riskier else 1e9})[name][0]
        assert again == pytest.approx(built[name][0], rel=1e-12)


def test_every_ratio_moves_the_risk_as_credit_sense_says() -> None:
    directions = {feature.name: feature.direction for feature in FEATURES}
    assert {name: 1 if ratio.riskier else -1 for name, ratio in RATIOS.items()} == {
        name: directions[name] for name in RATIOS
    }


def test_a_lost_income_leaves_no_ratio_below_that_of_the_reference_income() -> None:
    usual = {name: features()[name][0] for name in with_inputs(tuple(RATIOS))}
    for amount in (1_000.0, 12_000.0, 40_000.0):
        lost = complete_ratios(features(loan_amount=amount, annual_income=None), list(RATIOS), usual)
        known = features(loan_amount=amount, annual_income=usual["annual_income"])
        for name in (name for name in RATIOS if RATIOS[name].riskier):
            assert lost[name][0] >= known[name][0] * (1 - 1e-12)
            assert lost[name][0] >= min(usual[name], lost[name][0])


def test_a_lost_balance_or_utilisation_leaves_no_limit_above_that_of_the_reference_figure() -> None:
    usual = {name: features()[name][0] for name in with_inputs(tuple(RATIOS))}
    for balance in (500.0, 6_000.0, 90_000.0):
        for gone in ("revolving_utilisation_share", "revolving_balance"):
            given = {"revolving_balance": balance, "revolving_utilisation_share": balance / 100_000.0}
            lost = complete_ratios(features(**{**given, gone: None}), list(RATIOS), usual)
            known = features(**{**given, gone: usual[gone]})
            assert lost["revolving_limit"][0] <= known["revolving_limit"][0] * (1 + 1e-12)
            assert lost["loan_to_revolving_limit"][0] >= known["loan_to_revolving_limit"][0] * (1 - 1e-12)


def test_a_ratio_to_an_income_of_zero_is_as_risky_as_one_can_be() -> None:
    usual = {name: features()[name][0] for name in with_inputs(tuple(RATIOS))}
    filled = complete_ratios(features(annual_income=0.0), list(RATIOS), usual)
    assert filled["loan_to_income"].to_list() == [MOST]
    assert filled["revolving_limit"][0] == features()["revolving_limit"][0]


def test_a_ratio_that_is_known_or_whose_inputs_are_known_stays_as_it_is() -> None:
    usual = {name: features()[name][0] for name in with_inputs(tuple(RATIOS))}
    built = features(loan_amount=90_000.0)
    assert complete_ratios(features(revolving_utilisation_share=0.0), list(RATIOS), usual)["revolving_limit"][0] is None
    assert complete_ratios(built, list(RATIOS), usual).equals(built)
    blank = built.with_columns(loan_to_income=pl.lit(None, pl.Float64))
    assert complete_ratios(blank, list(RATIOS), usual)["loan_to_income"].to_list() == [None]
    assert np.isnan(features(annual_income=0.0)["loan_to_income"].to_numpy()).all()


def test_without_a_reference_figure_nothing_is_filled() -> None:
    lost = features(annual_income=None)
    assert complete_ratios(lost, list(RATIOS), {"loan_to_income": 0.3}).equals(lost)
