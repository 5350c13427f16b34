"""How well the model would rank and how many loans would default, if its probabilities are right: before labels exist.

An estimate is what the model says about itself. It passes and fails nothing; it stands next to what came true later, so
that a reader sees how far to believe it.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from numpy.typing import NDArray

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.evaluation.intervals import normal_quantile
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.matured import JudgedLoans, scored_loans, whole_segments
from p2pcredit.monitoring.status import share_interval, unmeasured
from p2pcredit.settings import Settings

_NOTE = "estimate, right only if the probabilities are calibrated"


def expected_auc(probabilities: NDArray[np.float64]) -> float | None:
    """Calculate the AUC that the probabilities imply, if each loan defaults with exactly its own.

    Expected concordant pairs over expected pairs of a bad with a good, ties at half, a loan never paired with itself.

    Args:
        probabilities: Probability of default of each loan, 0 to 1.

    Returns:
        0.5 to 1; None where no pair of a bad with a good can be expected.

    Source:
        Confidence-based performance estimation: NannyML documentation, "Estimation of performance of the monitored
        model"; J. Bialek et al. (2024), Estimating model performance under covariate shift without labels.

    Examples:
        >>> round(expected_auc(np.array([0.2, 0.2, 0.2])), 12)
        0.5
        >>> expected_auc(np.array([0.0, 1.0]))
        1.0
    """
    if probabilities.size < 2:
        return None
    levels, counts = np.unique(probabilities, return_counts=True)
    bads = levels * counts
    goods = (1 - levels) * counts
    goods_below = np.concatenate(([0.0], np.cumsum(goods)[:-1]))
    tied = counts * (counts - 1) * levels * (1 - levels)
    pairs = float(bads.sum() * goods.sum() - (counts * levels * (1 - levels)).sum())
    if pairs <= 1e-12:
        return None
    return min(1.0, max(0.0, float((bads * goods_below).sum() + 0.5 * tied.sum()) / pairs))


def auc_sampling_range(auc: float, bads: float, goods: float, confidence: float) -> tuple[float, float]:
    """Bound where a measured AUC would fall, if the true one is `auc`.

    Args:
        auc: 0 to 1.
        bads, goods: Loans of each kind, expected or counted; below one counts as one.
        confidence: Share of samples within the range.

    Source:
        J. A. Hanley and B. J. McNeil (1982), The meaning and use of the area under a ROC curve, Radiology 143.

    Examples:
        >>> [round(bound, 3) for bound in auc_sampling_range(0.7, 50, 450, 0.9)]
        [0.629, 0.771]
    """
    bads, goods = max(bads, 1.0), max(goods, 1.0)
    one_good = auc / (2 - auc) - auc**2
    one_bad = 2 * auc**2 / (1 + auc) - auc**2
    variance = (auc * (1 - auc) + (bads - 1) * one_good + (goods - 1) * one_bad) / (bads * goods)
    half = normal_quantile(confidence) * math.sqrt(max(variance, 0.0))
    return max(0.0, auc - half), min(1.0, auc + half)


def measure_estimates(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Estimate performance from the probabilities of the newest loans, and of those judged since.

    Returns:
        `auc_estimate` and `default_rate_estimate` of the loans of the recent days; for the judged loans
        `auc_estimate_then` and `default_rate_estimate_then` next to the `default_rate` that came true. Segments `all`
        and `champion`.
    """
    recent = inputs.recent_predictions(settings)
    results: list[MetricResult] = []
    for segment, frame in (("all", recent), ("champion", inputs.of_champion(recent))):
        pd = frame["probability_of_default"].cast(pl.Float64).to_numpy()
        results += _estimates(pd, segment, "", None, settings, settings.monitoring.min_recent_loans)
    for judged in whole_segments(scored_loans(inputs, settings), inputs.champion_id):
        results += _estimates(
            judged.risk, judged.segment, "_then", judged.matured_share, settings, settings.monitoring.min_matured_loans
        )
        results.append(_observed_rate(judged, settings))
    return results


def _estimates(
    pd: NDArray[np.float64], segment: str, suffix: str, share: float | None, settings: Settings, least: int
) -> list[MetricResult]:
    n, confidence = int(pd.size), settings.monitoring.confidence
    threshold = settings.monitoring.auc_threshold
    auc = expected_auc(pd) if n >= least else None
    if auc is None:
        note = f"{n} loans, {least} needed" if n < least else "the probabilities leave no pair of a bad with a good"
        return [
            unmeasured(f"auc_estimate{suffix}", segment, n, note, matured_share=share, threshold=threshold),
            unmeasured(f"default_rate_estimate{suffix}", segment, n, note, matured_share=share),
        ]
    bads = float(pd.sum())
    low, high = auc_sampling_range(auc, bads, n - bads, confidence)
    rate = bads / n
    half = normal_quantile(confidence) * math.sqrt(float((pd * (1 - pd)).sum())) / n
    undetermined = Status.UNDETERMINED
    return [
        MetricResult(f"auc_estimate{suffix}", segment, auc, low, high, n, share, undetermined, threshold, _NOTE),
        MetricResult(
            f"default_rate_estimate{suffix}",
            segment,
            rate,
            max(0.0, rate - half),
            min(1.0, rate + half),
            n,
            share,
            undetermined,
            None,
            _NOTE,
        ),
    ]


def _observed_rate(judged: JudgedLoans, settings: Settings) -> MetricResult:
    if judged.n < settings.monitoring.min_matured_loans:
        note = f"{judged.n} loans have matured, {settings.monitoring.min_matured_loans} needed"
        return unmeasured("default_rate", judged.segment, judged.n, note, matured_share=judged.matured_share)
    low, high = share_interval(judged.bads, judged.n, settings.monitoring.confidence)
    return MetricResult(
        "default_rate",
        judged.segment,
        judged.bads / judged.n,
        low,
        high,
        judged.n,
        judged.matured_share,
        Status.UNDETERMINED,
        None,
        f"{judged.bads} bads",
    )
