"""Whatever an operator marks, clears, skips or lands late: two quiet nights later the home is that of a quiet life."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from tests.robustness.reruns.disturbed_nights import (
    DISTURBED,
    FIRST,
    LAST,
    QUIET,
    Night,
    context,
    histories,
    live_through,
    mend_by_hand,
    quiet_night,
    scored_twice,
    scores_by,
    undisturbed,
    unlike,
    unnamed,
)

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.jobs.preprocessing.completeness.reconciliation import find_holes

TERMS_BY_HAND = Night(marked=frozenset({("check_source", "loan_terms"), ("load_bronze", "loan_terms")}))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose probability rests on what a loan's features say."""
    scores_by(monkeypatch, lambda row: 0.1 if row["annual_income"] is None else 0.2)


@pytest.fixture
def quiet_life(landed: Path, model: None) -> Path:
    """The home of the same days without any disturbance."""
    home = Path(shutil.copytree(landed, landed.with_name("quiet")))
    undisturbed(home)
    assert not find_holes(context(home, LAST), DISTURBED)
    return home


def test_two_quiet_nights_after_any_disturbance_the_home_is_that_of_a_quiet_life(
    landed: Path, quiet_life: Path, torture: Any
) -> None:
    tried = 0

    @settings(
        max_examples=torture.times(2, 60),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=not torture.full,
    )
    @given(histories)
    @example([TERMS_BY_HAND, Night(run=False), Night(lacking=frozenset({"financial"})), Night(empty=True)])
    @example([Night(marked=frozenset({("score_day", None), ("build_feature_store", None)}))] * len(DISTURBED))
    def law(history: list[Night]) -> None:
        nonlocal tried
        tried += 1
        with tempfile.TemporaryDirectory() as directory:
            home = Path(shutil.copytree(landed, Path(directory) / "home"))
            live_through(home, history)
            assert unnamed(home, quiet_life) == []
            for day in QUIET:
                mend_by_hand(home, day)
                quiet_night(home, day)
            assert unlike(home, quiet_life) == []
            assert scored_twice(home) == []
            assert find_holes(context(home, LAST), DISTURBED) == []

    law()
    torture.record("nights with steps marked as done, cleared days, skipped runs and late files", tried)


def test_two_quiet_nights_alone_make_up_for_all_but_the_first_night(
    landed: Path, quiet_life: Path, torture: Any
) -> None:
    tried = 0

    @settings(
        max_examples=torture.times(2, 60),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=not torture.full,
    )
    @given(histories)
    @example([Night(), TERMS_BY_HAND, Night(run=False), Night(lacking=frozenset({"financial"}))])
    @example([Night(), Night(empty=True), Night(empty=True, run=False), Night(empty=True)])
    def law(history: list[Night]) -> None:
        nonlocal tried
        tried += 1
        with tempfile.TemporaryDirectory() as directory:
            home = Path(shutil.copytree(landed, Path(directory) / "home"))
            live_through(home, [Night(), *history[1:]])
            for day in QUIET:
                quiet_night(home, day)
            assert unlike(home, quiet_life) == []
            assert scored_twice(home) == []
            assert find_holes(context(home, LAST), DISTURBED) == []

    law()
    torture.record("nights with steps marked as done, cleared days and skipped runs, without a hand", tried)


def test_loans_that_come_late_to_a_day_that_was_scored_without_any_are_scored(landed: Path, quiet_life: Path) -> None:
    live_through(landed, [Night(empty=True)] * len(DISTURBED))
    before = context(landed, LAST).ledger.state().scored
    assert before == dict.fromkeys(DISTURBED, ("m1", 0))
    assert {hole.day for hole in find_holes(context(landed, LAST), DISTURBED)} >= {FIRST}
    quiet_night(landed, QUIET.first)
    now = context(landed, LAST).ledger.state().scored
    expected = context(quiet_life, LAST).ledger.state().scored
    assert {day: now[day] for day in DISTURBED} == {day: expected[day] for day in DISTURBED}
    assert sum(loans for _, loans in now.values()) > len(FEEDS) - 1
