"""One feature: a column of `gold/feature_store` with its direction, its words, its sources and its review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from p2pcredit.contracts import reviews
from p2pcredit.contracts.reviews import FeatureSet, Review

FeatureKind = Literal["numeric", "category"]
OwnKind = Literal["number", "category", "date", "text"]
"""How a lender's own column is read: a date becomes an age in months, a text its length."""

OWN_PREFIX = "own_"
"""What the names of a lender's own columns begin with in every table, so that no version's feature bears one."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of `gold/feature_store`.

    Args:
        name: The column, with its unit.
        kind: `numeric` (Float64) or `category` (text).
        direction: +1 where more means riskier, -1 where more means safer, 0 where credit sense does not say.
        reason: Why the score is lower than it could be, in few words; `contracts.adverse_action` has its code, and
            the words of a notice.
        group: The set it belongs to, one of `contracts.reviews.FEATURE_SETS`.
        description: What it is.
        missing: The words of the reason where the value is missing; by default that there is no information on it.
        looked_up_with: For months since an event: a column that is filled wherever the event was looked for. Where it
            is filled and the months are missing, there never was one, which counts as `NEVER_MONTHS`.
        counted_by: For months since an event: counts of such events. Where one of them is above 0 there was one, and
            months that are missing stay missing.
        blank: The number that the feature has where the text it measures is blank; None where it is then missing.
        made_of: The columns of the landed feeds that it is calculated from. Empty where it is the column of its own
            name, or a ratio of other features (`contracts.ratios`).
        review: Who says it, since when, and on what basis it may be used.
        read_as: Of a lender's own column: what its values are; empty for a feature of this package.
        text, advice: Of a lender's own column: what a borrower is told of the reason, and can do about it; empty where
            the few words of `reason` stand alone.
        plausible: Of a lender's own number: between which bounds most values lie; None where it is not said.
    """

    name: str
    kind: FeatureKind
    direction: Literal[-1, 0, 1]
    reason: str
    description: str
    group: FeatureSet = "application"
    missing: str = ""
    looked_up_with: str = ""
    counted_by: tuple[str, ...] = ()
    blank: float | None = None
    made_of: tuple[str, ...] = ()
    review: Review = reviews.UNREVIEWED
    read_as: OwnKind | Literal[""] = ""
    text: str = ""
    advice: str = ""
    plausible: tuple[float, float] | None = None

    @property
    def is_own(self) -> bool:
        """Whether it is a lender's own column."""
        return bool(self.read_as)

    @property
    def number_of_blank(self) -> float | None:
        """The number that stands for a blank in the feed; None where a blank is missing.

        Examples:
            >>> Feature("months", "numeric", -1, "", "", looked_up_with="count").number_of_blank
            1200.0
        """
        return NEVER_MONTHS if self.looked_up_with else self.blank

    @property
    def missing_reason(self) -> str:
        """The reason for a lower score where the value is missing.

        Examples:
            >>> Feature("annual_income", "numeric", -1, "Income is low", "").missing_reason
            'No information on annual income'
        """
        return (
            self.missing
            or f"No information on {self.name.removeprefix(OWN_PREFIX).removesuffix('_share').replace('_', ' ')}"
        )


NEVER_MONTHS = 1200.0
"""Months since the last delinquency, record or inquiry of a borrower who never had one: the most that a landing file
may hold. So no model ranks never as riskier than long ago, and no reason says to a borrower that nothing is wrong.
A value that was not looked up stays missing, and so does that of a borrower who has such events by their count."""
