"""A day that lands anew after it was complete: two quiet nights later the home is that of a life with the new files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.robustness.reruns.daily_book import HEADERS, land, tables
from tests.robustness.reruns.disturbed_nights import (
    BOOK,
    DISTURBED,
    FIRST,
    LAST,
    QUIET,
    context,
    quiet_night,
    scored_twice,
    scores_by,
    undisturbed,
)

from p2pcredit.contracts.tables import PREDICTIONS
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.preprocessing.completeness.day_counts import Lost
from p2pcredit.jobs.preprocessing.completeness.reconciliation import find_holes

ALTERED = {"500": "700", "1200": "1300", "900": "950", "24000": "31000", "RENT": "OWN", "LATE,31": "LATE,32", "3": "4"}
"""Values of the last field of a row -> what a first delivery has in their place."""


@dataclass(frozen=True)
class First:
    """What a day had at first, before its files landed anew.

    Args:
        dropped: Numbers of the loans that the first delivery lacks, in every feed.
        altered: The feeds whose rows had other values.
        nights: How many nights after its own the new files come.
    """

    dropped: frozenset[int] = frozenset()
    altered: frozenset[str] = frozenset()
    nights: int = 0

    def rows(self, feed: str, lines: Iterable[str]) -> list[str]:
        """Give the rows of a feed as they came at first."""
        kept = [line for line in lines if int(line.split(",")[0].rpartition("-")[2]) not in self.dropped]
        return [altered(line) for line in kept] if feed in self.altered else kept


def altered(line: str) -> str:
    head, _, amount = line.partition(",")
    day, _, rest = amount.partition(",")
    for before, other in ALTERED.items():
        if rest.startswith(before):
            return f"{head},{day},{other}{rest[len(before) :]}"
    return line


@st.composite
def deliveries(draw: st.DrawFn) -> First:
    return First(
        draw(st.frozensets(st.integers(0, 3), max_size=3)),
        draw(st.frozensets(st.sampled_from(sorted(HEADERS)), max_size=2)),
        draw(st.integers(0, len(DISTURBED) - 1)),
    )


histories = st.lists(deliveries(), min_size=len(DISTURBED), max_size=len(DISTURBED))
NOTHING_AT_FIRST = First(dropped=frozenset(range(4)))
OTHER_VALUES = First(altered=frozenset({"loan_terms", "financial"}), nights=2)


def live_through(home: Path, history: list[First]) -> list[date]:
    """Go through nights in which days land and, after nights of their own, land anew; list the days that did so."""
    firsts = dict(zip(DISTURBED, history, strict=True))
    anew = []
    for day, first in firsts.items():
        before = {feed: {day: first.rows(feed, BOOK[feed].get(day, []))} for feed in HEADERS}
        land(home, [day], before)
        anew += [day] if any(before[feed][day] != BOOK[feed].get(day, []) for feed in HEADERS) else []
    for night in DISTURBED:
        quiet_night(home, night)
        land(home, [day for day, first in firsts.items() if day + timedelta(days=first.nights) == night], BOOK)
    land(home, DISTURBED, BOOK)
    return anew


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose probability rests on a loan's amount."""
    scores_by(monkeypatch, lambda row: row["loan_amount"] / 1e5)


@pytest.fixture
def replayed(landed: Path, model: None) -> Path:
    """The home of a life in which the new files were there from the beginning."""
    home = Path(shutil.copytree(landed, landed.with_name("replayed")))
    undisturbed(home)
    return home


def unlike(home: Path, replayed: Path, scored_before: pl.DataFrame) -> list[str]:
    """List what is not as in the replayed home; a loan that was scored on its first delivery keeps its score."""
    ours, theirs = tables(home), tables(replayed)
    found = [name for name in ours if name != PREDICTIONS.name and not ours[name].equals(theirs[name])]
    kept = scored_before.select("loan_id", "snapshot_date")
    for name, part in (("loans scored", ["loan_id", "snapshot_date", "model_id"]), ("scores of new loans", None)):
        both = [of[PREDICTIONS.name] for of in (ours, theirs)]
        if part is None:
            both = [rows.join(kept, on=kept.columns, how="anti") for rows in both]
        first, second = (rows.select(part or rows.columns).sort("snapshot_date", "loan_id") for rows in both)
        found += [] if first.equals(second) else [name]
    state, expected = (context(one, QUIET.last).ledger.state().scored for one in (home, replayed))
    return found if state == expected else [*found, "scored days"]


