"""The decision policies: the built-in one, and those of other packages by entry point.

Another package adds a policy with an entry point in the group `p2pcredit.policies`: a function of the results, the
facts and the settings that returns a `Verdict`. `monitoring.policy` names the one that decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2pcredit.plugins import Registry

if TYPE_CHECKING:  # the settings of every task are checked by the names alone
    from p2pcredit.monitoring.policies.verdict import Policy

DEFAULT_POLICY = "cheapest_remedy_first"

POLICIES: Registry[Policy] = Registry(
    group="p2pcredit.policies",
    what="policy",
    built_in={DEFAULT_POLICY: "p2pcredit.monitoring.policies.cheapest_first:cheapest_remedy_first"},
    needs=("__call__",),
)

__all__ = ["DEFAULT_POLICY", "POLICIES"]
