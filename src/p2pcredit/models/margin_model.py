"""A base class for the model of a new family: all that scoring asks for, from one function of the features.

A subclass says what the log-odds of default are where every value is known. What a missing value means, reasons,
calibration and files follow here, by the rules that hold for the built-in families: a loan without a value is scored
with that of the reference borrower, moved as far as the training loans without it say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.models.absence_effects import Absent, Outcomes, with_effects, with_usual_effects
from p2pcredit.models.calibration import Calibration
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.family import MODEL_FILE
from p2pcredit.models.files.model_file import write_model_json
from p2pcredit.models.ratios import complete_ratios
from p2pcredit.models.reference_borrower import ReferenceBorrower, columns_of
from p2pcredit.models.training_support import (
    Support,
    blanks_as_missing,
    learn_support,
    loans_for_reach,
    support_from_json,
    without_missing,
)


@dataclass(frozen=True)
class MarginModel(ABC):
    """A model of numbers. Subclass it as a frozen dataclass, with fields of its own that have defaults.

    Args:
        target: `matured`, `hazard` or `early_delinquency`.
        feature_names: The features it reads, in order; numbers all.
        calibration: From margin to log-odds of default.
        neutral: The reference borrower: the feature values that reasons compare with, and that stand for absent ones.
        support: What it was trained on, per feature; empty until there is a reference borrower.
    """

    family: ClassVar[str]

    target: str
    feature_names: tuple[str, ...]
    calibration: Calibration = field(default_factory=Calibration)
    neutral: ReferenceBorrower = field(default_factory=dict)
    support: Support = field(default_factory=dict)

    @abstractmethod
    def log_odds_of(self, values: Floats) -> Floats:
        """Give the margin of rows.

        Args:
            values: (rows, features) in the order of `feature_names`; NaN only where the reference borrower has no
                value either, or is not known yet.

        Returns:
            Log-odds of default (log cumulative hazard where a hazard was learned) before calibration, (rows,).
        """

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Give the fields of the subclass as plain JSON values."""

    @property
    def notes(self) -> dict[str, Any]:
        """Facts on its fit, for its card."""
        return {}

    def margin(self, features: pl.DataFrame) -> Floats:
        """Calculate the log-odds of default of each row before calibration."""
        values, effects = self._rows(features)
        return np.asarray(self.log_odds_of(values) + effects.sum(axis=1), dtype=np.float64)

    def predict(self, features: pl.DataFrame) -> Floats:
        """Calculate the probability of default of each row, strictly between 0 and 1."""
        return self.calibration.probability(self.margin(features))

    def predict_with_neutral(self, features: pl.DataFrame) -> tuple[Floats, Floats]:
        """Calculate the probability of default of each row, and its log-odds with each feature at its neutral value."""
        values, effects = self._rows(features)
        total = effects.sum(axis=1)
        margin = self.log_odds_of(values) + total
        at_neutral = np.empty(values.shape)
        for place, name in enumerate(self.feature_names):
            changed = values.copy()
            changed[:, place] = _number(self.neutral.get(name))
            at_neutral[:, place] = self.log_odds_of(changed) + total - effects[:, place]
        return self.calibration.probability(margin), self.calibration.log_odds(at_neutral)

    def contributions(self, features: pl.DataFrame) -> Floats:
        """Calculate the log-odds of default that each feature's value adds over its neutral value, (rows, features)."""
        chances, at_neutral = self.predict_with_neutral(features)
        return np.asarray((np.log(chances) - np.log1p(-chances))[:, None] - at_neutral, dtype=np.float64)

    def with_reference(self, neutral: ReferenceBorrower, loans: pl.DataFrame, outcomes: Outcomes) -> Self:
        """Copy the model with a reference borrower, and with the effects of absent values in its training loans.

        Args:
            neutral: The reference borrower.
            loans: The loans that the model was fitted on.
            outcomes: What came of them.
        """
        columns = columns_of(loans, self.feature_names)
        plain = replace(self, neutral=neutral, support=learn_support(columns, {}, outcomes.bads))
        some = loans_for_reach(loans)
        added = plain.calibrated(Calibration()).contributions(some)
        usual = with_usual_effects(plain.support, neutral, plain.margin(some), added, ~np.isnan(plain._values(some)))
        plain = replace(plain, support=usual)
        gone = plain._gone(plain._values(loans))
        absent: Absent = {(name, "missing"): rows for name, rows in gone.items() if rows.any()}
        support = with_effects(plain.support, absent, plain.margin(loans), outcomes)
        found = replace(plain, support=support)
        most = np.abs(found.calibrated(Calibration()).contributions(some)).max(axis=0, initial=0.0)
        reach = dict(zip(self.feature_names, most.tolist(), strict=True))
        return replace(found, support={name: replace(held, reach=reach[name]) for name, held in support.items()})

    def calibrated(self, calibration: Calibration, neutral: ReferenceBorrower | None = None) -> Self:
        """Copy the model with another calibration, and another reference borrower where given."""
        return replace(self, calibration=calibration, neutral=self.neutral if neutral is None else neutral)

    def to_files(self) -> dict[str, bytes]:
        """Write the model as files: file name -> bytes, the same bytes for the same model."""
        own = {
            "features": list(self.feature_names),
            "parameters": self.parameters(),
        }
        return {MODEL_FILE: write_model_json(self, own)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], **own: Any) -> Self:
        """Read the model of this `model.json`, with the fields of the subclass as `own`."""
        names = tuple(str(name) for name in content["features"])
        return cls(
            target=str(content["target"]),
            feature_names=names,
            calibration=Calibration(**content["calibration"]),
            neutral=dict(content["neutral"]),
            support=support_from_json(content["support"], names),
            **own,
        )

    def _values(self, features: pl.DataFrame) -> Floats:
        """Return the values as they were given, NaN where one is missing."""
        given = complete_ratios(blanks_as_missing(features, self.support), without_missing(self.support), self.neutral)
        return np.asarray(columns_of(given, self.feature_names).to_numpy(), dtype=np.float64)

    def _gone(self, values: Floats) -> dict[str, npt.NDArray[np.bool_]]:
        """Find the rows without a value, for each feature that the reference borrower has a value of."""
        known = [name for name in self.feature_names if self.neutral.get(name) is not None]
        return {name: np.isnan(values[:, self.feature_names.index(name)]) for name in known}

    def _rows(self, features: pl.DataFrame) -> tuple[Floats, Floats]:
        """Fill missing values with the reference borrower's, and calculate what each absence adds, (rows, features)."""
        values = self._values(features).copy()
        effects = np.zeros(values.shape)
        for name, rows in self._gone(values).items():
            place = self.feature_names.index(name)
            values[rows, place] = _number(self.neutral[name])
            effects[rows, place] = self.support[name].missing.effect
        return values, effects


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


__all__ = ["MarginModel"]
