"""Name the metrics that the default policy triggers on, apart from what measures them, which loads much more."""

from __future__ import annotations

WITHIN_COHORT = "auc_within_cohort"
OF_CHAMPION = "auc_of_champion"
MATURED_RATIO = "product_ratio_matured"
TO_DATE_RATIO = "product_ratio_to_date"
CALIBRATION = (MATURED_RATIO, TO_DATE_RATIO)

__all__ = ["CALIBRATION", "MATURED_RATIO", "OF_CHAMPION", "TO_DATE_RATIO", "WITHIN_COHORT"]
