"""Bins of a feature and their weight of evidence for default.

A numeric feature is first cut into about 150 quantile cells, and further where its isotonic bad rate steps; levels of a
category are ordered by their bad rate. Then `partition` finds the best bins exactly. Missing values have their own bin.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.errors import TrainingError
from p2pcredit.models.binning.counts import OTHER, Counts, count_values
from p2pcredit.models.binning.partition import Cells, Limits, best_partition, evidence, information
from p2pcredit.models.evaluation.intervals import Floats

CELLS = 150
MOST_BINS = 8
LEAST_SHARE = 0.05
LEAST_CASES = 5.0
LEAST_CASE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Binning:
    """The bins of one feature.

    Args:
        feature: Its name.
        kind: `numeric` or `category`.
        edges: For numbers: upper bounds (included) of all bins but the last, rising.
        levels: For categories: level -> bin; the level OTHER stands for pooled rare levels.
        woe: Weight of evidence for default of each bin; positive = riskier than the book.
        missing_woe: The same for missing values; 0 where too few were seen to say.
        information_value: Of the feature, missing values included.
        shares: Of the loans in each bin, missing values last; empty where not kept.
        other_woe: The weight of a level that is in no bin.
        by_hand: Whether a person fixed the bins, which then stay as they are.
    """

    feature: str
    kind: str
    edges: tuple[float, ...]
    levels: dict[str, int]
    woe: tuple[float, ...]
    missing_woe: float
    information_value: float
    shares: tuple[float, ...] = ()
    other_woe: float = 0.0
    by_hand: bool = False

    def transform(self, column: pl.Series) -> Floats:
        """Give the weight of evidence of each value; 0 for a level never seen until there is a reference borrower."""
        table = self.weights
        return np.asarray(table[self.bin_of(column)], dtype=np.float64)

    @property
    def weights(self) -> Floats:
        """The weight of each bin, then of missing values, then of levels in no bin: in the order of `bin_of`."""
        return np.array([*self.woe, self.missing_woe, self.other_woe])

    def bin_of(self, column: pl.Series) -> npt.NDArray[np.int64]:
        """Return each value's bin. `len(woe)` is the bin of missing values, one more stands for an unknown level."""
        missing, unknown = len(self.woe), len(self.woe) + 1
        if self.kind == "numeric":
            values = column.cast(pl.Float64).to_numpy()
            found = np.searchsorted(np.array(self.edges), values, side="left")
            return np.where(np.isnan(values), missing, found)
        other = self.levels.get(OTHER, unknown)
        mapped = column.cast(pl.String).replace_strict(self.levels, default=other, return_dtype=pl.Int64)
        return np.where(column.is_null().to_numpy(), missing, mapped.fill_null(other).to_numpy())

    def bin_names(self) -> tuple[str, ...]:
        """Describe what each bin holds; one name per entry of `woe`. Marks of our own are not named."""
        if self.kind == "numeric":
            bounds = ("", *(f"{edge:.15g}" for edge in self.edges), "")
            if not self.edges:
                return ("any",) if self.woe else ()
            pairs = itertools.pairwise(bounds)
            return tuple(f"up to {b}" if not a else f"above {a}" if not b else f"{a} to {b}" for a, b in pairs)
        grouped: list[list[str]] = [[] for _ in self.woe]
        for level, place in sorted(self.levels.items()):
            if "\0" not in level:
                grouped[place].append(level)
        return tuple(", ".join(group) or "levels not matured yet" for group in grouped)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "feature": self.feature,
            "kind": self.kind,
            "edges": list(self.edges),
            "levels": dict(sorted(self.levels.items())),
            "woe": list(self.woe),
            "missing_woe": self.missing_woe,
            "information_value": self.information_value,
            "shares": list(self.shares),
            "other_woe": self.other_woe,
            **({"by_hand": True} if self.by_hand else {}),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Binning:
        """Read the binning that `as_json` wrote."""
        return cls(
            feature=str(content["feature"]),
            kind=str(content["kind"]),
            edges=tuple(float(edge) for edge in content["edges"]),
            levels={str(level): int(place) for level, place in content["levels"].items()},
            woe=tuple(float(weight) for weight in content["woe"]),
            missing_woe=float(content["missing_woe"]),
            information_value=float(content["information_value"]),
            shares=tuple(float(share) for share in content.get("shares", ())),
            other_woe=float(content.get("other_woe", 0.0)),
            by_hand=bool(content.get("by_hand", False)),
        )


def fit_binning(feature: Feature, column: pl.Series, bads: Floats, goods: Floats, *, cells: int = CELLS) -> Binning:
    """Cut a feature into the bins with the most information value.

    A bin holds at least 5% of the loans, a tenth of the bads (at least five) and five goods. Without a demanded
    direction, numbers take the better of rising and falling; categories are ordered by bad rate first.

    Args:
        feature: Its name, kind and direction.
        column: Its values, one per loan.
        bads: 1.0 for a loan that turned bad, else 0.0.
        goods: 1.0 for a good loan; for the hazard target the default expected for the time the loan was watched.
        cells: How many quantile cells a number starts from, those at steps of its isotonic bad rate not counted.

    Returns:
        The binning; it has no more than one bin where nothing more can be told apart.

    Raises:
        TrainingError: If lengths differ, there are no loans, or a class is empty.
    """
    return bins_of_counts(feature, count_values(feature, column, bads, goods), bads, goods, cells=cells)


