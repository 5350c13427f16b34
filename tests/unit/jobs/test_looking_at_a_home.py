"""Status, doctor, export and the activity file: what a person sees of a home directory."""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import LABEL_STORE, PREDICTIONS, QUARANTINE, Table, silver
from p2pcredit.errors import MissingTableError, UsageError
from p2pcredit.jobs.activity import record
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import decide
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.home.export import export
from p2pcredit.jobs.home.status import status
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import Origin
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.day_receipts import mark_complete
from p2pcredit.storage.tables.lake import Lake

DAY = date(2024, 1, 15)
KEYS = {
    "home",
    "home_id",
    "last_preprocessed",
    "days",
    "last_scored",
    "champion",
    "first_model",
    "awaiting_approval",
    "approval",
    "next_review",
    "findings_open",
    "pending_decision",
    "decision_file",
    "last_report",
    "weeks_retrained",
    "gaps",
}
HAND = '{"decision_date": "2024-01-15", "performance_score": null, "retrain": true, "reason": "by hand"}'


@pytest.fixture
def ctx(run_on: Callable[..., JobContext]) -> JobContext:
    return run_on(DAY, "cli")


def scores(*rows: tuple[str, date, str | None]) -> pl.DataFrame:
    base = dict.fromkeys(PREDICTIONS.schema)
    return pl.DataFrame(
        [
            {**base, "loan_id": loan, "snapshot_date": day, "reason_1": reason, "model_id": "m1"}
            for loan, day, reason in rows
        ],
        schema=PREDICTIONS.schema,
    )


def test_an_empty_home_has_an_empty_status_and_stays_empty(ctx: JobContext) -> None:
    found = status(ctx)
    assert set(found) == KEYS
    assert (found["home"], found["decision_file"], found["weeks_retrained"]) == (str(ctx.layout.home), "none", [])
    assert found["gaps"] == []
    assert (found["awaiting_approval"], found["findings_open"]) == ([], 0)
    told = {"home", "decision_file", "weeks_retrained", "gaps", "awaiting_approval", "findings_open"}
    assert all(found[key] is None for key in KEYS - told)
    assert not ctx.layout.home.exists()


def test_the_status_tells_what_lies_in_the_home(ctx: JobContext, decision: Any) -> None:
    mark_complete(ctx.layout, {DAY: {}})
    made = decision(date(2024, 1, 13))
    decide(ctx, made, Origin.MONITORING)
    ctx.layout.reports.mkdir()
    for name in ("monitoring_2024_01_06.html", "monitoring_2024_01_13.html", "other.html"):
        (ctx.layout.reports / name).write_text("")
    facts = {"snapshot_date": "2024-01-09", "week": "2024-01-08", "model_id": "m1", "promoted": True}
    ctx.ledger.append(EventKind.TRAINED, at=ctx.at, run_id="x", facts=facts)
    facts = {"model_id": "m1", "days": {"2024-01-13": 1, "2024-01-14": 0}}
    ctx.ledger.append(EventKind.SCORED, at=ctx.at, run_id="x", facts=facts)
    found = status(ctx)
    assert json.loads(json.dumps(found)) == found
    assert (found["last_preprocessed"], found["last_scored"], found["champion"]) == ("2024-01-15", "2024-01-14", "m1")
    assert found["pending_decision"]["decision_id"] == made.decision_id
    assert found["last_report"].endswith("monitoring_2024_01_13.html")
    assert found["weeks_retrained"] == ["2024-01-08"]


def test_a_file_written_by_hand_is_pending_before_any_run_took_it_up(ctx: JobContext) -> None:
    ctx.layout.logs.mkdir(parents=True)
    ctx.layout.decision_file.write_text(HAND)
    assert status(ctx)["pending_decision"]["reason"] == "by hand"
    ctx.layout.decision_file.write_text("broken")
    assert status(ctx)["decision_file"].startswith("unreadable: not JSON")
    assert not ctx.layout.ledger.exists()


def checks(ctx: JobContext) -> dict[str, str]:
    return {name: check["status"] for name, check in examine(ctx)["checks"].items()}


def test_an_empty_home_is_undetermined_and_not_called_sound(ctx: JobContext) -> None:
    found = checks(ctx)
    for name in ("home", "disk", "tables", "days", "ledger", "model_bank"):
        assert found[name] == "undetermined", name
    assert examine(ctx)["healthy"] is True
    assert not ctx.layout.home.exists()


