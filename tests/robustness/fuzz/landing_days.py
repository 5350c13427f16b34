"""A small clean loan book: the same few loans in every feed, day after day, from which broken files are made."""

from __future__ import annotations

import random
from datetime import date

import polars as pl
from tests.landed_frame import write_landing

from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.contracts.feeds import FEEDS, Feed
from p2pcredit.periods import DateRange, month_end, month_start
from p2pcredit.storage.layout import Layout

LOANS_A_DAY = 5
_WORDS = ("car", "Ausbildung, Möbel", 'a "quoted" word', "two\nlines", "debt", "", "кредит", "結婚")


def clean_rows(feed: Feed, day: date) -> list[list[str]]:
    """Make the rows of one feed and day, as text, in the order of its columns; none breaks a rule."""
    luck = random.Random(f"{feed.name} {day}")
    return [[_text(luck, column, day, place) for column in feed.columns] for place in range(LOANS_A_DAY)]


def _text(luck: random.Random, column: Column, day: date, place: int) -> str:
    if column.source == "loan_id":
        return f"{day:%y%m%d}-{place}"
    if column.required and column.kind is Kind.DATE:
        return str(day)
    if column.allowed:
        return luck.choice(sorted(column.allowed))
    match column.kind:
        case Kind.TEXT:
            return luck.choice(_WORDS)
        case Kind.CATEGORY:
            return luck.choice(["A", "b", "RENT", "own home"])
        case Kind.DATE:
            return f"{luck.randint(1970, 2008)}-{luck.randint(1, 12):02d}-{luck.randint(1, 28):02d}"
        case Kind.NUMBER:
            return f"{luck.uniform(1, 800):.2f}"
        case Kind.COUNT:
            return str(luck.randint(0, 30))
        case Kind.PERCENT:
            return luck.choice([f"{luck.uniform(1, 30):.2f}%", f"{luck.uniform(1, 30):.1f}"])
        case Kind.TERM:
            return luck.choice([" 36 months", "60"])
        case Kind.YEARS:
            return luck.choice(["10+ years", "< 1 year", "n/a", "3 years", "7"])
        case Kind.FLAG:
            return luck.choice(["yes", "no", "TRUE", "0"])
    raise AssertionError(column.kind)


def land_clean(layout: Layout, days: DateRange) -> None:
    """Land the clean book for all months of these days, one Parquet file a month."""
    days = DateRange(month_start(days.first), month_end(days.last))
    for feed in FEEDS.values():
        rows = [(day, *row) for day in days for row in clean_rows(feed, day)]
        schema = {"snapshot_date": pl.Date, **dict.fromkeys(feed.sources, pl.String)}
        write_landing(layout, feed, pl.DataFrame(rows, schema=schema, orient="row"), days)
