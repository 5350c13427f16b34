"""A banked model with its term structure and what its book had shown of losses: the one way from features to scores.

The nightly run, `p2pcredit score`, the Python interface and the server all score with `Scorer.score`, so that the same
values get the same numbers through every door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from p2pcredit.models import scoring
from p2pcredit.models.economics.experience import Experience, read_experience
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.term_structure.structure import TermStructure, read_term_structure
from p2pcredit.settings import Settings


@dataclass(frozen=True, slots=True)
class Scorer:
    """A model that is ready to score.

    Args:
        model_id: Its name in the bank.
        model: The model.
        structure: How default builds up over the term; None for a model that has none.
        experience: What expected losses and returns rest on; None likewise.
    """

    model_id: str
    model: ScoringModel
    structure: TermStructure | None = None
    experience: Experience | None = None

    @classmethod
    def read(cls, model_id: str, files: Mapping[str, bytes]) -> Scorer:
        """Load a model from its files.

        Raises:
            BankError: If a file is missing or is not what it should be, or names a family that is not installed.
            PluginError: If the family's package cannot be used.
        """
        return cls(model_id, scoring.load_model(files), read_term_structure(files), read_experience(files))

    def score(self, features: pl.DataFrame, settings: Settings) -> pl.DataFrame:
        """Score rows of the feature store, in their order; the columns are those of `gold/predictions`.

        Raises:
            UsageError: If a feature of the model is not there.
        """
        return scoring.score_loans(self.model, self.model_id, features, settings, self.structure, self.experience)


__all__ = ["Scorer"]
