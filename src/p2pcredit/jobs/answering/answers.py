"""Answer applications: what the nightly run says of a loan, with its reasons as the borrower reads them.

`answer_applications` does no input or output. The command line, the Python interface and the server call it, and it
scores with `Scorer.score`, as the nightly run does. So equal values get equal numbers, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
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
from p2pcredit.reporting.notice import ReasonWords
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
        scored: One row per application in their order, as the nightly run would write them to `gold/predictions`.
        known: The features of the model as it saw them, row by row.
        known_on: The day of which the features are, row by row.
        reasons: Of each, in words.
        request_id: Stands in each answer.
        window_months: The main window.
    """

    scored: pl.DataFrame
    known: pl.DataFrame
    known_on: pl.Series
    reasons: list[list[dict[str, Any]]]
    request_id: str
    window_months: int

    @property
    def answers(self) -> pl.DataFrame:
        """Lay the answers out as a table with the columns `ANSWER`."""
        return self.scored.with_columns(
            pl.lit(self.request_id).alias("request_id"),
            self.known_on.alias("known_on"),
            pl.lit(self.window_months, dtype=pl.Int64).alias("window_months"),
            pl.Series("reasons", self.reasons, dtype=ANSWER["reasons"]),
            pl.lit(VERSION, dtype=pl.Int64).alias("reason_list"),
        ).select(pl.col(name).cast(kind) for name, kind in ANSWER.items())

    def as_json(self) -> list[dict[str, Any]]:
        """Give the answers as plain JSON values."""
        rows = self.scored.select(pl.col("loan_id").cast(pl.String), "model_id", *GIVEN).iter_rows(named=True)
        return [
            one_answer(row, day, reasons, self.request_id, self.window_months)
            for row, day, reasons in zip(rows, self.known_on.to_list(), self.reasons, strict=True)
        ]


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
    worded = words_of(scorer)
    named = scored.select(f"reason_{place + 1}" for place in range(REASONS)).iter_rows()
    reasons = [
        worded([reason for reason in row if reason], values)
        for row, values in zip(named, known.iter_rows(named=True), strict=True)
    ]
    day = features["known_on"] if "known_on" in features.columns else features["snapshot_date"]
    return Answers(scored, known, day.cast(pl.Date), reasons, request_id, settings.labels.window_months)


def one_answer(
    row: Mapping[str, Any], day: date | None, reasons: list[dict[str, Any]], request_id: str, window_months: int
) -> dict[str, Any]:
    """Put the answer to one application together as plain JSON values, in the order of `ANSWER`.

    Args:
        row: As the nightly run would write it to `gold/predictions`: `loan_id`, `model_id` and those of `GIVEN`.
        day: Of which its features are.
        reasons: In words.
        request_id: Of the request.
        window_months: The main window.
    """
    return {
        "request_id": request_id,
        "loan_id": row["loan_id"],
        "model_id": row["model_id"],
        "known_on": None if day is None else day.isoformat(),
        "probability_of_default": row["probability_of_default"],
        "lifetime_probability_of_default": row["lifetime_probability_of_default"],
        "expected_loss": row["expected_loss"],
        "expected_annual_return": row["expected_annual_return"],
        "window_months": window_months,
        "score": row["score"],
        "grade": row["grade"],
        "decision": row["decision"],
        "reasons": reasons,
        "reason_list": VERSION,
        "outside_training": row["outside_training"],
    }


def words_of(scorer: Scorer) -> Callable[[Sequence[str], Mapping[str, Any]], list[dict[str, Any]]]:
    """Make what words the reasons of a model's loans, with a loan's own values beside those usual at the cut-off.

    Returns:
        A function of the reasons of a loan, and of the values of its features.
    """
    model = scorer.model
    own = catalogue_of(model.support)
    words = ReasonWords(model.feature_names, {name: model.neutral.get(name) for name in model.feature_names}, own)

    def worded(reasons: Sequence[str], values: Mapping[str, Any]) -> list[dict[str, Any]]:
        told = words.of(reasons, values)
        return [{"reason": reason, **one} for reason, one in zip(reasons, told, strict=True)]

    return worded


__all__ = ["ANSWER", "GIVEN", "REASON", "Answers", "answer_applications", "answer_features", "one_answer", "words_of"]
