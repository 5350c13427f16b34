"""The two heavy pieces of a fit, growing trees and counting values, and who does them.

All else of a training asks a `Fitter` for them, so that another engine can do them elsewhere. `HERE` does them in this
process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import xgboost as xgb

from p2pcredit.contracts.features import Feature
from p2pcredit.models.counts import Counts, count_values
from p2pcredit.models.devices import CPU
from p2pcredit.models.estimates import Floats

CELLS_PER_THREAD = 2_000_000
"""With fewer numbers than this a second thread waits longer than it works; the trees are the same with any number."""

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Growth:
    """What trees are grown from.

    Args:
        columns: (loans, columns); NaN is missing.
        bads: 1.0 for a loan that turned bad, else 0.0.
        margin: Where each loan starts from, on the scale of the objective; None for the same start for all.
        parameters: As XGBoost takes them, those of the machine left out.
        rounds: How many trees.
        threads: How many processor threads of this machine may be used.
        device: Of this machine, `cpu` or `cuda`.
    """

    columns: Matrix
    bads: Floats
    margin: Floats | None
    parameters: dict[str, Any]
    rounds: int
    threads: int = 1
    device: str = CPU


class Fitter(Protocol):
    """Who grows trees and counts values."""

    @property
    def about(self) -> dict[str, Any]:
        """How a card names it."""
        ...

    def at_once(self, cells: int, threads: int) -> int:
        """How many fits on so many numbers, loans by features, are best made side by side on so many threads."""
        ...

    def grow(self, growth: Growth) -> xgb.Booster:
        """The trees that these loans teach."""
        ...

    def count(
        self, columns: pl.DataFrame, features: Sequence[Feature], bads: Floats, goods: Floats
    ) -> Iterator[Counts]:
        """What the values of each of the features hold, in their order; see `count_values`."""
        ...


class LocalFitter:
    """Does both in this process."""

    @property
    def about(self) -> dict[str, Any]:
        """How a card names it."""
        return {"name": "polars"}

    def at_once(self, cells: int, threads: int) -> int:
        """As many as there are threads where none of them has work for a second one, else one after the other."""
        return threads if cells < CELLS_PER_THREAD else 1

    def grow(self, growth: Growth) -> xgb.Booster:
        """The trees that these loans teach."""
        needed = min(growth.threads, 1 + growth.columns.size // CELLS_PER_THREAD)
        data = xgb.DMatrix(growth.columns, label=growth.bads, missing=np.nan, nthread=needed)
        if growth.margin is not None:
            data.set_base_margin(growth.margin)
        machine = {"nthread": needed, "verbosity": 0, "device": growth.device}
        return xgb.train({**growth.parameters, **machine}, data, num_boost_round=growth.rounds)

    def count(
        self, columns: pl.DataFrame, features: Sequence[Feature], bads: Floats, goods: Floats
    ) -> Iterator[Counts]:
        """What the values of each of the features hold, in their order; see `count_values`."""
        return (count_values(feature, columns[feature.name], bads, goods) for feature in features)


HERE = LocalFitter()
