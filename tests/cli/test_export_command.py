"""`p2pcredit models export`: a banked model as a file, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.models.export.conftest import trained
from typer.testing import CliRunner

from p2pcredit import open_home
from p2pcredit.cli.app import app
from p2pcredit.models.scorecard.family import Scorecard
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank

Call = Callable[..., Any]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    for name in [name for name in os.environ if name.startswith("P2P_")]:
        monkeypatch.delenv(name)
    card = {"model_id": "card-1", "family": "scorecard", "target": "matured", "as_of": "2024-01-01", "metrics": {}}
    ModelBank(Layout(tmp_path / "home")).add("card-1", trained("scorecard").to_files(), card)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["models", "export", *arguments, "--home", str(tmp_path / "home")])

    return run


def test_query_names_the_model_and_its_card(call: Call, tmp_path: Path) -> None:
    done = call("card-1", "--format", "sql")
    card = (tmp_path / "home/model_bank/card-1/card.json").read_bytes()
    assert done.exit_code == 0
    assert done.stdout.startswith("-- Model card-1 of P2PCreditScore: scorecard, learned as of 2024-01-01.")
    assert hashlib.sha256(card).hexdigest() in done.stdout


def test_file_is_that_of_the_python_interface_and_the_receipt_says_what_is_left_out(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "model.pmml"
    done = call("card-1", "--format", "pmml", "--out", str(out), "--json")
    receipt = json.loads(done.stdout)
    assert receipt["path"] == str(out)
    assert receipt["left_out"][:2] == ["reasons", "lifetime probability of default and the curve over the term"]
    assert out.read_bytes() == open_home(tmp_path / "home").model("card-1").export("pmml")


def test_onnx_is_not_printed(call: Call) -> None:
    done = call("card-1", "--format", "onnx")
    assert done.exit_code != 0
    assert "name a file with --out" in done.stderr


def test_unknown_format_lists_those_there_are(call: Call) -> None:
    done = call("card-1", "--format", "pdf")
    assert done.exit_code != 0
    assert "known are onnx, pmml, sql, python" in done.stderr


def test_family_without_a_formula_is_refused(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scorecard, "formula", lambda self, model, settings: None)
    done = call("card-1", "--format", "sql")
    assert done.exit_code != 0
    assert "has no formula to export" in done.stderr
