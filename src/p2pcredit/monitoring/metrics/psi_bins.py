"""Bins in which two samples of one column are compared: fitted on the reference, the same for every later sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

RARE_SHARE = 0.02
"""A category with a smaller share of the reference shares one bin with the other rare ones: many thin bins only add
chance."""

DISTINCT_VALUES = 10
"""A number with at most so many distinct values in the reference has a bin for each, as terms and counts do."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class NumericBins:
    """Bins of a number: below or at each edge, above the last, missing.

    Args:
        edges: Ascending inner edges.
        exact: Whether each edge is a value of its own; then a value that is none of them falls in the last but one bin.
    """

    edges: NDArray[np.float64]
    exact: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The content of each bin, in words."""
        if self.exact:
            return (*(f"{edge:g}" for edge in self.edges), "unseen", "missing")
        if not self.edges.size:
            return ("any", "missing")
        between = (f"{a:g} to {b:g}" for a, b in zip(self.edges[:-1], self.edges[1:], strict=True))
        return (f"up to {self.edges[0]:g}", *between, f"above {self.edges[-1]:g}", "missing")

    def count(self, values: pl.Series) -> Counts:
        """Count the values in each bin. NaN counts as missing."""
        present = _present(values)
        place = np.searchsorted(self.edges, present, side="left")
        if self.exact:
            inside = np.minimum(place, self.edges.size - 1)
            place = np.where(self.edges[inside] == present, place, self.edges.size)
        counts = np.bincount(place, minlength=self.edges.size + 1)
        return np.append(counts, len(values) - present.size).astype(np.int64)


@dataclass(frozen=True)
class CategoryBins:
    """Bins of a category: each frequent level, the rare ones together, levels the reference never had, missing.

    Args:
        levels: Frequent levels, in alphabetical order.
        rare: Levels that share a bin.
    """

    levels: tuple[str, ...]
    rare: frozenset[str]

    @property
    def names(self) -> tuple[str, ...]:
        """The content of each bin, in words."""
        return (*self.levels, "rare", "unseen", "missing")

    def count(self, values: pl.Series) -> Counts:
        """Count the values in each bin."""
        places = {level: place for place, level in enumerate(self.levels)}
        rare, unseen, missing = len(self.levels), len(self.levels) + 1, len(self.levels) + 2
        counts = np.zeros(len(self.levels) + 3, dtype=np.int64)
        for level, n in _level_counts(values).items():
            place = missing if level is None else places.get(level, rare if level in self.rare else unseen)
            counts[place] += n
        return counts


Bins = NumericBins | CategoryBins


@dataclass(frozen=True)
class BinnedColumn:
    """A column of the reference in its own bins.

    Args:
        bins: Fitted on it.
        counts: How many of its values fall in each.
        loans: How many it has.
        missing: How many of them are missing.
    """

    bins: Bins
    counts: Counts
    loans: int
    missing: int

    @classmethod
    def of(cls, reference: pl.Series) -> BinnedColumn:
        """Bin a column in bins fitted on it."""
        bins = fit_bins(reference)
        return cls(bins, bins.count(reference), len(reference), reference.null_count())


def fit_bins(reference: pl.Series) -> Bins:
    """Choose the bins of a column from its reference.

    Args:
        reference: Numbers (deciles, or one bin for each value where there are few) or text (levels).

    Returns:
        Bins that `count` any later sample of the same column.

    Examples:
        >>> fit_bins(pl.Series([36.0, 60.0, 36.0])).names
        ('36', '60', 'unseen', 'missing')
        >>> fit_bins(pl.Series(["RENT", "OWN", None])).names
        ('OWN', 'RENT', 'rare', 'unseen', 'missing')
    """
    if not reference.dtype.is_numeric() and reference.dtype not in (pl.Null, pl.Boolean):
        counts = {level: n for level, n in _level_counts(reference).items() if level is not None}
        least = RARE_SHARE * len(reference)
        frequent = tuple(sorted(level for level, n in counts.items() if n >= least))
        return CategoryBins(frequent, frozenset(counts) - frozenset(frequent))
    ordered = np.sort(_present(reference))
    if not ordered.size:
        return NumericBins(ordered, exact=False)
    starts = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    if int(starts.sum()) <= DISTINCT_VALUES:
        return NumericBins(ordered[starts], exact=True)
    ranks = (np.arange(1, 10) * ordered.size) // 10
    return NumericBins(np.unique(ordered[ranks]), exact=False)


def _present(values: pl.Series) -> NDArray[np.float64]:
    numbers = values.cast(pl.Float64).to_numpy()  # a null becomes NaN
    present: NDArray[np.float64] = numbers[~np.isnan(numbers)]
    return present


def _level_counts(values: pl.Series) -> dict[str | None, int]:
    counted = values.cast(pl.String).rename("level").value_counts(name="n")
    return dict(zip(counted["level"].to_list(), counted["n"].to_list(), strict=True))
