"""Hold the context of a job: the home, the settings, the caller and run id, and the present instant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from p2pcredit.contracts.catalogue import FeatureCatalogue
from p2pcredit.contracts.feeds import OWN_COLUMNS, Feed, feed_named
from p2pcredit.progress import Progress, no_progress
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.own_features import read_own_features
from p2pcredit.storage.state.ledger import Ledger

Receipt = dict[str, Any]
"""What a job says when it is done: JSON values only, small enough for an XCom."""


class Caller(StrEnum):
    """Who calls a job: a scheduled run, a person at the command line, or a replay at a simulated clock.

    A person's failed command is reported to that person only. What a replay warns of lies in the past: its alerts stay
    in the home. Neither reaches a channel. Set where jobs are called, never guessed from a run id.
    """

    SCHEDULED = "scheduled"
    PERSON = "person"
    REPLAY = "replay"


@dataclass(frozen=True)
class JobContext:
    """Hold the context of one job.

    Args:
        layout: The home directory.
        settings: All settings.
        run_id: Who asks: an Airflow run id, or `cli`, or `replay`. It stands in the ledger.
        at: The instant (UTC, aware) that jobs reckon with, written into ledger and activity as `at`; simulated in a
            replay.
        progress: Called with how far the job has come.
        caller: Scheduled run, person or replay; says which warnings and failures the team is alerted of.
        clock: Gives the true time, aware; it stands in each line as `written_at`. None where only `at` is known.
        logical_at: When the scheduled run was due (aware); it stands in each line. None for other callers.
        by: The name that a person gave with `--by`; None where none was given, and for other callers.
        login: The account of that person; None where it is not known, and for other callers.
    """

    layout: Layout
    settings: Settings
    run_id: str
    at: datetime
    progress: Progress = field(default=no_progress, compare=False, repr=False)
    caller: Caller = Caller.PERSON
    clock: Callable[[], datetime] | None = field(default=None, compare=False, repr=False)
    logical_at: datetime | None = None
    by: str | None = None
    login: str | None = None
    ledger: Ledger = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ledger", Ledger(self.layout.ledger, self.times))

    @property
    def catalogue(self) -> FeatureCatalogue:
        """The features of the home: those of this package and the lender's own columns, as they are declared now."""
        return read_own_features(self.layout)

    def feed(self, name: str) -> Feed:
        """Look up the contract of a feed as the home has it.

        Raises:
            UsageError: If there is no feed of that name.
        """
        return self.catalogue.feed(name) if name == OWN_COLUMNS.name else feed_named(name)

    def times(self) -> dict[str, str]:
        """Give the instants that a line carries beside `at`: `written_at` and `logical_at`, as far as known."""
        written = None if self.clock is None else self.clock()
        known = {"written_at": written, "logical_at": self.logical_at}
        return {
            name: instant.astimezone(UTC).isoformat(timespec="seconds")
            for name, instant in known.items()
            if instant is not None
        }

    def moved_to(self, at: datetime) -> JobContext:
        """Copy the context at another instant, sharing what was read of the ledger; the copy reports no progress."""
        moved = replace(self, at=at, progress=no_progress)
        object.__setattr__(moved, "ledger", self.ledger)
        return moved

    def with_policy(self, name: str) -> JobContext:
        """Copy the context under another decision policy."""
        monitoring = self.settings.monitoring.model_copy(update={"policy": name})
        return replace(self, settings=self.settings.model_copy(update={"monitoring": monitoring}))
