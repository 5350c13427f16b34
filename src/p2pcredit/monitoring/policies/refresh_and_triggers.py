"""The default policy: a refresh by calendar, and between them only what is shown beyond a year's controlled error.

Broken data are repaired, and nothing is learned from them. The champion's ranking within cohorts below its threshold
asks for a training that may change the recipe. Half a year after the last full training the calendar asks for a
refresh. A product whose defaults lie outside the bounds asks for a new calibration. Inputs that moved are watched.
Whatever is asked for, the guards of a promotion decide whether the model that comes of it serves.
"""

from __future__ import annotations

from collections.abc import Sequence

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.champion.recipe import RECALIBRATION, REDEVELOPMENT, REFRESH
from p2pcredit.monitoring.inputs import PolicyContext
from p2pcredit.monitoring.policies.shared import (
    DATA_BROKEN,
    LEARNED_SINCE_GROWTH,
    Advice,
    ByName,
    Score,
    broken_data,
    grown,
    index_results,
    performance_score,
    verdict_on,
    watched_or_nothing,
)
from p2pcredit.monitoring.policies.verdict import Verdict
from p2pcredit.monitoring.status import status_at_least
from p2pcredit.monitoring.trigger_metrics import CALIBRATION, OF_CHAMPION, WITHIN_COHORT
from p2pcredit.periods import add_months
from p2pcredit.settings import Settings

RANKING, CALENDAR, SEGMENT = "ranking_within_cohort", "calendar", "segment_calibration"


def refresh_and_triggers(results: Sequence[MetricResult], facts: PolicyContext, settings: Settings) -> Verdict:
    """Decide for a refresh by calendar, and between for what triggers of controlled error ask for.

    Args:
        results: What the metrics gave.
        facts: Champion, last training, the bads that it knew and those known now.
        settings: `refresh_months`, and the thresholds and errors by which the results were judged.

    Returns:
        A verdict that says which kind of change is asked for, on which trigger, and when the calendar asks next.
    """
    by_name = index_results(results)
    score = _score(by_name, settings)
    last = facts.last_training or facts.champion_as_of
    due = None if last is None else add_months(last, settings.monitoring.refresh_months)
    advice = _advice(results, by_name, score, facts, settings)
    return verdict_on(advice, by_name, settings, score=score, next_refresh_on=due)


def _advice(
    results: Sequence[MetricResult], by_name: ByName, score: Score, facts: PolicyContext, settings: Settings
) -> Advice:
    broken = broken_data(results, by_name, settings)
    if broken is not None:
        return Advice("repair_data", broken[0], DATA_BROKEN, behind=broken[1])
    if facts.champion_id is None:
        return Advice("none", "no champion serves yet")
    ranking = by_name.get((WITHIN_COHORT, "champion"))
    too_low = ranking is not None and ranking.status is Status.FAIL
    if ranking is not None and too_low and _more_is_known(facts.development_bads, facts):
        told = f"{ranking.value:.3f} below {ranking.threshold:.3f}"
        why = f"ranking within quarter and term {told}, beyond the error of a year: retrain"
        return Advice("retrain", why, RANKING, REDEVELOPMENT, [ranking])
    last, months = facts.last_training or facts.champion_as_of, settings.monitoring.refresh_months
    if last is None or add_months(last, months) <= facts.week_end:
        return Advice("retrain", f"{months} months since the training of {last}: refresh", CALENDAR, REFRESH)
    if ranking is not None and too_low:
        why = f"ranking within quarter and term {ranking.value:.3f}, too little new to learn from: watch"
        return Advice("watch", why, RANKING, behind=[ranking])
    off = [r for r in results if r.metric in CALIBRATION and r.status is Status.FAIL]
    if off:
        worst = max(off, key=lambda r: abs((r.value or 0.0) - 1.0))
        told = f"{worst.segment.replace('=', ' ')}: {worst.value or 0.0:.2f} bads per bad expected"
        tried = facts.development_bads if facts.calibrated_bads is None else facts.calibrated_bads
        if _more_is_known(tried, facts):
            why = f"{told}, beyond the error of a year: recalibrate, no full retraining"
            return Advice("recalibrate", why, SEGMENT, RECALIBRATION, off)
        why = f"{told}; {facts.known_bads} bads are known, {tried} when the model was last set: watch"
        return Advice("watch", why, SEGMENT, behind=off)
    return watched_or_nothing(results, score, settings)


def _score(by_name: ByName, settings: Settings) -> Score:
    """Take the champion's matured AUC; where its own loans have not matured, that of its evaluation model."""
    own, again = by_name.get(("auc", "champion")), by_name.get((OF_CHAMPION, "champion"))
    if (own is None or own.value is None) and again is not None and again.value is not None:
        status = status_at_least(again.low, again.high, settings.monitoring.auc_threshold)
        held = MetricResult(**{**again.as_row(), "status": status, "threshold": settings.monitoring.auc_threshold})
        return Score(again.value, f"{OF_CHAMPION} of champion", "by its evaluation model", held)
    return performance_score(by_name)


def _more_is_known(tried: int | None, facts: PolicyContext) -> bool:
    """Return whether a tenth more bads are known than when it was last tried: else nothing new could be learned."""
    return tried is None or facts.known_bads >= grown(tried, LEARNED_SINCE_GROWTH)


__all__ = ["CALENDAR", "RANKING", "SEGMENT", "refresh_and_triggers"]
