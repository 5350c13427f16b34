from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost as xgb

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.binning.bins import bins_of_counts, fit_binning
from p2pcredit.models.binning.counts import Counts, count_values
from p2pcredit.models.boosting.tuning import FOLDS
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.fitting.backend import LOCAL, Examples, Grow
from p2pcredit.models.fitting.thread_budget import ThreadBudget
from p2pcredit.models.training.candidates import AT_ONCE_AT_MOST, PAIRS, TrainingRun, train_candidates
from p2pcredit.settings import Settings

AS_OF = date(2012, 6, 30)


class Told:
    """Does all here and keeps what it was asked for."""

    def __init__(self) -> None:
        self.handed: list[Examples] = []
        self.grown: list[tuple[Examples, dict[str, Any]]] = []
        self.counted: list[tuple[int, tuple[str, ...]]] = []

    @property
    def about(self) -> dict[str, Any]:
        return {"name": "told"}

    def at_once(self, threads: int) -> int:
        return 1

    @contextmanager
    def growing(self, examples: Examples) -> Iterator[Grow]:
        self.handed.append(examples)
        with LOCAL.growing(examples) as grow_here:

            def grow(parameters: dict[str, Any], rounds: int) -> xgb.Booster:
                self.grown.append((examples, parameters))
                return grow_here(parameters, rounds)

            yield grow

    def count(
        self, columns: pl.DataFrame, features: Sequence[Feature], bads: Floats, goods: Floats
    ) -> Iterator[Counts]:
        self.counted.append((columns.height, tuple(feature.name for feature in features)))
        return LOCAL.count(columns, features, bads, goods)


def test_every_tree_and_every_count_of_a_training_is_asked_of_its_backend(
    book: tuple[pl.DataFrame, pl.DataFrame], run: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    grown: list[int] = []
    grow_here = xgb.train
    monkeypatch.setattr(xgb, "train", lambda *args, **kwargs: grown.append(1) or grow_here(*args, **kwargs))

    found = train_candidates(*book, as_of=AS_OF, settings=Settings(), backend=told)

    searched = [
        len({tuple(tried[key] for key in ("max_depth", "min_child_weight")) for tried in details["search"]})
        for details in found.details.values()
        if "search" in details
    ]
    fits = 2 + 3 + 3  # matured: judged and kept; hazard and early: before setting, before judging, kept
    assert searched
    assert len(told.grown) == len(grown) == FOLDS * sum(searched) + fits
    assert len(told.handed) == FOLDS * len(searched) + fits  # each fold's loans once for all settings
    assert len(told.counted) == fits
    assert [c.model.to_files() for c in found.candidates] == [c.model.to_files() for c in run.candidates]


@pytest.mark.parametrize(
    ("threads", "at_once", "each"),
    [(1, 1, 1), (2, 2, 1), (3, 3, 1), (8, 3, 2)],
)
def test_fits_side_by_side_share_the_threads_and_the_last_has_them_all(threads: int, at_once: int, each: int) -> None:
    budget = ThreadBudget(threads, min(LOCAL.at_once(threads), AT_ONCE_AT_MOST), len(PAIRS))
    assert (budget.at_once, budget.each()) == (at_once, each)
    for _ in range(len(PAIRS) - 1):
        budget.one_less()
    assert budget.each() == threads
    budget.one_less()
    assert budget.each() == threads


def test_boosters_of_the_same_loans_are_those_that_each_had_for_itself() -> None:
    chance = np.random.default_rng(3)
    columns = chance.normal(size=(500, 4)).astype(np.float32)
    examples = Examples(columns, (chance.random(500) < 0.3).astype(float), chance.normal(size=500), threads=lambda: 2)
    settings = [{"tree_method": "hist", "max_depth": depth, "subsample": 0.7, "seed": 3} for depth in (2, 3)]

    with LOCAL.growing(examples) as grow:
        together = [grow(parameters, 5).save_raw("ubj") for parameters in settings]
    alone = []
    for parameters in settings:
        with LOCAL.growing(replace(examples, threads=1)) as grow:
            alone.append(grow(parameters, 5).save_raw("ubj"))

    assert together == alone
    assert together[0] != together[1]


def test_loans_are_let_go_once_they_are_cut_into_bins() -> None:
    columns = np.ones((100, 1), dtype=np.float32)
    held = weakref.ref(columns)
    with LOCAL.growing(Examples(columns, np.arange(100, dtype=np.float64) % 2.0, None)) as grow:
        del columns
        assert held() is None
        assert grow({"tree_method": "hist"}, 1).num_boosted_rounds() == 1


def test_fits_side_by_side_are_those_made_one_after_the_other(
    book: tuple[pl.DataFrame, pl.DataFrame], run: TrainingRun
) -> None:
    alone = train_candidates(*book, as_of=AS_OF, settings=Settings(threads=1))
    assert (alone.details, alone.periods) == (run.details, run.periods)
    for one, other in zip(alone.candidates, run.candidates, strict=True):
        assert one.metrics == other.metrics
        assert one.evaluation_model.to_files() == other.evaluation_model.to_files()
        assert one.model.to_files() == other.model.to_files()


def test_trees_start_from_the_exposure_of_each_loan_in_the_hazard_form_only(
    book: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    told = Told()

    train_candidates(*book, as_of=AS_OF, settings=Settings(), backend=told)

    for examples, parameters in told.grown:
        hazard = parameters["objective"] == "count:poisson"
        assert (examples.margin is not None) == hazard
        assert examples.columns.shape[0] == examples.bads.size
        assert examples.columns.shape[1] == len(parameters["monotone_constraints"])


def test_bins_follow_from_counts_alone() -> None:
    chance = np.random.default_rng(3)
    column = pl.Series(chance.normal(size=3000)).set(pl.Series(chance.random(3000) < 0.1), None)
    bads = (chance.random(3000) < 0.2).astype(float)
    feature = Feature("x", "numeric", 0, "", "")

    mixed = chance.permutation(3000)
    counts = count_values(feature, column[mixed], bads[mixed], 1 - bads[mixed])

    assert bins_of_counts(feature, counts, bads, 1 - bads) == fit_binning(feature, column, bads, 1 - bads)


@pytest.mark.parametrize("threads", [1, 2])
def test_each_candidate_is_told_as_progress(book: tuple[pl.DataFrame, pl.DataFrame], threads: int) -> None:
    told: list[tuple[str, int, int | None]] = []

    train_candidates(*book, as_of=AS_OF, settings=Settings(threads=threads), progress=lambda *step: told.append(step))

    assert sorted(done for _, done, _ in told) == list(range(len(PAIRS) + 1))
    assert {of for _, _, of in told} == {len(PAIRS) + 1}  # the evidence is still to come
    assert all(any(what.startswith(f"{family} ({target})") for what, _, _ in told) for family, target in PAIRS)
