"""What every model of the bank can do, whatever its family."""

from __future__ import annotations

from typing import Protocol

import polars as pl

from p2pcredit.models.calibration import Calibration
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.reference_borrower import ReferenceBorrower
from p2pcredit.models.training_support import Support


class ScoringModel(Protocol):
    """A calibrated model of any family.

    `neutral` holds the feature values that reasons compare with, and that stand for absent ones: what is usual at the
    approval cut-off.
    """

    @property
    def family(self) -> str:
        """The name of its family."""
        ...

    @property
    def target(self) -> str:
        """`matured`, `hazard` or `early_delinquency`."""
        ...

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features it reads, in order."""
        ...

    @property
    def neutral(self) -> dict[str, float | str | None]:
        """The value of each feature that reasons compare with."""
        ...

    @property
    def support(self) -> Support:
        """The support of its training data, per feature."""
        ...

    @property
    def calibration(self) -> Calibration:
        """The map from margin to log-odds of default."""
        ...

    def margin(self, features: pl.DataFrame) -> Floats:
        """Calculate log-odds of default (hazard target: log cumulative hazard) of each row before calibration."""
        ...

    def calibrated(self, calibration: Calibration, neutral: ReferenceBorrower | None = None) -> ScoringModel:
        """Copy the ranking with another calibration, and another reference borrower where given."""
        ...

    def predict(self, features: pl.DataFrame) -> Floats:
        """Calculate the probability of default of each row, strictly between 0 and 1."""
        ...

    def predict_with_neutral(self, features: pl.DataFrame) -> tuple[Floats, Floats]:
        """Calculate the probability of default of each row, and its log-odds with each feature at its neutral value."""
        ...

    def contributions(self, features: pl.DataFrame) -> Floats:
        """Calculate the log-odds of default that each feature's value adds over its neutral value, (rows, features)."""
        ...

    def to_files(self) -> dict[str, bytes]:
        """Write the model as files, the same bytes for the same model."""
        ...


__all__ = ["ScoringModel"]