def test_a_working_home_passes(ctx: JobContext, decision: Any) -> None:
    Lake(ctx.layout).replace(PREDICTIONS, scores(("l1", DAY, None)), DateRange(DAY, DAY))
    mark_complete(ctx.layout, {DAY: {}})
    ModelBank(ctx.layout).add("m1", {"a": b"b"}, {"model_id": "m1"})
    decide(ctx, decision(date(2024, 1, 13)), Origin.MONITORING)
    found = checks(ctx)
    for name in ("home", "tables", "days", "ledger", "decision_file", "model_bank"):
        assert found[name] == "pass", name


def break_table(ctx: JobContext) -> None:
    for path in ctx.layout.table(PREDICTIONS.name).rglob("*.parquet"):
        path.unlink()


def break_log(ctx: JobContext) -> None:
    for path in (ctx.layout.table(PREDICTIONS.name) / "_delta_log").glob("*.json"):
        path.write_text("garbage")


def break_decision(ctx: JobContext) -> None:
    ctx.layout.decision_file.write_text("{")


def break_model(ctx: JobContext) -> None:
    (ctx.layout.model("m1") / "a").write_text("altered")


def break_ledger(ctx: JobContext) -> None:
    (ctx.layout.ledger / "00000001.json").write_text("{")


def leave_a_claim(ctx: JobContext) -> None:
    ctx.ledger.append(EventKind.CLAIMED, at=ctx.at, run_id="dead", facts={"snapshot_date": "2024-01-15"})


def lose_the_champion(ctx: JobContext) -> None:
    facts = {"model_id": "gone", "effective_on": "2024-01-15"}
    ctx.ledger.append(EventKind.PROMOTED, at=ctx.at, run_id="x", facts=facts)


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (break_table, "tables"),
        (break_log, "tables"),
        (break_decision, "decision_file"),
        (break_model, "model_bank"),
        (break_ledger, "ledger"),
        (leave_a_claim, "ledger"),
        (lose_the_champion, "model_bank"),
    ],
)
def test_a_damage_is_found_and_said_in_one_line(
    ctx: JobContext, run_on: Any, decision: Any, damage: Callable[[JobContext], None], check: str
) -> None:
    Lake(ctx.layout).replace(PREDICTIONS, scores(("l1", DAY, None)), DateRange(DAY, DAY))
    ModelBank(ctx.layout).add("m1", {"a": b"b"}, {"model_id": "m1"})
    decide(ctx, decision(date(2024, 1, 13)), Origin.MONITORING)
    damage(ctx)
    found = examine(run_on(DAY))
    assert found["checks"][check]["status"] == "fail"
    assert "\n" not in found["checks"][check]["finding"]
    assert found["healthy"] is False


def rows_of(table: Table, number: int, **values: object) -> pl.DataFrame:
    base = dict.fromkeys(table.schema) | {"snapshot_date": DAY}
    return pl.DataFrame([base | values | {"row_number": at + 1} for at in range(number)], schema=table.schema)


@pytest.mark.parametrize(
    ("set_aside", "status", "says"),
    [
        (0, "pass", "0 of 38 rows are in quarantine"),
        (1, "pass", "1 of 39 rows are in quarantine"),
        (
            2,
            "fail",
            "2 of 21 rows of loan_terms are in quarantine, most often by 'loan_amount: not a number'",
        ),
    ],
)
def test_more_rows_in_quarantine_than_the_limit_are_a_fault(
    ctx: JobContext, set_aside: int, status: str, says: str
) -> None:
    assert checks(ctx)["rows"] == "undetermined"
    lake, day = Lake(ctx.layout), DateRange(DAY, DAY)
    rules = "loan_amount: not a number; row: duplicate"
    lake.replace(QUARANTINE, rows_of(QUARANTINE, set_aside, feed="loan_terms", rules=rules), day)
    assert checks(ctx)["rows"] == ("fail" if set_aside else "undetermined")
    for name in ("loan_terms", "financial"):
        lake.replace(silver(FEEDS[name]), rows_of(silver(FEEDS[name]), 19), day)
    found = examine(ctx)["checks"]["rows"]
    assert found["status"] == status
    assert found["finding"].startswith(says)


HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", 'a"b', "a,b", "a\nb", "plain", "", None, "čau"]


def test_a_csv_runs_no_formula_and_keeps_every_text(ctx: JobContext, tmp_path: Path) -> None:
    rows = [(f"l{n:02d}", DAY, text) for n, text in enumerate(HOSTILE)]
    Lake(ctx.layout).replace(PREDICTIONS, scores(*rows), DateRange(DAY, DAY))
    out = tmp_path / "deep" / "out.csv"
    assert export(ctx, "gold/predictions", out) == {"table": "gold/predictions", "rows": 13, "path": str(out)}
    with out.open(encoding="utf-8", newline="") as stream:
        found = [row["reason_1"] for row in csv.DictReader(stream)]
    assert found[:6] == ["'=1+1", "+1", "-1", "'@SUM(A1)", "'\tx", "'\r'=1"]
    assert found[6:] == ['a"b', "a,b", "a\nb", "plain", "", "", "čau"]


