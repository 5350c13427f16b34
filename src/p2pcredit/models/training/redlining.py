"""Test whether the state of residence may be learned from: the rule that keeps an unproven state effect out.

A model that knows the state holds it against the borrowers of some states. Residence can stand for race or national
origin, which the data do not hold, so the test asks for what can be shown: that each state treated as riskier is
riskier, beyond what its borrowers' other facts say, and still is on later loans that did not teach it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import poisson

from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.training.baseline import logistic_baseline

STATE = "state"
MATERIAL = 0.1
"""A state is held against its borrowers where its factor lies above 1 by this much or more."""
PRIOR_BADS = 10.0
"""So many expected bads pull the factor of a state towards 1."""
LEAST_BADS = 200
"""With fewer bads the test is undetermined, and the state stays out."""
SIGNIFICANCE = 0.05
"""Chance of confirming one state or more where none is riskier, for all states together."""


@dataclass(frozen=True, slots=True)
class StateEffect:
    """What older loans say of a state, and whether newer ones agree.

    Args:
        state: Its name.
        factor: Bads over those that the other facts expect, older loans, pulled towards 1.
        bads, expected: Newer loans: bads, and those that the other facts expect.
        p_value: Chance of so many bads or more among the newer where the state has no effect (Poisson).
        confirmed: Whether that is too small, all states held against their borrowers together (Holm).
    """

    state: str
    factor: float
    bads: int
    expected: float
    p_value: float
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Redlining:
    """The outcome: `pass`, `fail` or `undetermined`, the reason, and the states held against their borrowers."""

    status: str
    reason: str
    states: tuple[StateEffect, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the state may be learned from."""
        return self.status == "pass"

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"status": self.status, "reason": self.reason, "states": [asdict(effect) for effect in self.states]}


def hold_to_redlining_rule(loans: pl.DataFrame, names: Sequence[str]) -> Redlining:
    """Test whether the state may be learned from these loans.

    The loans are cut where half of the bads have been. A plain logistic regression without the state, fitted on the
    older part, says how many bads each state should have; on the newer part its total is set to the bads seen, so that
    a general rise is no state's. A state is held against its borrowers where its factor on the older part is 1.1 or
    more. The test passes where every such state has more bads than expected on the newer part too, beyond chance.

    Args:
        loans: Matured loans with `label`, `state` and the features, oldest first; none that judges a model.
        names: The other features that may be learned from.

    Source:
        Holm (1979), Scandinavian Journal of Statistics 6, for the states together. The rule follows the business
        necessity that Regulation B's commentary to 12 CFR 1002.6(a) asks of a factor with unequal effect.
    """
    labels = np.asarray(loans["label"].cast(pl.Float64).to_numpy(), dtype=np.float64)
    bads = int(labels.sum())
    if bads < LEAST_BADS:
        return Redlining("undetermined", f"{bads} bads to test it by, needed are {LEAST_BADS}")
    middle = int(np.searchsorted(np.cumsum(labels), labels.sum() / 2.0)) + 1
    expected = logistic_baseline(loans[:middle], loans, tuple(name for name in names if name != STATE))
    if expected is None:
        return Redlining("undetermined", "the other features say nothing of the older loans")
    states = loans[STATE].cast(pl.String).fill_null("").to_numpy()
    older = _sums(states[:middle], labels[:middle], expected[:middle])
    newer = _sums(states[middle:], labels[middle:], expected[middle:])
    level = float(labels[middle:].sum() / expected[middle:].sum())
    held = []
    for state, (seen, due) in older.items():
        factor = (seen + PRIOR_BADS) / (due + PRIOR_BADS)
        if state and factor >= 1.0 + MATERIAL:
            later_seen, later_due = newer.get(state, (0.0, 0.0))
            p_value = float(poisson.sf(later_seen - 1.0, later_due * level)) if later_due else 1.0
            held.append(StateEffect(state, factor, int(later_seen), later_due * level, p_value, False))
    return _judge(sorted(held, key=lambda effect: (effect.p_value, effect.state)), len([s for s in older if s]))


def _judge(held: list[StateEffect], states: int) -> Redlining:
    if states < 2:
        return Redlining("undetermined", "the loans are of fewer than two states")
    judged, confirmed = [], True
    for place, effect in enumerate(held):
        confirmed = confirmed and effect.p_value <= SIGNIFICANCE / (len(held) - place)
        judged.append(StateEffect(**{**asdict(effect), "confirmed": confirmed}))
    failing = [effect.state for effect in judged if not effect.confirmed]
    if failing:
        return Redlining(
            "fail",
            f"{len(failing)} of {len(held)} states that it would hold against their borrowers are not confirmed by "
            f"later loans: {', '.join(sorted(failing)[:5])}{' ...' if len(failing) > 5 else ''}",
            tuple(judged),
        )
    told = f"later loans confirm all {len(held)} states" if held else f"none of {states} states is"
    return Redlining("pass", f"{told} held against their borrowers", tuple(judged))


def _sums(states: Any, labels: Floats, expected: Floats) -> dict[str, tuple[float, float]]:
    names, place = np.unique(states.astype(str), return_inverse=True)
    seen, due = (np.bincount(place, values, names.size) for values in (labels, expected))
    return {str(name): (float(one), float(other)) for name, one, other in zip(names, seen, due, strict=True)}


__all__ = ["Redlining", "StateEffect", "hold_to_redlining_rule"]
