from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from tests import young_home
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.cli.commands import airflow, demo
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout


def test_the_demo_without_airflow_replays_to_the_end_reports_and_says_how_to_get_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, home = tmp_path / "portfolio.csv.gz", tmp_path / "home"
    write_raw(raw, SyntheticSettings(date(2021, 1, 1), date(2021, 10, 13), loans_per_day=40))
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    made_room = demo._make_room

    def with_settings(directory: Path) -> None:
        made_room(directory)
        (directory / "p2pcredit.toml").write_text(f"{young_home.SETTINGS}min_evaluation_bads = 5\n")

    monkeypatch.setattr(demo, "_make_room", with_settings)
    done = CliRunner().invoke(app, ["demo", str(raw), "--platform", "synthetic", "--home", str(home), "--json"])
    assert done.exit_code == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert (receipt["runs"], receipt["champion"] is not None) == (0, True)
    assert Path(receipt["report"]).name == "monitoring_2021_10_09.html"
    assert "the last days were replayed too: their run by a real scheduler needs the extra 'airflow'" in done.stderr


def test_a_home_of_the_past_starts_with_paused_dags_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("P2P_DAG_START", raising=False)
    assert airflow._paused_on_history(tmp_path) == {}
    ctx = JobContext(Layout(tmp_path), Settings(), "cli", datetime.now(UTC))
    day = date(2021, 1, 1)
    land(ctx, "synthetic", [], day, day)
    assert airflow._paused_on_history(tmp_path) == {"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True"}
    assert "days have landed up to 2021-01-01 only" in capsys.readouterr().err
    monkeypatch.setenv("P2P_DAG_START", "2021-01-01")
    assert airflow._paused_on_history(tmp_path) == {}


def test_a_home_that_has_yesterdays_files_runs_them(tmp_path: Path) -> None:
    day = datetime.now(UTC).date() - timedelta(days=1)
    ctx = JobContext(Layout(tmp_path), Settings(), "cli", datetime.now(UTC))
    raw = tmp_path.with_name(f"{tmp_path.name}.csv.gz")
    write_raw(raw, SyntheticSettings(day, day, loans_per_day=40))
    land(ctx, "synthetic", [raw], day, day)
    assert airflow._paused_on_history(tmp_path) == {}


@pytest.mark.parametrize("command", [["status"], ["preprocess"], ["airflow", "up"], ["doctor"], ["decision", "show"]])
def test_every_command_refuses_a_home_of_a_later_version_in_one_line(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "home.json").write_text('{"format": 9, "made_by": "1.2.3"}')
    done = CliRunner().invoke(app, [*command, "--home", str(tmp_path)])
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "has format 9, made by version 1.2.3; this version reads format 2: install that version" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["home.json"]


def test_taking_airflow_down_works_on_a_home_of_any_version(tmp_path: Path) -> None:
    (tmp_path / "home.json").write_text('{"format": 9, "made_by": "1.2.3"}')
    assert CliRunner().invoke(app, ["airflow", "down", "--home", str(tmp_path)]).exit_code == 0


def test_an_earlier_demo_of_any_version_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".p2pcredit-demo").touch()
    (tmp_path / "home.json").write_text('{"format": 9, "made_by": "1.2.3"}')
    done = CliRunner().invoke(app, ["demo", str(tmp_path / "none.csv"), "--home", str(tmp_path)])
    assert "format" not in done.stderr
    assert not (tmp_path / "home.json").exists()
