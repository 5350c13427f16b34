"""Settings of training: what a model learns from, what it must show before it serves, which features may enter."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from p2pcredit.names import perhaps
from p2pcredit.settings.group import Group, Share, check_bads_among_loans

_LEAST_SHARE_TO_FIT = 0.1
SIMPLEST = "simplest"
"""As preferred family: whichever is easier to read."""


class TrainingSettings(Group):
    """What a model learns from and what it must show before it serves."""

    feature_sets: tuple[Literal["application", "price", "wording", "state"], ...] = Field(
        ("application",),
        min_length=1,
        description="Sets of features that a model may learn from: `application` (facts of the application and of the "
        "credit report), `price` (the platform's own price and grade), `wording` (how and what the borrower writes), "
        "`state` (residence; learned from only where the redlining test passes on the loans learned from).",
    )
    min_matured_loans: int = Field(
        500, ge=50, description="Fewest matured loans for a training; below it none takes place."
    )
    min_matured_bads: int = Field(
        50, ge=10, description="Fewest defaults among the matured loans for a training; below it none takes place."
    )
    first_model_growth_share: float = Field(
        0.5,
        ge=0.0,
        description="After a first model was refused, by which share the matured defaults must have grown before the "
        "next is tried; with 0 it is tried every week.",
    )
    evaluation_share: Share = Field(
        0.25,
        description="Share of the matured loans, the newest, that a model is judged on and never fitted to. Above 0.",
    )
    calibration_share: Share = Field(
        0.2, description="Share of the matured loans, those just before the evaluation loans, that set the level."
    )
    min_evaluation_bads: int = Field(
        15, ge=2, description="Fewest defaults among the loans that judge a model; at most `min_matured_bads`."
    )
    max_single_feature_auc: float = Field(
        0.75,
        gt=0.5,
        le=1.0,
        description="AUC above which one feature by itself counts as a leak, and the training is refused.",
    )
    promotion_margin: float = Field(
        0.0,
        ge=0.0,
        le=0.2,
        description="By how much AUC another recipe (family, target, features) must rank better than the champion's to "
        "take over for that.",
    )
    promotion_confidence: float = Field(
        0.95,
        ge=0.5,
        lt=1.0,
        description="How sure it must be, one-sided, that another recipe ranks better, and that a model ranks no worse "
        "than `noninferiority_margin` allows.",
    )
    evidence_growth_share: float = Field(
        0.25,
        ge=0.0,
        description="By which share more defaults learned from are a benefit: for another recipe that ranks no worse, "
        "and for a refresh where the loans are too few to tell whether it does.",
    )
    noninferiority_margin: float = Field(
        0.02,
        ge=0.0,
        le=0.2,
        description="By how much AUC a refresh, or another recipe with a stated benefit, may rank worse, at "
        "`promotion_confidence`; with 0 it must rank better.",
    )
    max_score_shift: float = Field(
        20.0,
        gt=0.0,
        description="By how many points the scores of the newest applicants may change on average, up or down, in a "
        "refresh; 20 points are twice or half the odds.",
    )
    level: Literal["recent", "point_in_time", "through_the_cycle"] = Field(
        "recent",
        description="Where the probabilities lie as a whole: `recent` as the newest matured loans (that calibrate and "
        "judge), `point_in_time` moved by the defaults to date of loans too young to have matured, "
        "`through_the_cycle` as the average over all quarters of origination. The card gives the scalar.",
    )
    families: tuple[str, ...] = Field(
        ("scorecard", "boosting"),
        min_length=1,
        description="The kinds of model that are trained and compared. Other packages may bring more, by an entry "
        "point in `p2pcredit.families`.",
    )
    preferred_family: str = Field(
        SIMPLEST,
        description="Which of two candidates leads that learned from as many defaults and cannot be told apart: "
        "`simplest` for the family that is easier to read, or one of `families`.",
    )
    seed: int = Field(20, ge=0, lt=1 << 31, description="Seed of everything drawn by chance in a training.")
    device: Literal["cpu", "cuda"] = Field(
        "cpu",
        description="Where boosting grows its trees; scores are calculated on the processor either way.",
    )

    @model_validator(mode="after")
    def _something_is_left_to_fit(self) -> Self:
        judged, left = self.evaluation_share, 1 - self.evaluation_share - self.calibration_share
        if not judged:
            raise ValueError("evaluation_share is 0, so no model could be judged; write 0.25 or so")
        if left < _LEAST_SHARE_TO_FIT - 1e-9:
            raise ValueError(
                f"evaluation_share and calibration_share leave {max(left, 0):.0%} of the loans to fit on; together "
                f"they may be {1 - _LEAST_SHARE_TO_FIT} at most"
            )
        check_bads_among_loans(self.min_matured_bads, self.min_matured_loans)
        self._check_families()
        twice = next((name for place, name in enumerate(self.feature_sets) if name in self.feature_sets[:place]), None)
        if twice is not None:
            raise ValueError(f"feature_sets names '{twice}' twice; name each set once")
        if self.min_evaluation_bads > self.min_matured_bads:
            raise ValueError(
                f"min_evaluation_bads is {self.min_evaluation_bads}, more than all of min_matured_bads, "
                f"{self.min_matured_bads}; lower the first or raise the second"
            )
        return self

    def _check_families(self) -> None:
        twice = next((name for place, name in enumerate(self.families) if name in self.families[:place]), None)
        if twice is not None:
            raise ValueError(f"families names '{twice}' twice; name each family once")
        if self.preferred_family not in (SIMPLEST, *self.families):
            raise ValueError(
                f"preferred_family is '{self.preferred_family}'{perhaps(self.preferred_family, self.families)}; write "
                f"'{SIMPLEST}', or one that families names, {' or '.join(repr(name) for name in self.families)}"
            )


class SelectionSettings(Group):
    """Which features may enter a scorecard."""

    min_information_value: float = Field(
        0.01,
        ge=0.0,
        description="Least information value of a feature's bins. It must also lie above what one in twenty of "
        "features that tell nothing shows by chance.",
    )
    max_feature_psi: float = Field(
        0.25,
        gt=0.0,
        description="Most that a feature's bins may have moved (PSI) from the older to the newer half of the loans.",
    )
    min_half_information_value: float = Field(
        0.0,
        description="Least information a feature's bins carry about the older and about the newer half of the "
        "defaults, by the weights of the whole; below 0 the feature ranks the other way round there.",
    )
    max_variance_inflation: float = Field(
        2.5,
        gt=1.0,
        description="Most variance inflation of a feature's weights by the other features; 2.5 means that the others "
        "explain three fifths of them.",
    )
