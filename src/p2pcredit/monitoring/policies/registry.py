"""The decision policies: built-in ones, and those of other packages by entry point.

Another package adds a policy with an entry point in the group `p2pcredit.policies`: a function of the results, the
facts and the settings that returns a `Verdict`. `monitoring.policy` names the one that decides; what follows a colon
there is an argument, which the policy reads with `argument_of`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from p2pcredit.errors import SettingsError
from p2pcredit.plugins import Registry

if TYPE_CHECKING:  # the settings of every task are checked by the names alone
    from p2pcredit.monitoring.policies.verdict import Policy

DEFAULT_POLICY = "refresh_and_triggers"
CHEAPEST_FIRST = "p2pcredit.monitoring.policies.cheapest_first:cheapest_remedy_first"

POLICIES: Registry[Policy] = Registry(
    group="p2pcredit.policies",
    what="policy",
    built_in={
        DEFAULT_POLICY: "p2pcredit.monitoring.policies.refresh_and_triggers:refresh_and_triggers",
        "cheapest_first": CHEAPEST_FIRST,
        "cheapest_remedy_first": CHEAPEST_FIRST,
        "never": "p2pcredit.monitoring.policies.plain:never",
        "calendar": "p2pcredit.monitoring.policies.plain:calendar",
        "threshold": "p2pcredit.monitoring.policies.plain:threshold",
        "psi": "p2pcredit.monitoring.policies.plain:psi",
    },
    needs=("__call__",),
)
ARGUMENTS = {
    "calendar": ("months", 1.0, 120.0, "calendar:6"),
    "threshold": ("the score below which to retrain", 0.0, 1.0, "threshold:0.62"),
    "psi": ("the index from which to retrain", 0.0, math.inf, "psi:0.25"),
}
"""Built-in policies with an argument: what it is, its least and most, an example."""


def name_of(policy: str) -> str:
    """Return the name of a policy as settings write it, without its argument.

    Examples:
        >>> name_of("calendar:6"), name_of("never")
        ('calendar', 'never')
    """
    return policy.partition(":")[0]


def argument_of(policy: str) -> str:
    """Return the argument of a policy as settings write it; empty where it has none.

    Examples:
        >>> argument_of("calendar:6"), argument_of("never")
        ('6', '')
    """
    return policy.partition(":")[2].strip()


def number_of(policy: str) -> float:
    """Return the argument of a built-in policy as a number.

    Raises:
        SettingsError: If it is none, or lies outside what makes sense.
    """
    name, text = name_of(policy), argument_of(policy)
    what, least, most, example = ARGUMENTS[name]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most or (name == "calendar" and number != int(number)):
        raise SettingsError(
            f"monitoring.policy is '{policy}'; after '{name}:' belongs {what}, a number of at least {least:g}"
            + (f" and at most {most:g}" if math.isfinite(most) else "")
            + f", such as '{example}'"
        )
    return number


def require_policy(policy: str) -> None:
    """Check that a policy exists and has the argument it needs. Imports none.

    Raises:
        SettingsError: If not, with what to write.
        PluginError: If two packages bring it.
    """
    name = name_of(policy)
    POLICIES.require(name)
    if name in ARGUMENTS:
        number_of(policy)
    elif name in POLICIES.built_in and ":" in policy:
        raise SettingsError(f"monitoring.policy is '{policy}'; the policy '{name}' takes no argument, write '{name}'")


__all__ = ["DEFAULT_POLICY", "POLICIES", "argument_of", "name_of", "number_of", "require_policy"]
