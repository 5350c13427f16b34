"""What cannot be read, in the place of the decision file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.jobs.handoff_nights import (
    FOUR_FIELDS,
    MONDAY,
    SATURDAY,
    Run,
    a_night,
)

from p2pcredit.jobs.decisions import decide, reconcile
from p2pcredit.jobs.training.retrain import check_retraining
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import Origin
from p2pcredit.storage.state.decision_file import Unreadable, read_decision


def put_fifo(path: Path) -> None:
    os.mkfifo(path)


def put_link(path: Path) -> None:
    target = path.with_name("elsewhere.json")
    target.write_text(json.dumps(FOUR_FIELDS))
    path.symlink_to(target)


def put_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere.json")


def put_directory(path: Path) -> None:
    (path / "inner").mkdir(parents=True)


def put(raw: bytes) -> Callable[[Path], None]:
    return lambda path: (path.write_bytes(raw), None)[1]


YES = json.dumps(FOUR_FIELDS)
BROKEN: dict[str, Callable[[Path], None]] = {
    "fifo": put_fifo,
    "link": put_link,
    "dangling link": put_dangling_link,
    "directory": put_directory,
    "empty": put(b""),
    "torn": put(YES[:-9].encode()),
    "over a megabyte": put(YES.encode() + b" " * (1 << 20)),
    "not a number": put(YES.replace("0.58", "NaN").encode()),
    "infinite": put(YES.replace("0.58", "1e999").encode()),
    "huge number": put(YES.replace("0.58", "9" * 5000).encode()),
    "field twice": put(YES.replace("{", '{"retrain": false, ').encode()),
    "deep nesting": put(b'{"a":' * 100_000),
    "not utf-8": put(YES.replace("by hand", "\xe9").encode("latin-1")),
    "half a character": put(YES.replace("by hand", "\\ud800").encode()),
    "year zero": put(YES.replace("2024-01-14", "0000-01-14").encode()),
    "week date": put(YES.replace("2024-01-14", "2024-W02-7").encode()),
    "retrain as text": put(YES.replace("true", '"true"').encode()),
    "retrain as number": put(YES.replace("true", "1").encode()),
    "score as text": put(YES.replace("0.58", '"0.58"').encode()),
    "score as truth": put(YES.replace("0.58", "true").encode()),
    "field missing": put(json.dumps({**FOUR_FIELDS, "other": 1}).replace('"reason"', '"raison"').encode()),
    "list": put(b"[]"),
    "null": put(b"null"),
    "text after it": put(YES.encode() + b"}"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_nobody_can_read_is_set_aside_whole_and_said_loudly(
    run_on: Run, trainer: Any, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    ctx = run_on(MONDAY)
    path = ctx.layout.decision_file
    path.parent.mkdir(parents=True)
    BROKEN[kind](path)
    raw = path.read_bytes() if path.is_file() and not path.is_symlink() else None
    found = read_decision(path)
    assert isinstance(found, Unreadable)
    assert "\n" not in found.why
    assert check_retraining(ctx, MONDAY)["retrain"] is False
    assert not os.path.lexists(path)
    aside = path.with_name("retraining_decision.unreadable-001.json")
    assert os.path.lexists(aside)
    if raw is not None:
        assert aside.read_bytes() == raw
    (line,) = ctx.ledger.events()
    assert (line.kind, line.facts["path"]) == (EventKind.SET_ASIDE, aside.name)
    assert "could not be read" in caplog.text
    warning = json.loads(ctx.layout.activity.read_text().splitlines()[0])
    assert warning["job"] == "warning"


def test_a_broken_file_does_not_silence_the_decision_that_waits(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    ctx.layout.decision_file.write_bytes(b'{"retrain": fal')
    assert a_night(ctx, MONDAY)["outcome"] == "champion"


def test_several_broken_files_in_a_row_are_all_kept(run_on: Run) -> None:
    ctx = run_on(MONDAY)
    ctx.layout.logs.mkdir(parents=True)
    for number in range(3):
        ctx.layout.decision_file.write_text(f"broken {number}")
        reconcile(ctx)
    kept = sorted(ctx.layout.logs.glob("retraining_decision.unreadable-*.json"))
    assert [path.read_text() for path in kept] == ["broken 0", "broken 1", "broken 2"]
