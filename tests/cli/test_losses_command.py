"""`p2pcredit losses`, as its users start it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import p2pcredit
from p2pcredit.cli.app import app


@pytest.fixture(scope="module")
def home(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a model, of its own since rows are written."""
    for name in [name for name in os.environ if name.startswith("P2P_")]:
        del os.environ[name]
    return Path(shutil.copytree(small_home, tmp_path_factory.mktemp("losses") / "home"))


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["losses", *arguments, "--home", str(home)])


@pytest.fixture(scope="module")
def found(home: Path) -> dict[str, Any]:
    done = run(home, "--json")
    assert done.exit_code == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_stages_terms_and_grades_add_up_to_the_whole_and_to_the_gold_table(home: Path, found: dict[str, Any]) -> None:
    for key in ("by_stage", "by_reason", "by_stage_and_term", "by_grade"):
        for what in ("loans", "exposure", "loss_lifetime", "allowance"):
            assert sum(cell[what] for cell in found[key]) == pytest.approx(found["total"][what], abs=0.5)
    rows = p2pcredit.open_home(home).table("gold.expected_losses").collect()
    assert rows.height == found["rows"] == found["loans"]
    assert rows["allowance"].sum() == pytest.approx(found["total"]["allowance"], abs=0.01)
    assert (rows["known_on"] == rows["snapshot_date"]).all()
    assert rows["known_on"].unique().to_list()[0].isoformat() == found["as_of"]
    # A book of nine months shows no default before its loans could be so late, and some after.
    assert {cell["stage"] for cell in found["by_stage"]} >= {1, 3}
    assert found["total"]["allowance_low"] < found["total"]["allowance"] < found["total"]["allowance_high"]


def test_the_page_says_what_is_expected_and_claims_no_compliance(found: dict[str, Any]) -> None:
    page = Path(found["page"]).read_text()
    assert "Expected losses as of 2021-10-10" in page
    assert "no statement of compliance" in page
    assert 'id="chart-development"' in page


def test_asked_again_nothing_changes(home: Path, found: dict[str, Any]) -> None:
    again = json.loads(run(home, "--json").stdout)
    assert again == found


def test_a_stress_loses_more_and_writes_no_row(home: Path, found: dict[str, Any]) -> None:
    (home / "p2pcredit.toml").write_text(
        (home / "p2pcredit.toml").read_text() + '\n[money.stress]\nslump = "hazard 1.2, lgd 1.01; source: none"\n'
    )
    done = run(home, "--json", "--stress", "slump:+2")
    assert done.exit_code == 0, done.stderr
    worse = json.loads(done.stdout)
    assert worse["rows"] == 0
    assert worse["page"] != found["page"]
    assert worse["scenarios"][0]["hazard"] == pytest.approx(1.44)
    assert worse["total"]["loss_lifetime"] > found["total"]["loss_lifetime"]
    assert "Under stress slump:+2" in Path(worse["page"]).read_text()


def test_what_cannot_be_done_is_said_in_one_line(home: Path) -> None:
    unknown = run(home, "--stress", "boom:+1")
    assert unknown.exit_code == 2 or unknown.exit_code == 1
    assert "there is no stress 'boom'" in unknown.stderr
    assert unknown.stderr.count("\n") == 1
    early = run(home, "--as-of", "2021-03-01")
    assert early.exit_code == 1
    assert early.stderr == (
        "Error: no model serves on 2021-03-01, so that no loan has a probability; run 'p2pcredit train'\n"
    )


def test_for_a_person_it_is_a_table(home: Path) -> None:
    said = run(home).stdout
    assert "by_stage" in said
    assert "3, in default" in said
