"""Measure the people who applied: through-the-door drift, approval, overrides on both sides, and how they paid.

Nothing is measured in a home where no applications land.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.population.decisions import (
    LOW,
    Share,
    approval_rate,
    how_overrides_paid,
    latest_of_each,
    override_rates,
)
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.lights import Light, chance_of_share, inside, judge_together
from p2pcredit.monitoring.metrics.drift import light_of_shift, population_stability_index
from p2pcredit.monitoring.status import status_within, unmeasured
from p2pcredit.settings import Settings

DOOR, APPROVED, WITHDRAWN = "through_the_door_psi", "approval_rate", "withdrawal_rate"
OVERRIDES, PAID = "override_rate", "override_default_ratio"
POPULATION_METRICS = (DOOR, APPROVED, WITHDRAWN, OVERRIDES, PAID)
_A_YEAR = timedelta(days=365)


def measure_population(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Measure the applications decided in the newest days, and how overridden loans of the judged window paid.

    Returns:
        `through_the_door_psi` of the champion's scores: against its development loans (`against=development`, held
        against nothing: those are the loans that were let in, applications are all who came), and against the
        applications of the year before (`against=year_before`), judged as any shift. `approval_rate` and
        `withdrawal_rate`, held against nothing. `override_rate` on both sides, against
        `population.max_override_share`, both together (Holm). `override_default_ratio` of the low side, against
        `population.max_override_default_ratio`.
    """
    if inputs.applications.is_empty():
        return []
    limits, confidence = settings.monitoring, settings.monitoring.confidence
    applications = latest_of_each(inputs.applications)
    start = inputs.week_end - timedelta(days=limits.recent_days)
    recent = applications.filter(pl.col("decided_on") > start)
    before = applications.filter(pl.col("decided_on").is_between(start - _A_YEAR, start, closed="right"))
    return [
        *_drift(inputs, recent, before, settings),
        _plain(APPROVED, approval_rate(recent, confidence), "approved of those approved and declined"),
        _plain(
            WITHDRAWN,
            Share.of(int((recent["outcome"] == "WITHDRAWN").sum()), recent.height, confidence),
            "of all decided",
        ),
        *_overrides(recent, settings),
        _paid(applications, settings),
    ]


def _drift(
    inputs: MonitoringInputs, recent: pl.DataFrame, before: pl.DataFrame, settings: Settings
) -> list[MetricResult]:
    limits = settings.monitoring
    scores, earlier = recent["score"].drop_nulls(), before["score"].drop_nulls()
    developed = inputs.reference["score"] if "score" in inputs.reference.columns else pl.Series([], dtype=pl.Float64)
    found = []
    for name, reference, needed in (("development", developed, 1), ("year_before", earlier, limits.min_recent_loans)):
        segment = f"against={name}"
        judged = name == "year_before"
        threshold = limits.psi_alert if judged else None
        if scores.len() < limits.min_recent_loans or reference.len() < needed:
            note = f"{scores.len()} scored applications against {reference.len()}, {limits.min_recent_loans} needed"
            result = unmeasured(DOOR, segment, scores.len(), note, threshold=threshold)
            found.append(result)
            continue
        shift = population_stability_index(reference.cast(pl.Float64), scores, limits.confidence)
        light = light_of_shift(DOOR, shift, scores.len(), limits)
        light = replace(light, result=replace(light.result, segment=segment, threshold=threshold))
        if not judged:
            light = replace(light, alone=Status.UNDETERMINED, chance=None)
        found += judge_together([light], limits.confidence)
    return found


def _plain(metric: str, share: Share, note: str) -> MetricResult:
    """Show a share that is held against nothing."""
    if share.value is None:
        return unmeasured(metric, "all", 0, "no application was decided in the recent days")
    told = f"{share.count:,} {note}"
    return MetricResult(
        metric, "all", share.value, share.low, share.high, share.n, None, Status.UNDETERMINED, None, told
    )


def _overrides(recent: pl.DataFrame, settings: Settings) -> list[MetricResult]:
    limit, confidence = settings.population.max_override_share, settings.monitoring.confidence
    lights = []
    for side, share in override_rates(recent, confidence).items():
        segment, whom = f"side={side}", "declines" if side == LOW else "approves"
        if share.n < settings.monitoring.min_recent_loans:
            note = f"{share.n} applications that the policy {whom}, {settings.monitoring.min_recent_loans} needed"
            lights.append(Light(unmeasured(OVERRIDES, segment, share.n, note, threshold=limit), Status.UNDETERMINED))
            continue
        note = f"{share.count:,} decided otherwise of those whom the policy {whom}"
        result = MetricResult(
            OVERRIDES, segment, share.value, share.low, share.high, share.n, None, Status.UNDETERMINED, limit, note
        )
        lights.append(inside(result, (0.0, limit), chance_of_share(share.count, share.n, limit)))
    return judge_together(lights, confidence)


def _paid(applications: pl.DataFrame, settings: Settings) -> MetricResult:
    population, confidence = settings.population, settings.monitoring.confidence
    limit = population.max_override_default_ratio
    paid = how_overrides_paid(applications, confidence, least_bads=population.min_override_bads)
    note = (
        f"{paid.overridden.count} of {paid.overridden.n} approved against the policy defaulted, "
        f"{paid.policy.count} of {paid.policy.n} that it approved"
    )
    segment, n = f"side={LOW}", paid.overridden.n
    if paid.ratio is None:
        note += f"; {population.min_override_bads} defaults of each needed"
        return unmeasured(PAID, segment, n, note, threshold=limit)
    status = status_within(paid.low, paid.high, (0.0, limit))
    return MetricResult(PAID, segment, paid.ratio, paid.low, paid.high, n, None, status, limit, note)


__all__ = ["POPULATION_METRICS", "measure_population"]
