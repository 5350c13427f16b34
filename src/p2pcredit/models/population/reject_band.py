"""Say what a cut-off would let in were declined applicants worse than their score says: a band, not an estimate.

What declined applicants would have done is not in the data, and no method puts it there: every way of inferring it from
accepted loans assumes what it finds. So the assumption is turned, and its consequence shown. The check that assumes
nothing is a small sample approved by lot.

Source:
    Hand & Henley (1993), Can reject inference ever work?, IMA Journal of Mathematics Applied in Business and Industry
    5; Crook & Banasik (2004), Does reject inference really improve the performance of application scoring models?,
    Journal of Banking & Finance 28. The factors are those of parcelling, with no bads made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.models.evaluation.calibration.segment_ratios import LEAST_EXPECTED, Seen, ratio_interval
from p2pcredit.models.evaluation.intervals import Floats


def reject_band(applications: pl.DataFrame, cutoff: float, factors: Sequence[float]) -> list[dict[str, Any]]:
    """Calculate, for each factor, what the cut-off lets in and which cut-off would let in no more than with factor 1.

    Declined applicants count with their probability of default times the factor, at most 1; approved ones as they are.

    Args:
        applications: Approved and declined, with `probability_of_default`; others and those without one are left out.
        cutoff: The probability of default up to which applicants are approved.
        factors: How many times as bad as their score says declined applicants are, from 1 on.

    Returns:
        Per factor `factor`, `let_in` (applicants at or below the cut-off), `declined_let_in` (of them declined at the
        time), `default_rate` (expected of them; None where there is none), and `cutoff`: the largest one whose default
        rate is no higher than with factor 1 at the present one, with `approval_rate` there; both None where none is.

    Examples:
        >>> rows = pl.DataFrame(
        ...     {"outcome": ["APPROVED", "DECLINED", "DECLINED"], "probability_of_default": [0.02, 0.04, 0.3]}
        ... )
        >>> [(one["factor"], one["default_rate"], one["cutoff"]) for one in reject_band(rows, 0.05, [1, 2])]
        [(1, 0.03, 0.04), (2, 0.05, 0.02)]
    """
    rows = applications.filter(
        pl.col("outcome").is_in(["APPROVED", "DECLINED"]), pl.col("probability_of_default").is_not_null()
    ).sort("probability_of_default")
    chances = rows["probability_of_default"].to_numpy().astype(np.float64)
    declined = (rows["outcome"] == "DECLINED").to_numpy()
    inside = int(np.searchsorted(chances, cutoff, side="right"))
    aim = float(chances[:inside].mean()) if inside else None
    last = np.append(chances[1:] != chances[:-1], True) if chances.size else np.zeros(0, dtype=bool)
    return [
        {
            "factor": factor,
            "let_in": inside,
            "declined_let_in": int(declined[:inside].sum()),
            **_at(np.where(declined, np.minimum(1.0, chances * factor), chances), chances, last, inside, aim),
        }
        for factor in factors
    ]


def _at(risk: Floats, chances: Floats, last: Any, inside: int, aim: float | None) -> dict[str, Any]:
    """Give the default rate of those let in, and the largest cut-off that keeps to the aim."""
    if aim is None:
        return {"default_rate": None, "cutoff": None, "approval_rate": None}
    rates = np.cumsum(risk) / np.arange(1, risk.size + 1)
    fitting = np.flatnonzero((rates <= aim * (1.0 + 1e-12)) & last)
    found: dict[str, Any] = {"default_rate": round(float(rates[inside - 1]), 12), "cutoff": None, "approval_rate": None}
    if fitting.size:
        place = int(fitting[-1])
        found |= {"cutoff": float(chances[place]), "approval_rate": (place + 1) / risk.size}
    return found


def explored(applications: pl.DataFrame, cutoff: float, confidence: float) -> dict[str, Any]:
    """Hold the defaults of those approved by lot beyond the cut-off against what their score says.

    Args:
        applications: With `probability_of_default` and `label`.
        cutoff: Only those above it tell of applicants that the score declines.
        confidence: Two-sided.

    Returns:
        `n` (known outcomes beyond the cut-off), `bads`, `expected`, `factor` with `low` and `high` (defaults seen over
        expected, exact Poisson), all three None with fewer than five expected; `status`: `undetermined` then, else
        `measured`.
    """
    rows = applications.filter(
        pl.col("exploration"),
        pl.col("outcome") == "APPROVED",
        pl.col("probability_of_default") > cutoff,
        pl.col("label").is_not_null(),
    )
    bads, expected = int(rows["label"].sum()), float(rows["probability_of_default"].sum())
    told = {"n": rows.height, "bads": bads, "expected": expected}
    if expected < LEAST_EXPECTED:
        return {**told, "factor": None, "low": None, "high": None, "status": "undetermined"}
    low, high = ratio_interval(Seen(rows.height, bads, expected), confidence)
    return {**told, "factor": bads / expected, "low": low, "high": high, "status": "measured"}


__all__ = ["explored", "reject_band"]
