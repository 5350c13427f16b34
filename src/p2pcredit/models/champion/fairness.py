"""Compare approval rates between groups of borrowers: the four-fifths ratio with its interval.

The loan data hold no protected attribute (sex, race, religion, disability, age): what can be shown is how the score
treats the groups that the data do hold, which may stand for others.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.models.evaluation.intervals import checked_pair, normal_quantile, wilson_interval

FOUR_FIFTHS = 0.8
LEAST_LOANS = 100
"""A group with fewer loans is undetermined and never the group that others are held against."""


def approval_rates(
    groups: pl.Series, approved: npt.ArrayLike, labels: npt.ArrayLike | None = None, *, confidence: float = 0.9
) -> list[dict[str, Any]]:
    """Calculate the share of each group that is approved, against the group with the highest share.

    Args:
        groups: Each loan's group; null is a group of its own, `not known`.
        approved: Per loan whether it would be approved (1 or True).
        labels: Per loan 1 bad, 0 good; None where nothing came of them yet.
        confidence: Two-sided, of all intervals.

    Returns:
        Per group, largest first: `group`, `n`, `approved`, `rate` with `low` and `high` (Wilson), `ratio` to the
        highest rate among groups of at least 100 loans with `ratio_low` and `ratio_high`, `status` (pass where the
        ratio's whole interval lies at four fifths or above, fail where it lies below, undetermined else and for small
        groups), `chance` (of a ratio so low or lower, were the true one four fifths), `bads` and `bad_rate` (of all its
        loans; None without labels). The ratios are None where no group is large enough or no
        loan is approved; the group they are held against has ratio 1 and no interval.

    Source:
        Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4(D), for four fifths; Katz, Baptista, Azen &
        Pike (1978), Biometrics 34, for the interval of a ratio of two shares.
    """
    taken_or_not = np.asarray(approved, dtype=np.float64)
    truth, chosen = checked_pair(np.zeros(taken_or_not.size) if labels is None else labels, taken_or_not)
    rows: list[dict[str, Any]] = []
    names = groups.cast(pl.String).fill_null("not known").to_numpy()
    for name in sorted(set(names.tolist())):
        inside = names == name
        n, taken, bads = int(inside.sum()), int(chosen[inside].sum()), int(truth[inside].sum())
        low, high = wilson_interval(taken / n, n, confidence)
        rows.append(
            {
                "group": name,
                "n": n,
                "approved": taken,
                "rate": taken / n,
                "low": low,
                "high": high,
                "bads": None if labels is None else bads,
                "bad_rate": None if labels is None else bads / n,
            }
        )
    large = [row for row in rows if row["n"] >= LEAST_LOANS and row["approved"]]
    reference = max(large, key=lambda row: (row["rate"], row["n"], row["group"]), default=None)
    return sorted(
        ({**row, **_against(row, reference, confidence)} for row in rows), key=lambda row: (-row["n"], row["group"])
    )


def _against(row: dict[str, Any], reference: dict[str, Any] | None, confidence: float) -> dict[str, Any]:
    if reference is None:
        return {"ratio": None, "ratio_low": None, "ratio_high": None, "chance": None, "status": "undetermined"}
    if row is reference:
        return {"ratio": 1.0, "ratio_low": None, "ratio_high": None, "chance": None, "status": "pass"}
    ratio, low, high = share_ratio(row["approved"], row["n"], reference["approved"], reference["n"], confidence)
    status = "undetermined"
    if row["n"] >= LEAST_LOANS:
        status = "pass" if low >= FOUR_FIFTHS else "fail" if high < FOUR_FIFTHS else "undetermined"
    chance = chance_of_ratio(row["approved"], row["n"], reference["approved"], reference["n"], FOUR_FIFTHS)
    return {"ratio": ratio, "ratio_low": low, "ratio_high": high, "chance": chance, "status": status}


def share_ratio(count: int, n: int, base_count: int, base_n: int, confidence: float) -> tuple[float, float, float]:
    """Calculate the ratio of two shares, with its bounds.

    Args:
        count, n: Times and trials of the share asked about.
        base_count, base_n: The same of the share it is held against; both 1 or more.
        confidence: Two-sided.

    Returns:
        The ratio and its bounds, by the normal interval of its logarithm; for the bounds a count of none takes half a
        time, and one of all half a time less, since neither proves a certainty.

    Examples:
        >>> [round(x, 3) for x in share_ratio(40, 100, 80, 100, 0.9)]
        [0.5, 0.402, 0.622]
    """
    middle, error = _of_logarithm(count, n, base_count, base_n)
    reach = math.exp(normal_quantile(confidence) * error)
    ratio = count / n / (base_count / base_n)
    return ratio, min(ratio, middle / reach), max(ratio, middle * reach)


def chance_of_ratio(count: int, n: int, base_count: int, base_n: int, true_ratio: float) -> float:
    """Give the chance of a ratio of two shares so low or lower, were the true one as given, by the same logarithm.

    Examples:
        >>> round(chance_of_ratio(40, 100, 80, 100, 0.8), 5), round(chance_of_ratio(64, 100, 80, 100, 0.8), 2)
        (0.00019, 0.5)
    """
    middle, error = _of_logarithm(count, n, base_count, base_n)
    return NormalDist().cdf(math.log(middle / true_ratio) / error)


def _of_logarithm(count: int, n: int, base_count: int, base_n: int) -> tuple[float, float]:
    """Give the ratio that bounds are laid around, and the standard error of its logarithm."""
    held, base_held = (min(max(float(c), 0.5), m - 0.5) for c, m in ((count, n), (base_count, base_n)))
    return held / n / (base_held / base_n), math.sqrt(1 / held - 1 / n + 1 / base_held - 1 / base_n)
