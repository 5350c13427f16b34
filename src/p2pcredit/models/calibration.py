"""From a ranking margin to a probability that is right on loans later than those it was learned from.

Platt's logistic map with two safeguards for few defaults: the slope is pulled towards 1, and below thirty bads only the
level is moved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from p2pcredit.models.evaluation.intervals import Floats, checked_pair, logistic

LEAST_BADS_FOR_SLOPE = 30
SLOPE_SPREAD = 0.5
LEAST_SLOPE = 0.05
LEAST_PROBABILITY = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """Log-odds of default = `intercept` + `slope` x margin, with slope > 0 so that the ranking stays as it is."""

    slope: float = 1.0
    intercept: float = 0.0

    def log_odds(self, margin: Floats) -> Floats:
        """Calculate the calibrated log-odds of default of each margin."""
        return np.asarray(self.intercept + self.slope * margin, dtype=np.float64)

    def probability(self, margin: Floats) -> Floats:
        """Calculate the calibrated probability of default of each margin, strictly between 0 and 1.

        Examples:
            >>> Calibration().probability(np.array([0.0])).tolist()
            [0.5]
        """
        return as_probability(self.log_odds(margin))

    def as_json(self) -> dict[str, float]:
        """Return it as plain JSON values."""
        return {"slope": self.slope, "intercept": self.intercept}


def as_probability(log_odds: Floats) -> Floats:
    """Convert log-odds to probabilities, kept strictly between 0 and 1."""
    return np.clip(logistic(log_odds), LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)


def fit_calibration(labels: npt.ArrayLike, margin: npt.ArrayLike) -> Calibration:
    """Fit the map from margin to log-odds that makes the probabilities right on these loans.

    Args:
        labels: One per loan, 1 = bad, 0 = good, of loans the margin was not learned from.
        margin: The model's own log-odds per loan.

    Returns:
        The map; the identity with no loans. With fewer than 30 bads (or goods) the slope stays 1. The sum of the
        probabilities equals the bads seen (half a bad where none was seen).

    Raises:
        TrainingError: If a label or margin is missing.

    Source:
        Platt (1999), Probabilistic outputs for support vector machines; the slope has a normal prior around 1 with
        standard deviation 0.5.
    """
    truth, value = checked_pair(labels, margin)
    if truth.size == 0:
        return Calibration()
    bads, slope = float(truth.sum()), 1.0
    if min(bads, truth.size - bads) >= LEAST_BADS_FOR_SLOPE and np.ptp(value) > 0.0:
        slope = _fit_slope(truth, value, bads)
    return Calibration(slope, level_of(slope * value, bads))


def transfer_calibration(unseen: Sequence[tuple[Floats, Floats]], kept: Floats) -> Calibration:
    """Fit the map of the model that serves, where only other fits had not seen the loans with labels.

    How far margins are spread too wide can only be told from loans that a fit had not seen. Where they lie as a whole
    differs from fit to fit, by the loans and the time each of them knew. So the slope comes from the fits that had not
    seen the loans, each moved to its own level, and the level from the margins of the fit that serves.

    Args:
        unseen: For each fit that had not seen them, the labels of some loans and its margins.
        kept: The margins that the fit which serves gives the same loans, in the same order.

    Returns:
        The map. The sum of the probabilities of the fit that serves equals the bads seen, as in `fit_calibration`.

    Raises:
        TrainingError: If a label or margin is missing.
    """
    moved = [margin + level_of(margin, truth.sum()) for truth, margin in unseen if truth.size]
    truth = np.concatenate([labels for labels, _ in unseen])
    if not moved:
        return Calibration()
    slope = fit_calibration(truth, np.concatenate(moved)).slope
    return Calibration(slope, level_of(slope * checked_pair(truth, kept)[1], truth.sum()))


def level_of(log_odds: Floats, bads: float) -> float:
    """Return the shift of the log-odds at which the probabilities add up to so many bads (half a bad where none was).

    Examples:
        >>> round(level_of(np.array([1.0, 1.0]), 1.0), 6)
        -1.0
    """
    return _level(log_odds, min(max(float(bads), 0.5), log_odds.size - 0.5))


def _fit_slope(truth: Floats, value: Floats, bads: float) -> float:
    """Fit the slope by Newton's method; each step first solves for the level."""
    slope = 1.0
    for _ in range(60):
        chance = logistic(_level(slope * value, bads) + slope * value)
        weight = chance * (1.0 - chance)
        centre = float((weight * value).sum() / weight.sum())
        gradient = float(((truth - chance) * value).sum()) - (slope - 1.0) / SLOPE_SPREAD**2
        curvature = float((weight * (value - centre) ** 2).sum()) + 1.0 / SLOPE_SPREAD**2
        step = min(0.5, max(-0.5, gradient / curvature))
        slope = max(LEAST_SLOPE, slope + step)
        if abs(step) < 1e-10:
            break
    return slope


def _level(value: Floats, bads: float) -> float:
    """Find the intercept at which the probabilities add up to `bads`, by bisection."""
    target = math.log(bads / (value.size - bads))
    low, high = target - float(value.max()) - 1.0, target - float(value.min()) + 1.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        if float(logistic(value + middle).sum()) < bads:
            low = middle
        else:
            high = middle
        if high - low < 1e-12:
            break
    return 0.5 * (low + high)
