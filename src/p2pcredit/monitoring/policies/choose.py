"""From results to a decision: which policy decides, what it answers, and whether there is anything to decide on.

Another package adds a policy with an entry point in the group `p2pcredit.policies`: a function of the results, the
facts and the settings that returns a `Verdict`. `monitoring.policy` names the one that decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.errors import MonitoringError, SettingsError
from p2pcredit.monitoring.inputs import PolicyContext
from p2pcredit.monitoring.metrics.quality import DATA_METRICS, OUTSIDE_METRIC
from p2pcredit.monitoring.plugins import entry_points
from p2pcredit.monitoring.policies.cheapest_first import cheapest_remedy_first
from p2pcredit.monitoring.policies.verdict import Policy, Verdict
from p2pcredit.monitoring.registry import without_nan
from p2pcredit.names import no_such
from p2pcredit.settings import Settings
from p2pcredit.text import one_line

POLICIES_GROUP = "p2pcredit.policies"
DEFAULT_POLICY = "cheapest_remedy_first"

__all__ = [
    "DEFAULT_POLICY",
    "POLICIES_GROUP",
    "Policy",
    "Verdict",
    "available_policies",
    "decide",
    "monitoring_has_evidence",
    "policy_named",
    "results_from_rows",
]


def available_policies() -> dict[str, Policy]:
    """Which policies are there: the built-in one first, then those of other packages that can be loaded, by name."""
    policies: dict[str, Policy] = {DEFAULT_POLICY: cheapest_remedy_first}
    for point in sorted(entry_points(group=POLICIES_GROUP), key=lambda p: (p.name, p.value)):
        if point.name not in policies:
            policies[point.name] = _Loaded(point.load)
    return policies


def policy_named(name: str) -> Policy:
    """Find a policy by its name.

    Raises:
        SettingsError: If there is none, with the similar one and all there are.
    """
    policies = available_policies()
    if name not in policies:
        raise SettingsError(no_such("policy", name, sorted(policies)))
    return policies[name]


def decide(results: Sequence[MetricResult], facts: PolicyContext, settings: Settings) -> Verdict:
    """What is to be done, in the eyes of the policy that the settings name?

    Raises:
        SettingsError: If there is no policy of that name.
        MonitoringError: If the policy fails or answers with no verdict; the last valid decision then still serves.
    """
    name = settings.monitoring.policy
    policy = policy_named(name)
    try:
        verdict = policy([without_nan(result) for result in results], facts, settings)
    except Exception as error:
        raise MonitoringError(one_line(f"the policy '{name}' failed: {type(error).__name__}: {error}")) from error
    if not isinstance(verdict, Verdict):
        raise MonitoringError(f"the policy '{name}' gave a {type(verdict).__name__} where a Verdict belongs")
    return verdict


def monitoring_has_evidence(results: Iterable[MetricResult]) -> bool:
    """Could anything be measured that a report or a decision could rest on?

    Data that came in clean are no evidence about a model; data that came in broken are a reason to speak.
    """
    for result in map(without_nan, results):
        speaks = result.metric not in {*DATA_METRICS, OUTSIDE_METRIC} or result.status is Status.FAIL
        if result.value is not None and speaks:
            return True
    return False


def results_from_rows(rows: Iterable[Mapping[str, Any]]) -> list[MetricResult]:
    """The results that rows of `gold/monitoring` hold, in their order; other columns play no part.

    Raises:
        MonitoringError: If a row lacks a column or has a status that is none.
    """
    try:
        return [
            without_nan(MetricResult(**{name: row[name] for name in MetricResult.__dataclass_fields__})) for row in rows
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise MonitoringError(
            one_line(f"a row of the monitoring table is no result: {error}; monitor the week again")
        ) from error


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A policy of another package, loaded when it is asked."""

    load: Callable[[], Any]

    def __call__(self, results: Sequence[MetricResult], facts: PolicyContext, settings: Settings) -> Verdict:
        verdict: Verdict = self.load()(results, facts, settings)
        return verdict
