"""A home that is copied away and restored under another path goes on as the original does."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests import young_home

from p2pcredit.contracts.tables import TABLES
from p2pcredit.errors import MissingTableError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.monitoring.review import monitor
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.jobs.training.retrain import train_now
from p2pcredit.periods import DateRange
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.settings import load_settings
from p2pcredit.storage.home import check_home
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

FIRST, TRAINED, SATURDAY = date(2021, 1, 1), date(2021, 5, 31), date(2021, 10, 9)
YESTERDAY = DateRange(FIRST, SATURDAY - timedelta(days=1))
NEXT = DateRange(SATURDAY, SATURDAY)
SETTINGS = (
    f"{young_home.SETTINGS}min_evaluation_bads = 5\n\n[monitoring]\nmin_matured_loans = 50\nmin_matured_bads = 5\n"
)


def context(home: Path, day: date) -> JobContext:
    at = datetime(day.year, day.month, day.day, 2, tzinfo=UTC) + timedelta(days=1)
    return JobContext(Layout(home), load_settings(home), "night", at)


def go_on(home: Path) -> list[dict[str, Any]]:
    """The next day: preprocess, train, infer, monitor."""
    ctx = context(home, SATURDAY)
    done = [
        preprocess(ctx, NEXT),
        train_now(ctx, SATURDAY, "a test"),
        run_inference(ctx, NEXT),
        monitor(ctx, SATURDAY),
    ]
    return [{name: value for name, value in each.items() if "seconds" not in name} for each in done]


def contents(home: Path) -> dict[str, Any]:
    """Rows of every table, bytes of every model, and what the ledger says."""
    lake = Lake(Layout(home))
    found: dict[str, Any] = {}
    for name, table in TABLES.items():
        try:
            found[name] = lake.read(table).write_json()
        except MissingTableError:
            found[name] = None
    bank = ModelBank(Layout(home))
    models = {model_id: bank.get(model_id).files for model_id in bank.model_ids()}
    ledger = [(event.kind, event.facts) for event in context(home, SATURDAY).ledger.events()]
    return {**found, "models": models, "ledger": ledger}


@pytest.fixture
def lived(lived_once: Path, tmp_path: Path) -> Path:
    """A copy of it, under another path than where its tables were made."""
    return Path(shutil.copytree(lived_once, tmp_path / "lived"))


@pytest.fixture(scope="module")
def lived_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that has lived up to a Friday, with the files of Saturday landed."""
    home = tmp_path_factory.mktemp("original") / "home"
    home.mkdir()
    (home / "p2pcredit.toml").write_text(SETTINGS)
    raw = home.with_name("portfolio.csv.gz")
    write_raw(raw, SyntheticSettings(FIRST, SATURDAY, loans_per_day=80))  # enough defaults for a champion
    ctx = context(home, YESTERDAY.last)
    land(ctx, "synthetic", [raw], FIRST, SATURDAY)
    preprocess(ctx, YESTERDAY)
    assert train_now(ctx, TRAINED, None)["outcome"] == "champion"  # else no report would be written
    run_inference(ctx, YESTERDAY)
    monitor(ctx, SATURDAY - timedelta(days=7))
    return home


def test_no_file_of_a_home_names_its_path_but_notes_of_where_a_table_and_a_report_were_made(lived_once: Path) -> None:
    files = [path for path in lived_once.rglob("*") if path.is_file()]
    assert len(files) > 100
    naming = [path for path in files if str(lived_once.parent).encode() in path.read_bytes()]
    assert {path.name for path in naming} == {"00000000000000000000.json", "activity.jsonl"}
    for line in (lived_once / "logs" / "activity.jsonl").read_text().splitlines():
        told = json.loads(line)
        told.pop("report", None)
        assert str(lived_once.parent) not in json.dumps(told)
    for path in naming:
        if path.name == "activity.jsonl":
            continue
        told, *actions = [json.loads(line) for line in path.read_text().splitlines() if str(lived_once.parent) in line]
        assert not actions
        del told["commitInfo"]["operationParameters"]["location"]
        assert str(lived_once.parent) not in json.dumps(told)


def test_a_restored_home_goes_on_as_the_original_does(lived: Path, tmp_path: Path) -> None:
    backup, restored = tmp_path / "backup", tmp_path / "quite" / "elsewhere"
    shutil.copytree(lived, backup)
    expected = go_on(lived)
    shutil.copytree(backup, restored)
    check_home(restored)
    assert examine(context(restored, YESTERDAY.last))["healthy"]
    whole = contents(lived)
    shutil.rmtree(lived)  # whatever a copy still asked of the original would be missed
    assert repr(go_on(restored)).replace(str(restored), "HOME") == repr(expected).replace(str(lived), "HOME")
    assert contents(restored) == whole


def test_a_snapshot_taken_while_a_job_runs_goes_on_as_the_original_does(lived: Path, tmp_path: Path) -> None:
    home = tmp_path / "original"
    snapshots: list[Path] = []
    shutil.copytree(lived, home)

    def take_snapshot(*_: object) -> None:  # the job stands still meanwhile, so that this is one moment of the disk
        snapshots.append(tmp_path / f"snapshot-{len(snapshots)}")
        shutil.copytree(home, snapshots[-1])

    preprocess(replace(context(home, SATURDAY), progress=take_snapshot), NEXT)
    go_on(home)
    whole = contents(home)
    chosen = snapshots[len(snapshots) // 2]
    assert 0 < len(list(chosen.rglob("*"))) < len(list(home.rglob("*")))
    shutil.rmtree(home)
    go_on(chosen)
    assert contents(chosen) == whole
