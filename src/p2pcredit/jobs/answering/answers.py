"""Answer applications: what the nightly run says of a loan, with its reasons as the borrower reads them.

`answer_applications` does no input or output. The command line, the Python interface and the server call it, and it
scores with `Scorer.score`, as the nightly run does. So equal values get equal numbers, to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from p2pcredit.contracts.adverse_action import VERSION
from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.errors import UsageError
from p2pcredit.jobs.answering.landed_rows import features_for
from p2pcredit.models.reference_borrower import columns_of
from p2pcredit.models.scorer import Scorer
from p2pcredit.models.scoring import REASONS
from p2pcredit.models.training_support import catalogue_of
from p2pcredit.reporting.notice import borrower_reasons
from p2pcredit.settings import Settings
from p2pcredit.text import one_line

GIVEN = (
    "probability_of_default",
    "lifetime_probability_of_default",
    "expected_loss",
    "expected_annual_return",
    "score",
    "grade",
    "decision",
    "outside_training",
)
"""What an answer takes as it stands from a row of `gold/predictions`."""

_WORDS = ("code", "text", "advice", "form", "your_value", "usual")
REASON = {"reason": pl.String, **dict.fromkeys(_WORDS, pl.String)}
ANSWER: dict[str, Any] = {
    "request_id": pl.String,
    "loan_id": pl.String,
    "model_id": pl.String,
    "known_on": pl.Date,
    "probability_of_default": pl.Float64,
    "lifetime_probability_of_default": pl.Float64,
    "expected_loss": pl.Float64,
    "expected_annual_return": pl.Float64,
    "window_months": pl.Int64,
    "score": pl.Int32,
    "grade": pl.String,
    "decision": pl.String,
    "reasons": pl.List(pl.Struct(REASON)),
    "reason_list": pl.Int64,
    "outside_training": pl.List(pl.String),
}
"""The columns of answers."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Applications with what the model says of each.

    Args:
        answers: One row per application in their order, with the columns `ANSWER`.
        known: The features of the model as it saw them, row by row.
        scored: The same rows as the nightly run would write them to `gold/predictions`.
    """

    answers: pl.DataFrame
    known: pl.DataFrame
    scored: pl.DataFrame

    def as_json(self) -> list[dict[str, Any]]:
        """Give the answers as plain JSON values."""
        return [_plain(row) for row in self.answers.to_dicts()]


def answer_applications(
    scorer: Scorer,
    rows: pl.DataFrame,
    settings: Settings,
    *,
    request_id: str,
    catalogue: FeatureCatalogue = BUILT_IN,
) -> Answers:
    """Score applications, and word the reasons of each.

    Args:
        scorer: The model.
        rows: One application each, with the columns of landing files (`loan_id`, `origination_date`, `loan_amount`,
            `term` and any others), as text or typed, or with the features of the model and `loan_id`.
        settings: Points, grades and cut-off, what becomes of loans outside training, and the main window.
        request_id: Stands in each answer.
        catalogue: The features of the home, whose own columns an application may have; those of the model it may.

    Raises:
        ApplicationError: If a value or a column cannot be read. The nightly run would set the row aside, or go on
            without the value; a person who asks for a score can mend it.
        UsageError: If columns are missing, with the similar one.
    """
    try:
        known = catalogue.with_own(catalogue_of(scorer.model.support).own)
        features = features_for(scorer.model.feature_names, rows, strict=True, catalogue=known).features
        return answer_features(scorer, features, settings, request_id=request_id)
    except pl.exceptions.PolarsError as error:
        raise UsageError(
            f"the frame cannot be scored: {one_line(str(error).partition(chr(10))[0], 200)}; give numbers and text"
        ) from error


def answer_features(scorer: Scorer, features: pl.DataFrame, settings: Settings, *, request_id: str) -> Answers:
    """Answer applications whose features are known: rows of the feature store, in their order."""
    scored = scorer.score(features, settings)
    known = columns_of(features, scorer.model.feature_names)
    reasons = [
        worded_reasons(scorer, row, values)
        for row, values in zip(scored.iter_rows(named=True), known.iter_rows(named=True), strict=True)
    ]
    day = features["known_on"] if "known_on" in features.columns else features["snapshot_date"]
    answers = scored.with_columns(
        pl.lit(request_id).alias("request_id"),
        day.cast(pl.Date).alias("known_on"),
        pl.lit(settings.labels.window_months, dtype=pl.Int64).alias("window_months"),
        pl.Series("reasons", reasons, dtype=ANSWER["reasons"]),
        pl.lit(VERSION, dtype=pl.Int64).alias("reason_list"),
    ).select(pl.col(name).cast(kind) for name, kind in ANSWER.items())
    return Answers(answers, known, scored)


def worded_reasons(scorer: Scorer, row: Mapping[str, Any], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Word the reasons of one loan, with its own values beside those that are usual at the cut-off."""
    named: Sequence[str] = [row[f"reason_{place + 1}"] for place in range(REASONS) if row[f"reason_{place + 1}"]]
    neutral = scorer.model.neutral
    known = [{"feature": name, "value": value, "usual_at_cutoff": neutral.get(name)} for name, value in values.items()]
    own = catalogue_of(scorer.model.support)
    return [{"reason": words, **told} for words, told in zip(named, borrower_reasons(named, known, own), strict=True)]


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if name == "known_on" and value is not None else value for name, value in row.items()
    }


__all__ = ["ANSWER", "GIVEN", "REASON", "Answers", "answer_applications", "answer_features", "worded_reasons"]
