"""What a day's work opens and reads after ten years, beside what it opens after one month: counted, never timed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
from tests.landed_frame import write_landing
from tests.watched_opens import Opened, watched_opens

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import TABLES
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange, add_months
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.closing import close_periods
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.storage.tables.open_tables import forget

MONTH = date(2019, 5, 1)
WATCHED = DateRange(date(2019, 5, 11), date(2019, 5, 20))
"""Ten days, since a table's log is joined every ten commits: one day opens a few of its files, another ten."""


def opened_by_days(home: Path, months: int, run_on: Callable[..., JobContext]) -> list[Opened]:
    """With so many closed months behind it, and ten days of this one: what does each of the next ten days open?"""
    ctx = run_on(WATCHED.last, home=home)
    first = add_months(MONTH, -months)
    land(ctx.layout, DateRange(first, WATCHED.last))
    preprocess(ctx, DateRange(first, WATCHED.first - timedelta(days=1)))
    for table in TABLES.values():
        close_periods(Lake(ctx.layout), table, MONTH)
    return [opened_by(ctx, day) for day in WATCHED]


def opened_by(ctx: JobContext, day: date) -> Opened:
    """What does the work of a day open, in a process that has no table open yet?"""
    for table in TABLES.values():
        forget(ctx.layout.table(table.name))
    with watched_opens(ctx.layout.home) as opened:
        preprocess(ctx, DateRange(day, day))
    return opened


def outside_logs(opened: Opened) -> set[str]:
    return {name for name in opened.files if "_delta_log" not in name}


def logs(opened: Opened) -> list[str]:
    """The table of each file of a log that was opened."""
    return [name.split("/_delta_log")[0] for name in opened.files if "_delta_log" in name]


def land(layout: Layout, days: DateRange) -> None:
    """A loan a day, paid off three weeks later; one a month defaults, so labels need the events of every month.

    Payments are those of a schedule, so that cash flows follow each loan through its term.
    """
    originated = [(f"{day:%Y%m%d}", day) for day in days]
    paid = [(name, day + timedelta(days=21)) for name, day in originated if day + timedelta(days=21) in days]
    terms = {"loan_amount": "5000", "term": "36 months", "annual_income": "50000", "home_ownership": "RENT"}
    terms |= {"interest_rate": "12%", "payments": "SCHEDULED"}
    for feed in FEEDS.values():
        known = paid if feed.name == "loan_performance" else originated
        frame = pl.DataFrame(known, schema={"loan_id": pl.String, "snapshot_date": pl.Date}, orient="row")
        day, bad = pl.col("snapshot_date").cast(pl.String), pl.col("loan_id").str.ends_with("05")
        status = pl.when(bad).then(pl.lit("DEFAULT")).otherwise(pl.lit("FULLY_PAID"))
        values = {"origination_date": day, "event_date": day, "status": status}
        values |= {name: pl.lit(text) for name, text in terms.items()} | {
            "days_past_due": pl.when(bad).then(pl.lit("90")).otherwise(pl.lit("0"))
        }
        columns = [value.alias(name) for name, value in values.items() if name in feed.sources]
        write_landing(layout, feed, frame.with_columns(columns), days)


def test_a_day_opens_hardly_more_after_ten_years_than_after_a_month(
    tmp_path: Path, run_on: Callable[..., JobContext]
) -> None:
    young, old = (opened_by_days(tmp_path / str(months), months, run_on) for months in (1, 120))
    more = 2 * (6 + 5)  # labels look back into terms and servicing: six closed years, and the months of this one
    for of_young, of_old in zip(young, old, strict=True):
        assert len(outside_logs(of_young)) < len(outside_logs(of_old)) <= len(outside_logs(of_young)) + more
    assert max(of_a_log for day in old for of_a_log in Counter(logs(day)).values()) <= 16
    assert all(day.read_bytes < 5_000_000 for day in old)  # ten years of feeds lie there
    read = {name.split("snapshot_month=")[1][:4] for day in old for name in day.files if "snapshot_month=" in name}
    assert read == {
        str(year) for year in range(2013, 2020)
    }  # the longest label looks back 60 months and late reports 12
