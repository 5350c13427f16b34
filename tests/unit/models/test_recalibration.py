"""A new calibration takes over where the book has drifted, and not where the probabilities are right."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from tests.not_none import not_none

from p2pcredit.errors import TooLittleDataError, TrainingError
from p2pcredit.models.calibration import Calibration
from p2pcredit.models.champion.recalibration import paired_log_loss_gain, recalibrate
from p2pcredit.models.evaluation.discrimination import auc
from p2pcredit.models.evaluation.intervals import normal_quantile
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.training.candidates import TrainingRun
from p2pcredit.settings import Settings, TrainingSettings

pairs = st.lists(st.tuples(st.integers(0, 1), st.floats(0.01, 0.99), st.floats(0.01, 0.99)), min_size=2, max_size=40)


ROUNDED = {"boosting": 1e-9, "scorecard": 0.01}
"""Family -> how far whole points of the features may move what the calibration says."""


def _champion(run: TrainingRun, family: str = "boosting") -> ScoringModel:
    return next(one.evaluation_model for one in run.candidates if one.model.family == family)


def _matured(
    book: tuple[pl.DataFrame, pl.DataFrame], model: ScoringModel, *, shift: float, seed: int = 1
) -> pl.DataFrame:
    """Loans whose true log-odds are the champion's, moved by `shift`, with labels drawn from them."""
    features, outcomes = book
    loans = outcomes.select("loan_id", "origination_date").join(features, on="loan_id", maintain_order="left")
    log_odds = model.calibration.log_odds(model.margin(loans)) + shift
    drawn = np.random.default_rng(seed).random(loans.height) < 1 / (1 + np.exp(-log_odds))
    return loans.with_columns(pl.Series("label", drawn.astype(np.int8)))


@pytest.mark.parametrize("family", ROUNDED)
def test_on_a_drifted_book_the_recalibrated_champion_takes_over(
    book: tuple[pl.DataFrame, pl.DataFrame], run: TrainingRun, family: str
) -> None:
    champion = _champion(run, family)
    matured = _matured(book, champion, shift=0.8)
    done = recalibrate(champion, champion, matured, unseen_from=date(2009, 1, 1), settings=Settings())
    assert done.promote
    assert done.gain.low is not None
    assert done.gain.low > 0
    assert abs(math.log(done.ratio.value or 9)) < abs(math.log(done.champion_ratio.value or 9))
    expected = float(done.candidate.model.predict(matured).sum())
    assert expected == pytest.approx(matured["label"].sum(), rel=max(ROUNDED[family], 1e-6))


def test_on_a_calibrated_book_the_calibration_stays(book: tuple[pl.DataFrame, pl.DataFrame], run: TrainingRun) -> None:
    champion = _champion(run)
    promoted = 0
    for seed in range(10):
        matured = _matured(book, champion, shift=0.0, seed=seed)
        promoted += recalibrate(champion, champion, matured, unseen_from=date(2009, 1, 1), settings=Settings()).promote
    assert promoted <= 1


@pytest.mark.parametrize("family", ROUNDED)
def test_the_ranking_is_the_same(book: tuple[pl.DataFrame, pl.DataFrame], run: TrainingRun, family: str) -> None:
    champion = _champion(run, family)
    matured = _matured(book, champion, shift=0.8)
    done = recalibrate(champion, champion, matured, unseen_from=date(2009, 1, 1), settings=Settings())
    labels = matured["label"].to_numpy()
    assert auc(labels, done.candidate.model.predict(matured)) == pytest.approx(
        auc(labels, champion.predict(matured)), abs=ROUNDED[family]
    )
    assert (done.candidate.model.family, done.candidate.model.target) == (champion.family, champion.target)
    assert done.candidate.model.feature_names == champion.feature_names


def test_the_halves_are_cut_by_time_and_only_the_newer_judges(
    book: tuple[pl.DataFrame, pl.DataFrame], run: TrainingRun
) -> None:
    champion = _champion(run)
    matured = _matured(book, champion, shift=0.8)
    start = date(2010, 1, 1)
    done = recalibrate(champion, champion, matured, unseen_from=start, settings=Settings())
    older, newer = done.periods["calibrate"], done.periods["evaluate"]
    assert older["first"] >= start.isoformat()
    assert older["last"] < newer["first"]
    assert older["n"] + newer["n"] == matured.filter(pl.col("origination_date") >= start).height
    assert done.candidate.evaluation.height == newer["n"] == done.gain.n == done.champion_pd.size
    days = matured.filter(pl.col("loan_id").is_in(done.candidate.evaluation["loan_id"].implode()))["origination_date"]
    assert days.min() == date.fromisoformat(newer["first"])


