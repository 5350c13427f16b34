"""Training: candidates, determinism, what it refuses, and that the future stays out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score
from tests.not_none import not_none

from p2pcredit.contracts.feature import Feature
from p2pcredit.errors import LeakError, TooLittleDataError
from p2pcredit.models.evaluation.card_metrics import platform_baseline
from p2pcredit.models.evaluation.discrimination import auc, paired_auc_difference
from p2pcredit.models.leakage.features import single_feature_auc
from p2pcredit.models.scoring import load_model
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.models.training.candidates import (
    TrainingRun,
    rank_candidates,
    train_candidates,
)
from p2pcredit.settings import Settings, TrainingSettings

Book = tuple[pl.DataFrame, pl.DataFrame]
AS_OF = date(2012, 6, 30)


def test_both_families_in_both_forms_are_candidates_best_first(run: TrainingRun) -> None:
    assert {(c.family, c.target) for c in run.candidates} == {
        (family, target)
        for family in ("scorecard", "boosting")
        for target in ("matured", "hazard", "early_delinquency")
    }
    leader, *others = run.candidates
    ranks = [(not c.well_calibrated, -not_none(c.metrics["auc"])) for c in others]
    assert ranks == sorted(ranks)
    assert leader.family == "scorecard"  # the simpler one, where the evaluation cannot tell two apart
    assert leader.well_calibrated or not any(c.well_calibrated for c in others)


def test_every_candidate_finds_the_risk_that_is_in_the_book(run: TrainingRun) -> None:
    for candidate in run.candidates:
        assert not_none(candidate.metrics["auc"]) > 0.62
        assert not_none(candidate.metrics["brier"]) < not_none(candidate.metrics["base_brier"])
        assert 0.6 < not_none(candidate.metrics["calibration_ratio"]) < 1.6


def test_metrics_are_those_of_the_evaluation_frame(run: TrainingRun) -> None:
    for candidate in run.candidates:
        labels = candidate.evaluation["label"].to_numpy()
        chances = candidate.evaluation["probability_of_default"].to_numpy()
        assert candidate.metrics["auc"] == pytest.approx(roc_auc_score(labels, chances))
        assert candidate.metrics["brier"] == pytest.approx(brier_score_loss(labels, chances))
        assert (candidate.metrics["n"], candidate.metrics["bads"]) == (labels.size, labels.sum())
        low, middle, high = (not_none(candidate.metrics[name]) for name in ("auc_low", "auc", "auc_high"))
        assert low < middle < high
        assert candidate.metrics["sub_grade_auc"] == not_none(run.baseline)["auc"]


def test_periods_follow_each_other_and_count_every_matured_loan(run: TrainingRun, book: Book) -> None:
    fit, calibrate, evaluate = (run.periods[part] for part in ("fit", "calibrate", "evaluate"))
    assert fit["last"] < calibrate["first"] <= calibrate["last"] < evaluate["first"]
    assert fit["n"] + calibrate["n"] + evaluate["n"] == book[1]["label"].count()


def test_columns_that_the_platform_does_not_give_are_dropped_and_named(run: TrainingRun) -> None:
    assert run.dropped["fico"] == "not given by the platform"
    assert all("fico" not in c.model.feature_names for c in run.candidates)
    assert all("platform_sub_grade" not in c.model.feature_names for c in run.candidates)


def test_training_twice_gives_the_same_bytes_and_the_files_give_the_same_model(run: TrainingRun, book: Book) -> None:
    shuffled = book[0].sample(fraction=1.0, shuffle=True, seed=1), book[1].sample(fraction=1.0, shuffle=True, seed=2)
    again = train_candidates(*shuffled, as_of=AS_OF, settings=Settings())
    for first, second in zip(run.candidates, again.candidates, strict=True):
        assert first.model.to_files() == second.model.to_files()
        assert first.metrics == second.metrics
        loaded = load_model(first.model.to_files())
        assert (loaded.family, loaded.target, loaded.feature_names) == (
            first.family,
            first.target,
            first.model.feature_names,
        )
        assert np.array_equal(loaded.predict(book[0]), first.model.predict(book[0]))
        assert np.array_equal(loaded.contributions(book[0]), first.model.contributions(book[0]))
        assert loaded.to_files() == first.model.to_files()


def test_the_number_of_threads_does_not_change_a_model(run: TrainingRun, book: Book) -> None:
    again = train_candidates(*book, as_of=AS_OF, settings=Settings(threads=1))
    assert [c.model.to_files() for c in again.candidates] == [c.model.to_files() for c in run.candidates]


def test_rows_known_later_and_labels_not_yet_matured_change_nothing(run: TrainingRun, book: Book) -> None:
    features, outcomes = book
    later = features.head(50).with_columns(
        pl.lit(AS_OF + timedelta(days=1)).alias("known_on"), ("X" + pl.col("loan_id")).alias("loan_id")
    )
    ghosts = outcomes.head(50).with_columns(
        ("X" + pl.col("loan_id")).alias("loan_id"), pl.lit(1, pl.Int8).alias("label")
    )
    early = outcomes.with_columns(
        pl.when(pl.col("window_closed_on") > AS_OF).then(1).otherwise("label").cast(pl.Int8).alias("label")
    )
    again = train_candidates(pl.concat([features, later]), pl.concat([early, ghosts]), as_of=AS_OF, settings=Settings())
    assert again.periods == run.periods
    assert [c.model.to_files() for c in again.candidates] == [c.model.to_files() for c in run.candidates]


def test_too_few_matured_loans_are_a_refusal_with_the_numbers(book: Book) -> None:
    features, outcomes = book
    with pytest.raises(TooLittleDataError, match=r"400 matured loans with \d+ bads.*needed are 500"):
        train_candidates(features, outcomes.head(400), as_of=AS_OF, settings=Settings())


def test_too_few_bads_to_judge_by_are_a_refusal(book: Book) -> None:
    features, outcomes = book
    strict = Settings(training=TrainingSettings(min_matured_bads=200, min_evaluation_bads=200))
    with pytest.raises(TooLittleDataError, match="to judge a model"):
        train_candidates(features, outcomes, as_of=AS_OF, settings=strict)


def test_a_feature_that_knows_the_outcome_is_a_leak_and_is_named(book: Book) -> None:
    features, outcomes = book
    joined = features.join(outcomes.select("loan_id", "label"), on="loan_id", how="left", maintain_order="left")
    leaking = joined.with_columns((pl.col("label").fill_null(0) * 500.0).alias("fico")).drop("label")
    with pytest.raises(LeakError, match=r"'fico' alone reaches an AUC of 1\.000"):
        train_candidates(leaking, outcomes, as_of=AS_OF, settings=Settings())


def test_a_feature_filled_in_for_bad_loans_only_is_found_by_its_gaps() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1] * 10, dtype=float)
    recovered = pl.Series([float(i) if bad else None for i, bad in enumerate(labels)], dtype=pl.Float64)
    feature = Feature("fico", "numeric", 0, "", "")
    assert single_feature_auc(feature, recovered, labels) == 1.0


def test_a_category_of_single_loans_is_no_leak() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random(500) < 0.3).astype(float)
    names = pl.Series([f"LEVEL{i}" for i in range(500)])
    assert single_feature_auc(Feature("state", "category", 0, "", ""), names, labels) == 0.5


def test_the_priced_feature_set_may_use_the_platforms_grade(book: Book) -> None:
    priced = Settings(training=TrainingSettings(feature_sets=("application", "price"), max_single_feature_auc=0.9))
    found = train_candidates(*book, as_of=AS_OF, settings=priced)
    assert any("platform_sub_grade" in c.model.feature_names for c in found.candidates)


def test_the_platforms_sub_grade_is_ranked_by_the_alphabet() -> None:
    loans = pl.DataFrame({"label": [0, 0, 1, 1], "platform_sub_grade": ["A1", "B2", "B2", None]})
    assert not_none(platform_baseline(loans))["auc"] == 0.75
    assert platform_baseline(loans.with_columns(pl.lit(None, pl.String).alias("platform_sub_grade"))) is None
    assert platform_baseline(loans.drop("platform_sub_grade")) is None


def _measured(candidate: Candidate, family: str, defaults: int, chances: np.ndarray) -> Candidate:
    evaluation = candidate.evaluation.with_columns(pl.Series("probability_of_default", chances))
    metrics = {**candidate.metrics, "auc": auc(evaluation["label"].to_numpy(), chances)}
    model: Any = SimpleNamespace(family=family)
    return replace(candidate, model=model, defaults=defaults, metrics=metrics, evaluation=evaluation)


def test_the_simpler_family_leads_among_those_that_learned_from_about_as_many_defaults(run: TrainingRun) -> None:
    one, chances = run.candidates[0], run.candidates[0].evaluation["probability_of_default"].to_numpy()
    first = _measured(one, "boosting", 109, chances)
    other = _measured(one, "scorecard", 100, chances * 0.99)
    assert rank_candidates([first, other], 0.9)[0].family == "scorecard"
    assert rank_candidates([first, other], 0.9, "boosting")[0].family == "boosting"
    assert rank_candidates([replace(first, defaults=111), other], 0.9)[0].family == "boosting"


def test_boosting_leads_where_it_is_shown_to_rank_better(run: TrainingRun) -> None:
    one = run.candidates[0]
    labels = one.evaluation["label"].to_numpy()
    chances = one.evaluation["probability_of_default"].to_numpy()
    blurred = np.random.default_rng(3).uniform(0.01, 0.3, chances.size)
    trees, table = _measured(one, "boosting", 100, chances), _measured(one, "scorecard", 100, blurred)
    assert not_none(paired_auc_difference(labels, chances, blurred, 0.9).low) > 0.0
    assert rank_candidates([table, trees], 0.9)[0] is trees


def test_the_best_of_many_needs_a_wider_lead_than_the_better_of_two(run: TrainingRun) -> None:
    one = run.candidates[0]
    labels, chances = one.evaluation["label"].to_numpy(), one.evaluation["probability_of_default"].to_numpy()
    rng = np.random.default_rng(5)
    shares = np.linspace(0.0, 1.0, 81)
    noise = rng.uniform(0.01, 0.3, chances.size)
    told = [paired_auc_difference(labels, chances, (1 - s) * chances + s * noise, 0.9) for s in shares]
    alone = next(s for s, found in zip(shares, told, strict=True) if found.low is not None and found.low > 0.0)
    worse = _measured(one, "boosting", 400, (1 - alone) * chances + alone * noise)
    best = _measured(one, "scorecard", 100, chances)
    assert rank_candidates([best, worse], 0.9)[0] is best
    echoes = [_measured(one, "scorecard", 100, chances * scale) for scale in (0.9, 0.8, 0.7)]
    assert rank_candidates([best, worse, *echoes], 0.9)[0] is worse
