"""Turn features into columns of numbers for boosting: one column per number, one per frequent level of a category."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.fitting.backend import Matrix
from p2pcredit.models.reference_borrower import columns_of, require_columns

LEAST_LEVEL_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Encoding:
    """How features become columns of numbers: a number as it is, a category one column per frequent level.

    A missing value is missing in all its columns; a level that is rare or was never seen is 0 in all of them. A model
    that knows what it was trained on puts the reference borrower's value in the place of the first, and of the second
    where too few loans had such a level.
    """

    features: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]

    @property
    def widths(self) -> tuple[int, ...]:
        """The number of columns of each feature."""
        return tuple(len(self.levels[name]) if name in self.levels else 1 for name in self.features)

    @property
    def spans(self) -> tuple[slice, ...]:
        """The columns of each feature, as slices."""
        ends = np.cumsum(self.widths).tolist()
        return tuple(slice(end - width, end) for end, width in zip(ends, self.widths, strict=True))

    def encode(self, features: pl.DataFrame) -> Matrix:
        """Encode the columns of each row, (rows, sum of widths); NaN is missing."""
        require_columns(features, self.features)
        parts: list[pl.Expr] = []
        for name in self.features:
            if name not in self.levels:
                parts.append(pl.col(name).cast(pl.Float64).cast(pl.Float32))
            for place, level in enumerate(self.levels.get(name, ())):
                parts.append((pl.col(name).cast(pl.String) == level).cast(pl.Float32).alias(f"{name}={place}"))
        encoded = features.select(part.fill_null(float("nan")) for part in parts)
        return np.ascontiguousarray(encoded.to_numpy(order="c"), dtype=np.float32).reshape(features.height, len(parts))


def learn_encoding(features: pl.DataFrame, candidates: tuple[Feature, ...]) -> Encoding:
    """Choose the columns that these features become: frequent levels get one each."""
    names = [feature.name for feature in candidates]
    columns = columns_of(features, names)
    levels: dict[str, tuple[str, ...]] = {}
    for feature in candidates:
        if feature.kind == "category":
            counts = columns[feature.name].drop_nulls().value_counts()
            frequent = counts.filter(pl.col("count") >= LEAST_LEVEL_SHARE * features.height)
            levels[feature.name] = tuple(sorted(frequent[feature.name].to_list()))
    kept = tuple(name for name in names if levels.get(name, ("",)))
    return Encoding(kept, {name: found for name, found in levels.items() if found})
