from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.small_home import SATURDAY
from typer.testing import CliRunner

from p2pcredit.cli.app import app

pytestmark = pytest.mark.usefixtures("bare_environment")


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments, "--home", str(home)])


def test_results_prints_writes_and_refuses_both(small_home: Path, tmp_path: Path) -> None:
    asked = ("results", "--week-end", f"{SATURDAY}")
    found = json.loads(run(small_home, *asked, "--json").stdout)
    assert found["kind"] == "p2pcredit.week_results"
    assert found["passed"] + found["failed"] + found["undetermined"] == len(found["measurements"])
    out = tmp_path / "week.json"
    assert run(small_home, *asked, "--out", str(out)).exit_code == 0
    assert json.loads(out.read_text()) == found
    assert run(small_home, *asked, "--out", str(out), "--post").exit_code == 2
    assert "tracking.results_url" in run(small_home, *asked, "--post").stderr


def test_sync_says_which_setting_names_a_server(small_home: Path) -> None:
    done = run(small_home, "mlflow", "sync")
    assert done.exit_code == 2
    assert "tracking.mlflow_uri" in done.stderr
