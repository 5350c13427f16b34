"""A missing value never improves a score by accident: laws of trained models of both families and all forms."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.models.conftest import AS_OF, make_book

from p2pcredit.models.scoring import load_model, score_loans
from p2pcredit.models.training.candidates import PAIRS, train_candidates
from p2pcredit.settings import Settings

NEVER_MISSING = ("annual_income", "fico", "inquiries_6m_count", "loan_amount", "loan_to_income", "purpose")
AT_TIMES = {"revolving_utilisation_share": 0.05, "credit_age_months": 0.004}
MODELS = [
    pytest.param(pair, loaded, id=f"{'-'.join(pair)}-{'loaded' if loaded else 'fitted'}")
    for pair, loaded in itertools.product(PAIRS, (False, True))
]
Models = dict[tuple[str, str], Any]
Trained = tuple[pl.DataFrame, Models, Models]


def book_with_a_bureau_score() -> tuple[pl.DataFrame, pl.DataFrame]:
    """The book, with a bureau score that ranks well and was never missing, and two columns missing at times."""
    features, outcomes = make_book(3000)
    rng = np.random.default_rng(3)
    defaulted = outcomes["defaulted_in_month"].is_not_null().to_numpy()
    income = features["annual_income"].to_numpy()
    age = np.where(rng.random(3000) < AT_TIMES["credit_age_months"], np.nan, rng.integers(20, 400, 3000))
    amount = np.round(rng.uniform(2_000, 30_000, 3000), -2)
    return features.with_columns(
        fico=pl.Series(np.round(715 - 28 * defaulted + rng.normal(0, 35, 3000))),
        credit_age_months=pl.Series(age).fill_nan(None),
        loan_amount=pl.Series(amount),
        loan_to_income=pl.Series(amount / income),
    ), outcomes


@pytest.fixture(scope="module")
def trained() -> Trained:
    features, outcomes = book_with_a_bureau_score()
    run = train_candidates(features, outcomes, as_of=AS_OF, settings=Settings())
    found = run.candidates
    return (
        features,
        {(c.family, c.target): c.model for c in found},
        {(c.family, c.target): c.evaluation_model for c in found},
    )


@pytest.fixture(scope="module")
def strict() -> Trained:
    """Models whose approval cut-off, 2%, lies far below what the book's loans turn bad: 11%."""
    features, outcomes = book_with_a_bureau_score()
    settings = Settings.model_validate({"scores": {"approval_cutoff": 0.02}})
    found = train_candidates(features, outcomes, as_of=AS_OF, settings=settings).candidates
    return (
        features,
        {(c.family, c.target): c.model for c in found},
        {(c.family, c.target): c.evaluation_model for c in found},
    )


def model_of(trained: Trained, pair: tuple[str, str], loaded: bool) -> Any:
    model = trained[1][pair]
    return load_model(model.to_files()) if loaded else model


def with_values(loans: pl.DataFrame, values: dict[str, Any]) -> pl.DataFrame:
    return loans.with_columns(pl.lit(value, loans.schema[name]).alias(name) for name, value in values.items())


columns_missing = st.sets(st.sampled_from(NEVER_MISSING), min_size=1)
rows = st.lists(st.integers(0, 2999), min_size=1, max_size=20)


@pytest.mark.parametrize(("pair", "loaded"), MODELS)
@given(missing=columns_missing, chosen=rows)
@settings(max_examples=40, deadline=None)
def test_a_value_that_was_never_missing_scores_no_better_than_that_of_the_reference_borrower(
    trained: Trained, pair: tuple[str, str], loaded: bool, missing: set[str], chosen: list[int]
) -> None:
    model = model_of(trained, pair, loaded)
    loans = trained[0][chosen]
    without = with_values(loans, dict.fromkeys(missing))
    reference = with_values(loans, {name: model.neutral[name] for name in missing if name in model.neutral})
    assert np.all(model.predict(without) >= model.predict(reference))
    if "loan_to_income" not in missing or missing.isdisjoint({"annual_income", "loan_amount"}):
        moved = sum(model.support[name].missing.effect for name in missing if name in model.feature_names)
        assert model.margin(without) - model.margin(reference) == pytest.approx(moved, abs=1e-6)


@pytest.mark.parametrize(("pair", "loaded"), MODELS)
@given(level=st.text(min_size=1, max_size=8), chosen=rows)
@settings(max_examples=20, deadline=None)
def test_a_level_never_seen_is_no_better_than_that_of_the_reference_borrower(
    trained: Trained, pair: tuple[str, str], loaded: bool, level: str, chosen: list[int]
) -> None:
    model = model_of(trained, pair, loaded)
    if "purpose" not in model.feature_names:  # which chance may show as much information as
        return
    loans = trained[0][chosen]
    odd = model.predict(with_values(loans, {"purpose": f"never {level}"}))
    assert np.all(odd >= model.predict(with_values(loans, {"purpose": model.neutral["purpose"]})))


