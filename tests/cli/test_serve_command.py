"""`p2pcredit serve`: whom the server believes, and when it says the DAGs are due."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.cli.commands import serve as command
from p2pcredit.serving.access import digest_of
from p2pcredit.storage.pages_token import read_token


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The apps that would have been served."""
    apps: list[Any] = []
    monkeypatch.setattr(command, "run_server", lambda app, host, port, **_: apps.append((app, host, port)))
    for name in ("P2P_DAG_CRON_PREPROCESSING", "P2P_DAG_TIMEZONE", "P2P_PAGES_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    return apps


def serve(home: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["serve", *arguments, "--home", str(home)])
    return done.exit_code, done.stderr


def test_for_airflow_makes_the_token_of_the_home_prints_none_and_may_listen_to_others(
    tmp_path: Path, served: list[Any]
) -> None:
    assert serve(tmp_path, "--for-airflow", "--host", "0.0.0.0") == (0, "")
    token = read_token(tmp_path / "airflow" / "pages_token")
    assert token is not None
    ((made, host, _),) = served
    assert (made.state.site.access.airflow, host) == (digest_of(token), "0.0.0.0")
    assert serve(tmp_path, "--for-airflow") == (0, "")
    assert served[1][0].state.site.access.airflow == digest_of(token)


def test_without_it_no_airflow_is_believed_and_no_token_is_left_behind(tmp_path: Path, served: list[Any]) -> None:
    code, said = serve(tmp_path)
    assert (code, said.startswith("No token is set")) == (0, True)
    assert served[0][0].state.site.access.airflow is None
    assert not (tmp_path / "airflow").exists()
    assert serve(tmp_path, "--host", "0.0.0.0")[0] == 2


def test_what_is_due_follows_the_variables_of_the_schedules(
    tmp_path: Path, served: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P2P_DAG_CRON_PREPROCESSING", "30 3 * * *")
    monkeypatch.setenv("P2P_DAG_TIMEZONE", "Asia/Tokyo")
    monkeypatch.setenv("P2P_DAG_CRON_MONITORING", "0 12 * * 0")
    assert serve(tmp_path)[0] == 0
    due = served[0][0].state.site.due(date(2024, 1, 13))
    assert [(pipeline.tag, f"{at:%Y-%m-%d %H:%M}") for pipeline, at in due] == [
        ("monitoring", "2024-01-14 03:00"),
        ("inference", "2024-01-14 17:00"),
        ("preprocessing", "2024-01-14 18:30"),
    ]


def test_a_variable_of_the_schedules_that_is_wrong_is_said_before_anything_is_served(
    tmp_path: Path, served: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P2P_DAG_TIMEZONE", "Nowhere/At_all")
    code, said = serve(tmp_path)
    assert (code, "P2P_DAG_TIMEZONE" in said, served) == (1, True, [])


def test_a_token_file_that_holds_none_is_said(tmp_path: Path, served: list[Any]) -> None:
    (tmp_path / "airflow").mkdir()
    (tmp_path / "airflow" / "pages_token").write_text("short")
    code, said = serve(tmp_path, "--for-airflow")
    assert (code, "holds no token" in said, served) == (1, True, [])
