"""Whether a decision will be obeyed, until when, or why never; it never contradicts what the training run does."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.contracts.decision import Decision
from p2pcredit.periods import week_monday
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.retraining.outlook import Outlook, Standing, outlook
from p2pcredit.retraining.rules import plan_retraining
from p2pcredit.retraining.state import DecisionStatus, Origin, fold
from p2pcredit.settings import HandoffSettings

DAY = date(2024, 1, 16)
WEEK = date(2024, 1, 15)


def made(day: str, *, retrain: bool = True, expires_on: str | None = None) -> Decision:
    expires = None if expires_on is None else date.fromisoformat(expires_on)
    return Decision(
        decision_date=date.fromisoformat(day), performance_score=0.5, retrain=retrain, reason="low", expires_on=expires
    )


def seen(decision: Decision, day: date = DAY, **more: Any) -> Outlook:
    return outlook(decision, day, valid_days=14, **more)


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        (made("2024-01-01"), "expired on 2024-01-15, 14 days after its date"),
        (made("2024-01-14", expires_on="2024-01-15"), "the decision of 2024-01-14 expired on 2024-01-15"),
        (made("2024-01-14", expires_on="2024-01-01"), "expires_on 2024-01-01 lies before its decision_date 2024-01-14"),
        (made("2023-01-14"), "is its year a slip of the pen?"),
        (made("2023-01-14", expires_on="2023-01-28"), "is its year a slip of the pen?"),
    ],
)
def test_a_decision_that_no_run_will_obey_says_why(decision: Decision, says: str) -> None:
    found = seen(decision)
    assert (found.standing, found.obeyed_from, found.obeyed_until) == (Standing.NEVER, None, None)
    assert says in found.note


def test_only_a_date_that_the_next_year_would_make_valid_is_asked_for_a_slip_of_the_year() -> None:
    assert "slip" not in seen(made("2022-01-14")).note
    assert "slip" not in seen(made("2024-01-01")).note
    assert "slip" in seen(made("2024-02-29"), date(2025, 3, 1)).note


def test_a_decision_that_holds_says_from_when_and_until_when() -> None:
    found = seen(made("2024-01-14"))
    assert (found.standing, found.obeyed_from, found.obeyed_until) == (Standing.DUE, DAY, date(2024, 1, 28))
    assert "2024-01-28" in found.note


@pytest.mark.parametrize("ahead", ["2024-01-18", "2024-02-01", "2099-01-01", "9999-12-31"])
def test_a_decision_dated_ahead_waits_for_its_day_and_says_so(ahead: str) -> None:
    found = seen(made(ahead))
    day_before = date.fromisoformat(ahead) - timedelta(days=1)
    assert (found.standing, found.dated_ahead, found.obeyed_from) == (Standing.WAITS, True, day_before)
    assert f"dated {ahead}, after the snapshot date 2024-01-16; it waits" in found.note


def test_a_decision_of_tomorrow_is_no_slip_since_a_run_works_on_the_day_before() -> None:
    assert seen(made("2024-01-17")).standing is Standing.DUE


def test_in_a_week_that_had_its_retraining_a_decision_waits_for_the_next_free_week() -> None:
    found = seen(made("2024-01-14"), weeks_retrained={WEEK})
    assert (found.standing, found.obeyed_from, found.dated_ahead) == (Standing.WAITS, date(2024, 1, 22), False)
    assert "it waits until 2024-01-22, and is obeyed until 2024-01-28" in found.note
    later = seen(made("2024-01-17", expires_on="2024-02-01"), weeks_retrained={WEEK, date(2024, 1, 22)})
    assert later.obeyed_from == date(2024, 1, 29)


def test_a_decision_that_expires_before_the_next_free_week_is_never_obeyed_unless_it_overrides() -> None:
    decision = made("2024-01-14", expires_on="2024-01-20")
    assert seen(decision, weeks_retrained={WEEK}).standing is Standing.NEVER
    assert "week of 2024-01-15" in seen(decision, weeks_retrained={WEEK}).note
    assert seen(decision, weeks_retrained={WEEK}, origin=Origin.OVERRIDE).standing is Standing.DUE


def test_what_was_acted_on_replaced_or_asks_for_nothing_says_so() -> None:
    decision = made("2024-01-14")
    assert seen(decision, fate=DecisionStatus.ACTED_ON).standing is Standing.DONE
    replaced = seen(decision, fate=DecisionStatus.SUPERSEDED, replaced_by="hand-2")
    assert (replaced.standing, "hand-2" in replaced.note) == (Standing.NEVER, True)
    assert seen(made("2024-01-14", retrain=False)).standing is Standing.NOT_ASKED
    assert seen(made("2024-01-01", retrain=False)).note == "it asks for no retraining, and expired on 2024-01-15"
    assert "acts on it now" in seen(decision, fate=DecisionStatus.CLAIMED).note


DAYS = st.dates(date(2023, 12, 1), date(2024, 3, 1)) | st.sampled_from([date.min, date(2099, 1, 1), date.max])
DECISIONS = st.builds(
    Decision,
    decision_date=DAYS,
    performance_score=st.just(0.5),
    retrain=st.just(True),
    reason=st.just("low"),
    expires_on=st.none() | DAYS,
)
WEEKS = st.frozensets(st.dates(date(2023, 12, 1), date(2024, 3, 1)).map(week_monday), max_size=5)


@settings(deadline=None)
@given(DECISIONS, st.dates(date(2023, 12, 20), date(2024, 2, 1)), WEEKS, st.sampled_from(Origin))
def test_it_is_obeyed_on_the_first_day_of_its_outlook_and_on_none_before(
    decision: Decision, day: date, weeks: frozenset[date], origin: Origin
) -> None:
    facts = {"decision_id": "d", "origin": str(origin), "decision": decision.as_json()}
    trained = [
        LedgerEvent(n, EventKind.TRAINED, "2024-01-01T02:00:00+00:00", "r", {"week": f"{week}", "snapshot_date": "x"})
        for n, week in enumerate(sorted(weeks), 2)
    ]
    state = fold([LedgerEvent(1, EventKind.DECIDED, "2024-01-01T02:00:00+00:00", "r", facts), *trained])

    def obeys(on: date) -> bool:
        return plan_retraining(
            state, on, settings=HandoffSettings(), weeks_with_log=set(), first_model_possible=False
        ).retrain

    found = seen(decision, day, origin=origin, weeks_retrained=weeks)
    near = [day + timedelta(days=ahead) for ahead in range(120)]
    if found.standing is Standing.NEVER:
        assert not any(map(obeys, near))
        return
    assert found.obeyed_from is not None
    assert found.obeyed_until is not None
    assert obeys(found.obeyed_from)
    assert not any(obeys(on) for on in near if on < found.obeyed_from)
    assert not any(obeys(on) for on in near if on > found.obeyed_until)
    assert obeys(day) is (found.standing is Standing.DUE)


def test_the_plan_of_a_night_names_what_its_decision_waits_for() -> None:
    decision = made("2024-01-14", expires_on="2024-01-20")
    facts = {"decision_id": "d", "origin": "hand", "decision": decision.as_json()}
    state = fold([LedgerEvent(1, EventKind.DECIDED, "2024-01-14T02:00:00+00:00", "r", facts)])

    def reason(day: date, logs: set[date]) -> str:
        return plan_retraining(
            state, day, settings=HandoffSettings(), weeks_with_log=logs, first_model_possible=False
        ).reason

    assert reason(DAY, {WEEK}).endswith("decision d expires before the next week")
    assert "expired on 2024-01-20" in reason(date(2024, 1, 21), set())


def test_in_the_last_year_that_a_date_can_name_there_is_no_next_year_to_ask_for() -> None:
    found = seen(made("9999-01-14"), date(9999, 6, 1))
    assert found.note == "the decision of 9999-01-14 expired on 9999-01-28, 14 days after its date"


def test_behind_the_last_week_that_a_date_can_name_no_free_one_comes() -> None:
    last = made("9999-12-29", expires_on="9999-12-31")
    assert seen(last, date(9999, 12, 29), weeks_retrained={date(9999, 12, 27)}).standing is Standing.NEVER
    assert seen(last, date(9999, 12, 29), weeks_retrained={date(9999, 12, 20)}).standing is Standing.DUE
