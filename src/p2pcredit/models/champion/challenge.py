"""Compare a challenger with the champion on the newest matured loans, by a margin and beyond its interval.

In a young book the newest matured loans hold some fifty bads, on which two models that differ by 0.03 of AUC cannot be
told apart. Evidence learned from can be counted, though. So there are two ways to take over: to be better, or to have
learned from clearly more defaults and to be no worse by more than a stated margin.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy.typing as npt

from p2pcredit.models.evaluation.calibration_metrics import calibration_ratio
from p2pcredit.models.evaluation.discrimination import paired_auc_difference
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
        challenger_defaults, champion_defaults: How many defaults each learned from; None where it is not known.
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
    challenger_defaults: int | None = None
    champion_defaults: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def compare_models(
    labels: npt.ArrayLike,
    challenger_pd: npt.ArrayLike,
    champion_pd: npt.ArrayLike,
    settings: TrainingSettings,
    *,
    challenger_defaults: int | None = None,
    champion_defaults: int | None = None,
) -> Comparison:
    """Decide whether the challenger takes over from the champion.

    It should when its AUC on the same loans is higher by more than `promotion_margin` and the one-sided lower bound of
    the difference at `promotion_confidence` lies above zero. It should too when it learned from more defaults than the
    champion by `evidence_growth_share` and that lower bound lies above minus `noninferiority_margin`. Either way its
    calibration must not be much further off than the champion's. Too few bads leave the question undetermined, and the
    champion stays.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        challenger_pd, champion_pd: Probabilities of default of the same loans in the same order.
        settings: Margins, confidence and least number of bads.
        challenger_defaults, champion_defaults: How many defaults each learned from; without both, only being better
            counts.

    Raises:
        TrainingError: If a label or probability is missing.

    Source:
        Piaggio et al. (2012), JAMA 308, on showing that something is no worse by more than a stated margin.
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
            challenger_defaults,
            champion_defaults,
        )

    if found.value is None or found.low is None or min(found.bads, goods) < settings.min_evaluation_bads:
        return verdict(
            False,
            f"undetermined: {found.bads} bads among {found.n} matured loans, needed are "
            f"{settings.min_evaluation_bads}; the champion stays",
        )
    told = f"AUC {found.value:+.3f} against the champion on {found.n} loans with {found.bads} bads"
    bound = f"lower bound {found.low:+.3f} at {one_sided:.0%}"
    if found.value > settings.promotion_margin and found.low > 0.0:
        told = f"{told}, {bound}"
    elif (
        _learned_more(challenger_defaults, champion_defaults, settings) and found.low > -settings.noninferiority_margin
    ):
        margin = f"no worse by {settings.noninferiority_margin:.3f}"
        told = f"{told}, {bound}, {margin}, learned from {challenger_defaults} defaults, {champion_defaults} before"
    elif found.value <= settings.promotion_margin:
        return verdict(False, f"{told}, not above the margin {settings.promotion_margin:.3f}; the champion stays")
    else:
        return verdict(False, f"{told}, {bound} is not above zero; the champion stays")
    if _distance(observed.value) > _distance(held.value) + CALIBRATION_SLACK:
        ratios = f"observed over expected bads {_worded(observed.value)} against {_worded(held.value)}"
        return verdict(False, f"{told}, but {ratios} is much worse; the champion stays")
    return verdict(True, f"{told}: the challenger takes over")


def _learned_more(challenger: int | None, champion: int | None, settings: TrainingSettings) -> bool:
    """Return whether the challenger learned from clearly more defaults; False where either number is not known."""
    return (
        challenger is not None
        and champion is not None
        and challenger >= champion + settings.evidence_growth_share * champion
    )


def _distance(ratio: float | None) -> float:
    return math.inf if not ratio else abs(math.log(ratio))


def _worded(ratio: float | None) -> str:
    return "unknown" if ratio is None else f"{ratio:.2f}"
