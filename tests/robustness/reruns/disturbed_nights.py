"""What an operator does to nights, and what a scheduler does: steps are marked, days cleared, skipped and made up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import strategies as st
from tests.robustness.reruns.daily_book import SETTINGS, Book, land, make_book, tables

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, PREDICTIONS, QUARANTINE, bronze, silver
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.pipeline_graph import Pipeline, Step
from p2pcredit.jobs.pipelines import INFERENCE, PREPROCESSING
from p2pcredit.jobs.preprocessing.completeness.day_counts import Completeness, Lost
from p2pcredit.jobs.preprocessing.completeness.reconciliation import find_holes
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.walking import do_step, walk
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import PreprocessingSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank

FIRST, LAST = date(2010, 1, 31), date(2010, 2, 3)
"""A Sunday to a Wednesday: no week ends among them or the two nights after, and a month does."""
DISTURBED = DateRange(FIRST, LAST)
QUIET = DateRange(LAST + timedelta(days=1), LAST + timedelta(days=2))
ALL = DateRange(FIRST, QUIET.last)
BOOK = make_book(ALL, seed=7)
LOOK_BACK_DAYS = 14
Mark = tuple[str, str | None]
"""The function of a step, and its feed."""

MARKABLE: list[Mark] = [
    *((str(step.function), step.feed) for step in PREPROCESSING.steps if step.job is not None),
    ("score_day", None),
]


@dataclass(frozen=True)
class Night:
    """A night as it went.

    Args:
        run: Whether the scheduler ran at all.
        marked: Steps that were marked as success by hand.
        lacking: Feeds whose file was not there yet.
        empty: Whether the applications of the day had landed as files without rows.
        cleared: How many nights back a day was cleared, from which step of preprocessing on, and what was then marked.
    """

    run: bool = True
    marked: frozenset[Mark] = frozenset()
    lacking: frozenset[str] = frozenset()
    empty: bool = False
    cleared: tuple[tuple[int, int, frozenset[Mark]], ...] = field(default=())


@st.composite
def nights(draw: st.DrawFn) -> Night:
    marks = st.frozensets(st.sampled_from(MARKABLE), max_size=3)
    clear = st.tuples(st.integers(0, len(DISTURBED) - 1), st.integers(0, len(PREPROCESSING.tasks) - 1), marks)
    return Night(
        draw(st.sampled_from([True, True, True, False])),
        draw(marks),
        draw(st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(sorted(FEEDS)), max_size=2))),
        draw(st.sampled_from([False, False, True])),
        draw(st.lists(clear, max_size=1).map(tuple)),
    )


histories = st.lists(nights(), min_size=len(DISTURBED), max_size=len(DISTURBED))


def new_home(home: Path) -> None:
    """Land the days, and make a model champion from the first of them on."""
    land(home, ALL, BOOK)
    ctx = context(home, FIRST)
    card = {"model_id": "m1", "family": "scorecard", "as_of": FIRST.isoformat(), "features": []}
    ModelBank(ctx.layout).add("m1", {"model.json": b"m1"}, card)
    facts = {"model_id": "m1", "effective_on": FIRST.isoformat(), "why": "test"}
    ctx.ledger.append(EventKind.PROMOTED, at=ctx.at, run_id="person", facts=facts)


def scores_by(monkeypatch: pytest.MonkeyPatch, chance: Callable[[dict[str, Any]], float]) -> None:
    """Let every model give each loan the probability that a function says of its features."""

    def score(_: Any, model_id: str, features: pl.DataFrame, settings: Any, *beside: Any) -> pl.DataFrame:
        base = dict.fromkeys(PREDICTIONS.schema)
        rows = [
            {**base, "loan_id": row["loan_id"], "snapshot_date": row["snapshot_date"], "model_id": model_id}
            | {"probability_of_default": chance(row)}
            for row in features.iter_rows(named=True)
        ]
        return pl.DataFrame(rows, schema=PREDICTIONS.schema)

    monkeypatch.setattr("p2pcredit.models.scoring.load_model", lambda files: files)
    monkeypatch.setattr("p2pcredit.models.scoring.score_loans", score)


def context(home: Path, day: date) -> JobContext:
    """Make the context of a run in the night after a day."""
    at = PREPROCESSING.fires_after(day)
    assert at is not None
    settings = SETTINGS.model_copy(
        update={"preprocessing": PreprocessingSettings(max_quarantined_share=1.0, schema_drift="report")}
    )
    return JobContext(Layout(home), settings, f"night-{day}", at)


def run(ctx: JobContext, pipeline: Pipeline, day: date, marked: Collection[Mark] = (), start: int = 0) -> None:
    """Run a DAG from a task on; what fails leaves the tasks after it undone, as under a scheduler."""
    wanted = {task.step.name + str(task.step.job) for task in pipeline.tasks[start:]}

    def do(step: Step) -> Receipt:
        if (step.function, step.feed) in marked or step.name + str(step.job) not in wanted:
            return {}
        return do_step(ctx, step, day)

    walk(pipeline, do, lambda task, error: None)


def live_through(home: Path, history: Iterable[Night]) -> None:
    """Go through the disturbed nights; what had not landed by then lands after the last of them."""
    for day, night in zip(DISTURBED, history, strict=True):
        put_back(home, day, night)
        ctx = context(home, day)
        if night.run:
            run(ctx, PREPROCESSING, day, night.marked)
            run(ctx, INFERENCE, day, night.marked)
        for back, start, marked in night.cleared:
            cleared = max(FIRST, day - timedelta(days=back))
            run(ctx, PREPROCESSING, cleared, marked, start)
    land(home, DISTURBED, BOOK)


def put_back(home: Path, day: date, night: Night) -> None:
    """Take away what of a day lands late."""
    layout = Layout(home)
    if night.empty:
        applications: Book = {
            feed: {day: rows.get(day, []) if feed == "loan_performance" else []} for feed, rows in BOOK.items()
        }
        land(home, [day], applications)
    for feed in night.lacking:
        (layout.landing / feed / f"{feed}_{day:%Y_%m_%d}.csv").unlink()


def quiet_night(home: Path, day: date) -> None:
    """Run the daily DAGs of a night, in which preprocessing makes up for days that are not complete or landed anew."""
    for pipeline in (PREPROCESSING, INFERENCE):
        run(context(home, day), pipeline, day)


def mend_by_hand(home: Path, day: date) -> None:
    """Preprocess the days that are named as holes on this day, as a person does with those that no run makes up.

    No run takes in days before the first complete one.
    """
    ctx = context(home, day)
    before = DateRange(max(FIRST, day - timedelta(days=LOOK_BACK_DAYS)), day - timedelta(days=1))
    for missed in holes(ctx, before):
        with suppress(P2PCreditError):
            preprocess(ctx, DateRange(missed, missed))


def holes(ctx: JobContext, days: DateRange) -> list[date]:
    """List the days that landed and have a hole."""
    found = find_holes(ctx, days)
    waits = {hole.day for hole in found if hole.what is Lost.NOT_LANDED}
    return sorted({hole.day for hole in found if hole.kind is Completeness.INCOMPLETE} - waits)


def undisturbed(home: Path) -> None:
    """Let all nights go as they should."""
    for day in ALL:
        quiet_night(home, day)


def unlike(home: Path, reference: Path) -> list[str]:
    """List the tables that differ from the reference as sets of rows, and whether days are scored otherwise."""
    ours, theirs = tables(home), tables(reference)
    found = [name for name in ours if not ours[name].equals(theirs[name])]
    scored = (context(one, QUIET.last).ledger.state().scored for one in (home, reference))
    return found if next(scored) == next(scored) else [*found, "scored days"]


def unnamed(home: Path, reference: Path) -> list[date]:
    """List disturbed days whose rows are not those of the reference, and that no hole names."""
    ours, theirs = tables(home), tables(reference)
    looked_at = [table.name for feed in FEEDS.values() for table in (bronze(feed), silver(feed))]
    looked_at += [QUARANTINE.name, FEATURE_STORE.name]
    named = {hole.day for hole in find_holes(context(home, LAST), DISTURBED)}

    def rows(of: dict[str, Any], name: str, day: date) -> pl.DataFrame:
        frame: pl.DataFrame = of[name].filter(pl.col("snapshot_date") == day)
        return frame

    return [
        day
        for day in DISTURBED
        if day not in named and any(not rows(ours, name, day).equals(rows(theirs, name, day)) for name in looked_at)
    ]


def scored_twice(home: Path) -> list[str]:
    """List the loans that have more than one prediction of a day."""
    predictions = tables(home)[PREDICTIONS.name].select("loan_id", "snapshot_date")
    return predictions.filter(predictions.is_duplicated())["loan_id"].to_list()
