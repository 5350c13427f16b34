"""The borrower that reasons compare with: what is usual among loans at the approval cut-off."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from p2pcredit.contracts.feature import OWN_PREFIX, Feature
from p2pcredit.contracts.features import FEATURES
from p2pcredit.errors import UsageError
from p2pcredit.models.evaluation.intervals import Floats

LEAST_NEIGHBOURS = 200
NEIGHBOUR_SHARE = 0.05
HIDDEN = "\0"
"""The first letter of a level that pools others and occurs in no loan; it is never the usual level."""

Value = float | str | None
ReferenceBorrower = dict[str, Value]


def find_reference_borrower(
    features: pl.DataFrame, log_odds: Floats, names: Sequence[str], *, cutoff: float
) -> ReferenceBorrower:
    """Find the usual value of each feature among the loans nearest to the approval cut-off.

    Args:
        features: Rows with the columns `names`.
        log_odds: Log-odds of default per row.
        names: The features.
        cutoff: The probability of default at which loans are just approved, in (0, 1).

    Returns:
        Per feature the median of a number, the most frequent level of a category (the first by name among equals), or
        None where it is missing for more than half of those loans.
    """
    middle = math.log(min(max(cutoff, 1e-6), 1 - 1e-6) / (1 - min(max(cutoff, 1e-6), 1 - 1e-6)))
    count = min(features.height, max(LEAST_NEIGHBOURS, int(NEIGHBOUR_SHARE * features.height)))
    nearest = np.sort(np.argsort(np.abs(log_odds - middle), kind="stable")[:count])
    near = columns_of(features, names)[nearest]
    return {name: _usual(near[name]) for name in names}


def columns_of(features: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Select the features of a model in its order, numbers as Float64 (NaN as missing), categories as text.

    A lender's own column is what it is in the frame: text or a number.

    Raises:
        UsageError: If a column is not there.
    """
    require_columns(features, names)
    categories = {feature.name for feature in FEATURES if feature.kind == "category"}
    categories |= {name for name in names if name.startswith(OWN_PREFIX) and features.schema[name] == pl.String}
    return features.select(
        pl.col(name).cast(pl.String) if name in categories else pl.col(name).cast(pl.Float64).fill_nan(None)
        for name in names
    )


def require_columns(features: pl.DataFrame, names: Sequence[str]) -> None:
    """Make sure that the features of a model are there.

    Raises:
        UsageError: If a column is not.
    """
    missing = [name for name in names if name not in features.columns]
    if missing:
        raise UsageError(f"the features lack '{missing[0]}', which the model needs; preprocess with this version again")


def feature_named(name: str) -> Feature:
    """Return the contract of a feature.

    Raises:
        UsageError: If there is none of that name.
    """
    found = next((feature for feature in FEATURES if feature.name == name), None)
    if found is None:
        raise UsageError(
            f"there is no feature '{name}' in the contract; the model was made by another version, so train a new one"
        )
    return found


def number_of_blank(name: str) -> float | None:
    """Give the number that stands for a blank in a feature; None where there is none, or no such feature.

    Examples:
        >>> number_of_blank("title_length"), number_of_blank("fico")
        (0.0, None)
    """
    return next((feature.number_of_blank for feature in FEATURES if feature.name == name), None)


def _usual(values: pl.Series) -> Value:
    if values.null_count() * 2 > values.len() or values.len() == 0:
        return None
    present = values.drop_nulls()
    if values.dtype != pl.String:
        return float(present.quantile(0.5, interpolation="lower") or 0.0)
    present = present.filter(~present.str.starts_with(HIDDEN))
    if present.is_empty():
        return None
    counts = present.value_counts().sort(["count", values.name], descending=[True, False])
    return str(counts[values.name][0])
