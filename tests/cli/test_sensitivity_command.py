"""`p2pcredit models sensitivity`, on a banked model, against what can be worked out from its facts alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from p2pcredit import open_home
from p2pcredit.cli.app import app


@pytest.fixture(scope="module")
def found(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("sensitivity") / "page.html"
    done = run(small_home, "--seeds", "1", "--out", str(out), "--json")
    assert done.exit_code == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def run(home: Path, *arguments: str) -> Any:
    model = open_home(home).champion()
    assert model is not None
    return CliRunner().invoke(app, ["models", "sensitivity", model.id, *arguments, "--home", str(home)])


def test_the_loans_that_judge_stay_the_same_whatever_is_changed(small_home: Path, found: dict[str, Any]) -> None:
    model = open_home(small_home).champion()
    assert model is not None
    assert found["evaluation_loans"] == model.card["periods"]["evaluate"]["n"]
    assert found["ratio"] == pytest.approx(model.card["metrics"]["calibration_ratio"])
    rows = [*found["seeds"], *found["windows"]]
    assert [row["missing_because"] for row in rows] == [None] * 4
    for row in rows:
        assert row["auc"] == pytest.approx(found["auc"] + row["change"])
        assert row["low"] <= row["change"] <= row["high"]
    assert any(row["moved"] > 0 for row in found["windows"]), "a window without loans is another training"


def test_a_lost_feature_is_told_with_what_it_does_to_ranking_level_and_decisions(found: dict[str, Any]) -> None:
    changes = [row["change"] for row in found["shocks"]]
    assert changes == sorted(changes)
    assert changes[0] < 0
    for row in found["shocks"]:
        assert 0 <= row["safer"] <= 1
        if row["missing"] == 0 and row["referred"] == 0:
            assert row["mean_after"] > 0
    telling = found["shocks"][0]
    assert telling["referred"] == 1.0, "a feature that no training loan lacked is not decided by the score without it"


def test_effects_come_largest_first_and_follow_the_directions_that_credit_sense_demands(found: dict[str, Any]) -> None:
    from p2pcredit.contracts.features import FEATURES

    sizes = [abs(row["effect"]) for row in found["effects"]]
    assert sizes == sorted(sizes, reverse=True)
    assert 0 < len(sizes) <= 10
    directions = {feature.name: feature.direction for feature in FEATURES}
    for row in found["effects"]:
        assert row["effect"] == pytest.approx(row["mean_to"] - row["mean_from"])
        assert row["effect"] * directions[row["feature"]] >= 0


def test_the_page_names_model_and_verdict_and_needs_no_script(small_home: Path, found: dict[str, Any]) -> None:
    page = Path(found["page"]).read_text()
    assert found["model_id"] in page
    assert "A feature lost" in page
    assert "<script" not in page


def test_a_number_of_seeds_that_is_none_is_refused(small_home: Path) -> None:
    done = run(small_home, "--seeds", "0")
    assert done.exit_code == 2
    assert "give 1 to 20" in done.stderr


def test_the_worth_of_a_moved_value_is_that_of_predicting_it(small_home: Path) -> None:
    from p2pcredit.models.evaluation.sensitivity import effects

    class ByAmount:
        """Gives each loan its amount over 1,000 as its probability, and half of it to tenants."""

        feature_names = ("loan_amount", "home_ownership")

        def predict(self, loans: pl.DataFrame) -> Any:
            half = pl.when(pl.col("home_ownership") == "RENT").then(0.5).otherwise(1.0)
            return loans.select(pl.col("loan_amount") / 1000 * half).to_series().to_numpy()

    loans = pl.DataFrame(
        {"loan_amount": [float(n) for n in range(0, 101, 10)], "home_ownership": ["RENT"] * 5 + ["OWN"] * 5 + ["x"]}
    )
    amount, housing = effects(ByAmount(), loans)  # type: ignore[arg-type]
    assert (amount["from_value"], amount["to_value"]) == (10.0, 90.0)
    assert amount["effect"] == pytest.approx(0.08 * (5 * 0.5 + 6) / 11)
    assert (housing["from_value"], housing["effect"]) == ("RENT", pytest.approx(0.025))
