"""The same values get the numbers of the night run, to the last bit, through every door and in any company."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.both_families import ODD_LOANS, BothFamilies, assert_as_at_night
from typer.testing import CliRunner

import p2pcredit
from p2pcredit.cli.app import app

SOME = st.lists(st.integers(0, ODD_LOANS - 1), min_size=1, max_size=25, unique=True)
EITHER = pytest.mark.parametrize("family", [0, 1], ids=["scorecard", "boosting"])


def check(both: BothFamilies, family: int, chosen: list[int], answers: list[dict[str, Any]]) -> None:
    at_night = both.at_night[both.models[family]]
    assert [answer["loan_id"] for answer in answers] == [f"ODD-{place}" for place in chosen]
    for answer in answers:
        assert_as_at_night(answer, at_night[answer["loan_id"]])


def test_the_odd_day_has_loans_of_every_decision_and_reasons(both: BothFamilies) -> None:
    for model_id in both.models:
        rows = both.at_night[model_id].values()
        assert len(rows) == ODD_LOANS
        assert len({row["probability_of_default"] for row in rows}) > 20
        assert len({row["decision"] for row in rows}) > 1
        assert any(row["reason_2"] for row in rows)
        told = {words for row in rows for words in row["outside_training"]}  # type: ignore[attr-defined]
        assert "term_months: term not learned from" in told
        assert {row["expected_loss"] is None for row in rows} == {True, False}


@EITHER
@settings(max_examples=12)
@given(chosen=SOME)
def test_python_answers_as_the_night_run(both: BothFamilies, family: int, chosen: list[int]) -> None:
    frame = pl.DataFrame([both.applications[place] for place in chosen])
    answers = p2pcredit.open_home(both.home).score(frame, model_id=both.models[family])
    check(both, family, chosen, answers.to_dicts())


@EITHER
def test_features_of_the_night_answer_as_the_night_run(both: BothFamilies, family: int) -> None:
    home = p2pcredit.open_home(both.home)
    features = home.table("gold.feature_store", days="2021-10-11").collect()
    for rows in (features, features.head(1), features.tail(7)):
        answers = home.score(rows, model_id=both.models[family]).to_dicts()
        for answer in answers:
            assert_as_at_night(answer, both.at_night[both.models[family]][answer["loan_id"]])


@EITHER
@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
@settings(max_examples=5)
@given(chosen=SOME)
def test_the_command_answers_as_the_night_run(
    both: BothFamilies, family: int, form: str, chosen: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [both.applications[place] for place in chosen]
    file = tmp_path_factory.mktemp("asked") / f"applications.{form}"
    if form == "json":
        file.write_text(json.dumps(rows))
    elif form == "jsonl":
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        pl.DataFrame(rows).write_csv(file)
    done = _command(both.home, str(file), "--model", both.models[family])
    check(both, family, chosen, done["answers"])


def _command(home: Path, *arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["score", *arguments, "--home", str(home), "--json"])
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
