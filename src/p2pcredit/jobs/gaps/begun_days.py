"""Tell from which day on a home accounts for its days: the first that a run asked for, with or without a receipt.

Receipts alone would not do. Where they are deleted, or the last step of the first night of a home was marked as success
by hand, its days would be taken for days that no run asked for, and no gap and no hole would name them.
"""

from __future__ import annotations

from datetime import date, timedelta

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import bronze
from p2pcredit.jobs.context import JobContext
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.day_receipts import first_complete, last_complete

_EARLIEST = date(1970, 1, 1)


def days_begun(ctx: JobContext, not_before: date = _EARLIEST) -> DateRange | None:
    """Return the days from the first to the last that are complete, or were once: the ledger has a scored day by it.

    Days before these of which bronze has rows were begun too: a run did not come to its end.

    Args:
        ctx: The context.
        not_before: From when on bronze is looked into.

    Returns:
        None where no day was ever complete.
    """
    scored = ctx.ledger.state().scored
    firsts = [day for day in (first_complete(ctx.layout), min(scored, default=None)) if day is not None]
    lasts = [day for day in (last_complete(ctx.layout), max(scored, default=None)) if day is not None]
    if not firsts:
        return None
    first = min(firsts)
    if not_before < first:
        first = min([first, *_days_in_bronze(ctx, DateRange(not_before, first - timedelta(days=1)))])
    return DateRange(first, max(lasts))


def _days_in_bronze(ctx: JobContext, days: DateRange) -> list[date]:
    from p2pcredit.storage.tables.lake import Lake  # imports an engine, which a night of an older home goes without

    lake = Lake(ctx.layout)
    return [day for feed in FEEDS.values() for day in lake.rows_per_day(bronze(feed), days)]


__all__ = ["days_begun"]
