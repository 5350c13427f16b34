"""Policies of one rule each: never, by calendar, below a threshold, beyond a stability index.

They stand for what others do, so that a replay can compare; all but `never` ask for a full training.
"""

from __future__ import annotations

from collections.abc import Sequence

from p2pcredit.contracts.results import MetricResult
from p2pcredit.models.champion.recipe import REDEVELOPMENT, REFRESH
from p2pcredit.monitoring.inputs import PolicyContext
from p2pcredit.monitoring.policies.registry import number_of
from p2pcredit.monitoring.policies.shared import (
    DATA_BROKEN,
    Advice,
    ByName,
    broken_data,
    index_results,
    performance_score,
    verdict_on,
)
from p2pcredit.monitoring.policies.verdict import Verdict
from p2pcredit.periods import add_months
from p2pcredit.settings import Settings


def never(results: Sequence[MetricResult], facts: PolicyContext, settings: Settings) -> Verdict:
    """Decide against a training whatever the results: the first model serves until a person acts."""
    by_name = index_results(results)
    advice = _first(results, by_name, facts, settings) or Advice("none", "the policy never retrains")
    return verdict_on(advice, by_name, settings)


def calendar(results: Sequence[MetricResult], facts: PolicyContext, settings: Settings) -> Verdict:
    """Decide for a training so many months after the last full training, whatever the results."""
    by_name, months = index_results(results), int(number_of(settings.monitoring.policy))
    due = None if facts.last_training is None else add_months(facts.last_training, months)
    advice = _first(results, by_name, facts, settings)
    if advice is None and (due is None or due <= facts.week_end):
        last = "no training is known" if facts.last_training is None else f"the last training was {facts.last_training}"
        advice = Advice("retrain", f"{last}, due every {months} months: retrain", "calendar", REFRESH)
    if advice is None:
        advice = Advice("none", f"the calendar asks on {due}")
    return verdict_on(advice, by_name, settings, next_refresh_on=due)


def threshold(results: Sequence[MetricResult], facts: PolicyContext, settings: Settings) -> Verdict:
    """Decide for a training whenever the score lies below a number, whatever its interval."""
    by_name, least = index_results(results), number_of(settings.monitoring.policy)
    score = performance_score(by_name)
    advice = _first(results, by_name, facts, settings)
    if advice is None and score.value is not None and score.value < least:
        advice = Advice("retrain", "retrain", "threshold", REDEVELOPMENT)
    return verdict_on(advice or Advice("none", "nothing to do"), by_name, settings, score=score, threshold=least)


def psi(results: Sequence[MetricResult], facts: PolicyContext, settings: Settings) -> Verdict:
    """Decide for a training whenever a stability index of score or feature reaches a number, whatever the ranking."""
    by_name, most = index_results(results), number_of(settings.monitoring.policy)
    moved = [r for r in results if r.metric.startswith("psi") and r.value is not None and r.value >= most]
    advice = _first(results, by_name, facts, settings)
    if advice is None and moved:
        worst = max(moved, key=lambda result: result.value or 0.0)
        why = f"{worst.metric} {worst.value:.2f} at or above {most:g}: retrain"
        advice = Advice("retrain", why, "psi", REFRESH, moved[:8])
    return verdict_on(advice or Advice("none", f"no index at or above {most:g}"), by_name, settings)


def _first(results: Sequence[MetricResult], by_name: ByName, facts: PolicyContext, settings: Settings) -> Advice | None:
    """Advise what goes before every rule: nothing is learned from broken data, and nothing without a champion."""
    broken = broken_data(results, by_name, settings)
    if broken is not None:
        return Advice("repair_data", broken[0], DATA_BROKEN, behind=broken[1])
    return Advice("none", "no champion serves yet") if facts.champion_id is None else None


__all__ = ["calendar", "never", "psi", "threshold"]
