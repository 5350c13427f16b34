"""A model made ready to answer one request after another, in a thousandth of the time that a query over tables takes.

It answers what `answer_applications` answers, to the last bit, and refuses what it refuses, to the letter; property
tests hold both to it. What is wrong is read from the rules that the rows went through, so that a refusal costs no more
than an answer: one thread scores, and a client that sends wrong applications must not keep it busy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.feeds import LOAN_TERMS
from p2pcredit.jobs.answering.answers import Answers, answer_applications, answer_features, one_answer, words_of
from p2pcredit.jobs.answering.given import landed_rows, landed_texts, refuse_wrong_records
from p2pcredit.jobs.answering.problems import columns_of_home, refuse
from p2pcredit.jobs.answering.row_features import FeaturesOfRow, RowFeatures
from p2pcredit.models.one_loan.scorer import OneLoanScorer
from p2pcredit.models.ratios import with_inputs
from p2pcredit.models.scorer import Scorer
from p2pcredit.models.scoring import RATE, REASONS, TERM
from p2pcredit.models.training_support import catalogue_of
from p2pcredit.platforms.mapped.profile import MappedPlatform
from p2pcredit.readers.applications import Record
from p2pcredit.settings import Settings

_FEW = 24
"""So many applications are answered one by one sooner than all together as a frame."""
_REASONS = tuple(f"reason_{place + 1}" for place in range(REASONS))


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model said of applications, as plain JSON values.

    Args:
        answers: One per application, as `Answers.as_json` gives them.
        known: The features of the model as it saw them, one row per application.
    """

    answers: list[dict[str, Any]]
    known: list[dict[str, Any]]

    @classmethod
    def of(cls, found: Answers) -> Answered:
        """Take the answers of frames."""
        return cls(found.as_json(), found.known.to_dicts())


class ReadyModel:
    """A model with the settings under which it answers.

    Args:
        scorer: The model.
        settings: All settings.
        catalogue: The features of the home, whose own columns an application may have.
    """

    def __init__(self, scorer: Scorer, settings: Settings, catalogue: FeatureCatalogue = BUILT_IN) -> None:
        self._scorer, self._settings = scorer, settings
        try:
            self._one: OneLoanScorer | None = OneLoanScorer(scorer, settings)
        except NotImplementedError:
            self._one = None
        self._names = scorer.model.feature_names
        self._worded = words_of(scorer)
        self._needed = tuple(dict.fromkeys((*with_inputs(self._names), TERM, RATE)))
        self._catalogue = catalogue.with_own(catalogue_of(scorer.model.support).own)
        self._features = FeaturesOfRow(self._needed, self._catalogue)
        self._known = frozenset(columns_of_home(self._catalogue))
        self._required = frozenset(LOAN_TERMS.required_sources)

    @property
    def model_id(self) -> str:
        """Its name in the bank."""
        return self._scorer.model_id

    @property
    def is_quick(self) -> bool:
        """Whether it answers one application without a table."""
        return self._one is not None

    def answer(self, records: Sequence[Record], mapping: MappedPlatform | None, request_id: str) -> Answered:
        """Answer applications.

        Args:
            records: Names with their values.
            mapping: By whose names; None for the names of the feeds.
            request_id: Stands in each answer.

        Raises:
            ApplicationError: If an application holds what none may hold.
        """
        rows = self._rows(records, mapping)
        if rows is None:
            landed = landed_rows(records, mapping, self._catalogue)
            return Answered.of(
                answer_applications(
                    self._scorer, landed, self._settings, request_id=request_id, catalogue=self._catalogue
                )
            )
        if self._one is None or len(rows) > _FEW:
            return Answered.of(answer_features(self._scorer, self._frame(rows), self._settings, request_id=request_id))
        known = [{name: row.values[name] for name in self._names} for row in rows]
        told = [self._told(self._one, row, seen, request_id) for row, seen in zip(rows, known, strict=True)]
        return Answered(told, known)

    def _rows(self, records: Sequence[Record], mapping: MappedPlatform | None) -> list[RowFeatures] | None:
        """Build the features of each; None where columns are named that only frames can word.

        Raises:
            ApplicationError: If one breaks a rule, or is asked for twice.
        """
        if mapping is None:
            refuse_wrong_records(records, self._catalogue)
            texts = [landed_texts(record, self._catalogue) for record in records]
        else:
            landed = landed_rows(records, mapping)
            if not self._required <= set(landed.columns) <= self._known:
                return None
            texts = [landed_texts(row, self._catalogue) for row in landed.iter_rows(named=True)]
        rows = [self._features.of(text) for text in texts]
        sound = [row for row in rows if row is not None]
        if len({(row.loan_id, row.day) for row in sound}) == len(rows):
            return sound
        refuse(self._features.problems(texts))
        return None

    def _frame(self, rows: Sequence[RowFeatures]) -> pl.DataFrame:
        kinds = {one.name: pl.String() if one.kind == "category" else pl.Float64() for one in self._catalogue.features}
        days = pl.Series("snapshot_date", [row.day for row in rows], dtype=pl.Date)
        columns = [pl.Series(name, [row.values[name] for row in rows], dtype=kinds[name]) for name in self._needed]
        return pl.DataFrame(
            [pl.Series("loan_id", [row.loan_id for row in rows]), days, days.alias("known_on"), *columns]
        )

    def _told(self, one: OneLoanScorer, row: RowFeatures, known: dict[str, Any], request_id: str) -> dict[str, Any]:
        scored = {**one.score(row.values), "loan_id": row.loan_id}
        named = [scored[name] for name in _REASONS if scored[name]]
        return one_answer(scored, row.day, self._worded(named, known), request_id, self._settings.labels.window_months)


__all__ = ["Answered", "ReadyModel"]
