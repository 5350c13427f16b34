"""What governance asks of a person now: promotions that wait, approvals that end or have lapsed, reviews due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from p2pcredit.contracts.alerts import Finding
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.periods import week_monday
from p2pcredit.retraining.approvals import Approval, ApprovalStanding, approval_in_words, waiting_in_words
from p2pcredit.retraining.service import next_review
from p2pcredit.retraining.state import HandoffState
from p2pcredit.storage.tables.day_receipts import last_complete

ABOUT_APPROVALS = "approval "
"""Starts what a warning in the activity file is about, where it is about an approval or a review."""

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


def attention(ctx: JobContext, state: HandoffState) -> list[Attention]:
    """List what governance asks of a person, promotions that wait first.

    Args:
        ctx: The context.
        state: What the ledger adds up to.
    """
    found: list[Attention] = []
    if state.approvals.waiting:
        # Where nothing serves no week is reviewed, so no weekly alerts say it again.
        again = "" if state.champion is not None else f" week {week_monday(present_day(ctx))}"
        found = [
            Attention(
                Finding.APPROVAL_WAITS,
                waiting_in_words(one, state.champion),
                f"{ABOUT_APPROVALS}{one.model_id} line {one.number}{again}",
            )
            for one in state.approvals.waiting
        ]
    given = None if state.champion is None else state.approvals.last_of(state.champion)
    return found if given is None else [*found, *_of_approval(ctx, state, given)]


def present_day(ctx: JobContext) -> date:
    """Return the day by which ends and reviews are judged: today, and in a home of past days the day after them."""
    today, last = ctx.at.date(), last_complete(ctx.layout)
    return today if last is None else min(today, last + timedelta(days=1))


def alert_of_approvals(ctx: JobContext) -> None:
    """Alert at once, and once each, of what governance asks of a person; the weekly alerts say it again.

    A person who promotes reads it in the receipt; the next scheduled run tells the channels. Where nothing serves there
    are no weekly alerts, since there is nothing to review: it is then alerted once a week.
    """
    if ctx.caller is Caller.PERSON:
        return
    for one in attention(ctx, ctx.ledger.state()):
        from p2pcredit.jobs.monitoring.alerts import alert_once  # reads the lake, which most nights need not

        alert_once(ctx, one.about, one.line, one.finding)


def _of_approval(ctx: JobContext, state: HandoffState, given: Approval) -> list[Attention]:
    """List what the approval of the champion asks for; the review of a model that no person approved asks nothing."""
    settings, today, found = ctx.settings.governance, present_day(ctx), []
    about = f"{ABOUT_APPROVALS}{given.model_id} line {given.number}"
    standing = given.standing(today, settings.notice_days)
    if standing in _OF_STANDING:
        line = approval_in_words(given, today, settings.notice_days)
        found.append(Attention(_OF_STANDING[standing], line, f"{about} {standing}"))
    review = next_review(state, settings.review_months)
    if review is not None and review <= today + timedelta(days=settings.notice_days):
        when = "was due" if review < today else "is due"
        line = (
            f"the review of {given.model_id} {when} on {review}; 'p2pcredit models approve {given.model_id} --by NAME "
            "--why TEXT' records one"
        )
        found.append(Attention(Finding.REVIEW_DUE, line, f"{about} review"))
    return found


__all__ = ["ABOUT_APPROVALS", "Attention", "alert_of_approvals", "attention", "present_day"]
