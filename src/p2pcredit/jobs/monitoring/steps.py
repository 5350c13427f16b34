"""The week in review: is there enough to look at, what does it measure, what is decided. Each step can be rerun."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from p2pcredit.contracts.decision import Decision
from p2pcredit.contracts.tables import MONITORING, PREDICTIONS
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.decisions import decide
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.monitoring import registry as metric_registry
from p2pcredit.monitoring.policies.choose import monitoring_has_evidence
from p2pcredit.periods import DateRange
from p2pcredit.retraining.state import Origin
from p2pcredit.storage.tables.day_receipts import is_complete

DAYS_OF_A_WEEK = 7


def check_monitoring(ctx: JobContext, week_end: date) -> Receipt:
    """Check what a week needs for monitoring: its last day preprocessed, a champion, and loans that were scored."""
    week = MonitoringSnapshot(ctx, week_end)
    if not is_complete(ctx.layout, week_end):
        return {"monitor": False, "reason": f"{week_end} is not preprocessed"}
    if week.champion_id is None:
        return {"monitor": False, "reason": f"no champion on {week_end}; nothing has been scored"}
    if not week.lake.has_rows(PREDICTIONS, week.history):
        return {"monitor": False, "reason": f"no loan has been scored up to {week_end}"}
    return {"monitor": True, "reason": f"champion {week.champion_id}"}


def calculate_metrics(ctx: JobContext, week_end: date, *, week: MonitoringSnapshot | None = None) -> Receipt:
    """Measure the week and write one row per metric and segment into `gold/monitoring`."""
    week = week or MonitoringSnapshot(ctx, week_end)
    with week.lake.lock(MONITORING):
        results = metric_registry.calculate_metrics(week.inputs, ctx.settings)
        rows = pl.DataFrame(
            [
                {"snapshot_date": week_end, "week_end_date": week_end, "model_id": week.champion_id, **result.as_row()}
                for result in results
            ],
            schema=MONITORING.schema,
        )
        week.lake.replace(MONITORING, rows, DateRange(week_end, week_end))
        if week_end.day <= DAYS_OF_A_WEEK:  # the first week that ends in its month
            week.lake.close_periods(MONITORING, week_end)
    report = monitoring_has_evidence(results)
    reason = f"{len(results)} measurements" if report else "nothing could be measured; no report"
    return {"metrics": len(results), "report": report, "reason": reason}


def write_retraining_decision(ctx: JobContext, week_end: date, *, week: MonitoringSnapshot | None = None) -> Receipt:
    """Decide about retraining and hand the decision over: into the ledger, then into the decision file."""
    week = week or MonitoringSnapshot(ctx, week_end)
    verdict = week.verdict
    decision = Decision(
        decision_date=week_end,
        performance_score=verdict.performance_score,
        retrain=verdict.retrain,
        reason=verdict.reason,
        model_id=week.champion_id,
        score_name=verdict.score_name,
        threshold=verdict.threshold,
        evidence=verdict.evidence,
        expires_on=week_end + timedelta(days=ctx.settings.handoff.valid_days),
        remedy=verdict.remedy,
    )
    decision = decision.model_copy(update={"decision_id": f"monitoring-{week_end}-{decision.content_digest()[:8]}"})
    counts = decide(ctx, decision, Origin.MONITORING)
    return {"decision": decision.as_json(), "current": counts, "remedy": verdict.remedy}
