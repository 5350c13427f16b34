"""Grow the trees of a boosting model, monotone where credit sense is plain, wherever the backend grows them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.boosting.encoding import Encoding
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.fitting.backend import LOCAL, Examples, FitBackend, Matrix, Threads
from p2pcredit.models.fitting.devices import CPU


@dataclass(frozen=True, slots=True)
class Trees:
    """How many trees are grown, and how; see XGBoost's parameters of the same names.

    Args:
        rounds: Trees.
        max_depth: Splits from root to leaf.
        min_child_weight: Least sum of second derivatives in a leaf, about its defaults.
        eta: Share of each tree that is kept.
    """

    rounds: int = 200
    max_depth: int = 3
    min_child_weight: float = 5.0
    eta: float = 0.05

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters as XGBoost takes them."""
        return {
            "tree_method": "hist",
            "max_depth": self.max_depth,
            "eta": self.eta,
            "subsample": 0.7,
            "colsample_bytree": 0.5,
            "min_child_weight": self.min_child_weight,
            "reg_lambda": 5.0,
            "max_bin": 128,
        }


@contextmanager
def growing(
    encoding: Encoding,
    columns: Matrix,
    bads: Floats,
    expected: Floats | None,
    *,
    candidates: Collection[Feature],
    seed: int,
    threads: Threads,
    device: str = CPU,
    backend: FitBackend = LOCAL,
) -> Iterator[Callable[[Trees], xgb.Booster]]:
    """Grow trees on these loans, which are handed over once for as many settings as are asked.

    Args:
        encoding: How the columns came about.
        columns: As `encode` gives them.
        candidates, bads, expected, seed, threads, device, backend: As in `fit_boosting`.

    Yields:
        Given how to grow them, the trees: monotone where the contract of a feature says so. Wherever they were grown
        they score on the processor: so they do once they are read from a file, and a score must not depend on who
        gives it.
    """
    directions = {feature.name: feature.direction for feature in candidates}
    signs = [
        directions[name] for name, width in zip(encoding.features, encoding.widths, strict=True) for _ in range(width)
    ]
    aim: dict[str, Any] = {"monotone_constraints": tuple(signs), "seed": seed}
    if expected is None:
        aim |= {"objective": "binary:logistic", "base_score": float(bads.mean())}
    else:
        aim |= {"objective": "count:poisson", "base_score": 1.0}
    margin = None if expected is None else np.log(expected)
    handed = backend.growing(Examples(columns, bads, margin, threads, device))
    del columns  # the backend keeps them in a form of its own
    with handed as growing_them:

        def grow(trees: Trees) -> xgb.Booster:
            booster = growing_them({**trees.parameters, **aim}, trees.rounds)
            booster.set_param({"device": CPU})
            return booster

        yield grow
