from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.processes_at_once import run_at_once

from p2pcredit.errors import ConflictError, DecisionError, StorageError
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import HandoffState
from p2pcredit.retraining.summary import pack_state
from p2pcredit.storage.files import read_small_file
from p2pcredit.storage.state import ledger as ledger_module
from p2pcredit.storage.state.ledger import LINES_TO_A_SUMMARY, Ledger

AT = datetime(2024, 1, 16, 2, tzinfo=UTC)
SCORED = {"model_id": "m1", "days": {"2024-01-15": 3}}


def scored(ledger: Ledger, run_id: str = "a") -> None:
    assert ledger.append(EventKind.SCORED, at=AT, run_id=run_id, facts=SCORED) is not None


def test_an_empty_ledger_has_no_line_and_makes_no_directory(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "decisions")
    assert ledger.events() == ()
    assert ledger.state().current is None
    assert not (tmp_path / "decisions").exists()


def test_lines_are_numbered_from_one_and_instants_are_written_in_utc(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    scored(ledger)
    east = AT.astimezone(timezone(timedelta(hours=5)))
    event = ledger.append(EventKind.SCORED, at=east, run_id="b", facts=SCORED)
    assert event is not None
    assert (event.number, event.at) == (2, "2024-01-16T02:00:00+00:00")
    assert json.loads((tmp_path / "00000002.json").read_text()) == {
        "number": 2,
        "event": "scored",
        "at": "2024-01-16T02:00:00+00:00",
        "run_id": "b",
        **SCORED,
    }
    assert Ledger(tmp_path).events() == ledger.events()


def test_a_reader_sees_the_lines_of_other_writers(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path), Ledger(tmp_path)
    scored(one)
    assert one.state().scored == two.state().scored
    scored(two)
    assert [event.number for event in one.events()] == [1, 2]
    assert one.state() == two.state() == Ledger(tmp_path).state()


@pytest.mark.parametrize("look", [lambda ledger: ledger.events(), lambda ledger: ledger.state()])
def test_the_state_follows_the_lines_whichever_was_asked_for_first(tmp_path: Path, look: Any) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.state().scored == {}
    scored(Ledger(tmp_path))
    look(ledger)
    assert len(ledger.state().scored) == 1


def test_append_asks_the_newest_state_and_writes_nothing_where_it_objects(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path), Ledger(tmp_path)
    one.state()
    scored(two)
    seen = []

    def objects(state: Any) -> bool:
        seen.append(dict(state.scored))
        return True

    assert one.append(EventKind.SCORED, at=AT, run_id="a", facts=SCORED, unless=objects) is None
    assert len(seen[0]) == 1
    assert len(Ledger(tmp_path).events()) == 1


def test_the_hand_off_can_be_held_over_several_lines_and_is_given_back_after_an_error(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.exclusive(), ledger.exclusive():
        scored(ledger)
        scored(ledger)
    with pytest.raises(KeyError), ledger.exclusive():
        raise KeyError
    scored(Ledger(tmp_path))
    assert len(ledger.events()) == 3


def test_two_processes_that_append_at_once_lose_nothing_and_leave_no_gap(tmp_path: Path) -> None:
    imports = (
        "from pathlib import Path; from datetime import datetime, UTC\n"
        "from p2pcredit.storage.state.ledger import Ledger; from p2pcredit.retraining.events import EventKind\n"
    )
    code = (
        "ledger = Ledger(Path(sys.argv[1]))\n"
        "for n in range(25):\n"
        "    facts = {'model_id': f'{sys.argv[2]}{n}', 'days': {}}\n"
        "    ledger.append(EventKind.SCORED, at=datetime(2024, 1, 1, tzinfo=UTC), run_id=sys.argv[2], facts=facts)\n"
    )
    run_at_once(imports, code, (str(tmp_path), "a"), (str(tmp_path), "b"))
    events = Ledger(tmp_path).events()
    assert [event.number for event in events] == list(range(1, 51))
    assert {event.facts["model_id"] for event in events} == {f"{name}{n}" for name in "ab" for n in range(25)}
    for name in "ab":
        mine = [event.facts["model_id"] for event in events if event.run_id == name]
        assert mine == [f"{name}{n}" for n in range(25)]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b"\xff",
        b'{"number": 2, "event": "unheard", "at": "x", "run_id": "a"}',
        b'{"number": "x", "event": "scored", "at": "x", "run_id": "a"}',
        b'{"event": "scored", "at": "x", "run_id": "a"}',
        b'{"number": 7, "event": "scored", "at": "x", "run_id": "a", "model_id": "m", "days": {}}',
    ],
)
def test_a_damaged_line_is_named_in_one_line(tmp_path: Path, raw: bytes) -> None:
    ledger = Ledger(tmp_path)
    scored(ledger)
    scored(ledger)
    (tmp_path / "00000002.json").write_bytes(raw)
    with pytest.raises(DecisionError, match=r"00000002\.json .*restore it from a backup") as caught:
        Ledger(tmp_path).state()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (EventKind.DECIDED, {}),
        (EventKind.DECIDED, {"decision_id": "x", "origin": "hand", "decision": {"retrain": True}}),
        (EventKind.DECIDED, {"decision_id": "x", "origin": "martian", "decision": {}}),
        (EventKind.CLAIMED, {"snapshot_date": "soon"}),
        (EventKind.SCORED, {"model_id": "m", "days": 3}),
        (EventKind.PROMOTED, {}),
    ],
)
def test_a_line_that_lacks_what_its_kind_must_say_is_named_in_one_line(
    tmp_path: Path, kind: EventKind, facts: dict[str, Any]
) -> None:
    Ledger(tmp_path).append(kind, at=AT, run_id="a", facts=facts)
    with pytest.raises(DecisionError, match=r"line 1 .*damaged.*restore it from a backup") as caught:
        Ledger(tmp_path).state()
    assert "\n" not in str(caught.value)


