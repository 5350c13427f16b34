"""What others may put in the place of our other files: never waited for, never read past a bound, told in one line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.robustness.hostile.conftest import LIVED, context_of

from p2pcredit.contracts.tables import PREDICTIONS
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import decide
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.monitoring.alerts import alert_failure, send_alerts
from p2pcredit.jobs.scoring.champions import list_models, show_model
from p2pcredit.jobs.training.retrain import log_retraining, train_now
from p2pcredit.models.scoring import load_model
from p2pcredit.periods import DateRange
from p2pcredit.retraining.state import Origin
from p2pcredit.settings import load_settings
from p2pcredit.storage.landing.files import find_landing_file
from p2pcredit.storage.state.ledger import Ledger
from p2pcredit.storage.state.model_bank import ModelBank, json_bytes
from p2pcredit.storage.tables.day_receipts import mark_complete, read_receipt
from p2pcredit.storage.tables.lake import Lake

pytestmark = pytest.mark.torture
DAY = date(2024, 1, 13)


def large(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 30)


def text(content: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content)


PIPES: dict[str, Callable[[Path], Any]] = {
    "a pipe": lambda path: os.mkfifo(path),
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a directory": lambda path: path.mkdir(),
    "a sparse gigabyte": large,
}
TEXTS: dict[str, Callable[[Path], Any]] = {
    "nothing": text(b""),
    "invalid UTF-8": text(b'{"a": "\xff"}'),
    "zero bytes": text(b"\0" * 100),
    "nested deeply": text(b"[" * 200_000),
    "a list": text(b"[1, 2]"),
    "a number": text(b"1e999"),
    "null": text(b"null"),
    "other keys": text(b'{"number": {}, "event": [], "rows": 3, "landings": 5, "platform": {}}'),
}
EVERYTHING = {**PIPES, **TEXTS}


def put(path: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        path.unlink()
    EVERYTHING[name](path)


def one_line_error(call: Callable[[], Any]) -> str:
    with pytest.raises(P2PCreditError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", EVERYTHING)
def test_settings_are_never_passed_over(tmp_path: Path, name: str, torture: Any) -> None:
    put(tmp_path / "p2pcredit.toml", name)
    torture.record(f"p2pcredit.toml: {name}", 1)
    if name == "nothing":
        assert load_settings(tmp_path).threads == 2
        return
    assert "p2pcredit.toml" in one_line_error(lambda: load_settings(tmp_path))


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999"])
@pytest.mark.parametrize("setting", ["scores.base_score", "scores.points_to_double_odds", "monitoring.psi_watch"])
def test_no_setting_is_endless_or_no_number(tmp_path: Path, setting: str, number: str) -> None:
    group, _, field = setting.partition(".")
    (tmp_path / "p2pcredit.toml").write_text(f"[{group}]\n{field} = {number}\n")
    assert setting in one_line_error(lambda: load_settings(tmp_path))


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_landing_manifest_that_is_none_stops_a_landing_before_it_writes(ctx: JobContext, name: str) -> None:
    put(ctx.layout.landing / "landing.json", name)
    told = one_line_error(lambda: land(ctx, "synthetic", [], DAY, DAY))
    assert "landing.json" in told
    assert [path.name for path in ctx.layout.landing.iterdir() if path.name[0] != "."] == ["landing.json"]


def bank_with_a_model(ctx: JobContext) -> ModelBank:
    bank = ModelBank(ctx.layout)
    for model_id in ("m1", "m2"):
        bank.add(model_id, {"model.json": b"{}"}, {"model_id": model_id, "as_of": "2024-01-01"})
    return bank


@pytest.mark.parametrize("file", ["manifest.json", "card.json", "model.json"])
@pytest.mark.parametrize("name", EVERYTHING)
def test_a_damaged_model_is_refused_and_hides_no_other(ctx: JobContext, file: str, name: str, torture: Any) -> None:
    bank = bank_with_a_model(ctx)
    put(ctx.layout.model("m1") / file, name)
    assert "m1" in one_line_error(lambda: show_model(ctx, "m1"))
    assert "m1" in one_line_error(lambda: bank.get("m1"))
    assert "m2" in {model["model_id"] for model in list_models(ctx)}
    torture.record(f"model bank, {file}: {name}", 1)


@pytest.mark.parametrize("file", ["card.json", "model.json"])
@pytest.mark.parametrize("name", TEXTS)
def test_a_model_forged_with_right_digests_is_refused(ctx: JobContext, file: str, name: str) -> None:
    import hashlib

    bank = bank_with_a_model(ctx)
    path = ctx.layout.model("m1") / file
    put(path, name)
    manifest = path.with_name("manifest.json")
    digests = json.loads(manifest.read_bytes()) | {file: hashlib.sha256(path.read_bytes()).hexdigest()}
    manifest.write_bytes(json_bytes(digests))
    if file == "card.json" and name == "other keys":
        assert list_models(ctx)[0]["family"] is None
        return
    one_line_error(lambda: load_model(bank.get("m1").files))


def test_a_broken_booster_is_an_error_and_no_crash(home: Path, torture: Any) -> None:
    settings = load_settings(home)
    of_trees = settings.training.model_copy(update={"families": ("boosting",)})
    ctx = replace(context_of(home), settings=settings.model_copy(update={"training": of_trees}))
    files = ModelBank(ctx.layout).get(train_now(ctx, LIVED, "trees to break")["model_id"]).files
    trees = files["booster.ubj"]
    broken = [b"", b"\0" * 50, trees[:200], trees[: len(trees) // 2], b"not trees", trees[1:], b"{" * 300]
    for raw in broken:
        assert one_line_error(partial(load_model, {**files, "booster.ubj": raw}))
    torture.record("booster.ubj cut or foreign", len(broken))


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_damaged_ledger_line_stops_whoever_reads_it(
    ctx: JobContext, name: str, decision: Callable[..., Any], torture: Any
) -> None:
    decide(ctx, decision(DAY), Origin.MONITORING)
    put(ctx.layout.ledger / "00000002.json", name)
    if name == "a link to itself":
        (ctx.layout.ledger / "00000003.json").write_bytes((ctx.layout.ledger / "00000001.json").read_bytes())
    assert "0000000" in one_line_error(lambda: Ledger(ctx.layout.ledger).state())
    assert "0000000" in one_line_error(lambda: decide(ctx, decision(DAY, reason="new"), Origin.MONITORING))
    torture.record(f"ledger line: {name}", 1)


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_receipt_that_is_none_gives_no_facts(ctx: JobContext, name: str) -> None:
    put(ctx.layout.day_receipt(DAY), name)
    assert read_receipt(ctx.layout, DAY) is None
    if name not in {"a directory", "a link to itself"}:
        mark_complete(ctx.layout, {DAY: {"rows": {"features": 1}}})
        assert read_receipt(ctx.layout, DAY) == {"rows": {"features": 1}}


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_strange_retraining_log_counts_and_loses_no_word(
    ctx: JobContext, name: str, trainer: Any, decision: Callable[..., Any]
) -> None:
    from p2pcredit.jobs.training.retrain import check_retraining, train_if_due

    decide(ctx, decision(DAY - timedelta(days=1)), Origin.MONITORING)
    assert train_if_due(ctx, DAY)["model_id"] == "m1"
    path = ctx.layout.retraining_log(date(2024, 1, 8))
    put(path, name)
    placed = path.lstat().st_ino
    if name in PIPES:
        assert path.name in one_line_error(lambda: log_retraining(ctx, DAY))
        assert path.lstat().st_ino == placed
    else:
        before = path.read_bytes()
        log_retraining(ctx, DAY)
        assert path.read_bytes().startswith(before.decode("utf-8", "replace").encode())
    assert check_retraining(ctx, DAY)["retrain"] is False


@pytest.mark.parametrize("name", EVERYTHING)
def test_alerts_are_read_past_anything_in_the_activity_file(ctx: JobContext, name: str, torture: Any) -> None:
    put(ctx.layout.activity, name)
    told = alert_failure(ctx, "preprocess", ValueError("first\nsecond"))  # never fails itself
    assert told["message"] == "preprocess failed: first second"
    torture.record(f"activity file: {name}", 1)
    if name in PIPES and name != "a sparse gigabyte":
        assert "activity.jsonl" in one_line_error(lambda: send_alerts(ctx, DAY))
        return
    assert send_alerts(ctx, DAY)["alerts"] == ["warning: preprocess failed: first second"]


def test_a_flood_of_warnings_is_cut_to_what_a_message_may_hold(ctx: JobContext) -> None:
    ctx.layout.home.mkdir()
    for number in range(300):
        alert_failure(ctx, f"job {number}", ValueError("x" * 5_000))
    alerts = send_alerts(ctx, DAY)["alerts"]
    assert alerts[-1] == "warning: 200 earlier ones stand in the activity file"
    assert max(map(len, alerts)) < 1_100
    assert alerts[-2].startswith("warning: job 299 failed")


# "other keys" is left out: readers of Delta tables must pass over actions that they do not know.
@pytest.mark.parametrize("name", sorted(EVERYTHING.keys() - {"other keys"}))
def test_a_broken_entry_in_the_log_of_a_table_is_an_error(ctx: JobContext, name: str, torture: Any) -> None:
    lake, days = Lake(ctx.layout), DateRange(DAY, DAY)
    row = {**dict.fromkeys(PREDICTIONS.schema), "loan_id": "1", "snapshot_date": DAY}
    frame = pl.DataFrame([row], schema=PREDICTIONS.schema)
    lake.replace(PREDICTIONS, frame, days)
    log = ctx.layout.table(PREDICTIONS.name) / "_delta_log"
    entry = log / f"{lake.version(PREDICTIONS) or 0:020d}.json"
    kept = entry.read_bytes()
    put(entry, name)
    torture.record(f"log entry of a table: {name}", 1)
    one_line_error(lambda: (lake.read(PREDICTIONS), lake.replace(PREDICTIONS, frame.clear(), days)))
    entry.rmdir() if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    entry.write_bytes(kept)
    assert lake.read(PREDICTIONS)["loan_id"].to_list() == ["1"]


@pytest.mark.parametrize("name", ["a pipe", "a link to /dev/zero", "a link to itself", "a directory"])
def test_what_is_no_file_under_the_name_of_a_landing_file_is_said_and_never_passed_over(
    ctx: JobContext, name: str
) -> None:
    put(ctx.layout.landing / "financial" / "financial_2024_01_13.csv", name)
    told = one_line_error(lambda: find_landing_file(ctx.layout, "financial", DAY))
    assert "financial_2024_01_13.csv" in told
    assert "move it away" in told
