"""From results to a decision: what the policy of the settings answers, and whether there is anything to decide on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.errors import MonitoringError, PluginError
from p2pcredit.monitoring.inputs import PolicyContext
from p2pcredit.monitoring.metrics.quality import DATA_METRICS, OUTSIDE_METRIC
from p2pcredit.monitoring.metrics.serving_skew import SKEW_METRIC
from p2pcredit.monitoring.policies.registry import DEFAULT_POLICY, POLICIES, name_of, require_policy
from p2pcredit.monitoring.policies.verdict import Policy, Verdict
from p2pcredit.monitoring.registry import without_nan
from p2pcredit.monitoring.trigger_metrics import MATURED_RATIO, TO_DATE_RATIO
from p2pcredit.settings import Settings
from p2pcredit.text import one_line

__all__ = [
    "DEFAULT_POLICY",
    "POLICIES",
    "Policy",
    "Verdict",
    "decide",
    "monitoring_has_evidence",
    "results_from_rows",
]


def decide(results: Sequence[MetricResult], facts: PolicyContext, settings: Settings) -> Verdict:
    """Reach a verdict by the policy that the settings name.

    Raises:
        SettingsError: If there is no policy of that name, or it lacks its argument.
        PluginError: If two packages bring it.
        MonitoringError: If the policy fails or answers with no verdict; the last valid decision then still serves.
    """
    require_policy(settings.monitoring.policy)
    name = name_of(settings.monitoring.policy)
    try:
        verdict = POLICIES.load(name)([without_nan(result) for result in results], facts, settings)
    except PluginError as error:
        raise MonitoringError(str(error)) from error
    except Exception as error:
        raise MonitoringError(one_line(f"{POLICIES.describe(name)} failed: {type(error).__name__}: {error}")) from error
    if not isinstance(verdict, Verdict):
        raise MonitoringError(f"{POLICIES.describe(name)} gave a {type(verdict).__name__} where a Verdict belongs")
    return verdict


def monitoring_has_evidence(results: Iterable[MetricResult]) -> bool:
    """Test whether anything was measured that a report or a decision could rest on.

    Data that came in clean are no evidence about a model; data that came in broken are a reason to speak. Defaults of a
    product are counted however few they are: they are evidence once they lie within or beyond their bounds.
    """
    for result in map(without_nan, results):
        speaks = result.metric not in {*DATA_METRICS, OUTSIDE_METRIC, SKEW_METRIC} or result.status is Status.FAIL
        if result.metric in {MATURED_RATIO, TO_DATE_RATIO}:
            speaks = result.status is not Status.UNDETERMINED
        if result.value is not None and speaks:
            return True
    return False


def results_from_rows(rows: Iterable[Mapping[str, Any]]) -> list[MetricResult]:
    """Read results back from rows of `gold/monitoring`, in their order; other columns play no part.

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
