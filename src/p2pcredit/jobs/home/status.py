"""Where things stand, from the files alone."""

from __future__ import annotations

from datetime import date

from p2pcredit.contracts.decision import Decision
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.decision_outlook import in_words, pending_decision
from p2pcredit.jobs.gaps.find import find_gaps
from p2pcredit.jobs.governance.approvals import champion_approval, proposal_facts
from p2pcredit.jobs.home.reconciled_days import reconcile_days
from p2pcredit.jobs.training.retrain import first_model_outlook
from p2pcredit.retraining.service import next_review
from p2pcredit.storage.home_format import short_id_of
from p2pcredit.storage.state.decision_file import Unreadable, read_decision
from p2pcredit.storage.tables.day_receipts import last_complete


def status(ctx: JobContext) -> Receipt:
    """Show where this home stands. Nothing is changed by asking.

    Returns:
        `home`, `home_id` (short; None where the home has none), `last_preprocessed`, `days` (how many are `complete`,
        `with_holes`, `undetermined` and `not_taken_in`, and the first `holes`, a line for each day with the command
        that fills them; None before the first), `last_scored`, `champion`, `first_model` (what the next attempt at a
        first model waits for after one was refused, else None), `awaiting_approval` (promotions that wait, with what
        ends the waiting as `note`), `approval` (of the champion; None where no person approved it),
        `next_review` (its day), `findings_open` (of all models),
        `pending_decision` (the decision that waits, with `obeyed_from`, `obeyed_until` and `note`, which says why where
        no run obeys it; or None), `decision_file` (what lies there: `none`, `unreadable: ...` or `readable`),
        `last_report`, `weeks_retrained`, `gaps` (days not complete or not scored, and weeks not monitored, between
        those that are or after them: `lack`, `from`, `to`, `days`, `status`, `command`).
    """
    state = ctx.ledger.state()
    shown = read_decision(ctx.layout.decision_file)
    preprocessed = last_complete(ctx.layout)
    reports = sorted(path.name for path in ctx.layout.reports.glob("monitoring_*.html"))
    pending = pending_decision(ctx, state, shown)
    gaps = find_gaps(ctx)
    days = reconcile_days(ctx, gaps=gaps)
    review = next_review(state, ctx.settings.governance.review_months)
    return {
        "home": str(ctx.layout.home),
        "home_id": short_id_of(ctx.layout.home),
        "last_preprocessed": None if preprocessed is None else preprocessed.isoformat(),
        "days": None if days is None else days.as_json(),
        "last_scored": max(state.scored).isoformat() if state.scored else None,
        "champion": state.champion,
        "first_model": _first_model(ctx, preprocessed),
        "awaiting_approval": [proposal_facts(state, one) for one in state.approvals.waiting],
        "approval": champion_approval(ctx, state),
        "next_review": None if review is None else review.isoformat(),
        "findings_open": sum(one.is_open for found in state.findings.values() for one in found),
        "pending_decision": None
        if pending is None
        else {**pending.decision.as_json(), **in_words(pending.outlook, pending.unknown_fields)},
        "decision_file": _described(shown),
        "last_report": str(ctx.layout.reports / reports[-1]) if reports else None,
        "weeks_retrained": sorted(week.isoformat() for week in state.weeks_retrained()),
        "gaps": [gap.as_json() for gap in gaps],
    }


def _first_model(ctx: JobContext, day: date | None) -> str | None:
    """Say what the next attempt at a first model waits for; the lake is looked at only where one was refused."""
    state = ctx.ledger.state()
    if day is None or state.champion is not None or not state.trainings:
        return None
    return first_model_outlook(ctx, day)[1] or None


def _described(shown: Decision | Unreadable | None) -> str:
    if shown is None:
        return "none"
    return f"unreadable: {shown.why}" if isinstance(shown, Unreadable) else "readable"
