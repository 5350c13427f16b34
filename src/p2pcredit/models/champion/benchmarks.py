"""The standing benchmarks of a training: the platform's own grade, a plain logistic regression, the last champion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from p2pcredit.models.champion.gate import Gate
from p2pcredit.models.evaluation.discrimination import auc_interval, paired_auc_difference

LAST_CHAMPION = "champion"


def standing_benchmarks(
    floor: Gate, champion: Mapping[str, Any] | None, *, model_id: str | None = None
) -> list[dict[str, Any]]:
    """List what a model was held against, each on loans that neither side had seen.

    Args:
        floor: The floor of the model, which measured grade and logistic regression.
        champion: What `against_champion` gives; None where no champion served.
        model_id: The champion.

    Returns:
        Per benchmark `key`, `name`, `model_id` (None but for the champion), its `auc`, that of the model on the same
        loans (`model_auc`), and `difference` with `difference_low` and `difference_high`, `n`, `bads`.
    """
    fields = ("key", "name", "n", "bads", "auc", "model_auc", "difference", "difference_low", "difference_high")
    rows = [{**{name: row[name] for name in fields}, "model_id": None} for row in floor.as_json()["against"]]
    if champion is None:
        return rows
    held = {"key": LAST_CHAMPION, "name": "the champion of that day", "model_id": model_id}
    return [*rows, {**held, **champion}]


def against_champion(
    labels: npt.ArrayLike, model_pd: npt.ArrayLike, champion_pd: npt.ArrayLike, confidence: float
) -> dict[str, Any]:
    """Compare a model's ranking with the champion's, on loans that neither of the two fits had seen.

    Args:
        labels: One per loan, 1 = bad.
        model_pd, champion_pd: Probabilities of default of the same loans in the same order.
        confidence: Two-sided.

    Examples:
        >>> held = against_champion([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], [0.1, 0.3, 0.2, 0.4], 0.9)
        >>> held["auc"], held["model_auc"], held["difference"], held["n"], held["bads"]
        (0.75, 1.0, 0.25, 4, 2)
    """
    found = paired_auc_difference(labels, model_pd, champion_pd, confidence)
    return {
        "n": found.n,
        "bads": found.bads,
        "auc": auc_interval(labels, champion_pd, confidence).value,
        "model_auc": auc_interval(labels, model_pd, confidence).value,
        "difference": found.value,
        "difference_low": found.low,
        "difference_high": found.high,
    }


__all__ = ["LAST_CHAMPION", "against_champion", "standing_benchmarks"]