def test_two_quiet_nights_after_files_landed_anew_the_home_is_that_of_a_life_with_them(
    landed: Path, replayed: Path, torture: Any
) -> None:
    tried = 0

    @settings(
        max_examples=torture.times(2, 60),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=not torture.full,
    )
    @given(histories)
    @example([NOTHING_AT_FIRST, OTHER_VALUES, First(frozenset({0}), frozenset({"demographic"}), 1), First()])
    @example([OTHER_VALUES] * len(DISTURBED))
    def law(history: list[First]) -> None:
        nonlocal tried
        tried += 1
        with tempfile.TemporaryDirectory() as directory:
            home = Path(shutil.copytree(landed, Path(directory) / "home"))
            anew = live_through(home, history)
            scored_before = tables(home)[PREDICTIONS.name]
            named = {hole.day for hole in find_holes(context(home, LAST), DISTURBED) if hole.what is Lost.LANDED_ANEW}
            taken = {day for day, first in zip(DISTURBED, history, strict=True) if day + timedelta(first.nights) < LAST}
            assert named == {*anew} - taken
            for day in QUIET:
                quiet_night(home, day)
            assert unlike(home, replayed, scored_before) == []
            assert scored_twice(home) == []
            assert find_holes(context(home, LAST), DISTURBED) == []

    law()
    torture.record("nights after which files landed anew, with other loans or other values", tried)


def test_a_day_that_landed_anew_is_named_by_status_until_a_night_takes_it_in(landed: Path, replayed: Path) -> None:
    live_through(landed, [First(frozenset({0})), First(), First(), First(nights=0)])
    shown = status(context(landed, LAST))["days"]
    assert shown["with_holes"] == 0, "the night after took it in"
    day = LAST
    write_other_amounts(landed, day)
    shown = status(context(landed, LAST))["days"]
    assert (shown["with_holes"], len(shown["holes"])) == (1, 1)
    assert shown["holes"][0].endswith(f"than were taken in; p2pcredit preprocess --date {day}")
    quiet_night(landed, QUIET.first)
    assert status(context(landed, LAST))["days"]["with_holes"] == 0


def write_other_amounts(home: Path, day: date) -> None:
    lines = [altered(line) for line in BOOK["loan_terms"][day]]
    assert lines != BOOK["loan_terms"][day]
    land(home, [day], {**BOOK, "loan_terms": {day: lines}})


def test_the_first_day_of_a_home_is_taken_in_again_too(landed: Path, replayed: Path) -> None:
    live_through(landed, [NOTHING_AT_FIRST, *[First()] * (len(DISTURBED) - 1)])
    assert context(landed, LAST).ledger.state().scored[FIRST] == context(replayed, LAST).ledger.state().scored[FIRST]


def test_a_loan_that_came_in_the_place_of_another_is_scored_and_the_other_has_no_score_left(
    landed: Path, model: None
) -> None:
    day, loan, other = LAST, f"l{LAST:%m%d}-0", "other-0"
    before = {feed: {day: [f"{loan},{day},{value}"]} for feed, value in ROW.items()} | {"loan_performance": {day: []}}
    after = {feed: {day: [line.replace(loan, other) for line in rows[day]]} for feed, rows in before.items()}
    land(landed, [day], before)
    for night in DISTURBED:
        quiet_night(landed, night)
    assert scored_of(landed, day) == {loan: 0.009}
    land(landed, [day], after)
    quiet_night(landed, QUIET.first)
    assert scored_of(landed, day) == {other: 0.009}
    assert context(landed, LAST).ledger.state().scored[day] == ("m1", 1)


ROW = {"loan_terms": "900,36", "demographic": "RENT", "financial": "24000", "credit_history": "3"}


def scored_of(home: Path, day: date) -> dict[str, float]:
    rows = tables(home)[PREDICTIONS.name].filter(pl.col("snapshot_date") == day)
    return dict(rows.select("loan_id", "probability_of_default").iter_rows())
