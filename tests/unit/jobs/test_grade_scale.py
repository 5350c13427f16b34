"""`models grades`: what is proposed for a home, beside what its settings hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.errors import UsageError
from p2pcredit.jobs.audit.grade_scale import propose_grades
from p2pcredit.jobs.context import JobContext
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank


def context(home: Path) -> JobContext:
    return JobContext(Layout(home), load_settings(home), "test", datetime(2021, 10, 12, 2, tzinfo=UTC))


def test_the_matured_loans_of_the_model_are_counted_by_the_proposal_and_by_todays_settings(small_home: Path) -> None:
    ctx = context(small_home)
    (model_id,) = ModelBank(ctx.layout).model_ids()
    card = ModelBank(ctx.layout).get(model_id).card
    found = propose_grades(ctx, model_id, count=4, approve=0.5)
    assert found["as_of"] == card["as_of"]
    assert found["loans"] > 100
    for rows in (found["proposed"], found["today"]):
        assert sum(row["n"] for row in rows) == found["loans"]
        assert sum(row["bads"] for row in rows) == found["bads"] > 0
    assert [row["up_to"] for row in found["proposed"]] == [*found["grade_bounds"], None]
    assert [row["up_to"] for row in found["today"]] == [*ctx.settings.scores.grade_bounds, None]
    assert found["approved"] == pytest.approx(0.5, abs=0.05)
    assert propose_grades(ctx, model_id)["approval_cutoff"] == ctx.settings.scores.approval_cutoff


def test_the_command_says_what_to_write_and_sets_nothing(small_home: Path) -> None:
    (model_id,) = ModelBank(Layout(small_home)).model_ids()
    asked = ["models", "grades", model_id, "--count", "3", "--home", str(small_home)]
    told = CliRunner().invoke(app, asked)
    found = json.loads(CliRunner().invoke(app, [*asked, "--json"]).output)
    assert told.exit_code == 0
    assert "scores.grade_bounds" in told.output
    assert ", ".join(f"{bound:g}" for bound in found["grade_bounds"]) in told.output
    assert load_settings(small_home).scores.grade_bounds != tuple(found["grade_bounds"])


@pytest.mark.parametrize(
    ("asked", "why"), [({"count": 27}, "27 grades"), ({"approve": 1.0}, "--approve 1 is no share")]
)
def test_what_cannot_be_is_refused(small_home: Path, asked: dict[str, float], why: str) -> None:
    (model_id,) = ModelBank(Layout(small_home)).model_ids()
    with pytest.raises(UsageError, match=why):
        propose_grades(context(small_home), model_id, **asked)  # type: ignore[arg-type]
