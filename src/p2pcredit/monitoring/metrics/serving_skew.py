"""Skew between serving and the nightly run: of loans asked about and landed later, how many got another score.

The same model gives the same values the same score. So where one that was asked about scored otherwise at night, the
application that was sent is not the one that landed.
"""

from __future__ import annotations

import polars as pl

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.status import share_interval, unmeasured
from p2pcredit.settings import Settings

SKEW_METRIC = "serving_skew_share"


def measure_serving_skew(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Measure which share of the recent loans that were asked about scored otherwise when they landed.

    Of each loan the last answer before the night counts, and only where the model of that answer is the one of the
    night. A score that differs by no whole point, with the same decision, is the same.

    Returns:
        `serving_skew_share` of `all`, held against `monitoring.serving_skew_limit`; undetermined below
        `monitoring.min_recent_loans`; nothing where no recent loan was asked about.

    Source:
        Google, Rules of Machine Learning, rules 29 and 37: log what is served, and measure training-serving skew.
    """
    night = inputs.recent_predictions(settings)
    if inputs.asked.is_empty() or "decision" not in night.columns:
        return []
    both = night.join(inputs.asked, on="loan_id", suffix="_asked").filter(
        pl.col("model_id") == pl.col("model_id_asked")
    )
    if both.is_empty():
        return []
    limit, least = settings.monitoring.serving_skew_limit, settings.monitoring.min_recent_loans
    other = both.filter(
        pl.col("score").ne_missing(pl.col("score_asked")) | pl.col("decision").ne_missing(pl.col("decision_asked"))
    )
    changed = both.filter(pl.col("decision").ne_missing(pl.col("decision_asked"))).height
    told = f"{other.height} of {both.height} loans asked about and landed scored otherwise"
    note = f"{told}, {changed} of them decided otherwise"
    if both.height < least:
        return [unmeasured(SKEW_METRIC, "all", both.height, f"{note}; {least} needed", threshold=limit)]
    share = other.height / both.height
    low, high = share_interval(other.height, both.height, settings.monitoring.confidence)
    status = Status.FAIL if share > limit else Status.PASS
    return [MetricResult(SKEW_METRIC, "all", share, low, high, both.height, None, status, limit, note)]


__all__ = ["SKEW_METRIC", "measure_serving_skew"]
