"""What a promotion really brought: the promoted model against its predecessor on loans that both scored unseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy.typing as npt
import polars as pl

from p2pcredit.models.evaluation.discrimination import paired_auc_difference
from p2pcredit.models.evaluation.intervals import Estimate, Floats
from p2pcredit.models.evaluation.within_cohort import paired_difference_within_cohorts
from p2pcredit.transforms.vintages import cohort_name

WINDOW_MONTHS = 12
"""A promotion is judged on the loans originated in so many months after it."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """A model that took over from another.

    Args:
        model_id, replaces: The two.
        effective_on: The first day of service.
        kind: The kind of change; None where its line does not say.
        claimed: AUC above the predecessor on the loans that judged it at its promotion; None where it was not measured.
        claimed_low, claimed_high: The interval of that.
    """

    model_id: str
    replaces: str
    effective_on: date
    kind: str | None
    claimed: float | None
    claimed_low: float | None
    claimed_high: float | None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {**asdict(self), "effective_on": self.effective_on.isoformat()}

    @staticmethod
    def from_json(held: Mapping[str, Any]) -> Promotion:
        """Read it back."""
        return Promotion(**{**held, "effective_on": date.fromisoformat(held["effective_on"])})


@dataclass(frozen=True, slots=True)
class Realised:
    """What a promotion brought on the loans originated after it, as far as they have matured.

    Args:
        promotion: Which.
        until: The last origination that counts.
        difference: AUC of the promoted model minus that of its predecessor, paired.
        within: The same for pairs of one quarter of origination and term.
        note: Why it was not measured; empty where it was.
    """

    promotion: Promotion
    until: date
    difference: Estimate
    within: Estimate
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values, flat."""
        told = {**self.promotion.as_json(), "until": self.until.isoformat(), "note": self.note}
        told |= {"n": self.difference.n, "bads": self.difference.bads}
        for name, found in (("realised", self.difference), ("within", self.within)):
            told |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
        return told


NOTHING = Estimate(None, None, None, 0, 0)


def realised_of(
    promotion: Promotion,
    loans: pl.DataFrame,
    promoted: Floats,
    predecessor: Floats,
    *,
    until: date,
    confidence: float,
    least_bads: int,
) -> Realised:
    """Measure what a promotion brought.

    Args:
        promotion: Which.
        loans: Matured loans originated after it: `label`, `origination_date`, `term_months`.
        promoted, predecessor: Probabilities of default of these loans by the two models that served.
        until: The last origination that counts.
        confidence: Two-sided, of the intervals.
        least_bads: How many bads, and goods, are needed.
    """
    labels = loans["label"].cast(pl.Float64).to_numpy()
    bads = int(labels.sum())
    if min(bads, labels.size - bads) < least_bads:
        few = Estimate(None, None, None, labels.size, bads)
        note = f"{bads} bads among {labels.size} loans matured since, {least_bads} needed, and goods"
        return Realised(promotion, until, few, few, note)
    difference = paired_auc_difference(labels, promoted, predecessor, confidence)
    within = paired_difference_within_cohorts(labels, promoted, predecessor, cohorts_of(loans), confidence)
    return Realised(promotion, until, difference, within)


def cohorts_of(loans: pl.DataFrame) -> npt.NDArray[Any]:
    """Name the quarter of origination and the term of each loan."""
    return loans.select(cohort_name(loans, "origination_date").alias("cohort"))["cohort"].to_numpy()


def summed_up(realised: Sequence[Mapping[str, Any]]) -> str | None:
    """Say in one sentence what promotions claimed and brought, on average of those measured; None without any.

    Examples:
        >>> summed_up([{"claimed": 0.03, "realised": 0.01}, {"claimed": 0.01, "realised": -0.01}])
        'The last 2 promotions that can be judged claimed +0.020 of AUC on average and brought +0.000.'
    """
    told = [one for one in realised if one["realised"] is not None and one["claimed"] is not None]
    if not told:
        return None
    claimed, brought = (sum(one[name] for one in told) / len(told) for name in ("claimed", "realised"))
    if len(told) == 1:
        return f"The last promotion that can be judged claimed {claimed:+.3f} of AUC and brought {brought:+.3f}."
    return (
        f"The last {len(told)} promotions that can be judged claimed {claimed:+.3f} of AUC on average and brought "
        f"{brought:+.3f}."
    )


__all__ = ["NOTHING", "WINDOW_MONTHS", "Promotion", "Realised", "cohorts_of", "realised_of", "summed_up"]
