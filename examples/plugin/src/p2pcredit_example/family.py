"""A model family: a plain logistic regression on standardised numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl

from p2pcredit.errors import TrainingError
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.family import Family, TrainingExamples, Tuning
from p2pcredit.models.margin_model import MarginModel
from p2pcredit.models.reference_borrower import columns_of
from p2pcredit.settings import Settings

PENALTY = 10.0
OWN_FIELDS = ("means", "spreads", "coefficients")


@dataclass(frozen=True)
class LogisticModel(MarginModel):
    """Log-odds of default as a weighted sum of standardised numbers; a missing one counts as the mean.

    Args:
        intercept: The log-odds of a loan with all numbers at their means.
        means, spreads: Of the training loans, per feature.
        coefficients: Per feature, of its standardised number.
    """

    family: ClassVar[str] = "logistic"

    intercept: float = 0.0
    means: tuple[float, ...] = ()
    spreads: tuple[float, ...] = ()
    coefficients: tuple[float, ...] = ()

    def log_odds_of(self, values: Floats) -> Floats:
        """Weigh and add up the standardised numbers, feature by feature whatever the number of rows."""
        total = np.full(values.shape[0], self.intercept)
        for place, coefficient in enumerate(self.coefficients):
            total += coefficient * standardised(values[:, place], self.means[place], self.spreads[place])
        return total

    def parameters(self) -> dict[str, Any]:
        """Give what the file holds besides what every model has."""
        return {"intercept": self.intercept, **{name: list(getattr(self, name)) for name in OWN_FIELDS}}


class Logistic(Family):
    """Fits, reads and describes logistic regressions."""

    name: ClassVar[str] = "logistic"
    title: ClassVar[str] = "plain logistic regression"

    def fit(self, examples: TrainingExamples, tuning: Tuning) -> LogisticModel:
        """Fit a ridge regression: logistic, or Poisson with the expected default as exposure."""
        from sklearn.linear_model import LogisticRegression, PoissonRegressor  # scoring needs none of it

        names = tuple(feature.name for feature in examples.features if feature.kind == "numeric")
        values = np.asarray(columns_of(examples.loans, names).to_numpy(), dtype=np.float64)
        bads, expected = examples.bads, examples.expected
        if not names or not 0.0 < bads.sum() < bads.size:
            raise TrainingError(f"{len(names)} numbers and {bads.sum():g} bads of {bads.size} loans teach no model")
        means = np.nanmean(values, axis=0)
        spreads = np.where((spread := np.nanstd(values, axis=0)) > 0.0, spread, 1.0)
        columns = np.column_stack([standardised(values[:, i], means[i], spreads[i]) for i in range(len(names))])
        if expected is None:
            model = LogisticRegression(C=1.0 / PENALTY, solver="newton-cholesky").fit(columns, bads)
            coefficients, intercept = model.coef_[0], float(model.intercept_[0])
        else:
            poisson = PoissonRegressor(alpha=PENALTY / float(expected.sum()), solver="newton-cholesky")
            poisson.fit(columns, bads / expected, sample_weight=expected)
            coefficients, intercept = poisson.coef_, float(poisson.intercept_) + examples.log_cumulative_hazard
        return LogisticModel(
            target="matured" if expected is None else "hazard",
            feature_names=names,
            intercept=intercept,
            means=tuple(means.tolist()),
            spreads=tuple(spreads.tolist()),
            coefficients=tuple(coefficients.tolist()),
        )

    def load(self, content: Mapping[str, Any], files: Mapping[str, bytes]) -> LogisticModel:
        """Read a model back from its `model.json`."""
        held = content["parameters"]
        own = {name: tuple(float(number) for number in held[name]) for name in OWN_FIELDS}
        return LogisticModel.from_json(content, intercept=float(held["intercept"]), **own)

    def describe(self, model: LogisticModel, matured: pl.DataFrame, settings: Settings) -> dict[str, Any]:
        """Give the evidence a table of the coefficients, the largest first."""
        rows = sorted(zip(model.feature_names, model.coefficients, strict=True), key=lambda row: -abs(row[1]))
        table = {
            "title": "Coefficients",
            "about": "By how much the log-odds of default change with one standard deviation of each number.",
            "columns": ["Feature", "Coefficient"],
            "rows": [[name, coefficient] for name, coefficient in rows],
        }
        return {"tables": [table]}


def standardised(values: Floats, mean: float, spread: float) -> Floats:
    """Put numbers on the scale of the training loans, a missing one at their mean."""
    return np.nan_to_num((values - mean) / spread, nan=0.0)
