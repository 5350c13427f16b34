"""The model families: those of this package, one line each, and those of others, by entry point.

Another package adds one with an entry point in the group `p2pcredit.families` that names a subclass of
`p2pcredit.models.family.Family`. It is trained where `training.families` names it. Nothing here imports a family until
it is asked for: a scorecard scores without XGBoost.
"""

from __future__ import annotations

from p2pcredit.errors import PluginError
from p2pcredit.models.family import Family
from p2pcredit.plugins import Registry

FAMILIES = Registry[type[Family]](
    group="p2pcredit.families",
    what="family",
    built_in={
        "scorecard": "p2pcredit.models.scorecard.family:Scorecard",
        "boosting": "p2pcredit.models.boosting.family:Boosting",
    },
    needs=("name", "title", "is_slow", "not_chosen", "tune", "fit", "load", "describe", "explain"),
)


def family_named(name: str) -> Family:
    """Load a family.

    Raises:
        SettingsError: If no family has that name, with the similar one and all there are.
        PluginError: If another package brings it and it cannot be used.

    Examples:
        >>> family_named("scorecard").title
        'points scorecard'
        >>> family_named("scorcard")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        p2pcredit.errors.SettingsError: there is no family 'scorcard', perhaps 'scorecard' was meant; known are ...
    """
    found = FAMILIES.load(name)
    if not isinstance(found, type) or found.name != name:
        raise PluginError(
            f"{FAMILIES.describe(name)} is no class whose 'name' is '{name}'; mend that package, or uninstall it"
        )
    return found()


__all__ = ["FAMILIES", "family_named"]
