"""Judge whether a challenger takes over: a refresh by its guards, a redevelopment by what it has to show beside them.

A redevelopment is held against the champion's recipe fitted on the very loans that it learned from itself, so that the
two differ by the recipe alone and not by what they know; see `compare_recipes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy.typing as npt

from p2pcredit.contracts.results import Status
from p2pcredit.models.champion.guards import CHAMPION, Guard
from p2pcredit.models.champion.recipe import FIRST, REDEVELOPMENT, REFRESH
from p2pcredit.models.evaluation.calibration.ratios import calibration_ratio
from p2pcredit.models.evaluation.discrimination import paired_auc_difference
from p2pcredit.settings import TrainingSettings

SAME_LOANS = "the champion's recipe, fitted on the same loans"
ITS_EVALUATION_MODEL = "the champion's evaluation model"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A challenger held against another fit, on loans that neither had seen.

    Args:
        difference: AUC of the challenger minus AUC of the other; None where undetermined.
        low, high: Bounds of its two-sided interval, whose lower bound is the one-sided bound asked for.
        n, bads: Loans it rests on, and the bads among them.
        promote: Whether the challenger takes over.
        reason: Why or why not, in one line.
        challenger_calibration, champion_calibration: Observed over expected bads of each; None where undetermined.
        margin: What the difference had to exceed.
        confidence: One-sided, of the lower bound.
        challenger_defaults, champion_defaults: How many defaults each learned from; None where it is not known.
        against: Whom it was held against, in words.
        benefit: The stated benefit, by which a challenger that is no worse takes over; empty where there is none.
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
    confidence: float = 0.95
    challenger_defaults: int | None = None
    champion_defaults: int | None = None
    against: str = ITS_EVALUATION_MODEL
    benefit: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What became of a challenger.

    Args:
        kind: `first`, `refresh` or `redevelopment`.
        promote: Whether it takes over.
        reason: Why or why not, in one line.
        guards: All that it was held to.
    """

    kind: str
    promote: bool
    reason: str
    guards: tuple[Guard, ...]


def compare_recipes(
    labels: npt.ArrayLike,
    challenger_pd: npt.ArrayLike,
    rival_pd: npt.ArrayLike,
    settings: TrainingSettings,
    *,
    rivals: int = 1,
    benefits: Sequence[str] = (),
    challenger_defaults: int | None = None,
    rival_defaults: int | None = None,
    against: str = SAME_LOANS,
) -> Comparison:
    """Decide whether another recipe is better than the champion's, or no worse with a stated benefit.

    It is better where its AUC is higher by more than `promotion_margin` and the one-sided lower bound of the difference
    at `promotion_confidence` lies above zero. With a benefit it suffices that the lower bound lies above minus
    `noninferiority_margin` and the upper one not below zero. A benefit is stated by the caller, and by the count of
    defaults: more than the rival's by `evidence_growth_share`. Of several recipes the best on these loans is the
    luckiest, so the error allowed is shared among all that were tried (Bonferroni).

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        challenger_pd, rival_pd: Probabilities of default of the same loans in the same order.
        settings: Margins, confidence and least number of bads.
        rivals: How many recipes other than the champion's were tried.
        benefits: In words, what speaks for the challenger beside its ranking.
        challenger_defaults, rival_defaults: How many defaults each learned from; without both, more evidence is none.
        against: Whom it is held against, in words.

    Raises:
        TrainingError: If a label or probability is missing.

    Source:
        Piaggio et al. (2012), JAMA 308, on showing that something is no worse by more than a stated margin.
    """
    one_sided = 1.0 - (1.0 - settings.promotion_confidence) / max(1, rivals)
    found = paired_auc_difference(labels, challenger_pd, rival_pd, max(1e-9, 2 * one_sided - 1))
    observed, held = calibration_ratio(labels, challenger_pd), calibration_ratio(labels, rival_pd)
    stated = list(benefits)
    if _learned_more(challenger_defaults, rival_defaults, settings):
        stated.append(f"learned from {challenger_defaults} defaults, {rival_defaults} before")

    def verdict(promote: bool, reason: str, benefit: str = "") -> Comparison:
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
            rival_defaults,
            against,
            benefit,
        )

    few = min(found.bads, found.n - found.bads) < settings.min_evaluation_bads
    if found.value is None or found.low is None or found.high is None or few:
        return verdict(
            False,
            f"undetermined: {found.bads} bads among {found.n} matured loans, needed are {settings.min_evaluation_bads}",
        )
    told = f"AUC {found.value:+.3f} against {against}, on {found.n} loans with {found.bads} bads"
    shared = f" ({settings.promotion_confidence:.0%} of {rivals} recipes together)" if rivals > 1 else ""
    bound = f"lower bound {found.low:+.3f} at {one_sided:.1%}{shared}"
    if found.value > settings.promotion_margin and found.low > 0.0:
        return verdict(True, f"{told}, {bound}: better")
    if stated and found.low > -settings.noninferiority_margin and found.high >= 0.0:
        benefit = "; ".join(stated)
        margin = f"no worse by {settings.noninferiority_margin:.3f}"
        return verdict(True, f"{told}, {bound}: {margin}, and {benefit}", benefit)
    if found.value <= settings.promotion_margin:
        lacking = f"not above the margin {settings.promotion_margin:.3f}"
    else:
        lacking = f"{bound} is not above zero"
    also = "" if stated else ", and no benefit is stated"
    return verdict(False, f"{told}, {lacking}{also}")


