"""The command line as a whole: help, exit codes, errors in one line, and how it starts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.cli.runtime import job_context
from p2pcredit.jobs.context import Caller
from p2pcredit.jobs.monitoring.alerts import send_alerts

DAY = date(2024, 1, 15)
pytestmark = pytest.mark.usefixtures("bare_environment")
Call = Callable[..., Any]


def commands() -> Iterator[tuple[str, ...]]:
    """Every command there is, groups included."""

    def walk(group: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield path
        for name, inner in getattr(group, "commands", {}).items():
            yield from walk(inner, (*path, name))

    yield from walk(typer.main.get_command(app), ())


COMMANDS = list(commands())
LEAVES = [path for path in COMMANDS if not any(other[: len(path)] == path and other != path for other in COMMANDS)]


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "p2pcredit")
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    described = result.stdout.split("\n\n")[1].strip()
    assert described.endswith(".")
    assert len(described) > 15


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_takes_home_json_and_debug(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"]).stdout
    assert all(option in shown for option in ("--home DIR", "--json", "--debug"))


def test_every_command_of_the_design_is_there() -> None:
    promised = (
        "land preprocess train infer monitor replay status export demo doctor decision:show decision:history"
        " decision:override models:list models:show models:promote models:rollback models:reproduce models:evidence"
        " models:verify models:notice airflow:up airflow:down trace sql settings feeds leakage crash-test"
    )
    assert {tuple(name.split(":")) for name in promised.split()} <= set(LEAVES)


@pytest.mark.parametrize(
    ("arguments", "empty"),
    [
        (("status",), None),
        (("doctor",), None),
        (("decision", "show"), None),
        (("decision", "history"), []),
        (("models", "list"), []),
        (("decision", "override", "--retrain", "--why", "x", "--date", "2024-01-15"), None),
    ],
)
def test_with_json_there_is_one_json_value_on_standard_output_and_else_words(
    call: Call, arguments: tuple[str, ...], empty: object
) -> None:
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert value == empty if empty is not None else isinstance(value, dict)
    words = call(*arguments)
    assert words.exit_code == 0
    assert words.stdout.strip()
    assert not words.stdout.lstrip().startswith(("{", "["))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("preprocess", "--date", "2024-01-15"), "feed 'loan_terms' has not landed for 2024-01-15"),
        (("export", "gold/predictions", "--out", "x.csv"), "has not been written yet; run 'p2pcredit infer' first"),
        (("models", "show", "m1"), "no model 'm1' in the bank; known are: none"),
        (("models", "show", "../x"), "leads out of"),
        (("models", "promote", "m1", "--why", "x"), "no model 'm1'"),
        (("train", "--as-of", "2024-01-15"), "gold/feature_store has not been written yet"),
        (("infer", "--date", "2024-01-15"), "2024-01-15 is not preprocessed; nothing has landed yet"),
        (("infer",), "no day is preprocessed; nothing has landed yet"),
        (("preprocess",), "nothing has landed in "),
        (("preprocess", "--from", "2024-01-15"), "nothing has landed in "),
        (("replay",), "nothing has landed in "),
        (("monitor", "--week-end", "2024-01-13"), "2024-01-13 is not preprocessed; nothing has landed yet"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_domain_error_is_one_line_on_standard_error_and_exit_one(
    call: Call, arguments: tuple[str, ...], words: str, as_json: bool
) -> None:
    result = call(*arguments, *(["--json"] if as_json else []))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("preprocess", "--date", "15/01/2024"),
        ("preprocess", "--date", "2024-01-15", "--from", "2024-01-15"),
        ("preprocess", "--date", "2024-01-15", "--accept-drift"),
        ("preprocess", "--date", "2024-01-15", "--why", "because"),
        ("preprocess", "--date", "2024-01-15", "--accept-drift", "--why", " "),
        ("preprocess", "--from", "2024-01-15", "--to", "2024-01-14"),
        ("train",),
        ("infer", "--date", "tomorrow"),
        ("export", "gold/predictions"),
        ("export", "gold/predictions", "--out", "x.xlsx"),
        ("export", "gold/nothing", "--out", "x.csv"),
        ("decision", "override", "--retrain"),
        ("decision", "override", "--why", "x"),
        ("decision", "override", "--retrain", "--why", " "),
        ("models", "rollback", "--why", "x"),
        ("models", "promote", "m1"),
        ("replay", "--from", "2024-01-15", "--to", "2024-01-16", "--reports", "some"),
        ("status", "--unheard-of"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_two_and_says_why_on_standard_error(call: Call, arguments: tuple[str, ...]) -> None:
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr


def test_wrong_settings_are_one_line(call: Call, home: Path) -> None:
    (home / "p2pcredit.toml").write_text("[labels]\nwindow_months = 0\n")
    result = call("status")
    assert result.exit_code == 1
    assert "labels.window_months" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_home_that_is_a_file_is_one_line(call: Call, home: Path) -> None:
    home.rmdir()
    home.write_text("x")
    result = call("decision", "override", "--retrain", "--why", "x", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1


def test_debug_shows_the_traceback(home: Path) -> None:
    result = CliRunner().invoke(app, ["models", "show", "m1", "--debug", "--home", str(home)])
    assert type(result.exception).__name__ == "BankError"


def test_the_home_is_the_option_before_the_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def asked(*arguments: str) -> str:
        return str(json.loads(CliRunner().invoke(app, ["status", "--json", *arguments]).stdout)["home"])

    for name in ("airflow", "p2p", "option"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    assert asked() == str(tmp_path / "airflow")
    monkeypatch.setenv("P2P_HOME", str(tmp_path / "p2p"))
    assert asked() == str(tmp_path / "p2p")
    assert asked("--home", str(tmp_path / "option")) == str(tmp_path / "option")


def test_help_loads_no_engine_and_no_airflow() -> None:
    code = (
        "import sys\n"
        "from p2pcredit.cli.app import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'polars', 'airflow', 'narwhals', 'deltalake', 'xgboost', 'sklearn', 'numpy', 'altair', 'scipy'}\n"
        "sys.exit(','.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_the_package_loads_no_engine_and_no_airflow() -> None:
    code = (
        "import sys, p2pcredit; sys.exit(','.join({'polars', 'airflow', 'pydantic', 'typer'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


PROGRAM = Path(sys.executable).with_name("p2pcredit")


@pytest.mark.parametrize("program", [[PROGRAM], [sys.executable, "-m", "p2pcredit"]], ids=["program", "module"])
def test_the_installed_program_starts_at_once(program: list[str | Path], home: Path) -> None:
    if not PROGRAM.exists():
        pytest.skip("the program is not installed beside this interpreter")
    command = [*program, "status", "--json", "--home", home]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["champion"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("trace", "nobody"), "there is no loan 'nobody' in the lake"),
        (("models", "evidence", "nothing"), "there is no model 'nothing' in the bank"),
        (("models", "verify", "nothing"), "there is no model 'nothing' in the bank"),
    ],
)
def test_an_unknown_loan_or_model_is_one_line_and_exit_code_1(
    call: Call, arguments: tuple[str, ...], said: str
) -> None:
    result = call(*arguments)
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_persons_failed_command_is_kept_as_theirs_and_never_as_a_warning(call: Call, home: Path) -> None:
    for arguments in (
        ("export", "gold/predictions", "--out", "x.csv"),
        ("replay", "--from", "2024-01-01", "--to", "2024-01-02"),
    ):
        assert call(*arguments).exit_code == 1
    entries = [json.loads(line) for line in (home / "logs/activity.jsonl").read_text().splitlines()]
    assert [entry["command"] for entry in entries if entry["job"] == "failed_command"] == ["export", "replay"]
    assert not [entry for entry in entries if entry["job"] == "warning"]
    assert send_alerts(job_context(home), DAY)["alerts"] == []


def test_the_context_of_a_command_says_that_a_person_calls(home: Path) -> None:
    assert job_context(home).caller is Caller.PERSON