def bins_of_counts(feature: Feature, counts: Counts, bads: Floats, goods: Floats, *, cells: int = CELLS) -> Binning:
    """Cut a feature by what each value holds; `bads` and `goods` of the loans are needed for their totals.

    Raises:
        TrainingError: If there are no loans, or a class is empty.
    """
    all_bads, all_goods = float(bads.sum()), float(goods.sum())
    if all_bads <= 0.0 or all_goods <= 0.0:
        raise TrainingError(f"{feature.name}: bins need bads and goods, found {all_bads:g} and {all_goods:g}")
    numeric, loans, missing = feature.kind == "numeric", bads.size, counts.missing
    names, grouped = _number_cells(counts, cells, feature.direction) if numeric else _ordered_levels(counts)
    limits = bin_limits(loans, all_bads)
    ends = _cut(grouped, limits, feature, all_bads, all_goods)
    bin_bads, bin_goods = (
        np.append(_sums(grouped.bads, ends), missing[1]),
        np.append(_sums(grouped.goods, ends), missing[2]),
    )
    told = (bin_bads > 0.0) & (bin_goods > 0.0)
    told[-1] &= least_cells_missing(missing[0], missing[1])
    counts_told = np.where(told, bin_bads, all_bads), np.where(told, bin_goods, all_goods)
    weights = evidence(*counts_told, all_bads, all_goods).tolist()
    return Binning(
        feature=feature.name,
        kind=feature.kind,
        edges=tuple(plain_bound(*names[end - 1]) for end in ends[:-1]) if numeric else (),
        levels=_levels(names, ends) if feature.kind == "category" else {},
        woe=tuple(weights[:-1]),
        missing_woe=weights[-1],
        information_value=float(information(*counts_told, all_bads, all_goods).sum()),
        shares=tuple((np.append(_sums(grouped.loans, ends), missing[0]) / loans).tolist()),
    )


def bin_limits(loans: float, all_bads: float) -> Limits:
    """Return what a bin of a feature must have, of so many loans with so many bads."""
    least_bads = max(LEAST_CASES, LEAST_CASE_SHARE * all_bads)
    return Limits(MOST_BINS, math.ceil(LEAST_SHARE * loans), least_bads, LEAST_CASES)


def least_cells_missing(loans: float, bads: float) -> bool:
    """Return whether so many loans without a value, and bads among them, are enough for a weight of their own."""
    return bool(min(bads, loans - bads) >= LEAST_CASES)


def plain_bound(low: float, high: float) -> float:
    """Return the number with the fewest digits between two neighbouring values, `low` included.

    Any such number tells them apart alike; one with few digits is read, printed and typed without error.

    Examples:
        >>> plain_bound(23999.98, 24012.5), plain_bound(2.0, 3.0), plain_bound(0.1234, 0.1239)
        (24000.0, 2.0, 0.1234)
    """
    exact = Decimal(low)
    if not math.isfinite(low) or low == 0.0:
        return low
    for digits in range(1, 17):
        place = Decimal(1).scaleb(exact.adjusted() - digits + 1)
        found = float((exact / place).to_integral_value(ROUND_CEILING) * place)
        if low <= found < high:
            return found
    return low


def _cut(cells: Cells, limits: Limits, feature: Feature, all_bads: float, all_goods: float) -> tuple[int, ...]:
    size = cells.loans.size
    if size == 0:
        return ()
    direction = 1 if feature.kind == "category" else feature.direction
    found = best_partition(cells, limits, direction, all_bads, all_goods)
    return found or (size,)


def _sums(values: Floats, ends: tuple[int, ...]) -> Floats:
    edges = np.concatenate(([0.0], np.cumsum(values)))[[0, *ends]]
    return np.asarray(np.diff(edges), dtype=np.float64)


def _number_cells(counts: Counts, most: int, direction: int) -> tuple[list[list[Any]], Cells]:
    """Cut sorted numbers into cells of about equal count, named by last value and the next; equal values share one.

    They are cut further where the isotonic bad rate of all single values steps: a monotone cut that needs no least bins
    is best there, so few cells hold nearly all information of the single values.
    """
    values, single = counts.values, counts.cells
    last = np.ones(values.size, dtype=bool)  # of its cell
    if values.size > most:
        last[:-1] = np.diff((np.cumsum(single.loans) - 1).astype(np.int64) * most // counts.present) > 0
        for sign in [direction] if direction else [1, -1]:
            last[:-1] |= np.diff(isotonic_rate(single, sign)) != 0.0
    ends = np.flatnonzero(last) + 1
    cells = Cells(*(_sums(part, tuple(ends.tolist())) for part in (single.loans, single.bads, single.goods)))
    beyond = np.append(values, np.inf)[ends]
    return [[float(low), float(high)] for low, high in zip(values[ends - 1], beyond, strict=True)], cells


def isotonic_rate(cells: Cells, sign: int) -> Floats:
    """Estimate the bad rate of each cell that fits best among those that rise (sign 1) or fall along the cells."""
    from sklearn.isotonic import isotonic_regression  # scoring alone fits nothing

    weight = cells.bads + cells.goods
    rate = np.divide(cells.bads, weight, out=np.zeros_like(weight), where=weight > 0.0)
    return np.asarray(isotonic_regression(rate, sample_weight=weight, increasing=sign > 0), dtype=np.float64)


def _ordered_levels(counts: Counts) -> tuple[list[list[Any]], Cells]:
    """Order levels from safest to riskiest, one cell each, named by its levels; rare ones are pooled as OTHER."""
    pooled = counts.cells
    rate = pooled.bads / np.maximum(pooled.bads + pooled.goods, 1e-12)
    order = np.argsort(rate, kind="stable")
    cells = Cells(pooled.loans[order], pooled.bads[order], pooled.goods[order])
    return [list(counts.levels[index]) for index in order], cells


def _levels(names: list[list[Any]], ends: tuple[int, ...]) -> dict[str, int]:
    return {
        str(level): int(np.searchsorted(ends, index, side="right"))
        for index, members in enumerate(names)
        for level in members
    }
