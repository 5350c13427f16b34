"""Compare how a score treats groups of people, over a grid of cut-offs: denial rates, impact ratios, distributions.

Groups come from outside: no table of the lake holds them, so that no model can read them.

Source:
    Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4(D), for four fifths; Holm (1979), Scandinavian
    Journal of Statistics 6, for the groups together; Cohen (1988), Statistical Power Analysis, for the difference of
    means in standard deviations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.results import worst_of
from p2pcredit.models.champion.fairness import FOUR_FIFTHS, LEAST_LOANS, approval_rates
from p2pcredit.models.evaluation.calibration.segment_ratios import (
    LEAST_EXPECTED,
    Seen,
    ratio_interval,
    rejected_by_holm,
)
from p2pcredit.models.evaluation.intervals import Floats, normal_quantile

NOT_KNOWN = "not known"
DECILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def grid_of(chances: Floats, number: int, present: float) -> list[float]:
    """Choose cut-offs with as many applicants between each two, and the present one, rising.

    Examples:
        >>> grid_of(np.array([0.01, 0.02, 0.03, 0.04, 0.05]), 1, 0.1)
        [0.03, 0.1]
    """
    places = np.arange(1, number + 1) / (number + 1)
    return sorted({present, *(float(cut) for cut in np.quantile(chances, places, method="inverted_cdf"))})


def denials(
    groups: pl.Series, chances: Floats, cutoffs: Sequence[float], present: float, confidence: float
) -> list[dict[str, Any]]:
    """Calculate per cut-off and group the share denied, and the adverse impact ratio of approvals.

    Args:
        groups: Each applicant's group; null is one of its own.
        chances: Probability of default of each.
        cutoffs: Probabilities of default up to which applicants are approved.
        present: The one that is set: its ratios are judged, all groups together; at others the interval alone speaks.
        confidence: Two-sided.

    Returns:
        Per cut-off `cutoff`, `present`, `denied` (share of all) and `groups`: `group`, `n`, `denial_rate` with `low`
        and `high`, `ratio` of approvals to the group approved most with `ratio_low` and `ratio_high`, `status`: pass
        where the whole interval lies at four fifths or above; fail where it lies below and, at the present cut-off,
        still does after Holm's correction for the number of groups; else undetermined, and for groups under 100.
    """
    found = []
    for cutoff in cutoffs:
        approved = chances <= cutoff
        rows = approval_rates(groups, approved, confidence=confidence)
        if cutoff == present:
            rows = judged_together(rows, confidence)
        found.append(
            {
                "cutoff": cutoff,
                "present": cutoff == present,
                "denied": float(1.0 - approved.mean()),
                "groups": [
                    {
                        "group": row["group"],
                        "n": row["n"],
                        "denial_rate": 1.0 - row["rate"],
                        "low": 1.0 - row["high"],
                        "high": 1.0 - row["low"],
                        **{key: row[key] for key in ("ratio", "ratio_low", "ratio_high", "status")},
                    }
                    for row in rows
                ],
            }
        )
    return found


def judged_together(rows: Sequence[dict[str, Any]], confidence: float) -> list[dict[str, Any]]:
    """Take back failures that are within chance of so many groups (Holm)."""
    compared = [place for place, row in enumerate(rows) if row["chance"] is not None and row["n"] >= LEAST_LOANS]
    failed = rejected_by_holm([rows[place]["chance"] for place in compared], (1.0 - confidence) / 2.0)
    sure = {compared[place] for place in failed}
    return [
        {**row, "status": "undetermined"} if row["status"] == "fail" and place not in sure else dict(row)
        for place, row in enumerate(rows)
    ]


def distributions(
    groups: pl.Series, scores: Floats, chances: Floats, labels: pl.Series, confidence: float
) -> list[dict[str, Any]]:
    """Describe the scores of each group, and how its defaults compare with those expected.

    Args:
        groups, scores, chances: Per applicant.
        labels: 1 bad, 0 good, null where not known.
        confidence: Two-sided.

    Returns:
        Per group, largest first: `group`, `n`, `mean_score`, `quantiles` (of the score, at 10, 25, 50, 75, 90 in a
        hundred), `difference` of its mean from that of all others in standard deviations with `difference_low` and
        `difference_high` (None in small groups), `known`, `bads`, `expected`, and `ratio` of the two with bounds (None
        where fewer than five were expected).
    """
    names = groups.cast(pl.String).fill_null(NOT_KNOWN).to_numpy()
    known = labels.is_not_null().to_numpy()
    truth = labels.fill_null(0).to_numpy().astype(np.float64)
    found = []
    for name in sorted(set(names.tolist()), key=lambda one: (-int((names == one).sum()), one)):
        own = names == name
        seen = own & known
        bads, expected = int(truth[seen].sum()), float(chances[seen].sum())
        row = {
            "group": name,
            "n": int(own.sum()),
            "mean_score": float(scores[own].mean()),
            "quantiles": [float(value) for value in np.quantile(scores[own], DECILES)],
            **_difference(scores[own], scores[~own], confidence),
            "known": int(seen.sum()),
            "bads": bads,
            "expected": expected,
            "ratio": None,
            "ratio_low": None,
            "ratio_high": None,
        }
        if expected >= LEAST_EXPECTED:
            low, high = ratio_interval(Seen(int(seen.sum()), bads, expected), confidence)
            row |= {"ratio": bads / expected, "ratio_low": low, "ratio_high": high}
        found.append(row)
    return found


def _difference(own: Floats, others: Floats, confidence: float) -> dict[str, float | None]:
    nothing: dict[str, float | None] = {"difference": None, "difference_low": None, "difference_high": None}
    if min(own.size, others.size) < LEAST_LOANS:
        return nothing
    freedom = own.size + others.size - 2
    spread = np.sqrt(((own.size - 1) * own.var(ddof=1) + (others.size - 1) * others.var(ddof=1)) / freedom)
    if not spread > 0.0:
        return nothing
    value = float((own.mean() - others.mean()) / spread)
    error = np.sqrt(1 / own.size + 1 / others.size + value**2 / (2 * (own.size + others.size)))
    half = float(normal_quantile(confidence) * error)
    return {"difference": value, "difference_low": value - half, "difference_high": value + half}


def worst_gap(groups: pl.Series, chances: Floats, cutoff: float) -> float | None:
    """Give the lowest impact ratio of any group of 100 or more at a cut-off; None where no two can be compared.

    Examples:
        >>> groups = pl.Series(["a"] * 100 + ["b"] * 100)
        >>> worst_gap(groups, np.array([0.1] * 150 + [0.3] * 50), 0.2)
        0.5
    """
    rows = approval_rates(groups, chances <= cutoff)
    ratios = [row["ratio"] for row in rows if row["n"] >= LEAST_LOANS and row["ratio"] is not None]
    return min(ratios) if len(ratios) > 1 else None


def status_of(rows: Sequence[dict[str, Any]]) -> str:
    """Sum up the groups at the present cut-off: fail before undetermined before pass; one alone is undetermined."""
    held = [row["status"] for row in rows]
    if len(held) < 2:
        return "undetermined"
    return str(worst_of(held))


__all__ = [
    "FOUR_FIFTHS",
    "LEAST_LOANS",
    "NOT_KNOWN",
    "denials",
    "distributions",
    "grid_of",
    "judged_together",
    "status_of",
    "worst_gap",
]
