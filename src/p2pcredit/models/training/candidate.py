"""A model that may come to serve, trained or recalibrated, and how it did on loans that it had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from p2pcredit.models.evaluation.card_metrics import Metrics, card_metrics
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.settings import Settings


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fitted model with what was measured of it.

    Args:
        model: What would serve: calibrated, fitted with everything known by the training date.
        evaluation_model: The fit that was measured in its place, which had seen none of the evaluation loans.
        evaluation: `loan_id`, `label`, `probability_of_default` of the evaluation loans, by the evaluation model.
        metrics: As `card_metrics` gives them.
        well_calibrated: Whether the interval of the calibration ratio meets the bounds of the settings.
        defaults: How many defaults of the main definition were seen among the loans that the model learned from,
            whatever event it learned; None where it is not known.
        details: What the fit rests on, as the card has it.
    """

    model: ScoringModel
    evaluation_model: ScoringModel
    evaluation: pl.DataFrame
    metrics: Metrics
    well_calibrated: bool = True
    defaults: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """`scorecard` or `boosting`."""
        return self.model.family

    @property
    def target(self) -> str:
        """`matured`, `hazard`, or `early_delinquency` (hazard of the first time 30 days past due)."""
        return self.model.target


def measure_candidate(
    model: ScoringModel,
    evaluation_model: ScoringModel,
    chances: Floats,
    *,
    loans: pl.DataFrame,
    before: pl.Series,
    settings: Settings,
    details: Mapping[str, Any],
) -> Candidate:
    """Measure a fitted model on the evaluation loans.

    Args:
        model: What would serve.
        evaluation_model: The fit that is measured in its place.
        chances: Its probability of default of each evaluation loan.
        loans: The evaluation loans, with `loan_id`, `label` and the features.
        before: Labels of the matured loans before them.
        settings: Confidence, and bounds of the calibration ratio.
        details: What the fit rests on; `defaults` among them.
    """
    metrics = card_metrics(loans, chances, before, settings.monitoring.confidence)
    least, most = settings.monitoring.calibration_ratio_bounds
    low, high = metrics["calibration_ratio_low"], metrics["calibration_ratio_high"]
    sane = low is not None and high is not None and low <= most and high >= least
    evaluation = loans.select("loan_id", "label").with_columns(
        pl.Series("probability_of_default", chances, dtype=pl.Float64)
    )
    return Candidate(model, evaluation_model, evaluation, metrics, sane, details.get("defaults"), details)
