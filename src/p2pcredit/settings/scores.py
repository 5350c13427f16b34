"""Settings of scores: points, grades and cut-off, and what happens to loans outside training."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from p2pcredit.settings.group import Group, Share

MOST_GRADES = 26
"""As many as there are letters."""


class ScoreSettings(Group):
    """Points of the score, bands of the grade and the cut-off that reasons speak about.

    Score = base_score at base_odds goods to one bad, `points_to_double_odds` more for each doubling.
    """

    points_to_double_odds: float = Field(
        20.0, gt=0, description="Points by which the score rises when the odds of goods to bads double."
    )
    base_score: float = Field(600.0, description="Score at `base_odds`.")
    base_odds: float = Field(50.0, gt=0, description="Goods to one bad at which the score is `base_score`.")
    grade_bounds: tuple[float, ...] = Field(
        (0.02, 0.035, 0.055, 0.08, 0.115, 0.165),
        description="Upper bounds of the probability of default of grades A, B, C and so on, rising; one more grade "
        "lies above the last. 1 to 25 bounds between 0 and 1.",
    )
    approval_cutoff: float = Field(
        0.08,
        gt=0.0,
        lt=1.0,
        description="Probability of default above which a loan counts as declined; reasons are measured against it. "
        "Not below the first of `grade_bounds`.",
    )
    loss_given_default: Share = Field(
        0.6,
        description="Share of the amount lent that a default costs; the swap set multiplies with it. The lender's own "
        "experience belongs here: the default is what the charged-off LendingClub loans of 2007 to 2010 lost after "
        "recoveries.",
    )

    @model_validator(mode="after")
    def _bounds_rise(self) -> Self:
        bounds = self.grade_bounds
        if not bounds or len(bounds) > MOST_GRADES - 1:
            raise ValueError(f"grade_bounds has {len(bounds)} bounds; write 1 to {MOST_GRADES - 1}, rising")
        if not all(0 < bound < 1 for bound in bounds):
            raise ValueError("grade_bounds are probabilities of default; write each above 0 and below 1")
        fallen = next(((low, high) for low, high in pairwise(bounds) if low >= high), None)
        if fallen is not None:
            raise ValueError(f"grade_bounds must rise, and {fallen[1]} comes after {fallen[0]}; write them in order")
        if self.approval_cutoff < bounds[0]:
            raise ValueError(
                f"approval_cutoff is {self.approval_cutoff}, below the first of grade_bounds, {bounds[0]}, so that "
                "even grade A holds declined loans; raise it or begin the grades lower"
            )
        return self


class ScoringSettings(Group):
    """What happens to loans that lie outside what the model was trained on."""

    outside_training: Literal["score", "refer", "refuse"] = Field(
        "refer",
        description="What happens to a loan of which a value that matters to the model is missing though it never was "
        "in training, or is of a level never seen, and to one of a term not learned from: `score` scores it as usual, "
        "`refer` leaves it to a person (probability of default given, grade and decision withheld), `refuse` gives "
        "nothing.",
    )
    beyond_range: Literal["score", "refer", "refuse"] = Field(
        "refer",
        description="What happens likewise to a loan of which a number that matters to the model lies far below the "
        "least or far above the largest of its training: by `beyond_range_margin`, below a tenth of the least, or "
        "negative where none was. A number a little beyond is listed in `outside_training` and scored.",
    )
    beyond_range_margin: float = Field(
        1.0,
        ge=0,
        allow_inf_nan=False,
        description="How far from the trained range, in widths of that range, a number must lie for `beyond_range`; 0 "
        "takes every number beyond.",
    )
    max_outside_training_share: Share = Field(
        0.1, description="Share of such loans in a day above which an alert is raised."
    )
