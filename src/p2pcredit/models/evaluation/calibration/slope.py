"""Measure the level and the spread of probabilities: calibration-in-the-large and calibration slope."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from p2pcredit.models.evaluation.intervals import Estimate, Floats, checked_pair, logistic, normal_quantile

STEPS = 100
TOLERANCE = 1e-12
FARTHEST = 50.0
"""A slope or level beyond this is no measurement: the labels are separated."""


def calibration_in_the_large(labels: npt.ArrayLike, pd: npt.ArrayLike, confidence: float = 0.9) -> Estimate:
    """Find the shift of all log-odds at which the expected bads equal those seen. 0 is right.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        pd: Probability of default per loan, strictly between 0 and 1 (others are moved inside by 1e-12).
        confidence: Two-sided, in (0, 1).

    Returns:
        The shift, positive where the model was too hopeful, with Wald's interval; all None with one class.

    Source:
        Cox (1958), Biometrika 45; Van Calster et al. (2019), BMC Medicine 17, for the names.
    """
    truth, log_odds = _checked(labels, pd)
    return _estimate(truth, np.ones((truth.size, 1)), log_odds, 0, confidence)


def calibration_slope(labels: npt.ArrayLike, pd: npt.ArrayLike, confidence: float = 0.9) -> Estimate:
    """Find the factor that stretches the log-odds best, level set free. 1 is right, below 1 they are spread too far.

    Args:
        labels, pd, confidence: As in `calibration_in_the_large`.

    Returns:
        The slope of a logistic regression of the labels on the log-odds, with Wald's interval; all None with one class,
        equal probabilities, or labels that the probabilities separate.

    Source:
        Cox (1958), Biometrika 45; Van Calster et al. (2019), BMC Medicine 17.
    """
    truth, log_odds = _checked(labels, pd)
    if truth.size == 0 or np.ptp(log_odds) < TOLERANCE:
        normal_quantile(confidence)
        return Estimate(None, None, None, truth.size, int(truth.sum()))
    return _estimate(truth, np.column_stack([log_odds, np.ones(truth.size)]), np.zeros(truth.size), 0, confidence)


def _checked(labels: npt.ArrayLike, pd: npt.ArrayLike) -> tuple[Floats, Floats]:
    truth, chance = checked_pair(labels, pd, probability=True)
    inside = np.clip(chance, TOLERANCE, 1.0 - TOLERANCE)
    return truth, np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


def _estimate(truth: Floats, design: Floats, offset: Floats, which: int, confidence: float) -> Estimate:
    z, bads = normal_quantile(confidence), int(truth.sum())
    found = _newton(truth, design, offset) if 0 < bads < truth.size else None
    if found is None:
        return Estimate(None, None, None, truth.size, bads)
    value, error = float(found[0][which]), math.sqrt(float(found[1][which, which]))
    return Estimate(value, value - z * error, value + z * error, truth.size, bads)


def _newton(truth: Floats, design: Floats, offset: Floats) -> tuple[Floats, Floats] | None:
    """Fit a logistic regression by Newton's method: coefficients and covariance; None where it has no finite answer."""
    centre = np.array([*design[:, :-1].mean(axis=0), 0.0])
    shifted = design - centre
    values = np.zeros(design.shape[1])
    values[-1] = math.log(truth.sum() / (truth.size - truth.sum())) - float(offset.mean())
    for _ in range(STEPS):
        chance = logistic(offset + shifted @ values)
        curvature = shifted.T @ (shifted * (chance * (1.0 - chance))[:, None])
        if np.linalg.cond(curvature) > 1e14:
            return None
        step = np.linalg.solve(curvature, shifted.T @ (truth - chance))
        longest = float(np.abs(step).max())
        values = values + step * min(1.0, 1.0 / max(longest, TOLERANCE))
        if longest < 1e-10:
            return values, np.linalg.inv(curvature)
        if np.abs(values).max() > FARTHEST:
            return None
    return None