def test_too_few_bads_are_said_with_the_numbers(book: tuple[pl.DataFrame, pl.DataFrame], run: TrainingRun) -> None:
    champion = _champion(run)
    matured = _matured(book, champion, shift=0.8)
    settings = Settings(
        training=TrainingSettings(min_matured_loans=5001, min_matured_bads=5000, min_evaluation_bads=5000)
    )
    with pytest.raises(TooLittleDataError, match=r"bads among the \d+ loans of the older half since 2009-01-01"):
        recalibrate(champion, champion, matured, unseen_from=date(2009, 1, 1), settings=settings)
    with pytest.raises(TooLittleDataError, match="0 bads among the 0 loans"):
        recalibrate(champion, champion, matured, unseen_from=date(2030, 1, 1), settings=Settings())


def test_a_map_that_is_already_right_gains_nothing(book: tuple[pl.DataFrame, pl.DataFrame], run: TrainingRun) -> None:
    measured = _champion(run)
    matured = _matured(book, measured, shift=0.8)
    moved = measured.calibrated(replace(measured.calibration, intercept=measured.calibration.intercept + 0.8))
    done = recalibrate(moved, measured, matured, unseen_from=date(2009, 1, 1), settings=Settings())
    assert not done.promote
    assert "no gain beyond" in done.reason


@given(pairs)
@bounded(deadline=None)
def test_the_gain_is_the_difference_of_two_log_losses(rows: list[tuple[int, float, float]]) -> None:
    labels, first, second = (np.array(column) for column in zip(*rows, strict=True))
    found = paired_log_loss_gain(labels, first, second)
    oracle = log_loss(labels, second, labels=[0, 1]) - log_loss(labels, first, labels=[0, 1])
    assert found.value == pytest.approx(oracle, abs=1e-9)
    assert (found.n, found.bads) == (len(rows), int(labels.sum()))
    mirrored = paired_log_loss_gain(labels, second, first)
    assert mirrored.value == pytest.approx(-not_none(found.value), abs=1e-12)


def test_the_interval_is_that_of_a_mean_of_pairs() -> None:
    labels, first, second = [0, 1, 0, 0], [0.1, 0.6, 0.2, 0.3], [0.3, 0.4, 0.2, 0.1]
    found = paired_log_loss_gain(labels, first, second, 0.9)
    rows = zip(labels, first, second, strict=True)
    each = [math.log(a if y else 1 - a) - math.log(b if y else 1 - b) for y, a, b in rows]
    half = normal_quantile(0.9) * np.std(each, ddof=1) / 2
    assert (found.low, found.high) == pytest.approx((np.mean(each) - half, np.mean(each) + half))


def test_equal_probabilities_one_loan_and_no_loans_are_no_gain() -> None:
    same = paired_log_loss_gain([0, 1], [0.2, 0.3], [0.2, 0.3])
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    single = paired_log_loss_gain([1], [0.9], [0.1])
    assert (single.value is not None and single.value > 0, single.low) == (True, None)
    assert paired_log_loss_gain([], [], []).value is None
    one_class = paired_log_loss_gain([0, 0, 0], [0.1, 0.2, 0.3], [0.2, 0.2, 0.2])
    assert one_class.low is not None
    with pytest.raises(TrainingError, match="missing"):
        paired_log_loss_gain([0.0, float("nan")], [0.1, 0.1], [0.1, 0.1])


def test_a_certain_wrong_probability_costs_much_and_not_without_end() -> None:
    found = paired_log_loss_gain([1, 0], [0.5, 0.5], [0.0, 0.5])
    assert found.value is not None
    assert 10 < found.value < 20
    assert Calibration().slope == 1.0


def test_the_card_of_a_recalibrated_model_has_every_metric_of_a_trained_one(
    run: TrainingRun, book: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    champion = _champion(run)
    done = recalibrate(
        champion, champion, _matured(book, champion, shift=0.8), unseen_from=date(2009, 1, 1), settings=Settings()
    )
    trained, recalibrated = run.candidates[0].metrics, done.candidate.metrics
    assert set(recalibrated) == set(trained)
    assert all(value is not None for name, value in recalibrated.items() if not name.startswith("sub_grade"))
    assert recalibrated["calibration_ratio"] == pytest.approx(done.ratio.value)
    assert recalibrated["base_rate"] == done.candidate.evaluation["label"].mean()
    assert set(run.for_card()) == set(done.for_card())
