"""What is not needed any more is removed; what is read now, or a model was made from, is not."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from tests.unit.jobs import evidence_home

from p2pcredit.contracts.tables import TABLES
from p2pcredit.errors import BankError, StorageError
from p2pcredit.jobs.audit.reproduce import reproduce
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.vacuum import vacuum
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange, month_end
from p2pcredit.storage.landing.files import month_file
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

CHANGED = DateRange(date(2021, 2, 1), date(2021, 2, 28))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a model, of which two months changed twice after it was made."""
    home = tmp_path_factory.mktemp("vacuum") / "home"
    evidence_home.build_home(home, evidence_home.TRAININGS[:1])
    for months in (2, 3), (2,):
        for month in months:
            lose_a_loan(home, date(2021, month, 1))
            preprocess(evidence_home.context(home), DateRange(date(2021, month, 1), month_end(date(2021, month, 1))))
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "home"))


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept only because it was needed within the last week."""
    monkeypatch.setattr("p2pcredit.storage.tables.vacuum.RETENTION_HOURS", 0)


def lose_a_loan(home: Path, month: date) -> None:
    path = month_file(evidence_home.context(home).layout, "loan_terms", month)
    pl.read_parquet(path).slice(1).write_parquet(path)


def rows(ctx: JobContext) -> dict[str, pl.DataFrame]:
    return {name: Lake(ctx.layout).read(table) for name, table in TABLES.items()}


def versions(ctx: JobContext) -> dict[str, int | None]:
    return {name: Lake(ctx.layout).version(table) for name, table in TABLES.items()}


def data_files(ctx: JobContext) -> set[str]:
    return {str(path) for path in ctx.layout.datamart.rglob("*.parquet") if "_delta_log" not in path.parts}


def needed_files(ctx: JobContext) -> set[str]:
    """What the present tables and the versions that models name consist of, as Delta tells it."""
    bank = ModelBank(ctx.layout)
    named = [bank.get(model_id).card["delta_versions"] for model_id in bank.model_ids()]
    found = set()
    lake = Lake(ctx.layout)
    for name in (name for name, table in TABLES.items() if lake.exists(table)):
        path = str(ctx.layout.table(name))
        for version in {None, *(versions[name] for versions in named if name in versions)}:
            found |= {uri.removeprefix("file://") for uri in DeltaTable(path, version=version).file_uris()}
    return found


def test_what_is_left_is_what_is_needed_and_a_model_is_made_again_from_it(home: Path, at_once: None) -> None:
    ctx = evidence_home.context(home)
    before, needed = rows(ctx), needed_files(ctx)
    unneeded = data_files(ctx) - needed
    assert unneeded
    size = sum(Path(path).stat().st_size for path in unneeded)
    told = vacuum(ctx, dry_run=True)
    assert data_files(ctx) == needed | unneeded
    done = vacuum(ctx)
    assert done == {**told, "dry_run": False}
    assert (done["files"], done["bytes"], done["models"], done["left_alone"]) == (len(unneeded), size, 1, {})
    assert done["tables"]["silver/loan_terms"]["versions_kept"] == 1
    assert data_files(ctx) == needed
    assert all(frame.equals(before[name]) for name, frame in rows(ctx).items())
    assert reproduce(ctx, ModelBank(ctx.layout).model_ids()[0])["identical"]


def test_a_second_time_nothing_is_done(home: Path, at_once: None) -> None:
    ctx = evidence_home.context(home)
    vacuum(ctx)
    before = versions(ctx)
    assert vacuum(ctx)["files"] == 0
    assert versions(ctx) == before
    preprocess(ctx, CHANGED)
    assert versions(ctx) == before


def test_without_the_model_what_it_was_made_from_goes(home: Path, at_once: None, tmp_path: Path) -> None:
    ctx = evidence_home.context(home)
    model_id = ModelBank(ctx.layout).model_ids()[0]
    ctx.layout.model_bank.rename(tmp_path / "bank")
    vacuum(ctx)
    (tmp_path / "bank").rename(ctx.layout.model_bank)
    with pytest.raises(StorageError, match=r"^version 1 of .* lost \d+ files, such as .*; restore them from a backup$"):
        reproduce(ctx, model_id)


def test_what_was_needed_within_a_week_stays_and_what_was_left_behind_goes(home: Path) -> None:
    ctx = evidence_home.context(home)
    table = ctx.layout.table("gold/feature_store") / "snapshot_month=2021-02"
    long_ago, young = table / "part-long-ago.parquet", table / "part-young.parquet"
    for path in (long_ago, young):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"12345")
    eight_days_ago = time.time() - 8 * 86_400
    os.utime(long_ago, (eight_days_ago, eight_days_ago))
    before = data_files(ctx)
    done = vacuum(ctx)
    assert (done["files"], done["bytes"]) == (1, 5)
    assert before - data_files(ctx) == {str(long_ago)}


@pytest.mark.parametrize("dry_run", [True, False])
def test_loans_that_a_killed_fit_left_go_after_a_week(home: Path, dry_run: bool) -> None:
    ctx = replace(evidence_home.context(home), at=datetime.now(UTC))
    old, young = ctx.layout.fits / "old", ctx.layout.fits / "young"
    for room in (old, young):
        room.mkdir(parents=True)
        (room / "loans.parquet").write_bytes(b"123")
    eight_days_ago = time.time() - 8 * 86_400
    for path in (old / "loans.parquet", old):
        os.utime(path, (eight_days_ago, eight_days_ago))
    assert vacuum(ctx, dry_run=dry_run)["bytes"] == 3
    assert (old.exists(), young.exists()) == (dry_run, True)


def test_a_table_of_which_a_named_version_is_gone_is_left_alone(
    home: Path, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = evidence_home.context(home)
    card = {"delta_versions": {"silver/loan_terms": 99}}
    monkeypatch.setattr(ModelBank, "get", lambda *_: SimpleNamespace(card=card))
    table = ctx.layout.table("silver/loan_terms")
    before = sorted(table.rglob("*.parquet"))
    done = vacuum(ctx)
    assert list(done["left_alone"]) == ["silver/loan_terms"]
    assert done["tables"]["gold/feature_store"]["files"] > 0
    assert sorted(table.rglob("*.parquet")) == before


def test_a_damaged_model_stops_it_before_anything_is_removed(home: Path, at_once: None) -> None:
    ctx = evidence_home.context(home)
    (ctx.layout.model(ModelBank(ctx.layout).model_ids()[0]) / "card.json").write_text("{}")
    before = data_files(ctx)
    with pytest.raises(BankError):
        vacuum(ctx)
    assert data_files(ctx) == before


def test_a_home_with_nothing_in_it_is_fine(run_on: Callable[..., JobContext]) -> None:
    receipt: dict[str, Any] = vacuum(run_on(date(2021, 1, 1)))
    assert (receipt["files"], receipt["tables"]) == (0, {})
