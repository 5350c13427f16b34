"""The guards of a promotion: each one number with its bound, and an outcome: pass, fail or undetermined.

A refresh, the champion's recipe on more data, takes over unless a guard stops it. A redevelopment must have something
to show beside them: see `p2pcredit.models.champion.challenge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from p2pcredit.contracts.results import Status
from p2pcredit.models.champion.gate import CHANCE, Gate
from p2pcredit.models.evaluation.calibration.segment_ratios import (
    LEAST_EXPECTED,
    Seen,
    chance_outside,
    ratio_interval,
    rejected_by_holm,
)
from p2pcredit.models.evaluation.discrimination import paired_auc_difference
from p2pcredit.models.evaluation.intervals import Floats, checked_pair

ABOVE_CHANCE, BASE_RATE, CHAMPION, PRODUCT, SCORE_SHIFT = (
    "above_chance",
    "base_rate",
    "champion",
    "product",
    "score_shift",
)


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard of a promotion.

    Args:
        key: Such as `champion`, `logistic`, `sub_grade`, `product=36`.
        name: What is measured, in words.
        value: The number; None where it could not be measured.
        low, high: Its interval; None where it has none.
        least, most: The bounds; None on a side without one.
        n, bads: Loans it rests on, and the bads among them (0 where outcomes play no part).
        status: Pass, fail or undetermined.
        note: What else a reader must know; empty where nothing.
        must_pass: Whether it stops a promotion where it is undetermined, too.
    """

    key: str
    name: str
    value: float | None
    low: float | None
    high: float | None
    least: float | None
    most: float | None
    n: int
    bads: int
    status: Status
    note: str = ""
    must_pass: bool = False

    @property
    def stops(self) -> bool:
        """Whether it stops a promotion."""
        return self.status is Status.FAIL or (self.must_pass and self.status is Status.UNDETERMINED)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        held = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**held, "status": str(self.status)}

    @property
    def in_words(self) -> str:
        """The name with number, interval, bound and outcome."""
        value = "not measured" if self.value is None else f"{self.value:.3f}"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3f}, {self.high:.3f}]"
        bounds = (("least", self.least), ("most", self.most))
        told = ", ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)
        note = f"; {self.note}" if self.note else ""
        return f"{self.name} {value}{interval}, {told}: {self.status}{note}"


def below_a_bar(gate: Mapping[str, Any]) -> bool:
    """Return whether, by the `gate` of a card, a bar that every model must pass was not passed beside the floor.

    Such a bar is the Brier score of one default rate for all; a model below it serves by a person's word alone.

    Examples:
        >>> below_a_bar({"guards": [{"key": "base_rate", "status": "fail", "must_pass": True}]})
        True
        >>> below_a_bar({"guards": [{"key": "score_shift", "status": "fail", "must_pass": False}]})
        False
    """
    return any(guard.get("must_pass") and guard["status"] != Status.PASS for guard in gate.get("guards") or ())


def floor_guards(gate: Gate) -> list[Guard]:
    """List the floor as guards: above chance, and not worse than each benchmark beyond noise."""
    auc = gate.auc
    status = Status.UNDETERMINED
    if gate.above_chance and gate.enough:
        status = Status.PASS
    elif auc.value is not None and auc.value <= CHANCE and gate.enough:
        status = Status.FAIL
    guards = [
        Guard(
            ABOVE_CHANCE,
            "AUC",
            auc.value,
            auc.low,
            auc.high,
            CHANCE,
            None,
            auc.n,
            auc.bads,
            status,
            "lower bound",
            True,
        )
    ]
    for held in gate.against:
        lead = held.difference
        note = "upper bound" if held.given else "upper bound; it ranks too few loans to be asked for"
        name = f"AUC against {held.name}"
        guards.append(
            Guard(
                held.key,
                name,
                lead.value,
                lead.low,
                lead.high,
                0.0,
                None,
                lead.n,
                lead.bads,
                held.status,
                note,
                held.given,
            )
        )
    return guards


def base_rate_guard(brier: float | None, base_brier: float | None, n: int, bads: int) -> Guard:
    """Ask a first model for better probabilities than the default rate of the loans before, by the Brier score."""
    measured = brier is not None and base_brier is not None
    status = Status.UNDETERMINED if not measured else Status.PASS if brier < base_brier else Status.FAIL  # type: ignore[operator]
    name = "Brier score against that of one default rate for all"
    return Guard(BASE_RATE, name, brier, None, None, None, base_brier, n, bads, status, must_pass=True)


