"""What the commands say of a home: its status, its decision, what is wrong with it, and its tables exported."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from p2pcredit.contracts.tables import PREDICTIONS
from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import mark_complete
from p2pcredit.storage.tables.lake import Lake

pytestmark = pytest.mark.usefixtures("bare_environment")
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
