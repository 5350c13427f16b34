"""Which matured loans are scored again for the champion, by which of its two fits, at which level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.unit.gathering.column_models import ColumnModel, shown

from p2pcredit.jobs.monitoring import champion_judged as gathering
from p2pcredit.settings import LabelSettings, MonitoringSettings, Settings
from p2pcredit.storage.state.model_bank import ModelArtifacts

WEEK_END = date(2022, 6, 4)
SETTINGS = Settings(
    labels=LabelSettings(window_months=3, reporting_lag_days=0), monitoring=MonitoringSettings(window_months=2)
)
BORN = {
    "before": (date(2022, 1, 4), 0),
    "x": (date(2022, 1, 5), 1),
    "y": (date(2022, 2, 10), 0),
    "z": (date(2022, 3, 4), 0),
    "young": (date(2022, 3, 5), 1),
}
"""The window is of the originations after 4 January, up to 4 March, whose three months have passed."""


@dataclass(frozen=True)
class WithMargin(ColumnModel):
    def margin(self, loans: pl.DataFrame) -> np.ndarray:
        chances = self.predict(loans)
        return np.log(chances / (1 - chances))


def load(files: Mapping[str, bytes]) -> WithMargin:
    name, add = files["model.json"].decode().split()
    return WithMargin(name, float(add))


def champion(first: str | None = "2022-01-05", as_of: str = "2022-05-10") -> ModelArtifacts:
    card = {"as_of": as_of, "periods": {"evaluate": {"first": first}}}
    files = {"model.json": b"serves 0.1", "evaluation-model.json": b"judges 0.0"}
    return ModelArtifacts("champion", files, card, {})


def judged(model: ModelArtifacts | None) -> pl.DataFrame:
    features = pl.DataFrame(
        {
            "loan_id": list(BORN),
            "snapshot_date": [day for day, _ in BORN.values()],
            "annual_income": [0.1, 0.2, 0.3, 0.4, 0.5],
            "term_months": [36.0, 36.0, 60.0, None, 36.0],
        }
    )
    labels = pl.DataFrame(
        [(loan, "pd3", label, day) for loan, (day, label) in BORN.items()] + [("x", "pd36", 0, BORN["x"][0])],
        schema=["loan_id", "definition", "label", "origination_date"],
        orient="row",
    )
    return gathering.champion_judged(model, features, labels, week_end=WEEK_END, settings=SETTINGS)


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    shown.clear()
    monkeypatch.setattr(gathering, "load_model", load)


def test_matured_loans_of_the_window_are_ranked_by_the_fit_that_had_not_seen_them() -> None:
    found = judged(champion())
    assert found.select("loan_id", "label", "term_months").rows() == [("x", 1, 36), ("y", 0, 60), ("z", 0, None)]
    assert found["risk"].to_list() == [0.2, 0.3, 0.4]
    assert {name for name, _ in shown} == {"judges", "serves"}


def test_probabilities_have_the_level_of_the_fit_that_serves() -> None:
    """The champion gives the three 0.3, 0.4 and 0.5: 1.2 defaults; spread by the other fit's margins."""
    found = judged(champion())
    assert found["chance"].sum() == pytest.approx(1.2)
    odds = [chance / (1 - chance) for chance in found["chance"]]
    assert odds[1] / odds[0] == pytest.approx((0.3 / 0.7) / (0.2 / 0.8))


def test_loans_that_the_evaluation_model_learned_from_are_left_out() -> None:
    assert judged(champion("2022-02-10"))["loan_id"].to_list() == ["y", "z"]
    assert judged(champion("2022-03-05")).is_empty()


def test_what_matured_after_the_champion_was_set_is_marked() -> None:
    """The three months of `y` end on the tenth of May itself, of which the champion knew."""
    assert judged(champion())["matured_since"].to_list() == [False, False, True]
    assert judged(champion(as_of="2022-05-09"))["matured_since"].to_list() == [False, True, True]


@pytest.mark.parametrize("without", [None, "no evaluation model", "no period"])
def test_without_a_champion_or_what_it_was_judged_by_nothing_is_scored(without: str | None) -> None:
    model: Any = None
    if without == "no evaluation model":
        model = ModelArtifacts("old", {"model.json": b"serves 0.1"}, champion().card, {})
    elif without == "no period":
        model = champion(None)
    found = judged(model)
    assert found.is_empty()
    assert "matured_since" in found.columns
