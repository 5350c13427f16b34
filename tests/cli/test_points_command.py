"""`p2pcredit models points`: the printed scorecard of the bank, in each format."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.contracts.feature import Feature
from p2pcredit.models.boosting.model import fit_boosting
from p2pcredit.models.scorecard.fit import fit_scorecard
from p2pcredit.models.scorecard.points import PointScale
from p2pcredit.models.scoring import score_points
from p2pcredit.settings import ScoreSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank

Call = Callable[..., Any]
FEATURES = (
    Feature("annual_income", "numeric", -1, "Income is low", ""),
    Feature("purpose", "category", 0, "Purpose of the loan", ""),
)
RNG = np.random.default_rng(5)
LOANS = pl.DataFrame(
    {"annual_income": RNG.normal(5e4, 1e4, 1200).round(), "purpose": RNG.choice(["CAR", "DEBT", "O'NEILL"], 1200)}
)
RISK = np.where(LOANS["annual_income"].to_numpy() < 45000, 0.4, 0.1) + 0.2 * (LOANS["purpose"] == "CAR").to_numpy()
BADS = (RNG.random(1200) < RISK).astype(float)
CARD = fit_scorecard(LOANS, FEATURES, BADS, scale=PointScale())


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    for name in [name for name in os.environ if name.startswith("P2P_")]:
        monkeypatch.delenv(name)
    bank = ModelBank(Layout(tmp_path / "home"))
    trees = fit_boosting(LOANS, FEATURES, BADS, seed=1, threads=1)
    for model_id, model in (("card-1", CARD), ("trees-1", trees)):
        card = {
            "model_id": model_id,
            "family": model.family,
            "target": "matured",
            "origin": "trained",
            "as_of": "2024-01-01",
            "metrics": {},
        }
        bank.add(model_id, model.to_files(), card)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["models", "points", *arguments, "--home", str(tmp_path / "home")])

    return run


def test_the_table_is_printed_feature_by_feature(call: Call) -> None:
    result = call("card-1")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "annual_income" in lines
    assert "purpose" in lines
    assert "nothing yet" not in result.stdout
    assert all(line.split()[-1].lstrip("-").isdigit() for line in lines if line.startswith("  "))


def test_the_printed_query_scores_as_the_model_does(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "score.sql"
    receipt = json.loads(call("card-1", "--format", "sql", "--out", str(file), "--json").stdout)
    assert receipt == {"model_id": "card-1", "format": "sql", "whole_points": True, "path": str(file)}
    assert call("card-1", "--format", "sql").stdout == file.read_text()
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE feature_store (loan_id, annual_income, purpose)")
    base.executemany("INSERT INTO feature_store VALUES (?, ?, ?)", LOANS.with_row_index("loan_id").rows())
    scores = dict(base.execute(file.read_text()).fetchall())
    base.close()
    assert [scores[row] for row in range(1200)] == score_points(CARD.predict(LOANS), ScoreSettings()).tolist()


def test_csv_and_json_are_read_by_any_reader(call: Call) -> None:
    lines = list(csv.DictReader(call("card-1", "--format", "csv").stdout.splitlines()))
    content = json.loads(call("card-1", "--format", "json").stdout)
    told = [bin_["points"] for feature in content["features"] for bin_ in feature["bins"]]
    assert [float(line["points"]) for line in lines] == told
    receipt = json.loads(call("card-1", "--json").stdout)
    assert receipt["features"] == content["features"]
    assert receipt["model_id"] == "card-1"


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("trees-1",), "is a boosting model, which has no points", 2),
        (("card-1", "--format", "xml"), "no format 'xml'; known are table, json, csv, sql", 2),
        (("card-2",), "no model 'card-2'", 1),
    ],
)
def test_what_cannot_be_printed_is_an_error_in_one_line(
    call: Call, arguments: tuple[str, ...], words: str, code: int
) -> None:
    result = call(*arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
