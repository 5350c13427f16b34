from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from p2pcredit.contracts.decision import Decision
from p2pcredit.storage.state import decision_file
from p2pcredit.storage.state.decision_file import (
    Unreadable,
    finish_taking_away,
    place_decision,
    read_decision,
    remove_decision,
    set_aside,
)

OLD = Decision(decision_date=date(2024, 1, 13), performance_score=0.58, retrain=True, reason="old")
NEW = Decision(decision_date=date(2024, 1, 20), performance_score=0.55, retrain=True, reason="new")


def write(path: Path, decision: Decision) -> None:
    path.write_text(json.dumps(decision.as_json()))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "retraining_decision.json"


def test_what_was_written_is_read_back_with_the_four_fields_of_the_specification_first(path: Path) -> None:
    assert place_decision(path, OLD, None)
    assert read_decision(path) == OLD
    assert list(json.loads(path.read_text()))[:4] == ["decision_date", "performance_score", "retrain", "reason"]


def test_no_file_is_no_decision(path: Path) -> None:
    assert read_decision(path) is None
    assert set_aside(path) is None
    assert remove_decision(path, OLD) is False


def test_clearing_removes_the_decision_it_names_and_no_other(path: Path) -> None:
    write(path, NEW)
    assert remove_decision(path, OLD) is False
    assert read_decision(path) == NEW
    assert remove_decision(path, NEW) is True
    assert list(path.parent.iterdir()) == []


def test_clearing_leaves_what_it_cannot_read(path: Path) -> None:
    path.write_text("broken")
    assert remove_decision(path, OLD) is False
    assert path.read_text() == "broken"


def replaced_after(path: Path, monkeypatch: pytest.MonkeyPatch, raw: bytes, looks: int = 1) -> None:
    """Replace the file right after our look at it."""
    count = 0

    def look(at: Path) -> Decision | Unreadable | None:
        nonlocal count
        found = read_decision(at)
        if at == path:
            count += 1
            if count == looks:
                path.write_bytes(raw)
        return found

    monkeypatch.setattr(decision_file, "read_decision", look)


def test_a_newer_decision_that_comes_between_look_and_clearing_is_put_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, OLD)
    replaced_after(path, monkeypatch, json.dumps(NEW.as_json()).encode())
    assert remove_decision(path, OLD) is False
    assert read_decision(path) == NEW


def test_a_broken_file_that_comes_between_look_and_clearing_is_put_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, OLD)
    replaced_after(path, monkeypatch, b"broken")
    assert remove_decision(path, OLD) is False
    assert path.read_text() == "broken"


@pytest.mark.parametrize("raw", [json.dumps(NEW.as_json()).encode(), b"broken"])
@pytest.mark.parametrize("shown", [OLD, None])
def test_a_file_that_comes_between_look_and_placing_stays(path: Path, raw: bytes, shown: Decision | None) -> None:
    path.write_bytes(raw)
    assert place_decision(path, OLD.model_copy(update={"reason": "placed"}), shown) is False
    assert path.read_bytes() == raw
    assert list(path.parent.iterdir()) == [path]


def test_a_decision_takes_the_place_of_the_one_that_was_seen(path: Path) -> None:
    write(path, OLD)
    assert place_decision(path, NEW, OLD) is True
    assert read_decision(path) == NEW
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("taken", "there", "shown"), [(OLD, None, None), (NEW, None, NEW), (OLD, NEW, NEW)], ids=["known", "new", "newer"]
)
def test_a_taking_away_that_died_half_way_is_finished(
    path: Path, taken: Decision, there: Decision | None, shown: Decision | None
) -> None:
    write(path.with_name(".retraining_decision.json.clearing"), taken)
    if there is not None:
        write(path, there)
    finish_taking_away(path, lambda found: found == OLD)
    assert read_decision(path) == shown
    assert [each.name for each in path.parent.iterdir()] == ([path.name] if shown else [])


def test_what_a_dead_run_had_taken_by_mistake_is_kept_beside_a_newer_file(path: Path) -> None:
    write(path.with_name(".retraining_decision.json.clearing"), NEW)
    newest = NEW.model_copy(update={"reason": "newest"})
    write(path, newest)
    finish_taking_away(path, lambda found: found == OLD)
    assert read_decision(path) == newest
    (kept,) = path.parent.glob("*.superseded-*")
    assert read_decision(kept) == NEW


def test_a_file_that_became_readable_before_it_was_set_aside_stays_in_place(path: Path) -> None:
    write(path, OLD)
    assert set_aside(path) is None
    assert read_decision(path) == OLD


def test_set_aside_files_never_overwrite_one_another_nor_a_strangers_file(path: Path) -> None:
    stranger = path.with_name("retraining_decision.unreadable-001.json")
    stranger.write_text("stranger")
    path.write_text("broken")
    moved = set_aside(path)
    assert moved is not None
    assert moved.name == "retraining_decision.unreadable-002.json"
    assert stranger.read_text() == "stranger"
