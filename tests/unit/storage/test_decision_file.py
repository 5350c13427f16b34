from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from p2pcredit.contracts.decision import Decision
from p2pcredit.storage import decision_file
from p2pcredit.storage.decision_file import Unreadable, read_decision, remove_decision, set_aside, write_decision

OLD = Decision(decision_date=date(2024, 1, 13), performance_score=0.58, retrain=True, reason="old")
NEW = Decision(decision_date=date(2024, 1, 20), performance_score=0.55, retrain=True, reason="new")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "retraining_decision.json"


def test_what_was_written_is_read_back_with_the_four_fields_of_the_specification_first(path: Path) -> None:
    write_decision(path, OLD)
    assert read_decision(path) == OLD
    assert list(json.loads(path.read_text()))[:4] == ["decision_date", "performance_score", "retrain", "reason"]


def test_no_file_is_no_decision(path: Path) -> None:
    assert read_decision(path) is None
    assert set_aside(path) is None
    assert remove_decision(path, OLD) is False


def test_clearing_removes_the_decision_it_names_and_no_other(path: Path) -> None:
    write_decision(path, NEW)
    assert remove_decision(path, OLD) is False
    assert read_decision(path) == NEW
    assert remove_decision(path, NEW) is True
    assert list(path.parent.iterdir()) == []


def test_clearing_leaves_what_it_cannot_read(path: Path) -> None:
    path.write_text("broken")
    assert remove_decision(path, OLD) is False
    assert path.read_text() == "broken"


def replaced_after(path: Path, monkeypatch: pytest.MonkeyPatch, raw: bytes, looks: int = 1) -> None:
    """Somebody replaces the file right after our look at it."""
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
    write_decision(path, OLD)
    replaced_after(path, monkeypatch, json.dumps(NEW.as_json()).encode())
    assert remove_decision(path, OLD) is False
    assert read_decision(path) == NEW


def test_a_broken_file_that_comes_between_look_and_clearing_is_put_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_decision(path, OLD)
    replaced_after(path, monkeypatch, b"broken")
    assert remove_decision(path, OLD) is False
    assert path.read_text() == "broken"


def test_a_clearing_that_died_half_way_is_finished(path: Path) -> None:
    write_decision(path.with_name(".retraining_decision.json.clearing"), OLD)
    assert remove_decision(path, OLD) is False
    assert list(path.parent.iterdir()) == []


def test_what_a_dead_clearing_had_taken_by_mistake_returns(path: Path) -> None:
    write_decision(path.with_name(".retraining_decision.json.clearing"), NEW)
    assert remove_decision(path, OLD) is False
    assert read_decision(path) == NEW


def test_what_a_dead_clearing_had_taken_is_kept_beside_a_newer_file(path: Path) -> None:
    write_decision(path.with_name(".retraining_decision.json.clearing"), NEW)
    newest = NEW.model_copy(update={"reason": "newest"})
    write_decision(path, newest)
    assert remove_decision(path, OLD) is False
    assert read_decision(path) == newest
    (kept,) = path.parent.glob("*.superseded-*")
    assert read_decision(kept) == NEW


def test_a_file_that_became_readable_before_it_was_set_aside_stays_in_place(path: Path) -> None:
    write_decision(path, OLD)
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
