"""What waits and what is approved follows from the ledger's lines alone, and what waits serves nobody."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.retraining.approvals import Approval, ProposalStatus, approval_in_words
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.retraining.rules import plan_retraining
from p2pcredit.retraining.state import HandoffState, fold
from p2pcredit.retraining.summary import pack_state, unpack_state
from p2pcredit.settings import HandoffSettings

Line = tuple[EventKind, dict[str, Any]]
MONDAY = date(2024, 1, 15)


def lines(*steps: Line) -> list[LedgerEvent]:
    return [
        LedgerEvent(n, kind, f"2024-01-{n:02}T02:00:00+00:00", f"run-{n}", facts)
        for n, (kind, facts) in enumerate(steps, 1)
    ]


def state(*steps: Line) -> HandoffState:
    return fold(lines(*steps))


def trained(model: str, day: str, approval: str = "named", **more: Any) -> Line:
    facts = {"week": "2024-01-01", "snapshot_date": day, "model_id": model, "promoted": True, "reason": "better"}
    return EventKind.TRAINED, {**facts, "by": "schedule", "approval": approval, **more}


def promoted(model: str, day: str | None, approval: str = "none") -> Line:
    return EventKind.PROMOTED, {
        "model_id": model,
        "effective_on": day,
        "why": "by hand",
        "by": "Bob",
        "approval": approval,
    }


def approved(model: str, day: str | None, until: str | None = None) -> Line:
    facts = {"model_id": model, "effective_on": day, "why": "sound", "by": "Ada", "until": until, "conditions": None}
    return EventKind.APPROVED, facts


def refused(model: str) -> Line:
    return EventKind.REFUSED, {"model_id": model, "why": "too young", "by": "Ada"}


def statuses(known: HandoffState) -> list[tuple[str, str]]:
    return [(one.model_id, str(one.status)) for one in known.approvals.proposals]


def test_a_promotion_that_needs_approval_serves_nobody_until_it_is_given() -> None:
    before = [promoted("m1", "2024-01-01"), trained("m2", "2024-01-10")]
    waiting = state(*before)
    (one,) = waiting.approvals.waiting
    assert (one.model_id, one.number, one.asked_on, one.approval) == ("m2", 2, date(2024, 1, 2), "named")
    assert (one.why, one.proposed_by, one.replaces) == ("better", "schedule", "m1")
    assert {waiting.champion_on(date(2024, 1, day)) for day in range(1, 32)} == {"m1"}
    done = state(*before, approved("m2", "2024-01-20"))
    assert [done.champion_on(date(2024, 1, day)) for day in (10, 19, 20)] == ["m1", "m1", "m2"]
    assert (done.champion, done.champion_before(), done.approvals.waiting) == ("m2", "m1", ())


def test_lines_of_before_there_were_approvals_serve_at_once() -> None:
    kind, facts = trained("m1", "2024-01-10")
    known = state((kind, {key: value for key, value in facts.items() if key not in {"by", "approval"}}))
    assert (known.champion_on(date(2024, 1, 10)), known.approvals.waiting) == ("m1", ())


def test_a_refusal_ends_the_waiting_and_says_by_whom() -> None:
    known = state(trained("m1", "2024-01-10"), refused("m1"), refused("m1"))
    (one,) = known.approvals.proposals
    assert (one.status, one.ended_by, one.ended_why, one.ended_on) == (
        ProposalStatus.REFUSED,
        "Ada",
        "too young",
        date(2024, 1, 2),
    )
    assert (known.champion, known.approvals.waiting) == (None, ())


def test_a_model_that_comes_to_serve_supersedes_what_was_proposed_before_it_and_nothing_else() -> None:
    both = [promoted("m1", "2024-01-01"), trained("m2", "2024-01-08"), trained("m3", "2024-01-15")]
    assert statuses(state(*both, approved("m3", "2024-01-20"))) == [("m2", "superseded"), ("m3", "approved")]
    assert statuses(state(*both, approved("m2", "2024-01-20"))) == [("m2", "approved"), ("m3", "waits")]
    assert statuses(state(*both, promoted("m4", "2024-01-20"))) == [("m2", "superseded"), ("m3", "superseded")]
    rolled = (EventKind.ROLLED_BACK, {"model_id": "m1", "effective_on": "2024-01-20", "why": "complaints"})
    assert statuses(state(*both, rolled)) == [("m2", "waits"), ("m3", "waits")]


def test_the_same_model_proposed_again_waits_once() -> None:
    known = state(trained("m1", "2024-01-08"), promoted("m1", None, "four_eyes"))
    assert statuses(known) == [("m1", "superseded"), ("m1", "waits")]
    assert known.approvals.waiting[0].proposed_by == "Bob"


def test_a_renewal_changes_the_end_and_not_who_serves() -> None:
    begun = [trained("m1", "2024-01-01"), approved("m1", "2024-01-05", until="2024-02-01")]
    known = state(*begun, approved("m1", None, until="2024-06-01"))
    assert len(known.champion_periods) == 1
    last = known.approvals.last_of("m1")
    assert last is not None
    assert (last.number, last.until) == (3, date(2024, 6, 1))
    assert known.approvals.last_of("m2") is None


def test_while_a_first_model_waits_no_other_first_model_is_due() -> None:
    def plan(known: HandoffState) -> tuple[bool, str]:
        found = plan_retraining(
            known, MONDAY, settings=HandoffSettings(), weeks_with_log=set(), first_model_possible=True
        )
        return found.retrain, found.reason

    waits = "no champion yet; m1 waits for approval (named) since 2024-01-01"
    assert plan(state(trained("m1", "2024-01-01"))) == (False, waits)
    assert plan(state(trained("m1", "2024-01-01"), refused("m1")))[0] is True


MODELS = st.sampled_from(["m1", "m2", "m3"])
DAYS = st.dates(date(2024, 1, 1), date(2024, 1, 31)).map(str)
APPROVALS = st.sampled_from(["none", "named", "four_eyes"])
LINES = st.one_of(
    st.builds(trained, MODELS, DAYS, APPROVALS),
    st.builds(promoted, MODELS, DAYS, APPROVALS),
    st.builds(refused, MODELS),
    st.tuples(MODELS, DAYS),
)


def _written(steps: list[Any]) -> list[LedgerEvent]:
    """Lines as jobs write them: only what waits, or serves, is approved."""
    found: list[Line] = []
    for step in steps:
        if isinstance(step[0], EventKind):
            found.append(step)
            continue
        model, day = step
        known = state(*found)
        if known.approvals.waiting_of(model) is not None:
            found.append(approved(model, day))
        elif known.champion == model:
            found.append(approved(model, None))
    return lines(*found)


@settings(deadline=None)
@given(st.lists(LINES, max_size=12))
def test_whoever_serves_was_let_by_a_line_and_each_waits_at_most_once(steps: list[Any]) -> None:
    events = _written(steps)
    known = fold(events)
    serving = {
        (event.number, event.facts["model_id"])
        for event in events
        if (event.kind is EventKind.APPROVED and event.facts["effective_on"])
        or (event.kind in {EventKind.TRAINED, EventKind.PROMOTED} and event.facts["approval"] == "none")
    }
    assert {(period.number, period.model_id) for period in known.champion_periods} == serving
    waiting = [one.model_id for one in known.approvals.waiting]
    assert len(waiting) == len(set(waiting))


@settings(deadline=None)
@given(st.lists(LINES, max_size=12), st.integers(0, 12))
def test_a_summary_of_some_lines_and_the_lines_since_give_the_state_of_all(steps: list[Any], cut: int) -> None:
    events = _written(steps)
    packed = unpack_state(pack_state(fold(events[:cut]), len(events[:cut]), "digest"))
    assert packed is not None
    assert fold(events[cut:], packed[0]) == fold(events)


def test_an_approval_without_an_end_is_told_without_one() -> None:
    given = Approval("m1", 9, date(2024, 1, 15), "Ada", "sound")
    assert approval_in_words(given, date(2034, 1, 1), 30) == "m1 was approved by Ada on 2024-01-15"
