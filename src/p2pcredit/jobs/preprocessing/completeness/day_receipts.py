"""Write the receipts of complete days: what they keep of each feed, and the rows that each table has of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from p2pcredit.contracts.feeds import ALL_FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, silver
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.set_aside import (
    DECLARED_UNKNOWN,
    VALUES_MISSING,
    is_declared_unknown,
    rows_set_aside,
    values_lost,
)
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.day_receipts import Facts, mark_complete
from p2pcredit.storage.tables.lake import Lake


def write_receipts(ctx: JobContext, span: DateRange, kept: Mapping[date, Facts]) -> None:
    """Write the receipts of some days within a span: what they keep, and the rows that each table has of them."""
    counts = rows_per_day(ctx, span)
    facts = {
        day: {**of_day, "snapshot_date": day.isoformat(), "rows": counts.get(day, {})} for day, of_day in kept.items()
    }
    mark_complete(ctx.layout, facts)


def rows_per_day(ctx: JobContext, days: DateRange) -> dict[date, dict[str, int]]:
    """Count rows per day: of `features`, `labels`, `<feed>`, and `quarantined:<feed>`; what is not named has none.

    Values that sound rows lost are counted as `values_missing:<feed>:<column>`. Rows that were set aside because a
    mapping says that their outcome is unknown are counted again as `declared_unknown:<feed>`.
    """
    lake = Lake(ctx.layout)
    tables = {
        "features": FEATURE_STORE,
        "labels": LABEL_STORE,
        **{name: silver(feed) for name, feed in ALL_FEEDS.items()},
    }
    named = [
        lake.scan(table, days).group_by("snapshot_date", pl.lit(name).alias("name")).len()
        for name, table in tables.items()
    ]
    broken = rows_set_aside(lake, days).group_by("snapshot_date", pl.format("quarantined:{}", "feed").alias("name"))
    declared = (
        rows_set_aside(lake, days)
        .filter(is_declared_unknown())
        .group_by("snapshot_date", pl.format(DECLARED_UNKNOWN + "{}", "feed").alias("name"))
    )
    lost = values_lost(lake, days).group_by(
        "snapshot_date", pl.format(VALUES_MISSING + "{}:{}", "feed", "column").alias("name")
    )
    counts: dict[date, dict[str, int]] = {}
    together = pl.concat([*named, broken.len(), declared.len(), lost.len()]).sort("snapshot_date", "name")
    for day, name, rows in together.collect().iter_rows():
        counts.setdefault(day, {})[name] = rows
    return counts


__all__ = ["rows_per_day", "write_receipts"]
