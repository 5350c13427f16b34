"""Refuse a single feature that predicts too well to have been known at application."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.errors import LeakError
from p2pcredit.models.evaluation.discrimination import auc
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.reference_borrower import columns_of

FOLDS = 5
PRIOR_LOANS = 20.0


def check_leaks(
    features: pl.DataFrame, candidates: tuple[Feature, ...], labels: npt.ArrayLike, *, limit: float
) -> None:
    """Check that every feature is weak enough on its own.

    Args:
        features: One row per matured loan.
        candidates: The features that a model may see.
        labels: One per loan, 1 = bad, 0 = good.
        limit: The AUC above which a single feature is taken for a leak.

    Raises:
        LeakError: Naming the first feature above the limit.
    """
    truth = np.asarray(labels, dtype=np.float64)
    columns = columns_of(features, [feature.name for feature in candidates])
    for feature in candidates:
        found = single_feature_auc(feature, columns[feature.name], truth)
        if found is not None and found > limit:
            raise LeakError(
                f"'{feature.name}' alone reaches an AUC of {found:.3f}, above {limit}; it was hardly known at "
                "application: look at where it comes from, or raise training.max_single_feature_auc"
            )


def single_feature_auc(feature: Feature, column: pl.Series, labels: Floats) -> float | None:
    """Calculate how well one feature ranks bads alone, in whichever direction. In [0.5, 1], None with one class.

    Missing values count: they are put below and above all others and the better ranking is taken, because a column
    that is filled in for bad loans only leaks by its gaps. A category is ranked by its bad rate in the other folds.
    """
    if feature.kind == "numeric":
        values = column.cast(pl.Float64).fill_nan(None).to_numpy()
        present = values[~np.isnan(values)]
        if present.size == 0:
            return None
        outside = (float(present.min()) - 1.0, float(present.max()) + 1.0)
        found = [auc(labels, np.where(np.isnan(values), end, values)) for end in outside]
    else:
        found = [auc(labels, _rate_elsewhere(column, labels))]
    told = [max(value, 1.0 - value) for value in found if value is not None]
    return max(told) if told else None


def _rate_elsewhere(column: pl.Series, labels: Floats) -> Floats:
    """Estimate each loan's risk: its level's bad rate in the other folds (every fifth loan is a fold)."""
    fold = np.arange(labels.size) % FOLDS
    frame = pl.DataFrame({"level": column.cast(pl.String).fill_null("\0missing"), "label": labels, "fold": fold})
    overall = float(labels.mean())
    sums = frame.with_columns(
        (pl.col("label").sum().over("level") - pl.col("label").sum().over("level", "fold")).alias("bads"),
        (pl.len().over("level") - pl.len().over("level", "fold")).alias("loans"),
    )
    rate = (pl.col("bads") + overall * PRIOR_LOANS) / (pl.col("loans") + PRIOR_LOANS)
    return np.asarray(sums.select(rate.alias("rate"))["rate"].to_numpy(), dtype=np.float64)
