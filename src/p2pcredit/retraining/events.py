"""The lines of the decision ledger: each an immutable fact, numbered from 1 without gaps."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from p2pcredit.errors import DecisionError

_TIMES = ("written_at", "logical_at")


class EventKind(StrEnum):
    """What a ledger line can say.

    DECIDED a decision was made (by monitoring, by hand, by override). SET_ASIDE an unreadable decision file was moved
    away. CLAIMED a training run began to act on a decision. RELEASED it failed or died, and the decision waits for the
    next run. TRAINED it ended; the decision is acted on. CLEARED the decision file was removed after that. PROMOTED and
    ROLLED_BACK a person changed the champion. APPROVED a person let a model serve, or go on serving; REFUSED ended the
    waiting of one. FINDING_OPENED a person found something about a model; FINDING_CLOSED that is done with. SCORED a
    model scored the loans of some days.
    """

    DECIDED = "decided"
    SET_ASIDE = "set_aside"
    CLAIMED = "claimed"
    RELEASED = "released"
    TRAINED = "trained"
    CLEARED = "cleared"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    APPROVED = "approved"
    REFUSED = "refused"
    FINDING_OPENED = "finding_opened"
    FINDING_CLOSED = "finding_closed"
    SCORED = "scored"


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """One line.

    Args:
        number: Its place, from 1.
        kind: What it says.
        at: The instant that the writing job reckoned with, ISO in UTC: the true one, or that of a simulated clock.
        run_id: Who wrote it.
        facts: What it says, as JSON values.
        times: Further instants by name: `written_at`, when it was truly written, and `logical_at`, when the scheduled
            run was due. Each where known.
    """

    number: int
    kind: EventKind
    at: str
    run_id: str
    facts: dict[str, Any] = field(default_factory=dict)
    times: dict[str, str] = field(default_factory=dict, compare=False)

    def as_json(self) -> dict[str, Any]:
        """Return the line as plain JSON values."""
        head = {"number": self.number, "event": str(self.kind), "at": self.at, **self.times, "run_id": self.run_id}
        return {**head, **self.facts}

    @staticmethod
    def from_json(content: object) -> LedgerEvent:
        """Read a line back.

        Raises:
            DecisionError: If it is not one.
        """
        try:
            facts = dict(content)  # type: ignore[call-overload]
            number, kind = int(facts.pop("number")), EventKind(facts.pop("event"))
            times = {name: str(facts.pop(name)) for name in _TIMES if name in facts}
            return LedgerEvent(number, kind, str(facts.pop("at")), str(facts.pop("run_id")), facts, times)
        except (TypeError, ValueError, KeyError) as error:
            raise DecisionError(f"not a ledger line: {error!r}") from error
