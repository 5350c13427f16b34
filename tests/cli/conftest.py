"""What the tests of the commands share: a home, an environment without settings, and a program to call."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from p2pcredit.cli.app import app


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("P2P_") or name == "AIRFLOW_HOME":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home: there, and nothing in it."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def call(home: Path) -> Callable[..., Any]:
    """Runs a command on the home, as a person would."""

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, [*arguments, "--home", str(home)])

    return run