def champion_guard(
    labels: npt.ArrayLike,
    challenger: npt.ArrayLike,
    champion: npt.ArrayLike,
    *,
    margin: float,
    confidence: float,
    least_bads: int,
) -> Guard:
    """Hold a model against the champion, on loans that neither of the two fits had seen.

    It passes where it is shown not to be worse by the margin: the one-sided lower bound of the difference lies above
    minus the margin. It fails where the difference itself lies at or below that, or the upper bound below zero. Between
    the two, the loans are too few to tell, and it is undetermined.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        challenger, champion: Probabilities of default of the same loans in the same order.
        margin: By how much AUC it may rank worse.
        confidence: One-sided, of either bound.
        least_bads: How many bads, and goods, are needed to judge.

    Raises:
        TrainingError: If a label or probability is missing.

    Source:
        Piaggio et al. (2012), JAMA 308, on showing that something is no worse by more than a stated margin.
    """
    found = paired_auc_difference(labels, challenger, champion, max(1e-9, 2 * confidence - 1))
    status, note = Status.UNDETERMINED, f"bounds one-sided at {confidence:.0%}"
    if found.value is None or found.low is None or min(found.bads, found.n - found.bads) < least_bads:
        note = f"{found.bads} bads among {found.n} loans that neither had seen, {least_bads} needed, and goods"
    elif found.low > -margin:
        status = Status.PASS
    elif found.value <= -margin or (found.high is not None and found.high < 0.0):
        status = Status.FAIL
    else:
        note = f"{note}; the loans are too few to tell {margin:g}"
    name = "AUC against the champion"
    return Guard(CHAMPION, name, found.value, found.low, found.high, -margin, None, found.n, found.bads, status, note)


def product_guards(
    labels: npt.ArrayLike,
    chances: npt.ArrayLike,
    products: npt.ArrayLike,
    champion: npt.ArrayLike | None,
    *,
    bounds: tuple[float, float],
    confidence: float,
    level_bads: int,
) -> list[Guard]:
    """Hold defaults seen over those expected within bounds, product by product, all together (Holm).

    A product fails where its ratio lies outside the bounds beyond chance, the error of the level included, unless the
    champion's lies farther off there: to keep that one would be worse.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        chances: Probabilities of default by a fit that had seen none of the loans.
        products: The product of each loan, such as its contract term.
        champion: The champion's probabilities of the same loans; None before the first.
        bounds: Least and most of the true ratio.
        confidence: Of all products together, and of each interval.
        level_bads: How many defaults the level of that fit was set on.

    Raises:
        TrainingError: If a label or probability is missing.
    """
    truth, risk = checked_pair(labels, chances, probability=True)
    held = None if champion is None else checked_pair(labels, champion, probability=True)[1]
    names = np.asarray(products).astype(str)
    cells = [(name, _seen(truth, risk, names == name)) for name in sorted(set(names.tolist()), key=_in_order)]
    level = max(1, level_bads)
    failed = rejected_by_holm([chance_outside(seen, *bounds, level) for _, seen in cells], 1.0 - confidence)
    guards = []
    for place, (name, seen) in enumerate(cells):
        ratio = seen.defaults / seen.expected if seen.expected > 0.0 else None
        low, high = ratio_interval(seen, confidence, level) if ratio is not None else (None, None)
        status, note = Status.UNDETERMINED, f"{seen.defaults} defaults, {seen.expected:.1f} expected"
        if place in failed and ratio is not None:
            kept = None if held is None else _ratio(_seen(truth, held, names == name))
            status = Status.PASS if kept is not None and _off(ratio) < _off(kept) else Status.FAIL
            note = f"{note}; outside the bounds" + ("" if kept is None else f", the champion at {kept:.2f}")
        elif ratio is not None and bounds[0] <= ratio <= bounds[1] and seen.expected >= LEAST_EXPECTED:
            status = Status.PASS
        words = f"defaults seen over expected, product {name}"
        key = f"{PRODUCT}={name}"
        guards.append(Guard(key, words, ratio, low, high, *bounds, seen.loans, seen.defaults, status, note))
    return guards


def score_shift_guard(challenger: npt.ArrayLike, champion: npt.ArrayLike, most: float) -> Guard:
    """Bound by how many points the scores of the newest applicants change on average, up or down.

    Args:
        challenger, champion: Scores of the same applicants, as the two would serve.
        most: The bound, in points.

    Examples:
        >>> score_shift_guard([610, 590], [600, 620], 20).value
        20.0
    """
    new, old = (np.asarray(side, dtype=np.float64) for side in (challenger, champion))
    name = "mean change of score of the newest applicants, in points"
    if not new.size:
        return Guard(SCORE_SHIFT, name, None, None, None, None, most, 0, 0, Status.UNDETERMINED, "no newest applicant")
    value, level = float(np.abs(new - old).mean()), float((new - old).mean())
    status = Status.PASS if value <= most else Status.FAIL
    return Guard(SCORE_SHIFT, name, value, None, None, None, most, new.size, 0, status, f"on balance {level:+.1f}")


def _seen(truth: Floats, risk: Floats, chosen: npt.NDArray[np.bool_]) -> Seen:
    return Seen(int(chosen.sum()), int(truth[chosen].sum()), float(risk[chosen].sum()))


def _ratio(seen: Seen) -> float | None:
    return seen.defaults / seen.expected if seen.expected > 0.0 else None


def _off(ratio: float) -> float:
    return abs(float(np.log(ratio))) if ratio > 0.0 else float("inf")


def _in_order(name: str) -> tuple[float, str]:
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name


__all__ = [
    "ABOVE_CHANCE",
    "BASE_RATE",
    "CHAMPION",
    "PRODUCT",
    "SCORE_SHIFT",
    "Guard",
    "base_rate_guard",
    "champion_guard",
    "floor_guards",
    "product_guards",
    "score_shift_guard",
]