def rule_on_first(guards: Sequence[Guard]) -> Ruling:
    """Let a first model serve unless a guard stops it; with nothing to compare, it must pass the floor all the more."""
    stopping = [guard for guard in guards if guard.stops]
    if stopping:
        return Ruling(FIRST, False, f"first model stopped: {_words(stopping)}", tuple(guards))
    return Ruling(FIRST, True, "first model: no guard stops it", tuple(guards))


def rule_on_refresh(
    guards: Sequence[Guard],
    settings: TrainingSettings,
    *,
    challenger_defaults: int | None,
    champion_defaults: int | None,
) -> Ruling:
    """Let the champion's recipe, fitted on more data, take over unless a guard stops it. It need not be better.

    Where the loans are too few to tell whether it is worse than the champion by the margin, it takes over only if it
    learned from more defaults by `evidence_growth_share`: that can be counted.

    Args:
        guards: The floor's must pass; of the others none may fail.
        settings: What counts as more defaults.
        challenger_defaults, champion_defaults: How many defaults each learned from; None where it is not known.
    """
    stopping = [guard for guard in guards if guard.stops]
    if stopping:
        return Ruling(REFRESH, False, f"refresh stopped: {_words(stopping)}", tuple(guards))
    untold = [g for g in guards if g.key == CHAMPION and g.status is Status.UNDETERMINED]
    learned = f"learned from {_count(challenger_defaults)} defaults, {_count(champion_defaults)} before"
    if untold and not _learned_more(challenger_defaults, champion_defaults, settings):
        return Ruling(REFRESH, False, f"refresh stopped: {_words(untold)}; {learned}", tuple(guards))
    because = f"; {_words(untold)}, but {learned}" if untold else ""
    return Ruling(REFRESH, True, f"refresh: no guard stops it{because}", tuple(guards))


def rule_on_redevelopment(guards: Sequence[Guard], comparison: Comparison) -> Ruling:
    """Let another recipe take over where it has something to show against the champion's and no guard stops it."""
    if not comparison.promote:
        return Ruling(REDEVELOPMENT, False, f"redevelopment refused: {comparison.reason}", tuple(guards))
    stopping = [guard for guard in guards if guard.stops]
    if stopping:
        return Ruling(REDEVELOPMENT, False, f"redevelopment stopped: {_words(stopping)}", tuple(guards))
    return Ruling(REDEVELOPMENT, True, f"redevelopment: {comparison.reason}", tuple(guards))


def _words(guards: Sequence[Guard]) -> str:
    return ", ".join(guard.in_words for guard in guards)


def _count(defaults: int | None) -> str:
    return "an unknown number of" if defaults is None else str(defaults)


def _learned_more(challenger: int | None, champion: int | None, settings: TrainingSettings) -> bool:
    """Return whether the challenger learned from clearly more defaults; False where either number is not known."""
    if challenger is None or champion is None:
        return False
    return challenger > champion and challenger >= champion + settings.evidence_growth_share * champion


__all__ = [
    "ITS_EVALUATION_MODEL",
    "SAME_LOANS",
    "Comparison",
    "Ruling",
    "compare_recipes",
    "rule_on_first",
    "rule_on_redevelopment",
    "rule_on_refresh",
]
