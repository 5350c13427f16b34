"""How a loan stands to what its model was trained on, and what becomes of one that lies outside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl

from p2pcredit.contracts.features import NEW_TERM, PRODUCT
from p2pcredit.models.calibration import Calibration
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.reference_borrower import ReferenceBorrower, columns_of
from p2pcredit.models.scorecard.points import PointScale
from p2pcredit.models.training_support import ColumnSupport, Support, blanks_as_missing
from p2pcredit.settings import ScoreSettings, Settings

MISSING = "missing"
NEVER_SEEN = "level never seen"
BEYOND = "beyond trained range"
WHOLE_POINT = 1.0
LEAST_PART = 0.1
"""A number below this part of the least, or negative where none was, is far from the trained range, however wide."""
WITHHELD = {
    "refer": ("grade",),
    "refuse": (
        "probability_of_default",
        "lifetime_probability_of_default",
        "expected_loss",
        "expected_annual_return",
        "score",
        "grade",
        "reason_1",
        "reason_2",
        "reason_3",
        "reason_4",
    ),
}
"""Decision -> what is not given with it."""


class Trained(Protocol):
    """What is asked of a model here."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features it reads, in order."""
        ...

    @property
    def neutral(self) -> ReferenceBorrower:
        """The reference borrower."""
        ...

    @property
    def support(self) -> Support:
        """The support of its training data, per feature."""
        ...

    @property
    def calibration(self) -> Calibration:
        """The map from margin to log-odds of default."""
        ...


def outside_training(
    model: Trained, features: pl.DataFrame, scores: ScoreSettings, beyond_range_margin: float = 1.0
) -> pl.DataFrame:
    """List per loan which values lie outside what the model was trained on.

    Args:
        model: The model; one that has no reference borrower yet says nothing.
        features: Rows of the feature store.
        scores: Points.
        beyond_range_margin: Farther from the trained range than so many times its width a number lies far beyond it.

    Returns:
        In the order of the rows: `outside_training`, a list of texts `COLUMN: HOW` in the order of the model's
        features, where HOW is `missing` (no training loan, or too few, had no value), `level never seen`, or
        `beyond trained range` (below the least or above the largest number of the training loans); `matters`,
        whether what is missing or never seen may move the score by a whole point, the reaches of all such columns of
        the loan together; and `beyond_matters`, the same of what is far beyond the trained range (by the margin, below
        a tenth of the least, or negative where no training loan's was). Columns that never moved the score of a
        training loan are left out. The contract term comes first and is told whether or not the model reads it:
        `term not learned from` where no training loan, or too few, had it or nearly it, and `missing`. Both matter
        always: a term is another product, and nothing bounds how it moves the risk.
    """
    term = _unknown_term(model.support, features)
    finds = list(term or ())
    for name, held in ((name, model.support[name]) for name in model.feature_names if name in model.support):
        if name == PRODUCT and term is not None:
            continue
        points = most_points(model, held, scores)
        if points == 0.0:
            continue
        finds += _unknown(name, held, points, usual_without=model.neutral.get(name, "") is None)
        if held.least is not None and held.largest is not None:
            beyond = (pl.col(name) < held.least) | (pl.col(name) > held.largest)
            far = beyond & _is_far(name, held.least, held.largest, beyond_range_margin)
            finds.append(_Find(f"{name}: {BEYOND}", beyond, points, far))
    if not finds:
        return _told(finds, features)
    names = list(dict.fromkeys((*model.feature_names, *([] if term is None else [PRODUCT]))))
    return _told(finds, blanks_as_missing(columns_of(features, names), model.support))


@dataclass(frozen=True, slots=True)
class _Find:
    """A way in which the value of a column may lie outside training.

    Args:
        text: What is told of it.
        where: The loans of which it is told.
        points: How far it may move the score.
        far: Of a number beyond the trained range, the loans for which that counts; None where all do.
    """

    text: str
    where: pl.Expr
    points: float
    far: pl.Expr | None = None


def _told(finds: Sequence[_Find], loans: pl.DataFrame) -> pl.DataFrame:
    """Gather what is told of each loan. Few loans lie outside, so what is true of none costs a mask and no text."""
    asked = [loans.select(find.where.fill_null(value=False).alias("told")).to_series() for find in finds]
    found = [(find, told) for find, told in zip(finds, asked, strict=True) if told.any()]
    texts = [pl.select(pl.when(told).then(pl.lit(find.text))).to_series() for find, told in found]
    empty = pl.repeat([], loans.height, dtype=pl.List(pl.String), eager=True)
    weights, weights_beyond = np.zeros(loans.height), np.zeros(loans.height)
    for find, told in found:
        if find.far is None:
            weights += np.where(told.to_numpy(), find.points, 0.0)
        else:
            far = loans.select(find.far.fill_null(value=False).alias("far")).to_series()
            weights_beyond += np.where(far.to_numpy(), find.points, 0.0)
    return pl.DataFrame(
        {
            "outside_training": pl.select(pl.concat_list(texts).list.drop_nulls()).to_series() if texts else empty,
            "matters": pl.Series(weights >= WHOLE_POINT, dtype=pl.Boolean),
            "beyond_matters": pl.Series(weights_beyond >= WHOLE_POINT, dtype=pl.Boolean),
        }
    )


