"""Models whose probability is a column of the loans, so that what each model was shown can be read off its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from p2pcredit.models.calibration import Calibration
from p2pcredit.models.reference_borrower import ReferenceBorrower
from p2pcredit.models.training_support import Support

shown: list[tuple[str, list[str]]] = []
"""Which loans each model was shown, in order: the name of the model and the loans."""


@dataclass(frozen=True)
class ColumnModel:
    """Gives each loan its income as the probability, plus what its name adds."""

    name: str
    add: float
    feature_names: tuple[str, ...] = ()
    neutral: ReferenceBorrower = field(default_factory=dict)
    support: Support = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)

    def predict(self, loans: pl.DataFrame) -> np.ndarray:
        shown.append((self.name, loans["loan_id"].to_list()))
        return loans["annual_income"].to_numpy() + self.add


def load_column_model(files: Mapping[str, bytes]) -> ColumnModel:
    """Load the model that these files hold: its name, a space, what it adds."""
    name, add = files["model.json"].decode().split()
    return ColumnModel(name, float(add))
