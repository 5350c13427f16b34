"""A servicing tape with faults makes the same of each loan, or something is said; and no bad loan of a good one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.robustness.fuzz.books.mutations import SAME
from tests.robustness.fuzz.faulty_tapes import ALL_OF_TAPES, TAPES, run_tape, silent, sound_tape, turned

AMONG = sorted(ALL_OF_TAPES)


@pytest.mark.torture
def test_a_mutated_tape_lands_right_or_something_is_said(torture: Any, tmp_path: Path) -> None:
    sound = sound_tape()
    expected = run_tape(tmp_path / "sound", sound)
    assert (expected.error, expected.records) == ("", set())
    assert Counter(expected.labels.values()) == {0: 35, 1: 5}
    found, outcomes = [], Counter[str]()
    times = torture.times(20, 500)
    for number in range(times):
        luck = Random(f"tape {number}")
        name = AMONG[number % len(AMONG)]
        book = sound.copied()
        ALL_OF_TAPES[name](book, luck)
        landed = run_tape(tmp_path / str(number), book)
        found += [f"{number}: {name}: {problem}" for problem in list(silent(expected, landed, book))[:2]]
        same = landed.labels == expected.labels and landed.events == expected.events
        outcomes["refused" if landed.error else "as before" if same else "said"] += 1
        if name in SAME and landed.error:
            found.append(f"{number}: {name}: refused: {landed.error}")
        if name in TAPES and turned(expected, landed):
            found.append(f"{number}: {name}: good loans became bad: {turned(expected, landed)}")
    torture.record(
        "mutated rows, columns and values of a servicing tape, landed by a mapping",
        times,
        len(found),
        f"{outcomes['refused']} refused, {outcomes['said']} said, {outcomes['as before']} as before",
    )
    assert not found, "\n".join([f"{len(found)} silent", *found[:40]])
    assert all(outcomes[outcome] for outcome in ("said", "as before"))
