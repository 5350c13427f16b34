"""The built-in policy: the cheapest remedy that helps.

Broken data are repaired, not learned from. A matured ranking below the threshold beyond its interval is retrained, and
so is a champion where far more bads are known by now than the last training knew. A ranking that holds with
probabilities that are off is recalibrated: the training step then sets a new calibration and learns no new ranking.
Inputs that moved are watched: drift alone never retrains, and neither does an estimate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.inputs import PolicyContext
from p2pcredit.monitoring.metrics.quality import QUALITY_METRICS, ROWS_METRIC, UNKNOWN_METRIC
from p2pcredit.monitoring.policies.verdict import OF_THE_TRAINING_STEP, Remedy, Verdict
from p2pcredit.settings import Settings
from p2pcredit.text import one_line

LEARNED_SINCE_GROWTH = 0.1
"""A ranking that fails is retrained, and a calibration that fails is set anew, only if so much more is known than the
last time: the loans judged this week are nearly those of last week, so else every week would do it on nearly the same
data."""

MAX_REASON_LENGTH = 240

_ByName = Mapping[tuple[str, str], MetricResult]


@dataclass(frozen=True, slots=True)
class _Score:
    """What stands for performance: its value, name, remark, and the matured result behind it, if any."""

    value: float | None
    name: str
    remark: str
    matured: MetricResult | None


def cheapest_remedy_first(results: Sequence[MetricResult], facts: PolicyContext, settings: Settings) -> Verdict:
    """Choose the cheapest action that helps.

    Args:
        results: What the metrics gave.
        facts: Champion, its development bads, and the bads known now.
        settings: Thresholds and `retrain_at_new_bads_share`.

    Returns:
        A verdict whose reason names the score and the threshold, and never calls undetermined fine.
    """
    by_name = {(result.metric, result.segment): result for result in results}
    score = _performance_score(by_name)
    threshold = settings.monitoring.auc_threshold
    remedy, why, behind = _remedy(results, by_name, score, facts, settings)
    reason = one_line(f"{score_in_words(score.value, score.remark, threshold)}; {why}", MAX_REASON_LENGTH)
    shown = [score.matured or by_name.get(("auc_estimate", "champion")), *behind]
    evidence = tuple(dict.fromkeys(in_words(result) for result in shown if result is not None))
    return Verdict(remedy, remedy in OF_THE_TRAINING_STEP, score.value, score.name, threshold, reason, evidence)


def score_in_words(value: float | None, remark: str, threshold: float) -> str:
    """Word where the score stands against the threshold.

    Examples:
        >>> score_in_words(0.65, "", 0.68)
        'Performance score 0.650 below threshold 0.680'
        >>> score_in_words(0.61996, "estimate", 0.62)
        'Performance score 0.61996 (estimate) below threshold 0.62000'
        >>> score_in_words(None, "nothing could be measured", 0.62)
        'Performance score undetermined: nothing could be measured; threshold 0.620'
    """
    if value is None:
        return f"Performance score undetermined: {remark}; threshold {threshold:.3f}"
    digits = next((d for d in range(3, 9) if value == threshold or f"{value:.{d}f}" != f"{threshold:.{d}f}"), 9)
    place = "at or above" if value >= threshold else "below"
    note = f" ({remark})" if remark else ""
    return f"Performance score {value:.{digits}f}{note} {place} threshold {threshold:.{digits}f}"


def in_words(result: MetricResult) -> str:
    """Write a result on one line, with n, interval and threshold.

    Examples:
        >>> in_words(MetricResult("auc", "champion", 0.58, 0.55, 0.61, 2311, 0.4, Status.FAIL, 0.62))
        'auc of champion 0.580 [0.550, 0.610], n 2311, matured 40%, fail against 0.620'
    """
    value = "not measured" if result.value is None else f"{result.value:.3f}"
    interval = "" if result.low is None or result.high is None else f" [{result.low:.3f}, {result.high:.3f}]"
    matured = "" if result.matured_share is None else f", matured {result.matured_share:.0%}"
    against = "" if result.threshold is None else f" against {result.threshold:.3f}"
    return f"{result.metric} of {result.segment} {value}{interval}, n {result.n}{matured}, {result.status}{against}"


def _performance_score(by_name: _ByName) -> _Score:
    for segment, remark in (("champion", ""), ("all", "as served, the champion's own loans have not matured")):
        found = by_name.get(("auc", segment))
        if found is not None and found.value is not None:
            return _Score(found.value, f"auc of {segment}", remark, found)
    served = by_name.get(("auc", "all"))
    waiting = "too little matured yet" if served is not None and served.n else "nothing matured yet"
    for segment in ("champion", "all"):
        estimate = by_name.get(("auc_estimate", segment))
        if estimate is not None and estimate.value is not None:
            return _Score(estimate.value, f"auc_estimate of {segment}", f"estimate, {waiting}", None)
    return _Score(None, "none", "nothing could be measured", None)


def _remedy(
    results: Sequence[MetricResult], by_name: _ByName, score: _Score, facts: PolicyContext, settings: Settings
) -> tuple[Remedy, str, list[MetricResult]]:
    limits = settings.monitoring
    broken = [r for r in results if r.metric in QUALITY_METRICS and r.status is Status.FAIL]
    if broken:
        worst = max(broken, key=lambda r: (r.metric == ROWS_METRIC, r.value or 0.0))
        what = "quarantined" if worst.metric == ROWS_METRIC else "unusable"
        share = f"{worst.value:.1%} of {worst.segment.partition('=')[2]} {what}"
        return "repair_data", f"data broken: {share}, limit {limits.quarantined_share_limit:.1%}", broken
    unknown = by_name.get((UNKNOWN_METRIC, "all"))
    if unknown is not None and unknown.status is Status.FAIL and unknown.value is not None:
        words = f"data broken: the outcome of {unknown.value:.1%} of loans cannot be known"
        return "repair_data", f"{words}, limit {unknown.threshold or 0.0:.1%}", [unknown]
    if facts.champion_id is None:
        return "none", "no champion serves yet", []

    learned, known = facts.development_bads, facts.known_bads
    ranking_fails = score.matured is not None and score.matured.status is Status.FAIL
    bads = "" if learned is None else f"the last training knew {learned} matured bads, now {known} are known"
    if ranking_fails and (learned is None or known >= _grown(learned, LEARNED_SINCE_GROWTH)):
        return "retrain", "matured ranking too low beyond its interval: retrain", []
    if (
        limits.retrain_at_new_bads_share > 0
        and learned is not None
        and known >= max(1, _grown(learned, limits.retrain_at_new_bads_share))
    ):
        return "retrain", f"{bads}: retrain", []
    if ranking_fails:
        return "watch", f"{bads}: too little new to learn from, watch", []

    segment = "champion" if score.matured is None else score.matured.segment
    ratio = by_name.get(("calibration_ratio", segment))
    held = score.matured is not None and score.matured.status is Status.PASS
    if ratio is not None and ratio.status is Status.FAIL:
        ranking = "ranking holds" if held else "ranking undetermined"
        off = f"{ranking}, {ratio.value:.2f} bads per bad expected"
        tried = facts.calibrated_bads if facts.calibrated_bads is not None else learned
        if tried is not None and known < _grown(tried, LEARNED_SINCE_GROWTH):
            return (
                "watch",
                f"{off}; {known} matured bads are known, {tried} when the model was last set: watch",
                [ratio],
            )
        return "recalibrate", f"{off}: recalibrate, no full retraining", [ratio]
    moved = [r for r in results if r.metric.startswith("psi") and _has_moved(r, limits.psi_watch)]
    if moved:
        most = max(moved, key=lambda r: r.value or 0.0)
        state = "performance holds" if held else "performance undetermined"
        columns = f"{len(moved)} inputs" if len(moved) > 1 else "an input"
        words = f"{state}, {columns} moved to the watch level or beyond ({most.metric} {most.value:.2f})"
        return "watch", f"{words}: watch, no retraining", moved[:8]
    if held:
        return "none", "nothing to do", []
    if score.matured is not None:
        return "watch", "undetermined, the threshold lies within its interval: watch, no retraining", []
    return "watch", "undetermined until loans mature: no retraining", []


def _grown(count: int, share: float) -> float:
    """Add a share of a count to it: as a sum, since 1.1 x 100 is more than 110 in binary numbers."""
    return count + share * count


def _has_moved(result: MetricResult, watch: float) -> bool:
    """Return whether an index is at the alert level, or at the watch level beyond what chance would give."""
    if result.value is None:
        return False
    beyond_chance = result.low is not None and result.low > 0
    return result.status is Status.FAIL or (result.value >= watch and beyond_chance)
