from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.spark import scored_loans, trained_homes

from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.features import FEATURES
from p2pcredit.engines.spark.fitting import SparkBackend
from p2pcredit.models.binning.counts import Counts
from p2pcredit.models.boosting.model import fit_boosting
from p2pcredit.models.boosting.trees import Trees
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.fitting.backend import LOCAL, FitBackend
from p2pcredit.models.scorecard.fit import fit_scorecard
from p2pcredit.settings import SparkSettings

LOANS = scored_loans.loans()
LEARNED = tuple(feature for feature in FEATURES if feature.name in scored_loans.LEARNED)
RISK = LOANS["loan_to_income"].fill_null(0.3) + (LOANS["fico"].fill_null(700) < 700) * 0.3
BADS = (np.random.default_rng(6).random(LOANS.height) < RISK.to_numpy()).astype(float)
WATCHED = np.random.default_rng(7).choice([0.05, 0.1, 0.3], LOANS.height)


@pytest.fixture
def on_spark(tmp_path: Path, spark_here: SparkSettings) -> SparkBackend:
    return SparkBackend(spark_here, tmp_path / "room")


def test_a_training_gives_the_same_models_card_and_evidence(
    homes: Callable[[str], Path], spark_here: SparkSettings
) -> None:
    here = homes("trained-here")
    trained_homes.refined(here, loans_per_day=50)
    there = here.with_name("there")
    shutil.copytree(here, there)
    ctx = trained_homes.context(there, spark_here)

    local, spark = trained_homes.trained(trained_homes.context(here)), trained_homes.trained(ctx)

    targets = {(found["family"], found["target"]) for found in local.card["candidates"]}
    assert targets == {(family, target) for family in ("scorecard", "boosting") for target in ("matured", "hazard")}
    assert spark.card["engine"] == {"name": "spark", "tree_workers": 1}
    assert {name: found for name, found in spark.card.items() if local.card[name] != found} == {
        "engine": spark.card["engine"]
    }
    assert spark.files == local.files
    assert not ctx.layout.fits.exists()


@pytest.mark.parametrize("expected", [None, WATCHED], ids=["matured", "hazard"])
def test_one_worker_grows_the_trees_of_this_machine_to_the_byte(
    expected: Floats | None, on_spark: SparkBackend
) -> None:
    def grown(backend: FitBackend) -> bytes:
        model = fit_boosting(
            LOANS, LEARNED, BADS, expected=expected, seed=4, threads=1, trees=Trees(rounds=30), backend=backend
        )
        return model.to_files()["booster.ubj"]

    assert grown(on_spark) == grown(LOCAL)


@pytest.mark.parametrize("expected", [None, WATCHED], ids=["matured", "hazard"])
def test_a_scorecard_is_the_same_to_the_byte(expected: Floats | None, on_spark: SparkBackend) -> None:
    local, spark = (
        fit_scorecard(LOANS, LEARNED, BADS, expected=expected, backend=backend) for backend in (LOCAL, on_spark)
    )

    assert len(local.binnings) > 1
    assert spark.to_files() == local.to_files()


def test_hard_values_are_counted_alike(on_spark: SparkBackend) -> None:
    features = (Feature("number", "numeric", 0, "", ""), Feature("level", "category", 0, "", ""))
    empty = Feature("empty", "numeric", 0, "", "")
    columns = pl.DataFrame(
        {
            "number": [0.0, -0.0, float("nan"), None, 5e-324, 0.1 + 0.2, 0.3, -1e300] * 9,
            "level": ["", " ", "OTHER", None, "ǆ", "😀", "a\nb", "Z"] * 8 + ["rare", *["Z"] * 7],
            "empty": pl.Series([None] * 72, dtype=pl.Float64),
        }
    )
    bads = (np.arange(72) % 5 == 0).astype(float)

    local, spark = (list(backend.count(columns, (*features, empty), bads, 1 - bads)) for backend in (LOCAL, on_spark))

    for ours, theirs in zip(local, spark, strict=True):
        _assert_same(theirs, ours)


def test_several_workers_learn_from_every_loan_and_draw_samples_of_their_own(
    on_spark: SparkBackend, spark_here: SparkSettings
) -> None:
    two = SparkBackend(spark_here.model_copy(update={"tree_workers": 2}), on_spark.room)
    few = trained_homes.few_values()

    np.testing.assert_array_equal(trained_homes.margin_of(two, few), trained_homes.margin_of(LOCAL, few))
    sampled = [trained_homes.margin_of(backend, few, subsample=0.5) for backend in (two, LOCAL)]
    assert np.abs(sampled[0] - sampled[1]).max() > 1e-6


def _assert_same(found: Counts, expected: Counts) -> None:
    assert (found.values.tolist(), found.levels, found.missing) == (
        expected.values.tolist(),
        expected.levels,
        expected.missing,
    )
    for name in ("loans", "bads", "goods"):
        assert getattr(found.cells, name).tolist() == getattr(expected.cells, name).tolist()
