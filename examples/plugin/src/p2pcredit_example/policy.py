"""A policy: what the built-in one advises, but only people start a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from p2pcredit.contracts.results import MetricResult
from p2pcredit.monitoring.inputs import PolicyContext
from p2pcredit.monitoring.policies.cheapest_first import cheapest_remedy_first
from p2pcredit.monitoring.policies.verdict import Verdict
from p2pcredit.settings import Settings
from p2pcredit.text import one_line


def people_decide(results: Sequence[MetricResult], facts: PolicyContext, settings: Settings) -> Verdict:
    """Turn every advice to train into one to watch, and say so in the reason."""
    advice = cheapest_remedy_first(results, facts, settings)
    reason = one_line(f"Retraining is left to people. {advice.reason}", 240)
    if not advice.retrain:
        return replace(advice, reason=reason)
    return replace(advice, remedy="watch", retrain=False, kind="", reason=reason)
