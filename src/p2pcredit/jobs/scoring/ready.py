"""A model made ready to answer one request after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from p2pcredit.jobs.scoring.answers import answer_applications
from p2pcredit.jobs.scoring.given import landed_rows
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


@dataclass(frozen=True)
class ReadyModel:
    """A model with the settings under which it answers."""

    scorer: Scorer
    settings: Settings

    @property
    def model_id(self) -> str:
        """Its name in the bank."""
        return self.scorer.model_id

    def answer(self, records: Sequence[Record], mapping: MappedPlatform | None, request_id: str) -> Answered:
        """Answer applications.

        Args:
            records: Names with their values.
            mapping: By whose names; None for the names of the feeds.
            request_id: Stands in each answer.

        Raises:
            ApplicationError: If an application holds what none may hold.
        """
        found = answer_applications(self.scorer, landed_rows(records, mapping), self.settings, request_id=request_id)
        return Answered(found.as_json(), found.known.to_dicts())


__all__ = ["Answered", "ReadyModel"]
