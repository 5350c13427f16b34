"""When a model served, when it was retired and when it is to be reviewed, worked out by hand."""

from __future__ import annotations

from datetime import date

import pytest
from tests.unit.retraining.test_approvals import Line, approved, lines, promoted, refused, state, trained

from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.findings import ModelFinding
from p2pcredit.retraining.service import Service, makers_of, next_review, retired_on, role_of, service_of
from p2pcredit.retraining.state import fold
from p2pcredit.retraining.summary import pack_state, unpack_state

ROLLED: Line = (
    EventKind.ROLLED_BACK,
    {"model_id": "m1", "effective_on": "2024-01-21", "why": "complaints", "by": "Cy"},
)
HISTORY = [
    promoted("m1", "2024-01-01"),
    trained("m2", "2024-01-08"),
    approved("m2", "2024-01-11"),
    ROLLED,
]
REFUSED_AGAIN = [trained("m2", "2024-01-15"), refused("m2")]


def test_times_of_service_say_who_let_it_serve_and_what_took_its_place() -> None:
    known = state(*HISTORY)
    why = "better; approved: sound"
    assert service_of(known, "m1") == [
        Service(date(2024, 1, 1), date(2024, 1, 10), "by hand", "Bob", "m2", why),
        Service(date(2024, 1, 21), None, "complaints", "Cy"),
    ]
    assert service_of(known, "m2") == [Service(date(2024, 1, 11), date(2024, 1, 20), why, "Ada", "m1", "complaints")]
    assert service_of(known, "m3") == []


def test_a_champion_that_was_replaced_before_its_first_day_never_served() -> None:
    known = state(promoted("m1", "2024-01-05"), promoted("m2", "2024-01-05"))
    assert service_of(known, "m1") == []
    assert service_of(known, "m2")[0].first == date(2024, 1, 5)
    assert retired_on(known, "m1") is None


@pytest.mark.parametrize(
    ("model", "steps", "role", "retired"),
    [
        ("m1", HISTORY, "champion", None),
        ("m2", HISTORY, "former champion", date(2024, 1, 21)),
        ("m2", HISTORY[:2], "waits for approval", None),
        ("m2", [*HISTORY[:2], refused("m2")], "refused", date(2024, 1, 3)),
        ("m2", [*HISTORY[:2], refused("m2"), *REFUSED_AGAIN], "refused", date(2024, 1, 5)),
        ("m3", HISTORY, "challenger", None),
    ],
)
def test_a_model_is_out_of_use_from_the_day_after_its_last_or_from_its_refusal(
    model: str, steps: list[Line], role: str, retired: date | None
) -> None:
    known = state(*steps)
    assert (role_of(known, model), retired_on(known, model)) == (role, retired)


def test_a_review_is_due_so_long_after_the_last_approval_else_after_the_first_day() -> None:
    assert next_review(state(), 6) is None
    assert next_review(state(promoted("m1", "2024-01-31")), 1) == date(2024, 2, 29)
    begun = [trained("m1", "2024-01-01"), approved("m1", "2024-01-20")]
    assert next_review(state(*begun), 12) == date(2025, 1, 2), "its approval is line 2, written on 2 January"
    assert next_review(state(*begun, *[ROLLED] * 7, approved("m1", None)), 12) == date(2025, 1, 10)


def test_the_makers_of_a_model_are_those_of_its_training_and_its_promotion() -> None:
    known = state(trained("m1", "2024-01-01", "none", developer="Dora"), promoted("m1", None, "four_eyes"))
    assert makers_of(known, "m1") == {"developed it": "Dora", "trained it": "schedule", "promoted it": "Bob"}
    beside = trained("m2", "2024-01-01", "none", challenger_id="m3", developer="Dora")
    assert makers_of(state(beside), "m3")["developed it"] == "Dora"
    assert makers_of(known, "m9") == {}


def opened(model: str, number: int) -> Line:
    return EventKind.FINDING_OPENED, {"model_id": model, "finding": number, "text": f"no {number}", "by": "Vera"}


def closed(model: str, number: int, why: str | None) -> Line:
    return EventKind.FINDING_CLOSED, {"model_id": model, "finding": number, "why": why, "by": "Bob"}


def test_findings_are_opened_and_closed_once_and_survive_a_summary() -> None:
    events = lines(opened("m1", 1), opened("m1", 2), opened("m2", 1), closed("m1", 1, "redone"), closed("m1", 1, "x"))
    known = fold(events)
    done = ModelFinding(1, "no 1", "Vera", date(2024, 1, 1), "Bob", date(2024, 1, 4), "redone")
    assert known.findings == {
        "m1": (done, ModelFinding(2, "no 2", "Vera", date(2024, 1, 2))),
        "m2": (ModelFinding(1, "no 1", "Vera", date(2024, 1, 3)),),
    }
    packed = unpack_state(pack_state(fold(events[:3]), 3, "digest"))
    assert packed is not None
    assert fold(events[3:], packed[0]) == known
