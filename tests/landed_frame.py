"""Land a feed whose rows are at hand, as the jobs of landing write it month by month."""

from __future__ import annotations

import polars as pl

from p2pcredit.contracts.feeds import Feed
from p2pcredit.errors import UsageError
from p2pcredit.periods import DateRange
from p2pcredit.storage.landing.files import SNAPSHOT, write_months
from p2pcredit.storage.layout import Layout


def write_landing(layout: Layout, feed: Feed, frame: pl.DataFrame, days: DateRange) -> int:
    """Land a feed, all of whose rows are at hand, for every day of `days`. See `write_months`.

    Args:
        frame: `snapshot_date` (Date) and columns of the feed as text; all within `days`.

    Returns:
        How many rows were written.

    Raises:
        UsageError: If rows lie outside `days`.
    """
    outside = frame.filter(~pl.col(SNAPSHOT).is_between(days.first, days.last).fill_null(value=False)).height
    if outside:
        raise UsageError(
            f"{outside} rows of feed '{feed.name}' lie outside {days.first} to {days.last}; widen the range"
        )
    by_month = frame.with_columns(pl.col(SNAPSHOT).dt.month_start().alias("month")).partition_by(
        "month", as_dict=True, include_key=False
    )
    write_months(layout, feed, lambda month: by_month.get((month,), frame.clear()), days)
    return frame.height
