"""Cut the records of a mapped download into feeds: what was applied for, own columns, and what became of each loan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from p2pcredit.contracts.catalogue import FeatureCatalogue, landed_name
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS, OWN_COLUMNS
from p2pcredit.platforms.loan_book import RawBook, ordered_feeds
from p2pcredit.platforms.mapped.reading_notes import ReadingNotes
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.mapped.schema.outcomes import Received
from p2pcredit.platforms.mapped.schema.sources import Source
from p2pcredit.platforms.mapped.statuses.events import PAST_DUE, build_events
from p2pcredit.platforms.mapped.statuses.received import with_received
from p2pcredit.platforms.mapped.tape.events import ABSENT
from p2pcredit.platforms.mapped.tape.rows import TapeRows
from p2pcredit.platforms.mapped.values import (
    as_date,
    as_text,
    dates_after_reading,
    finished,
    problem_with_date,
    problem_with_days,
    status_text,
    total_of,
    whole_days,
    without_impossible_days,
)
from p2pcredit.platforms.mapped.warnings import note_made_after, warn_of_delays
from p2pcredit.platforms.missing_signs import is_blank
from p2pcredit.platforms.raw_table import RawTable


def cut_book(
    mapping: PlatformMapping,
    today: date | None,
    notes: ReadingNotes,
    tape: TapeRows | None,
    early: list[pl.DataFrame],
    table: RawTable,
    last_date: date | None,
) -> RawBook:
    """Cut records into the feeds.

    Args:
        mapping: What says which raw column is which.
        today: The day of the landing, after which no date can be read; None for none.
        notes: Where values that are hardly meant are noted.
        tape: The monthly rows beside the loans, where the mapping has any.
        early: Where the loans go of which a status is older than they are.
        table: The records, their numbers written plainly.
        last_date: The last date in the download: the day on which statuses were read where the mapping names none.
    """
    events, originated = mapping.events, as_date(mapping.origination_date)
    read_on = events.read_on or last_date
    keys = [
        originated.alias("snapshot_date"),
        pl.col(mapping.id_column).str.strip_chars().alias("loan_id"),
        originated.cast(pl.String).alias("origination_date"),
    ]
    feeds = _application_feeds(mapping, table.rows, keys, originated)
    if mapping.features:
        feeds[OWN_COLUMNS.name] = _own_columns(mapping, notes, table.rows, keys, originated)
    loans = _statuses(mapping, today, table.rows, keys[:2])
    if tape is not None:
        there = pl.lit(tape.has(loans["loan_id"]))
        loans = loans.with_columns(pl.when(there).then("status").otherwise(pl.lit(ABSENT)).alias("status"))
    loans = without_impossible_days(loans, read_on)
    with_events = [status for status, rule in events.rules.items() if isinstance(rule, tuple) and rule]
    notes.note_dates(mapping, table.rows, status_text(events.status, events.rules).is_in(with_events))
    notes.note_flags(mapping, table.rows)
    note_made_after(events.read_on, loans["snapshot_date"], notes.made_after)
    on = pl.when(pl.col("status").is_in(with_events)).then(pl.col("on"))
    own = loans.select("loan_id", on.alias("on"), "snapshot_date").filter(pl.col("on") < pl.col("snapshot_date"))
    early.append(own)
    notes.loss_dates.look_at(loans, events.rules)
    overdue = [status for status, rule in events.rules.items() if rule == PAST_DUE]
    warn_of_delays(mapping, loans.filter(pl.col("status").is_in(overdue))["days_past_due"])
    performance = build_events(loans, dict(events.rules), read_on, as_it_stands=events.received is None)
    if events.received is not None:
        paid = table.rows.select(keys[1], *_received(today, events.received))
        scheduled = pl.when(pl.col("principal") >= 0).then(pl.lit("SCHEDULED")).alias("payments")
        feeds["loan_terms"] = feeds["loan_terms"].with_columns(paid.select(scheduled).to_series())
        whole = loans.with_columns(paid.drop("loan_id").get_columns())
        after = events.received.recovered_after_days
        performance = with_received(performance, whole, dict(events.rules), read_on, after)
    feeds["loan_performance"] = performance
    origins = table.rows.select(pl.lit(table.file).alias("file"), "row_number", originated.alias("snapshot_date"))
    return RawBook(table.rows_in, ordered_feeds(feeds), table.rejected, origins, early=own if own.height else None)


def with_own_feed(mapping: PlatformMapping, book: RawBook) -> RawBook:
    """Give a part of the tape the feed that every part of the loans has where own columns are declared."""
    if not mapping.features:
        return book
    kinds = dict.fromkeys(FeatureCatalogue(mapping.own_features).feed(OWN_COLUMNS.name).sources, pl.String())
    rows = pl.DataFrame(schema={"snapshot_date": pl.Date(), **kinds})
    return replace(book, feeds={**book.feeds, OWN_COLUMNS.name: rows})


def own_sources(mapping: PlatformMapping) -> dict[str, Source]:
    """Map each column of the feed `own_columns` to where it comes from."""
    return {landed_name(own.contract(name)): own.written for name, own in mapping.features.items()}


def known_late(mapping: PlatformMapping, name: str, originated: pl.Expr) -> pl.Expr:
    """Say whether a value of an own column was not known on the day of the loan, or not certainly."""
    known_on = mapping.features[name].known_on
    if known_on is None:
        return pl.lit(value=False)
    return (as_date(known_on).is_null() | (as_date(known_on) > originated)).fill_null(value=True)


def not_after(today: date | None, day: pl.Expr) -> pl.Expr:
    """Take a date unless it lies in the future."""
    return day if today is None else pl.when(day <= today).then(day)


def _application_feeds(
    mapping: PlatformMapping, rows: pl.DataFrame, keys: Sequence[pl.Expr], originated: pl.Expr
) -> dict[str, pl.DataFrame]:
    feeds = {
        name: finished(
            FEEDS[name].columns,
            rows.select(*keys, *(as_text(source, originated).alias(column) for column, source in columns.items())),
            columns,
        )
        for name, columns in mapping.feeds.items()
    }
    for feed in APPLICATION_FEEDS:
        feeds.setdefault(feed.name, rows.select(*keys))
    return feeds


def _own_columns(
    mapping: PlatformMapping, notes: ReadingNotes, rows: pl.DataFrame, keys: Sequence[pl.Expr], originated: pl.Expr
) -> pl.DataFrame:
    """Take the own columns; what was not known on the day of the loan, or not certainly, is missing and counted."""
    sources = own_sources(mapping)
    found = finished(
        FeatureCatalogue(mapping.own_features).columns,
        rows.select(*keys, *(as_text(of, originated).alias(name) for name, of in sources.items())),
        sources,
    )
    for name, own in mapping.features.items():
        if own.known_on is None:
            continue
        column = landed_name(own.contract(name))
        late = rows.select(late=known_late(mapping, name, originated))["late"]
        given = ~found.select(is_blank(pl.col(column)))[:, 0]
        notes.note_late(name, int((late & given).sum()), int(given.sum()))
        found = found.with_columns(pl.when(~pl.lit(late)).then(pl.col(column)).alias(column))
    return found


def _statuses(
    mapping: PlatformMapping, today: date | None, rows: pl.DataFrame, keys: Sequence[pl.Expr]
) -> pl.DataFrame:
    """Read the status of each loan, its date and its days past due, as `build_events` takes them."""
    events = mapping.events
    on, late = pl.lit(None, dtype=pl.Date), pl.lit(None, dtype=pl.Int64)
    on_text = days_text = pl.lit(None, dtype=pl.String)
    if events.on:
        read = as_date(events.on)
        on = pl.when(~dates_after_reading(read, events.read_on)).then(not_after(today, read))
        on_text = problem_with_date(events.on, read, on, events.read_on)
    if events.days_past_due:
        late, days_text = whole_days(events.days_past_due), problem_with_days(events.days_past_due)
    return rows.select(
        *keys,
        status_text(events.status, events.rules).alias("status"),
        on.alias("on"),
        on_text.alias("on_text"),
        late.alias("days_past_due"),
        days_text.alias("days_text"),
    )


def _received(today: date | None, received: Received) -> list[pl.Expr]:
    """Add up what loans have paid in all, and read the day of the last payment."""
    last = not_after(today, as_date(received.last_on)) if received.last_on else pl.lit(None, dtype=pl.Date)
    return [*(total_of(columns).alias(total) for total, columns in received.amounts.items()), last.alias("last_on")]


__all__ = ["cut_book", "known_late", "not_after", "own_sources", "with_own_feed"]
