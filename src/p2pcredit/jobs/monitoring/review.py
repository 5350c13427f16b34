"""All steps of the weekly review in one call, for the command line and the replay."""

from __future__ import annotations

from datetime import date

from p2pcredit.jobs.activity import record
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.monitoring.steps import calculate_metrics, check_monitoring, write_retraining_decision
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot


def monitor(ctx: JobContext, week_end: date, *, report: bool = True) -> Receipt:
    """Do all steps of the weekly review.

    Returns:
        `week_end_date`, `performance_score`, `decision` (or None), `report` (path or None), `reason`.
    """
    week = MonitoringSnapshot(ctx, week_end)
    receipt: Receipt = {
        "week_end_date": week_end.isoformat(),
        "performance_score": None,
        "decision": None,
        "report": None,
        "reason": "",
    }
    checked = check_monitoring(ctx, week_end)
    receipt["reason"] = checked["reason"]
    if checked["monitor"]:
        calculated = calculate_metrics(ctx, week_end, week=week)
        receipt["reason"] = calculated["reason"]
        if calculated["report"]:
            if report:
                from p2pcredit.jobs.monitoring.report import (
                    generate_report,  # charts are heavy, and only a report needs them
                )

                receipt["report"] = generate_report(ctx, week_end, week=week)["report"]
            receipt["decision"] = write_retraining_decision(ctx, week_end, week=week)["decision"]
            receipt["performance_score"] = receipt["decision"]["performance_score"]
            receipt["reason"] = receipt["decision"]["reason"]
    record(ctx, "monitor", {key: value for key, value in receipt.items() if key != "decision"})
    return receipt
