"""What the ledger's lines add up to, line by line, and what a plan says, at the points where either turns."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from p2pcredit.contracts.decision import Decision
from p2pcredit.errors import DecisionError
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.retraining.rules import plan_retraining
from p2pcredit.retraining.state import Claim, DecisionRecord, DecisionStatus, HandoffState, Origin, fold, is_newer
from p2pcredit.retraining.summary import pack_state, unpack_state
from p2pcredit.settings import HandoffSettings

AT = "2024-01-16T02:00:00+00:00"
SATURDAY, MONDAY = date(2024, 1, 13), date(2024, 1, 15)


def made(day: date = SATURDAY, *, retrain: bool = True, **more: Any) -> Decision:
    return Decision(decision_date=day, performance_score=0.58, retrain=retrain, reason="low", **more)


def lines(*steps: tuple[EventKind, dict[str, Any]]) -> list[LedgerEvent]:
    return [LedgerEvent(n, kind, AT, f"run-{n}", facts) for n, (kind, facts) in enumerate(steps, 1)]


def decided(name: str, day: date = SATURDAY, origin: Origin = Origin.MONITORING, **more: Any) -> Any:
    return EventKind.DECIDED, {"decision_id": name, "origin": str(origin), "decision": made(day, **more).as_json()}


def claimed(name: str | None, day: str = "2024-01-15") -> Any:
    return EventKind.CLAIMED, {"decision_id": name, "snapshot_date": day}


def released(name: str | None) -> Any:
    return EventKind.RELEASED, {"decision_id": name, "snapshot_date": "2024-01-15", "reason": "failed"}


def trained(name: str | None, *, promoted: bool = True, model: str = "m1", day: str = "2024-01-15") -> Any:
    facts = {"decision_id": name, "snapshot_date": day, "week": "2024-01-15", "model_id": model, "promoted": promoted}
    return EventKind.TRAINED, {**facts, "outcome": "champion", "reason": "better"}


def crowned(model: str, day: str, kind: EventKind = EventKind.PROMOTED) -> Any:
    return kind, {"model_id": model, "effective_on": day, "why": f"{model} from {day}"}


def fates(state: HandoffState) -> dict[str, DecisionStatus]:
    return {name: record.fate for name, record in state.decisions.items()}


def test_a_newer_decision_supersedes_a_pending_one_and_leaves_others_as_they_are() -> None:
    assert fates(fold(lines(decided("a"), decided("b")))) == {
        "a": DecisionStatus.SUPERSEDED,
        "b": DecisionStatus.PENDING,
    }
    later = date(2024, 1, 20)
    known = fold(lines(decided("a"), claimed("a"), decided("b", later)))
    assert (fates(known), known.current_id) == ({"a": DecisionStatus.CLAIMED, "b": DecisionStatus.PENDING}, "b")
    done = fold(lines(decided("a"), claimed("a"), trained("a"), decided("b", later)))
    assert fates(done) == {"a": DecisionStatus.ACTED_ON, "b": DecisionStatus.PENDING}


def test_an_older_decision_is_superseded_at_once() -> None:
    known = fold(lines(decided("b", date(2024, 1, 14)), decided("a")))
    assert (fates(known), known.current_id) == ({"b": DecisionStatus.PENDING, "a": DecisionStatus.SUPERSEDED}, "b")


def test_a_claim_says_who_on_what_and_for_which_day_until_it_ends() -> None:
    known = fold(lines(decided("a"), claimed("a")))
    assert known.claim == Claim("run-2", MONDAY, "a")
    assert fates(known) == {"a": DecisionStatus.CLAIMED}
    assert fold(lines(decided("a"), claimed("a"), released("a"))).claim is None
    assert fold(lines(decided("a"), claimed("a"), trained("a"))).claim is None


def test_a_release_makes_only_what_was_claimed_wait_again() -> None:
    assert fates(fold(lines(decided("a"), claimed("a"), released("a")))) == {"a": DecisionStatus.PENDING}
    acted_on = fold(lines(decided("a"), claimed("a"), trained("a"), released("a")))
    assert fates(acted_on) == {"a": DecisionStatus.ACTED_ON}
    overtaken = fold(lines(decided("a"), claimed("a"), decided("b", date(2024, 1, 20)), released("a")))
    assert fates(overtaken) == {"a": DecisionStatus.SUPERSEDED, "b": DecisionStatus.PENDING}
    assert fold(lines(released(None))).decisions == {}


def test_a_training_says_what_became_of_its_decision_and_reigns_only_where_promoted() -> None:
    known = fold(lines(decided("a"), claimed("a"), trained("a")))
    record = known.decisions["a"]
    assert (record.acted_on_by, record.model_id, record.outcome) == ("run-3", "m1", "champion: better")
    (period,) = known.champion_periods
    assert (period.effective_on, period.model_id, period.number, period.why) == (MONDAY, "m1", 3, "better")
    assert known.weeks_retrained() == {MONDAY}
    refused = fold(lines(trained(None, promoted=False)))
    assert (refused.champion_periods, len(refused.trainings)) == ([], 1)


def test_a_cleared_decision_is_marked_and_an_unknown_one_changes_nothing() -> None:
    cleared = EventKind.CLEARED, {"decision_id": "a"}
    assert fold(lines(decided("a"), cleared)).decisions["a"].cleared
    assert not fold(lines(decided("a"), (EventKind.CLEARED, {"decision_id": "z"}))).decisions["a"].cleared


def test_days_scored_again_are_those_of_the_last_line() -> None:
    first = EventKind.SCORED, {"model_id": "m1", "days": {"2024-01-15": 3, "2024-01-16": 4}}
    again = EventKind.SCORED, {"model_id": "m2", "days": {"2024-01-16": 5}}
    assert fold(lines(first, again)).scored == {MONDAY: ("m1", 3), date(2024, 1, 16): ("m2", 5)}


def test_set_aside_files_are_remembered_by_path() -> None:
    assert fold(lines((EventKind.SET_ASIDE, {"path": "x.unreadable"}))).set_aside == {"x.unreadable"}


def test_the_champion_is_the_last_to_take_effect_and_among_equals_the_last_written() -> None:
    known = fold(lines(crowned("late", "2024-03-01"), crowned("early", "2024-01-01"), crowned("other", "2024-01-01")))
    assert known.champion == "late"
    assert known.champion_on(date(2024, 2, 29)) == "other"
    assert known.champion_on(date(2024, 3, 1)) == "late"
    assert known.champion_on(date(2023, 12, 31)) is None
    assert HandoffState().champion is None


def test_a_rollback_returns_to_the_one_before_the_champion_first_did() -> None:
    assert HandoffState().champion_before() is None
    assert fold(lines(crowned("a", "2024-01-01"))).champion_before() is None
    written_late = lines(crowned("b", "2024-02-01"), crowned("a", "2024-01-01"), crowned("c", "2024-03-01"))
    assert fold(written_late).champion_before() == "b"
    again = lines(
        crowned("a", "2024-01-01"),
        crowned("b", "2024-02-01"),
        crowned("c", "2024-03-01"),
        crowned("b", "2024-04-01", EventKind.ROLLED_BACK),
    )
    assert fold(again).champion_before() == "a"


def record(
    day: date = SATURDAY,
    *,
    origin: Origin = Origin.MONITORING,
    fate: DecisionStatus = DecisionStatus.PENDING,
    on: date = MONDAY,
) -> DecisionRecord:
    return DecisionRecord("a", made(day), origin, on, fate)


@pytest.mark.parametrize(
    ("day", "current", "newer"),
    [
        (SATURDAY, None, True),
        (SATURDAY, record(), True),
        (date(2024, 1, 12), record(), False),
        (SATURDAY, record(fate=DecisionStatus.ACTED_ON), False),
        (SATURDAY, record(fate=DecisionStatus.CLAIMED), False),
        (date(2024, 1, 14), record(fate=DecisionStatus.CLAIMED), True),
        (SATURDAY, record(fate=DecisionStatus.SUPERSEDED), True),
        (SATURDAY, record(fate=DecisionStatus.ACTED_ON, origin=Origin.HAND), True),
        (date(2024, 1, 12), record(date(2024, 1, 16), on=MONDAY), True),  # dated after it was written down
        (date(2024, 1, 12), record(date(2024, 1, 15), on=MONDAY), False),  # dated on the day itself
    ],
)
def test_monitoring_takes_the_place_only_with_data_that_are_not_older(
    day: date, current: DecisionRecord | None, newer: bool
) -> None:
    assert is_newer(made(day), Origin.MONITORING, current) is newer
    assert is_newer(made(day), Origin.HAND, current)
    assert is_newer(made(day), Origin.OVERRIDE, current)


def test_lines_are_added_to_a_state_without_changing_it() -> None:
    before = fold(lines(decided("a"), crowned("m", "2024-01-01")))
    kept = before.copied()
    after = fold(lines(claimed("a"), trained("a")), onto=before)
    assert before == kept
    assert (fates(after), len(after.champion_periods), len(after.trainings)) == ({"a": DecisionStatus.ACTED_ON}, 2, 1)


def test_a_line_that_lacks_a_fact_is_named() -> None:
    with pytest.raises(DecisionError, match=r"ledger line 1 \(scored\) is damaged \(KeyError in its facts\)"):
        fold(lines((EventKind.SCORED, {"model_id": "m"})))


def plan(
    state: HandoffState, day: date = MONDAY, *, logs: set[date] | None = None, first: bool = False, valid: int = 14
) -> Any:
    settings = HandoffSettings(valid_days=valid)
    return plan_retraining(state, day, settings=settings, weeks_with_log=logs or set(), first_model_possible=first)


def test_a_plan_says_why_it_waits() -> None:
    known = fold(lines(decided("a")))
    assert plan(HandoffState()).reason == "no decision"
    limited = "a retraining already took place in the week of 2024-01-15; at most one a week; decision a waits until "
    assert plan(known, logs={MONDAY}).reason == f"{limited}2024-01-22"
    late = plan(known, date(2024, 1, 28)).reason
    assert late == "the decision of 2024-01-13 expired on 2024-01-27, 14 days after its date"
    early = fold(lines(decided("a", date(2024, 1, 17), origin=Origin.HAND)))
    ahead = (
        "the decision is dated 2024-01-17, after the snapshot date 2024-01-15; it waits, and is obeyed from 2024-01-16"
    )
    assert plan(early).reason.startswith(ahead)
    assert plan(early, date(2024, 1, 16)).retrain
    no = fold(lines(decided("a", retrain=False)))
    assert (plan(no).retrain, plan(no).reason) == (False, "decision a says no retraining: low")
    done = fold(lines(decided("a"), claimed("a"), trained("a", day="2024-01-15")))
    assert plan(done, date(2024, 1, 22)).reason == "no new decision: a was acted on by run-3"


def test_a_plan_carries_the_remedy_and_whether_it_passes_the_limit() -> None:
    cheap = plan(fold(lines(decided("a", remedy="recalibrate"))))
    assert (cheap.retrain, cheap.decision_id, cheap.remedy, cheap.overrides_limit) == (True, "a", "recalibrate", False)
    person = plan(fold(lines(decided("a", origin=Origin.OVERRIDE))), logs={MONDAY})
    assert (person.retrain, person.overrides_limit) == (True, True)
    by_hand = plan(fold(lines(decided("a", origin=Origin.HAND))), logs={MONDAY})
    assert not by_hand.retrain


def test_the_ledger_and_the_log_each_limit_the_week() -> None:
    other_week = fold(lines(trained(None, promoted=False), decided("a", date(2024, 1, 20))))
    assert not plan(other_week, date(2024, 1, 21)).retrain
    assert plan(other_week, date(2024, 1, 22)).retrain
    assert not plan(other_week, date(2024, 1, 22), logs={date(2024, 1, 22)}).retrain


def test_a_first_model_is_due_once_a_week_and_only_where_it_is_possible() -> None:
    assert plan(HandoffState(), first=True).retrain
    assert not plan(HandoffState()).retrain
    assert plan(HandoffState(), first=True, logs={MONDAY}).reason.startswith("a retraining already took place")
    assert plan(fold(lines(decided("a", retrain=False))), first=True).retrain


def test_a_summary_holds_all_that_the_lines_add_up_to() -> None:
    scored = EventKind.SCORED, {"model_id": "m1", "days": {"2024-01-15": 3}}
    aside = EventKind.SET_ASIDE, {"path": "x"}
    full = fold(
        lines(decided("a"), claimed("a"), trained("a"), decided("b", date(2024, 1, 20)), claimed("b"), scored, aside)
    )
    assert full.claim is not None
    assert unpack_state(pack_state(full, 7, "digest")) == (full, 7, "digest")
    assert unpack_state(pack_state(full, 7, "digest")[:-1]) is None
    assert unpack_state(b"") is None