def test_a_line_missing_from_the_middle_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for _ in range(3):
        scored(ledger)
    (tmp_path / "00000002.json").unlink()
    damaged = Ledger(tmp_path)
    for _ in range(2):
        with pytest.raises(DecisionError, match=r"00000002\.json is missing"):
            damaged.events()
    with pytest.raises(DecisionError, match="is missing"):
        Ledger(tmp_path).append(EventKind.SCORED, at=AT, run_id="a", facts=SCORED)


def test_leftovers_and_strangers_in_the_directory_are_no_lines(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    scored(ledger)
    for name in (".line.tmp", "notes.txt", "7.json", "00000003.json.bak"):
        (tmp_path / name).write_text("half a li")
    assert len(Ledger(tmp_path).events()) == 1
    scored(ledger)
    assert len(Ledger(tmp_path).events()) == 2


def test_a_ledger_restored_from_an_older_backup_is_read_anew(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    scored(ledger)
    scored(ledger)
    ledger.state()
    (tmp_path / "00000002.json").unlink()
    assert len(ledger.events()) == 1


def test_a_full_disk_leaves_no_line_and_the_next_one_takes_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path)
    scored(ledger)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="free some space"):
            scored(ledger)
    assert len(ledger.events()) == 1
    scored(ledger)
    assert [event.number for event in ledger.events()] == [1, 2]


def test_only_one_holds_the_right_to_train_and_it_returns_when_the_holder_dies(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from p2pcredit.storage.state.ledger import Ledger\n"
        "with Ledger(Path(sys.argv[1])).training():\n"
        "    print('held', flush=True); sys.stdin.readline()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(ConflictError), Ledger(tmp_path).training():
        pass
    holder.kill()
    holder.communicate()
    with Ledger(tmp_path).training():
        scored(Ledger(tmp_path))


def test_a_summary_spares_reading_the_lines_it_stands_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path)
    for number in range(2 * LINES_TO_A_SUMMARY + 3):
        scored(ledger, f"r{number}")
    whole = ledger.state()
    read: list[str] = []
    real = read_small_file
    monkeypatch.setattr(
        ledger_module, "read_small_file", lambda path, **more: read.append(path.name) or real(path, **more)
    )
    assert Ledger(tmp_path).state() == whole
    assert sorted(read) == [".summary", "00000050.json", "00000051.json", "00000052.json", "00000053.json"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "directory", "of another ledger", "of more lines"])
def test_a_summary_that_does_not_verify_is_read_past(tmp_path: Path, damage: str) -> None:
    ledger = Ledger(tmp_path)
    for number in range(LINES_TO_A_SUMMARY + 1):
        ledger.append(
            EventKind.SCORED, at=AT, run_id="a", facts={"model_id": "m", "days": {f"2024-01-{1 + number:02d}": 1}}
        )
    summary = tmp_path / ".summary"
    whole = summary.read_bytes()
    if damage == "directory":
        summary.unlink()
        summary.mkdir()
    elif damage == "of another ledger":
        summary.write_bytes(pack_state(HandoffState(), LINES_TO_A_SUMMARY, "0" * 64))
    elif damage == "of more lines":
        summary.write_bytes(pack_state(HandoffState(), LINES_TO_A_SUMMARY + 2, "0" * 64))
    else:
        changed = {"cut": whole[:-1], "flipped": whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], "empty": b""}
        summary.write_bytes(changed[damage])
    assert len(Ledger(tmp_path).state().scored) == LINES_TO_A_SUMMARY + 1
    scored(Ledger(tmp_path))


def test_a_line_that_was_changed_under_its_summary_is_believed_and_not_the_summary(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for _ in range(LINES_TO_A_SUMMARY):
        scored(ledger)
    last = tmp_path / f"{LINES_TO_A_SUMMARY:08d}.json"
    last.write_text(last.read_text().replace("2024-01-15", "2024-01-16"))
    assert len(Ledger(tmp_path).state().scored) == 2


def test_a_disk_that_refuses_the_summary_stops_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("no space left")

    monkeypatch.setattr(ledger_module, "write_bytes_atomically", full)
    ledger = Ledger(tmp_path)
    for _ in range(LINES_TO_A_SUMMARY):
        scored(ledger)
    assert len(ledger.events()) == LINES_TO_A_SUMMARY
    assert not (tmp_path / ".summary").exists()


def test_a_state_that_was_looked_at_stays_as_it_was(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    scored(ledger)
    before = ledger.state()
    later = {"model_id": "m2", "days": {"2024-01-16": 3}}
    ledger.append(EventKind.SCORED, at=AT, run_id="a", facts=later)
    assert len(ledger.state().scored) == 2
    assert len(before.scored) == 1
