"""A model made ready to answer one request after another, in a thousandth of the time that a query over tables takes.

It answers what `answer_applications` answers, to the last bit; a property test holds both to it. Where an application
holds what none may hold, or the model's family knows frames only, it asks `answer_applications` itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from p2pcredit.contracts.adverse_action import VERSION
from p2pcredit.jobs.scoring.answers import GIVEN, answer_applications, worded_reasons
from p2pcredit.jobs.scoring.given import landed_rows, landed_texts, refuse_wrong_records
from p2pcredit.jobs.scoring.row_features import FeaturesOfRow, RowFeatures
from p2pcredit.models.one_loan.scorer import OneLoanScorer
from p2pcredit.models.scorer import Scorer
from p2pcredit.platforms.mapped.profile import MappedPlatform
from p2pcredit.readers.applications import Record
from p2pcredit.settings import Settings


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model said of applications, as plain JSON values.

    Args:
        answers: One per application, as `Answers.as_json` gives them.
        known: The features of the model as it saw them, one row per application.
    """

    answers: list[dict[str, Any]]
    known: list[dict[str, Any]]


class ReadyModel:
    """A model with the settings under which it answers.

    Args:
        scorer: The model.
        settings: All settings.
    """

    def __init__(self, scorer: Scorer, settings: Settings) -> None:
        self._scorer, self._settings = scorer, settings
        try:
            self._one: OneLoanScorer | None = OneLoanScorer(scorer, settings)
        except NotImplementedError:
            self._one = None
        names = () if self._one is None else self._one.needed
        self._features = FeaturesOfRow(tuple(dict.fromkeys((*scorer.model.feature_names, *names))))

    @property
    def model_id(self) -> str:
        """Its name in the bank."""
        return self._scorer.model_id

    def answer(self, records: Sequence[Record], mapping: MappedPlatform | None, request_id: str) -> Answered:
        """Answer applications.

        Args:
            records: Names with their values.
            mapping: By whose names; None for the names of the feeds.
            request_id: Stands in each answer.

        Raises:
            ApplicationError: If an application holds what none may hold.
        """
        return self._one_by_one(records, mapping, request_id) or self._together(records, mapping, request_id)

    def _together(self, records: Sequence[Record], mapping: MappedPlatform | None, request_id: str) -> Answered:
        rows = landed_rows(records, mapping)
        found = answer_applications(self._scorer, rows, self._settings, request_id=request_id)
        return Answered(found.as_json(), found.known.to_dicts())

    def _one_by_one(
        self, records: Sequence[Record], mapping: MappedPlatform | None, request_id: str
    ) -> Answered | None:
        """Answer one after another; None where one breaks a rule, or where only frames are known."""
        if self._one is None:
            return None
        if mapping is None:
            refuse_wrong_records(records)
            texts = [landed_texts(record) for record in records]
        else:
            texts = [landed_texts(row) for row in landed_rows(records, mapping).iter_rows(named=True)]
        rows = []
        for text in texts:
            row = self._features.of(text)
            if row is None:
                return None
            rows.append(row)
        if len({(row.loan_id, row.day) for row in rows}) < len(rows):
            return None
        names = self._scorer.model.feature_names
        known = [{name: row.values[name] for name in names} for row in rows]
        return Answered(
            [self._told(self._one, row, seen, request_id) for row, seen in zip(rows, known, strict=True)], known
        )

    def _told(self, one: OneLoanScorer, row: RowFeatures, known: dict[str, Any], request_id: str) -> dict[str, Any]:
        scored = one.score(row.values)
        told = {name: scored[name] for name in GIVEN}
        return {
            "request_id": request_id,
            "loan_id": row.loan_id,
            "model_id": self.model_id,
            "known_on": row.day.isoformat(),
            "probability_of_default": told["probability_of_default"],
            "lifetime_probability_of_default": told["lifetime_probability_of_default"],
            "window_months": self._settings.labels.window_months,
            "score": told["score"],
            "grade": told["grade"],
            "decision": told["decision"],
            "reasons": worded_reasons(self._scorer, scored, known),
            "reason_list": VERSION,
            "outside_training": told["outside_training"],
        }


__all__ = ["Answered", "ReadyModel"]
