"""Waiting for files of a home without holding a worker: triggers for Airflow's triggerer, with no engine imported."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from p2pcredit.errors import P2PCreditError
from p2pcredit.orchestration.runs.run_home import require_same_home
from p2pcredit.storage.home_format import read_identity
from p2pcredit.storage.layout import Layout


class HomeTrigger(BaseTrigger):
    """Look into a home every few seconds until what is waited for is there, or until the deadline.

    It ends by giving an answer, `{"complete": true or false}`, never by failing; where the triggerer finds another home
    than the run began in, the answer has `refused`, which says so; else it brings back `began_in` where that is known,
    since another worker may take the task up. The deadline is an instant and not a span, so that a triggerer that
    starts again does not wait anew.

    Args:
        home: The home directory.
        snapshot_date: The day, `YYYY-MM-DD`.
        deadline: Aware ISO instant after which the answer is no.
        poll_seconds: Seconds between two looks.
        began_in: The home that the run began in, as its tasks record it; None where that is not known.
    """

    def __init__(
        self,
        home: str,
        snapshot_date: str,
        deadline: str,
        poll_seconds: float = 2.0,
        began_in: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.home = home
        self.snapshot_date = snapshot_date
        self.deadline = deadline
        self.poll_seconds = poll_seconds
        self.began_in = began_in

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to build this trigger again, as plain JSON values."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "home": self.home,
                "snapshot_date": self.snapshot_date,
                "deadline": self.deadline,
                "poll_seconds": self.poll_seconds,
                "began_in": self.began_in,
            },
        )

    @abstractmethod
    def looker(self, layout: Layout, day: date) -> Callable[[], bool]:
        """Return the function that looks once; it runs in a thread, and may remember between looks."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, sleep, look again; give one event with the answer."""
        look = self.looker(Layout(Path(self.home)), date.fromisoformat(self.snapshot_date))
        deadline = datetime.fromisoformat(self.deadline)
        refused = await asyncio.to_thread(self._refusal)
        if refused is not None:
            yield TriggerEvent({"complete": False, "refused": refused})  # type: ignore[no-untyped-call]
            return
        while True:
            complete = await asyncio.to_thread(look)
            remaining = (deadline - datetime.now(UTC)).total_seconds()
            if complete or remaining <= 0:
                known = {} if self.began_in is None else {"began_in": self.began_in}
                yield TriggerEvent({"complete": bool(complete), **known})  # type: ignore[no-untyped-call]
                return
            await asyncio.sleep(min(self.poll_seconds, max(remaining, 0.05)))

    def _refusal(self) -> str | None:
        """Say in one line that the triggerer's home is not the one that the run began in; None where it is."""
        home = Path(self.home)
        try:
            require_same_home(home, read_identity(home), self.began_in or {}, "triggerer")
        except P2PCreditError as error:
            return str(error)
        return None


class DayCompleteTrigger(HomeTrigger):
    """Wait until the gold tables of a day are complete."""

    def looker(self, layout: Layout, day: date) -> Callable[[], bool]:
        """Return a look for the receipt of the day."""
        from p2pcredit.storage.tables.day_receipts import is_complete

        return lambda: is_complete(layout, day)


class FeedLandedTrigger(HomeTrigger):
    """Wait until a feed has landed for a day, in a file that stays as it is from one look to the next.

    Args:
        feed: The feed.
        home, snapshot_date, deadline, poll_seconds, began_in: As for every trigger of this module.
    """

    def __init__(
        self,
        home: str,
        snapshot_date: str,
        deadline: str,
        poll_seconds: float = 2.0,
        began_in: dict[str, Any] | None = None,
        *,
        feed: str = "",
    ) -> None:
        super().__init__(home, snapshot_date, deadline, poll_seconds, began_in)
        self.feed = feed

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to build this trigger again, as plain JSON values."""
        name, facts = super().serialize()
        return name, {**facts, "feed": self.feed}

    def looker(self, layout: Layout, day: date) -> Callable[[], bool]:
        """Return a look for the file of the feed, which compares it with the look before."""
        from p2pcredit.storage.landing.presence import Fingerprints, landed_now

        before: list[Fingerprints] = [()]

        def look() -> bool:
            found = landed_now(layout, self.feed, day)
            settled = bool(found) and found == before[0]
            before[0] = found
            return settled

        return look


class WeekReadyTrigger(HomeTrigger):
    """Wait until the last day of a week is complete and scored."""

    def looker(self, layout: Layout, day: date) -> Callable[[], bool]:
        """Return a look for the receipt of the day and the ledger's line about it."""
        from p2pcredit.jobs.monitoring.readiness import WeekReadiness

        return WeekReadiness(layout, day).is_ready
