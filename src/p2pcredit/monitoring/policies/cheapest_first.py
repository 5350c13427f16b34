"""The policy that takes the cheapest remedy that helps, as soon as the evidence has grown.

Broken data are repaired, not learned from. A matured ranking below the threshold beyond its interval is retrained, and
so is a champion where far more bads are known by now than the last training knew. A ranking that holds with
probabilities that are off is recalibrated: the training step then sets a new calibration and learns no new ranking.
Inputs that moved are watched: drift alone never retrains, and neither does an estimate.
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
from p2pcredit.settings import Settings


def cheapest_remedy_first(results: Sequence[MetricResult], facts: PolicyContext, settings: Settings) -> Verdict:
    """Choose the cheapest action that helps.

    Args:
        results: What the metrics gave.
        facts: Champion, its development bads, and the bads known now.
        settings: Thresholds and `retrain_at_new_bads_share`.

    Returns:
        A verdict whose reason names the score and the threshold, and never calls undetermined fine.
    """
    by_name = index_results(results)
    score = performance_score(by_name)
    return verdict_on(_advice(results, by_name, score, facts, settings), by_name, settings, score=score)


def _advice(
    results: Sequence[MetricResult], by_name: ByName, score: Score, facts: PolicyContext, settings: Settings
) -> Advice:
    limits = settings.monitoring
    broken = broken_data(results, by_name, settings)
    if broken is not None:
        return Advice("repair_data", broken[0], DATA_BROKEN, behind=broken[1])
    if facts.champion_id is None:
        return Advice("none", "no champion serves yet")

    learned, known = facts.development_bads, facts.known_bads
    ranking_fails = score.matured is not None and score.matured.status is Status.FAIL
    bads = "" if learned is None else f"the last training knew {learned} matured bads, now {known} are known"
    if ranking_fails and (learned is None or known >= grown(learned, LEARNED_SINCE_GROWTH)):
        return Advice("retrain", "matured ranking too low beyond its interval: retrain", "ranking", REDEVELOPMENT)
    if (
        limits.retrain_at_new_bads_share > 0
        and learned is not None
        and known >= max(1, grown(learned, limits.retrain_at_new_bads_share))
    ):
        return Advice("retrain", f"{bads}: retrain", "new_bads", REFRESH)
    if ranking_fails:
        return Advice("watch", f"{bads}: too little new to learn from, watch", "ranking")

    segment = "champion" if score.matured is None else score.matured.segment
    ratio = by_name.get(("calibration_ratio", segment))
    held = score.matured is not None and score.matured.status is Status.PASS
    if ratio is not None and ratio.status is Status.FAIL:
        ranking = "ranking holds" if held else "ranking undetermined"
        off = f"{ranking}, {ratio.value:.2f} bads per bad expected"
        tried = facts.calibrated_bads if facts.calibrated_bads is not None else learned
        if tried is not None and known < grown(tried, LEARNED_SINCE_GROWTH):
            why = f"{off}; {known} matured bads are known, {tried} when the model was last set: watch"
            return Advice("watch", why, "calibration", behind=[ratio])
        why = f"{off}: recalibrate, no full retraining"
        return Advice("recalibrate", why, "calibration", RECALIBRATION, [ratio])
    return watched_or_nothing(results, score, settings)
