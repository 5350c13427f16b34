"""Measure how far inputs and score moved from the champion's development loans: population stability, by column.

A moved input is a reason to look, not a reason to retrain: with few loans the index is large by chance alone, so every
result says which value chance would give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.errors import MonitoringError
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.lights import Light, judge_together
from p2pcredit.monitoring.metrics.psi_bins import BinnedColumn, Counts
from p2pcredit.monitoring.status import status_of_shift, unmeasured
from p2pcredit.settings import MonitoringSettings, Settings
from p2pcredit.weak_cache import WeakCache


@dataclass(frozen=True, slots=True)
class Stability:
    """A population stability index with what a reader needs to believe it.

    Args:
        value: The index, 0 or more.
        low, high: Interval of the true index.
        chance: What the index would be on average, had nothing moved.
        largest: The bin that moved most, with its shares, in words.
        freedom: Bins less one: over `scale` the index is nearly chi-squared with so many degrees of freedom.
        scale: 1/n + 1/m of the two numbers of loans.
    """

    value: float
    low: float
    high: float
    chance: float
    largest: str
    freedom: int
    scale: float


def stability_of_counts(reference: Counts, recent: Counts) -> float:
    """Calculate the population stability index of two distributions over the same bins.

    The sum over bins of (p - q) ln(p / q). A bin that one side lacks counts half a loan there; a bin that both lack is
    left out. Without any other smoothing the index is 0 on itself, symmetric, and never negative.

    Args:
        reference, recent: Loans in each bin; shape (bins,) both.

    Raises:
        MonitoringError: If one side has no loan, or the shapes differ.

    Source:
        H. Jeffreys (1946), An invariant form for the prior probability; the half-loan as in the usual continuity
        correction of sparse tables.

    Examples:
        >>> round(stability_of_counts(np.array([50, 50]), np.array([70, 30])), 4)
        0.1695
    """
    if reference.shape != recent.shape or not reference.sum() or not recent.sum():
        raise MonitoringError(
            f"{int(reference.sum())} reference and {int(recent.sum())} recent loans in {reference.size} and "
            f"{recent.size} bins cannot be compared; give both sides at least one loan and the same bins"
        )
    held = (reference > 0) | (recent > 0)
    p = np.maximum(reference[held], 0.5) / reference.sum()
    q = np.maximum(recent[held], 0.5) / recent.sum()
    return max(0.0, float(((q - p) * np.log(q / p)).sum()))


def population_stability_index(reference: pl.Series, recent: pl.Series, confidence: float = 0.9) -> Stability:
    """Measure how far one column has moved from its reference.

    Args:
        reference: The column on the development loans: numbers (deciles, missing apart) or text (levels, unseen apart).
        recent: The same column on the newest loans.
        confidence: Share of intervals that hold the true index.

    Returns:
        The index, an interval of the true index whose low end is 0 where chance alone would do, and the chance level
        (1/n + 1/m) (bins - 1).

    Raises:
        MonitoringError: If one side has no loan.

    Source:
        B. Yurdakul and J. Naranjo (2020), Statistical properties of the population stability index, Journal of Risk
        Model Validation 14: the index over (1/n + 1/m) is nearly chi-squared, with bins - 1 degrees of freedom.

    Examples:
        >>> population_stability_index(pl.Series([1.0, 2.0, 3.0]), pl.Series([1.0, 2.0, 3.0])).value
        0.0
    """
    return _stability(BinnedColumn.of(reference), recent, confidence)


def _stability(reference: BinnedColumn, recent: pl.Series, confidence: float) -> Stability:
    from scipy.special import chndtrinc  # policies import this room and measure nothing

    bins, before = reference.bins, reference.counts
    after = bins.count(recent)
    value = stability_of_counts(before, after)
    n, m = int(before.sum()), int(after.sum())
    freedom = max(int(((before > 0) | (after > 0)).sum()) - 1, 1)
    scale = 1 / n + 1 / m
    reach = chndtrinc(value / scale, freedom, np.array([0.5 + confidence / 2, 0.5 - confidence / 2])) * scale
    low, high = (float(bound) if np.isfinite(bound) and bound > 1e-9 else 0.0 for bound in reach)
    move = np.abs(after / m - before / n)
    most = int(move.argmax())
    largest = f"{bins.names[most]}: {before[most] / n:.0%} then, {after[most] / m:.0%} now"
    return Stability(value, min(low, value), max(high, value), scale * freedom, largest, freedom, scale)


def chance_of_shift(found: Stability, level: float) -> float:
    """Give the chance of an index so large or larger, were the true one at a level.

    Examples:
        >>> found = Stability(0.3, 0.2, 0.4, 0.01, "", freedom=9, scale=1 / 900)
        >>> 0.001 < chance_of_shift(found, 0.2) < 0.05 < chance_of_shift(found, 0.3)
        True
    """
    from scipy.stats import ncx2

    return float(ncx2.sf(found.value / found.scale, found.freedom, level / found.scale))


def measure_drift(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Measure how far score and features of the newest loans have moved from the champion's development loans.

    Returns:
        `psi_score` (loans the champion scored) and `psi:FEATURE` for each feature that the settings name or the
        champion reads and both sides have. Pass below `psi_watch` with an interval below `psi_alert`; fail from
        `psi_alert` on with an interval above `psi_watch`, the features corrected for their number (Holm);
        undetermined between, or with fewer than `min_recent_loans`.
    """
    limits = settings.monitoring
    recent = inputs.recent_features(settings)
    scores = inputs.of_champion(inputs.recent_predictions(settings))["score"]
    score = (
        _measure_column("psi_score", _binned(inputs.reference, "score"), scores, limits)
        if "score" in inputs.reference.columns
        else _unjudged(
            unmeasured("psi_score", "all", len(scores), "no scored development loans", threshold=limits.psi_alert)
        )
    )
    named = {feature.name for feature in inputs.catalogue.of_sets(settings.training.feature_sets)}
    named |= set(inputs.champion_features)
    columns = [
        _measure_column(f"psi:{feature.name}", _binned(inputs.reference, feature.name), recent[feature.name], limits)
        for feature in inputs.catalogue.features
        if feature.name in named and feature.name in inputs.reference.columns and feature.name in recent.columns
    ]
    return [*judge_together([score], limits.confidence), *judge_together(columns, limits.confidence)]


