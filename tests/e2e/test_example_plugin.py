"""The example package, built and put on the path as an installer does it, seen at work through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests import young_home

from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS
from p2pcredit.contracts.tables import MONITORING, PREDICTIONS, silver
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import generate
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
FIRST, TRAINED, WEEK_END, LAST = "2021-01-01", "2021-06-14", "2021-07-03", "2021-07-05"
SETTINGS = f"""\
{young_home.SETTINGS}\
min_evaluation_bads = 3
families = ["logistic"]
preferred_family = "logistic"

[monitoring]
policy = "people_decide"
"""


def in_json_lines() -> str:
    """The synthetic portfolio as the credit union exports its loans."""
    feeds = generate(SyntheticSettings(date.fromisoformat(FIRST), date.fromisoformat(LAST), loans_per_day=60)).feeds
    facts: dict[str, dict[str, Any]] = {}
    for feed in APPLICATION_FEEDS:
        for row in feeds[feed.name].drop("snapshot_date").iter_rows(named=True):
            facts.setdefault(row["loan_id"], {}).update({name: value for name, value in row.items() if value})
    history: dict[str, list[dict[str, Any]]] = {}
    for row in feeds[FEEDS["loan_performance"].name].drop("snapshot_date").iter_rows(named=True):
        history.setdefault(row["loan_id"], []).append({"on": row.pop("event_date"), **row})
    return "".join(
        json.dumps(
            {
                "id": loan,
                "issued": held.pop("origination_date"),
                "amount": int(held.pop("loan_amount")),
                "months": held.pop("term"),
                "facts": held,
                "history": history.get(loan, []),
            }
        )
        + "\n"
        for loan, held in facts.items()
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory into which the package was installed: its wheel, unpacked."""
    built, target = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(command, cwd=EXAMPLE, check=True, capture_output=True, timeout=120)
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(target)
    return target


@pytest.fixture(scope="module")
def home(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose loans landed through the package's platform, up to the decision of a week."""
    home = tmp_path_factory.mktemp("home") / "home"
    home.mkdir()
    (home / "p2pcredit.toml").write_text(SETTINGS)
    raw = home.with_name("loans.jsonl")
    raw.write_text(in_json_lines() + "no loan\n")
    run(installed, home, "land", "credit_union", str(raw))
    run(installed, home, "preprocess", "--from", FIRST, "--to", LAST)
    run(installed, home, "train", "--as-of", TRAINED)
    run(installed, home, "infer", "--from", TRAINED, "--to", LAST)
    run(installed, home, "monitor", "--week-end", WEEK_END)
    return home


def run(installed: Path, home: Path, *arguments: str) -> Any:
    done = raw_run(installed, home, *arguments)
    assert done.returncode == 0, (arguments, done.stderr)
    return json.loads(done.stdout)


def raw_run(installed: Path | None, home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("P2P_")}
    path = {} if installed is None else {"PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "p2pcredit", *arguments, "--home", str(home), "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, env={**kept, **path, **environ})


def champion(home: Path) -> Path:
    (model,) = (home / "model_bank").glob("logistic-*")
    return model


def test_the_platform_lands_its_file_and_rejects_what_is_no_loan(home: Path) -> None:
    assert json.loads((home / "data" / "landing.json").read_text())["platform"] == "credit_union"
    terms = Lake(Layout(home)).scan(silver(FEEDS["loan_terms"])).collect()
    assert terms.height == len(in_json_lines().splitlines())
    assert terms["loan_amount"].null_count() == 0
    (rejected,) = (home / "data" / "rejected").iterdir()
    assert [json.loads(line)["raw"] for line in rejected.read_text().splitlines()] == ["no loan"]


def test_the_family_is_in_the_list_of_models_and_serves(installed: Path, home: Path) -> None:
    (model,) = run(installed, home, "models", "list")
    assert model["model_id"].startswith("logistic-20210614-")
    assert model["role"] == "champion"
    predictions = Lake(Layout(home)).scan(PREDICTIONS).collect()
    assert set(predictions["model_id"]) == {model["model_id"]}
    assert predictions["reason_1"].null_count() < predictions.height / 2
    card = run(installed, home, "models", "show", model["model_id"])["card"]
    assert card["environment"]["p2pcredit-example"] == "0.1.0"
    assert "<h3>Coefficients</h3>" in (champion(home) / "evidence.html").read_text()
    loan = predictions["loan_id"][0]
    (scored,) = run(installed, home, "models", "trace", loan)["scored"]
    assert scored["scores_the_same_now"]


def test_a_model_of_the_family_is_made_again_to_the_byte(installed: Path, home: Path) -> None:
    assert run(installed, home, "models", "reproduce", champion(home).name)["identical"]


def test_the_metric_is_in_the_table_and_in_the_report(home: Path) -> None:
    rows = Lake(Layout(home)).scan(MONITORING).filter(pl.col("metric") == "declined_share").collect()
    assert rows["status"].to_list() == ["pass"]
    (report,) = (home / "reports").glob("*.html")
    assert "<td>declined_share</td>" in report.read_text()


def test_the_policy_decides(home: Path) -> None:
    decision = json.loads((home / "logs" / "retraining_decision.json").read_text())
    assert decision["reason"].startswith("Retraining is left to people.")
    assert not decision["retrain"]


def test_without_the_package_its_names_are_refused_in_one_line(home: Path) -> None:
    landed = raw_run(None, home, "land", "credit_union", str(home.with_name("loans.jsonl")))
    assert "there is no policy 'people_decide'; known are refresh_and_triggers, cheapest_first" in landed.stderr
    policy = {"P2P_MONITORING__POLICY": "cheapest_remedy_first"}
    trained = raw_run(None, home, "train", "--as-of", WEEK_END, **policy)
    assert "there is no family 'logistic'; known are scorecard, boosting" in trained.stderr
    families = {"P2P_TRAINING__FAMILIES": '["scorecard"]', "P2P_TRAINING__PREFERRED_FAMILY": "scorecard"}
    scored = raw_run(None, home, "infer", "--date", LAST, **policy, **families)
    assert "model.json names a family that is not installed: there is no family 'logistic'" in scored.stderr
    again = raw_run(None, home, "land", "credit_union", str(home.with_name("loans.jsonl")), **policy, **families)
    assert (
        "there is no platform 'credit_union'; known are bondora, lendingclub, loan_tape, mintos, prosper, synthetic"
        in again.stderr
    )
    for done in (landed, trained, scored, again):
        assert done.returncode != 0
        assert len(done.stderr.strip().splitlines()) == 1
