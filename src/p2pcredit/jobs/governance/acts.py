"""Say in a ledger line who acted, a person by name or the schedule; and know an act that is done again after a kill.

A command of a person that was killed after its ledger line lacks its line of activity, its warnings or its files. Done
again it must finish that one act and begin no second: the same words of the same person on the same day are one act.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.retraining.approvals import NO_APPROVAL
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.retraining.people import SCHEDULE, person_named

Actor = dict[str, str | None]
"""`by`: a person's name, `schedule`, or None where none is known. `login`: the account, of a person where known."""


def acting(ctx: JobContext, *, by_name: bool = False) -> Actor:
    """Give the facts by which a ledger line names who acts.

    Args:
        ctx: The context. A replay does what the schedule would have done, so its lines say the same.
        by_name: Whether the act needs a name that was given, whatever the settings say.

    Raises:
        UsageError: If a person acts without a name where one is needed, or under no person's name.
    """
    if ctx.caller is not Caller.PERSON:
        return {"by": SCHEDULE}
    login = {} if ctx.login is None else {"login": ctx.login}
    if ctx.by is not None:
        return {"by": person_named(ctx.by), **login}
    settings = ctx.settings.governance
    if by_name or settings.names == "required" or settings.approval != NO_APPROVAL:
        raise UsageError("say who does it: give the name of a person with --by")
    return {"by": ctx.login, **login}


def same_act(ctx: JobContext, number: int | None, kind: EventKind, words: Mapping[str, Any]) -> LedgerEvent | None:
    """Return a ledger line where it is this act already: of this kind, on this day, in these words.

    Args:
        ctx: The context, whose instant says which day it is.
        number: The number of the line; None where there is none.
        kind: What the act would write.
        words: Facts that the line must hold, `why` and `by` among them.
    """
    if number is None:
        return None
    line = ctx.ledger.events()[number - 1]
    on_this_day = datetime.fromisoformat(line.at).date() == ctx.at.date()
    said = all(line.facts.get(name) == value for name, value in words.items())
    return line if line.kind is kind and on_this_day and said else None


__all__ = ["Actor", "acting", "same_act"]
