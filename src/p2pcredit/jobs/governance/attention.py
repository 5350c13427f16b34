"""What approvals ask of a person now: promotions that wait, approvals that end or have lapsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from p2pcredit.contracts.alerts import Finding
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.periods import week_monday
from p2pcredit.retraining.approvals import ApprovalStanding, approval_in_words, waiting_in_words
from p2pcredit.retraining.state import HandoffState

ABOUT_APPROVALS = "approval "
"""Starts what a warning in the activity file is about, where it is about an approval."""

_OF_STANDING = {
    ApprovalStanding.ENDS_SOON: Finding.APPROVAL_ENDS,
    ApprovalStanding.LAPSED: Finding.APPROVAL_LAPSED,
}


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing that asks for a person: its kind, its line, and what tells it from others in the activity file."""

    finding: Finding
    line: str
    about: str


def attention(ctx: JobContext, state: HandoffState, day: date | None = None) -> list[Attention]:
    """List what approvals ask of a person on a day, promotions that wait first.

    Args:
        ctx: The context.
        state: What the ledger adds up to.
        day: The day; that of the context's instant where None.
    """
    today = ctx.at.date() if day is None else day
    again = "" if state.champion is not None else f" week {week_monday(today)}"  # no review alerts of it weekly
    found = [
        Attention(
            Finding.APPROVAL_WAITS,
            waiting_in_words(one, state.champion),
            f"{ABOUT_APPROVALS}{one.model_id} line {one.number}{again}",
        )
        for one in state.approvals.waiting
    ]
    given = None if state.champion is None else state.approvals.last_of(state.champion)
    if given is not None:
        notice = ctx.settings.governance.notice_days
        standing = given.standing(today, notice)
        if standing in _OF_STANDING:
            about = f"{ABOUT_APPROVALS}{given.model_id} line {given.number} {standing}"
            found.append(Attention(_OF_STANDING[standing], approval_in_words(given, today, notice), about))
    return found


def alert_of_approvals(ctx: JobContext) -> None:
    """Alert at once, and once each, of what approvals ask of a person; the weekly alerts say it again.

    A person who promotes reads it in the receipt; the next scheduled run tells the channels. Where nothing serves there
    are no weekly alerts, since there is nothing to review: it is then alerted once a week.
    """
    if ctx.caller is Caller.PERSON:
        return
    for one in attention(ctx, ctx.ledger.state()):
        from p2pcredit.jobs.monitoring.alerts import alert_once  # reads the lake, which most nights need not

        alert_once(ctx, one.about, one.line, one.finding)


__all__ = ["ABOUT_APPROVALS", "Attention", "alert_of_approvals", "attention"]
