from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from p2pcredit.engines.spark.engine import SparkEngine
from p2pcredit.errors import MissingExtraError, SettingsError
from p2pcredit.jobs.audit import reproduce as reproducing
from p2pcredit.jobs.audit.reproduce import reproduce
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.training.retrain import train_if_due, train_now
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.settings import Settings, SparkSettings, TrainingSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelArtifacts, ModelBank

DAY = date(2021, 6, 1)
TRAININGS: dict[str, Callable[[JobContext], Any]] = {
    "when due": lambda ctx: train_if_due(ctx, DAY),
    "when asked for": lambda ctx: train_now(ctx, DAY, "asked"),
}


def context(home: Path, **settings: Any) -> JobContext:
    return JobContext(Layout(home), Settings(**settings), "test", datetime(2022, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("train", TRAININGS.values(), ids=TRAININGS)
def test_what_spark_lacks_is_told_before_anything_is_held_or_written(
    train: Callable[[JobContext], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyspark", "pyspark.errors", "pyspark.sql"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"engine = \"spark\" needs the extra 'spark'") as told:
        train(context(tmp_path, engine="spark"))
    assert "\n" not in str(told.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("train", TRAININGS.values(), ids=TRAININGS)
def test_spark_refuses_a_device_that_it_does_not_grow_trees_on(
    train: Callable[[JobContext], Any], tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=r"set training\.device = 'cpu'"):
        train(context(tmp_path, engine="spark", training=TrainingSettings(device="cuda")))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("workers", "again", "identical", "says"),
    [
        (1, b"{}", True, "all 2 files are identical; made on Spark, as its card says"),
        (1, b"{ }", False, "model.json differ; made on Spark, as its card says"),
        (2, b"{ }", False, "2 workers grew its trees, which may sum in another order each time"),
    ],
)
def test_a_model_of_spark_is_made_again_with_as_many_workers_and_identical_only_if_every_byte_is(
    workers: int, again: bytes, identical: bool, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[SparkSettings] = []
    card = {
        "model_id": "m1",
        "target": "matured",
        "origin": "trained",
        "environment": {},
        "engine": {"name": "spark", "tree_workers": workers},
    }
    ctx = context(tmp_path, spark=SparkSettings(master="local[7]"))
    ModelBank(ctx.layout).add("m1", {"model.json": b"{}"}, card)
    monkeypatch.setattr(SparkEngine, "require", lambda settings: asked.append(settings.spark))
    monkeypatch.setattr(SparkEngine, "fit_backend", lambda settings, directory: nullcontext(settings.spark))
    monkeypatch.setattr(TrainingSnapshot, "from_card", lambda ctx, banked: None)
    made = ModelArtifacts("m1", {"model.json": again}, card)
    monkeypatch.setattr(reproducing, "make_challenger", lambda snapshot, backend: asked.append(backend) or made)

    found = reproduce(ctx, "m1")

    assert found["identical"] is identical
    assert says in found["reason"]
    assert [(settings.master, settings.tree_workers) for settings in asked] == [("local[7]", workers)] * 2
