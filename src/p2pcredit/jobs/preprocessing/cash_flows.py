"""Build the cash flows: those that become known on some days, and those of later days that rest on them."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import narwhals as nw
import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import CASH_FLOWS, QUARANTINE, silver
from p2pcredit.engines.protocol import Engine
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.lake_engines import close_month, engine_for
from p2pcredit.periods import DateRange
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.storage.tables.day_receipts import is_complete, last_with_labels, mark_labels_built
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.cash_flows import CASH_COLUMNS, disbursements, reported_flows, stretches
from p2pcredit.transforms.payment_schedule import scheduled_flows
from p2pcredit.transforms.unknown_outcomes import QUARANTINE_COLUMNS


def build_cash_flows(ctx: JobContext, days: DateRange) -> Receipt:
    """Write the cash flows that become known on these days, and mend those of later days that rest on them.

    Returns:
        `rows`, `changed`, `later_changed`: whether flows of later days were other than before.
    """
    lake = Lake(ctx.layout)
    with lake.lock(CASH_FLOWS):
        mark_labels_built(ctx.layout, days)
        history = DateRange(EARLIEST_ORIGINATION, days.last)
        engine = engine_for(ctx, lake, *((silver(FEEDS[name]), history) for name in CASH_COLUMNS))
        height, changed = _write(ctx, engine, days)
        later = _mend_later_flows(ctx, engine, days)
        close_month(lake, CASH_FLOWS, days)
    return {"rows": height, "changed": changed, "later_changed": later}


def _mend_later_flows(ctx: JobContext, engine: Engine, days: DateRange) -> bool:
    """Build the flows of later days anew that rest on these days; says whether any changed."""
    next_day, last = days.last + timedelta(days=1), last_with_labels(ctx.layout)
    if last is None or last < next_day:
        return False
    later = list(Lake(ctx.layout).rows_per_day(CASH_FLOWS, DateRange(next_day, last)))
    later += [] if is_complete(ctx.layout, last) else [last]  # a run of that day stands before its end
    return bool(later) and _write(ctx, engine, DateRange(min(later), max(later)))[1]


def _write(ctx: JobContext, engine: Engine, days: DateRange) -> tuple[int, bool]:
    """Replace the flows of these days; give how many there are and whether any changed."""
    history = DateRange(EARLIEST_ORIGINATION, days.last)
    terms, performance, quarantine = engine.read_once(
        *(engine.frame(silver(FEEDS[name]), history, columns) for name, columns in CASH_COLUMNS.items()),
        engine.frame(QUARANTINE, history, QUARANTINE_COLUMNS),
    )
    labels = ctx.settings.labels
    lives = stretches(terms, performance, quarantine, days.last, labels)
    filled = engine.mapped(lives, partial(_filled, days, labels.default_days), CASH_FLOWS)
    direct = [disbursements(terms, days), *reported_flows(terms, performance, days)]
    known = [
        part.with_columns(nw.col("snapshot_date").alias("known_on")).select(list(CASH_FLOWS.schema)) for part in direct
    ]
    (flows,) = engine.run(nw.concat([*known, filled.lazy().select(list(CASH_FLOWS.schema))]))
    return flows.height, engine.replace(CASH_FLOWS, flows, days)


def _filled(days: DateRange, known_after_days: int, lives: pl.DataFrame) -> pl.DataFrame:
    if lives.is_empty():
        return pl.DataFrame(schema=CASH_FLOWS.schema)
    return scheduled_flows(lives, days, known_after_days).with_columns(pl.col("snapshot_date").alias("known_on"))


__all__ = ["build_cash_flows"]
