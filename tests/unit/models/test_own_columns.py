"""An own column in training and scoring: learned from where it is declared, and explained by the model alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.unit.models.conftest import AS_OF, make_book

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue, declare
from p2pcredit.contracts.feature import Feature
from p2pcredit.models.export.formula import Formula
from p2pcredit.models.family import Family
from p2pcredit.models.registry import family_named
from p2pcredit.models.scorer import Scorer
from p2pcredit.models.scoring import load_model
from p2pcredit.models.training.candidates import TrainingRun, train_candidates
from p2pcredit.models.training_support import catalogue_of, contract_of, learn_support, support_as_json
from p2pcredit.reporting.notice import borrower_reasons
from p2pcredit.settings import Settings, TrainingSettings

TENURE = declare(
    "tenure_months",
    "number",
    direction=-1,
    reason="Short time as a customer",
    text="You have not been a customer of ours for long.",
    advice="Apply again when you have been a customer for longer.",
    basis="the lender's experience with its customers",
    given_by="platform",
)
CHANNEL = declare("channel", "category", direction=0, reason="Channel of the application", basis="how it came to us")
OWN = FeatureCatalogue((TENURE, CHANNEL))
SETTINGS = Settings(training=TrainingSettings(families=("scorecard", "boosting"), preferred_family="boosting"))
Book = tuple[pl.DataFrame, pl.DataFrame]


@pytest.fixture(scope="module")
def book() -> Book:
    """Loans whose outcome is that of the seeded book, with a tenure that tells it and nothing else that does."""
    features, outcomes = make_book(2500, seed=5)
    rng = np.random.default_rng(1)
    bad = outcomes["defaulted_in_month"].is_not_null().to_numpy()
    tenure = np.clip(np.round(rng.normal(np.where(bad, 30, 48), 20)), 0, 120)
    kept = features.select(
        "loan_id",
        "snapshot_date",
        "known_on",
        pl.Series("annual_income", rng.permutation(features["annual_income"].to_numpy())),
        pl.Series("open_accounts_count", rng.permutation(features["open_accounts_count"].to_numpy())),
        pl.Series(TENURE.name, np.where(rng.random(tenure.size) < 0.04, np.nan, tenure)).fill_nan(None),
        pl.Series(CHANNEL.name, rng.choice(["BRANCH", "WEB"], tenure.size)),
    )
    return kept, outcomes


@pytest.fixture(scope="module")
def declared(book: Book) -> TrainingRun:
    return train_candidates(*book, as_of=AS_OF, settings=SETTINGS, catalogue=OWN, only_target="matured")


def auc_of(run: TrainingRun, family: str) -> float:
    return float(next(c for c in run.candidates if c.family == family).metrics["auc"] or 0.0)


@pytest.mark.parametrize("family", ["scorecard", "boosting"])
def test_a_declared_column_raises_the_auc_and_stands_in_the_model_with_its_contract(
    declared: TrainingRun, family: str
) -> None:
    model = next(c for c in declared.candidates if c.family == family).model
    assert TENURE.name in model.feature_names
    assert auc_of(declared, family) > 0.65
    again = load_model(model.to_files())
    assert contract_of(again.support, TENURE.name) == TENURE
    assert set(catalogue_of(again.support).own) <= set(OWN.own)


def test_an_undeclared_column_is_nowhere(book: Book) -> None:
    run = train_candidates(*book, as_of=AS_OF, settings=SETTINGS, only_target="matured")
    for candidate in run.candidates:
        assert not any(name.startswith("own_") for name in candidate.model.feature_names)
        assert "own_" not in str(support_as_json(candidate.model.support))
        assert float(candidate.metrics["auc"] or 0.0) < 0.6


def test_directions_reach_the_trees(declared: TrainingRun, book: Book) -> None:
    model = next(c for c in declared.candidates if c.family == "boosting").model
    loans = book[0].head(200)
    risks = [model.predict(loans.with_columns(pl.lit(float(months)).alias(TENURE.name))) for months in range(0, 121, 8)]
    assert all((later <= earlier + 1e-12).all() for earlier, later in pairwise(risks))


@pytest.mark.parametrize("family", ["scorecard", "boosting"])
def test_a_blank_own_value_is_never_better_than_the_reference_borrowers(
    declared: TrainingRun, book: Book, family: str
) -> None:
    model: Any = next(c for c in declared.candidates if c.family == family).model
    support = {**model.support}
    held = support[TENURE.name]
    none_missing = replace(held, missing=replace(held.missing, n=0, bads=0, effect=0.0, low=None, high=None))
    unknown = replace(model, support={**support, TENURE.name: none_missing})
    loans = book[0].head(100)
    blank = loans.with_columns(pl.lit(None, dtype=pl.Float64).alias(TENURE.name))
    usual = loans.with_columns(pl.lit(model.neutral[TENURE.name]).alias(TENURE.name))
    assert (unknown.predict(blank) >= unknown.predict(usual) - 1e-12).all()


def test_the_reason_of_an_own_column_is_told_in_the_words_of_its_declaration(declared: TrainingRun, book: Book) -> None:
    model = next(c for c in declared.candidates if c.family == "scorecard").model
    loan = book[0].head(1).with_columns(pl.lit(0.0).alias(TENURE.name), pl.lit(36.0).alias("term_months"))
    row = Scorer("m", model).score(loan, SETTINGS).row(0, named=True)
    assert TENURE.reason in [row[f"reason_{place}"] for place in range(1, 5)]
    known = [{"feature": TENURE.name, "value": 0.0, "usual_at_cutoff": 40.0}]
    (told,) = borrower_reasons([TENURE.reason], known, catalogue_of(model.support))
    assert told["code"] == "Y-tenure_months"
    assert told["text"] == "You have not been a customer of ours for long."
    assert (told["your_value"], told["usual"]) == ("0 months", "40 months")
    (missing,) = borrower_reasons([TENURE.missing_reason], [], catalogue_of(model.support))
    assert (missing["code"], missing["text"]) == ("N3", "The platform did not give: tenure months.")


def test_a_model_with_own_columns_is_exported_with_their_words(declared: TrainingRun) -> None:
    model = next(c for c in declared.candidates if c.family == "scorecard").model
    family: Family = family_named("scorecard")
    formula = family.formula(model, SETTINGS)
    assert isinstance(formula, Formula)
    assert TENURE.name in [column.name for column in formula.columns]
    assert TENURE.reason in [factor.reason for factor in formula.factors]


def test_built_in_models_say_nothing_of_declarations() -> None:
    held = learn_support(pl.DataFrame({"fico": [700.0, None, 640.0]}), {}, np.array([0.0, 1.0, 0.0]))
    assert "declared" not in str(support_as_json(held))


def test_a_catalogue_without_own_columns_is_the_list_of_this_package() -> None:
    assert BUILT_IN.features == FeatureCatalogue().features
    assert all(isinstance(one, Feature) and not one.is_own for one in BUILT_IN.features)
