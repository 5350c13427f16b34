"""The metrics on a model's card: one list for every model, however it came to be."""

from __future__ import annotations

import numpy as np
import polars as pl

from p2pcredit.models.evaluation.calibration.ratios import (
    brier,
    calibration_error_by_chance,
    calibration_error_interval,
    calibration_ratio,
)
from p2pcredit.models.evaluation.calibration.slope import calibration_in_the_large, calibration_slope
from p2pcredit.models.evaluation.discrimination import auc_interval, gini, ks
from p2pcredit.models.evaluation.intervals import Estimate, Floats
from p2pcredit.models.evaluation.platform_grades import platform_risk

Metrics = dict[str, float | int | None]


def card_metrics(loans: pl.DataFrame, chances: Floats, before: pl.Series, confidence: float) -> Metrics:
    """Measure probabilities of default on the evaluation loans.

    Args:
        loans: The evaluation loans with `label` and, where the platform gives one, its grade.
        chances: Probability of default per loan, by a fit that had seen none of them.
        before: Labels of the matured loans before them.
        confidence: Two-sided, of every interval.

    Returns:
        `auc`, `ece`, `calibration_ratio`, `calibration_slope`, `calibration_shift` of the log-odds (each with `_low`
        and `_high`), `gini`, `ks`, `brier`, `ece_by_chance` (what perfect probabilities would show), `n`, `bads`,
        `base_rate`, `base_brier` (of always predicting the default rate of the loans before) and `sub_grade_auc`. What
        cannot be measured is None, never NaN.

    Raises:
        TrainingError: If a label or probability is missing.
    """
    labels = loans["label"].to_numpy()
    ranking = auc_interval(labels, chances, confidence)
    baseline = platform_baseline(loans)
    known = before.len()
    return {
        **_interval("auc", ranking),
        "gini": gini(labels, chances),
        "ks": ks(labels, chances),
        "brier": brier(labels, chances),
        **_interval("ece", calibration_error_interval(labels, chances, confidence)),
        "ece_by_chance": calibration_error_by_chance(chances),
        **_interval("calibration_ratio", calibration_ratio(labels, chances, confidence)),
        **_interval("calibration_slope", calibration_slope(labels, chances, confidence)),
        **_interval("calibration_shift", calibration_in_the_large(labels, chances, confidence)),
        "n": ranking.n,
        "bads": ranking.bads,
        "base_rate": float(labels.mean()),
        "base_brier": brier(labels, [float(before.cast(pl.Float64).sum()) / known] * ranking.n) if known else None,
        "sub_grade_auc": None if baseline is None else baseline["auc"],
    }


def platform_baseline(loans: pl.DataFrame) -> Metrics | None:
    """Measure how well the platform's own grade ranks these loans, the sub-grade where it gives one; None without."""
    graded = platform_risk(loans)
    if graded is None:
        return None
    ranked = np.isfinite(graded[1])
    labels, risk = loans["label"].to_numpy()[ranked], graded[1][ranked]
    found = auc_interval(labels, risk)
    return {
        **_interval("auc", found),
        "gini": gini(labels, risk),
        "ks": ks(labels, risk),
        "n": found.n,
        "bads": found.bads,
    }


def _interval(name: str, found: Estimate) -> Metrics:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
