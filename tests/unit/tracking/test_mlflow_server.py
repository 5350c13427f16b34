"""A real MLflow server on SQLite, on loopback: runs, versions and aliases in step with bank and ledger."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.unit.tracking.tracked_home import DAY, FIRST, LOANS, SECOND, THIRD, bank_model, context, with_caller

from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.scoring.champions import promote, rollback
from p2pcredit.jobs.tracking.sync import sync_models
from p2pcredit.jobs.training.retrain import log_retraining

PACKAGES = Path(__file__).parents[3] / ".venv" / "mlflow"
LONGEST_START_SECONDS = 300
KEPT = ("runs", "params", "metrics", "tags", "registered_models", "model_versions", "model_version_tags")
ALIASES = (
    "SELECT alias, tags.value FROM registered_model_aliases AS a JOIN model_version_tags AS tags USING (name, version)"
)


@dataclass(frozen=True)
class Server:
    uri: str
    database: Path
    artifacts: Path

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.database)) as connection:
            return sorted(connection.execute(query).fetchall(), key=repr)

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        return {table: self.rows(f"SELECT * FROM {table}") for table in (*KEPT, "registered_model_aliases")}

    def aliases(self, name: str) -> dict[str, str]:
        where = f"WHERE tags.key = 'p2pcredit.model_id' AND a.name = '{name}'"
        return dict(self.rows(f"{ALIASES} {where}"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not (PACKAGES / ".ready").exists():
        pytest.skip("no MLflow server here; tools/set_up mlflow brings it")
    place = tmp_path_factory.mktemp("mlflow")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Server(f"http://127.0.0.1:{port}", place / "mlflow.db", place / "artifacts")
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{made.database}", "--artifacts-destination", str(made.artifacts)),
    ]
    quiet = {"PYTHONPATH": str(PACKAGES), "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with (place / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **quiet}, start_new_session=True, cwd=place
        )
    try:
        _wait_for(made, process, place / "log")
        yield made
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=60)


def _wait_for(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + LONGEST_START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        with suppress(OSError), urllib.request.urlopen(f"{server.uri}/health", timeout=5) as answer:
            assert answer.status == 200
            return
        time.sleep(0.5)
    raise AssertionError(f"the MLflow server did not start: {log.read_text()}")


@pytest.fixture
def ctx(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> JobContext:
    """A home with a champion and a challenger, and a registered model of its own on the server of all tests."""
    monkeypatch.setenv("PYTHONPATH", str(PACKAGES))
    name = request.node.name.replace("_", "-")
    made = context(
        tmp_path / "home", mlflow_uri=server.uri, mlflow_model=name, mlflow_experiment=name, deadline_seconds=300
    )
    bank_model(made, FIRST, promoted=True)
    bank_model(made, SECOND, promoted=False)
    return made


def test_a_night_makes_runs_versions_and_aliases(server: Server, ctx: JobContext) -> None:
    assert log_retraining(ctx, DAY)["logged"]
    name = ctx.settings.tracking.mlflow_model
    of_ours = f"experiment_id IN (SELECT experiment_id FROM experiments WHERE name = '{name}')"
    assert server.rows(f"SELECT name, status FROM runs WHERE {of_ours}") == [(SECOND, "FINISHED"), (FIRST, "FINISHED")]
    run_id = server.rows(f"SELECT run_uuid FROM runs WHERE name = '{FIRST}' AND {of_ours}")[0][0]
    metrics = dict(server.rows(f"SELECT key, value FROM metrics WHERE run_uuid = '{run_id}'"))
    assert (metrics["auc"], metrics["auc_low"], metrics["auc_high"]) == (0.7, 0.65, 0.75)
    params = dict(server.rows(f"SELECT key, value FROM params WHERE run_uuid = '{run_id}'"))
    assert (params["family"], params["settings.training.seed"]) == ("scorecard", "7")
    kept = {path.relative_to(server.artifacts): path for path in server.artifacts.rglob("*") if path.is_file()}
    of_run = {path.name for place, path in kept.items() if run_id in place.parts}
    assert of_run == {"card.json", "evidence.json", "evidence.html", "model.json"}
    assert not any(LOANS in path.read_bytes() for path in kept.values())
    assert server.aliases(name) == {"champion": FIRST, "challenger": SECOND}


def test_a_second_sync_writes_nothing(server: Server, ctx: JobContext) -> None:
    first = sync_models(ctx)
    assert (first["runs"], first["versions"], first["aliases"]) == (2, 2, 2)
    before = server.everything()
    again = sync_models(ctx)
    assert [again[name] for name in ("runs", "versions", "roles", "aliases")] == [0, 0, 0, 0]
    assert server.everything() == before


def test_aliases_follow_a_promotion_and_a_rollback(server: Server, ctx: JobContext) -> None:
    sync_models(ctx)
    person, name = with_caller(ctx, Caller.PERSON), ctx.settings.tracking.mlflow_model
    promote(person, SECOND, "better")
    assert server.aliases(name) == {"champion": SECOND}
    rollback(person, "it was not")
    assert server.aliases(name) == {"champion": FIRST}
    bank_model(ctx, THIRD, promoted=False)
    log_retraining(ctx, DAY)
    assert server.aliases(name) == {"champion": FIRST, "challenger": THIRD}


def test_a_run_that_was_torn_is_gone_on_with(server: Server, ctx: JobContext) -> None:
    sync_models(ctx)
    runs = server.rows("SELECT count(*) FROM runs")
    metrics = server.rows("SELECT * FROM metrics")
    with closing(sqlite3.connect(server.database)) as connection:
        connection.execute("DELETE FROM tags WHERE key = 'p2pcredit.complete'")
        connection.commit()
    assert sync_models(ctx)["runs"] == 2
    assert server.rows("SELECT count(*) FROM runs") == runs
    assert server.rows("SELECT * FROM metrics") == metrics


def test_an_alias_that_was_moved_by_hand_is_put_back_and_others_are_left(server: Server, ctx: JobContext) -> None:
    sync_models(ctx)
    name = ctx.settings.tracking.mlflow_model
    with closing(sqlite3.connect(server.database)) as connection:
        connection.execute(
            f"UPDATE registered_model_aliases SET version = 2 WHERE name = '{name}' AND alias = 'champion'"
        )
        connection.execute(
            "INSERT INTO registered_model_aliases SELECT 'mine', version, name, workspace "
            f"FROM registered_model_aliases WHERE name = '{name}' AND alias = 'challenger'"
        )
        connection.commit()
    assert sync_models(ctx)["aliases"] == 1
    assert server.aliases(name) == {"champion": FIRST, "challenger": SECOND, "mine": SECOND}


def test_a_server_that_is_down_is_one_line_and_made_up(server: Server, ctx: JobContext) -> None:
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        down = context(ctx.layout.home, mlflow_uri=f"http://ada:s3cr3t@127.0.0.1:{port}", deadline_seconds=120)
        assert log_retraining(down, DAY)["logged"]
    (line,) = [entry["message"] for entry in recent_entries(ctx, "warning")]
    assert "MLflow was not brought up to date" in line
    assert "s3cr3t" not in line
    log_retraining(ctx, DAY)
    assert server.aliases(ctx.settings.tracking.mlflow_model)["champion"] == FIRST
