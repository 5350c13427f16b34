"""What makes two models alike but for the loans they learned from: family, target, feature sets, bins by hand.

A challenger with the champion's recipe is a refresh of it; any other is a redevelopment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

FIRST, REFRESH, REDEVELOPMENT, RECALIBRATION = "first", "refresh", "redevelopment", "recalibration"
KINDS = (FIRST, REFRESH, REDEVELOPMENT, RECALIBRATION)
"""The kinds of change that bring a model into service."""


@dataclass(frozen=True)
class Recipe:
    """How a model is made.

    Args:
        family, target: As cards name them.
        feature_sets: The sets it may learn from, in order of their names.
        bins_by_hand: What a person fixed of features, as plain JSON values.
        own_columns: The lender's own columns that it may learn from, in order of their names.
    """

    family: str
    target: str
    feature_sets: tuple[str, ...]
    bins_by_hand: Mapping[str, Any] = field(default_factory=dict)
    own_columns: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values, for the card."""
        plain = {**asdict(self), "feature_sets": list(self.feature_sets), "own_columns": list(self.own_columns)}
        return plain if self.own_columns else {key: value for key, value in plain.items() if key != "own_columns"}

    def changes_from(self, champion: Recipe) -> list[str]:
        """Say what differs from the champion's recipe; nothing for a refresh.

        Examples:
            >>> tree, table = Recipe("boosting", "hazard", ("application",)), Recipe("scorecard", "hazard", ("price",))
            >>> tree.changes_from(table)
            ['family boosting, scorecard before', 'feature sets application, price before']
        """
        pairs = (
            ("family", self.family, champion.family),
            ("target", self.target, champion.target),
            ("feature sets", ", ".join(self.feature_sets), ", ".join(champion.feature_sets)),
            ("own columns", ", ".join(self.own_columns) or "none", ", ".join(champion.own_columns) or "none"),
        )
        found = [f"{name} {new}, {old} before" for name, new, old in pairs if new != old]
        return found + (["bins by hand"] if self.bins_by_hand != champion.bins_by_hand else [])


def recipe_of_card(card: Mapping[str, Any], feature_sets: Sequence[str]) -> Recipe:
    """Read the recipe of a banked model.

    Args:
        card: Its card; cards of earlier versions do not name the recipe.
        feature_sets: What the settings on such a card named.
    """
    held = card.get("recipe")
    if isinstance(held, Mapping):
        sets = tuple(str(name) for name in held["feature_sets"])
        own = tuple(str(name) for name in held.get("own_columns", ()))
        return Recipe(str(held["family"]), str(held["target"]), sets, dict(held["bins_by_hand"]), own)
    return Recipe(str(card["family"]), str(card["target"]), tuple(sorted(feature_sets)), card.get("bins_by_hand") or {})


__all__ = ["FIRST", "KINDS", "RECALIBRATION", "REDEVELOPMENT", "REFRESH", "Recipe", "recipe_of_card"]
