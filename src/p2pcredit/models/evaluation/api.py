"""Every measurement of a score on matured loans, in one place to import from.

Labels are 1 = bad and 0 = good; scores are higher = riskier; probabilities of default lie in [0, 1]. What cannot be
measured is None, never NaN, and a missing input is an error, never a number.
"""

from __future__ import annotations

from p2pcredit.models.evaluation.calibration_metrics import (
    brier,
    brier_interval,
    calibration_error_by_chance,
    calibration_error_interval,
    calibration_ratio,
    expected_calibration_error,
)
from p2pcredit.models.evaluation.calibration_slope import calibration_in_the_large, calibration_slope
from p2pcredit.models.evaluation.discrimination import (
    auc,
    auc_interval,
    gini,
    gini_interval,
    ks,
    ks_interval,
    paired_auc_difference,
)
from p2pcredit.models.evaluation.intervals import Estimate

__all__ = [
    "Estimate",
    "auc",
    "auc_interval",
    "brier",
    "brier_interval",
    "calibration_error_by_chance",
    "calibration_error_interval",
    "calibration_in_the_large",
    "calibration_ratio",
    "calibration_slope",
    "expected_calibration_error",
    "gini",
    "gini_interval",
    "ks",
    "ks_interval",
    "paired_auc_difference",
]
