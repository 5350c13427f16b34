"""The search of how to grow trees: seeded, within the loans it is given, and content with the usual setting."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.boosting import tuning as search
from p2pcredit.models.boosting.model import BoostingModel, fit_boosting
from p2pcredit.models.boosting.trees import Trees
from p2pcredit.models.boosting.tuning import SETTINGS, _deviance, _margins_after, search_trees
from p2pcredit.models.training.candidates import TrainingRun

FEATURES = (
    Feature("annual_income", "numeric", -1, "", ""),
    Feature("inquiries_6m_count", "numeric", 1, "", ""),
    Feature("purpose", "category", 0, "", ""),
)


def _loans(size: int = 1500, seed: int = 3) -> tuple[pl.DataFrame, np.ndarray, pl.Series]:
    rng = np.random.default_rng(seed)
    income, inquiries = rng.normal(size=size), rng.poisson(1.0, size).astype(float)
    bads = (rng.random(size) < 1 / (1 + np.exp(2.0 + income - 0.4 * inquiries))).astype(float)
    purpose = rng.choice(["CAR", "DEBT"], size)
    frame = pl.DataFrame({"annual_income": income, "inquiries_6m_count": inquiries, "purpose": purpose})
    months = pl.Series([date(2010, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 500, size)])
    return frame, bads, months


@pytest.mark.parametrize("hazard", [False, True])
def test_the_same_loans_give_the_same_choice_with_any_number_of_threads(hazard: bool) -> None:
    frame, bads, months = _loans()
    expected = np.linspace(0.05, 0.2, bads.size) if hazard else None
    first = search_trees(frame, FEATURES, bads, months, seed=4, threads=1, expected=expected)
    again = search_trees(frame, FEATURES, bads, months, seed=4, threads=2, expected=expected)
    assert first == again
    chosen, tried = first
    assert chosen in [one.trees for one in tried]
    assert [one.deviance for one in tried] == sorted(one.deviance for one in tried)
    assert next(one for one in tried if one.trees == SETTINGS[0]).gain == 0.0


@pytest.mark.parametrize("hazard", [False, True])
def test_a_book_of_one_month_tries_nothing_and_one_of_two_months_tries_what_it_can(hazard: bool) -> None:
    frame, bads, _ = _loans()
    expected = np.linspace(0.05, 0.2, bads.size) if hazard else None
    days = pl.Series([date(2010, 1 + number % 2, 5) for number in range(bads.size)])
    chosen, tried = search_trees(frame, FEATURES, bads, days, seed=4, threads=1, expected=expected)
    assert chosen in [one.trees for one in tried]
    one_month = pl.Series([date(2010, 1, 5)] * bads.size)
    nothing = (SETTINGS[0], ())
    assert search_trees(frame, FEATURES, bads, one_month, seed=4, threads=1, expected=expected) == nothing


def test_months_without_a_default_teach_no_trees() -> None:
    frame, bads, _ = _loans()
    for months in (1, 2):
        days = pl.Series([date(2010, 1 if bad else 2 + place % months, 5) for place, bad in enumerate(bads)])
        assert search_trees(frame, FEATURES, bads, days, seed=4, threads=1) == (SETTINGS[0], ())


def test_the_deviance_is_that_of_trees_grown_on_other_months_at_their_best_level_and_spread() -> None:
    frame, bads, months = _loans()
    _, tried = search_trees(frame, FEATURES, bads, months, seed=4, threads=1)
    fold = (months.dt.year().to_numpy() * 12 + months.dt.month().to_numpy() - 2010 * 12 - 1) % 3
    margin = np.zeros(bads.size)
    for number in range(3):
        within, out = fold != number, fold == number
        model = fit_boosting(frame.filter(within), FEATURES, bads[within], seed=4, threads=1, trees=Trees(rounds=100))
        margin[out] = model.margin(frame.filter(out))
    line = LogisticRegression(C=np.inf, tol=1e-10).fit(margin[:, None], bads)
    loss = 2 * log_loss(bads, line.predict_proba(margin[:, None])[:, 1])
    found = next(one for one in tried if one.trees == Trees(rounds=100))
    assert found.deviance == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("hazard", [False, True])
def test_a_setting_is_not_judged_by_a_spread_or_level_that_the_calibration_mends(hazard: bool) -> None:
    _, bads, _ = _loans()
    margin = np.random.default_rng(1).normal(size=bads.size) + bads
    expected = np.linspace(0.05, 0.2, bads.size) if hazard else None
    plain = _deviance(bads, margin, expected)
    assert _deviance(bads, 3.0 * margin - 2.0, expected) == pytest.approx(plain, abs=1e-6)
    assert plain.mean() < _deviance(bads, np.zeros(bads.size), expected).mean()


@pytest.mark.parametrize("hazard", [False, True])
def test_trees_that_rank_the_wrong_way_round_are_worth_no_more_than_none(hazard: bool) -> None:
    _, bads, _ = _loans()
    expected = np.linspace(0.05, 0.2, bads.size) if hazard else None
    flat = _deviance(bads, np.ones(bads.size), expected)
    assert _deviance(bads, -bads, expected) == pytest.approx(flat)


def test_with_few_bads_nothing_is_tried_and_the_usual_setting_holds() -> None:
    frame, bads, months = _loans(200)
    few = np.where(np.cumsum(bads) <= 20, bads, 0.0)
    assert search_trees(frame, FEATURES, few, months, seed=4, threads=1) == (Trees(), ())


def test_one_setting_serves_the_evaluation_model_and_the_kept_fit_and_stands_in_the_details(run: TrainingRun) -> None:
    for candidate in run.candidates:
        if candidate.family == "boosting":
            details = run.details[f"boosting_{candidate.target}"]
            assert isinstance(candidate.model, BoostingModel)
            assert isinstance(candidate.evaluation_model, BoostingModel)
            assert candidate.model.trees == candidate.evaluation_model.trees == Trees(**details["trees"])
            assert {"rounds", "max_depth", "deviance", "gain", "error"} <= set(details["search"][0])
            assert candidate.model.booster.num_boosted_rounds() == candidate.model.trees.rounds


def test_monotone_constraints_hold_for_every_setting_that_is_tried() -> None:
    frame, bads, _ = _loans()
    base = pl.concat([frame.head(1)] * 30)
    for trees in SETTINGS:
        model = fit_boosting(frame, FEATURES, bads, seed=4, threads=1, trees=trees)
        richer = model.margin(base.with_columns(pl.Series("annual_income", np.linspace(-3, 3, 30))))
        assert np.all(np.diff(richer) <= 1e-6)


def test_no_further_third_is_judged_once_enough_bads_were(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, bads, months = _loans()
    first = ((months.dt.year() * 12 + months.dt.month() - 2010 * 12 - 1) % 3 == 0).to_numpy()

    def settings_and_deviances() -> dict[Trees, float]:
        _, tried = search_trees(frame, FEATURES, bads, months, seed=4, threads=1)
        return {one.trees: one.deviance for one in tried}

    of_all = settings_and_deviances()
    monkeypatch.setattr(search, "ENOUGH_BADS", bads[first].sum() + 1)
    of_two_thirds = settings_and_deviances()
    monkeypatch.setattr(search, "ENOUGH_BADS", bads[first].sum())
    of_one = settings_and_deviances()

    assert of_all.keys() == of_two_thirds.keys() == of_one.keys()
    assert len({found[SETTINGS[0]] for found in (of_all, of_two_thirds, of_one)}) == 3
    known, unseen = frame.filter(~first), frame.filter(first)
    model = fit_boosting(known, FEATURES, bads[~first], seed=4, threads=1, trees=Trees(rounds=100))
    line = LogisticRegression(C=np.inf, tol=1e-10).fit(model.margin(unseen)[:, None], bads[first])
    loss = 2 * log_loss(bads[first], line.predict_proba(model.margin(unseen)[:, None])[:, 1])
    assert of_one[Trees(rounds=100)] == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("hazard", [False, True])
def test_margins_after_more_and_more_trees_are_those_from_the_first_tree_on_and_no_tree_is_asked_twice(
    hazard: bool,
) -> None:
    frame, bads, _ = _loans()
    expected = np.linspace(0.05, 0.2, bads.size) if hazard else None
    model = fit_boosting(frame, FEATURES, bads, seed=4, threads=1, expected=expected, trees=Trees(rounds=40))
    columns = model.encoding.encode(frame)
    asked: list[tuple[int, int]] = []

    class Watched:
        def inplace_predict(self, data: np.ndarray, **how: Any) -> np.ndarray:
            asked.append(how["iteration_range"])
            return model.booster.inplace_predict(data, **how)

    for rounds, margin in _margins_after(cast(xgb.Booster, Watched()), (10, 20, 40), columns):
        whole = model.booster.inplace_predict(
            columns, iteration_range=(0, rounds), predict_type="margin", missing=np.nan
        )
        assert np.array_equal(margin, whole)
    assert asked == [(0, 10), (10, 20), (20, 40)]
