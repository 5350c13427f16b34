"""What the built-in families say of one loan, from plain values to the arrays that their frames lead to."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import numpy as np

from p2pcredit.models.binning.bins import Binning
from p2pcredit.models.binning.counts import OTHER
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.one_loan.values import Values
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.scoring_model import ScoringModel

Predict = Callable[[Values], tuple[Floats, Floats]]
"""From the completed values of a loan to what `predict_with_neutral` gives of it: (1,) and (1, features)."""


def prediction_of(model: ScoringModel) -> Predict | None:
    """Make the prediction of one loan; None for a family that knows frames only."""
    if isinstance(model, ScorecardModel):
        return _of_scorecard(model)
    if model.family == "boosting":
        return _of_boosting(model)
    return None


def _of_scorecard(card: ScorecardModel) -> Predict:
    tables = [
        (binning.feature, _bin(binning), table.tolist())
        for binning, table in zip(card.binnings, card.points(), strict=True)
    ]
    neutral_parts = card.neutral_parts()

    def predict(values: Values) -> tuple[Floats, Floats]:
        parts = [table[place(values[name])] for name, place, table in tables]
        return card.predict_parts(np.array([parts], dtype=np.float64), neutral_parts)

    return predict


def _bin(binning: Binning) -> Callable[[Any], int]:
    """Make the twin of `Binning.bin_of` for one value."""
    missing, unknown = len(binning.woe), len(binning.woe) + 1
    if binning.kind == "numeric":
        edges = list(binning.edges)
        return lambda value: missing if value is None else bisect_left(edges, value)
    levels, other = binning.levels, binning.levels.get(OTHER, unknown)
    return lambda value: missing if value is None else levels.get(value, other)


def _of_boosting(model: Any) -> Predict:
    encoding, stays = model.encoding, model.what_stays()
    columns: list[tuple[str, tuple[str, ...] | None]] = [
        (name, encoding.levels.get(name)) for name in encoding.features
    ]
    nothing = float("nan")

    def predict(values: Values) -> tuple[Floats, Floats]:
        cells: list[float] = []
        for name, levels in columns:
            value = values[name]
            if levels is None:
                cells.append(nothing if value is None else value)
            else:
                cells.extend(nothing if value is None else 1.0 if value == level else 0.0 for level in levels)
        with np.errstate(over="ignore"):  # larger than any number of 32 bits is infinite there
            row = np.array([cells], dtype=np.float64).astype(np.float32)
        return model.predict_columns(row, stays)  # type: ignore[no-any-return]

    return predict


__all__ = ["Predict", "prediction_of"]
