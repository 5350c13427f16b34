"""Scores, grades, and reasons that are true to the model."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from p2pcredit.contracts.features import FEATURES
from p2pcredit.errors import BankError, UsageError
from p2pcredit.models.reference_borrower import HIDDEN, feature_named, find_reference_borrower
from p2pcredit.models.scoring import grades, load_model, score_loans, score_points
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.training.candidates import TrainingRun
from p2pcredit.settings import ScoreSettings, Settings

Book = tuple[pl.DataFrame, pl.DataFrame]
COLUMNS = [
    *("loan_id", "snapshot_date", "model_id", "probability_of_default"),
    *("lifetime_probability_of_default", "expected_loss", "expected_annual_return", "score", "grade"),
    *(f"reason_{rank}" for rank in range(1, 5)),
    *("outside_training", "decision"),
]
NAME_OF = {text: feature.name for feature in FEATURES for text in (feature.reason, feature.missing_reason)}


@pytest.fixture(
    params=[("scorecard", "matured"), ("scorecard", "hazard"), ("boosting", "matured"), ("boosting", "hazard")]
)
def model(request: pytest.FixtureRequest, run: TrainingRun) -> ScoringModel:
    return next(c.model for c in run.candidates if (c.family, c.target) == request.param)


def test_scored_loans_keep_their_order_and_columns(model: ScoringModel, book: Book) -> None:
    turned = book[0].head(100).reverse()
    scored = score_loans(model, "m-1", turned, Settings())
    assert scored.columns == COLUMNS
    assert scored["loan_id"].to_list() == turned["loan_id"].to_list()
    assert scored.schema["score"] == pl.Int32
    assert scored["probability_of_default"].is_between(0.0, 1.0, closed="none").all()
    alone = score_loans(model, "m-1", turned[7:8], Settings())
    assert alone.rows() == scored[7:8].rows()


def test_scoring_day_by_day_equals_scoring_all_at_once(model: ScoringModel, book: Book) -> None:
    loans = book[0].head(600)
    whole = score_loans(model, "m-1", loans, Settings())
    days = loans.partition_by("snapshot_date", maintain_order=True)
    assert pl.concat([score_loans(model, "m-1", day, Settings()) for day in days]).equals(whole)


def test_no_loans_give_no_rows_with_the_same_columns(model: ScoringModel, book: Book) -> None:
    scored = score_loans(model, "m-1", book[0].head(0), Settings())
    assert scored.shape == (0, len(COLUMNS))
    assert scored.schema == score_loans(model, "m-1", book[0].head(2), Settings()).schema


def test_moving_the_first_reason_to_its_neutral_value_lowers_the_risk(model: ScoringModel, book: Book) -> None:
    loans = book[0].tail(60)
    scored = score_loans(model, "m-1", loans, Settings())
    told = 0
    for row, reason in enumerate(scored["reason_1"]):
        if reason is None:
            continue
        name = NAME_OF[reason]
        moved = loans[row : row + 1].with_columns(pl.lit(model.neutral[name], loans.schema[name]).alias(name))
        assert model.predict(moved)[0] < scored["probability_of_default"][row]
        told += 1
    assert told >= 20


def test_reasons_are_the_words_of_the_contract_and_never_twice(model: ScoringModel, book: Book) -> None:
    scored = score_loans(model, "m-1", book[0], Settings())
    for row in scored.select(f"reason_{place}" for place in range(1, 5)).iter_rows():
        named = [reason for reason in row if reason is not None]
        assert len(set(named)) == len(named)
        assert row[: len(named)] == tuple(named)
        assert set(named) <= set(NAME_OF)


def test_a_borrower_at_the_neutral_profile_has_no_reasons(model: ScoringModel, book: Book) -> None:
    usual = (
        book[0]
        .head(1)
        .with_columns(pl.lit(value, book[0].schema[name]).alias(name) for name, value in model.neutral.items())
    )
    assert np.allclose(model.contributions(usual), 0.0)
    assert score_loans(model, "m-1", usual, Settings())["reason_1"][0] is None


def test_more_income_never_raises_the_risk_and_more_inquiries_never_lower_it(model: ScoringModel, book: Book) -> None:
    base = pl.concat([book[0].head(1)] * 40)
    richer = model.predict(base.with_columns(pl.Series("annual_income", np.linspace(5e3, 4e5, 40))))
    busier = model.predict(base.with_columns(pl.Series("inquiries_6m_count", np.arange(40.0))))
    assert np.all(np.diff(richer) <= 1e-12)
    assert np.all(np.diff(busier) >= -1e-12)
    assert richer[0] > richer[-1]


def test_points_double_the_odds_and_fall_with_risk(model: ScoringModel, book: Book) -> None:
    scored = score_loans(model, "m-1", book[0], Settings()).sort("probability_of_default")
    assert scored["score"].is_sorted(descending=True)
    assert scored["grade"].is_sorted()
    assert score_points(np.array([1 / 51]), ScoreSettings())[0] == 600
    assert score_points(np.array([1 / 26]), ScoreSettings())[0] == 580


def test_a_bound_belongs_to_the_better_grade() -> None:
    scores = ScoreSettings(grade_bounds=(0.02, 0.1))
    assert grades(np.array([0.0, 0.02, 0.0201, 0.1, 0.5]), scores) == ["A", "A", "B", "B", "C"]


def test_levels_never_seen_and_missing_values_are_scored(model: ScoringModel, book: Book) -> None:
    odd = (
        book[0]
        .head(3)
        .with_columns(
            pl.lit("SUBMARINE").alias("purpose"),
            pl.lit(None, pl.Float64).alias("annual_income"),
            pl.lit(float("nan")).alias("revolving_utilisation_share"),
        )
    )
    assert np.isfinite(model.predict(odd)).all()
    assert np.isfinite(model.contributions(odd)).all()


def test_a_missing_value_is_never_told_as_a_bad_one(model: ScoringModel, book: Book) -> None:
    features = book[0]
    blank = features.head(50).with_columns(
        pl.lit(None, dtype=features.schema[name]).alias(name) for name in model.feature_names
    )
    scored = score_loans(model, "m", blank, Settings())
    told = {text for rank in range(1, 5) for text in scored[f"reason_{rank}"].drop_nulls().to_list()}
    factors = [feature_named(name) for name in model.feature_names]
    assert told <= {factor.missing_reason for factor in factors}
    assert not told & {factor.reason for factor in factors}


def test_a_missing_column_is_named(model: ScoringModel, book: Book) -> None:
    with pytest.raises(UsageError, match="lack 'annual_income'"):
        score_loans(model, "m-1", book[0].drop("annual_income"), Settings())


@pytest.mark.parametrize(
    "files",
    [{}, {"model.json": b"{"}, {"model.json": b'{"family": "boosting", "schema_version": 2}'}, {"model.json": b"[]"}],
)
def test_broken_files_are_an_error_in_one_line(files: dict[str, bytes]) -> None:
    with pytest.raises(BankError) as caught:
        load_model(files)
    assert "\n" not in str(caught.value)


def test_a_model_of_another_family_version_or_with_altered_trees_is_refused(run: TrainingRun) -> None:
    files = next(c.model for c in run.candidates if c.family == "boosting").to_files()
    content = json.loads(files["model.json"])
    for change, words in (({"family": "oracle"}, "family 'oracle'"), ({"schema_version": 3}, "schema version 3")):
        with pytest.raises(BankError, match=words):
            load_model({**files, "model.json": json.dumps({**content, **change}).encode()})
    for trees, words in ((b"junk", "holds no trees"), (files["booster.ubj"][:200], "cannot be read")):
        with pytest.raises(BankError, match=words):
            load_model({**files, "booster.ubj": trees})


def test_the_date_of_a_loan_comes_back_as_a_date(model: ScoringModel, book: Book) -> None:
    assert score_loans(model, "m-1", book[0].head(1), Settings())["snapshot_date"][0] == date(2009, 1, 1)


def test_what_is_usual_at_the_cut_off_is_never_a_level_that_stands_for_others() -> None:
    levels = [f"{HIDDEN}NOT MATURED"] * 3 + ["CA", "CA", "NY"]
    loans = pl.DataFrame({"state": levels, "purpose": [f"{HIDDEN}NOT MATURED"] * 6})
    found = find_reference_borrower(loans, np.zeros(6), ["state", "purpose"], cutoff=0.5)
    assert found == {"state": "CA", "purpose": None}
