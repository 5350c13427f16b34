"""A points scorecard: the best bins of each feature, a regression on their weights of evidence, points per bin.

Weights are of evidence for default (positive = riskier), so every coefficient must be positive; a feature that gets a
negative one beside the others is left out and the rest is fitted again.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression, PoissonRegressor

from p2pcredit.contracts.features import Feature
from p2pcredit.errors import TrainingError
from p2pcredit.models.binning import Binning, fit_binning
from p2pcredit.models.calibration import Calibration
from p2pcredit.models.estimates import Floats
from p2pcredit.models.profile import Profile, Value, columns_of
from p2pcredit.settings import ScoreSettings

LEAST_INFORMATION = 0.01
NOISE_MULTIPLE = 1.0
PENALTY = 10.0
MODEL_FILE = "model.json"


@dataclass(frozen=True, slots=True)
class ScorecardModel:
    """A fitted scorecard.

    Args:
        form: `matured` or `hazard`.
        binnings: One per feature in the model.
        coefficients: One per feature, positive.
        intercept: Of the margin.
        calibration: From margin to log-odds of default.
        neutral: The feature values that reasons compare with.
    """

    family: ClassVar[str] = "scorecard"

    form: str
    binnings: tuple[Binning, ...]
    coefficients: tuple[float, ...]
    intercept: float
    calibration: Calibration
    neutral: Profile

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features it reads, in order."""
        return tuple(binning.feature for binning in self.binnings)

    def margin(self, features: pl.DataFrame) -> Floats:
        """Log-odds of default (log cumulative hazard in the hazard form) before calibration, one per row."""
        weights, total = self._weights(features), np.full(features.height, self.intercept)
        for place, coefficient in enumerate(self.coefficients):  # in this order, whatever the number of rows
            total += coefficient * weights[:, place]
        return total

    def predict(self, features: pl.DataFrame) -> Floats:
        """Probability of default of each row, strictly between 0 and 1."""
        return self.calibration.probability(self.margin(features))

    def contributions(self, features: pl.DataFrame) -> Floats:
        """Log-odds of default that each feature's value adds over its neutral value, (rows, features)."""
        neutral = np.array([self._neutral_weight(binning) for binning in self.binnings])
        scale = self.calibration.slope * np.array(self.coefficients)
        return np.asarray((self._weights(features) - neutral) * scale, dtype=np.float64)

    def points_table(self, scores: ScoreSettings) -> pl.DataFrame:
        """The scorecard as it is printed: `feature`, `bin`, `points` (more is safer), `weight_of_evidence`.

        The points of a loan's bins add up to its score before rounding.
        """
        factor = scores.points_to_double_odds / math.log(2.0)
        start = scores.base_score - factor * math.log(scores.base_odds)
        level = self.calibration.intercept + self.calibration.slope * self.intercept
        share = (start - factor * level) / len(self.binnings)
        rows: list[dict[str, Any]] = []
        for binning, coefficient in zip(self.binnings, self.coefficients, strict=True):
            labelled = [*zip(binning.bin_names(), binning.woe, strict=True), ("missing", binning.missing_woe)]
            labelled += (
                [("not seen before", 0.0)] if binning.kind == "category" and "OTHER" not in binning.levels else []
            )
            for name, weight in labelled:
                points = share - factor * self.calibration.slope * coefficient * weight
                rows.append({"feature": binning.feature, "bin": name, "points": points, "weight_of_evidence": weight})
        return pl.DataFrame(rows)

    def calibrated(self, calibration: Calibration, neutral: Profile | None = None) -> ScorecardModel:
        """The same scorecard with another calibration, and another neutral profile where given."""
        return replace(self, calibration=calibration, neutral=self.neutral if neutral is None else neutral)

    def to_files(self) -> dict[str, bytes]:
        """The model as files: file name -> bytes, the same bytes for the same model."""
        content = {
            "schema_version": 1,
            "family": self.family,
            "form": self.form,
            "binnings": [binning.as_json() for binning in self.binnings],
            "coefficients": list(self.coefficients),
            "intercept": self.intercept,
            "calibration": self.calibration.as_json(),
            "neutral": self.neutral,
        }
        return {MODEL_FILE: (json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ScorecardModel:
        """The model whose `model.json` this is."""
        return cls(
            form=str(content["form"]),
            binnings=tuple(Binning.from_json(binning) for binning in content["binnings"]),
            coefficients=tuple(float(c) for c in content["coefficients"]),
            intercept=float(content["intercept"]),
            calibration=Calibration(**content["calibration"]),
            neutral=dict(content["neutral"]),
        )

    def _weights(self, features: pl.DataFrame) -> Floats:
        columns = columns_of(features, self.feature_names)
        return np.column_stack([binning.transform(columns[binning.feature]) for binning in self.binnings])

    def _neutral_weight(self, binning: Binning) -> float:
        value: Value = self.neutral.get(binning.feature)
        kind = pl.Float64 if binning.kind == "numeric" else pl.String
        return float(binning.transform(pl.Series([value], dtype=kind))[0])


def fit_scorecard(
    features: pl.DataFrame,
    candidates: tuple[Feature, ...],
    bads: Floats,
    *,
    expected: Floats | None = None,
    log_cumulative_hazard: float = 0.0,
) -> ScorecardModel:
    """Which scorecard do these loans teach? Not yet calibrated.

    Args:
        features: One row per loan.
        candidates: The features that may enter.
        bads: 1.0 for a loan that turned bad, else 0.0.
        expected: For the hazard form: the default expected of each loan for the time it was watched; positive.
        log_cumulative_hazard: For the hazard form: the margin of a loan of average risk.

    Raises:
        TrainingError: If no feature carries information.

    Source:
        Siddiqi (2006), Credit Risk Scorecards: selection by information value. The bar is 0.01, and no lower than what
        chance alone gives a feature with as many bins, (bins - 1) x (1/bads + 1/goods).
    """
    columns = columns_of(features, [feature.name for feature in candidates])
    goods = 1.0 - bads if expected is None else expected
    binnings = [fit_binning(feature, columns[feature.name], bads, goods) for feature in candidates]
    chance = 1.0 / float(bads.sum()) + 1.0 / float((1.0 - bads).sum())
    kept = [
        binning
        for binning in binnings
        if binning.information_value >= max(LEAST_INFORMATION, NOISE_MULTIPLE * chance * (len(binning.woe) - 1))
    ]
    while kept:
        weights = np.column_stack([binning.transform(columns[binning.feature]) for binning in kept])
        coefficients, intercept = _regress(weights, bads, expected)
        if coefficients.min() > 0.0:
            margin = intercept + log_cumulative_hazard
            form = "matured" if expected is None else "hazard"
            values = tuple(float(c) for c in coefficients)
            return ScorecardModel(form, tuple(kept), values, margin, Calibration(), {})
        kept.pop(int(np.argmin(coefficients)))
    raise TrainingError(
        f"none of {len(candidates)} features carries an information value of {LEAST_INFORMATION}; look at the features"
    )


def _regress(weights: Floats, bads: Floats, expected: Floats | None) -> tuple[Floats, float]:
    """Coefficients and intercept of a ridge regression: logistic, or Poisson with the expected default as exposure."""
    if expected is None:
        model = LogisticRegression(C=1.0 / PENALTY, solver="newton-cholesky", max_iter=200)
        model.fit(weights, bads)
        return np.asarray(model.coef_[0], dtype=np.float64), float(model.intercept_[0])
    poisson = PoissonRegressor(alpha=PENALTY / float(expected.sum()), solver="newton-cholesky", max_iter=200)
    poisson.fit(weights, bads / expected, sample_weight=expected)
    return np.asarray(poisson.coef_, dtype=np.float64), float(poisson.intercept_)
