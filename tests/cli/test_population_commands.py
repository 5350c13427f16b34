"""`p2pcredit population` and `p2pcredit models fairness`, as their users start them."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.landed_frame import write_landing
from tests.small_home import DAYS
from typer.testing import CliRunner

from p2pcredit import open_home
from p2pcredit.cli.app import app
from p2pcredit.contracts.feeds import APPLICATIONS
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.stages import load_bronze, refine_silver
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import draw_applications
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout


@pytest.fixture(scope="module")
def home(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a model, to which the applications of its portfolio have landed."""
    for name in [name for name in os.environ if name.startswith("P2P_")]:
        del os.environ[name]
    found = Path(shutil.copytree(small_home, tmp_path_factory.mktemp("population") / "home"))
    ctx = JobContext(Layout(found), load_settings(found), "test", datetime(2021, 10, 11, 2, tzinfo=UTC))
    drawn = draw_applications(SyntheticSettings(DAYS.first, DAYS.last, seed=2, loans_per_day=50))
    write_landing(ctx.layout, APPLICATIONS, drawn, DAYS)
    load_bronze(ctx, APPLICATIONS.name, DAYS)
    refine_silver(ctx, APPLICATIONS.name, DAYS)
    return found


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments, "--home", str(home)])


def asked(home: Path, *arguments: str) -> dict[str, Any]:
    done = run(home, *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def groups(home: Path) -> Path:
    """A file of groups: one that stands for the bureau's score, and one by lot."""
    rows = open_home(home).table("silver.applications").select("application_id", "fico_low").collect()
    file = home.with_name("groups.csv")
    named = rows.with_columns(
        pl.when(pl.col("fico_low") < 670).then(pl.lit("south")).otherwise(pl.lit("north")).alias("origin"),
        pl.Series("lot", ["a", "b"] * (rows.height // 2) + ["a"] * (rows.height % 2)),
    )
    named.drop("fico_low").write_csv(file)
    return file


def champion(home: Path) -> str:
    model = open_home(home).champion()
    assert model is not None
    return model.id


def test_a_home_without_applications_says_how_they_land(small_home: Path) -> None:
    done = run(small_home, "population")
    assert done.exit_code == 1
    assert "no applications have landed; land them with 'p2pcredit land MAPPING FILE --applications'" in done.stderr


def test_what_was_decided_is_counted_scored_and_shown_as_a_page(home: Path) -> None:
    found = asked(home, "population")
    rows = open_home(home).table("silver.applications").collect()
    counts = dict(rows.group_by("outcome").len().iter_rows())
    assert found["outcomes"] == counts
    assert found["approval"]["n"] == counts["APPROVED"] + counts["DECLINED"]
    assert (
        found["overrides"]["low"]["count"] == rows.filter(pl.col("overridden"), pl.col("outcome") == "APPROVED").height
    )
    assert found["not_scored"] == 0
    assert [row["factor"] for row in found["band"]] == [1.0, 2.0, 4.0]
    assert sum(row["count"] for row in found["scores"]) == rows.height
    page = Path(found["page"]).read_text()
    assert "Who applied, and what was decided" in page
    assert "<script" not in page
    assert "low" in run(home, "population").stdout


def test_an_approved_application_has_the_score_that_its_loan_was_given(home: Path) -> None:
    from p2pcredit.jobs.scoring.scored_applications import scored_applications

    ctx = JobContext(Layout(home), load_settings(home), "test", datetime(2021, 10, 11, 2, tzinfo=UTC))
    given = open_home(home).table("gold.predictions").select("loan_id", "probability_of_default", "score").collect()
    rows = scored_applications(ctx, DAYS, champion(home)).filter(pl.col("loan_id").is_not_null())
    both = rows.join(given, on="loan_id", suffix="_of_loan")
    assert both.height == given.height
    assert both["probability_of_default"].equals(
        both["probability_of_default_of_loan"].rename("probability_of_default")
    )


def test_groups_that_the_score_knows_fail_those_by_lot_pass_and_what_is_lost_without_is_said(
    home: Path, groups: Path
) -> None:
    found = asked(home, "models", "fairness", champion(home), "--groups", str(groups), "--alternatives", "1")
    by = {one["column"]: one for one in found["by"]}
    assert (by["origin"]["status"], by["lot"]["status"], found["status"]) == ("fail", "pass", "fail")
    assert (by["origin"]["proxies"][0]["feature"], by["origin"]["proxies"][0]["distance"]) == (
        "fico",
        pytest.approx(1.0),
    )
    without = by["origin"]["alternatives"]["rows"][0]
    assert without["without"] == ["fico"]
    assert without["change"] < 0 < without["auc"]
    assert without["worst_ratio"] > by["origin"]["alternatives"]["worst_ratio"]
    assert len(by["origin"]["cutoffs"]) == 10
    assert found["people"] == "applications"
    page = Path(found["page"]).read_text()
    assert "approved less than four fifths as often" in page
    assert "<script" not in page


def test_groups_by_loan_say_that_those_declined_are_missing(home: Path) -> None:
    loans = open_home(home).table("silver.loan_terms").select("loan_id").collect()
    file = home.with_name("loans.csv")
    loans.with_columns(pl.Series("band", ["x", "y"] * (loans.height // 2) + ["x"] * (loans.height % 2))).write_csv(file)
    found = asked(home, "models", "fairness", champion(home), "--groups", str(file))
    assert (found["people"], found["n"], found["by"][0]["outcomes"]) == ("loans", loans.height, None)
    assert "Those who were declined are missing" in Path(found["page"]).read_text()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("home/groups.csv", "loan_id,sex\nA,f\n", "lies in the home, where models are made"),
        ("a.csv", "loan_id,state\nA,CA\n", "'state' is a column of a feed, so that models may read it"),
        ("b.csv", "loan_id\nA\n", "has no column of groups beside 'loan_id'"),
        ("c.csv", "loan_id,sex\nA,f\nA,m\n", "names 1 people more than once"),
        ("d.csv", "loan_id,sex\nA,f\n", "none of the 1 people of the file is among"),
        ("e.csv", "loan_id,name\n" + "".join(f"A{i},N{i}\n" for i in range(60)), "'name' has 60 texts"),
    ],
)
def test_a_file_of_groups_that_cannot_be_used_is_one_line(home: Path, name: str, text: str, said: str) -> None:
    file = home.parent / name
    file.write_text(text)
    done = run(home, "models", "fairness", champion(home), "--groups", str(file))
    file.unlink()
    assert done.exit_code in {1, 2}
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
