"""A small book of loans, what processes do with it at once, and what must come of it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import QUARANTINE, TABLES, bronze, silver
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange, parse_date
from p2pcredit.settings import LabelSettings, PreprocessingSettings, Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import read_receipt
from p2pcredit.storage.tables.lake import Lake

DAYS = DateRange(date(2010, 1, 25), date(2010, 3, 4))
SETTINGS = Settings(
    labels=LabelSettings(window_months=1, reporting_lag_days=1),
    preprocessing=PreprocessingSettings(max_quarantined_share=1.0),  # half of the book is broken
)
HEADERS = {
    "loan_terms": "loan_id,origination_date,loan_amount,term",
    "demographic": "loan_id,origination_date,home_ownership",
    "financial": "loan_id,origination_date,annual_income",
    "credit_history": "loan_id,origination_date,open_accounts_count",
    "loan_performance": "loan_id,event_date,status,days_past_due",
}
Book = dict[str, dict[date, list[str]]]


def make_book(days: DateRange = DAYS, seed: int = 23) -> Book:
    """Make a few loans a day, some broken rows, some that default or are paid off weeks later."""
    chance = random.Random(seed)
    book: Book = {feed: {day: [] for day in days} for feed in HEADERS}
    for day in days:
        for number in range(chance.randrange(4)):
            loan = f"l{day:%m%d}-{number}"
            amount = chance.choice(["500", "1200", "-3", "900"])
            book["loan_terms"][day].append(f"{loan},{day},{amount},36")
            book["demographic"][day].append(f"{loan},{day},RENT")
            book["financial"][day].append(f"{loan},{day},{chance.choice(['24000', 'much'])}")
            book["credit_history"][day].append(f"{loan},{day},3")
            seen = day + timedelta(days=chance.randrange(1, 40))
            status = chance.choice(["DEFAULT,90", "FULLY_PAID,0", "LATE,31", "EATEN,1"])
            if seen in days:
                book["loan_performance"][seen].append(f"{loan},{seen},{status}")
    return book


def land(home: Path, days: Iterable[date], book: Book | None = None) -> None:
    """Put the book's feeds of some days into the landing directory, as a platform's own system would."""
    book = book or make_book()
    for feed, header in HEADERS.items():
        directory = Layout(home).landing / feed
        directory.mkdir(parents=True, exist_ok=True)
        for day in days:
            text = "\n".join([header, *book[feed].get(day, [])]) + "\n"
            (directory / f"{feed}_{day:%Y_%m_%d}.csv").write_text(text)


def context(home: Path | str, run_id: str = "test") -> JobContext:
    """Make the context of a job on this home, at the same instant for all jobs."""
    return JobContext(Layout(Path(home)), SETTINGS, run_id, datetime(2010, 3, 6, 1, tzinfo=UTC))


def span(first: date | str, last: date | str) -> DateRange:
    """Make a range of days, from dates or their text."""
    return DateRange(*(parse_date(day) if isinstance(day, str) else day for day in (first, last)))


def day_by_day(home: Path | str, first: date | str, last: date | str) -> None:
    """Run what the daily run does, night after night."""
    for day in span(first, last):
        preprocess(context(home), DateRange(day, day))


def tables(home: Path) -> dict[str, pl.DataFrame]:
    """Read every table, in its own order."""
    lake = Lake(Layout(home))
    return {name: lake.read(table) for name, table in TABLES.items()}


def differences(home: Path, reference: Path) -> list[str]:
    """List the tables and receipts of complete days that differ from the reference."""
    ours, theirs = tables(home), tables(reference)
    receipts = [
        f"receipt of {day}" for day in DAYS if read_receipt(Layout(home), day) != read_receipt(Layout(reference), day)
    ]
    return [name for name in ours if not ours[name].equals(theirs[name])] + receipts


def unbalanced(home: Path) -> list[str]:
    """List the feeds whose rows in are not rows out and rows quarantined, or that hold a row twice."""
    lake = Lake(Layout(home))
    broken = lake.read(QUARANTINE).filter(pl.col("kind") == "row")
    found = []
    for feed in FEEDS.values():
        raw, sound = lake.read(bronze(feed)), lake.read(silver(feed))
        kept_out = broken.filter(pl.col("feed") == feed.name)
        if raw.height != sound.height + kept_out.height or raw.is_duplicated().any():
            found.append(feed.name)
    return found
