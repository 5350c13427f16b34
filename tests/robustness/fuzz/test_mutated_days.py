from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.fuzz.mutated_days import (
    FAMILIES,
    copy_home,
    keeps_meaning,
    make_home,
    may_be_chance,
    mutated_book,
    run_night,
    silent,
    sound_day,
)


@pytest.mark.torture
@pytest.mark.parametrize("family", FAMILIES)
def test_a_mutated_day_is_scored_right_or_something_is_said(
    torture: Any, tmp_path: Path, made_once: Callable[..., Path], family: str
) -> None:
    home = made_once(f"home-of-{family}", partial(make_home, family=family))
    sound = sound_day()
    copy_home(home, tmp_path / "sound")
    expected = run_night(tmp_path / "sound", family, sound)
    assert expected.scored
    assert not expected.error
    assert not expected.records
    found, spelled, outcomes = [], [], Counter[str]()
    times = torture.times(20, 500)
    for number in range(times):
        names, book = mutated_book(sound, f"{family} {number}")
        copy_home(home, tmp_path / "mutated")
        night = run_night(tmp_path / "mutated", family, book)
        shutil.rmtree(tmp_path / "mutated")
        problems = list(silent(expected, night, book))
        found += [f"{number}: {names}: {problem}" for problem in problems[:2]]
        if keeps_meaning(names) and night.scored != expected.scored:
            spelled.append(f"{number}: {names}: {night.error or 'scores moved'}")
        said = "as chance may bring" if may_be_chance(book) else "said"
        outcomes["refused" if night.error else "scored" if night.scored == expected.scored else said] += 1
    torture.record(
        f"mutated columns and values of a day, scored by {family}",
        times,
        len(found) + len(spelled),
        f"{outcomes['refused']} refused, {outcomes['said']} said, {outcomes['scored']} scored as before, "
        f"{outcomes['as chance may bring']} as chance may bring (all of one value that is usual)",
    )
    assert not found, "\n".join([f"{len(found)} silent", *found[:40]])
    assert not spelled, "\n".join(spelled[:20])
    assert all(outcomes[outcome] for outcome in ("said", "scored"))