def decide(outside: pl.DataFrame, chances: Floats, settings: Settings) -> pl.Series:
    """Decide each loan: `approve` at or below the approval cut-off, else `decline`; or not by the score at all.

    Args:
        outside: What `outside_training` gave: `matters` and `beyond_matters` are read.
        chances: Probabilities of default.
        settings: `scores.approval_cutoff`; `scoring.outside_training` for the loans of which what is missing or never
            seen matters, and `scoring.beyond_range` for those of which what is far beyond the trained range does:
            `score` decides them like all others, `refer` and `refuse` are their decision, the latter where both are
            asked for.

    Examples:
        >>> import numpy as np
        >>> outside = pl.DataFrame({"matters": [True, False], "beyond_matters": [False, True]})
        >>> decide(outside, np.array([0.01, 0.2]), Settings()).to_list()
        ['refer', 'refer']
    """
    decided = pl.Series(chances <= settings.scores.approval_cutoff).replace_strict(
        {True: "approve", False: "decline"}, return_dtype=pl.String
    )
    return pl.select(
        pl.when(_asked(outside, settings, "refuse"))
        .then(pl.lit("refuse"))
        .when(_asked(outside, settings, "refer"))
        .then(pl.lit("refer"))
        .otherwise(decided)
        .alias("decision")
    ).to_series()


def count_undecided(model: Trained, features: pl.DataFrame, settings: Settings) -> int:
    """Count the loans that a model would not decide by its score: those that it would refer or refuse."""
    scoring = settings.scoring
    if scoring.outside_training == scoring.beyond_range == "score":
        return 0
    outside = outside_training(model, features, settings.scores, scoring.beyond_range_margin)
    return int((_asked(outside, settings, "refuse") | _asked(outside, settings, "refer")).sum())


def _asked(outside: pl.DataFrame, settings: Settings, what: str) -> pl.Series:
    """Mark the loans that settings refer, or refuse, for what lies outside training."""
    found = pl.Series([False] * outside.height, dtype=pl.Boolean)
    for kind, asked in (
        ("matters", settings.scoring.outside_training),
        ("beyond_matters", settings.scoring.beyond_range),
    ):
        if asked == what:
            found |= outside[kind]
    return found


def withhold(scored: pl.DataFrame) -> pl.DataFrame:
    """Take out what is not given with the decision of each loan."""
    kept = scored
    for decision, names in WITHHELD.items():
        given = pl.col("decision") != decision
        kept = kept.with_columns(pl.when(given).then(pl.col(name)).alias(name) for name in names)
    return kept


def _unknown(name: str, held: ColumnSupport, points: float, *, usual_without: bool) -> list[_Find]:
    """List how the value of a column may be none that training knew; at most one of them is true of a loan.

    Where the reference borrower lacks it, most loans did: a model that does not say how many knows that at least.
    """
    finds = []
    if not held.knows_missing and not usual_without:
        finds.append(_Find(f"{name}: {MISSING}", pl.col(name).is_null(), points))
    if held.levels is not None:
        unseen = pl.col(name).is_not_null() & ~pl.col(name).is_in(list(held.levels))
        finds.append(_Find(f"{name}: {NEVER_SEEN}", unseen, points))
    return finds


def _unknown_term(support: Support, features: pl.DataFrame) -> list[_Find] | None:
    """List how the contract term may be none that training knew; None where model or loans say nothing of terms."""
    held = support.get(PRODUCT)
    if held is None or held.terms is None or PRODUCT not in features.columns:
        return None
    given = columns_of(features, [PRODUCT])[PRODUCT].drop_nulls().unique().to_list()
    unknown = [months for months in given if not held.knows_term(months)]
    new = pl.col(PRODUCT).is_in(pl.Series(unknown, dtype=pl.Float64).implode())
    return [
        *_unknown(PRODUCT, held, WHOLE_POINT, usual_without=False),
        _Find(f"{PRODUCT}: {NEW_TERM}", new, WHOLE_POINT),
    ]


def _is_far(name: str, least: float, largest: float, margin: float) -> pl.Expr:
    """Ask whether a number beyond the trained range lies far from it."""
    at_most = margin * (largest - least) if margin else 0.0  # a ratio to no income is infinite, and so may a range be
    far = (pl.col(name) - largest > at_most) | (least - pl.col(name) > at_most)
    return far if least < 0.0 else far | (pl.col(name) < LEAST_PART * least)


def most_points(model: Trained, held: ColumnSupport, scores: ScoreSettings) -> float:
    """Return the most points that a column can move a score, by its reach in training; a whole one where unknown."""
    if held.reach is None:
        return WHOLE_POINT
    return held.reach * model.calibration.slope * PointScale.of(scores).factor
