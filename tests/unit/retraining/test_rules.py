from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from p2pcredit.contracts.decision import Decision
from p2pcredit.errors import DecisionError
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.retraining.rules import Plan, Retry, plan_retraining, retry_of_first_model
from p2pcredit.retraining.state import DecisionStatus, HandoffState, Origin, fold, is_newer
from p2pcredit.settings import HandoffSettings

SATURDAY = date(2024, 1, 13)
MONDAY = date(2024, 1, 15)


def made(day: date = SATURDAY, *, retrain: bool = True, **more: Any) -> Decision:
    return Decision(decision_date=day, performance_score=0.58, retrain=retrain, reason="0.58 below 0.62", **more)


def state(*steps: tuple[EventKind, dict[str, Any]]) -> HandoffState:
    at = "2024-01-16T02:00:00+00:00"
    return fold(LedgerEvent(n, kind, at, f"run-{n}", facts) for n, (kind, facts) in enumerate(steps, 1))


def decided(
    decision: Decision, name: str = "d1", origin: Origin = Origin.MONITORING
) -> tuple[EventKind, dict[str, Any]]:
    return EventKind.DECIDED, {"decision_id": name, "origin": str(origin), "decision": decision.as_json()}


def claimed(name: str | None = "d1") -> tuple[EventKind, dict[str, Any]]:
    return EventKind.CLAIMED, {"decision_id": name, "snapshot_date": "2024-01-15"}


def trained(
    name: str | None = "d1", *, promoted: bool = True, model: str = "m1", day: date = MONDAY
) -> tuple[EventKind, dict[str, Any]]:
    week = date.fromordinal(day.toordinal() - day.weekday()).isoformat()
    facts = {
        "decision_id": name,
        "snapshot_date": day.isoformat(),
        "week": week,
        "model_id": model,
        "promoted": promoted,
    }
    return EventKind.TRAINED, facts


def plan(known: HandoffState, day: date = MONDAY, *, logs: set[date] | None = None, first: bool = False) -> Plan:
    return plan_retraining(
        known, day, settings=HandoffSettings(), weeks_with_log=logs or set(), first_model_possible=first
    )


def test_a_valid_yes_is_a_plan_with_its_decision_and_its_words() -> None:
    assert plan(state(decided(made()))) == Plan(True, "decision d1 of 2024-01-13: 0.58 below 0.62", "d1")


@pytest.mark.parametrize(
    ("origin", "first"),
    [
        (Origin.HAND, date(2024, 1, 12)),
        (Origin.OVERRIDE, date(2024, 1, 12)),
        (Origin.MONITORING, date(2024, 1, 14)),
    ],
)
def test_a_persons_decision_holds_from_the_day_before_its_date_and_monitorings_from_the_day_after_it(
    origin: Origin, first: date
) -> None:
    known = state(decided(made(), origin=origin))
    days = [date(2024, 1, 10) + timedelta(days=n) for n in range(25)]
    obeyed = [day for day in days if plan(known, day).retrain]
    assert (obeyed[0], obeyed[-1]) == (first, date(2024, 1, 27))
    assert len(obeyed) == (obeyed[-1] - obeyed[0]).days + 1


def test_a_person_who_trains_as_of_the_week_that_monitoring_decided_on_has_its_decision_obeyed() -> None:
    known = state(decided(made()))
    late = plan(known, SATURDAY)
    assert (late.retrain, late.reason) == (
        False,
        "obeyed by the next training run for a snapshot date from 2024-01-14 to 2024-01-27",
    )
    asked = plan_retraining(
        known,
        SATURDAY,
        settings=HandoffSettings(),
        weeks_with_log=set(),
        first_model_possible=False,
        by_person=True,
    )
    assert (asked.retrain, asked.decision_id) == (True, "d1")


def test_a_claimed_decision_may_be_taken_up_by_the_next_run_and_one_acted_on_may_not() -> None:
    assert plan(state(decided(made()), claimed())).decision_id == "d1"
    done = plan(state(decided(made()), claimed(), trained()), date(2024, 1, 22))
    assert (done.retrain, done.reason) == (False, "no new decision: d1 was acted on by run-3")


