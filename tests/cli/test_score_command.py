"""`p2pcredit score`: answers for people and programs, and one line where an application cannot be scored."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from p2pcredit.cli.app import app

ASKED = {"loan_id": "A1", "origination_date": "2021-10-01", "loan_amount": 12000, "term": 36, "annual_income": 58000.5}


def asked(home: Path, text: str, *arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["score", "-", *arguments, "--home", str(home)], input=text)
    return done.exit_code, done.stdout, done.stderr


def test_one_application_is_laid_out_and_several_are_a_table(small_home: Path) -> None:
    code, single, _ = asked(small_home, json.dumps(ASKED))
    assert code == 0
    assert {"request_id", "model_id", "probability_of_default", "decision", "known_on"} <= {
        line.split()[0] for line in single.splitlines() if not line.startswith(" ")
    }
    _, several, _ = asked(small_home, json.dumps([ASKED, {**ASKED, "loan_id": "A2"}]))
    assert [line.split()[0] for line in several.splitlines()][-3:] == ["loan_id", "A1", "A2"]


def test_what_cannot_be_scored_is_one_line_with_the_field_and_what_is_allowed(small_home: Path) -> None:
    code, out, line = asked(small_home, json.dumps({**ASKED, "annual_income": -1}))
    assert (code, out) == (2, "")
    assert line.startswith("Error: application 1, annual_income: negative; allowed is a number from 0 to 1000000000")
    assert line.count("\n") == 1


def test_a_text_that_is_no_application_and_a_file_that_is_not_there_are_one_line(small_home: Path) -> None:
    assert asked(small_home, '{"a": 1')[::2] == (
        1,
        "Error: standard input: line 1, column 8 is no JSON: Expecting ',' delimiter\n",
    )
    done = CliRunner().invoke(app, ["score", "no-such.csv", "--home", str(small_home)])
    assert (done.exit_code, done.stderr) == (
        2,
        "Error: there is no file no-such.csv; name one, or - for standard input\n",
    )
    assert asked(small_home, "{}", "--format", "xml")[::2] == (
        2,
        "Error: --format is 'xml'; write json or jsonl or csv\n",
    )


def test_a_home_without_a_champion_says_so(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    code, _, line = asked(tmp_path / "home", json.dumps(ASKED))
    assert code == 1
    assert line == "Error: no model serves yet, so nothing can be scored; see 'p2pcredit models list'\n"


def test_another_model_is_asked_for_by_name(small_home: Path) -> None:
    code, _, line = asked(small_home, json.dumps(ASKED), "--model", "nobody")
    assert code == 1
    assert "there is no model 'nobody' in the bank" in line
