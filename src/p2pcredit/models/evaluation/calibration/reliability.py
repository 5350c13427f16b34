"""Make the bins of the reliability chart: how far a probability can be relied on, from safest to riskiest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from p2pcredit.models.evaluation.calibration.ratios import bins_for, equal_count_bins
from p2pcredit.models.evaluation.intervals import checked_pair, wilson_interval


def reliability_bins(labels: npt.ArrayLike, pd: npt.ArrayLike, confidence: float = 0.9) -> list[dict[str, Any]]:
    """Calculate expected and observed default rate over bins of about equal count, safest first.

    Returns:
        Per bin that holds a loan: `n`, `bads`, `expected` (mean probability), `observed` (share of bads), `low`, `high`
        (Wilson's interval of the observed share).
    """
    truth, chance = checked_pair(labels, pd, probability=True)
    place = equal_count_bins(chance, bins_for(truth.size))
    rows: list[dict[str, Any]] = []
    for held in np.unique(place):
        inside = place == held
        n, bads = int(inside.sum()), int(truth[inside].sum())
        low, high = wilson_interval(bads / n, n, confidence)
        expected = float(chance[inside].mean())
        rows.append({"n": n, "bads": bads, "expected": expected, "observed": bads / n, "low": low, "high": high})
    return rows
