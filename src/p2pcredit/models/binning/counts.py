"""Loans, bads and goods per value of a feature: all that its bins are made from, wherever it was counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.errors import TrainingError
from p2pcredit.models.binning.partition import Cells
from p2pcredit.models.evaluation.intervals import Floats

FEW_VALUES = 100
RARE_LEVEL_SHARE = 0.02
OTHER = "OTHER"
SUMMABLE_STEP = 2.0**-30
"""Multiples of it add up exactly in any order to totals below 2^23, about eight million defaults."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a feature's values hold.

    Args:
        values: Of a number: its distinct values, rising; empty for a category.
        levels: Of a category: the levels of each cell, rare ones together in one with OTHER; empty for a number.
        cells: Loans, bads and goods per value or group of levels.
        missing: Loans, bads and goods without a value.
    """

    values: Floats
    levels: tuple[tuple[str, ...], ...]
    cells: Cells
    missing: tuple[float, float, float]

    @property
    def present(self) -> int:
        """The number of loans that have a value."""
        return int(self.cells.loans.sum())


def count_values(
    feature: Feature, column: pl.Series, bads: Floats, goods: Floats, loans: Floats | None = None
) -> Counts:
    """Count the loans, bads and goods of each value of a feature. Added in the order of the rows.

    Args:
        feature: Its name and kind.
        column: Its values, one per row; NaN is missing.
        bads: Of each row: 1.0 for a loan that turned bad, else 0.0.
        goods: As in `fit_binning`.
        loans: How many loans each row stands for, in whose sums `bads` and `goods` then are; one each where None.

    Raises:
        TrainingError: If lengths differ.
    """
    if not column.len() == bads.size == goods.size:
        raise TrainingError(f"{column.len()} values of {feature.name}, {bads.size} outcomes; give one of each per loan")
    numeric = feature.kind == "numeric"
    values = column.cast(pl.Float64).to_numpy() if numeric else column.cast(pl.String)
    gone = np.isnan(values) if isinstance(values, np.ndarray) else values.is_null().to_numpy()
    sums = (np.ones(column.len()) if loans is None else loans, bads, goods)
    lost, lost_bads, lost_goods = (float(part[gone].sum()) for part in sums)
    missing, counted = (lost, lost_bads, lost_goods), tuple(part[~gone] for part in sums)
    if isinstance(values, np.ndarray):
        series = pl.Series(values[~gone] + 0.0)  # so that -0 is 0
        single = series.unique().sort().to_numpy()
        few = single.size <= FEW_VALUES
        place = np.searchsorted(single, series.to_numpy()) if few else series.rank("dense").to_numpy() - 1
        return Counts(single, (), _add_up(place.astype(np.int64), single.size, counted), missing)
    present = values.drop_nulls()
    levels = sorted(present.unique().to_list())
    place = present.replace_strict(levels, list(range(len(levels))), return_dtype=pl.Int64).to_numpy()
    groups, target = _pool_rare(levels, _add_up(place, len(levels), counted).loans)
    return Counts(np.zeros(0), groups, _add_up(target[place], len(groups), counted), missing)


def summable(expected: Floats) -> Floats:
    """Round expected defaults to multiples of 2^-30, so that their sums have the same bits in any order.

    Args:
        expected: The defaults expected of each loan; positive.

    Returns:
        Each moved by at most 5e-10, never to 0.

    Examples:
        >>> parts = summable(np.array([0.1, 0.2, 0.3]))
        >>> parts[::-1].cumsum()[-1] == parts.cumsum()[-1], float(summable(np.array([1e-12]))[0]) == SUMMABLE_STEP
        (np.True_, True)
    """
    return np.maximum(np.rint(expected / SUMMABLE_STEP), 1.0) * SUMMABLE_STEP


def _pool_rare(levels: list[str], loans: Floats) -> tuple[tuple[tuple[str, ...], ...], npt.NDArray[np.int64]]:
    """Find the levels that stand alone, and pool those that are too rare as OTHER.

    Args:
        levels: In alphabetical order.
        loans: How many of each.

    Returns:
        The groups, that of the rare ones last, and for each level the index of its group.

    Examples:
        >>> groups, target = _pool_rare(["BOAT", "CAR"], np.array([1.0, 99.0]))
        >>> groups, target.tolist()
        ((('CAR',), ('BOAT', 'OTHER')), [1, 0])
    """
    rare = loans < RARE_LEVEL_SHARE * loans.sum()
    rare |= np.array([level == OTHER for level in levels], dtype=bool)
    alone = [(level,) for level, pooled in zip(levels, rare, strict=True) if not pooled]
    together = tuple(sorted({OTHER, *(level for level, pooled in zip(levels, rare, strict=True) if pooled)}))
    target = np.where(rare, len(alone), np.cumsum(~rare) - 1).astype(np.int64)
    return ((*alone, together) if rare.any() else tuple(alone)), target


def _add_up(place: npt.NDArray[np.int64], size: int, counts: tuple[Floats, ...]) -> Cells:
    """Sum per cell, always in the order of the rows, so that the same rows give the same bits."""
    loans, bads, goods = (np.bincount(place, values, size).astype(np.float64) for values in counts)
    return Cells(loans, bads, goods)
