"""The week's report: facts from the lake, then one self-contained HTML file."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, MONITORING, QUARANTINE, silver
from p2pcredit.engines.local import collect
from p2pcredit.jobs.activity import record
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.gaps.find import find_gaps
from p2pcredit.jobs.gaps.gap import in_lines, leave_out
from p2pcredit.jobs.gaps.undone_steps import REPORTED
from p2pcredit.jobs.governance.attention import attention
from p2pcredit.jobs.governance.records import answering, sign_off
from p2pcredit.jobs.home.reconciled_days import reconcile_days
from p2pcredit.jobs.monitoring.matured_loans import labels_known, once_each
from p2pcredit.jobs.monitoring.steps import DAYS_OF_A_WEEK
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.jobs.training.comparing.past_promotions import promotions_until, realised_differences
from p2pcredit.monitoring.chart_summaries import calibration_profile, lifetime_profile, score_profile, scored_since
from p2pcredit.monitoring.graded import grade
from p2pcredit.monitoring.inputs import newest_closed_origination
from p2pcredit.periods import DateRange
from p2pcredit.reporting.weekly.facts import build_facts
from p2pcredit.reporting.weekly.page import render_report
from p2pcredit.storage.files import write_bytes_atomically
from p2pcredit.storage.landing.manifest import read_manifest
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.transforms.labels import unknown_outcomes

_MOST_DAYS = 92
"""After a longer pause the days of the last three months are told of; `status` tells of all."""


def generate_report(ctx: JobContext, week_end: date, *, week: MonitoringSnapshot | None = None) -> Receipt:
    """Write the week's report: one self-contained HTML file."""
    week = week or MonitoringSnapshot(ctx, week_end)
    earlier = week.lake.scan(MONITORING).filter(pl.col("week_end_date") <= week_end).collect()
    gaps = find_gaps(ctx, week_end)
    since = _since(earlier, week_end)
    days = reconcile_days(ctx, DateRange(since, week_end), gaps)
    platform = read_manifest(ctx.layout).get("platform")
    facts = build_facts(
        week_end,
        week.results,
        ctx.settings,
        decision=asdict(week.verdict),
        champion=_champion(ctx, week),
        generated_at=ctx.at.strftime("%Y-%m-%d %H:%M UTC"),
        history=earlier.sort("week_end_date", "metric", "segment"),
        score_profile=score_profile(week.inputs, ctx.settings),
        calibration_profile=calibration_profile(week.inputs, ctx.settings),
        lifetime_profile=lifetime_profile(week.inputs, ctx.settings),
        days=None if days is None else days.as_json(),
        gaps=in_lines(gaps if days is None else leave_out(gaps, days.days_named)),
        approvals=[one.line for one in attention(ctx, ctx.ledger.state())],
        promotions=_promotions(ctx, week),
        graded=asdict(grade(week.inputs, earlier, ctx.settings)),
        book={
            "name": ctx.settings.monitoring.book or platform or "book without a name",
            "platform": platform if ctx.settings.monitoring.book else None,
            "since": since.isoformat(),
            "recent_days": ctx.settings.monitoring.recent_days,
            **scored_since(week.inputs, since),
        },
    )
    path = ctx.layout.report(week_end)
    write_bytes_atomically(path, render_report(facts).encode())
    record(ctx, REPORTED, {"week_end_date": week_end.isoformat(), "caller": str(ctx.caller)})
    return {"report": str(path)}


def _since(earlier: pl.DataFrame, week_end: date) -> date:
    """Find the first day after the review before this one; the week's own first day where there is none."""
    own = week_end - timedelta(days=DAYS_OF_A_WEEK - 1)
    before = earlier.filter(pl.col("week_end_date") < week_end)["week_end_date"].max()
    since = before + timedelta(days=1) if isinstance(before, date) else own
    return max(min(since, own), week_end - timedelta(days=_MOST_DAYS - 1))


def _promotions(ctx: JobContext, week: MonitoringSnapshot) -> list[dict[str, Any]]:
    """Measure what the promotions of the past brought, on what had matured by the end of the week."""
    week_end, labels = week.week_end, ctx.settings.labels
    promotions = promotions_until(ctx.ledger.state(), week_end)
    if not promotions:
        return []
    days = DateRange(min(one.effective_on for one in promotions), week_end)
    last = newest_closed_origination(week_end, labels)
    known = labels_known(week.lake, labels, days.first, week_end).filter(pl.col("origination_date") <= last)
    terms, quarantine = week.lake.frame(silver(FEEDS["loan_terms"]), days), week.lake.frame(QUARANTINE, days)
    unknown = collect(unknown_outcomes(terms, quarantine, as_of=week_end, settings=labels))
    features = once_each(week.lake.scan(FEATURE_STORE, days).filter(pl.col("known_on") <= week_end).collect())
    outcomes = known.filter(pl.col("label").is_not_null()).select("loan_id", "origination_date", "label").collect()
    matured = outcomes.join(unknown, on="loan_id", how="anti").join(
        features.drop("snapshot_date", "known_on"), on="loan_id", how="inner"
    )
    found = realised_differences(promotions, matured, ModelBank(ctx.layout), day=week_end, settings=ctx.settings)
    return [realised.as_json() for realised in found]


def _champion(ctx: JobContext, week: MonitoringSnapshot) -> dict[str, Any] | None:
    """Give the champion's card with who answers for it; None without a champion."""
    if week.champion_id is None:
        return None
    return {**week.card, **answering(sign_off(ctx, week.champion_id, week.card))}
