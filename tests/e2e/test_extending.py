"""The page on extending: its code is the example's own, and its patches apply and do what they say."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from p2pcredit.platforms.mapped.profile import load_mapping

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "extend.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "plugin"
PATCHED = ("a feature from existing columns", "a feature from a new raw column", "a gold table", "a fourth DAG")
"""The rows of the table that a patch shows, in the order of the patches."""

LOAN = {
    "id": "101",
    "loan_amnt": "5000",
    "term": " 36 months",
    "issue_d": "Jan-2010",
    "loan_status": "Fully Paid",
    "last_pymnt_d": "Feb-2011",
    "annual_inc": "60000",
    "annual_inc_joint": "90000",
    "open_acc": "6",
}
LOANS = (LOAN, {**LOAN, "id": "102", "loan_amnt": "7000", "open_acc": "0", "annual_inc_joint": ""})


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def rows_of_the_table() -> dict[str, list[str]]:
    lines = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines[1:]}


def test_every_file_of_the_example_stands_on_the_page_as_it_is() -> None:
    shown = dict(re.findall(r"^`(examples/[^`]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
    files = [EXAMPLE / "pyproject.toml", *sorted((EXAMPLE / "src" / "p2pcredit_example").glob("[!_]*.py"))]
    assert shown == {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}


def test_the_table_counts_the_files_that_the_patches_and_the_example_touch() -> None:
    rows = rows_of_the_table()
    for what, patch in zip(PATCHED, blocks("diff"), strict=True):
        assert rows[what][1] == str(len(re.findall(r"^\+\+\+ ", patch, re.MULTILINE))), what
    entry = r'^\[project\.entry-points\."p2pcredit\.(\w+)"\]\n\w+ = "[\w.:]+"$'
    groups = re.findall(entry, blocks("toml")[0], re.MULTILINE)
    own = {
        "metrics": "a metric",
        "policies": "a policy",
        "families": "a model family",
        "platforms": "a platform in Python",
    }
    assert {own[group] for group in groups} == {what for what, row in rows.items() if "entry point" in row[3]}
    assert all(rows[own[group]][1:3] == ["0", "1"] for group in groups)


def test_the_mapping_on_the_page_is_one(tmp_path: Path) -> None:
    (mapping,) = blocks("yaml")
    (tmp_path / "my_lender.yaml").write_text(mapping)
    assert load_mapping(tmp_path / "my_lender.yaml").name == "my_lender"


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This package with all patches of the page, each on top of the one before."""
    root = tmp_path_factory.mktemp("patched")
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for number, patch in enumerate(blocks("diff")):
        (root / f"{number}.diff").write_text(patch)
        command = ["git", "apply", "-p0", "-C1", f"{number}.diff"]
        alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(root.parent)}
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, env=alone)
        assert done.returncode == 0, f"patch {number} of docs/how-to/extend.md no longer applies: {done.stderr}"
    return root / "src"


def test_the_step_and_the_words_of_a_gold_table_follow_from_its_contract(patched: Path) -> None:
    code = (
        "from p2pcredit.contracts.dictionary import describe_column\n"
        "from p2pcredit.contracts.tables import DAILY_VOLUME\n"
        "from p2pcredit.jobs.pipelines import PREPROCESSING\n"
        "(task,) = [task for task in PREPROCESSING.tasks if task.task_id == 'gold_processing.daily_volume']\n"
        "print(task.step.job, *task.step.outputs, describe_column(DAILY_VOLUME, 'loans'), sep='|')\n"
    )
    job = "preprocessing.daily_volume.build_daily_volume"
    assert run(patched, "-c", code).strip() == f"{job}|gold/daily_volume|Loans originated that day."


def test_the_reasons_of_the_new_features_have_codes_and_words_for_borrowers(patched: Path) -> None:
    code = (
        "from p2pcredit.contracts.adverse_action import REASON_LISTS, VERSION, adverse_reason\n"
        "from p2pcredit.contracts.features import FEATURES\n"
        "new = [adverse_reason(one.reason) for one in FEATURES if one.name in ('income_per_account', 'joint_income')]\n"
        "print(*sorted(REASON_LISTS), VERSION, *[one.code for one in new], REASON_LISTS[2][:-2] == REASON_LISTS[1])\n"
    )
    assert run(patched, "-c", code).split() == ["1", "2", "2", "I7", "I6", "True"]


def run(source: Path, *arguments: str) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("P2P_")}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**environ, "PYTHONPATH": str(source)}
    )
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def test_the_patches_give_a_home_the_features_and_the_table(patched: Path, tmp_path: Path) -> None:
    raw, home = tmp_path / "loans.csv", tmp_path / "home"
    with raw.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(LOAN))
        writer.writeheader()
        writer.writerows(LOANS)
    days = ("--from", "2010-01-01", "--to", "2010-01-31", "--home", str(home))
    run(patched, "-m", "p2pcredit", "land", "lendingclub", str(raw), *days)
    run(patched, "-m", "p2pcredit", "preprocess", *days)
    found = {}
    for table in ("feature_store", "daily_volume"):
        out = tmp_path / f"{table}.csv"
        run(patched, "-m", "p2pcredit", "export", f"gold/{table}", "--out", str(out), "--home", str(home))
        found[table] = list(csv.DictReader(out.read_text().splitlines()))
    features = [(row["loan_id"], row["income_per_account"], row["joint_income"]) for row in found["feature_store"]]
    assert sorted(features) == [("101", "15000.0", "90000.0"), ("102", "", "")]
    assert sorted(row["amount"] for row in found["daily_volume"]) == ["5000.0", "7000.0"]


def test_the_fourth_dag_is_a_pipeline_whose_job_runs(patched: Path, tmp_path: Path) -> None:
    code = (
        "from datetime import UTC, date, datetime; from pathlib import Path\n"
        "from p2pcredit.jobs.context import JobContext\n"
        "from p2pcredit.jobs.home.housekeeping import remove_old_files\n"
        "from p2pcredit.jobs.pipelines import PIPELINES; from p2pcredit.settings import Settings\n"
        "from p2pcredit.storage.layout import Layout\n"
        f"ctx = JobContext(Layout(Path({str(tmp_path)!r})), Settings(), 'test', datetime(2024, 1, 1, tzinfo=UTC))\n"
        "print(PIPELINES[-1].dag_id, remove_old_files(ctx, date(2024, 1, 1))['files'])\n"
    )
    assert run(patched, "-c", code).split() == ["P2PCreditScore_Housekeeping", "0"]
    if find_spec("airflow") is not None:
        code = (
            "import importlib.resources; from airflow.dag_processing.dagbag import DagBag\n"
            "bag = DagBag(str(importlib.resources.files('p2pcredit.orchestration.dags')))\n"
            "dag = bag.dags['P2PCreditScore_Housekeeping']\n"
            "print(bag.import_errors, len(bag.dags), dag.schedule, dag.description, *dag.task_ids, sep='|')\n"
        )
        assert run(patched, "-c", code).splitlines()[-1] == (
            "{}|4|0 8 * * 0|Remove the files that no table needs, every Sunday at 08:00 UTC.|start|remove_old_files"
        )
