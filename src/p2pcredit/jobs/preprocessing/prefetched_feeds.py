"""What has landed, as bronze takes it in: read while other work is done, and taken only if it still holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.context import JobContext
from p2pcredit.periods import DateRange
from p2pcredit.storage.landing.files import landed_state
from p2pcredit.storage.landing.read import LandingRead, read_landing
from p2pcredit.storage.locks import shared_lock


@dataclass(frozen=True, slots=True)
class Landed:
    """What a feed's landing files held of some days.

    Args:
        read: What was read.
        state: The fingerprints of the files when they were read.
    """

    read: LandingRead
    state: dict[Path, tuple[int, ...]]

    def still_holds(self, ctx: JobContext, feed: str, days: DateRange) -> bool:
        """Return whether the files are the same as when they were read."""
        return landed_state(ctx.layout, feed, days) == self.state


def landed_now(ctx: JobContext, feed: str, days: DateRange, before: Landed | None = None) -> LandingRead:
    """Read what a feed's landing files hold of these days. Call it while the landing is locked.

    Args:
        ctx: The context.
        feed: Its name.
        days: The snapshot dates.
        before: What was read of them before; it is read again if the files changed since.

    Raises:
        SourceError: If a file cannot be used.
    """
    if before is not None and before.still_holds(ctx, feed, days):
        return before.read
    return read_landing(ctx.layout, ctx.feed(feed), days)


def prefetch_feeds(ctx: JobContext, parts: Sequence[DateRange]) -> Iterator[Landed | None]:
    """Read ahead what all feeds hold of each part; None for what cannot be read, so that its reader says why."""
    for days in parts:
        for feed in FEEDS:
            try:
                with shared_lock(ctx.layout.landing_lock, "the landing directory", wait_seconds=0):
                    state = landed_state(ctx.layout, feed, days)
                    landed = Landed(landed_now(ctx, feed, days), state)
            except P2PCreditError:
                landed = None
            yield landed


__all__ = ["Landed", "landed_now", "prefetch_feeds"]