def test_a_parquet_file_keeps_texts_and_types_as_they_are(ctx: JobContext, tmp_path: Path) -> None:
    Lake(ctx.layout).replace(PREDICTIONS, scores(("=l1", DAY, "=1+1")), DateRange(DAY, DAY))
    export(ctx, "gold/predictions", tmp_path / "out.parquet")
    frame = pl.read_parquet(tmp_path / "out.parquet")
    assert dict(frame.schema) == PREDICTIONS.schema
    assert frame.select("loan_id", "reason_1").row(0) == ("=l1", "=1+1")


def test_an_export_may_be_cut_by_days_and_by_what_was_known(ctx: JobContext, tmp_path: Path) -> None:
    known = [date(2024, 1, day) for day in (1, 10, 20)]
    labels = pl.DataFrame(
        {"loan_id": ["a", "b", "c"], "definition": "pd12", "label": 1, "origination_date": known[0]}
    ).with_columns(pl.Series("known_on", known), pl.Series("snapshot_date", known))
    Lake(ctx.layout).replace(LABEL_STORE, labels, DateRange(known[0], known[2]))

    def loans(**cut: date) -> list[str]:
        export(ctx, "gold/label_store", tmp_path / "x.parquet", **cut)
        return pl.read_parquet(tmp_path / "x.parquet")["loan_id"].to_list()

    assert loans() == ["a", "b", "c"]
    assert loans(as_of=known[1]) == ["a", "b"]
    assert loans(first=known[1]) == ["b", "c"]
    assert loans(first=known[1], last=date(2024, 1, 19)) == ["b"]
    empty = export(ctx, "gold/label_store", tmp_path / "x.csv", first=date(2024, 1, 2), last=date(2024, 1, 9))
    assert empty["reason"] == "no row lies in these days; gold/label_store holds 2024-01-01 to 2024-01-20"
    unknown = export(ctx, "gold/label_store", tmp_path / "x.csv", as_of=date(2023, 1, 1))
    assert str(unknown["reason"]).startswith("no row was known on 2023-01-01 and lies in these days")


def test_an_export_of_no_row_says_which_days_there_are(ctx: JobContext, tmp_path: Path) -> None:
    Lake(ctx.layout).replace(PREDICTIONS, scores(("l1", DAY, "x")), DateRange(DAY, DAY))
    receipt = export(ctx, "gold/predictions", tmp_path / "x.csv", first=date(2030, 1, 1))
    assert receipt["rows"] == 0
    assert receipt["reason"] == "no row lies in these days; gold/predictions holds 2024-01-15 to 2024-01-15"
    with pytest.raises(UsageError, match="swap the two dates"):
        export(ctx, "gold/predictions", tmp_path / "y.csv", first=date(2024, 1, 16), last=date(2024, 1, 14))
    assert not (tmp_path / "y.csv").exists()


def test_what_cannot_be_exported_is_said_before_a_file_is_made(ctx: JobContext, tmp_path: Path) -> None:
    for table, out, error in (
        ("gold/predictions", "x.xlsx", UsageError),
        ("gold/nothing", "x.csv", UsageError),
        ("../../x", "x.csv", UsageError),
        ("gold/predictions", "x.csv", MissingTableError),
    ):
        with pytest.raises(error):
            export(ctx, table, tmp_path / out)
        assert not (tmp_path / out).exists()


def test_each_job_leaves_one_line_and_a_torn_line_spoils_no_other(ctx: JobContext) -> None:
    record(ctx, "one", {"a": 1})
    with ctx.layout.activity.open("ab") as stream:
        stream.write(b'{"torn": ')
    record(ctx, "two", {"day": DAY})
    lines = ctx.layout.activity.read_text().splitlines()
    assert json.loads(lines[0]) == {"at": "2024-01-16T02:00:00+00:00", "run_id": "cli", "job": "one", "a": 1}
    assert lines[1] == '{"torn": '
    assert json.loads(lines[2])["day"] == "2024-01-15"


def test_a_home_that_cannot_be_written_is_found(ctx: JobContext, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx.layout.home.mkdir()

    def refuse(path: object, *_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)  # tried by writing: mode bits alone do not say it
    assert checks(ctx)["rights"] == "fail"
