"""Feeds that a day may lack: which of them some days have, and what is refused where a file of theirs is gone."""

from __future__ import annotations

from p2pcredit.contracts.feeds import OPTIONAL_FEEDS, feed_named
from p2pcredit.contracts.tables import bronze
from p2pcredit.errors import MissingFeedError
from p2pcredit.jobs.context import JobContext
from p2pcredit.periods import DateRange
from p2pcredit.storage.landing.presence import days_landed
from p2pcredit.storage.tables.lake import Lake


def has_nothing(ctx: JobContext, feed: str, days: DateRange) -> bool:
    """Return whether a feed is optional, no file of it landed for these days, and bronze has no row of them."""
    if feed not in OPTIONAL_FEEDS:
        return False
    return not days_landed(ctx.layout, feed, list(days)) and not Lake(ctx.layout).rows_per_day(
        bronze(feed_named(feed)), days
    )


def optional_feeds_of(ctx: JobContext, days: DateRange) -> list[str]:
    """List the optional feeds that some of these days have, in landing files or in bronze."""
    return [feed for feed in OPTIONAL_FEEDS if not has_nothing(ctx, feed, days)]


def require_files_of_rows(ctx: JobContext, feed: str, days: DateRange) -> None:
    """Make sure that each day of which bronze has rows of an optional feed still has its file.

    Raises:
        MissingFeedError: If not: taking the days in again would take their rows away without a word.
    """
    held = Lake(ctx.layout).rows_per_day(bronze(feed_named(feed)), days)
    gone = sorted(set(held) - days_landed(ctx.layout, feed, list(held)))
    if gone:
        raise MissingFeedError(
            f"the file of the optional feed '{feed}' of {gone[0]} is gone, and {held[gone[0]]:,} rows of it were taken "
            "in before; put it back, or land one with a header alone where there are none"
        )


__all__ = ["has_nothing", "optional_feeds_of", "require_files_of_rows"]
