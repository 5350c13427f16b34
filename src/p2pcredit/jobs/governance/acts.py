"""Say in a ledger line who acted: a person by name, or the schedule."""

from __future__ import annotations

from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.retraining.approvals import NO_APPROVAL
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


__all__ = ["Actor", "acting"]
