"""Find the features that tell groups of people apart: those for which a model without them is worth a look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.champion.fairness import LEAST_LOANS

_BINS = 20


@dataclass(frozen=True, slots=True)
class Proxy:
    """A feature with how far it tells one group from all others.

    Args:
        feature: Its name.
        distance: Half the sum of differences between shares of the group and of the others over the feature's bins
            (total variation), 0 to 1, of the group that it tells apart most.
        group: That group.
    """

    feature: str
    distance: float
    group: str


def proxies_of(features: pl.DataFrame, groups: pl.Series, contracts: Sequence[Feature]) -> list[Proxy]:
    """Rank features by how far they tell any group of 100 or more from the others, most first.

    Args:
        features: One row per person.
        groups: The group of each; null is left out.
        contracts: The features to look at; numbers are cut into twenty bins of equal count, missing apart.

    Examples:
        >>> rows = pl.DataFrame({"fico": [700.0, 640.0] * 100, "annual_income": [1.0, 1.0, 2.0, 2.0] * 50})
        >>> from p2pcredit.contracts.features import FEATURES
        >>> asked = [feature for feature in FEATURES if feature.name in rows.columns]
        >>> [(one.feature, one.distance) for one in proxies_of(rows, pl.Series(["a", "b"] * 100), asked)]
        [('fico', 1.0), ('annual_income', 0.0)]
    """
    known = groups.is_not_null()
    names = groups.filter(known).cast(pl.String).to_numpy()
    large = [name for name in sorted(set(names.tolist())) if int((names == name).sum()) >= LEAST_LOANS]
    found = []
    for contract in contracts:
        place = _binned(features[contract.name].filter(known), numeric=contract.kind == "numeric")
        size = int(place.max(initial=-1)) + 1
        distances = {}
        for name in large:
            own = names == name
            if own.all():
                continue
            shares = [np.bincount(place[side], minlength=size) / side.sum() for side in (own, ~own)]
            distances[name] = float(np.abs(shares[0] - shares[1]).sum() / 2.0)
        if distances:
            group = max(distances, key=lambda one: (distances[one], one))
            found.append(Proxy(contract.name, distances[group], group))
    return sorted(found, key=lambda one: (-one.distance, one.feature))


def _binned(values: pl.Series, *, numeric: bool) -> npt.NDArray[np.int64]:
    if not numeric:
        texts = values.cast(pl.String).fill_null("").to_numpy().astype(str)
        return np.unique(texts, return_inverse=True)[1].astype(np.int64)
    numbers = values.cast(pl.Float64).to_numpy()
    missing = ~np.isfinite(numbers)
    edges = np.unique(np.quantile(numbers[~missing], np.arange(1, _BINS) / _BINS)) if (~missing).any() else np.zeros(0)
    place = np.searchsorted(edges, np.where(missing, 0.0, numbers), side="right") + 1
    return np.where(missing, 0, place).astype(np.int64)


__all__ = ["Proxy", "proxies_of"]