def _binned(reference: pl.DataFrame, name: str) -> BinnedColumn:
    """Bin a column of the development loans, in bins that are the same week after week."""
    columns = _of_reference.get(reference, None, dict)
    if name not in columns:
        columns[name] = BinnedColumn.of(reference[name])
    return columns[name]


_of_reference: WeakCache[pl.DataFrame, dict[str, BinnedColumn]] = WeakCache()


def _measure_column(metric: str, before: BinnedColumn, after: pl.Series, limits: MonitoringSettings) -> Light:
    n, threshold = len(after), limits.psi_alert
    if n < limits.min_recent_loans or not before.loans:
        note = f"{n} recent loans, {limits.min_recent_loans} needed" if before.loans else "no development loans"
        return _unjudged(unmeasured(metric, "all", n, note, threshold=threshold))
    if before.missing == before.loans and after.null_count() == n:
        return _unjudged(unmeasured(metric, "all", 0, "missing on every loan, then and now", threshold=threshold))
    return light_of_shift(metric, _stability(before, after, limits.confidence), n, limits)


def light_of_shift(metric: str, found: Stability, n: int, limits: MonitoringSettings) -> Light:
    """Hold an index against the levels to watch and to alert.

    Args:
        metric: Its name.
        found: The index.
        n: The newest loans it rests on.
        limits: The levels.
    """
    note = f"{found.chance:.3f} by chance alone; largest move {found.largest}"
    alone = status_of_shift(found.value, found.low, found.high, watch=limits.psi_watch, alert=limits.psi_alert)
    result = MetricResult(
        metric, "all", found.value, found.low, found.high, n, None, Status.UNDETERMINED, limits.psi_alert, note
    )
    return Light(result, alone, chance_of_shift(found, limits.psi_watch) if alone is Status.FAIL else None)


def _unjudged(result: MetricResult) -> Light:
    return Light(result, Status.UNDETERMINED)
