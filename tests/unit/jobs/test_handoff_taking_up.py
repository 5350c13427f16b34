"""Which decision a night takes up, and how often: written by monitoring, by hand, by override."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from tests.not_none import not_none
from tests.unit.jobs.handoff_nights import (
    LATER_MONDAY,
    MONDAY,
    NEXT_MONDAY,
    SATURDAY,
    SUNDAY,
    TUESDAY,
    Run,
    a_night,
    kinds,
    trained_decisions,
    write_by_hand,
)

from p2pcredit.errors import StorageError, UsageError
from p2pcredit.jobs.decisions import decide, override_decision, reconcile, show_decision
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.training.retrain import check_retraining, log_retraining, train_if_due, train_now, weeks_with_log
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import Origin
from p2pcredit.storage.state.decision_file import read_decision


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


def test_a_decision_that_a_run_that_died_had_moved_aside_is_put_back_and_taken_up(run_on: Run) -> None:
    ctx = run_on(MONDAY)
    write_by_hand(ctx)
    place = ctx.layout.decision_file
    place.rename(place.with_name(f".{place.name}.clearing"))  # where a file lies while it is looked at
    current = reconcile(ctx, MONDAY).current
    assert current is not None
    assert (current.origin, current.decision.reason) == (Origin.HAND, "by hand")
    assert place.is_file()
    assert not place.with_name(f".{place.name}.clearing").exists()


def test_two_runs_act_on_one_decision_once(run_on: Run, trainer: Any, decision: Any) -> None:
    decide(run_on(MONDAY), decision(SATURDAY), Origin.MONITORING)
    assert train_if_due(run_on(MONDAY, "one"), MONDAY)["outcome"] == "champion"
    second = train_if_due(run_on(MONDAY, "two"), MONDAY)
    assert second["outcome"] == "none"
    assert train_if_due(run_on(NEXT_MONDAY, "three"), NEXT_MONDAY)["reason"].endswith("was acted on by one")
    assert len(trainer.calls) == 1


def test_a_run_that_is_late_or_done_again_leaves_the_decision_that_monitoring_made_of_its_day_to_the_next_day(
    run_on: Run, trainer: Any, decision: Any
) -> None:
    made = decision(SATURDAY)
    decide(run_on(SATURDAY, "monitoring"), made, Origin.MONITORING)
    for day in (SATURDAY - timedelta(days=1), SATURDAY):
        late = run_on(day, f"late {day}")
        assert a_night(late, day) == {"outcome": "skipped"}
        assert train_if_due(late, day)["reason"].startswith(
            "obeyed by the next training run for a snapshot date from 2024-01-14 to "
        )
        assert show_decision(late)["obeyed_from"] == "2024-01-14"
    assert trainer.calls == []
    assert a_night(run_on(SUNDAY), SUNDAY)["outcome"] == "champion"
    (period,) = run_on(SUNDAY).ledger.state().champion_periods
    assert (period.effective_on, trained_decisions(run_on(SUNDAY))) == (SUNDAY, [made.decision_id])


def test_a_person_may_train_at_once_on_what_monitoring_decided_of_that_day(
    run_on: Run, trainer: Any, decision: Any
) -> None:
    made = decision(SATURDAY)
    decide(run_on(SATURDAY, "monitoring"), made, Origin.MONITORING)
    assert train_now(run_on(SATURDAY), SATURDAY, None)["outcome"] == "champion"
    assert trained_decisions(run_on(SUNDAY)) == [made.decision_id]
    assert a_night(run_on(SUNDAY), SUNDAY) == {"outcome": "skipped"}


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
    monkeypatch.setattr("p2pcredit.jobs.training.maturity.enough_matured", lambda ctx, day: True)
    trainer.promoted = False
    assert a_night(run_on(MONDAY), MONDAY)["outcome"] == "refused"
    assert run_on(MONDAY).ledger.state().champion is None
    assert a_night(run_on(TUESDAY), TUESDAY) == {"outcome": "skipped"}
    trainer.promoted = True
    assert a_night(run_on(NEXT_MONDAY), NEXT_MONDAY)["outcome"] == "champion"
    assert a_night(run_on(LATER_MONDAY), LATER_MONDAY) == {"outcome": "skipped"}


def test_after_a_refused_first_model_the_next_waits_for_half_more_bads_and_log_and_status_say_so(
    run_on: Run, trainer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [52]
    monkeypatch.setattr("p2pcredit.jobs.training.maturity.enough_matured", lambda ctx, day: True)
    monkeypatch.setattr("p2pcredit.jobs.training.maturity.matured_counts", lambda ctx, day: (900, known[0]))
    trainer.promoted, trainer.matured_bads = False, 52
    assert a_night(run_on(MONDAY), MONDAY)["outcome"] == "refused"
    known[0] = 77
    waits = "with 52 matured bads, does not serve; the next is tried at 78, 77 are known"
    assert check_retraining(run_on(NEXT_MONDAY), NEXT_MONDAY)["reason"].endswith(waits)
    assert waits in run_on(NEXT_MONDAY).layout.activity.read_text()
    assert a_night(run_on(NEXT_MONDAY), NEXT_MONDAY) == {"outcome": "skipped"}
    monkeypatch.setattr("p2pcredit.jobs.home.status.last_complete", lambda _: NEXT_MONDAY)
    assert status(run_on(NEXT_MONDAY))["first_model"].endswith(waits)
    known[0], trainer.promoted = 78, True
    assert a_night(run_on(LATER_MONDAY), LATER_MONDAY)["outcome"] == "champion"
    assert status(run_on(LATER_MONDAY))["first_model"] is None


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


def test_a_training_by_hand_that_died_before_its_log_is_finished_by_its_retry(
    run_on: Run, trainer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ctx = run_on(MONDAY, "cli")
    first = train_now(ctx, MONDAY, "auditor asks")
    ctx.layout.retraining_log(MONDAY).unlink()
    assert train_now(run_on(MONDAY, "cli"), MONDAY, "auditor asks") == first
    assert f"a training as of {MONDAY} was done already" in caplog.text
    assert "nothing is trained" in caplog.text
    assert len(ctx.ledger.state().trainings) == 1
    assert "m1" in ctx.layout.retraining_log(MONDAY).read_text()


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
    assert weeks_with_log(ctx, MONDAY) == set()


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
    assert not_none(ctx.ledger.state().current).origin is Origin.MONITORING
    ctx.layout.decision_file.write_bytes(written)
    current = not_none(reconcile(ctx).current)
    assert (current.origin, current.decision.retrain) == (Origin.HAND, False)


def test_a_mistyped_year_does_not_hold_up_monitoring(run_on: Run, decision: Any) -> None:
    ctx = run_on(MONDAY)
    write_by_hand(ctx, decision_date="2042-01-01")
    reconcile(ctx)
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    assert not_none(ctx.ledger.state().current).origin is Origin.MONITORING


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
