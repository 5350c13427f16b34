"""Gather the shape of feeds on days that are being preprocessed, from their tables and from what landed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS, LOAN_TERMS, Feed, feed_named
from p2pcredit.contracts.tables import bronze, silver
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.completeness.day_counts import DayCounts
from p2pcredit.jobs.preprocessing.completeness.kept_facts import Seen, seen_in_receipts
from p2pcredit.monitoring.feeds.compared_payments import BURDEN, REPAID, Compared
from p2pcredit.monitoring.feeds.compared_payments import FEEDS as COMPARED_IN
from p2pcredit.monitoring.feeds.levels import POINTS, sized
from p2pcredit.monitoring.feeds.payments import comparisons
from p2pcredit.monitoring.feeds.shapes import FeedDay
from p2pcredit.monitoring.feeds.texts import kept_texts, worded
from p2pcredit.periods import DateRange
from p2pcredit.storage.landing.notes import LandedFile, noted_landed
from p2pcredit.storage.tables.day_receipts import read_receipts
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.typing import trimmed_text, typed_value

_SIZES = " sizes "


@dataclass(frozen=True, slots=True)
class SeenInTables:
    """What the tables said of feeds on some days.

    Args:
        seen: Feed -> day -> what is known; of an optional feed, of the days on which it landed.
        states: Table -> what identified its rows just before they were read.
        loans: Feed and day -> loans that came in by the other feeds, and those that the feed has a row for.
        held: Feed -> day -> what silver holds.
    """

    seen: dict[str, dict[date, Seen]]
    states: dict[str, tuple[str, int] | None]
    loans: dict[tuple[str, date], tuple[int, int]]
    held: dict[str, dict[date, _Held]]


def seen_in_tables(
    ctx: JobContext, feeds: Collection[str], days: DateRange, before: SeenInTables | None = None
) -> SeenInTables:
    """Gather what bronze, silver and the notes of what landed say of these feeds for each of the days.

    Args:
        ctx: The context.
        feeds: Their names; of the others bronze is looked at, for the loans that came in.
        days: The days, whose bronze of all feeds and silver of these is written.
        before: What was seen of the same feeds and days a moment ago: the rows of a table that stands where it stood
            then are not counted again. Notes are.
    """
    lake = Lake(ctx.layout)
    bronzes = [bronze(feed).name for feed in APPLICATION_FEEDS]
    states = {table.name: lake.state(table) for table in map(bronze, APPLICATION_FEEDS)}
    states |= {table.name: lake.state(table) for table in (silver(ctx.feed(feed)) for feed in feeds)}

    def stands(*names: str) -> bool:
        return before is not None and all(
            name in before.states and before.states[name] == states[name] for name in names
        )

    loans = before.loans if before and stands(*bronzes) else _loans(ctx, feeds, days)
    held: dict[str, dict[date, _Held]] = {}
    found: dict[str, dict[date, Seen]] = {}
    for feed in feeds:
        notes = noted_landed(ctx.layout, feed, days).files or landed_before(ctx, feed, days)
        same = before is not None and feed in before.held and stands(silver(ctx.feed(feed)).name)
        held[feed] = before.held[feed] if before and same else _held(ctx, feed, days)
        found[feed] = {
            day: _seen(held[feed].get(day, _Held()), notes.get(day), loans.get((feed, day), (0, 0)))
            for day in days
            if day in notes or not feed_named(feed).optional
        }
    return SeenInTables(found, states, loans, held)


def receipts_say(
    ctx: JobContext, feed: str, days: DateRange, files: Mapping[date, LandedFile], rows: Mapping[date, int]
) -> bool:
    """Return whether the receipts of these days name these files as what was read, and count their rows per day."""
    receipts = read_receipts(ctx.layout, days)
    if landed_before(ctx, feed, days) != files:
        return False
    asked = [day for day in days if day in files or not feed_named(feed).optional]
    counts = (DayCounts.from_json(receipts.get(day, {}).get("counts")) for day in asked)
    return all(
        kept is not None and feed in kept.feeds and kept.feeds[feed].landed == rows.get(day, 0)
        for day, kept in zip(asked, counts, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Held:
    """The rows of a day in silver: how many are filled, sizes of numbers, categories, and how loans are paid back."""

    rows: int = 0
    filled: Mapping[str, int] = field(default_factory=dict)
    levels: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    texts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    payments: Mapping[str, Compared] = field(default_factory=dict)


def _seen(held: _Held, file: LandedFile | None, loans: tuple[int, int]) -> Seen:
    absent, unknown = (None, None) if file is None else (file.absent, file.unknown)
    shape = FeedDay(held.rows, held.filled, absent, unknown, *loans, held.levels, held.texts, held.payments)
    return Seen(shape) if file is None else Seen(shape, file.digest, file.size)


def landed_before(ctx: JobContext, feed: str, days: DateRange) -> dict[date, LandedFile]:
    """Read from the receipts of days that were complete before which files they were made from."""
    before = seen_in_receipts(read_receipts(ctx.layout, days), feed)
    return {
        day: LandedFile(seen.digest, seen.size, seen.shape.absent, seen.shape.unknown)
        for day, seen in before.items()
        if seen.shape.absent is not None and seen.shape.unknown is not None
    }


def _held(ctx: JobContext, feed: str, days: DateRange) -> dict[date, _Held]:
    """Count per day the rows in silver and those in which each column has a value; keep sizes of numbers, and texts."""
    contract = ctx.feed(feed)
    columns = contract.columns
    counts = [pl.col(column.typed_name).count().alias(column.source) for column in columns]
    sizes = [_kept(column).alias(f"{_SIZES}{column.source}") for column in columns if column.source in sized(contract)]
    rows = Lake(ctx.layout).scan(silver(contract), days)
    texts, payments = _texts(contract, rows), _payments(ctx, feed, rows, days)
    counted = rows.group_by("snapshot_date").agg(pl.len().alias(" rows"), *counts, *sizes).collect()
    return {
        row["snapshot_date"]: _Held(
            row[" rows"],
            {column.source: n for column in columns if (n := row[column.source])},
            {name: tuple(kept) for name in sized(contract) if (kept := row[f"{_SIZES}{name}"])},
            texts.get(row["snapshot_date"], {}),
            payments.get(row["snapshot_date"], {}),
        )
        for row in counted.iter_rows(named=True)
    }


def _texts(feed: Feed, rows: pl.LazyFrame) -> dict[date, dict[str, dict[str, int]]]:
    """Count per day in how many rows each text of each category stands, and choose those that are kept."""
    columns = [column for column in feed.columns if column.source in worded(feed)]
    if not columns:
        return {}
    each = [
        rows.select("snapshot_date", pl.lit(column.source).alias("column"), pl.col(column.typed_name).alias("text"))
        .drop_nulls("text")
        .group_by("snapshot_date", "column", "text")
        .len()
        for column in columns
    ]
    found: dict[date, dict[str, dict[str, int]]] = {}
    for day, column, text, number in pl.concat(each).collect().iter_rows():
        found.setdefault(day, {}).setdefault(column, {})[text] = number
    return {day: {name: kept_texts(of_day[name]) for name in sorted(of_day)} for day, of_day in found.items()}


def _payments(ctx: JobContext, feed: str, rows: pl.LazyFrame, days: DateRange) -> dict[date, dict[str, Compared]]:
    """Compare per day instalment, term, amount and income of the loans, as far as this feed and the terms have them."""
    name = next((one for one in (REPAID, BURDEN) if COMPARED_IN[one] == feed), None)
    if name is None:
        return {}
    loans = rows
    if feed != LOAN_TERMS.name:  # whose silver may not be written yet
        asked = ("loan_id", "loan_amount", "term", "installment")
        columns = [column for column in LOAN_TERMS.columns if column.source in asked]
        typed = [typed_value(column, trimmed_text(column)).alias(column.typed_name) for column in columns]
        terms = Lake(ctx.layout).frame(bronze(LOAN_TERMS), days).select("snapshot_date", *typed).to_native()
        once = terms.unique(["snapshot_date", "loan_id"], keep="any")
        loans = rows.select("snapshot_date", "loan_id", "annual_income").join(once, on=["snapshot_date", "loan_id"])
    found = loans.group_by("snapshot_date").agg(comparisons(name)).filter(pl.col("loans") > 0).collect()
    return {day: {name: Compared(*counts)} for day, *counts in found.iter_rows()}


def _kept(column: Column) -> pl.Expr:
    """Return a column's smallest value, deciles and largest, to six digits; of a date, its age in days."""
    value = pl.col(column.typed_name)
    if column.kind is Kind.DATE:
        value = (pl.col("snapshot_date") - value).dt.total_days()
    values = value.cast(pl.Float64).round_sig_figs(6).drop_nulls().sort()
    count = value.count().cast(pl.Int64)
    kept = pl.min_horizontal(count, pl.lit(POINTS, dtype=pl.Int64))
    return values.gather(pl.int_range(kept) * (count - 1) // (kept - 1).clip(1))


def _loans(ctx: JobContext, feeds: Collection[str], days: DateRange) -> dict[tuple[str, date], tuple[int, int]]:
    """Count per feed and day the loans that came in, by the other feeds, and those that the feed has a row for."""
    asked = [feed.name for feed in APPLICATION_FEEDS if feed.name in feeds]
    if not asked:
        return {}
    needed = [feed.name for feed in APPLICATION_FEEDS] if LOAN_TERMS.name in asked else [LOAN_TERMS.name, *asked]
    ids = {name: _ids(ctx, name, days) for name in needed}
    found: dict[tuple[str, date], tuple[int, int]] = {}
    for name in asked:
        if name == LOAN_TERMS.name:
            continue
        both = ids[LOAN_TERMS.name].join(ids[name], on=["snapshot_date", "loan_id"], how="semi")
        covered = _per_day(both)
        found |= {(name, day): (n, covered.get(day, 0)) for day, n in _per_day(ids[LOAN_TERMS.name]).items()}
    if LOAN_TERMS.name in asked:
        own = _per_day(ids[LOAN_TERMS.name])
        others = [_per_day(ids[name]) for name in needed if name != LOAN_TERMS.name]
        for day in days:
            loans = max(counts.get(day, 0) for counts in others)
            found[LOAN_TERMS.name, day] = loans, min(loans, own.get(day, 0))
    return found


def _ids(ctx: JobContext, feed: str, days: DateRange) -> pl.DataFrame:
    column = next(column for column in FEEDS[feed].columns if column.source == "loan_id")
    rows = Lake(ctx.layout).frame(bronze(FEEDS[feed]), days)
    ids = rows.select("snapshot_date", typed_value(column, trimmed_text(column)).alias("loan_id"))
    return ids.drop_nulls().unique().collect().to_polars()


def _per_day(ids: pl.DataFrame) -> dict[date, int]:
    counts: Any = ids.group_by("snapshot_date").len().iter_rows()
    return dict(counts)


__all__ = ["SeenInTables", "landed_before", "receipts_say", "seen_in_tables"]
