"""The demo, as a person runs it: a portfolio, its history, and the last days through a real Airflow scheduler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("airflow", reason="Airflow is not installed; the demo needs the extra 'airflow'")

from p2pcredit.retraining.state import DecisionStatus
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.ledger import Ledger


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    home = tmp_path_factory.mktemp("demo") / "home"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "P2P_"))}
    command = [sys.executable, "-m", "p2pcredit.cli.app", "demo", "--home", str(home), "--json"]
    return home, subprocess.run(command, capture_output=True, text=True, timeout=900, env=environ)


def test_the_demo_succeeds_with_every_run_of_the_three_dags(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = demo
    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["runs"] == receipt["succeeded"] == 9
    assert receipt["champion"] is not None


def test_the_decision_of_sunday_was_obeyed_by_the_scheduler_exactly_once(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    layout = Layout(demo[0])
    state = Ledger(layout.ledger).state()
    current = state.current
    assert current is not None
    assert current.decision.retrain
    assert current.fate is DecisionStatus.ACTED_ON
    assert str(current.acted_on_by).startswith("P2PCreditScore_ModelTrainingInference.")
    acted = [event for event in state.trainings if event.facts["decision_id"] == current.decision_id]
    assert len(acted) == 1
    assert current.cleared
    assert not layout.decision_file.exists()


def test_the_report_of_the_week_is_one_file_that_fetches_nothing(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    report = Path(json.loads(demo[1].stdout)["report"]).read_text(encoding="utf-8")
    assert report.lstrip().lower().startswith("<!doctype html>")
    assert "<script" not in report
    assert 'src="http' not in report
    assert "matured" in report


def test_airflow_is_gone_after_the_demo(
    demo: tuple[Path, subprocess.CompletedProcess[str]], left_behind: Callable[[Path], list[int]]
) -> None:
    assert left_behind(demo[0]) == []
