"""What a policy answers: the remedy, the score it rests on, and the reason in one line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from p2pcredit.contracts.results import MetricResult
from p2pcredit.errors import MonitoringError
from p2pcredit.monitoring.inputs import PolicyContext
from p2pcredit.settings import Settings

Remedy = Literal["none", "repair_data", "watch", "recalibrate", "retrain"]
OF_THE_TRAINING_STEP = ("recalibrate", "retrain")
"""The remedies that make a new model, which only the training step can do."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done, and why.

    Args:
        remedy: The cheapest that helps.
        retrain: Whether the training step is to act; True exactly where the remedy is `retrain` or `recalibrate`.
        performance_score: What stands for performance, 0 to 1; None where nothing could be measured.
        score_name: Which measurement that is, such as `auc of champion`.
        threshold: What it was held against.
        reason: One line that names the score and the threshold.
        evidence: The results it rests on, one line each.
        kind: The kind of change asked for: `refresh`, `redevelopment`, `recalibration`; empty where none is.
        trigger: What asked for it, such as `calendar` or `ranking_within_cohort`; empty where nothing did.
        next_refresh_on: When a calendar asks next; None where none does.

    Raises:
        MonitoringError: If remedy and retrain disagree, or the score is no number between 0 and 1.
    """

    remedy: Remedy
    retrain: bool
    performance_score: float | None
    score_name: str
    threshold: float
    reason: str
    evidence: tuple[str, ...]
    kind: str = ""
    trigger: str = ""
    next_refresh_on: date | None = None

    def __post_init__(self) -> None:
        """Refuse a verdict that contradicts itself."""
        if self.remedy not in get_args(Remedy) or self.retrain != (self.remedy in OF_THE_TRAINING_STEP):
            raise MonitoringError(
                f"a verdict of '{self.remedy}' with retrain {self.retrain} contradicts itself; "
                f"the remedies are {', '.join(get_args(Remedy))}, and only 'recalibrate' and 'retrain' ask for training"
            )
        score = self.performance_score
        if score is not None and not (math.isfinite(score) and 0 <= score <= 1):
            raise MonitoringError(f"a performance score of {score} is none; give a number from 0 to 1, or None")


Policy = Callable[[Sequence[MetricResult], PolicyContext, Settings], Verdict]
