"""MLflow absent, down, slow or broken: nothing fails, one line is said, and the next sync makes it up."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest
from tests.unit.tracking.tracked_home import DAY, FIRST, SECOND, bank_model, context, with_caller

from p2pcredit.errors import MissingExtraError, ServiceError, UsageError
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.scoring.champions import promote, rollback
from p2pcredit.jobs.tracking import sync
from p2pcredit.jobs.training.retrain import log_retraining

SECRET = "s3cr3t-of-mlflow"
URI = f"http://ada:{SECRET}@127.0.0.1:1"

ANSWERS = """
import json, sys, pathlib
from p2pcredit.jobs.tracking.mirror import roles_in
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.ledger import Ledger
from p2pcredit.storage.state.model_bank import ModelBank
asked = json.load(sys.stdin)
with open({calls!r}, "a") as calls: calls.write("asked\\n")
layout = Layout(pathlib.Path(asked["home"]))
roles = roles_in(Ledger(layout.ledger).state(), ModelBank(layout).model_ids())
counts = dict.fromkeys(("runs", "versions", "roles", "aliases"), 0)
print(json.dumps({{**counts, "unreadable": [], "digest": roles.digest(), "champion": None, "challenger": None}}))
"""


@pytest.fixture
def ctx(tmp_path: Path) -> JobContext:
    made = context(tmp_path / "home", mlflow_uri=URI, deadline_seconds=30)
    bank_model(made, FIRST, promoted=True)
    return made


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a server answer that takes everything in, and count how often it was asked."""
    path = tmp_path / "calls"
    path.touch()
    monkeypatch.setattr(sync, "PROGRAM", (sys.executable, "-c", ANSWERS.format(calls=str(path))))
    return path


def times_asked(calls: Path) -> int:
    return len(calls.read_text().splitlines())


def warnings(ctx: JobContext) -> list[str]:
    return [str(entry["message"]) for entry in recent_entries(ctx, "warning")]


def program(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(sync, "PROGRAM", (sys.executable, "-c", code))


def test_a_night_asks_once_and_not_again_until_a_model_comes_or_changes_its_role(ctx: JobContext, calls: Path) -> None:
    logged = log_retraining(ctx, DAY)
    assert logged["logged"]
    log_retraining(ctx, DAY)
    assert times_asked(calls) == 1
    bank_model(ctx, SECOND, promoted=False)
    log_retraining(ctx, DAY)
    assert times_asked(calls) == 2
    person = with_caller(ctx, Caller.PERSON)
    promote(person, SECOND, "better")
    rollback(person, "it was not")
    assert times_asked(calls) == 4
    assert not [line for line in warnings(ctx) if "MLflow" in line]


def test_another_server_is_brought_up_to_date_from_the_start(ctx: JobContext, calls: Path) -> None:
    log_retraining(ctx, DAY)
    log_retraining(context(ctx.layout.home, mlflow_uri="http://127.0.0.1:2"), DAY)
    assert times_asked(calls) == 2


def test_no_server_set_asks_nobody(ctx: JobContext, calls: Path) -> None:
    without = context(ctx.layout.home)
    log_retraining(without, DAY)
    assert times_asked(calls) == 0
    with pytest.raises(UsageError, match=r"tracking\.mlflow_uri"):
        sync.sync_models(without)


def test_the_nights_of_a_replay_ask_nobody(ctx: JobContext, calls: Path) -> None:
    log_retraining(with_caller(ctx, Caller.REPLAY), DAY)
    assert times_asked(calls) == 0


def test_without_mlflow_a_night_goes_on_and_says_which_extra(
    ctx: JobContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlflow.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert log_retraining(ctx, DAY)["logged"]
    (line,) = warnings(ctx)
    assert "needs the extra 'mlflow'" in line
    with pytest.raises(MissingExtraError):
        sync.sync_models(ctx)


def test_a_server_that_never_answers_is_given_up_at_the_deadline(
    ctx: JobContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"
    code = f"import os, time, pathlib; pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(3600)"
    program(monkeypatch, code)
    hasty = context(ctx.layout.home, mlflow_uri=URI, deadline_seconds=3)
    assert log_retraining(hasty, DAY)["logged"]
    (line,) = warnings(ctx)
    assert "did not answer within 3 seconds" in line
    assert not pid.exists() or not psutil.pid_exists(int(pid.read_text()))


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "print('not JSON')", "import os; os.abort()"])
def test_a_process_that_breaks_breaks_nothing_else(ctx: JobContext, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    program(monkeypatch, code)
    assert log_retraining(ctx, DAY)["logged"]
    (line,) = warnings(ctx)
    assert "no answer" in line
    with pytest.raises(ServiceError):
        sync.sync_models(ctx)


def test_what_was_missed_is_made_up_by_the_next_night(
    ctx: JobContext, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = sync.PROGRAM
    program(monkeypatch, "raise SystemExit(1)")
    log_retraining(ctx, DAY)
    monkeypatch.setattr(sync, "PROGRAM", answers)
    log_retraining(ctx, DAY)
    log_retraining(ctx, DAY)
    assert times_asked(calls) == 1
    assert len(warnings(ctx)) == 1


def test_no_address_and_no_secret_is_ever_written_down(ctx: JobContext, monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = json.dumps({"trouble": "MlflowException: it is down"})
    program(monkeypatch, f"print({trouble!r})")
    log_retraining(ctx, DAY)
    written = [path for path in ctx.layout.home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert written == []
    assert SECRET not in repr(ctx.settings)
