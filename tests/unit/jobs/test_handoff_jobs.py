from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from p2pcredit.errors import ConflictError, StorageError, TooLittleDataError, TrainingError, UsageError
from p2pcredit.handoff.events import EventKind
from p2pcredit.handoff.state import Fate, Origin
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import clear_decision, decide, override_decision, reconcile, show_decision
from p2pcredit.jobs.retraining import check_retraining, log_retraining, train_if_due, train_now, weeks_with_log
from p2pcredit.storage.decision_file import Unreadable, read_decision

SATURDAY = date(2024, 1, 13)
SUNDAY = date(2024, 1, 14)
MONDAY = date(2024, 1, 15)
TUESDAY = date(2024, 1, 16)
NEXT_MONDAY = date(2024, 1, 22)
LATER_MONDAY = date(2024, 1, 29)
FOUR_FIELDS = {"decision_date": "2024-01-14", "performance_score": 0.58, "retrain": True, "reason": "by hand"}
Run = Callable[..., JobContext]


def write_by_hand(ctx: JobContext, **changes: Any) -> None:
    ctx.layout.logs.mkdir(parents=True, exist_ok=True)
    ctx.layout.decision_file.write_text(json.dumps({**FOUR_FIELDS, **changes}))


def trained_decisions(ctx: JobContext) -> list[str | None]:
    return [event.facts["decision_id"] for event in ctx.ledger.events() if event.kind is EventKind.TRAINED]


def kinds(ctx: JobContext) -> list[str]:
    return [str(event.kind) for event in ctx.ledger.events()]


def a_night(ctx: JobContext, day: date) -> dict[str, Any]:
    """What the training DAG does in one night."""
    if not check_retraining(ctx, day)["retrain"]:
        return {"outcome": "skipped"}
    done = train_if_due(ctx, day)
    clear_decision(ctx, day)
    log_retraining(ctx, day)
    return done


def test_without_any_decision_nothing_is_trained_and_nothing_is_written(run_on: Run, trainer: Any) -> None:
    ctx = run_on(MONDAY)
    assert check_retraining(ctx, MONDAY) == {"retrain": False, "reason": "no decision", "decision_id": None}
    assert train_if_due(ctx, MONDAY)["outcome"] == "none"
    assert trainer.calls == []
    assert not ctx.layout.decision_file.exists()
    assert ctx.ledger.events() == ()


def test_a_decision_to_retrain_is_acted_on_cleared_and_logged(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY)
    made = decision(SATURDAY)
    assert decide(ctx, made, Origin.MONITORING)
    done = a_night(ctx, MONDAY)
    assert done == {"outcome": "champion", "model_id": "m1", "metrics": {"auc": 0.7}, "reason": "for the test"}
    assert not ctx.layout.decision_file.exists()
    log = ctx.layout.logs / "retraining_log_2024_01_15.txt"
    assert made.decision_id in log.read_text()
    assert "model=m1" in log.read_text()
    assert kinds(ctx) == ["decided", "claimed", "trained", "cleared"]
    assert ctx.ledger.state().champion == "m1"


