from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.cli.runtime import job_context
from p2pcredit.contracts.tables import PREDICTIONS
from p2pcredit.jobs.context import Caller
from p2pcredit.jobs.monitoring.alerts import send_alerts
from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.day_receipts import mark_complete
from p2pcredit.storage.tables.lake import Lake

DAY = date(2024, 1, 15)
STATUS_KEYS = {
    "home",
    "last_preprocessed",
    "last_scored",
    "champion",
    "pending_decision",
    "last_report",
    "weeks_retrained",
}
Call = Callable[..., Any]


@pytest.fixture(autouse=True)
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
def call(home: Path) -> Call:
    """Runs a command on the home, as a person would."""

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, [*arguments, "--home", str(home)])

    return run


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


def test_the_status_of_an_empty_home_says_what_to_begin_with(call: Call) -> None:
    assert "land a loan file" in call("status").stdout


def test_the_status_of_an_empty_home_is_one_json_object(call: Call, home: Path) -> None:
    result = call("status", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert set(found) >= STATUS_KEYS
    assert (found["home"], found["champion"], found["weeks_retrained"]) == (str(home), None, [])
    assert result.stdout.count("\n") == 1
    assert not list(home.iterdir())


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


def test_an_override_shows_in_decision_history_and_status(call: Call, home: Path) -> None:
    made = json.loads(
        call("decision", "override", "--retrain", "--why", "a new product", "--date", "2024-01-15", "--json").stdout
    )
    assert (made["retrain"], made["decision_date"]) == (True, "2024-01-15")
    assert "a new product" in made["reason"]
    (line,) = json.loads(call("decision", "history", "--json").stdout)
    assert (line["event"], line["origin"], line["number"]) == ("decided", "override", 1)
    assert json.loads(call("status", "--json").stdout)["pending_decision"]["decision_id"] == made["decision_id"]
    assert json.loads(Layout(home).decision_file.read_text()) == made
    shown = json.loads(call("decision", "show", "--json").stdout)
    assert "a new product" in json.dumps(shown)
    assert "a new product" in call("decision", "show").stdout


def test_an_override_without_a_date_is_of_the_last_preprocessed_day(call: Call, home: Path) -> None:
    mark_complete(Layout(home), {DAY: {}})
    made = json.loads(call("decision", "override", "--no-retrain", "--why", "x", "--json").stdout)
    assert (made["decision_date"], made["retrain"]) == ("2024-01-15", False)


def test_models_are_listed_shown_promoted_and_rolled_back(call: Call, home: Path) -> None:
    for model_id, as_of in (("m1", "2024-01-01"), ("m2", "2024-01-08")):
        card = {
            "model_id": model_id,
            "family": "scorecard",
            "target": "matured",
            "origin": "trained",
            "as_of": as_of,
            "metrics": {"auc": 0.7},
        }
        ModelBank(Layout(home)).add(model_id, {"model.json": b"{}"}, card)
    for model_id in ("m1", "m2"):
        assert call("models", "promote", model_id, "--why", "x").exit_code == 0
    listed = json.loads(call("models", "list", "--json").stdout)
    assert [(model["model_id"], model["role"]) for model in listed] == [("m1", "former champion"), ("m2", "champion")]
    assert json.loads(call("models", "rollback", "--why", "x", "--json").stdout)["model_id"] == "m1"
    shown = json.loads(call("models", "show", "m1", "--json").stdout)
    assert (shown["role"], shown["family"], shown["metrics"]) == ("champion", "scorecard", {"auc": 0.7})
    assert "auc" in call("models", "show", "m1").stdout


def test_a_promotion_that_waits_is_approved_or_refused_by_name(
    call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P2P_GOVERNANCE__APPROVAL", "four_eyes")
    for model_id in ("m1", "m2"):
        card = {"model_id": model_id, "family": "scorecard", "as_of": "2024-01-01"}
        ModelBank(Layout(home)).add(model_id, {"model.json": b"{}"}, card)
        unsigned = call("models", "promote", model_id, "--why", "x")
        assert (unsigned.exit_code, "give the name of a person with --by" in unsigned.stderr) == (2, True)
        promoted = call("models", "promote", model_id, "--why", "x", "--by", "Bob", "--json")
        assert json.loads(promoted.stdout)["effective_on"] is None
    waiting = json.loads(call("status", "--json").stdout)["awaiting_approval"]
    assert [(one["model_id"], one["promoted_by"]) for one in waiting] == [("m1", "Bob"), ("m2", "Bob")]
    own = call("models", "approve", "m1", "--why", "sound", "--by", "bob")
    assert (own.exit_code, own.stderr.count("\n")) == (2, 1)
    assert "another person must approve" in own.stderr
    given = call("models", "approve", "m1", "--why", "sound", "--by", "Ada", "--until", "2099-12-31", "--json")
    assert json.loads(given.stdout)["until"] == "2099-12-31"
    assert call("models", "refuse", "m2", "--why", "too young", "--by", "Ada").exit_code == 0
    state = json.loads(call("status", "--json").stdout)
    assert (state["champion"], state["awaiting_approval"], state["approval"]["by"]) == ("m1", [], "Ada")
    told = [line.split(maxsplit=5)[3:] for line in call("decision", "history").stdout.splitlines()[1:]]
    assert [line[:2] for line in told] == [
        ["promoted", "Bob"],
        ["promoted", "Bob"],
        ["approved", "Ada"],
        ["refused", "Ada"],
    ]
    assert told[0][2] == "m1 waits for approval (four_eyes): x"


def test_findings_and_the_inventory_are_a_table_a_page_and_json(call: Call, home: Path) -> None:
    card = {"model_id": "m1", "family": "scorecard", "as_of": "2024-01-01"}
    ModelBank(Layout(home)).add("m1", {"model.json": b"{}"}, card)
    call("models", "promote", "m1", "--why", "the first", "--by", "Bob")
    opened = json.loads(call("models", "finding", "m1", "--open", "few bads", "--by", "Vera", "--json").stdout)
    assert (opened["finding"], opened["by"]) == (1, "Vera")
    closed = call("models", "finding", "m1", "--close", "1", "--why", "more by now", "--by", "Ada", "--json")
    assert json.loads(closed.stdout)["open"] == 0
    for wrong in ((), ("--open", "x", "--close", "1"), ("--open", "x", "--why", "y"), ("--close", "1")):
        result = call("models", "finding", "m1", *wrong, "--by", "Vera")
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), wrong
    (model,) = json.loads(call("models", "inventory", "--json").stdout)["models"]
    assert (model["role"], model["promoted_by"], model["findings_closed"]) == ("champion", "Bob", 1)
    shown = call("models", "inventory").stdout
    assert "since 2024-01-01" in shown
    assert "0 open, 1 closed" in shown
    assert (home / "reports" / "model_inventory.html").read_text().count("few bads") == 1


def test_a_person_sees_models_and_history_as_tables_and_a_status_at_a_glance(call: Call, home: Path) -> None:
    metrics = {"auc": 0.71234, "auc_low": 0.65, "auc_high": 0.77, "ece": 0.02, "n": 1200, "bads": 80}
    card = {
        "model_id": "m1",
        "family": "scorecard",
        "target": "matured",
        "origin": "trained",
        "as_of": "2024-01-01",
        "metrics": metrics,
    }
    ModelBank(Layout(home)).add("m1", {"model.json": b"{}"}, card)
    call("models", "promote", "m1", "--why", "the first", "--by", "Ada")
    call("decision", "override", "--retrain", "--why", "a new product", "--date", "2024-01-15", "--by", "Ada")
    assert call("models", "list").stdout.splitlines() == [
        "model_id  target   origin   as_of       auc                   calibration_error  loans  defaults  role",
        "m1        matured  trained  2024-01-01  0.712 [0.650, 0.770]  0.020              1200   80        champion",
    ]
    header, promoted, decided = call("decision", "history").stdout.splitlines()
    assert header.split() == ["number", "at", "event", "by", "what"]
    assert promoted.split()[3:5] == ["promoted", "Ada"]
    assert promoted.endswith("m1 from 2024-01-01 on: the first")
    assert "retrain, of 2024-01-15 by override: " in decided
    assert promoted.split()[4] == decided.split()[4] == "Ada"
    assert "retrain, of 2024-01-15; see 'p2pcredit decision show'" in call("status").stdout


def test_an_exported_csv_runs_no_formula(call: Call, home: Path, tmp_path: Path) -> None:
    row = {**dict.fromkeys(PREDICTIONS.schema), "loan_id": "=1+1", "snapshot_date": DAY, "reason_1": 'say "no", a'}
    Lake(Layout(home)).replace(PREDICTIONS, pl.DataFrame([row], schema=PREDICTIONS.schema), DateRange(DAY, DAY))
    out = tmp_path / "out.csv"
    receipt = json.loads(call("export", "gold/predictions", "--out", str(out), "--json").stdout)
    assert receipt == {"table": "gold/predictions", "rows": 1, "path": str(out)}
    with out.open(newline="") as stream:
        (found,) = csv.DictReader(stream)
    assert (found["loan_id"], found["reason_1"]) == ("'=1+1", 'say "no", a')
    assert (
        json.loads(call("export", "gold/predictions", "--out", str(out), "--to", "2024-01-14", "--json").stdout)["rows"]
        == 0
    )


def test_training_by_hand_says_what_came_of_it(call: Call, trainer: Any) -> None:
    receipt = json.loads(call("train", "--as-of", "2024-01-15", "--json").stdout)
    assert set(receipt) == {"as_of", "outcome", "model_id", "metrics", "reason"}
    assert (receipt["as_of"], receipt["outcome"], receipt["model_id"]) == ("2024-01-15", "champion", "m1")
    again = json.loads(call("train", "--as-of", "2024-01-16", "--json").stdout)
    assert (again["outcome"], again["model_id"]) == ("refused", None)


def test_a_training_after_which_no_model_serves_is_no_success(call: Call, trainer: Any) -> None:
    trainer.promoted, trainer.reason = False, "AUC 0.504 [0.480, 0.528] is not above chance"
    result = call("train", "--as-of", "2024-01-15", "--json")
    assert (result.exit_code, json.loads(result.stdout)["outcome"]) == (1, "refused")
    assert result.stderr == (
        "Error: no model serves: AUC 0.504 [0.480, 0.528] is not above chance; give it loans that matured later or "
        "columns that tell more and train again with --why TEXT, or take it as it is: p2pcredit models promote m1 "
        "--why TEXT\n"
    )
    again = call("train", "--as-of", "2024-01-16", "--json")
    assert (again.exit_code, json.loads(again.stdout)["model_id"]) == (1, None)
    assert again.stderr == (
        "Error: no model serves: a retraining already took place in the week of 2024-01-15; give --why to train all "
        "the same\n"
    )


def test_a_refused_training_beside_a_champion_leaves_a_model_that_serves(call: Call, trainer: Any) -> None:
    call("train", "--as-of", "2024-01-15")
    trainer.promoted, trainer.reason = False, "it ranks no better"
    challenger = call("train", "--as-of", "2024-01-22", "--json")
    assert (challenger.exit_code, json.loads(challenger.stdout)["outcome"]) == (0, "challenger")
    limited = call("train", "--as-of", "2024-01-23", "--json")
    assert (limited.exit_code, json.loads(limited.stdout)["outcome"]) == (0, "refused")


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


def test_evidence_that_does_not_follow_from_the_lake_ends_with_exit_code_1_and_still_tells_what_differs(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"path": "performance.lift[0].bads", "stored": 5, "recomputed": 4}
    receipt = {"model_id": "m1", "verified": False, "checked": 7, "differing": [row], "reason": "1 values differ"}
    monkeypatch.setattr("p2pcredit.jobs.audit.evidence.verify_evidence", lambda ctx, model_id: receipt)
    result = call("models", "verify", "m1", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (1, receipt)
    words = call("models", "verify", "m1")
    assert words.exit_code == 1
    assert "path performance.lift[0].bads, stored 5, recomputed 4" in words.stdout
    monkeypatch.setattr(
        "p2pcredit.jobs.audit.evidence.verify_evidence", lambda ctx, model_id: {**receipt, "verified": True}
    )
    assert call("models", "verify", "m1").exit_code == 0


def test_a_model_made_again_with_other_bytes_ends_with_exit_code_1_and_still_prints_its_receipt(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = {"model_id": "m1", "identical": False, "differing": ["card.json"], "checked": 7, "reason": "1 differs"}
    monkeypatch.setattr("p2pcredit.jobs.audit.reproduce.reproduce", lambda ctx, model_id: receipt)
    result = call("models", "reproduce", "m1", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (1, receipt)
    assert result.stderr == "Error: 1 differs\n"
    monkeypatch.setattr(
        "p2pcredit.jobs.audit.reproduce.reproduce", lambda ctx, model_id: {**receipt, "identical": True}
    )
    assert call("models", "reproduce", "m1").exit_code == 0


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


def test_status_and_show_tell_a_person_why_the_decision_is_not_obeyed(call: Call, home: Path) -> None:
    (home / "logs").mkdir(parents=True)
    content = {"decision_date": "2009-06-30", "performance_score": 0.5, "retrain": True, "reason": "low"}
    Layout(home).decision_file.write_text(json.dumps(content))
    for arguments in (("status",), ("decision", "show")):
        assert "expired on 2009-07-14" in call(*arguments).stdout, arguments
    shown = json.loads(call("decision", "show", "--json").stdout)
    assert shown.keys() >= {*content, "origin", "fate", "acted_on_by", "acted_model_id", "outcome", "file"}
    assert (shown["obeyed_until"], "expired" in shown["note"]) == (None, True)
    assert "expired on 2009-07-14" in json.loads(call("status", "--json").stdout)["pending_decision"]["note"]


def test_a_doctor_that_finds_something_prints_it_and_ends_with_an_error(call: Call, home: Path) -> None:
    assert call("doctor", "--json").exit_code == 0
    home.joinpath("logs").mkdir(parents=True)
    home.joinpath("logs/retraining_decision.json").write_text("{")
    result = call("doctor", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["healthy"]) == (1, False)
    assert found["reason"].startswith("not healthy: decision_file: unreadable")
    assert result.stderr.startswith("Error: not healthy: decision_file: unreadable")
    assert result.stderr.count("\n") == 1


def test_two_files_for_one_day_are_refused_by_both_names(call: Call, home: Path) -> None:
    directory = home / "data" / "loan_terms"
    directory.mkdir(parents=True)
    for ending in (".csv", ".csv.gz"):
        (directory / f"loan_terms_2024_01_15{ending}").write_text("loan_id\n")
    result = call("preprocess", "--date", "2024-01-15")
    assert result.exit_code == 1
    assert "loan_terms_2024_01_15.csv and data/loan_terms/loan_terms_2024_01_15.csv.gz hold" in result.stderr
