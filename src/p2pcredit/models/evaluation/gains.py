"""Show how many of the bads a score finds among its riskiest loans: the ROC curve and the lift table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from p2pcredit.models.evaluation.calibration.ratios import bins_for, equal_count_bins
from p2pcredit.models.evaluation.intervals import checked_pair, wilson_interval

ROC_POINTS = 60


def roc_points(labels: npt.ArrayLike, risk: npt.ArrayLike, most: int = ROC_POINTS) -> list[dict[str, float]]:
    """Calculate the shares of goods and bads above each threshold, from none to all.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        risk: One per loan, higher = riskier.
        most: How many points at most; the curve through fewer points lies below the true one by less than a pixel.

    Returns:
        `goods_share` and `bads_share`, both rising from 0 to 1, tied loans never torn apart; empty with one class.

    Examples:
        >>> roc_points([0, 1], [0.1, 0.9])[1]
        {'goods_share': 0.0, 'bads_share': 1.0}
    """
    truth, score = checked_pair(labels, risk)
    bads = float(truth.sum())
    goods = float(truth.size) - bads
    if not bads or not goods:
        return []
    _, place = np.unique(-score, return_inverse=True)
    bad_shares = np.concatenate(([0.0], np.cumsum(np.bincount(place, weights=truth)) / bads))
    good_shares = np.concatenate(([0.0], np.cumsum(np.bincount(place, weights=1.0 - truth)) / goods))
    chosen = np.unique(np.linspace(0, bad_shares.size - 1, min(most, bad_shares.size)).round().astype(np.int64))
    return [{"goods_share": float(good_shares[i]), "bads_share": float(bad_shares[i])} for i in chosen]


def lift_table(labels: npt.ArrayLike, risk: npt.ArrayLike, confidence: float = 0.9) -> list[dict[str, Any]]:
    """Tabulate the bads among the riskiest loans, in bins of about equal count, riskiest first.

    Returns:
        Per bin that holds a loan: `n`, `bads`, `rate` with `low` and `high` (Wilson), `lift` (rate over that of all
        loans; None without a bad) and `captured` (share of all bads in this bin and the riskier ones; None likewise).
    """
    truth, score = checked_pair(labels, risk)
    total, found = float(truth.sum()), 0
    place = equal_count_bins(score, bins_for(truth.size))
    rows: list[dict[str, Any]] = []
    for held in np.unique(place)[::-1]:
        inside = place == held
        n, bads = int(inside.sum()), int(truth[inside].sum())
        found += bads
        low, high = wilson_interval(bads / n, n, confidence)
        rows.append(
            {
                "n": n,
                "bads": bads,
                "rate": bads / n,
                "low": low,
                "high": high,
                "lift": bads / n / (total / truth.size) if total else None,
                "captured": found / total if total else None,
            }
        )
    return rows
