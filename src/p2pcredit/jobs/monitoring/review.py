"""The weekly review in one process: the steps of the monitoring pipeline, for the command line and the replay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from p2pcredit.jobs.activity import record
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.governance.acts import acting
from p2pcredit.jobs.monitoring import alerts
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.jobs.pipeline_graph import Step
from p2pcredit.jobs.pipelines import MONITORING
from p2pcredit.jobs.walking import do_step, walk


def monitor(ctx: JobContext, week_end: date, *, report: bool = True, alert: bool = False) -> Receipt:
    """Do the steps of the weekly review.

    Args:
        ctx: The context.
        week_end: The last day that the week looks at.
        report: Whether to write the report.
        alert: Whether to send alerts, also in a week without a decision: then a job may have failed.

    Returns:
        `week_end_date`, `performance_score`, `decision` (or None), `report` (path or None), `reason`.
    """
    acting(ctx)  # a review without the name that settings ask for would end before its decision
    step_of_review = review_step(ctx, week_end, shared=True)
    left_out = {"generate_report": report, "send_alerts": alert}
    walked = walk(MONITORING, lambda step: step_of_review(step) if left_out.get(step.name, True) else {})
    receipts = walked.receipts
    decision = receipts.get("write_retraining_decision", {}).get("decision")
    reasons = (decision, receipts.get("calculate_metrics"), receipts["check_monitoring"])
    receipt: Receipt = {
        "week_end_date": week_end.isoformat(),
        "performance_score": None if decision is None else decision["performance_score"],
        "decision": decision,
        "report": receipts.get("generate_report", {}).get("report"),
        "reason": next(found["reason"] for found in reasons if found is not None),
    }
    record(ctx, "monitor", {key: value for key, value in receipt.items() if key != "decision"})
    if alert and not walked.succeeded("send_alerts"):
        alerts.send_alerts(ctx, week_end)
    return receipt


def review_step(ctx: JobContext, week_end: date, *, shared: bool) -> Callable[[Step], Receipt]:
    """Make the function that does one step of the review.

    Args:
        ctx: The context.
        week_end: The last day that the week looks at.
        shared: Whether the steps share what was known at the end of the week, read once, as one process may; tasks of a
            scheduler each read it for themselves.
    """
    week = MonitoringSnapshot(ctx, week_end)

    def do(step: Step) -> Receipt:
        if shared and step.shares_week:
            return do_step(ctx, step, week_end, week=week)
        return do_step(ctx, step, week_end)

    return do