def test_the_limit_counts_the_week_of_the_snapshot_date() -> None:
    known = state(trained(None, day=date(2024, 1, 21)), decided(made(date(2024, 1, 20))))
    assert "week of 2024-01-15; at most one a week; decision d1 waits" in plan(known, date(2024, 1, 21)).reason
    assert "week of 2024-01-15; it waits until 2024-01-22" in plan(known, date(2024, 1, 19)).reason
    assert plan(known, date(2024, 1, 22)).retrain is True
    assert plan(known, date(2024, 1, 22), logs={date(2024, 1, 22)}).retrain is False


def test_an_override_passes_the_limit_and_an_expired_one_does_not_hold() -> None:
    override = decided(made(), origin=Origin.OVERRIDE)
    limited = plan(state(trained(None), override))
    assert (limited.retrain, limited.overrides_limit) == (True, True)
    assert plan(state(override)).overrides_limit is False
    assert plan(state(override), date(2024, 2, 1)).retrain is False


def test_the_first_model_is_due_whatever_a_no_says_but_once_a_week() -> None:
    no = decided(made(retrain=False))
    assert plan(state(no), first=True) == Plan(True, "no champion yet and enough loans have matured for a first model")
    assert plan(state(no)).reason == "decision d1 says no retraining: 0.58 below 0.62"
    assert plan(state(), logs={MONDAY}, first=True).retrain is False


def test_a_released_claim_makes_the_decision_wait_again() -> None:
    released = (EventKind.RELEASED, {"decision_id": "d1", "reason": "x"})
    known = state(decided(made()), claimed(), released)
    assert known.claim is None
    assert known.decisions["d1"].fate is DecisionStatus.PENDING


def test_a_claimed_decision_that_was_overtaken_and_released_does_not_come_back() -> None:
    released = (EventKind.RELEASED, {"decision_id": "d1", "reason": "x"})
    known = state(decided(made()), claimed(), decided(made(date(2024, 1, 20)), "d2"), released)
    assert known.decisions["d1"].fate is DecisionStatus.SUPERSEDED
    assert known.current_id == "d2"


def test_a_decision_acted_on_while_a_newer_one_came_leaves_the_newer_waiting() -> None:
    known = state(decided(made()), claimed(), decided(made(date(2024, 1, 20)), "d2"), trained())
    assert [record.fate for record in known.decisions.values()] == [DecisionStatus.ACTED_ON, DecisionStatus.PENDING]
    assert known.decisions["d1"].acted_on_by == "run-4"
    assert known.decisions["d1"].model_id == "m1"


@pytest.mark.parametrize(
    ("origin", "day", "fate", "newer"),
    [
        (Origin.MONITORING, date(2024, 1, 12), DecisionStatus.PENDING, False),
        (Origin.MONITORING, SATURDAY, DecisionStatus.PENDING, True),
        (Origin.MONITORING, SATURDAY, DecisionStatus.ACTED_ON, False),
        (Origin.MONITORING, SATURDAY, DecisionStatus.CLAIMED, False),
        (Origin.MONITORING, date(2024, 1, 20), DecisionStatus.ACTED_ON, True),
        (Origin.HAND, date(2024, 1, 1), DecisionStatus.ACTED_ON, True),
        (Origin.OVERRIDE, date(2024, 1, 1), DecisionStatus.CLAIMED, True),
    ],
)
def test_a_person_always_takes_the_place_and_monitoring_only_with_newer_data(
    origin: Origin, day: date, fate: DecisionStatus, newer: bool
) -> None:
    current = replace(state(decided(made())).decisions["d1"], fate=fate)
    assert is_newer(made(day), origin, current) is newer
    assert is_newer(made(day), origin, None) is True


