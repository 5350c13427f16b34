"""Does a challenger beat the champion on the newest matured loans, by a margin and beyond its interval?"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy.typing as npt

from p2pcredit.models.evaluation import calibration_ratio, paired_auc_difference
from p2pcredit.settings import TrainingSettings

CALIBRATION_SLACK = 0.25
"""How much further from 1 the challenger's ratio of observed to expected bads may lie, in logarithms."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A challenger held against the champion.

    Args:
        difference: AUC of the challenger minus AUC of the champion; None where undetermined.
        low, high: Bounds of its two-sided interval, whose lower bound is the one-sided bound asked for.
        n, bads: Loans it rests on, and the bads among them.
        promote: Whether the challenger takes over.
        reason: Why or why not, in one line.
        challenger_calibration, champion_calibration: Observed over expected bads of each; None where undetermined.
        margin: What the difference had to exceed.
        confidence: One-sided, of the lower bound.
    """

    difference: float | None
    low: float | None
    high: float | None
    n: int
    bads: int
    promote: bool
    reason: str
    challenger_calibration: float | None = None
    champion_calibration: float | None = None
    margin: float = 0.0
    confidence: float = 0.8

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def compare_models(
    labels: npt.ArrayLike, challenger_pd: npt.ArrayLike, champion_pd: npt.ArrayLike, settings: TrainingSettings
) -> Comparison:
    """Should the challenger take over from the champion?

    It should when its AUC on the same loans is higher by more than `promotion_margin`, the one-sided lower bound of the
    difference at `promotion_confidence` lies above zero, and its calibration is not much further off than the
    champion's. Too few bads leave the question undetermined, and the champion stays.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        challenger_pd, champion_pd: Probabilities of default of the same loans in the same order.
        settings: Margin, confidence and least number of bads.

    Raises:
        TrainingError: If a label or probability is missing.
    """
    one_sided = settings.promotion_confidence
    found = paired_auc_difference(labels, challenger_pd, champion_pd, max(1e-9, 2 * one_sided - 1))
    observed, held = calibration_ratio(labels, challenger_pd), calibration_ratio(labels, champion_pd)
    goods = found.n - found.bads

    def verdict(promote: bool, reason: str) -> Comparison:
        return Comparison(
            found.value,
            found.low,
            found.high,
            found.n,
            found.bads,
            promote,
            reason,
            observed.value,
            held.value,
            settings.promotion_margin,
            one_sided,
        )

    if found.value is None or found.low is None or min(found.bads, goods) < settings.min_evaluation_bads:
        return verdict(
            False,
            f"undetermined: {found.bads} bads among {found.n} matured loans, needed are "
            f"{settings.min_evaluation_bads}; the champion stays",
        )
    gain = f"AUC {found.value:+.3f} against the champion on {found.n} loans with {found.bads} bads"
    bound = f"lower bound {found.low:+.3f} at {one_sided:.0%}"
    if found.value <= settings.promotion_margin:
        return verdict(False, f"{gain}, not above the margin {settings.promotion_margin:.3f}; the champion stays")
    if found.low <= 0.0:
        return verdict(False, f"{gain}, {bound} is not above zero; the champion stays")
    if _distance(observed.value) > _distance(held.value) + CALIBRATION_SLACK:
        ratios = f"observed over expected bads {_worded(observed.value)} against {_worded(held.value)}"
        return verdict(False, f"{gain}, {bound}, but {ratios} is much worse; the champion stays")
    return verdict(True, f"{gain}, {bound}: the challenger takes over")


def _distance(ratio: float | None) -> float:
    return math.inf if not ratio else abs(math.log(ratio))


def _worded(ratio: float | None) -> str:
    return "unknown" if ratio is None else f"{ratio:.2f}"
