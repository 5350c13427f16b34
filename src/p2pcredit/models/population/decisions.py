"""Measure what was decided of applications: approval, overrides on both sides, and how overrides paid.

Source:
    Siddiqi (2017), Intelligent Credit Scoring, 2nd edition, chapter 14, for overrides: on the low side who was approved
    though the policy declines, on the high side who was declined though it approves.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from p2pcredit.models.champion.fairness import share_ratio
from p2pcredit.models.evaluation.intervals import wilson_interval

LOW, HIGH = "low", "high"
SCHEMA: dict[str, Any] = {
    "application_id": pl.String,
    "loan_id": pl.String,
    "decided_on": pl.Date,
    "outcome": pl.String,
    "overridden": pl.Boolean,
    "exploration": pl.Boolean,
    "probability_of_default": pl.Float64,
    "score": pl.Float64,
    "label": pl.Int8,
}
"""Applications as they are measured here: one row each, with what the champion says (null where it says nothing, or was
not asked) and what came of its loan (1 bad, 0 good, null where that is not known or no loan was made)."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share that was counted: `count` of `n`, with Wilson's interval; no value where nothing could be counted."""

    count: int
    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, count: int, n: int, confidence: float) -> Share:
        """Count a share."""
        return cls(0, 0) if n == 0 else cls(count, n, count / n, *wilson_interval(count / n, n, confidence))

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PaidAgainst:
    """How often overridden loans defaulted, against those that the policy approved.

    Args:
        overridden, policy: Defaults of either, of the loans whose outcome is known.
        ratio, low, high: Of the two shares; None where either has too few defaults to say.
    """

    overridden: Share
    policy: Share
    ratio: float | None = None
    low: float | None = None
    high: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def latest_of_each(applications: pl.DataFrame) -> pl.DataFrame:
    """Keep the last decision of each application: one that was declined may be taken up again."""
    ordered = applications.sort("decided_on", "application_id", maintain_order=True)
    return ordered.unique("application_id", keep="last", maintain_order=True)


def approval_rate(applications: pl.DataFrame, confidence: float) -> Share:
    """Calculate the share of decided applications that were approved; those withdrawn were not decided.

    Examples:
        >>> rows = pl.DataFrame({"outcome": ["APPROVED", "DECLINED", "DECLINED", "WITHDRAWN"]})
        >>> approval_rate(rows, 0.9).count, approval_rate(rows, 0.9).n
        (1, 3)
    """
    outcome = applications["outcome"]
    approved = int((outcome == "APPROVED").sum())
    return Share.of(approved, approved + int((outcome == "DECLINED").sum()), confidence)


def override_rates(applications: pl.DataFrame, confidence: float) -> dict[str, Share]:
    """Calculate on each side the share of those whom the policy would have decided otherwise.

    Of the low side, approved against the policy among all that it declines; of the high side, declined against it among
    all that it approves. Who was approved by lot is on neither.

    Examples:
        >>> rows = pl.DataFrame(
        ...     {
        ...         "outcome": ["APPROVED", "DECLINED", "DECLINED", "APPROVED", "APPROVED"],
        ...         "overridden": [True, False, True, False, True],
        ...         "exploration": [False, False, False, False, True],
        ...     }
        ... )
        >>> {side: (share.count, share.n) for side, share in override_rates(rows, 0.9).items()}
        {'low': (1, 2), 'high': (1, 2)}
    """
    rows = applications.filter(~pl.col("exploration"), pl.col("outcome").is_in(["APPROVED", "DECLINED"]))
    against = pl.col("overridden")
    counted = rows.group_by("outcome", against).len()
    number = {(outcome, over): count for outcome, over, count in counted.iter_rows()}
    low, high = number.get(("APPROVED", True), 0), number.get(("DECLINED", True), 0)
    return {
        LOW: Share.of(low, low + number.get(("DECLINED", False), 0), confidence),
        HIGH: Share.of(high, high + number.get(("APPROVED", False), 0), confidence),
    }


def how_overrides_paid(applications: pl.DataFrame, confidence: float, *, least_bads: int) -> PaidAgainst:
    """Compare defaults of loans approved against the policy with those of loans that it approved.

    What those would have done who were declined against it cannot be seen.

    Args:
        applications: With `label`; those without one are left out.
        confidence: Two-sided.
        least_bads: With fewer defaults on a side no ratio is given: it would rest on a handful.
    """
    known = applications.filter(pl.col("outcome") == "APPROVED", ~pl.col("exploration"), pl.col("label").is_not_null())
    sides = []
    for over in (True, False):
        labels = known.filter(pl.col("overridden") == over)["label"]
        sides.append(Share.of(int(labels.sum()), labels.len(), confidence))
    overridden, policy = sides
    if min(overridden.count, policy.count) < least_bads:
        return PaidAgainst(overridden, policy)
    ratio, low, high = share_ratio(overridden.count, overridden.n, policy.count, policy.n, confidence)
    return PaidAgainst(overridden, policy, ratio, low, high)


def reasons_of(applications: pl.DataFrame, column: str, most: int = 8) -> list[dict[str, Any]]:
    """Count the reasons in a column, the commonest first: `reason`, `count`; blank ones as `not given`."""
    counted = applications.group_by(pl.col(column).fill_null("not given").alias("reason")).len("count")
    return counted.sort(["count", "reason"], descending=[True, False]).head(most).to_dicts()


__all__ = [
    "HIGH",
    "LOW",
    "SCHEMA",
    "PaidAgainst",
    "Share",
    "approval_rate",
    "how_overrides_paid",
    "latest_of_each",
    "override_rates",
    "reasons_of",
]