def test_a_retry_of_the_same_run_answers_with_the_training_it_did(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    first = train_if_due(ctx, MONDAY)
    assert train_if_due(run_on(MONDAY), MONDAY) == first
    assert len(trainer.calls) == 1


def test_two_runs_act_on_one_decision_once(run_on: Run, trainer: Any, decision: Any) -> None:
    decide(run_on(MONDAY), decision(SATURDAY), Origin.MONITORING)
    assert train_if_due(run_on(MONDAY, "one"), MONDAY)["outcome"] == "champion"
    second = train_if_due(run_on(MONDAY, "two"), MONDAY)
    assert second["outcome"] == "none"
    assert train_if_due(run_on(NEXT_MONDAY, "three"), NEXT_MONDAY)["reason"].endswith("was acted on by one")
    assert len(trainer.calls) == 1


def test_a_run_that_comes_while_another_trains_is_told_to_try_again(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    with ctx.ledger.training(), pytest.raises(ConflictError, match="another training is running"):
        train_if_due(run_on(MONDAY, "other"), MONDAY)
    assert ConflictError.retryable
    assert trainer.calls == []
    assert train_if_due(run_on(MONDAY, "other"), MONDAY)["outcome"] == "champion"


@pytest.mark.parametrize("error", [TrainingError("no luck"), MemoryError(), KeyboardInterrupt()])
def test_a_failed_training_releases_the_decision_for_the_next_run(
    run_on: Run, trainer: Any, decision: Any, error: BaseException
) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    trainer.error = error
    with pytest.raises(type(error)):
        train_if_due(ctx, MONDAY)
    assert kinds(ctx) == ["decided", "claimed", "released"]
    assert clear_decision(ctx, MONDAY)["cleared"] == []
    assert log_retraining(ctx, MONDAY)["logged"] is False
    assert ctx.layout.decision_file.exists()
    trainer.error = None
    assert train_if_due(run_on(TUESDAY), TUESDAY)["outcome"] == "champion"


def test_a_training_refused_for_too_little_data_is_no_failure_and_keeps_the_decision(
    run_on: Run, trainer: Any, decision: Any
) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    trainer.error = TooLittleDataError("3 bads, 50 needed")
    assert a_night(ctx, MONDAY) == {
        "outcome": "refused",
        "model_id": None,
        "metrics": {},
        "reason": "3 bads, 50 needed",
    }
    assert ctx.layout.decision_file.exists()
    assert weeks_with_log(ctx) == set()
    current = ctx.ledger.state().current
    assert current is not None
    assert current.fate is Fate.PENDING


def test_a_claim_of_a_dead_run_is_released_by_the_next(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY, "dead")
    made = decision(SATURDAY)
    decide(ctx, made, Origin.MONITORING)
    facts = {"decision_id": made.decision_id, "snapshot_date": "2024-01-15", "reason": "x"}
    ctx.ledger.append(EventKind.CLAIMED, at=ctx.at, run_id="dead", facts=facts)
    heir = run_on(TUESDAY)
    assert train_if_due(heir, TUESDAY)["outcome"] == "champion"
    assert kinds(heir) == ["decided", "claimed", "released", "claimed", "trained"]
    assert "run dead died" in heir.ledger.events()[2].facts["reason"]


def test_a_newer_decision_written_while_training_survives_the_clearing(
    run_on: Run, trainer: Any, decision: Any
) -> None:
    ctx = run_on(MONDAY)
    newer = decision(date(2024, 1, 20), reason="AUC 0.55 below 0.62")
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    trainer.meanwhile = lambda: decide(run_on(MONDAY, "monitoring"), newer, Origin.MONITORING)
    a_night(ctx, MONDAY)
    assert read_decision(ctx.layout.decision_file) == newer
    trainer.meanwhile = lambda: None
    assert a_night(run_on(NEXT_MONDAY), NEXT_MONDAY)["model_id"] == "m2"
    assert trained_decisions(ctx)[1] == newer.decision_id


def test_a_file_written_by_hand_while_training_survives_the_clearing(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    trainer.meanwhile = lambda: write_by_hand(ctx, decision_date="2024-01-21")
    a_night(ctx, MONDAY)
    assert ctx.layout.decision_file.exists()
    trainer.meanwhile = lambda: None
    assert a_night(run_on(NEXT_MONDAY), NEXT_MONDAY)["model_id"] == "m2"


def test_a_file_of_four_fields_written_by_hand_is_obeyed(run_on: Run, trainer: Any) -> None:
    ctx = run_on(MONDAY)
    write_by_hand(ctx)
    assert a_night(ctx, MONDAY)["outcome"] == "champion"
    assert not ctx.layout.decision_file.exists()
    assert ctx.ledger.events()[0].facts["origin"] == "hand"


def test_the_same_words_written_by_hand_again_after_clearing_are_obeyed_again(run_on: Run, trainer: Any) -> None:
    for day in (MONDAY, NEXT_MONDAY):
        ctx = run_on(day)
        write_by_hand(ctx)
        assert a_night(ctx, day)["outcome"] == "champion"
    assert len(set(trained_decisions(ctx))) == 2


def test_a_no_written_by_hand_takes_the_place_of_a_waiting_yes(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    write_by_hand(ctx, retrain=False)
    assert a_night(ctx, MONDAY) == {"outcome": "skipped"}
    assert trainer.calls == []
    assert ctx.layout.decision_file.exists()


def test_an_edited_machine_decision_counts_as_written_by_hand(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY, retrain=False), Origin.MONITORING)
    content = json.loads(ctx.layout.decision_file.read_text())
    ctx.layout.decision_file.write_text(json.dumps({**content, "retrain": True}))
    assert a_night(ctx, MONDAY)["outcome"] == "champion"
    assert not ctx.layout.decision_file.exists()


def test_a_machine_decision_restored_from_a_backup_is_not_obeyed_twice(
    run_on: Run, trainer: Any, decision: Any
) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY, expires_on=date(2024, 3, 1)), Origin.MONITORING)
    backup = ctx.layout.decision_file.read_bytes()
    a_night(ctx, MONDAY)
    ctx.layout.decision_file.write_bytes(backup)
    for day in (TUESDAY, NEXT_MONDAY, LATER_MONDAY):
        assert a_night(run_on(day), day) == {"outcome": "skipped"}
    assert len(trainer.calls) == 1


def test_an_expired_decision_is_not_obeyed_and_one_on_its_last_day_is(run_on: Run, trainer: Any, decision: Any) -> None:
    last = date(2024, 1, 27)
    decide(run_on(MONDAY), decision(SATURDAY, expires_on=last), Origin.MONITORING)
    after = date(2024, 1, 28)
    assert "expired on 2024-01-27" in check_retraining(run_on(after), after)["reason"]
    assert train_if_due(run_on(after), after)["outcome"] == "none"
    assert train_if_due(run_on(last), last)["outcome"] == "champion"


def test_a_decision_without_expiry_holds_for_the_days_of_the_settings(run_on: Run, trainer: Any) -> None:
    write_by_hand(run_on(MONDAY))
    assert check_retraining(run_on(date(2024, 1, 28)), date(2024, 1, 28))["retrain"] is True
    assert check_retraining(run_on(date(2024, 1, 29)), date(2024, 1, 29))["retrain"] is False


def test_a_decision_dated_in_the_future_waits_for_its_day(run_on: Run, trainer: Any) -> None:
    write_by_hand(run_on(MONDAY), decision_date="2024-01-22")
    assert "it waits" in check_retraining(run_on(MONDAY), MONDAY)["reason"]
    assert train_if_due(run_on(MONDAY), MONDAY)["outcome"] == "none"
    assert train_if_due(run_on(NEXT_MONDAY), NEXT_MONDAY)["outcome"] == "champion"


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_dates_at_the_ends_of_the_calendar_stop_nobody(run_on: Run, day: str) -> None:
    write_by_hand(run_on(MONDAY), decision_date=day)
    assert check_retraining(run_on(MONDAY), MONDAY)["retrain"] is False


def test_an_override_holds_where_the_week_had_its_retraining_and_says_so(
    run_on: Run, trainer: Any, decision: Any
) -> None:
    decide(run_on(MONDAY), decision(SATURDAY), Origin.MONITORING)
    a_night(run_on(MONDAY), MONDAY)
    override_decision(run_on(MONDAY, "person"), MONDAY, retrain=True, why="new product")
    ctx = run_on(TUESDAY)
    assert a_night(ctx, TUESDAY)["model_id"] == "m2"
    claims = [event for event in ctx.ledger.events() if event.kind is EventKind.CLAIMED]
    assert [claim.facts["overrides_weekly_limit"] for claim in claims] == [False, True]
    assert "new product" in claims[1].facts["reason"]
    assert ctx.layout.retraining_log(MONDAY).read_text().count("model=") == 2


@pytest.mark.parametrize("why", ["", "  \n"])
def test_an_override_without_a_reason_is_refused(run_on: Run, why: str) -> None:
    ctx = run_on(MONDAY)
    with pytest.raises(UsageError, match="needs a reason"):
        override_decision(ctx, MONDAY, retrain=True, why=why)
    assert ctx.ledger.events() == ()


def test_an_override_not_to_retrain_stops_a_waiting_decision(run_on: Run, trainer: Any, decision: Any) -> None:
    decide(run_on(MONDAY), decision(SATURDAY), Origin.MONITORING)
    override_decision(run_on(MONDAY, "person"), MONDAY, retrain=False, why="audit")
    assert "says no retraining" in check_retraining(run_on(MONDAY), MONDAY)["reason"]


def test_a_decision_of_an_older_week_does_not_overtake_a_newer_one(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(NEXT_MONDAY)
    newer = decision(date(2024, 1, 20), retrain=False, reason="AUC 0.70 above 0.62")
    assert decide(ctx, newer, Origin.MONITORING)
    assert not decide(ctx, decision(SATURDAY), Origin.MONITORING)
    assert read_decision(ctx.layout.decision_file) == newer
    assert check_retraining(ctx, NEXT_MONDAY)["retrain"] is False
    assert len(ctx.ledger.state().decisions) == 2


@pytest.mark.parametrize("reason", ["AUC 0.58 below 0.62", "AUC 0.57 below 0.62"])
def test_monitoring_the_same_week_again_after_it_was_acted_on_does_not_act_twice(
    run_on: Run, trainer: Any, decision: Any, reason: str
) -> None:
    decide(run_on(MONDAY), decision(SATURDAY), Origin.MONITORING)
    a_night(run_on(MONDAY), MONDAY)
    counts = decide(run_on(TUESDAY, "rerun"), decision(SATURDAY, reason=reason), Origin.MONITORING)
    assert counts is (reason == "AUC 0.58 below 0.62")  # the very same decision still counts, as one acted on
    assert a_night(run_on(NEXT_MONDAY), NEXT_MONDAY) == {"outcome": "skipped"}
    assert len(trainer.calls) == 1


def test_the_last_valid_decision_serves_when_no_new_one_comes(run_on: Run, trainer: Any, decision: Any) -> None:
    decide(run_on(MONDAY), decision(SATURDAY), Origin.MONITORING)
    day = date(2024, 1, 25)
    assert train_if_due(run_on(day), day)["outcome"] == "champion"


def test_a_deleted_decision_file_is_written_again_from_the_ledger(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY)
    made = decision(SATURDAY)
    decide(ctx, made, Origin.MONITORING)
    ctx.layout.decision_file.unlink()
    reconcile(ctx)
    assert read_decision(ctx.layout.decision_file) == made


def test_the_first_model_needs_no_decision_and_the_weekly_limit_counts_it(
    run_on: Run, trainer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p2pcredit.jobs.retraining.enough_matured", lambda ctx, day: True)
    trainer.promoted = False
    assert a_night(run_on(MONDAY), MONDAY)["outcome"] == "refused"
    assert run_on(MONDAY).ledger.state().champion is None
    assert a_night(run_on(TUESDAY), TUESDAY) == {"outcome": "skipped"}
    trainer.promoted = True
    assert a_night(run_on(NEXT_MONDAY), NEXT_MONDAY)["outcome"] == "champion"
    assert a_night(run_on(LATER_MONDAY), LATER_MONDAY) == {"outcome": "skipped"}


def test_a_challenger_that_does_not_win_leaves_the_champion(run_on: Run, trainer: Any, decision: Any) -> None:
    decide(run_on(MONDAY), decision(SATURDAY), Origin.MONITORING)
    a_night(run_on(MONDAY), MONDAY)
    trainer.promoted = False
    write_by_hand(run_on(NEXT_MONDAY), decision_date="2024-01-21")
    ctx = run_on(NEXT_MONDAY)
    assert a_night(ctx, NEXT_MONDAY)["outcome"] == "challenger"
    assert ctx.ledger.state().champion == "m1"


def test_training_by_hand_keeps_to_the_weekly_limit_unless_a_reason_is_given(run_on: Run, trainer: Any) -> None:
    assert train_now(run_on(MONDAY, "cli"), MONDAY, None)["outcome"] == "champion"
    refused = train_now(run_on(TUESDAY, "cli"), TUESDAY, None)
    assert (refused["outcome"], refused["as_of"]) == ("refused", "2024-01-16")
    assert "--why" in refused["reason"]
    ctx = run_on(TUESDAY, "cli")
    assert train_now(ctx, TUESDAY, "auditor asks")["model_id"] == "m2"
    assert ctx.ledger.events()[-1].facts["why"] == "auditor asks"


def test_training_by_hand_uses_up_a_waiting_decision(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY, "cli")
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    train_now(ctx, MONDAY, None)
    assert not ctx.layout.decision_file.exists()
    assert a_night(run_on(NEXT_MONDAY), NEXT_MONDAY) == {"outcome": "skipped"}


def test_logging_twice_writes_the_same_file_once(run_on: Run, trainer: Any, decision: Any) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    a_night(ctx, MONDAY)
    path = ctx.layout.retraining_log(MONDAY)
    before = (path.stat().st_ino, path.read_bytes())
    assert log_retraining(ctx, TUESDAY)["logged"] is True
    assert (path.stat().st_ino, path.read_bytes()) == before


def test_a_file_that_only_looks_like_a_log_limits_nothing(run_on: Run) -> None:
    ctx = run_on(MONDAY)
    ctx.layout.logs.mkdir(parents=True)
    for name in ("retraining_log_2024_13_45.txt", "retraining_log_2024_01_15.txt.bak", "retraining_log_.txt"):
        (ctx.layout.logs / name).write_text("x")
    assert weeks_with_log(ctx) == set()


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


def test_asking_for_the_decision_changes_nothing(run_on: Run, decision: Any) -> None:
    ctx = run_on(MONDAY)
    assert "decision_date" not in show_decision(ctx)
    write_by_hand(ctx)
    shown = show_decision(ctx)
    assert (shown["origin"], shown["fate"]) == ("hand", "pending")
    ctx.layout.decision_file.write_text("broken")
    assert show_decision(ctx)["file"].startswith("unreadable: not JSON")
    assert not ctx.layout.ledger.exists()


def test_the_same_words_written_again_after_a_newer_decision_are_a_new_decision(run_on: Run, decision: Any) -> None:
    ctx = run_on(MONDAY)
    write_by_hand(ctx, retrain=False)
    written = ctx.layout.decision_file.read_bytes()
    reconcile(ctx)
    decide(ctx, decision(MONDAY), Origin.MONITORING)
    assert ctx.ledger.state().current.origin is Origin.MONITORING
    ctx.layout.decision_file.write_bytes(written)
    current = reconcile(ctx).current
    assert (current.origin, current.decision.retrain) == (Origin.HAND, False)


def test_a_mistyped_year_does_not_hold_up_monitoring(run_on: Run, decision: Any) -> None:
    ctx = run_on(MONDAY)
    write_by_hand(ctx, decision_date="2042-01-01")
    reconcile(ctx)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    assert ctx.ledger.state().current.origin is Origin.MONITORING


def test_a_full_disk_stops_the_claim_before_anything_is_trained(
    run_on: Run, trainer: Any, decision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = run_on(MONDAY)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        with pytest.raises(StorageError, match="free some space"):
            train_if_due(ctx, MONDAY)
    assert trainer.calls == []
    assert train_if_due(ctx, MONDAY)["outcome"] == "champion"


def play(run_on: Run, decision: Any, run_id: str, day: date) -> None:
    """Monitoring decides and the night obeys: every step may die, every step may be run again."""
    decide(run_on(day, "monitoring"), decision(SATURDAY), Origin.MONITORING)
    a_night(run_on(day, run_id), day)


@pytest.mark.parametrize("again_as", ["night", "another night"])
def test_a_kill_between_any_two_steps_on_disk_is_finished_by_the_next_run(
    run_on: Run, trainer: Any, decision: Any, disk: Any, tmp_path: Path, again_as: str
) -> None:
    made = decision(SATURDAY)
    killed_at = 0
    while True:
        killed_at += 1
        home = tmp_path / f"home-{killed_at}"

        def at_home(day: date, run_id: str | None = None, home: Path = home) -> JobContext:
            return run_on(day, run_id, home=home)

        with disk.killing_at(killed_at) as killed:
            play(at_home, decision, "night", MONDAY)
        shown = read_decision(at_home(MONDAY).layout.decision_file)
        assert not isinstance(shown, Unreadable)
        decide(at_home(MONDAY, "monitoring again"), made, Origin.MONITORING)
        heir = at_home(MONDAY, again_as)
        train_if_due(heir, MONDAY)
        clear_decision(heir, MONDAY)
        log_retraining(heir, MONDAY)
        assert trained_decisions(heir) == [made.decision_id]
        assert kinds(heir).count("decided") == 1
        assert kinds(heir).count("cleared") == 1
        record = heir.ledger.state().decisions[str(made.decision_id)]
        assert (record.fate, record.cleared) == (Fate.ACTED_ON, True)
        assert heir.ledger.state().claim is None
        assert not heir.layout.decision_file.exists()
        assert heir.layout.retraining_log(MONDAY).read_text().count("model=") == 1
        if not killed[0]:
            break
    assert killed_at > 30


def test_a_kill_while_taking_up_a_hand_written_file_does_not_make_it_count_twice(
    run_on: Run, trainer: Any, disk: Any, tmp_path: Path
) -> None:
    killed_at = 0
    while True:
        killed_at += 1
        ctx = run_on(MONDAY, "night", home=tmp_path / f"home-{killed_at}")
        write_by_hand(ctx)
        with disk.killing_at(killed_at) as killed:
            a_night(ctx, MONDAY)
        heir = run_on(MONDAY, "heir", home=ctx.layout.home)
        train_if_due(heir, MONDAY)
        clear_decision(heir, MONDAY)
        log_retraining(heir, MONDAY)
        assert len(trained_decisions(heir)) == 1
        assert not heir.layout.decision_file.exists()
        later = run_on(NEXT_MONDAY, "later", home=ctx.layout.home)
        assert a_night(later, NEXT_MONDAY) == {"outcome": "skipped"}
        if not killed[0]:
            break
    assert killed_at > 20


def test_a_kill_while_setting_aside_loses_no_byte_of_the_unreadable_file(
    run_on: Run, disk: Any, tmp_path: Path, decision: Any
) -> None:
    killed_at = 0
    while True:
        killed_at += 1
        ctx = run_on(MONDAY, home=tmp_path / f"home-{killed_at}")
        decide(ctx, decision(SATURDAY), Origin.MONITORING)
        ctx.layout.decision_file.write_text("broken")
        with disk.killing_at(killed_at) as killed:
            reconcile(ctx)
        reconcile(run_on(MONDAY, home=ctx.layout.home))
        (aside,) = ctx.layout.logs.glob("*.unreadable-*")
        assert aside.read_text() == "broken"
        assert read_decision(ctx.layout.decision_file) == decision(SATURDAY)
        if not killed[0]:
            break
    assert killed_at > 4


def test_a_run_that_dies_after_setting_a_file_aside_has_warned_before(
    run_on: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = run_on(MONDAY)
    ctx.layout.logs.mkdir(parents=True)
    ctx.layout.decision_file.write_text("{")

    def full(*_: object, **__: object) -> None:
        raise StorageError("cannot write x: No space left on device; free some space and run it again")

    monkeypatch.setattr(type(ctx.ledger), "append", full)
    with pytest.raises(StorageError):
        reconcile(ctx)
    assert "it was set aside as retraining_decision.unreadable-001.json" in ctx.layout.activity.read_text()