def test_the_champion_of_a_day_is_the_last_that_reigned_by_then() -> None:
    known = state(
        trained(None, model="m1", day=date(2024, 1, 1)),
        trained(None, model="m2", day=MONDAY, promoted=False),
        (EventKind.PROMOTED, {"model_id": "m3", "effective_on": "2024-01-20"}),
        (EventKind.ROLLED_BACK, {"model_id": "m1", "effective_on": "2024-01-20"}),
    )
    days = [date(2023, 12, 31), date(2024, 1, 1), date(2024, 1, 19), date(2024, 1, 20)]
    assert [known.champion_on(day) for day in days] == [None, "m1", "m1", "m1"]
    assert (known.champion, known.champion_before()) == ("m1", None), "no champion before m1"
    assert known.weeks_retrained() == {date(2024, 1, 1), MONDAY}


def test_a_file_is_known_by_its_id_and_else_by_its_words_until_it_is_cleared() -> None:
    machine = made(decision_id="d1")
    steps = [decided(machine)]
    record = state(*steps).known_content(made())
    assert record is not None
    assert record.decision_id == "d1"
    assert state(*steps).known_content(made(retrain=False, decision_id="d1")) is None
    cleared = state(*steps, claimed(), trained(), (EventKind.CLEARED, {"decision_id": "d1"}))
    assert cleared.known_content(machine) is not None
    assert cleared.known_content(made()) is None


def test_a_run_finds_its_own_training_of_a_day_and_no_other() -> None:
    known = state(trained())
    assert known.training_of("run-1", MONDAY) is not None
    assert known.training_of("run-2", MONDAY) is None
    assert known.training_of("run-1", SATURDAY) is None


def test_a_line_is_read_back_as_it_was_written() -> None:
    event = LedgerEvent(3, EventKind.SCORED, "2024-01-16T02:00:00+00:00", "a", {"model_id": "m", "days": {}})
    assert LedgerEvent.from_json(event.as_json()) == event
    broken: Any
    for broken in (None, [], 3, {}, {**event.as_json(), "event": "x"}, {**event.as_json(), "number": None}):
        with pytest.raises(DecisionError, match="not a ledger line"):
            LedgerEvent.from_json(broken)


def test_a_damaged_line_is_named_by_number_and_kind() -> None:
    with pytest.raises(DecisionError, match=r"line 2 \(trained\) is damaged"):
        state(decided(made()), (EventKind.TRAINED, {"promoted": True})).weeks_retrained()


def attempt(bads: int | None, day: date = MONDAY, **more: Any) -> tuple[EventKind, dict[str, Any]]:
    kind, facts = trained(None, promoted=False, model=f"m{bads}", day=day)
    return kind, {**facts, **({} if bads is None else {"matured_bads": bads}), **more}


def test_a_first_model_is_tried_at_50_75_113_and_170_bads() -> None:
    tries, known = [50], state(attempt(50))
    for _ in range(3):
        retry = retry_of_first_model(known, MONDAY, 0.5)
        assert retry is not None
        tries.append(retry.needed)
        known = state(*(attempt(bads) for bads in tries))
    assert tries == [50, 75, 113, 170]


def test_the_last_attempt_is_named_with_what_the_next_waits_for() -> None:
    retry = retry_of_first_model(state(attempt(52), attempt(60, date(2024, 2, 5))), MONDAY, 0.5)
    assert retry == Retry("m52", MONDAY, 52, 78)
    assert retry.in_words(61) == (
        "no champion yet; the first model m52 of 2024-01-15, with 52 matured bads, does not serve; the next is tried "
        "at 78, 61 are known"
    )
    later = retry_of_first_model(state(attempt(52), attempt(60, date(2024, 2, 5))), date(2024, 3, 1), 0.5)
    assert later is not None
    assert (later.model_id, later.needed) == ("m60", 90)


def test_without_an_attempt_its_count_or_a_share_nothing_is_waited_for() -> None:
    assert retry_of_first_model(state(), MONDAY, 0.5) is None
    assert retry_of_first_model(state(attempt(None)), MONDAY, 0.5) is None
    assert retry_of_first_model(state(attempt(50)), MONDAY, 0.0) is None


def test_a_plan_says_what_a_first_model_waits_for() -> None:
    found = plan_retraining(
        state(attempt(52)),
        date(2024, 2, 1),
        settings=HandoffSettings(),
        weeks_with_log=set(),
        first_model_possible=False,
        first_model_waits="the next is tried at 78",
    )
    assert found == Plan(False, "the next is tried at 78")
