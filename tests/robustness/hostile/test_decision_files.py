"""Whatever lies in the decision file's place: it is set aside whole, told loudly, and never read as "no"."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.hostile.conftest import Run, context_of

from p2pcredit.contracts.decision import MAX_DECISION_BYTES
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import clear_decision, decide, override_decision, show_decision
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.monitoring.alerts import send_alerts
from p2pcredit.jobs.training.retrain import check_retraining
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import Origin
from p2pcredit.storage.state.decision_file import finish_taking_away, read_decision, remove_decision

pytestmark = pytest.mark.torture
DAY = date(2024, 1, 13)
PLAIN = {"decision_date": "2024-01-13", "performance_score": 0.6, "retrain": False, "reason": "no"}


def says(**fields: Any) -> bytes:
    return json.dumps({**PLAIN, **fields}).encode()


def number(text: str, field: str = "performance_score") -> bytes:
    return says(**{field: "LOCAL"}).replace(b'"LOCAL"', text.encode())


TEXTS: dict[str, bytes] = {
    "nothing": b"",
    "half of it": says()[:40],
    "two of them": says() + says(),
    "a list": b"[" + says() + b"]",
    "null": b"null",
    "invalid UTF-8": says().replace(b"no", b"\xff\xfe"),
    "UTF-16": says().decode().encode("utf-16"),
    "a second byte order mark": b"\xef\xbb\xbf\xef\xbb\xbf" + says(),
    "zero bytes": b"\0" * 200,
    "a zero byte in a text": says().replace(b'"no"', b'"n\0o"'),
    "half a surrogate pair": says(reason="\ud800"),
    "nested lists": b"[" * 200_000,
    "nested objects": b'{"a":' * 200_000,
    "nested evidence": number("[" * 900 + "]" * 900, "evidence"),
    "a field twice": b'{"retrain": true, ' + says()[1:],
    "NaN": number("NaN"),
    "Infinity": number("Infinity"),
    "minus Infinity": number("-Infinity"),
    "1e999": number("1e999"),
    "-1e999 as threshold": number("-1e999", "threshold"),
    "a score of 400 digits": number("9" * 400),
    "a score of 5,000 digits": number("9" * 5_000),
    "a score as text": says(performance_score="0.6"),
    "a score as truth value": says(performance_score=True),
    "year 0": says(decision_date="0000-01-01"),
    "year 10000": says(decision_date="10000-01-01"),
    "30 February": says(decision_date="2024-02-30"),
    "a date with a time": says(decision_date="2024-01-13T00:00:00"),
    "a date of other digits": says(decision_date="２０２４-01-13"),
    "a date as number": says(decision_date=20240113),
    "expires in year 0": says(expires_on="0000-00-00"),
    "retrain as text": says(retrain="false"),
    "retrain as number": says(retrain=0),
    "retrain as null": says(retrain=None),
    "reason as list": says(reason=["no"]),
    "an id as list": says(decision_id=["x"]),
    "a megabyte and a byte": says() + b" " * MAX_DECISION_BYTES,
    "YAML": b"decision_date: 2024-01-13\nretrain: false\n",
}


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        here = os.open(path.parent, os.O_RDONLY)
        bound.bind(f"/proc/self/fd/{here}/{path.name}")  # the name of a socket may not be long
        os.close(here)


def a_link_to_a_decision(path: Path) -> None:
    other = path.with_name("elsewhere.json")
    other.write_bytes(says())
    path.symlink_to(other)


def a_sparse_gigabyte(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 30)


def write_raw(raw: bytes, path: Path) -> None:
    path.write_bytes(raw)


THINGS: dict[str, Callable[[Path], None]] = {
    "a link to a decision": a_link_to_a_decision,
    "a link to itself": link("retraining_decision.json"),
    "a dangling link": link("nowhere.json"),
    "a link to /dev/zero": link("/dev/zero"),
    "a link to a directory": link("."),
    "a pipe": lambda path: os.mkfifo(path),
    "a socket": a_socket,
    "a directory": lambda path: path.mkdir(),
    "a full directory": lambda path: (path / "deep" / "er").mkdir(parents=True),
    "a sparse gigabyte": a_sparse_gigabyte,
}
MAKERS: dict[str, Callable[[Path], Any]] = {
    **{name: partial(write_raw, raw) for name, raw in TEXTS.items()},
    **THINGS,
}


@pytest.fixture
def waiting(tmp_path: Path, decision: Callable[..., Any]) -> JobContext:
    """A home in which a decision to retrain waits."""
    ctx = context_of(tmp_path)
    assert decide(ctx, decision(DAY - timedelta(days=1)), Origin.MONITORING)
    return ctx


@pytest.mark.parametrize("name", MAKERS)
def test_it_is_set_aside_and_told_and_the_decision_before_it_still_serves(
    waiting: JobContext, name: str, torture: Any
) -> None:
    ctx, path = waiting, waiting.layout.decision_file
    path.unlink()
    MAKERS[name](path)
    placed = path.lstat()
    lines = len(ctx.ledger.events())

    assert show_decision(ctx)["file"].startswith("unreadable: ")
    assert status(ctx)["decision_file"].startswith("unreadable: ")
    assert examine(ctx)["checks"]["decision_file"]["status"] == "fail"
    assert (path.lstat().st_ino, len(ctx.ledger.events())) == (placed.st_ino, lines)  # asking changes nothing

    assert check_retraining(ctx, DAY)["retrain"] is True
    aside = path.with_name("retraining_decision.unreadable-001.json")
    moved = aside.lstat()
    assert (moved.st_ino, moved.st_size, moved.st_mode) == (placed.st_ino, placed.st_size, placed.st_mode)
    if name in TEXTS:
        assert aside.read_bytes() == TEXTS[name]
    shown = json.loads(path.read_bytes())
    assert (shown["retrain"], shown["decision_id"]) == (True, ctx.ledger.state().current_id)

    (event,) = [event for event in ctx.ledger.events() if event.kind is EventKind.SET_ASIDE]
    assert event.facts["path"] == aside.name
    (alert,) = [line for line in send_alerts(ctx, DAY)["alerts"] if "could not be read" in line]
    assert "\n" not in alert
    assert aside.name in alert

    clear_decision(ctx, DAY)
    override_decision(ctx, DAY, retrain=False, why="enough")
    assert len([event for event in ctx.ledger.events() if event.kind is EventKind.SET_ASIDE]) == 1
    torture.record(f"decision file: {name}", 1)


READABLE: dict[str, bytes] = {
    "a byte order mark": b"\xef\xbb\xbf" + says(retrain=True),
    "a zero byte as an escape": says(retrain=True, reason="a\0b"),
    "fields that nobody knows, nested": number("[" * 300 + "]" * 300, "theirs").replace(b"false", b"true"),
    "Windows line ends": json.dumps({**PLAIN, "retrain": True}, indent=1).replace("\n", "\r\n").encode(),
    "a model id that leads elsewhere": says(retrain=True, model_id="../../etc", decision_id="../../x"),
    "markup": says(retrain=True, reason="<script>alert(1)</script>\r\n=1+1"),
    "the last day there is": says(retrain=True, decision_date="2024-01-13", expires_on="9999-12-31"),
    "a version of 400 digits": number("9" * 400, "schema_version").replace(b"false", b"true"),
}


@pytest.mark.parametrize("name", READABLE)
def test_what_is_odd_and_yet_a_decision_is_obeyed(tmp_path: Path, name: str) -> None:
    ctx = context_of(tmp_path)
    ctx.layout.logs.mkdir()
    ctx.layout.decision_file.write_bytes(READABLE[name])
    assert check_retraining(ctx, DAY)["retrain"] is True
    *others, last = send_alerts(ctx, DAY)["alerts"]
    assert last.startswith("retraining decided: ")
    assert ["is unknown and says nothing" in line for line in others] == ([True] if "nobody knows" in name else [])
    assert {path.name for path in tmp_path.iterdir()} == {"logs"}


def test_many_broken_files_are_all_kept(waiting: JobContext, torture: Any) -> None:
    number = torture.times(20, 200)
    for count in range(number):
        waiting.layout.decision_file.write_text(f"broken {count}")
        clear_decision(waiting, DAY)
    kept = sorted(waiting.layout.logs.glob("retraining_decision.unreadable-*.json"))
    assert [path.read_text() for path in kept] == [f"broken {count}" for count in range(number)]
    told = [event for event in waiting.ledger.events() if event.kind is EventKind.SET_ASIDE]
    assert len(told) == number


@pytest.mark.parametrize("name", THINGS)
def test_what_took_the_place_of_a_file_that_is_being_cleared_is_kept(
    waiting: JobContext, name: str, tmp_path: Path
) -> None:
    path = waiting.layout.decision_file
    shown = read_decision(path)
    private = path.with_name(f".{path.name}.clearing")  # where a run that died had moved it
    THINGS[name](private)
    placed = private.lstat().st_ino
    finish_taking_away(path, lambda found: found == shown)  # what every step of the hand-off begins with
    assert remove_decision(path, shown) is True  # type: ignore[arg-type]
    kept = [entry for entry in path.parent.iterdir() if entry.lstat().st_ino == placed]
    assert len(kept) == 1
    assert kept[0] != private


def test_a_gigabyte_neither_fills_the_memory_nor_takes_long(run: Run, tmp_path: Path, torture: Any) -> None:
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True)
    shown = home / "logs/retraining_decision.json"
    asked = [["decision", "show", "--json"], ["status", "--json"], ["decision", "override", "--retrain", "--why", "x"]]
    calm = run(home, *asked)
    a_sparse_gigabyte(shown.with_name("large"))
    with shown.with_name("large").open("r+b") as stream:
        for _ in range(torture.times(16, 1024)):
            stream.write(b"[" * (1 << 20))
    os.replace(shown.with_name("large"), shown)
    ran = run(home, *asked)
    assert [outcome.code for outcome in ran.outcomes] == [0, 0, 0]
    assert ran.peak_megabytes < calm.peak_megabytes + 50
    assert shown.with_name("retraining_decision.unreadable-001.json").stat().st_size == 1 << 30
    torture.record("decision file of 1 GB", 1, note=f"{ran.peak_megabytes:.0f} MB at most")
