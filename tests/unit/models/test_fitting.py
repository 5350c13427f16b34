from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost as xgb

from p2pcredit.contracts.features import Feature
from p2pcredit.models.binning import bins_of_counts, fit_binning
from p2pcredit.models.counts import Counts, count_values
from p2pcredit.models.estimates import Floats
from p2pcredit.models.fitting import CELLS_PER_THREAD, HERE, Growth
from p2pcredit.models.training import TrainingRun, train_candidates
from p2pcredit.settings import Settings

AS_OF = date(2012, 6, 30)


class Told:
    """Does all here and keeps what it was asked for."""

    def __init__(self) -> None:
        self.grown: list[Growth] = []
        self.counted: list[tuple[int, tuple[str, ...]]] = []

    @property
    def about(self) -> dict[str, Any]:
        return {"name": "told"}

    def at_once(self, cells: int, threads: int) -> int:
        return 1

    def grow(self, growth: Growth) -> xgb.Booster:
        self.grown.append(growth)
        return HERE.grow(growth)

    def count(
        self, columns: pl.DataFrame, features: Sequence[Feature], bads: Floats, goods: Floats
    ) -> Iterator[Counts]:
        self.counted.append((columns.height, tuple(feature.name for feature in features)))
        return HERE.count(columns, features, bads, goods)


def test_every_tree_and_every_count_of_a_training_is_asked_of_its_fitter(
    book: tuple[pl.DataFrame, pl.DataFrame], run: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    grown: list[int] = []
    grow_here = xgb.train
    monkeypatch.setattr(xgb, "train", lambda *args, **kwargs: grown.append(1) or grow_here(*args, **kwargs))

    found = train_candidates(*book, as_of=AS_OF, settings=Settings(), fitter=told)

    searched = sum(
        3 * len({tuple(tried[key] for key in ("max_depth", "min_child_weight")) for tried in details["search"]})
        for details in found.details.values()
        if "search" in details
    )
    fits = 2 + 3 + 3  # matured: judged and kept; hazard and early: before setting, before judging, kept
    assert searched
    assert len(told.grown) == len(grown) == searched + fits
    assert len(told.counted) == fits
    assert [c.model.to_files() for c in found.candidates] == [c.model.to_files() for c in run.candidates]


def test_small_fits_are_made_side_by_side_and_large_ones_have_the_threads_for_themselves() -> None:
    assert HERE.at_once(CELLS_PER_THREAD - 1, 2) == 2
    assert HERE.at_once(CELLS_PER_THREAD - 1, 1) == 1
    assert HERE.at_once(CELLS_PER_THREAD, 2) == 1


def test_fits_side_by_side_are_those_made_one_after_the_other(
    book: tuple[pl.DataFrame, pl.DataFrame], run: TrainingRun
) -> None:
    alone = train_candidates(*book, as_of=AS_OF, settings=Settings(threads=1))
    assert (alone.details, alone.periods) == (run.details, run.periods)
    for one, other in zip(alone.candidates, run.candidates, strict=True):
        assert one.metrics == other.metrics
        assert one.judged.to_files() == other.judged.to_files()
        assert one.model.to_files() == other.model.to_files()


def test_trees_start_from_the_exposure_of_each_loan_in_the_hazard_form_only(
    book: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    told = Told()

    train_candidates(*book, as_of=AS_OF, settings=Settings(), fitter=told)

    for growth in told.grown:
        hazard = growth.parameters["objective"] == "count:poisson"
        assert (growth.margin is not None) == hazard
        assert growth.columns.shape[0] == growth.bads.size
        assert growth.columns.shape[1] == len(growth.parameters["monotone_constraints"])


def test_bins_follow_from_counts_alone() -> None:
    chance = np.random.default_rng(3)
    column = pl.Series(chance.normal(size=3000)).set(pl.Series(chance.random(3000) < 0.1), None)
    bads = (chance.random(3000) < 0.2).astype(float)
    feature = Feature("x", "numeric", 0, "", "")

    mixed = chance.permutation(3000)
    counts = count_values(feature, column[mixed], bads[mixed], 1 - bads[mixed])

    assert bins_of_counts(feature, counts, bads, 1 - bads) == fit_binning(feature, column, bads, 1 - bads)
