"""Every reason is checked by counterfactual: its factor at the neutral value would have given a better score."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost as xgb

from p2pcredit.contracts.feature import NEVER_MONTHS
from p2pcredit.contracts.features import FEATURES
from p2pcredit.models import reference_borrower
from p2pcredit.models.boosting import model as boosting
from p2pcredit.models.boosting.counterfactuals import Counterfactuals
from p2pcredit.models.boosting.model import BoostingModel, fit_boosting
from p2pcredit.models.calibration import Calibration
from p2pcredit.models.reference_borrower import feature_named, find_reference_borrower
from p2pcredit.models.scorecard.fit import fit_scorecard
from p2pcredit.models.scoring import load_model, score_loans
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.training.candidates import TrainingRun
from p2pcredit.settings import ScoreSettings, SelectionSettings, Settings

REASON_COLUMNS = [f"reason_{rank}" for rank in range(1, 5)]
Book = tuple[pl.DataFrame, pl.DataFrame]
TARGETS = [(family, target) for family in ("scorecard", "boosting") for target in ("matured", "hazard")]


@pytest.fixture(params=TARGETS, ids=lambda pair: "-".join(pair))
def model(request: pytest.FixtureRequest, run: TrainingRun) -> ScoringModel:
    return next(c.model for c in run.candidates if (c.family, c.target) == request.param)


def _hostile(features: pl.DataFrame, model: ScoringModel, seed: int = 1) -> pl.DataFrame:
    """Loans of the book with values missing, extreme, swapped between loans, and levels never seen."""
    rng = np.random.default_rng(seed)
    loans = features.sample(1200, seed=seed)
    for name in model.feature_names:
        values = loans[name].to_list()
        odd = ["SUBMARINE", "", "O'NEILL", None] if loans.schema[name] == pl.String else [None, -1e9, 0.0, 1e9]
        for row in rng.choice(loans.height, loans.height // 3, replace=False):
            values[row] = odd[rng.integers(4)] if rng.random() < 0.6 else values[rng.integers(loans.height)]
        loans = loans.with_columns(pl.Series(name, values, dtype=loans.schema[name]))
    return loans


def _words(name: str, *, missing: bool) -> str:
    return feature_named(name).missing_reason if missing else feature_named(name).reason


def test_moving_any_named_factor_to_its_neutral_value_gives_a_better_score(model: ScoringModel, book: Book) -> None:
    loans = pl.concat([book[0].head(1500), _hostile(book[0], model)])
    scored = score_loans(model, "m", loans, Settings())
    named = scored.select(pl.concat_list("reason_1", "reason_2", "reason_3", "reason_4").alias("reasons"))
    confirmed = np.zeros(loans.height, dtype=np.int64)
    for name in model.feature_names:
        moved = loans.with_columns(pl.lit(model.neutral[name], loans.schema[name]).alias(name))
        better = score_loans(model, "m", moved, Settings())["score"] > scored["score"]
        missing = loans[name].is_null().to_list()
        told = [
            _words(name, missing=gone) in reasons
            for gone, reasons in zip(missing, named["reasons"].to_list(), strict=True)
        ]
        assert not (pl.Series(told) & ~better).any(), f"{name} was named and would not have helped"
        confirmed += np.array(told)
    counts = named["reasons"].list.drop_nulls().list.len().to_numpy()
    assert counts.sum() > loans.height
    assert np.array_equal(confirmed, counts)  # every reason that was given is one of those that were checked


def test_no_factor_that_would_help_more_is_left_out(model: ScoringModel, book: Book) -> None:
    loans = _hostile(book[0], model, seed=2).head(300)
    scored = score_loans(model, "m", loans, Settings())
    gains = model.contributions(loans)
    for row, first in enumerate(scored["reason_1"]):
        if first is not None:
            costly = np.flatnonzero(gains[row] >= gains[row].max() - 1e-9)
            names = [model.feature_names[place] for place in costly]
            assert first in [_words(name, missing=loans[name][row] is None) for name in names]
    assert scored["reason_1"].null_count() < 150


def test_reasons_come_in_the_order_of_what_they_cost(model: ScoringModel, book: Book) -> None:
    loans = book[0].head(400)
    scored = score_loans(model, "m", loans, Settings())
    gains = model.contributions(loans)
    places = {
        _words(name, missing=gone): place for place, name in enumerate(model.feature_names) for gone in (True, False)
    }
    for row, reasons in enumerate(scored.select("reason_1", "reason_2", "reason_3", "reason_4").rows()):
        costs = [gains[row, places[reason]] for reason in reasons if reason is not None]
        assert costs == sorted(costs, reverse=True)
        assert all(cost > 0 for cost in costs)


def test_contributions_are_what_the_neutral_value_takes_away(model: ScoringModel, book: Book) -> None:
    loans = _hostile(book[0], model).head(100)
    log_odds = np.log(model.predict(loans)) - np.log1p(-model.predict(loans))
    found = model.contributions(loans)
    for place, name in enumerate(model.feature_names):
        moved = model.predict(loans.with_columns(pl.lit(model.neutral[name], loans.schema[name]).alias(name)))
        assert found[:, place] == pytest.approx(log_odds - np.log(moved) + np.log1p(-moved), abs=1e-5)


def test_tables_over_the_trees_say_what_predicting_each_changed_loan_says_to_the_last_digit(
    model: ScoringModel, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    loans = pl.concat([_hostile(book[0], model).head(500), book[0].head(200)])
    found = []
    for loans_for_tables, together in ((10_000, 1), (1, 64), (1, 2048)):
        monkeypatch.setattr(boosting, "LOANS_FOR_TABLES", loans_for_tables)
        monkeypatch.setattr(boosting, "LOANS_TOGETHER", together)
        found.append(model.predict_with_neutral(loans))
    for chances, at_neutral in found[1:]:
        assert np.array_equal(chances, found[0][0])
        assert np.array_equal(at_neutral, found[0][1])


def test_reasons_of_many_loans_ask_the_trees_once_and_the_tables_once(
    run: TrainingRun, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = next(c.model for c in run.candidates if (c.family, c.target) == ("boosting", "hazard"))
    model = load_model(model.to_files())  # of which no table was made yet
    asked: dict[str, list[int]] = {"trees": [], "tables": [], "made": []}
    predict, sums, make = xgb.Booster.inplace_predict, Counterfactuals.sums, Counterfactuals.__init__

    def predicted(self: xgb.Booster, data: np.ndarray, *args: Any, **kwargs: Any) -> Any:
        asked["trees"].append(data.shape[0])
        return predict(self, data, *args, **kwargs)

    def summed(self: Counterfactuals, columns: np.ndarray) -> Any:
        asked["tables"].append(columns.shape[0])
        return sums(self, columns)

    def made(self: Counterfactuals, *args: Any) -> None:
        asked["made"].append(1)
        make(self, *args)

    monkeypatch.setattr(xgb.Booster, "inplace_predict", predicted)
    monkeypatch.setattr(Counterfactuals, "sums", summed)
    monkeypatch.setattr(Counterfactuals, "__init__", made)
    for calibration in (model.calibration, Calibration(0.9, 0.1)):  # the trees and the reference borrower are the same
        score_loans(model.calibrated(calibration), "m", book[0], Settings())
    assert sum(asked["trees"]) == sum(asked["tables"]) == 2 * book[0].height
    assert sum(asked["made"]) == 1


def test_few_loans_are_scored_without_tables(run: TrainingRun, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("tables were made")

    monkeypatch.setattr(Counterfactuals, "__init__", refused)
    model = next(c.model for c in run.candidates if (c.family, c.target) == ("boosting", "hazard"))
    assert score_loans(load_model(model.to_files()), "m", book[0].head(30), Settings()).height == 30


def test_a_loan_is_not_predicted_again_for_a_factor_that_it_has_at_its_neutral_value(
    run: TrainingRun, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = next(c.model for c in run.candidates if (c.family, c.target) == ("boosting", "matured"))
    usual = {name: pl.lit(model.neutral[name], book[0].schema[name]).alias(name) for name in model.feature_names}
    loans = book[0].head(10).with_columns(usual.values())
    predicted: list[int] = []
    trees = BoostingModel._raw_of_columns

    def counted(self: BoostingModel, columns: np.ndarray) -> np.ndarray:
        predicted.append(columns.shape[0])
        return trees(self, columns)

    monkeypatch.setattr(BoostingModel, "_raw_of_columns", counted)
    assert not model.contributions(loans).any()
    assert sum(predicted) == 10

    predicted.clear()
    income = pl.Series("annual_income", [1_000.0, None, 90_000.0], loans.schema["annual_income"])
    poor = pl.concat([loans.head(3).with_columns(income), loans.tail(7)])
    assert np.flatnonzero(model.contributions(poor).any(axis=0)).tolist() == [
        model.feature_names.index("annual_income")
    ]
    assert sum(predicted) == 12  # an income that is missing, as none was in training, counts as the neutral one


def test_reasons_are_the_same_from_the_files_and_for_any_company(model: ScoringModel, book: Book) -> None:
    loans = _hostile(book[0], model).head(200)
    together = score_loans(model, "m", loans, Settings())
    again = score_loans(load_model(model.to_files()), "m", loans.reverse(), Settings())
    assert again.reverse().equals(together)
    assert score_loans(model, "m", loans[57:58], Settings()).equals(together[57:58])


def test_words_that_two_factors_share_are_told_once(
    model: ScoringModel, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = tuple(replace(f, reason="Finances", missing="Finances not known") for f in FEATURES)
    monkeypatch.setattr(reference_borrower, "FEATURES", alike)
    columns = score_loans(model, "m", book[0].head(300), Settings()).select(REASON_COLUMNS).get_columns()
    told = [[reason for reason in row if reason] for row in zip(*(c.to_list() for c in columns), strict=True)]
    assert all(len(set(row)) == len(row) for row in told)
    assert {reason for row in told for reason in row} <= {"Finances", "Finances not known"}


def test_coarser_points_name_fewer_reasons(model: ScoringModel, book: Book) -> None:
    loans = book[0].head(400)
    counts = []
    for points in (20.0, 1.0):
        settings = Settings(scores=ScoreSettings(points_to_double_odds=points))
        columns = score_loans(model, "m", loans, settings).select(REASON_COLUMNS).get_columns()
        counts.append(sum(column.drop_nulls().len() for column in columns))
    assert 0 < counts[1] < counts[0]


@pytest.mark.parametrize("family", ["scorecard", "boosting"])
@pytest.mark.parametrize("seed", range(4))
def test_no_reason_tells_a_borrower_that_there_never_was_a_delinquency(family: str, seed: int) -> None:
    """Not even where those without one default more: never counts as the longest time ago, and monotonicity holds."""
    rng = np.random.default_rng(seed)
    size = 3000
    never, income = rng.random(size) < 0.6, np.round(rng.lognormal(10.8, 0.5, size))
    months = np.where(never, NEVER_MONTHS, rng.integers(0, 90, size))
    bads = (rng.random(size) < 0.05 + 0.08 * never + 0.1 * (months < 20) + 0.1 * (income < 40000)).astype(float)
    loans = pl.DataFrame({"loan_id": [str(i) for i in range(size)], "annual_income": income})
    loans = loans.with_columns(pl.Series("months_since_delinquency", months, dtype=pl.Float64))
    loans = loans.with_columns(pl.lit(date(2010, 1, 1)).alias("snapshot_date"))
    features = (feature_named("annual_income"), feature_named("months_since_delinquency"))
    fitted = (
        fit_scorecard(loans, features, bads, selection=SelectionSettings(min_half_information_value=-1.0))
        if family == "scorecard"
        else fit_boosting(loans, features, bads, seed=seed, threads=1)
    )
    usual = find_reference_borrower(loans, fitted.margin(loans), fitted.feature_names, cutoff=0.15)
    for neutral in (usual, {**usual, "months_since_delinquency": 30.0}):
        scored = score_loans(fitted.calibrated(Calibration(), neutral), "m", loans, Settings())
        told = scored.filter(pl.Series(never)).select(pl.concat_list("reason_1", "reason_2").alias("told"))["told"]
        assert not told.list.join(" ", ignore_nulls=True).str.contains("delinquency").any()
    longest = fitted.margin(loans.with_columns(pl.lit(NEVER_MONTHS).alias("months_since_delinquency")))
    assert np.all(longest <= fitted.margin(loans) + 1e-6)
