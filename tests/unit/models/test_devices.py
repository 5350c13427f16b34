"""Boosting on a GPU is asked for by a setting: passed through to the library, and refused where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from tests.unit.models.conftest import AS_OF, make_book

from p2pcredit.contracts.feature_sets import features_of
from p2pcredit.errors import SettingsError
from p2pcredit.models.boosting.model import fit_boosting
from p2pcredit.models.fitting.backend import LOCAL, Examples
from p2pcredit.models.fitting.devices import require_device, used_device
from p2pcredit.models.training.candidates import train_candidates
from p2pcredit.models.training.fit import Learner
from p2pcredit.settings import Settings, TrainingSettings

AMOUNT = tuple(feature for feature in features_of("application") if feature.name == "loan_amount")
LOANS = pl.DataFrame(
    {
        "loan_amount": [1000.0 + 100 * n for n in range(80)],
        "label": [n % 7 < 2 for n in range(80)],
        "origination_date": [date(2010, 1 + n % 12, 1) for n in range(80)],
    }
)
BADS = LOANS["label"].cast(pl.Float64).to_numpy()
without_gpu = pytest.mark.skipif(used_device("cuda") != "cpu", reason="a GPU is at hand, so it is not refused")


def device_of(booster: xgb.Booster) -> str:
    return str(json.loads(booster.save_config())["learner"]["generic_param"]["device"])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices that XGBoost was asked to grow on; it grows on the processor all the same."""
    devices: list[str] = []
    train: Callable[..., Any] = xgb.train

    def noted(params: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        devices.append(params["device"])
        return train({**params, "device": "cpu"}, *args, **kwargs)

    monkeypatch.setattr(xgb, "train", noted)
    return devices


def test_trees_are_grown_on_the_processor_unless_asked_otherwise(asked: list[str]) -> None:
    model = fit_boosting(LOANS, AMOUNT, BADS, seed=1, threads=1)
    assert asked == ["cpu"]
    assert device_of(model.booster) == "cpu"


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_setting_reaches_every_fit_and_every_fit_of_the_search(asked: list[str], device: str) -> None:
    learner = Learner("boosting", AMOUNT, Settings(training=TrainingSettings(device=device), threads=1))
    many = pl.concat([LOANS] * 3)
    learner.searched_on_labels(many).on_labels(many)
    assert asked == [device] * 7, "three folds of two settings, and the model"


@pytest.mark.parametrize(("device", "at_most"), [("cuda", 1), ("cpu", 2)])
def test_boosters_grow_on_a_gpu_one_after_the_other(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, device: str, at_most: int
) -> None:
    together, growing, counted = Barrier(2), [], []
    train = xgb.train

    def seen(*args: Any, **kwargs: Any) -> Any:
        growing.append(1)
        counted.append(len(growing))
        if at_most == 2:
            together.wait(timeout=60)
        try:
            return train(*args, **kwargs)
        finally:
            growing.pop()

    monkeypatch.setattr(xgb, "train", seen)
    examples = Examples(np.arange(80, dtype=np.float32).reshape(80, 1), BADS, None, device=device)

    def fit(_: int) -> None:
        with LOCAL.growing(examples) as grow:
            grow({"tree_method": "hist"}, 20)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fit, range(2 if at_most == 2 else 12)))
    assert max(counted) == at_most


def test_what_a_gpu_refuses_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise xgb.core.XGBoostError("[12:00] bad_alloc:\n  out of memory\nStack trace:\n  [bt] (0) lib")

    monkeypatch.setattr(xgb, "train", refuse)
    with pytest.raises(SettingsError) as refused:
        fit_boosting(LOANS, AMOUNT, BADS, seed=1, threads=1, device="cuda")
    message = str(refused.value)
    assert message.startswith(
        "the GPU could not grow the trees ([12:00] bad_alloc: out of memory); free its memory, or "
    )
    assert message.endswith("set training.device to 'cpu' in place of 'cuda'")
    with pytest.raises(xgb.core.XGBoostError):
        fit_boosting(LOANS, AMOUNT, BADS, seed=1, threads=1)


def test_a_booster_scores_on_the_processor_wherever_it_was_grown(asked: list[str]) -> None:
    model = fit_boosting(LOANS, AMOUNT, BADS, seed=1, threads=1, device="cuda")
    assert asked == ["cuda"]
    assert device_of(model.booster) == "cpu"
    plain = fit_boosting(LOANS, AMOUNT, BADS, seed=1, threads=1)
    assert np.array_equal(model.margin(LOANS), plain.margin(LOANS))


def test_the_processor_is_never_refused() -> None:
    require_device("cpu", "training.device")


@without_gpu
def test_a_gpu_that_is_not_there_is_refused_in_one_line_that_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match=r"training\.device asks for 'cuda'") as refused:
        require_device("cuda", "training.device")
    message = str(refused.value)
    assert "\n" not in message
    assert ("xgboost-cpu" in message) == (not xgb.build_info()["USE_CUDA"])


@without_gpu
def test_a_training_asks_for_its_device_before_anything_is_fitted() -> None:
    features, outcomes = make_book(200)
    asked = Settings.model_validate({"training": {"device": "cuda"}})
    with pytest.raises(SettingsError, match=r"training\.device asks for 'cuda'"):
        train_candidates(features, outcomes, as_of=AS_OF, settings=asked)


@without_gpu
def test_a_library_built_for_gpus_without_one_says_that_the_gpu_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xgb, "build_info", lambda: {"USE_CUDA": True})
    with pytest.raises(SettingsError, match="no GPU can be used here"):
        require_device("cuda", "training.device")


def test_another_device_is_no_setting() -> None:
    with pytest.raises(ValueError, match="device"):
        TrainingSettings(device="tpu")
