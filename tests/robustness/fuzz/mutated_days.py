"""Run one night of a home with a champion on sound and on mutated feeds, and find what moved without a word."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
from tests.landed_frame import write_landing
from tests.robustness.fuzz.books.book import Book
from tests.robustness.fuzz.books.mutations import ALL, SAME

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import PREDICTIONS, QUARANTINE
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.jobs.training.retrain import train_now
from p2pcredit.periods import DateRange
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import generate
from p2pcredit.settings import LabelSettings, Settings, TrainingSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

FIRST, LAST_BEFORE, DAY = date(2010, 1, 1), date(2010, 10, 3), date(2010, 10, 4)
FAMILIES = ("boosting", "scorecard")


def context(home: Path, family: str) -> JobContext:
    """Return the context of the night after the day."""
    training = TrainingSettings(
        min_matured_loans=300, min_matured_bads=20, min_evaluation_bads=5, preferred_family=family
    )
    labels = LabelSettings(window_months=3, default_days=30, reporting_lag_days=5)
    settings = Settings(labels=labels, training=training)
    return JobContext(Layout(home), settings, "night", datetime(2010, 10, 5, 2, tzinfo=UTC))


def sound_feeds() -> dict[str, pl.DataFrame]:
    """Generate the feeds of a synthetic portfolio up to the day."""
    return generate(
        SyntheticSettings(
            first=FIRST, last=DAY, loans_per_day=16, launch_month=1, shock_months=(98, 99), drift_month=99, seed=5
        )
    ).feeds


def make_home(home: Path, family: str) -> None:
    """Make a home with nine months of loans and a champion of a family, up to the day before."""
    ctx = context(home, family)
    before = DateRange(FIRST, LAST_BEFORE)
    for name, rows in sound_feeds().items():
        write_landing(ctx.layout, FEEDS[name], rows.filter(pl.col("snapshot_date") <= LAST_BEFORE), before)
    preprocess(ctx, before)
    trained = train_now(ctx, LAST_BEFORE, "to have a champion")
    if trained["outcome"] != "champion":
        raise AssertionError(f"the sound book gives no champion: {trained['reason']}")


def sound_day() -> Book:
    """Return the feeds of the day as a book to be mutated; columns that no loan of it fills are left out."""
    tables, kinds = {}, {}
    for name, rows in sound_feeds().items():
        of_day = rows.filter(pl.col("snapshot_date") == DAY)
        filled = [c for c in FEEDS[name].sources if of_day[c].null_count() < of_day.height]
        tables[name] = (filled, [["" if v is None else v for v in row] for row in of_day.select(filled).iter_rows()])
        kinds[name] = {c.source: c.kind for c in FEEDS[name].columns if c.source in filled}
    return Book(tables, kinds)


@dataclass
class Night:
    """What a night made of a book.

    Args:
        error: The line of an error; empty where there was none.
        scored: Loan -> its probability of default and its grade.
        records: Loans with a record in quarantine, by loan; the empty id stands for records without one.
        outside: Loans that lie outside training.
        told: What was said of the day as a whole: warnings, and receipts' findings.
    """

    error: str = ""
    scored: dict[str, tuple[float | None, str | None]] = field(default_factory=dict)
    records: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    told: str = ""


def copy_home(source: Path, target: Path) -> None:
    """Copy a home; files that are never written again are linked."""

    def copy(one: str, other: str) -> None:
        (os.link if one.endswith(".parquet") else shutil.copy2)(one, other)

    shutil.copytree(source, target, copy_function=copy)


def run_night(home: Path, family: str, book: Book) -> Night:
    """Land, preprocess and score a day."""
    ctx = context(home, family)
    for name, (header, rows) in book.tables.items():
        text = io.StringIO()
        csv.writer(text).writerows([header, *rows])
        path = ctx.layout.landing / name / f"{name}_{DAY:%Y_%m_%d}.csv"
        path.write_text(text.getvalue(), encoding="utf-8")
    heard = _warnings(ctx)
    night, day = Night(), DateRange(DAY, DAY)
    said: list[Any] = []
    try:
        said.append(preprocess(ctx, day))
        said.append(run_inference(ctx, day))
    except P2PCreditError as error:
        night.error = str(error)
    findings = [
        receipt.get(key) for receipt in said for key in ("schema_drift", "level_shifts", "outside_training", "feeds")
    ]
    night.told = json.dumps([_warnings(ctx)[len(heard) :], [_lost(finding) for finding in findings]], default=str)
    lake = Lake(ctx.layout)
    predictions = lake.read(PREDICTIONS, day)
    for row in predictions.iter_rows(named=True):
        night.scored[row["loan_id"]] = (row["probability_of_default"], row["grade"])
        if row.get("outside_training"):
            night.outside.add(row["loan_id"])
    quarantined = lake.read(QUARANTINE, day)
    night.records = {loan or "" for loan in quarantined["loan_id"]}
    return night


def _lost(finding: Any) -> Any:
    """Strip a finding of a receipt of the feeds of which nothing was lost."""
    if isinstance(finding, dict) and "loan_terms" in finding:
        return {k: v for k, v in finding.items() if v.get("quarantined") or v.get("values_missing")}
    return finding


def _warnings(ctx: JobContext) -> list[str]:
    lines = ctx.layout.activity.read_text().splitlines() if ctx.layout.activity.exists() else []
    return [line for line in lines if json.loads(line)["job"] == "warning"]


def may_be_chance(book: Book) -> bool:
    """Return whether all columns changed are of one value that a sound day may have, by what the weeks before held.

    No check can tell such a day from a sound one: of nine loans none has a delinquency on many days. Which chance is
    too small is a setting of the product.
    """
    least = Settings().preprocessing.level_shift_chance
    by_chance: set[str] = set()
    for (table, column), text in book.constant.items():
        header, rows = book.tables[table]
        filled = sum(bool(row[header.index(column)]) for row in rows)
        usual = _usual_values(table, column)
        if (usual == float(text.rstrip("%"))).mean() ** filled >= least:
            by_chance |= {table, column}
    return bool(by_chance) and book.columns <= by_chance


@cache
def _usual_values(table: str, column: str) -> Any:
    before = sound_feeds()[table].filter(pl.col("snapshot_date").is_between(DAY - timedelta(days=28), LAST_BEFORE))
    return before[column].drop_nulls().str.strip_chars("% ").cast(pl.Float64).to_numpy()


def silent(sound: Night, mutated: Night, book: Book) -> Iterable[str]:
    """List what moved without a word, or moved though nothing of it was touched; not where chance may have done it."""
    if mutated.error or may_be_chance(book):
        return
    named = book.is_named_in(mutated.told)
    for loan, before in sound.scored.items():
        after = mutated.scored.get(loan)
        if after == before:
            continue
        if book.touched is not None and loan not in book.touched:
            yield f"{loan} was not touched and moved from {before} to {after}"
        elif not (named or loan in mutated.records or loan in mutated.outside or "" in mutated.records):
            yield f"{loan} moved from {before} to {after}, and nothing was said of it or of {sorted(book.columns)}"
    for loan in mutated.scored.keys() - sound.scored.keys():
        if not named and loan not in mutated.outside:
            yield f"{loan} was scored, which no sound book holds, and nothing was said"


def mutated_book(sound: Book, seed: str, among: Collection[str] = ALL) -> tuple[str, Book]:
    """Apply one to two mutations to a copy of a book; return their names and the copy."""
    luck = Random(seed)
    book = sound.copied()
    names = luck.choices(sorted(among), k=luck.choice([1, 1, 1, 2]))
    for name in names:
        ALL[name](book, luck)
    return ", ".join(names), book


def keeps_meaning(names: str) -> bool:
    """Return whether all of these mutations change the spelling alone."""
    return all(name in SAME for name in names.split(", "))
