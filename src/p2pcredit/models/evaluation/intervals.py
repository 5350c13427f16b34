"""What every measurement in this room returns, and the checks that no number is made of a missing one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from p2pcredit.errors import TrainingError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with the interval around it and the loans it rests on.

    Args:
        value: The measurement; None where nothing could be measured (never NaN).
        low, high: Bounds of its two-sided interval; None where the data give none.
        n: Loans.
        bads: Loans whose label is bad.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    bads: int


def checked_pair(labels: npt.ArrayLike, risk: npt.ArrayLike, *, probability: bool = False) -> tuple[Floats, Floats]:
    """Check that labels and scores are fit to be measured. They come back as two float arrays of equal length.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        risk: One per loan, higher = riskier; shape as `labels`.
        probability: Whether `risk` must lie in [0, 1].

    Raises:
        TrainingError: If lengths differ, a value is missing or infinite, a label is not 0 or 1, or a probability lies
            outside [0, 1].
    """
    truth, score = _as_floats(labels, "labels"), _as_floats(risk, "scores")
    if truth.shape != score.shape:
        raise TrainingError(f"{truth.size} labels and {score.size} scores; give one of each per loan")
    for name, values in (("labels", truth), ("scores", score)):
        wrong = int(values.size - np.isfinite(values).sum())
        if wrong:
            raise TrainingError(f"{wrong} of {values.size} {name} are missing or infinite; leave those loans out first")
    if not np.isin(truth, (0.0, 1.0)).all():
        raise TrainingError("labels other than 0 (good) and 1 (bad) were given; leave undetermined loans out first")
    if probability and score.size and (score.min() < 0.0 or score.max() > 1.0):
        raise TrainingError(f"probabilities run from {score.min():g} to {score.max():g}; they must lie in 0 to 1")
    return truth, score


def logistic(log_odds: Floats) -> Floats:
    """Turn log-odds into probabilities.

    Examples:
        >>> logistic(np.array([0.0])).tolist()
        [0.5]
    """
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -500.0, 500.0))), dtype=np.float64)


def normal_quantile(confidence: float) -> float:
    """Return how many standard errors a two-sided normal interval of this confidence reaches to each side.

    Raises:
        TrainingError: If the confidence is not strictly between 0 and 1.

    Examples:
        >>> round(normal_quantile(0.95), 3)
        1.96
    """
    if not 0.0 < confidence < 1.0:
        raise TrainingError(f"a confidence of {confidence} was asked for; give one between 0 and 1, such as 0.9")
    return NormalDist().inv_cdf(0.5 + confidence / 2.0)


def wilson_interval(share: float, n: float, confidence: float) -> tuple[float, float]:
    """Calculate the interval of a share measured on `n` trials.

    Returns:
        Lower and upper bound, within [0, 1].

    Source:
        Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.

    Examples:
        >>> [round(bound, 3) for bound in wilson_interval(0.0, 10, 0.95)]
        [0.0, 0.278]
    """
    z = normal_quantile(confidence)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(max(0.0, share * (1 - share) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    return min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))


def _as_floats(values: npt.ArrayLike, name: str) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"the {name} are not numbers; give one number per loan, none missing") from error
