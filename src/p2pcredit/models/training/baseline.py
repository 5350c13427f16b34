"""The plainest model that one would try: a logistic regression on the same raw features.

What a scorecard or boosting gains over it is what their extra care is worth.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.reference_borrower import columns_of

LEAST_LEVEL_SHARE = 0.02


def logistic_baseline(learned: pl.DataFrame, later: pl.DataFrame, names: tuple[str, ...]) -> Floats | None:
    """Predict probabilities of default with a plain logistic regression.

    Numbers are standardised, with the median in place of a missing one and a column that says so; categories become one
    column per level that at least 2% of the loans learned from have. Ridge penalty 1, no selection, no calibration.

    Args:
        learned: Matured loans with `label` and the features.
        later: Later loans with the features.
        names: The features.

    Returns:
        One probability per later loan; None where the loans learned from are of one class or nothing varies.
    """
    labels = learned["label"].cast(pl.Float64).to_numpy()
    if later.is_empty() or not 0 < labels.sum() < labels.size:
        return None
    before, after = columns_of(learned, names), columns_of(later, names)
    columns = [pair for name in names for pair in _columns(before[name], after[name])]
    if not columns:
        return None
    model = LogisticRegression(C=1.0, solver="newton-cholesky", max_iter=200)
    model.fit(np.column_stack([first for first, _ in columns]), labels)
    found = model.predict_proba(np.column_stack([second for _, second in columns]))[:, 1]
    return np.asarray(found, dtype=np.float64)


def _columns(before: pl.Series, after: pl.Series) -> list[tuple[Floats, Floats]]:
    if before.dtype == pl.String:
        counts = before.drop_nulls().value_counts()
        frequent = counts.filter(pl.col("count") >= LEAST_LEVEL_SHARE * before.len())[before.name].sort()
        pairs = [((before == level).fill_null(False), (after == level).fill_null(False)) for level in frequent]
        columns = [(_floats(first), _floats(second)) for first, second in pairs]
    else:
        middle, spread = before.median(), before.std()
        if middle is None:
            return []
        scale = float(spread) if isinstance(spread, float) and spread > 0.0 else 1.0
        columns = [
            tuple((_floats(side.fill_null(middle)) - float(middle)) / scale for side in (before, after)),  # type: ignore[arg-type]
            (_floats(before.is_null()), _floats(after.is_null())),
        ]
    return [pair for pair in columns if np.ptp(pair[0]) > 0.0]


def _floats(column: pl.Series) -> Floats:
    return np.asarray(column.cast(pl.Float64).to_numpy(), dtype=np.float64)
