"""The week in review: is there enough to look at, what does it measure, what is decided. Each step can be rerun."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from p2pcredit.contracts.alerts import Finding
from p2pcredit.contracts.decision import Decision
from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import MONITORING, PREDICTIONS
from p2pcredit.errors import MonitoringError, P2PCreditError
from p2pcredit.jobs.activity import record, warn_once, without_values
from p2pcredit.jobs.context import Caller, JobContext, Receipt
from p2pcredit.jobs.decisions import decide, reconcile
from p2pcredit.jobs.gaps.find import SKIPPED_WEEK
from p2pcredit.jobs.gaps.gap import Gap, Lack
from p2pcredit.jobs.monitoring.over_term import days_followed
from p2pcredit.jobs.monitoring.reviewed import decided_weeks, has_evidence, monitored_weeks
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.monitoring import registry as metric_registry
from p2pcredit.monitoring.policies.choose import monitoring_has_evidence
from p2pcredit.periods import DateRange
from p2pcredit.retraining.state import Origin
from p2pcredit.storage.tables.day_receipts import is_complete

DAYS_OF_A_WEEK = 7


def check_monitoring(ctx: JobContext, week_end: date) -> Receipt:
    """Check what a week needs for monitoring: its last day preprocessed, a champion, and loans that were scored.

    A scheduled run, and a replay, first makes up the weeks shortly before that can be monitored by now and were not. A
    scheduled run also writes the report and sends the alerts of decided weeks that lack them. It records a week that it
    passes over, and alerts of one whose decision is lost with it.

    Returns:
        `monitor`, `reason`, and of a scheduled run or a replay `made_up` (last days of weeks before that were monitored
        now, or whose report or alerts were made now).
    """
    by_person = ctx.caller is Caller.PERSON
    if not by_person:  # a run killed between ledger and decision file left a week decided and its file not in place
        with ctx.ledger.exclusive():
            reconcile(ctx)
    made_up = [] if by_person else [week for week in _missed_weeks(ctx, week_end) if _make_up_week(ctx, week)]
    made_up += [week for week in _unfinished_weeks(ctx, week_end) if _finish_week(ctx, week)]
    also = {} if by_person else {"made_up": [week.isoformat() for week in sorted(made_up)]}
    week = MonitoringSnapshot(ctx, week_end)
    lacking = _lacking(week)
    if lacking is None:
        if not by_person:
            _warn_if_not_scored(ctx, week_end)
        return {"monitor": True, "reason": f"champion {week.champion_id}", **also}
    if not by_person:
        record(ctx, SKIPPED_WEEK, {"week_end_date": week_end.isoformat(), "reason": lacking})
        if week.champion_id is not None:
            _alert_of_skipped(ctx, week_end, lacking)
    return {"monitor": False, "reason": lacking, **also}


def _lacking(week: MonitoringSnapshot) -> str | None:
    """Say what a week lacks for monitoring; None where it lacks nothing."""
    week_end = week.week_end
    if not is_complete(week.ctx.layout, week_end):
        return f"{week_end} is not preprocessed"
    if week.champion_id is None:
        waiting = "".join(f"; {one.model_id} waits for approval" for one in week.ctx.ledger.state().approvals.waiting)
        return f"no champion on {week_end}; nothing has been scored{waiting}"
    if week.lake.has_rows(PREDICTIONS, week.history):
        return None
    followed = days_followed(week_end, week.ctx.settings.labels)
    if not week.lake.has_rows(PREDICTIONS, followed):
        ever = week.lake.has_rows(PREDICTIONS, DateRange(date.min, week_end))
        return f"no loan has been scored {f'since {followed.first}' if ever else f'up to {week_end}'}"
    return None


def _missed_weeks(ctx: JobContext, week_end: date) -> list[date]:
    """List the weeks shortly before one that lack nothing and were not reviewed, from the first measured one on."""
    reach = ctx.settings.preprocessing.catch_up_days // DAYS_OF_A_WEEK
    before = [week_end - timedelta(days=DAYS_OF_A_WEEK * n) for n in range(reach, 0, -1)]
    missed = [week for week in before if not _is_reviewed(ctx, week)]
    first = min(monitored_weeks(ctx), default=week_end) if missed else week_end
    return [week for week in missed if first <= week and _lacking(MonitoringSnapshot(ctx, week)) is None]


def _unfinished_weeks(ctx: JobContext, week_end: date) -> list[date]:
    """List the decided weeks shortly before one whose report was never written, or whose alerts were not sent."""
    from p2pcredit.jobs.gaps.undone_steps import steps_that_ran, undone_of_weeks

    if ctx.caller is not Caller.SCHEDULED:
        return []
    reach, ran = timedelta(days=ctx.settings.preprocessing.catch_up_days), steps_that_ran(ctx)
    before = week_end - timedelta(days=1)
    return [
        gap.days.last
        for gap in undone_of_weeks(ctx, ctx.ledger.state(), ran, before)
        if week_end - gap.days.last <= reach and gap.days.last not in ran.reported
    ]


def _finish_week(ctx: JobContext, week_end: date) -> bool:
    """Write the report of a decided week where it is not there, and send its alerts where they were not sent."""
    from p2pcredit.jobs.gaps.undone_steps import steps_that_ran
    from p2pcredit.jobs.monitoring.alerts import send_alerts
    from p2pcredit.jobs.monitoring.report import generate_report

    try:
        if not ctx.layout.report(week_end).is_file():
            generate_report(ctx, week_end)
        if week_end not in steps_that_ran(ctx).alerted:
            send_alerts(ctx, week_end)
    except P2PCreditError as error:
        _alert_of_skipped(ctx, week_end, f"it could not be finished: {without_values(error)}")
        return False
    return True


def _is_reviewed(ctx: JobContext, week_end: date) -> bool:
    """Return whether a week was reviewed to its end: decided, or measured without evidence to decide on.

    A run that was killed between its measurements and its decision has not reviewed its week; nor has one whose rows
    cannot be read now.
    """
    if week_end in decided_weeks(ctx.ledger.state()):
        return True
    rows = MonitoringSnapshot(ctx, week_end).rows
    return bool(rows) and not has_evidence(rows)


def _make_up_week(ctx: JobContext, week_end: date) -> bool:
    """Do the review of a week that was passed over. Where it fails, the week stays a gap and the next one goes on."""
    from p2pcredit.jobs.monitoring.alerts import send_alerts
    from p2pcredit.jobs.monitoring.report import generate_report

    week = MonitoringSnapshot(ctx, week_end)
    try:
        measured = calculate_metrics(ctx, week_end, week=week)["report"]
        if measured:
            generate_report(ctx, week_end, week=week)
        # Before the decision, after which the week is not looked at again.
        record(ctx, "week_made_up", {"week_end_date": week_end.isoformat()})
        if measured:
            write_retraining_decision(ctx, week_end, week=week)
            send_alerts(ctx, week_end)
    except P2PCreditError as error:
        _alert_of_skipped(ctx, week_end, f"it could not be made up: {without_values(error)}")
        return False
    return True


def _alert_of_skipped(ctx: JobContext, week_end: date, why: str) -> None:
    from p2pcredit.jobs.monitoring.alerts import alert_once

    command = Gap(Lack.NOT_MONITORED, DateRange(week_end, week_end), Status.FAIL).command
    message = (
        f"the week to {week_end} was not monitored and made no decision: {why}; once that is mended the next run makes "
        f"it up, or: {command}"
    )
    alert_once(ctx, f"week to {week_end}: {why}", message, Finding.DAY_MISSED)


def _warn_if_not_scored(ctx: JobContext, week_end: date) -> None:
    if week_end not in ctx.ledger.state().scored:
        message = f"the week to {week_end} is monitored without the loans of its last day, which are not scored"
        warn_once(ctx, f"week to {week_end} without its last day", message, Finding.DAY_MISSED)


def calculate_metrics(ctx: JobContext, week_end: date, *, week: MonitoringSnapshot | None = None) -> Receipt:
    """Measure the week and write one row per metric and segment into `gold/monitoring`.

    Raises:
        MonitoringError: If the week of a scheduled run lacks what it needs, such as its last day: the check before was
            marked as success by hand. Measured without it, the week would decide otherwise, and count as decided.
    """
    week = week or MonitoringSnapshot(ctx, week_end)
    if ctx.caller is Caller.SCHEDULED and (lacking := _lacking(week)) is not None:
        raise MonitoringError(
            f"the week to {week_end} is not measured: {lacking}; once that is mended clear task check_monitoring with "
            f"those after it, or: p2pcredit monitor --week-end {week_end}"
        )
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
            from p2pcredit.storage.tables.closing import close_periods

            close_periods(week.lake, MONITORING, week_end)
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
        kind=(verdict.kind or None) if verdict.retrain else None,
        trigger=verdict.trigger or None,
        next_refresh_on=verdict.next_refresh_on,
    )
    decision = decision.model_copy(update={"decision_id": f"monitoring-{week_end}-{decision.content_digest()[:8]}"})
    counts = decide(ctx, decision, Origin.MONITORING)
    return {"decision": decision.as_json(), "current": counts, "remedy": verdict.remedy}