@pytest.mark.parametrize(("pair", "loaded"), MODELS)
@given(name=st.sampled_from(sorted(AT_TIMES)), chosen=rows)
@settings(max_examples=20, deadline=None)
def test_a_value_missing_at_times_moves_every_loan_by_the_effect_that_its_loans_support(
    trained: Trained, pair: tuple[str, str], loaded: bool, name: str, chosen: list[int]
) -> None:
    model = model_of(trained, pair, loaded)
    if name not in model.feature_names:
        return
    loans = trained[0][chosen]
    without, usual = (model.margin(with_values(loans, {name: value})) for value in (None, model.neutral[name]))
    held = model.support[name]
    assert held.missing.n > 0
    expected = held.missing.effect if held.reach else 0.0
    assert without - usual == pytest.approx(np.full(loans.height, expected), abs=1e-6)
    if expected < 0.0:
        assert held.missing.high is not None
        assert expected == pytest.approx(held.missing.high)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_blank_bureau_score_moves_no_loan_to_the_best_grade_and_is_told(
    trained: Trained, pair: tuple[str, str]
) -> None:
    features, models, _ = trained
    loans, free = features.tail(200), Settings.model_validate({"scoring": {"outside_training": "score"}})
    model = models[pair]
    blank = with_values(loans, {"fico": None})
    usual = score_loans(model, "m", with_values(loans, {"fico": model.neutral["fico"]}), free)
    scored = score_loans(model, "m", blank, free)
    assert (scored["grade"] >= usual["grade"]).all()
    assert (scored["grade"] == "A").sum() <= (score_loans(model, "m", loans, free)["grade"] == "A").sum()
    told = score_loans(model, "m", blank, Settings())
    assert all("fico: missing" in entries for entries in told["outside_training"].to_list())
    assert set(told["decision"]) == {"refer"}
    assert told["grade"].null_count() == 200
    assert (told["probability_of_default"] >= usual["probability_of_default"]).all()


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_column_that_the_model_does_not_use_changes_nothing_when_it_is_missing(
    trained: Trained, pair: tuple[str, str]
) -> None:
    features, models, _ = trained
    model, loans = models[pair], features.tail(50)
    unused = [name for name, held in model.support.items() if held.reach == 0.0]
    unused += [name for name in ("open_accounts_count", "state") if name not in model.feature_names]
    blank = loans.with_columns(pl.lit(None, loans.schema.get(name, pl.String())).alias(name) for name in unused)
    assert score_loans(model, "m", blank, Settings()).equals(score_loans(model, "m", loans, Settings()))


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_large_loan_to_an_unknown_income_is_held_against_the_reference_income(
    trained: Trained, pair: tuple[str, str]
) -> None:
    features, models, _ = trained
    model = models[pair]
    amounts = pl.Series("loan_amount", [1_000.0, 9_000.0, 35_000.0])
    loans = features.head(3).with_columns(amounts)
    income = model.neutral.get("annual_income", 60_000.0)
    assert isinstance(income, float)
    known = loans.with_columns(annual_income=pl.lit(income), loan_to_income=amounts / income)
    unknown = with_values(loans, {"annual_income": None, "loan_to_income": None})
    assert np.all(model.predict(unknown) >= model.predict(known) - 1e-12)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_evaluation_model_obeys_the_same_law(trained: Trained, pair: tuple[str, str]) -> None:
    features, measured = trained[0], trained[2][pair]
    loans = features.tail(100)
    reference = with_values(loans, {"fico": measured.neutral["fico"]})
    assert (measured.predict(with_values(loans, {"fico": None})) >= measured.predict(reference)).all()


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_blank_improves_no_book_where_the_reference_borrower_is_among_the_best(
    strict: Trained, pair: tuple[str, str]
) -> None:
    features, models, measured = strict
    for model in (models[pair], measured[pair]):
        best, usual = model.neutral["fico"], features["fico"].median()
        assert isinstance(best, float)
        assert isinstance(usual, float)
        assert best > usual + 20
        assert model.support["fico"].missing.effect > 0.0
        own, blank = model.predict(features), model.predict(with_values(features, {"fico": None}))
        assert 0.95 * own.mean() <= blank.mean() <= 1.1 * own.mean()
        assert model.predict(with_values(features, {"fico": best})).mean() < 0.9 * own.mean()


def test_reasons_name_a_missing_value_only_where_it_raises_the_risk(trained: Trained) -> None:
    features, models, _ = trained
    loans = with_values(features.head(60), {"fico": None, "revolving_utilisation_share": None})
    for model in models.values():
        place = model.feature_names.index("fico")
        assert model.contributions(loans)[:, place] == pytest.approx(
            model.calibration.slope * model.support["fico"].missing.effect, abs=0.02
        )
        both = model.predict_with_neutral(loans)[1]
        for column, name in enumerate(model.feature_names):
            moved = model.predict(with_values(loans, {name: model.neutral[name]}))
            assert both[:, column] == pytest.approx(np.log(moved) - np.log1p(-moved), abs=1e-6)
