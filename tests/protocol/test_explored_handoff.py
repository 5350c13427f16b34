"""Every order of steps of those who meet in the hand-off, to a stated bound, with a kill or a failure at each step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from explorer import Tally
from handoff_worlds import MEETINGS, Meeting, Stage

pytestmark = pytest.mark.torture

ALL = 1_000_000_000
BOUNDS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {}
"""By meeting: preemptions, faults and executions at most, in a bounded run and in full."""


@pytest.fixture
def stage() -> Iterator[Callable[[Meeting], Stage]]:
    with pytest.MonkeyPatch.context() as patch:
        yield lambda meeting: Stage(meeting, patch)


@pytest.mark.parametrize("who", MEETINGS)
def test_no_order_of_steps_breaks_a_law(who: str, stage: Any, torture: Any) -> None:
    meeting = MEETINGS[who]
    preemptions, faults = torture.times(*zip(meeting.few, meeting.many, strict=True)[0]), 0
    explorer = stage(meeting).explorer(preemptions=preemptions, faults=faults)
    tally: Tally = explorer.explore()
    assert not tally.found, f"{tally.found[0]}"
