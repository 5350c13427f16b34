"""Split loans by date, never inside a day: those to learn from, those that set the level, those that judge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.errors import TooLittleDataError
from p2pcredit.models.reference_borrower import HIDDEN
from p2pcredit.settings import TrainingSettings

LEAST_CASES_TO_FIT = 10
LEAST_MATURED_OF_LEVEL = 50
UNMATURED = f"{HIDDEN}NOT MATURED"
"""Stands for a level of a category of which too few loans have matured; no loan that is scored has it."""
TERM = "term_months"


@dataclass(frozen=True, slots=True)
class Split:
    """Matured loans in order of origination: `fit` before `calibrate` before `evaluate`.

    Each frame has the columns of the outcomes. Every loan of a later part was originated on a later day than every loan
    of an earlier one.
    """

    fit: pl.DataFrame
    calibrate: pl.DataFrame
    evaluate: pl.DataFrame

    @property
    def evaluation_start(self) -> date:
        """The origination day of the first loan of the evaluation."""
        first: date = self.evaluate["origination_date"][0]
        return first

    @property
    def all(self) -> pl.DataFrame:
        """All matured loans, in order of origination; no row is copied."""
        return pl.concat([self.fit, self.calibrate, self.evaluate], rechunk=False)

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return dates and counts of the parts, as JSON values."""
        parts = {"fit": self.fit, "calibrate": self.calibrate, "evaluate": self.evaluate}
        return {name: _describe(part) for name, part in parts.items()}


def split_by_time(outcomes: pl.DataFrame, *, as_of: date, settings: TrainingSettings) -> Split:
    """Split the matured loans into fit, calibration and evaluation.

    The newest `evaluation_share` of the matured loans judge, the `calibration_share` before them set the level, the
    rest is learned from. A day belongs to one part as a whole, to the later one where the cut falls inside it.

    Args:
        outcomes: One row per loan with `loan_id`, `origination_date`, `window_closed_on`, `label` and more.
        as_of: Only loans whose window closed by this day count as matured.
        settings: Shares and least counts.

    Raises:
        TooLittleDataError: With the numbers found and needed, if matured loans or bads, bads to judge by, or loans to
            learn from are too few.
    """
    matured = matured_loans(outcomes, as_of)
    loans, bads = matured.height, int(matured["label"].sum() or 0)
    if loans < settings.min_matured_loans or bads < settings.min_matured_bads or bads == loans:
        raise TooLittleDataError(
            f"{loans} matured loans with {bads} bads by {as_of}; needed are {settings.min_matured_loans} and "
            f"{settings.min_matured_bads}, and goods; wait until more loans have matured"
        )
    judging = _start(matured, math.ceil(loans * settings.evaluation_share))
    setting = _start(matured, math.ceil(loans * (settings.evaluation_share + settings.calibration_share)))
    split = Split(matured[:setting], matured[setting:judging], matured[judging:])
    found = int(split.evaluate["label"].sum() or 0)
    if found < settings.min_evaluation_bads or found == split.evaluate.height:
        raise TooLittleDataError(
            f"{found} bads among the {split.evaluate.height} newest matured loans by {as_of}; needed are "
            f"{settings.min_evaluation_bads}, and goods, to judge a model; wait until more loans have matured"
        )
    learned = int(split.fit["label"].sum() or 0)
    if min(learned, split.fit.height - learned) < LEAST_CASES_TO_FIT:
        raise TooLittleDataError(
            f"{learned} bads among the {split.fit.height} loans to learn from by {as_of}; needed are "
            f"{LEAST_CASES_TO_FIT} bads and as many goods; wait until more loans have matured"
        )
    return split


def matured_loans(outcomes: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Select the loans whose whole window had closed by `as_of` and whose label is known, oldest first."""
    closed = (pl.col("window_closed_on") <= as_of) & pl.col("label").is_not_null()
    return outcomes.filter(closed).sort("origination_date", "loan_id")


def unmatured_levels(loans: pl.DataFrame, matured: pl.DataFrame, features: tuple[Feature, ...]) -> dict[str, list[Any]]:
    """Find the terms and levels of categories with hardly any matured loan, though loans of them are known.

    Args:
        loans: All loans known.
        matured: Those whose window has closed.
        features: The features that may be learned from; numbers other than the term are left out.

    Returns:
        Feature -> its levels with fewer than 50 matured loans, those that occur only; features without any are absent.
    """
    found: dict[str, list[Any]] = {}
    for feature in features:
        name = feature.name
        if (feature.kind == "category" or name == TERM) and name in loans.columns:
            seen = matured[name].value_counts().filter(pl.col("count") >= LEAST_MATURED_OF_LEVEL)[name]
            levels = [level for level in loans[name].drop_nulls().unique().sort() if level not in set(seen)]
            if levels:
                found[name] = levels
    return found


def hide_unmatured_levels(loans: pl.DataFrame, split: Split, features: tuple[Feature, ...]) -> pl.DataFrame:
    """Hide the levels of which too few loans have matured, so that no model learns them from early leavers.

    Such a loan still teaches by its other features. When it is scored, its level is one the model does not know. A term
    is hidden as missing.
    """
    matured = split.all
    hidden = [
        pl.when(pl.col(name).is_in(levels))
        .then(pl.lit(None if name == TERM else UNMATURED, dtype=loans.schema[name]))
        .otherwise(pl.col(name))
        .alias(name)
        for name, levels in unmatured_levels(loans, matured, features).items()
    ]
    return loans.with_columns(hidden)


def _start(matured: pl.DataFrame, newest: int) -> int:
    """Find the row at which the newest so many loans start, moved back to the first loan of its day."""
    if newest <= 0:
        return matured.height
    days = matured["origination_date"]
    first_day = days[max(0, matured.height - newest)]
    return int((days < first_day).sum())


def _describe(part: pl.DataFrame) -> dict[str, Any]:
    days = part["origination_date"]
    first, last = (days[0], days[-1]) if part.height else (None, None)
    return {
        "first": first.isoformat() if first else None,
        "last": last.isoformat() if last else None,
        "n": part.height,
        "bads": int(part["label"].sum() or 0),
    }
