"""Orders of steps that once did harm, each gone again step by step."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.robustness.protocol.handoff_worlds import MEETINGS, Stage

PLACING = " to retraining_decision.json"
ASIDE = "to retraining_decision.unreadable-001.json"

FOUND: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "a file moved into place while monitoring is about to write its own": (
        "monitoring and a person who moves a file into place",
        [("monitoring", PLACING), ("person", ""), ("monitoring", "")],
    ),
    "a file moved into place between a run's two looks at the decision file": (
        "a training run and a person who moves a file into place",
        [("first", "training.lock"), ("first", "listdir logs"), ("person", ""), ("first", "")],
    ),
    "a hand-written file seen by a run before another night acted on it": (
        "two training runs and a person who moves a file into place",
        [("person", ""), ("first", "listdir logs"), ("rival", ""), ("first", "")],
    ),
    "an override between the plan and the claim of a run": (
        "an override and a training run",
        [("first", "decisions/.lock"), ("override", ""), ("first", "")],
    ),
    "a decision not to train between the plan and the claim of a run": (
        "an override not to train and a training run",
        [("first", "decisions/.lock"), ("override", ""), ("first", "")],
    ),
    "a whole file moved aside in place of a broken one by a run that dies then": (
        "a training run and a person who breaks the file and mends it",
        [
            ("person", PLACING),
            ("person", "end move file 1"),
            ("first", ASIDE),
            ("person", ""),
            ("first", PLACING),
            ("first", "kill"),
        ],
    ),
    "a file written in place between a run's opening and reading it": (
        "a training run and an editor that writes in place",
        [
            ("first", "training.lock"),
            ("first", "listdir logs"),
            ("first", "open retraining_decision.json"),
            ("first", "read retraining_decision.json"),
            ("editor", ""),
            ("first", ""),
        ],
    ),
}


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.mark.parametrize("harm", FOUND)
def test_an_order_of_steps_that_once_did_harm_does_none(harm: str, patch: pytest.MonkeyPatch) -> None:
    who, stops = FOUND[harm]
    found = Stage(MEETINGS[who], patch).explorer(preemptions=None, faults=0, everything=True).follow(stops)
    assert found is None, str(found)
