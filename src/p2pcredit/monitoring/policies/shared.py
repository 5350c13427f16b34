"""What the built-in policies share: the score, its words, what broken data ask for, what has moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.metrics.quality import QUALITY_METRICS, ROWS_METRIC, UNKNOWN_METRIC
from p2pcredit.monitoring.policies.verdict import OF_THE_TRAINING_STEP, Remedy, Verdict
from p2pcredit.settings import Settings
from p2pcredit.text import one_line

LEARNED_SINCE_GROWTH = 0.1
"""A ranking that fails is retrained, and a calibration that fails is set anew, only if so much more is known than the
last time: the loans judged this week are nearly those of last week, so else every week would do it on nearly the same
data."""

MAX_REASON_LENGTH = 240
DATA_BROKEN = "data_broken"

ByName = Mapping[tuple[str, str], MetricResult]


@dataclass(frozen=True, slots=True)
class Score:
    """What stands for performance: its value, name, remark, and the matured result behind it, if any."""

    value: float | None
    name: str
    remark: str
    matured: MetricResult | None


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


def performance_score(by_name: ByName) -> Score:
    """Choose what stands for performance: matured of the champion, else of the service, else an estimate."""
    for segment, remark in (("champion", ""), ("all", "as served, the champion's own loans have not matured")):
        found = by_name.get(("auc", segment))
        if found is not None and found.value is not None:
            return Score(found.value, f"auc of {segment}", remark, found)
    served = by_name.get(("auc", "all"))
    waiting = "too little matured yet" if served is not None and served.n else "nothing matured yet"
    for segment in ("champion", "all"):
        estimate = by_name.get(("auc_estimate", segment))
        if estimate is not None and estimate.value is not None:
            return Score(estimate.value, f"auc_estimate of {segment}", f"estimate, {waiting}", None)
    return Score(None, "none", "nothing could be measured", None)


def broken_data(
    results: Sequence[MetricResult], by_name: ByName, settings: Settings
) -> tuple[str, list[MetricResult]] | None:
    """Say which data are broken, with the results that show it; None where none are."""
    limit = settings.monitoring.quarantined_share_limit
    broken = [r for r in results if r.metric in QUALITY_METRICS and r.status is Status.FAIL]
    if broken:
        worst = max(broken, key=lambda r: (r.metric == ROWS_METRIC, r.value or 0.0))
        what = "quarantined" if worst.metric == ROWS_METRIC else "unusable"
        share = f"{worst.value:.1%} of {worst.segment.partition('=')[2]} {what}"
        return f"data broken: {share}, limit {limit:.1%}", broken
    unknown = by_name.get((UNKNOWN_METRIC, "all"))
    if unknown is not None and unknown.status is Status.FAIL and unknown.value is not None:
        words = f"data broken: the outcome of {unknown.value:.1%} of loans cannot be known"
        return f"{words}, limit {unknown.threshold or 0.0:.1%}", [unknown]
    return None


def moved_inputs(results: Sequence[MetricResult], settings: Settings) -> tuple[str, list[MetricResult]] | None:
    """Say which inputs moved, with the results that show it; None where none did."""
    moved = [r for r in results if r.metric.startswith("psi") and _has_moved(r, settings.monitoring.psi_watch)]
    if not moved:
        return None
    most = max(moved, key=lambda r: r.value or 0.0)
    columns = f"{len(moved)} inputs" if len(moved) > 1 else "an input"
    return f"{columns} moved to the watch level or beyond ({most.metric} {most.value:.2f})", moved[:8]


def index_results(results: Sequence[MetricResult]) -> dict[tuple[str, str], MetricResult]:
    """Map metric and segment to their result."""
    return {(result.metric, result.segment): result for result in results}


@dataclass(frozen=True, slots=True)
class Advice:
    """What a built-in policy advises.

    Args:
        remedy: As `Verdict` has it.
        why: Why, for the reason.
        trigger: What asked for it, such as `calendar`; empty where nothing is asked for.
        kind: The kind of change asked for; empty where none is.
        behind: The results it rests on, beside the score.
    """

    remedy: Remedy
    why: str
    trigger: str = ""
    kind: str = ""
    behind: Sequence[MetricResult] = ()


def verdict_on(
    advice: Advice,
    by_name: ByName,
    settings: Settings,
    *,
    score: Score | None = None,
    threshold: float | None = None,
    next_refresh_on: date | None = None,
) -> Verdict:
    """Make a verdict of what a policy advises: its reason names the score and the threshold, then says why.

    Args:
        advice: What is advised.
        by_name: The results of the week.
        settings: The threshold of the score.
        score: What stands for performance; found among the results where None.
        threshold: What it is held against; that of the settings where None.
        next_refresh_on: When the calendar asks next; None where no calendar does.
    """
    score = score or performance_score(by_name)
    threshold = settings.monitoring.auc_threshold if threshold is None else threshold
    shown = [score.matured or by_name.get(("auc_estimate", "champion")), *advice.behind]
    return Verdict(
        advice.remedy,
        advice.remedy in OF_THE_TRAINING_STEP,
        score.value,
        score.name,
        threshold,
        one_line(f"{score_in_words(score.value, score.remark, threshold)}; {advice.why}", MAX_REASON_LENGTH),
        tuple(dict.fromkeys(in_words(result) for result in shown if result is not None)),
        kind=advice.kind,
        trigger=advice.trigger,
        next_refresh_on=next_refresh_on,
    )


def watched_or_nothing(results: Sequence[MetricResult], score: Score, settings: Settings) -> Advice:
    """Advise where nothing is to be done: to watch inputs that moved, or what is undetermined; else nothing."""
    held = score.matured is not None and score.matured.status is Status.PASS
    moved = moved_inputs(results, settings)
    if moved is not None:
        state = "performance holds" if held else "performance undetermined"
        return Advice("watch", f"{state}, {moved[0]}: watch, no retraining", "inputs_moved", behind=moved[1])
    if held:
        return Advice("none", "nothing to do")
    if score.matured is not None:
        return Advice("watch", "undetermined, the threshold lies within its interval: watch, no retraining")
    return Advice("watch", "undetermined until loans mature: no retraining")


def grown(count: int, share: float) -> float:
    """Add a share of a count to it: as a sum, since 1.1 x 100 is more than 110 in binary numbers."""
    return count + share * count


def _has_moved(result: MetricResult, watch: float) -> bool:
    """Return whether an index is at the alert level, or at the watch level beyond what chance would give."""
    if result.value is None:
        return False
    beyond_chance = result.low is not None and result.low > 0
    return result.status is Status.FAIL or (result.value >= watch and beyond_chance)
