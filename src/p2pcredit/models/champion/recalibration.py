"""The cheaper remedy before a retraining: the champion's ranking as it is, with a new map to probabilities.

The loans that the champion's evaluation model had not seen are cut in two by time. The older half sets the new map, the
newer one judges it: a proper score (log-loss) of both on the same loans, with the interval of the paired difference.
The model that is kept has its map set on both halves: its spread by margins of the evaluation model, its level by its
own, as in every training.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.errors import TooLittleDataError
from p2pcredit.models.calibration import as_probability, fit_calibration, level_of, transfer_calibration
from p2pcredit.models.evaluation.calibration.ratios import calibration_ratio
from p2pcredit.models.evaluation.intervals import Estimate, Floats, checked_pair, normal_quantile
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.training.candidate import Candidate, measure_candidate
from p2pcredit.models.training.level import THROUGH_THE_CYCLE, Level
from p2pcredit.settings import Settings

LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, slots=True)
class Recalibration:
    """The champion with a new calibration, and what that gained.

    Args:
        candidate: The champion with its map set on all the loans that its evaluation model had not seen; measured is
            the evaluation model with its map set on the older half, on the loans of the newer half.
        champion_pd: The probabilities that the champion's map gives the same loans, in the same order.
        gain: Log-loss per loan of the champion's map minus that of the new one; above 0 is better.
        ratio, champion_ratio: Observed over expected bads on the newer half, with the new map and with the old.
        periods: `calibrate` and `evaluate`, each with `first`, `last`, `n`, `bads`.
        confidence: Of the two-sided intervals.
        promote: Whether it takes over.
        reason: Why or why not, in one line.
    """

    candidate: Candidate
    champion_pd: Floats
    gain: Estimate
    ratio: Estimate
    champion_ratio: Estimate
    periods: dict[str, dict[str, Any]]
    confidence: float
    promote: bool
    reason: str

    def for_card(self) -> dict[str, Any]:
        """Describe for the card how the model came to be, with the keys of `TrainingRun.for_card`."""
        return {
            "periods": self.periods,
            "dropped_features": {},
            "limits": [],
            "late_loans": None,
            "candidates": [],
            "details": dict(self.candidate.details),
            "platform_baseline": None,
        }

    def as_json(self) -> dict[str, Any]:
        """Return what it gained as plain JSON values."""
        return {
            "log_loss_gain": self.gain.value,
            "low": self.gain.low,
            "high": self.gain.high,
            "n": self.gain.n,
            "bads": self.gain.bads,
            "confidence": self.confidence,
            "calibration_ratio": self.ratio.value,
            "champion_calibration_ratio": self.champion_ratio.value,
            "promote": self.promote,
            "reason": self.reason,
        }


def _recent(_: ScoringModel) -> Level:
    return Level()


def recalibrate(
    champion: ScoringModel,
    evaluation_model: ScoringModel,
    matured: pl.DataFrame,
    *,
    unseen_from: date,
    settings: Settings,
    find_level: Callable[[ScoringModel], Level] = _recent,
) -> Recalibration:
    """Fit a new map from margin to probability for the champion, and measure what it gains.

    Args:
        champion: The model that serves.
        evaluation_model: The fit that was judged in its place.
        matured: Matured loans with `loan_id`, `origination_date`, `label` and the features.
        unseen_from: The origination day from which on the evaluation model had seen no loan.
        settings: Least numbers, cut-off, confidence.
        find_level: Finds the level that the settings choose, of a model at that of the newest matured loans. Through
            the cycle the tried map is judged at that level too, as the champion is: a better fit of the newest loans
            would else be a gain each time the cycle turns.

    Returns:
        The recalibrated model. It should take over when the log-loss on the newer half falls beyond the interval of the
        paired difference and the ratio of observed to expected bads comes no further from 1. The ranking is the same.

    Raises:
        TooLittleDataError: If a half has too few bads or goods, with the numbers found and needed.
    """
    unseen = matured.filter(pl.col("origination_date") >= unseen_from).sort("origination_date", "loan_id")
    older, newer = _halves(unseen)
    needed = settings.training.min_evaluation_bads
    for name, half in (("older", older), ("newer", newer)):
        bads = int(half["label"].sum() or 0)
        if min(bads, half.height - bads) < needed:
            raise TooLittleDataError(
                f"{bads} bads among the {half.height} loans of the {name} half since {unseen_from}; to recalibrate, "
                f"{needed} bads and as many goods are needed; wait until more loans have matured"
            )
    margins = evaluation_model.margin(older), evaluation_model.margin(newer)
    labels = _labels(older), _labels(newer)
    served = champion.margin(unseen)
    calibration = transfer_calibration([(np.concatenate(labels), np.concatenate(margins))], served)
    level = find_level(champion.calibrated(calibration))
    judged_at = level if level.choice == THROUGH_THE_CYCLE else Level()
    tried = evaluation_model.calibrated(judged_at.moved(fit_calibration(labels[0], margins[0])))
    fresh = tried.calibration.probability(margins[1])
    held = as_it_serves(champion, newer, margins[1])
    confidence = settings.monitoring.confidence
    gain = paired_log_loss_gain(labels[1], fresh, held, confidence)
    ratio, champion_ratio = (calibration_ratio(labels[1], chances, confidence) for chances in (fresh, held))
    promote, reason = _verdict(gain, ratio, champion_ratio, confidence)
    periods = {"calibrate": _period(older), "evaluate": _period(newer)}
    candidate = measure_candidate(
        champion.calibrated(level.moved(calibration)),  # with its reference borrower: another would change the ranking
        tried,
        fresh,
        loans=newer,
        before=matured.filter(pl.col("origination_date") < newer["origination_date"][0])["label"],
        settings=settings,
        details={"calibration_before": champion.calibration.as_json(), "level": level.as_json()},
    )
    return Recalibration(candidate, held, gain, ratio, champion_ratio, periods, confidence, promote, reason)


def as_it_serves(champion: ScoringModel, loans: pl.DataFrame, margin: Floats) -> Floats:
    """Map these loans as the champion does: spread by margins of a fit that had not seen them, at its level."""
    log_odds = champion.calibration.slope * margin
    return as_probability(log_odds + level_of(log_odds, float(champion.predict(loans).sum())))


def paired_log_loss_gain(
    labels: npt.ArrayLike, better: npt.ArrayLike, worse: npt.ArrayLike, confidence: float = 0.9
) -> Estimate:
    """Measure by how much the log-loss per loan of one set of probabilities is below another's, on the same loans.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        better, worse: Probabilities of default of the same loans in the same order.
        confidence: Two-sided, in (0, 1).

    Returns:
        The mean difference, above 0 where `better` is better, with the normal interval of a mean of pairs; all None
        with no loans, without bounds where a single loan or one difference for all says nothing about how sure it is.

    Raises:
        TrainingError: If a label or probability is missing or no probability.

    Source:
        Good (1952), Rational decisions, for the score; Diebold & Mariano (1995), Journal of Business & Economic
        Statistics 13, for the test of the mean difference of two losses.

    Examples:
        >>> round(paired_log_loss_gain([0, 1], [0.5, 0.5], [0.75, 0.75]).value, 4)
        0.1438
    """
    truth, first = checked_pair(labels, better, probability=True)
    _, second = checked_pair(labels, worse, probability=True)
    z, bads = normal_quantile(confidence), int(truth.sum())
    if truth.size == 0:
        return Estimate(None, None, None, 0, 0)
    gains = _log_loss(truth, second) - _log_loss(truth, first)
    value = float(gains.mean())
    if truth.size < 2 or (np.ptp(gains) < 1e-15 and value != 0.0):
        return Estimate(value, None, None, truth.size, bads)
    half = z * float(gains.std(ddof=1)) / math.sqrt(truth.size)
    return Estimate(value, value - half, value + half, truth.size, bads)


def _verdict(gain: Estimate, ratio: Estimate, champion_ratio: Estimate, confidence: float) -> tuple[bool, str]:
    told = f"log-loss {-(gain.value or 0.0):+.5f} per loan on {gain.n} loans with {gain.bads} bads"
    ratios = f"observed over expected bads {ratio.value or 0.0:.2f}, before {champion_ratio.value or 0.0:.2f}"
    if gain.low is None or gain.low <= 0.0:
        return False, f"recalibrated: {told}, no gain beyond its {confidence:.0%} interval; the calibration stays"
    if _off(ratio) > _off(champion_ratio):
        return False, f"recalibrated: {told}, but {ratios}; the calibration stays"
    return True, f"recalibrated: {told}, beyond its {confidence:.0%} interval; {ratios}; the ranking stays"


def _off(ratio: Estimate) -> float:
    return abs(math.log(ratio.value)) if ratio.value else math.inf


def _halves(loans: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cut the loans in two by time, never inside a day: a day in the middle belongs to the newer half."""
    if loans.is_empty():
        return loans, loans
    days = loans["origination_date"]
    cut = int((days < days[loans.height // 2]).sum())
    return loans[:cut], loans[cut:]


def _period(loans: pl.DataFrame) -> dict[str, Any]:
    days = loans["origination_date"]
    return {
        "first": days[0].isoformat(),
        "last": days[-1].isoformat(),
        "n": loans.height,
        "bads": int(loans["label"].sum() or 0),
    }


def _labels(loans: pl.DataFrame) -> Floats:
    return np.asarray(loans["label"].cast(pl.Float64).to_numpy(), dtype=np.float64)


def _log_loss(truth: Floats, chance: Floats) -> Floats:
    safe = np.clip(chance, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)
    return np.asarray(-(truth * np.log(safe) + (1.0 - truth) * np.log1p(-safe)), dtype=np.float64)
