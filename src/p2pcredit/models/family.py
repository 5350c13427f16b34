"""The protocol of a model family: how it is tuned, fitted, read back from its files, and described to the evidence.

One module that implements it, and one line that registers it, make a family: see `p2pcredit.models.registry`. When it
is fitted and judged, calibration, promotion, scoring, reasons and evidence are the same for all families.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.hand_bins import HandBins
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.settings import ScoreSettings, Settings

if TYPE_CHECKING:  # XGBoost comes with the first, and scoring by a model that needs none goes without
    from p2pcredit.models.absence_effects import Outcomes
    from p2pcredit.models.export.formula import Formula
    from p2pcredit.models.fitting.backend import FitBackend, Threads
    from p2pcredit.models.reference_borrower import ReferenceBorrower

MODEL_FILE = "model.json"
"""The file that every model has: a JSON object with at least `schema_version` and `family`."""

SCHEMA_VERSION = 2
"""Of `MODEL_FILE`; 1 said `form` for `target`."""


@dataclass(frozen=True, slots=True)
class TrainingExamples:
    """What a family learns from.

    Args:
        loans: One row per loan with the features and `origination_date`, oldest loans first.
        features: The features that may enter.
        bads: 1.0 for a loan that turned bad, else 0.0.
        settings: All settings.
        backend: Grows trees and counts values.
        threads: How many processor threads a fit may use.
        expected: For a hazard: the default expected of each loan for the time it was watched; positive. The margin is
            then learned as the logarithm of the factor by which a loan's hazard exceeds the book's (Poisson with that
            exposure). None where `bads` are matured labels (Bernoulli).
        by_hand: Bins that a person fixed, by feature; a family without bins heeds their directions alone, which stand
            in `features`.
        log_cumulative_hazard: For a hazard: what is added to that margin, the margin of a loan of average risk.
    """

    loans: pl.DataFrame
    features: tuple[Feature, ...]
    bads: Floats
    settings: Settings
    backend: FitBackend
    threads: Threads = 1
    expected: Floats | None = None
    log_cumulative_hazard: float = 0.0
    by_hand: Mapping[str, HandBins] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a search within the loans found.

    Args:
        choice: What `fit` is to use; only the family reads it.
        tried: What was tried, best first, as plain JSON values for the card.
    """

    choice: Any = None
    tried: Sequence[Mapping[str, Any]] = field(default=())


class Family(Protocol):
    """A kind of model. Subclass it: what has a body here is a default.

    A fit gives a frozen dataclass that is a `p2pcredit.models.scoring_model.ScoringModel` with fields `target` and
    `support`, and with `notes` and `with_reference` of `TrainableModel`; `p2pcredit.models.margin_model` has a base
    class for it.
    """

    name: ClassVar[str]
    """As settings, cards and model ids name it: the name under which it is registered."""

    title: ClassVar[str]
    """In words, for the evidence."""

    is_slow: ClassVar[bool] = False
    """Whether a fit takes much longer than that of other families; such fits are begun first."""

    complexity: ClassVar[int] = 2
    """How hard a model is to read: 1 for a table of points or one equation, 3 for an ensemble of trees. The lower leads
    where two candidates cannot be told apart."""

    not_chosen: ClassVar[str] = "tried, not used"
    """Why a feature that was offered is not in a model, for the evidence."""

    def tune(self, examples: TrainingExamples) -> Tuning:
        """Search the settings of the fit within these loans; nothing else may be looked at."""
        return Tuning()

    def fit(self, examples: TrainingExamples, tuning: Tuning) -> TrainableModel:
        """Fit a model, not yet calibrated and without a reference borrower.

        Raises:
            TrainingError: If these loans teach nothing; the candidate is then missing from the training, with that
                reason in its card.
        """
        ...

    def load(self, content: Mapping[str, Any], files: Mapping[str, bytes]) -> ScoringModel:
        """Read a model back: `content` is its parsed `model.json`, `files` all that its `to_files` gave. No pickles."""
        ...

    def describe(self, model: Any, matured: pl.DataFrame, settings: Settings) -> dict[str, Any]:
        """Describe a model to its evidence.

        Args:
            model: Of this family.
            matured: The matured loans, with the features and `label`.
            settings: All settings.

        Returns:
            `tables`, each with `title`, `about`, `columns` and `rows` of plain JSON values: the evidence prints them.
            Built-in families have parts of the page of their own: `points` and `trees`.
        """
        return {}

    def explain(self, model: Any, loan: pl.DataFrame, scores: ScoreSettings) -> dict[str, dict[str, Any]]:
        """Say per feature what a trace of one loan (one row) shows beside its effect on the log-odds."""
        return {}

    def formula(self, model: Any, settings: Settings) -> Formula | None:
        """Write a model as the steps that `p2pcredit models export` writes for other programs; None where it cannot."""
        return None


class TrainableModel(Protocol):
    """What a fit gives, besides what is asked of every `ScoringModel`."""

    @property
    def target(self) -> str:
        """`matured`, `hazard` or `early_delinquency`; a field, set anew by the training."""
        ...

    @property
    def notes(self) -> dict[str, Any]:
        """Facts on its fit, for its card, as plain JSON values."""
        ...

    def with_reference(self, neutral: ReferenceBorrower, loans: pl.DataFrame, outcomes: Outcomes) -> Any:
        """Copy the model with a reference borrower, whose values stand for absent ones, and with its `support`.

        Args:
            neutral: The reference borrower.
            loans: The loans that the model was fitted on.
            outcomes: What came of them.
        """
        ...


__all__ = ["MODEL_FILE", "SCHEMA_VERSION", "Family", "TrainableModel", "TrainingExamples", "Tuning"]
