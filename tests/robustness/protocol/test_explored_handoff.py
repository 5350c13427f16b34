"""Every order of steps of those who meet in the hand-off, to a stated bound, with a kill or a failure at each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.robustness.protocol.handoff_worlds import MEETINGS, Meeting, Stage

from p2pcredit.retraining.summary import pack_state, unpack_state


@pytest.fixture
def stage() -> Iterator[Callable[[Meeting], Stage]]:
    with pytest.MonkeyPatch.context() as patch:
        yield lambda meeting: Stage(meeting, patch)


@pytest.mark.torture
@pytest.mark.parametrize("who", MEETINGS)
def test_no_order_of_steps_and_no_kill_breaks_a_law(who: str, stage: Any, torture: Any) -> None:
    meeting = MEETINGS[who]
    bounds = meeting.many if torture.full else meeting.few
    if bounds is None:
        pytest.skip("takes minutes; `make torture` explores it")
    preemptions, faults = bounds
    explorer = stage(meeting).explorer(preemptions=preemptions, faults=faults)
    tally = explorer.explore(stop_at_first=False)
    orders = "any number of" if preemptions is None else f"at most {preemptions}"
    note = (
        f"{tally.states} states, {tally.ends} whole histories with {len(tally.outcomes)} different ends, {tally.kills}"
        f" kills, {tally.failures} failed trainings; all orders with {orders} preemptions and at most {faults} faults"
    )
    torture.record(f"every order of steps: {who}", tally.executions, len(tally.found), note)
    assert not tally.found, f"{tally.found[0]}"
    assert tally.complete
    assert tally.ends > 0
    assert explorer.rules.discipline, "an actor touched the hand-off without holding the ledger"


@pytest.mark.parametrize("faults", [0, 1])
@pytest.mark.parametrize(
    "who", ["monitoring and a training run", "monitoring and a person who moves a file into place"]
)
def test_the_steps_left_out_change_no_outcome(who: str, faults: int, stage: Any) -> None:
    if "training" in who and faults:
        pytest.skip("minutes, where the same without faults takes seconds")
    outcomes = []
    for everything in (False, True):
        explorer = stage(MEETINGS[who]).explorer(preemptions=None, faults=faults, everything=everything)
        tally = explorer.explore()
        assert tally.complete
        assert not tally.found
        outcomes.append(tally.outcomes)
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0]) > 1


@pytest.mark.torture
@pytest.mark.parametrize("who", ["monitoring and a training run", "two training runs of one night"])
def test_a_summary_after_every_line_breaks_no_law(
    who: str, stage: Any, torture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    trusted: list[int] = []

    def unpacked(data: bytes) -> Any:
        found = unpack_state(data)
        trusted.append(found is not None)
        return found

    def packed(*facts: Any) -> bytes:
        made.append(1)
        return pack_state(*facts)

    monkeypatch.setattr("p2pcredit.storage.state.ledger.LINES_TO_A_SUMMARY", 1)
    monkeypatch.setattr("p2pcredit.storage.state.ledger.pack_state", packed)
    monkeypatch.setattr("p2pcredit.storage.state.ledger.unpack_state", unpacked)
    faults = torture.times(0, 1) if who == "two training runs of one night" else 1  # a minute with one
    explorer = stage(MEETINGS[who]).explorer(preemptions=torture.times(1, 2), faults=faults)
    tally = explorer.explore(stop_at_first=False)
    torture.record("every order of steps, a summary after each line", tally.executions, len(tally.found))
    assert not tally.found, f"{tally.found[0]}"
    assert tally.complete
    assert made
    assert any(trusted)
