"""Bins by hand: what an analyst fixes of a feature before a training, each with a reason.

`bins.toml` in a home holds a table per feature. Everything wrong with it is said in one line that names the feature.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.feature import Feature
from p2pcredit.errors import SettingsError
from p2pcredit.names import no_such, perhaps

Use = Literal["free", "in", "out"]
Direction = Literal["rising", "falling", "any"]
SIGNS: dict[Direction, Literal[-1, 0, 1]] = {"rising": 1, "falling": -1, "any": 0}
"""How the risk moves as the value grows, or from group to group -> its sign."""
USES = ("free", "in", "out")
FORMAT = 1
_KEYS = ("breaks", "groups", "direction", "use", "reason")


@dataclass(frozen=True, slots=True)
class HandBins:
    """What is fixed of one feature.

    Args:
        feature: Its name.
        reason: Why, in a person's words.
        use: `in` or `out` of the model whatever selection says; `free` leaves that to it.
        direction: How the risk must move; None leaves it to the feature's contract.
        breaks: Of a number: upper bounds (included) of all bins but the last, rising. Empty: the best bins.
        groups: Of a category: the levels of each bin; `OTHER` stands for all that are named nowhere. Empty: the best.
    """

    feature: str
    reason: str
    use: Use = "free"
    direction: Direction | None = None
    breaks: tuple[float, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()

    @property
    def has_bins(self) -> bool:
        """Whether the bins themselves are fixed."""
        return bool(self.breaks or self.groups)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values: a table of the file, with the feature's name."""
        return {**asdict(self), "breaks": list(self.breaks), "groups": [list(group) for group in self.groups]}


def parse_hand_bins(
    content: Mapping[str, Any], where: str, catalogue: FeatureCatalogue = BUILT_IN
) -> dict[str, HandBins]:
    """Check what a file of bins holds, and read it.

    Args:
        content: Feature -> its table; `format` may stand beside the features.
        where: The file, for what is said.
        catalogue: The features that there are.

    Raises:
        SettingsError: In one line naming the feature and what to do.
    """
    given = content.get("format", FORMAT)
    if given != FORMAT or isinstance(given, bool):
        raise SettingsError(f"{where} is of format {given!r}, this version reads {FORMAT}; write format = {FORMAT}")
    return {name: _parse(name, table, where, catalogue) for name, table in content.items() if name != "format"}


def _parse(name: str, table: Any, where: str, catalogue: FeatureCatalogue) -> HandBins:
    feature = catalogue.named(name)
    if feature is None:
        raise SettingsError(f"{where}: {no_such('feature', name, [one.name for one in catalogue.features])}")

    def wrong(what: str) -> SettingsError:
        return SettingsError(f"{where}: {name}: {what}")

    if not isinstance(table, Mapping):
        raise wrong(f"it is no table; write [{name}] and its lines below")
    for key in table:
        if key not in _KEYS:
            raise wrong(f"unknown key '{key}'{perhaps(str(key), _KEYS)}; known are {', '.join(_KEYS)}")
    reason = table.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise wrong('it has no reason; write reason = "why"')
    use, direction = table.get("use", "free"), table.get("direction")
    if use not in USES:
        raise wrong(f"use is {use!r}; write 'in', 'out' or 'free'")
    if direction is not None and direction not in SIGNS:
        raise wrong(f"direction is {direction!r}; write 'rising', 'falling' or 'any', as the risk moves")
    sign = 0 if direction is None else SIGNS[direction]
    if direction is not None and feature.direction and sign != feature.direction:
        rule = "rise" if feature.direction > 0 else "fall"
        raise wrong(f"direction '{direction}' contradicts the monotone rule: its risk must {rule} as the value grows")
    found = HandBins(
        name, reason.strip(), use, direction, _breaks(feature, table, wrong), _groups(feature, table, wrong)
    )
    if use == "out" and found.has_bins:
        raise wrong("it is left out, so its bins say nothing; remove them, or write use = 'free'")
    if use == "free" and direction is None and not found.has_bins:
        raise wrong("nothing is fixed; write breaks or groups, direction or use")
    return found


def _breaks(feature: Feature, table: Mapping[str, Any], wrong: Any) -> tuple[float, ...]:
    breaks = table.get("breaks", [])
    if not breaks and "breaks" not in table:
        return ()
    if feature.kind != "numeric":
        raise wrong("it is a category and has groups, no breaks")
    numbers = isinstance(breaks, list) and all(
        isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in breaks
    )
    if not numbers or not breaks:
        raise wrong("breaks are no list of numbers; write such as [1000, 5000]")
    for first, second in itertools.pairwise(breaks):
        if first >= second:
            raise wrong(f"breaks do not rise: {first:g} stands before {second:g}; sort them, each once")
    return tuple(float(one) for one in breaks)


def _groups(feature: Feature, table: Mapping[str, Any], wrong: Any) -> tuple[tuple[str, ...], ...]:
    groups = table.get("groups", [])
    if not groups and "groups" not in table:
        return ()
    if feature.kind != "category":
        raise wrong("it is a number and has breaks, no groups")
    texts = isinstance(groups, list) and all(
        isinstance(group, list) and group and all(isinstance(level, str) and level for level in group)
        for group in groups
    )
    if not texts or not groups:
        raise wrong('groups are no lists of levels; write such as [["OWN", "MORTGAGE"], ["RENT"]]')
    seen: dict[str, int] = {}
    for number, group in enumerate(groups, 1):
        for level in group:
            if level in seen:
                both = "twice in a group" if seen[level] == number else f"in groups {seen[level]} and {number}"
                raise wrong(f"groups overlap: '{level}' stands {both}; name each level once")
            seen[level] = number
    return tuple(tuple(group) for group in groups)


__all__ = ["FORMAT", "SIGNS", "USES", "Direction", "HandBins", "Use", "parse_hand_bins"]
