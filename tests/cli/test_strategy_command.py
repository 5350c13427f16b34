"""`p2pcredit strategy`, as its users start it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from p2pcredit.cli.app import app


@pytest.fixture(scope="module")
def home(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in [name for name in os.environ if name.startswith("P2P_")]:
        del os.environ[name]
    return Path(shutil.copytree(small_home, tmp_path_factory.mktemp("strategy") / "home"))


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["strategy", *arguments, "--home", str(home)])


@pytest.fixture(scope="module")
def found(home: Path) -> dict[str, Any]:
    done = run(home, "--json", "--loss-limit", "0.05")
    assert done.exit_code == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_the_curve_ends_with_every_loan_and_its_best_is_the_best(found: dict[str, Any]) -> None:
    curve, best = found["curve"], found["best"]
    assert curve[-1]["loans"] == found["loans"] == sum(band["loans"] for band in found["bands"])
    assert curve[-1]["approval_rate"] == 1.0
    assert best["by_profit"]["profit"] == pytest.approx(max(0.0, *(row["profit"] for row in curve)), abs=0.01)
    assert best["present"]["cutoff"] == found["cutoff"] == 0.08
    limit = best["under_limit"]
    assert limit is None or limit["loss_share"] is None or limit["loss_share"] <= 0.05
    assert [one["term_months"] for one in found["by_term"]] == [36, 60]
    # Of a book of nine months no term has passed.
    assert found["observed"] is None


def test_the_page_says_what_to_do(found: dict[str, Any]) -> None:
    page = Path(found["page"]).read_text()
    assert "Cut-off strategy as of 2021-10-10" in page
    assert any(word in page for word in ("Keep the cut-off", "the cut-off from", "Approve none of these loans"))
    assert "who was declined before is not seen" in page
    assert 'id="chart-profit"' in page


def test_for_a_person_advice_comes_first(home: Path) -> None:
    said = run(home).stdout
    assert "advice" in said
    assert "breaks_even_at" in said


def test_a_platform_earns_its_fees_whatever_is_lost(home: Path) -> None:
    assert "a platform earns no fees by the settings" in run(home, "--revenue", "fees").stderr
    settings = home / "p2pcredit.toml"
    settings.write_text(settings.read_text() + "\n[money]\norigination_fee = 0.03\n")
    calm = json.loads(run(home, "--json", "--revenue", "fees").stdout)
    harsh = json.loads(run(home, "--json", "--revenue", "fees", "--stress", "hazard:2").stdout)
    assert calm["curve"][-1]["profit"] == pytest.approx(0.03 * calm["amount"], abs=1.0)
    assert harsh["curve"][-1]["profit"] == pytest.approx(calm["curve"][-1]["profit"])
    assert harsh["curve"][-1]["loss_share"] > calm["curve"][-1]["loss_share"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--loss-limit", "5"), "a loss limit is a share of the amount lent, not 5"),
        (("--months", "0"), "0 months of loans cannot be looked at; give 1 to 120"),
        (("--stress", "boom:1"), "there is no stress 'boom'"),
        (("--as-of", "2021-03-01"), "no model serves on 2021-03-01"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(home: Path, given: tuple[str, str], said: str) -> None:
    done = run(home, *given)
    assert done.exit_code != 0
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
