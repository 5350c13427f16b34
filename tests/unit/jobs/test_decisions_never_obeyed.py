"""A decision that no run will obey says so: in status, show and doctor, and in one warning when it is taken up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from tests.unit.jobs.handoff_nights import MONDAY, NEXT_MONDAY, SATURDAY, SUNDAY, TUESDAY, Run, a_night, write_by_hand

from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.decisions import decide, override_decision, reconcile, show_decision
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.monitoring.alerts import send_alerts
from p2pcredit.jobs.pipelines import INFERENCE
from p2pcredit.jobs.replay import replay
from p2pcredit.jobs.training.retrain import check_retraining
from p2pcredit.periods import DateRange
from p2pcredit.retraining.state import Origin
from p2pcredit.storage.state.decision_file import read_decision
from p2pcredit.storage.tables.day_receipts import mark_complete

NEVER = {
    "expired": ({"decision_date": "2024-01-01", "expires_on": "2024-01-10"}, "expired on 2024-01-10"),
    "of last year": ({"decision_date": "2023-01-14"}, "slip of the pen"),
    "it ends before it begins": ({"expires_on": "2024-01-02"}, "lies before its decision_date"),
    "dated in the future": ({"decision_date": "2099-01-01"}, "dated 2099-01-01"),
}


def warnings(ctx: JobContext) -> list[str]:
    if not ctx.layout.activity.exists():
        return []
    entries = []
    for line in ctx.layout.activity.read_text().splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return [entry["message"] for entry in entries if entry["job"] == "warning"]


def decision_check(ctx: JobContext) -> dict[str, str]:
    return dict(examine(ctx)["checks"]["decision_file"])


@pytest.mark.parametrize("name", NEVER)
@pytest.mark.parametrize("taken_up", [False, True])
def test_status_show_and_doctor_say_why_it_is_not_obeyed(run_on: Run, trainer: Any, name: str, taken_up: bool) -> None:
    changes, why = NEVER[name]
    ctx = run_on(MONDAY)
    write_by_hand(ctx, **changes)
    if taken_up:
        reconcile(ctx)
    assert why in status(ctx)["pending_decision"]["note"]
    shown = show_decision(ctx)
    assert why in shown["note"]
    assert (shown["obeyed_until"] is None) is (name != "dated in the future")
    checked = decision_check(ctx)
    assert (checked["status"], why in checked["finding"]) == ("fail", True)
    assert "decision override" in checked["finding"]  # what to do


@pytest.mark.parametrize("name", NEVER)
def test_it_is_warned_of_once_however_many_runs_take_a_look(run_on: Run, trainer: Any, name: str) -> None:
    changes, why = NEVER[name]
    write_by_hand(run_on(MONDAY), **changes)
    for day in (MONDAY, MONDAY, TUESDAY):
        a_night(run_on(day), day)
    ctx = run_on(TUESDAY)
    (told,) = warnings(ctx)
    assert why in told
    assert "decision override" in told
    assert trainer.calls == []
    (alert,) = [line for line in send_alerts(ctx, SATURDAY)["alerts"] if "obeyed" in line]
    assert why in alert


@pytest.mark.parametrize("name", NEVER)
def test_the_night_names_the_reason(run_on: Run, name: str) -> None:
    changes, why = NEVER[name]
    write_by_hand(run_on(MONDAY), **changes)
    assert why in check_retraining(run_on(MONDAY), MONDAY)["reason"]


@pytest.mark.parametrize("changes", [{"decision_date": "2099-01-01"}, {"recalibrate": True}], ids=["never", "unknown"])
def test_whatever_step_of_the_taking_up_is_killed_it_is_warned_of_exactly_once(
    run_on: Run, disk: Any, changes: dict[str, Any]
) -> None:
    killed, step = True, 0
    while killed:
        step += 1
        ctx = run_on(MONDAY, home=run_on(MONDAY).layout.home / str(step))
        write_by_hand(ctx, **changes)
        with disk.killing_at(step) as died:
            reconcile(run_on(MONDAY, home=ctx.layout.home))
        killed = died[0]
        for _ in range(2):
            reconcile(run_on(MONDAY, home=ctx.layout.home))
        assert len(warnings(ctx)) == 1, step
    assert step > 10


def test_a_warning_torn_by_a_full_disk_is_said_again(run_on: Run) -> None:
    ctx = run_on(MONDAY)
    write_by_hand(ctx, decision_date="2099-01-01")
    reconcile(ctx)
    ctx.layout.activity.write_bytes(ctx.layout.activity.read_bytes()[:-40])
    assert warnings(ctx) == []
    reconcile(ctx)
    reconcile(ctx)
    assert len(warnings(ctx)) == 1


def test_two_decisions_are_two_warnings(run_on: Run) -> None:
    ctx = run_on(MONDAY)
    for year in ("2098", "2099"):
        write_by_hand(ctx, decision_date=f"{year}-01-01")
        reconcile(ctx)
    assert ["dated 2098" in told for told in warnings(ctx)] == [True, False]


@pytest.mark.parametrize(
    "changes", [{}, {"decision_date": "2024-01-16"}, {"retrain": False, "decision_date": "2010-01-01"}]
)
def test_a_file_that_is_obeyed_or_asks_for_nothing_warns_of_nothing(run_on: Run, changes: dict[str, Any]) -> None:
    ctx = run_on(MONDAY)
    write_by_hand(ctx, **changes)
    reconcile(ctx)
    assert warnings(ctx) == []
    assert decision_check(ctx)["status"] == "pass"


def test_an_unknown_field_is_said_before_the_file_is_taken_up_then_and_after(run_on: Run, trainer: Any) -> None:
    ctx, words = run_on(MONDAY), "the field 'recalibrate' is unknown and says nothing to any run; known are"
    write_by_hand(ctx, recalibrate=True)
    for taken_up in (False, True):
        assert words in show_decision(ctx)["note"], taken_up
        assert words in status(ctx)["pending_decision"]["note"], taken_up
        reconcile(ctx)
        reconcile(ctx)
    assert ["recalibrate" in told for told in warnings(ctx)] == [True]
    (alert,) = [line for line in send_alerts(ctx, SATURDAY)["alerts"] if words in line]
    assert "remedy" in alert
    a_night(ctx, MONDAY)
    assert words in show_decision(run_on(TUESDAY))["note"]
    write_by_hand(run_on(TUESDAY), reason="again")
    assert "unknown" not in show_decision(run_on(TUESDAY))["note"]


def test_a_decision_that_waits_for_a_free_week_says_until_when_and_warns_of_nothing(run_on: Run, trainer: Any) -> None:
    write_by_hand(run_on(MONDAY))
    a_night(run_on(MONDAY), MONDAY)
    ctx = run_on(TUESDAY)
    write_by_hand(ctx, reason="once more")
    assert "waits until 2024-01-22" in check_retraining(ctx, TUESDAY)["reason"]
    shown = show_decision(ctx)
    assert (shown["obeyed_from"], shown["obeyed_until"]) == ("2024-01-22", "2024-01-28")
    assert decision_check(ctx)["status"] == "pass"
    assert warnings(ctx) == []
    assert a_night(run_on(NEXT_MONDAY), NEXT_MONDAY)["outcome"] == "champion"


def test_one_that_expires_before_the_next_free_week_is_never_obeyed_and_warned_of(run_on: Run, trainer: Any) -> None:
    write_by_hand(run_on(MONDAY))
    a_night(run_on(MONDAY), MONDAY)
    ctx = run_on(TUESDAY)
    write_by_hand(ctx, reason="once more", expires_on="2024-01-20")
    check_retraining(ctx, TUESDAY)
    assert decision_check(ctx)["status"] == "fail"
    assert "expires on 2024-01-20 before" in warnings(ctx)[0]


def test_a_decision_that_runs_out_unobeyed_is_warned_of_on_the_day_after_its_last(run_on: Run, decision: Any) -> None:
    decide(run_on(SUNDAY), decision(SATURDAY, expires_on=date(2024, 1, 27)), Origin.MONITORING)
    last, after = date(2024, 1, 27), date(2024, 1, 28)
    assert check_retraining(run_on(last), last)["retrain"] is True
    assert warnings(run_on(last)) == []
    for _ in range(2):
        assert check_retraining(run_on(after), after)["retrain"] is False
    (told,) = warnings(run_on(after))
    assert "expired on 2024-01-27" in told


def test_it_is_said_which_waiting_decision_it_took_the_place_of(run_on: Run, decision: Any) -> None:
    ctx = run_on(MONDAY)
    made = decision(SATURDAY)
    decide(ctx, made, Origin.MONITORING)
    write_by_hand(ctx, decision_date="2023-01-14")
    reconcile(ctx)
    assert f"it took the place of {made.decision_id}, which waited" in warnings(ctx)[0]


def test_an_override_dated_in_another_year_is_warned_of_at_once(run_on: Run) -> None:
    ctx = run_on(MONDAY)
    made = override_decision(ctx, date(2023, 1, 14), retrain=True, why="audit")
    assert made["decision_id"] in warnings(ctx)[0]


def test_a_date_of_the_next_days_may_be_meant_and_is_no_failure_of_the_home(run_on: Run) -> None:
    ctx = run_on(MONDAY)
    write_by_hand(ctx, decision_date="2024-01-22")
    checked = decision_check(ctx)
    assert (checked["status"], "2024-01-22" in checked["finding"]) == ("undetermined", True)


def test_a_home_whose_days_lie_in_the_past_obeys_what_its_next_day_obeys(run_on: Run, decision: Any) -> None:
    """History is replayed years later: by the clock all has expired, by the days of the home it has not."""
    ctx = run_on(MONDAY)
    mark_complete(ctx.layout, {MONDAY: {}})
    decide(ctx, decision(SATURDAY), Origin.MONITORING)
    later = ctx.moved_to(datetime(2026, 11, 1, 9, tzinfo=UTC))
    checked = decision_check(later)
    assert checked["status"] == "undetermined"
    assert "only a run for a snapshot date from 2024-01-16 to 2024-01-27 obeys it" in checked["finding"]
    reconcile(later)
    assert warnings(ctx) == []
    mark_complete(ctx.layout, {date(2024, 2, 1): {}})
    assert decision_check(later)["status"] == "fail"
    reconcile(later)
    assert len(warnings(ctx)) == 1


def test_a_run_for_an_older_day_calls_no_present_decision_dated_ahead(run_on: Run, decision: Any) -> None:
    ctx = run_on(NEXT_MONDAY)
    decide(ctx, decision(date(2024, 1, 20)), Origin.MONITORING)
    check_retraining(ctx, date(2024, 1, 9))
    assert warnings(ctx) == []


def test_what_a_replay_warned_of_is_warned_of_again_where_it_counts(run_on: Run) -> None:
    ctx = run_on(MONDAY)
    write_by_hand(ctx, decision_date="2099-01-01")
    reconcile(replace(ctx, caller=Caller.REPLAY))
    assert not [line for line in send_alerts(ctx, SATURDAY)["alerts"] if "obeyed" in line]
    reconcile(ctx)
    reconcile(ctx)
    assert len(warnings(ctx)) == 2
    assert [line for line in send_alerts(ctx, SATURDAY)["alerts"] if "obeyed" in line]


def test_asking_changes_nothing(run_on: Run) -> None:
    ctx = run_on(MONDAY)
    write_by_hand(ctx, decision_date="2099-01-01")
    before = read_decision(ctx.layout.decision_file)
    status(ctx), show_decision(ctx), examine(ctx)
    assert read_decision(ctx.layout.decision_file) == before
    assert not ctx.layout.activity.exists()
    assert not ctx.layout.ledger.exists()


def test_a_failed_training_of_a_replay_alerts_into_a_file_of_the_home_and_no_channel(
    run_on: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from p2pcredit.errors import TrainingError

    def fails(ctx: JobContext, day: date) -> None:
        raise TrainingError("no booster")

    monkeypatch.setattr("p2pcredit.jobs.training.retrain.check_retraining", lambda *_: {"retrain": True})
    monkeypatch.setattr("p2pcredit.jobs.training.retrain.train_if_due", fails)
    monkeypatch.setattr("p2pcredit.jobs.replay.preprocess_and_judge", lambda *_: ({"features": 1}, []))
    monkeypatch.setattr("p2pcredit.jobs.scoring.day_check.is_complete", lambda *_: True)
    monkeypatch.setattr("p2pcredit.jobs.replay.spans_together", lambda _, days: [days])
    ctx = run_on(TUESDAY)
    ctx.layout.home.mkdir(exist_ok=True)
    monkeypatch.setattr("p2pcredit.jobs.monitoring.alerts._notify", lambda *_: pytest.fail("told a channel"))
    with pytest.raises(TrainingError, match="no booster"):
        replay(ctx, DateRange(MONDAY, MONDAY))
    assert len(warnings(ctx)) == 1
    (kept,) = map(json.loads, ctx.layout.replay_alerts.read_text().splitlines())
    assert kept["title"] == "P2PCreditScore: a job failed"
    assert kept["body"] == f"{INFERENCE.dag_id}.train_model_task of {MONDAY} failed: no booster"
    assert send_alerts(ctx, SATURDAY)["alerts"] == []
