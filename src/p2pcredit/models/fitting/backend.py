"""The two heavy pieces of a fit, growing trees and counting values, and the backend that does them.

All else of a training asks a `FitBackend` for them, so that another engine can do them elsewhere. `LOCAL` does them in
this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import xgboost as xgb

from p2pcredit.contracts.feature import Feature
from p2pcredit.errors import SettingsError
from p2pcredit.models.binning.counts import Counts, count_values
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.fitting.devices import CPU

CELLS_PER_THREAD = 2_000_000
"""With fewer numbers than this a second thread waits longer than it works; the trees are the same with any number."""

_GPU = Lock()
"""Held while trees grow on the GPU: two fits on it at once gain nothing, and need its memory twice."""

Matrix = npt.NDArray[np.float32]

Threads = int | Callable[[], int]
"""How many processor threads of this machine may be used; asked anew for each booster where it can change."""

Grow = Callable[[dict[str, Any], int], xgb.Booster]
"""XGBoost's parameters, those of the machine left out, and how many trees -> the trees."""


@dataclass(frozen=True, slots=True)
class Examples:
    """What trees are grown from, and where.

    Args:
        columns: (loans, columns); NaN is missing.
        bads: 1.0 for a loan that turned bad, else 0.0.
        margin: Where each loan starts from, on the scale of the objective; None for the same start for all.
        threads: As many processor threads may be used.
        device: Of this machine, `cpu` or `cuda`.
    """

    columns: Matrix
    bads: Floats
    margin: Floats | None
    threads: Threads = 1
    device: str = CPU


class FitBackend(Protocol):
    """Who grows trees and counts values."""

    @property
    def about(self) -> dict[str, Any]:
        """Its name and facts on a card."""
        ...

    def at_once(self, threads: int) -> int:
        """Return how many fits may run side by side on so many threads."""
        ...

    def growing(self, examples: Examples) -> AbstractContextManager[Grow]:
        """Hand the loans over once; then as many boosters as are wanted are grown from them."""
        ...

    def count(
        self, columns: pl.DataFrame, features: Sequence[Feature], bads: Floats, goods: Floats
    ) -> Iterator[Counts]:
        """Count what the values of each of the features hold, in their order; see `count_values`."""
        ...


@contextmanager
def _on_the_gpu(device: str) -> Iterator[None]:
    """Wait for the GPU, and say in one line what it refuses: too many loans for its memory, say."""
    with _GPU:
        try:
            yield
        except xgb.core.XGBoostError as error:
            why = " ".join(str(error).partition("Stack trace")[0].split())
            raise SettingsError(
                f"the GPU could not grow the trees ({why}); free its memory, or set training.device to 'cpu' in place "
                f"of '{device}'"
            ) from error


class LocalBackend:
    """Does both in this process."""

    @property
    def about(self) -> dict[str, Any]:
        """Its name and facts on a card."""
        return {"name": "polars"}

    def at_once(self, threads: int) -> int:
        """Return one fit per thread: what a fit does besides growing trees does not gain by a second one."""
        return threads

    @contextmanager
    def growing(self, examples: Examples) -> Iterator[Grow]:
        """Cut the loans into bins with the first booster; those after it find them cut."""
        threads, device = examples.threads, examples.device
        of_use = 1 + examples.columns.size // CELLS_PER_THREAD

        def machine() -> dict[str, Any]:
            return {"nthread": min(threads if isinstance(threads, int) else threads(), of_use)}

        loans = {"data": examples.columns, "label": examples.bads, "base_margin": examples.margin}
        data = xgb.DMatrix(**loans, missing=np.nan, **machine())
        del examples, loans  # and with them the columns, if nothing else refers to them

        def grow(parameters: dict[str, Any], rounds: int) -> xgb.Booster:
            where = {**machine(), "verbosity": 0, "device": device}
            with nullcontext() if device == CPU else _on_the_gpu(device):
                return xgb.train({**parameters, **where}, data, num_boost_round=rounds)

        yield grow

    def count(
        self, columns: pl.DataFrame, features: Sequence[Feature], bads: Floats, goods: Floats
    ) -> Iterator[Counts]:
        """Count what the values of each of the features hold, in their order; see `count_values`."""
        return (count_values(feature, columns[feature.name], bads, goods) for feature in features)


LOCAL = LocalBackend()
