"""From log-odds of default to points and back: a fixed number more for each doubling of the odds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from p2pcredit.models.binning.bins import Binning
from p2pcredit.models.binning.counts import OTHER
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.settings import ScoreSettings

DECIMALS = 9
"""Of points that are not whole numbers: those of a model made for another scale."""


@dataclass(frozen=True, slots=True)
class PointScale:
    """Score = `base_score` at `base_odds` goods to one bad, `points_to_double_odds` more for each doubling."""

    points_to_double_odds: float = 20.0
    base_score: float = 600.0
    base_odds: float = 50.0

    @classmethod
    def of(cls, scores: ScoreSettings) -> PointScale:
        """Make the scale that the settings ask for."""
        return cls(scores.points_to_double_odds, scores.base_score, scores.base_odds)

    @property
    def factor(self) -> float:
        """Points for each unit of log-odds."""
        return self.points_to_double_odds / math.log(2.0)

    def points(self, log_odds: Floats) -> Floats:
        """Convert log-odds of default to points, not rounded.

        Examples:
            >>> PointScale().points(np.log([1 / 50, 1 / 100])).round(6).tolist()
            [600.0, 620.0]
        """
        return np.asarray(self.base_score - self.factor * (log_odds + math.log(self.base_odds)), dtype=np.float64)

    def log_odds(self, points: Floats) -> Floats:
        """Convert points to log-odds of default.

        Examples:
            >>> np.exp(PointScale().log_odds(np.array([620.0]))).round(6).tolist()
            [0.01]
        """
        return np.asarray((self.base_score - points) / self.factor - math.log(self.base_odds), dtype=np.float64)

    def as_json(self) -> dict[str, float]:
        """Return it as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PointsRow:
    """One bin of the printed scorecard.

    Args:
        feature: The column of `gold/feature_store`.
        bin: What the bin holds, in words.
        points: More is safer; a loan's points add up to its score.
        weight_of_evidence: For default; positive = riskier than the book.
        above, up_to: For numbers: its bounds, the upper one included; None where it is open, and for other bins.
        levels: For categories: the levels in it.
    """

    feature: str
    bin: str
    points: float
    weight_of_evidence: float
    above: float | None = None
    up_to: float | None = None
    levels: tuple[str, ...] = ()


def bins_with_points(binning: Binning, points: Floats, blank: float | None = None) -> list[PointsRow]:
    """List the printed bins of one feature: its bins in order, then missing values, then levels never seen.

    Args:
        binning: The feature's bins.
        points: Of its bins, of missing values, and of a level never seen.
        blank: A number that scores as missing; it has a row of its own, and belongs to no other bin.
    """
    named = list(binning.bin_names())
    bounds: list[tuple[float | None, float | None]] = [(None, None)] * len(named)
    if binning.kind == "numeric":
        edges = (None, *binning.edges, None)
        bounds = [(edges[place], edges[place + 1]) for place in range(len(named))]
    levels = [levels_in(binning, place) for place in range(len(named))]
    rows = [
        PointsRow(binning.feature, name, plain_points(points[place]), binning.woe[place], *bounds[place], levels[place])
        for place, name in enumerate(named)
    ]
    rows.append(PointsRow(binning.feature, "missing", plain_points(points[len(named)]), binning.missing_woe))
    if blank is not None:
        told = f"{blank:g}, as missing"
        rows.append(
            PointsRow(
                binning.feature, told, plain_points(points[len(named)]), binning.missing_woe, levels=(f"{blank:g}",)
            )
        )
    if binning.kind == "category":
        other = binning.levels.get(OTHER, len(named) + 1)
        weight = float(binning.weights[other])
        rows.append(PointsRow(binning.feature, "not seen before", plain_points(points[other]), weight))
    return rows


def levels_in(binning: Binning, place: int) -> tuple[str, ...]:
    """List the levels of a category that share a bin; without marks of our own, which no database can hold."""
    return tuple(sorted(level for level, found in binning.levels.items() if found == place and "\0" not in level))


def plain_points(points: float) -> float:
    """Round points as they are printed: a whole number where they are one."""
    return int(points) if float(points).is_integer() else round(float(points), DECIMALS)
