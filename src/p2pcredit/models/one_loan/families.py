"""What the built-in families say of one loan, from plain values to the arrays that their frames lead to."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from p2pcredit.models.binning.bins import Binning
from p2pcredit.models.binning.counts import OTHER
from p2pcredit.models.calibration import as_probability
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.one_loan.values import Values
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.scoring_model import ScoringModel

if TYPE_CHECKING:
    from p2pcredit.models.fitting.backend import Matrix

Predict = Callable[[Values], tuple[Floats, Floats]]
"""From the completed values of a loan to what `predict_with_neutral` gives of it: (1,) and (1, features)."""

_TRIED = 24
"""Loans of which it is tried, when a model is loaded, whether tables give the library's numbers."""


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
    """Make the twin of `BoostingModel.predict_with_neutral`: the loan and its changed copies in one call."""
    stays, slope, log_odds_of = model.what_stays(), model.calibration.slope, model.calibration.log_odds
    usual = stays.usual.tolist()
    columns = [_Encoded.of(model, place, usual) for place in range(len(model.feature_names))]
    used = [(place, span, usual[span]) for place, span in stays.spans_used]
    margins_of = _margins(model, stays)

    def predict(values: Values) -> tuple[Floats, Floats]:
        cells: list[float] = []
        effects: dict[int, float] = {}
        for place, column in enumerate(columns):
            own, effect = column.cells(values[column.name])
            cells += own
            if effect:
                effects[place] = effect
        with np.errstate(over="ignore"):  # larger than any number of 32 bits is infinite there
            row = np.array(cells, dtype=np.float64).astype(np.float32)
        seen = row.tolist()
        changes = [number for number, (_, span, wanted) in enumerate(used) if _differs(seen[span], wanted)]
        total = 0.0
        for effect in effects.values():
            total += effect
        left = np.full(1 + len(changes), total)
        for number, change in enumerate(changes, 1):
            left[number] -= effects.get(used[change][0], 0.0)
        log_odds = log_odds_of(margins_of(row, changes) + left)
        at_neutral = np.repeat(log_odds[:1, None], len(columns), axis=1)
        for place, effect in effects.items():
            at_neutral[0, place] -= slope * effect
        for number, change in enumerate(changes, 1):
            at_neutral[0, used[change][0]] = log_odds[number]
        return as_probability(log_odds[:1]), at_neutral

    return predict


def _margins(model: Any, stays: Any) -> Callable[[Matrix, list[int]], Floats]:
    """Make the margins of a loan as it is, then with each of some features that trees ask for at its usual value.

    They are looked up in tables, and predicted by the library where the tables do not stand for these trees: where a
    tree has more levels, or where the sums of odd loans are not the library's to the last bit.
    """
    spans, usual = [span for _, span in stays.spans_used], stays.usual

    def predicted(row: Matrix, changes: list[int]) -> Floats:
        together = np.repeat(row[None, :], 1 + len(changes), axis=0)
        for number, change in enumerate(changes, 1):
            together[number, spans[change]] = usual[spans[change]]
        return np.asarray(model.margin_of_columns(together), dtype=np.float64)

    tables = model.tables_of(stays)

    def looked_up(row: Matrix, changes: list[int]) -> Floats:
        sums = tables.of_one(row).astype(np.float64)
        return np.asarray(sums[[0, *(1 + change for change in changes)]] + model.offset, dtype=np.float64)

    if tables.of_one(usual) is None:
        return predicted
    every = list(range(len(spans)))
    same = all(np.array_equal(looked_up(row, every), predicted(row, every)) for row in _odd_rows(usual))
    return looked_up if same else predicted


def _odd_rows(usual: Matrix) -> Matrix:
    """Invent loans as the trees see them: usual ones of which some numbers are others, or missing."""
    luck = np.random.default_rng(1)
    rows = np.repeat(usual[None, :], _TRIED, axis=0)
    other = luck.random(rows.shape)
    rows[other < 0.4] *= luck.uniform(-2.0, 3.0, int((other < 0.4).sum())).astype(np.float32)
    rows[other > 0.9] = np.nan
    return rows


@dataclass(frozen=True, slots=True)
class _Encoded:
    """How a feature becomes columns of the trees, and what its absence does.

    Args:
        name: The feature.
        levels: Of a category that has columns; None for a number.
        usual: The columns of the reference borrower.
        missing, rare: What is added to the margin of a loan without a value, or with a level that has no column; None
            where such a loan stays as it is.
    """

    name: str
    levels: tuple[str, ...] | None
    usual: list[float]
    missing: float | None
    rare: float | None

    @classmethod
    def of(cls, model: Any, place: int, usual: list[float]) -> _Encoded:
        name = model.feature_names[place]
        levels = model.encoding.levels.get(name)
        held = model.support.get(name)
        stays = held is None or model.neutral.get(name) is None
        missing = None if stays else held.missing.effect
        pooled = stays or levels is None or held.pools_rare(model.least_level_share)
        return cls(name, levels, usual[model.encoding.spans[place]], missing, None if pooled else held.rare.effect)

    def cells(self, value: Any) -> tuple[list[float], float]:
        """Give the columns of a value, and what is added to the margin."""
        if value is None:
            if self.missing is not None:
                return self.usual, self.missing
            return [math.nan] * len(self.usual), 0.0
        if self.levels is None:
            return [value], 0.0
        if self.rare is not None and value not in self.levels:
            return self.usual, self.rare
        return [1.0 if value == level else 0.0 for level in self.levels], 0.0


def _differs(own: list[float], usual: list[float]) -> bool:
    """Say whether the columns of a value are other than the usual ones; NaN equals NaN."""
    return any(one != other and (one == one or other == other) for one, other in zip(own, usual, strict=True))


__all__ = ["Predict", "prediction_of"]
