"""From log-odds of default to points and back: a fixed number more for each doubling of the odds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from p2pcredit.models.estimates import Floats
from p2pcredit.settings import ScoreSettings


@dataclass(frozen=True, slots=True)
class PointScale:
    """Score = `base_score` at `base_odds` goods to one bad, `points_to_double_odds` more for each doubling."""

    points_to_double_odds: float = 20.0
    base_score: float = 600.0
    base_odds: float = 50.0

    @classmethod
    def of(cls, scores: ScoreSettings) -> PointScale:
        """The scale that the settings ask for."""
        return cls(scores.points_to_double_odds, scores.base_score, scores.base_odds)

    @property
    def factor(self) -> float:
        """Points for each unit of log-odds."""
        return self.points_to_double_odds / math.log(2.0)

    def points(self, log_odds: Floats) -> Floats:
        """How many points are these log-odds of default worth, not rounded?

        Examples:
            >>> PointScale().points(np.log([1 / 50, 1 / 100])).round(6).tolist()
            [600.0, 620.0]
        """
        return np.asarray(self.base_score - self.factor * (log_odds + math.log(self.base_odds)), dtype=np.float64)

    def log_odds(self, points: Floats) -> Floats:
        """Which log-odds of default have so many points?

        Examples:
            >>> np.exp(PointScale().log_odds(np.array([620.0]))).round(6).tolist()
            [0.01]
        """
        return np.asarray((self.base_score - points) / self.factor - math.log(self.base_odds), dtype=np.float64)

    def as_json(self) -> dict[str, float]:
        """Plain JSON values."""
        return asdict(self)
