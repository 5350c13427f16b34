"""A points scorecard: the best bins of each feature, a regression on their weights of evidence, whole points per bin.

Weights are of evidence for default (positive = riskier), so every coefficient must be positive; a feature that gets a
negative one beside the others is left out and the rest is fitted again. The points of each bin are whole numbers, and
the probability of default follows from their sum: what is printed is what scores.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.models.absence_effects import Absent, Outcomes, with_effects, with_usual_effects
from p2pcredit.models.binning.bins import LEAST_SHARE, Binning
from p2pcredit.models.binning.counts import OTHER, RARE_LEVEL_SHARE
from p2pcredit.models.calibration import Calibration, as_probability
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.family import MODEL_FILE
from p2pcredit.models.files.model_file import write_model_json
from p2pcredit.models.ratios import complete_ratios
from p2pcredit.models.reference_borrower import ReferenceBorrower, Value, columns_of, number_of_blank
from p2pcredit.models.scorecard.points import PointScale, PointsRow, bins_with_points
from p2pcredit.models.training_support import (
    Support,
    blanks_as_missing,
    learn_support,
    support_from_json,
    without_missing,
)
from p2pcredit.settings import ScoreSettings


@dataclass(frozen=True, slots=True)
class ScorecardModel:
    """A fitted scorecard.

    Args:
        target: `matured`, `hazard` or `early_delinquency`.
        binnings: One per feature in the model.
        coefficients: One per feature, positive.
        intercept: Of the margin.
        calibration: From margin to log-odds of default.
        neutral: The reference borrower: the feature values that reasons compare with, and that stand for absent ones.
        scale: Of the points, which are whole numbers on it; None for a model whose points are not rounded.
        left_out: Features that were offered and left out, and why.
        support: What it was trained on, per feature; empty until there is a reference borrower.
    """

    family: ClassVar[str] = "scorecard"

    target: str
    binnings: tuple[Binning, ...]
    coefficients: tuple[float, ...]
    intercept: float
    calibration: Calibration
    neutral: ReferenceBorrower
    scale: PointScale | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    support: Support = field(default_factory=dict)

    @property
    def notes(self) -> dict[str, Any]:
        """Facts on its fit, for its card."""
        return {"left_out": self.left_out}

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features it reads, in order."""
        return tuple(binning.feature for binning in self.binnings)

    def margin(self, features: pl.DataFrame) -> Floats:
        """Calculate log-odds of default (hazard target: log cumulative hazard) of each row before calibration."""
        weights, total = self._weights(features), np.full(features.height, self.intercept)
        for place, coefficient in enumerate(self.coefficients):  # in this order, whatever the number of rows
            total += coefficient * weights[:, place]
        return total

    def points(self, scale: PointScale | None = None) -> list[Floats]:
        """Return the points of each bin. Per feature: its bins, then missing, then a level never seen.

        More is safer; the points of a loan's bins add up to its score. They are whole on the model's own scale.

        Args:
            scale: Another scale, on which points are not rounded unless it is the model's own.
        """
        own = self.scale or PointScale()
        level = self.calibration.intercept + self.calibration.slope * self.intercept
        share = float(own.points(np.array([level]))[0]) / len(self.binnings)
        tables: list[Floats] = []
        excess = 0.0  # points that rounding has added so far to the mean loan; the next feature takes them back
        for binning, coefficient in zip(self.binnings, self.coefficients, strict=True):
            weights = binning.weights
            exact = share - own.factor * self.calibration.slope * coefficient * weights
            whole = np.rint(exact - excess) if self.scale else exact
            if binning.shares:
                excess += float((whole - exact)[:-1] @ np.array(binning.shares))
            tables.append(whole)
        if scale is None or scale == own:
            return tables
        return [scale.points(own.log_odds(table * len(tables))) / len(tables) for table in tables]

    def points_rows(self, scale: PointScale) -> list[PointsRow]:
        """List the scorecard as it is printed, feature by feature; `points` says what the scale does."""
        tables = zip(self.binnings, self.points(scale), strict=True)
        return [
            row
            for binning, points in tables
            for row in bins_with_points(binning, points, self.blank_as_missing(binning.feature))
        ]

    def blank_as_missing(self, name: str) -> float | None:
        """Give the number of a feature that scores as missing, since it stands for a blank and too few loans had it."""
        held = self.support.get(name)
        return None if held is None or held.knows_blank else number_of_blank(name)

    def points_table(self, scores: ScoreSettings) -> pl.DataFrame:
        """Tabulate the scorecard: `feature`, `bin`, `points` (more is safer), `weight_of_evidence`."""
        rows = self.points_rows(PointScale.of(scores))
        return pl.DataFrame(
            {
                "feature": [row.feature for row in rows],
                "bin": [row.bin for row in rows],
                "points": [float(row.points) for row in rows],
                "weight_of_evidence": [row.weight_of_evidence for row in rows],
            }
        )

    def predict(self, features: pl.DataFrame) -> Floats:
        """Calculate the probability of default of each row, strictly between 0 and 1."""
        return as_probability((self.scale or PointScale()).log_odds(_sum_up(self._parts(features))))

    def predict_with_neutral(self, features: pl.DataFrame) -> tuple[Floats, Floats]:
        """Calculate the probability of default of each row, and its log-odds with each feature at its neutral value."""
        return self.predict_parts(self._parts(features), self.neutral_parts())

    def predict_parts(self, parts: Floats, neutral_parts: Floats) -> tuple[Floats, Floats]:
        """Calculate the same of the points of each row's bins, (rows, features), and those of `neutral_parts`."""
        scale = self.scale or PointScale()
        points = _sum_up(parts)
        at_neutral = scale.log_odds(points[:, None] - parts + neutral_parts)
        return as_probability(scale.log_odds(points)), at_neutral

    def contributions(self, features: pl.DataFrame) -> Floats:
        """Calculate the log-odds of default that each feature's value adds over its neutral value, (rows, features)."""
        return np.asarray(
            (self.neutral_parts() - self._parts(features)) / (self.scale or PointScale()).factor, dtype=np.float64
        )

    def with_reference(self, neutral: ReferenceBorrower, loans: pl.DataFrame, outcomes: Outcomes) -> ScorecardModel:
        """Copy the scorecard with a reference borrower, and with the effects of absent values in its training loans.

        A missing value, and a level in no bin, weigh as the reference borrower's value does, moved as far as the loans
        without it say. A pool of rare levels too small for a bin counts as no bin.

        Args:
            neutral: The reference borrower.
            loans: The loans that the scorecard was fitted on.
            outcomes: What came of them.
        """
        columns = columns_of(loans, self.feature_names)
        placed = [_without_small_pool(binning, columns[binning.feature], outcomes.bads) for binning in self.binnings]
        neutral = {**neutral, **_usual_levels(placed, neutral, columns)}
        at_reference = tuple(_absent_as_reference(binning, neutral) for binning in placed)
        own_levels = {binning.feature: binning.levels for binning in at_reference}
        support = learn_support(columns, own_levels, outcomes.bads)
        plain = replace(self, binnings=at_reference, neutral=neutral, support=support)
        at_hand = blanks_as_missing(columns, support)
        added = (plain._weights(loans) - [_weight_of(one, neutral) for one in at_reference]) * self.coefficients
        present = at_hand.select(pl.all().is_not_null()).to_numpy()
        usual = with_usual_effects(support, neutral, plain.margin(loans), added, present)
        plain = plain._moved(at_reference, usual)
        support = with_effects(usual, plain._absent(at_hand), plain.margin(loans), outcomes)
        binnings = plain._moved(at_reference, support).binnings
        reach = {
            binning.feature: coefficient * float(np.abs(np.array(binning.woe) - _weight_of(binning, neutral)).max())
            for binning, coefficient in zip(binnings, self.coefficients, strict=True)
        }
        support = {name: replace(held, reach=reach[name]) for name, held in support.items()}
        return replace(plain, binnings=binnings, support=support)

    def _moved(self, at_reference: tuple[Binning, ...], support: Support) -> ScorecardModel:
        """Copy the scorecard; what is absent weighs as at the reference, moved by the effects of the support."""
        binnings = tuple(
            replace(
                binning,
                missing_woe=binning.missing_woe + support[binning.feature].missing.effect / coefficient,
                other_woe=binning.other_woe + support[binning.feature].rare.effect / coefficient,
            )
            for binning, coefficient in zip(at_reference, self.coefficients, strict=True)
        )
        return replace(self, binnings=binnings, support=support)

    def calibrated(self, calibration: Calibration, neutral: ReferenceBorrower | None = None) -> ScorecardModel:
        """Copy the scorecard with another calibration, and another reference borrower where given."""
        return replace(self, calibration=calibration, neutral=self.neutral if neutral is None else neutral)

    def to_files(self) -> dict[str, bytes]:
        """Write the model as files: file name -> bytes, the same bytes for the same model."""
        own = {
            "binnings": [binning.as_json() for binning in self.binnings],
            "coefficients": list(self.coefficients),
            "intercept": self.intercept,
            "scale": None if self.scale is None else self.scale.as_json(),
            "left_out": self.left_out,
        }
        return {MODEL_FILE: write_model_json(self, own)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ScorecardModel:
        """Read the model of this `model.json`."""
        names = [binning["feature"] for binning in content["binnings"]]
        found = cls(
            target=str(content["target"]),
            binnings=tuple(Binning.from_json(binning) for binning in content["binnings"]),
            coefficients=tuple(float(c) for c in content["coefficients"]),
            intercept=float(content["intercept"]),
            calibration=Calibration(**content["calibration"]),
            neutral=dict(content["neutral"]),
            scale=PointScale(**content["scale"]) if content.get("scale") else None,
            left_out=dict(content.get("left_out", {})),
            support=support_from_json(content.get("support"), names),
        )
        if "support" in content:
            return found
        return replace(found, binnings=tuple(_absent_as_reference(one, found.neutral) for one in found.binnings))

    def _absent(self, columns: pl.DataFrame) -> Absent:
        """Find the rows that lack a value that the reference borrower has."""
        found: Absent = {}
        for binning in self.binnings:
            if self.neutral.get(binning.feature) is not None:
                place, bins = binning.bin_of(columns[binning.feature]), len(binning.woe)
                found[(binning.feature, "missing")] = place == bins
                found[(binning.feature, "rare")] = place == bins + 1
        return {key: rows for key, rows in found.items() if rows.any()}

    def bins_of(self, features: pl.DataFrame) -> dict[str, npt.NDArray[np.int64]]:
        """Give per feature the bin in which each row scores, by the numbers of `Binning.bin_of`."""
        columns = self._columns(features)
        return {binning.feature: binning.bin_of(columns[binning.feature]) for binning in self.binnings}

    def _columns(self, features: pl.DataFrame) -> pl.DataFrame:
        given = blanks_as_missing(features, self.support)
        completed = complete_ratios(given, without_missing(self.support), self.neutral)
        return columns_of(completed, self.feature_names)

    def _weights(self, features: pl.DataFrame) -> Floats:
        columns = self._columns(features)
        return np.column_stack([binning.transform(columns[binning.feature]) for binning in self.binnings])

    def _parts(self, features: pl.DataFrame) -> Floats:
        """Return the points of each row's bins, (rows, features)."""
        bins = self.bins_of(features)
        tables = zip(self.binnings, self.points(), strict=True)
        return np.column_stack([table[bins[binning.feature]] for binning, table in tables])

    def neutral_parts(self) -> Floats:
        """Return the points of the neutral value of each feature."""
        found = []
        for binning, table in zip(self.binnings, self.points(), strict=True):
            found.append(table[_bin_of_value(binning, self.neutral.get(binning.feature))])
        return np.array(found)


def _bin_of_value(binning: Binning, value: Value) -> int:
    kind = pl.Float64 if binning.kind == "numeric" else pl.String
    return int(binning.bin_of(pl.Series([value], dtype=kind))[0])


def _weight_of(binning: Binning, neutral: ReferenceBorrower) -> float:
    return float(binning.weights[_bin_of_value(binning, neutral.get(binning.feature))])


def _absent_as_reference(binning: Binning, neutral: ReferenceBorrower) -> Binning:
    """Copy the binning; missing values and levels in no bin get the weight of the reference borrower's value."""
    if neutral.get(binning.feature) is None:
        return binning
    weight = _weight_of(binning, neutral)
    return replace(binning, missing_woe=weight, other_woe=weight)


def _without_small_pool(binning: Binning, column: pl.Series, bads: Floats) -> Binning:
    """Drop the binning's rare levels where all of them together are too few loans, or bads, for a bin."""
    if OTHER not in binning.levels or binning.by_hand:
        return binning
    counts = dict(column.drop_nulls().value_counts().iter_rows())
    least = RARE_LEVEL_SHARE * sum(counts.values())
    alone = {
        level: place for level, place in binning.levels.items() if counts.get(level, 0) >= least and level != OTHER
    }
    pool = learn_support(column.to_frame(), {binning.feature: alone}, bads)[binning.feature]
    return binning if pool.pools_rare(LEAST_SHARE) else replace(binning, levels=alone)


def _usual_levels(binnings: list[Binning], neutral: ReferenceBorrower, columns: pl.DataFrame) -> ReferenceBorrower:
    """Find the most frequent level in a bin, for each category of which the reference borrower's level is in none."""
    found: ReferenceBorrower = {}
    for binning in binnings:
        value = neutral.get(binning.feature)
        if binning.kind == "category" and value is not None and value not in binning.levels:
            column = columns[binning.feature]
            found[binning.feature] = str(column.filter(column.is_in(list(binning.levels))).mode().sort()[0])
    return found


def _sum_up(parts: Floats) -> Floats:
    total = np.zeros(parts.shape[0])
    for place in range(parts.shape[1]):  # in this order, whatever the number of rows
        total += parts[:, place]
    return total
