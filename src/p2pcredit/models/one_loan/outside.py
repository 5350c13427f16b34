"""How one loan stands to what its model was trained on, and what is decided: the steps of `models.outside_training`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from p2pcredit.contracts.features import NEW_TERM, PRODUCT
from p2pcredit.models.one_loan.values import Values
from p2pcredit.models.outside_training import (
    BEYOND,
    LEAST_PART,
    MISSING,
    NEVER_SEEN,
    WHOLE_POINT,
    Trained,
    most_points,
)
from p2pcredit.models.training_support import ColumnSupport
from p2pcredit.settings import Settings


class Outside(NamedTuple):
    """What lies outside training, and whether it may move the score by a whole point."""

    told: list[str]
    matters: bool
    beyond_matters: bool


class OutsideTraining:
    """Lists per loan which values lie outside what the model was trained on.

    Args:
        model: The model.
        settings: Points, and what becomes of such loans.
    """

    def __init__(self, model: Trained, settings: Settings) -> None:
        self._settings = settings
        self._columns: list[tuple[str, float, Callable[[Any], str | None], ColumnSupport]] = []
        product = model.support.get(PRODUCT)
        self._product = None if product is None or product.terms is None else product
        for name in model.feature_names:
            if name == PRODUCT and self._product is not None:
                continue
            held = model.support.get(name)
            points = 0.0 if held is None else most_points(model, held, settings.scores)
            if held is not None and points != 0.0:
                unknown = _unknown(name, held, usual_without=model.neutral.get(name, "") is None)
                self._columns.append((name, points, unknown, held))

    def of(self, given: Values) -> Outside:
        """Look at one loan, whose ratios are not completed; its term is among the values."""
        told, weight, beyond_weight = [], 0.0, 0.0
        term = self._unknown_term(given[PRODUCT])
        if term is not None:
            told.append(term)
            weight += WHOLE_POINT
        margin = self._settings.scoring.beyond_range_margin
        for name, points, unknown, held in self._columns:
            value = given[name]
            words = unknown(value)
            if words is not None:
                told.append(words)
                weight += points
            if value is not None and held.least is not None and held.largest is not None:
                if held.least <= value <= held.largest:
                    continue
                told.append(f"{name}: {BEYOND}")
                if _is_far(value, held.least, held.largest, margin):
                    beyond_weight += points
        return Outside(told, weight >= WHOLE_POINT, beyond_weight >= WHOLE_POINT)

    def _unknown_term(self, months: float | None) -> str | None:
        """Word how the contract term is none that training knew; None where it is one, or the model says nothing."""
        if self._product is None:
            return None
        if months is None:
            return None if self._product.knows_missing else f"{PRODUCT}: {MISSING}"
        return None if self._product.knows_term(months) else f"{PRODUCT}: {NEW_TERM}"

    def decide(self, outside: Outside, chance: float) -> str:
        """Decide a loan by its score, or not by it at all."""
        scoring = self._settings.scoring
        asked = {
            *([scoring.outside_training] if outside.matters else []),
            *([scoring.beyond_range] if outside.beyond_matters else []),
        }
        for what in ("refuse", "refer"):
            if what in asked:
                return what
        return "approve" if chance <= self._settings.scores.approval_cutoff else "decline"


def _unknown(name: str, held: ColumnSupport, *, usual_without: bool) -> Callable[[Any], str | None]:
    missing = f"{name}: {MISSING}" if not held.knows_missing and not usual_without else None
    levels = None if held.levels is None else frozenset(held.levels)
    unseen = f"{name}: {NEVER_SEEN}"

    def words(value: Any) -> str | None:
        if value is None:
            return missing
        return unseen if levels is not None and value not in levels else None

    return words


def _is_far(value: float, least: float, largest: float, margin: float) -> bool:
    at_most = margin * (largest - least) if margin else 0.0
    far = value - largest > at_most or least - value > at_most
    return far if least < 0.0 else far or value < LEAST_PART * least


__all__ = ["Outside", "OutsideTraining"]
