"""A metric: the share of the newest loans that the cut-off declines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import polars as pl

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.evaluation.intervals import wilson_interval
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.status import unmeasured
from p2pcredit.settings import Settings

NAME = "declined_share"
MOST_DECLINED = 0.8
"""With more declined beyond the interval, the cut-off or the model no longer fits the applicants."""


def declined_share(inputs: MonitoringInputs, settings: Settings) -> Iterable[MetricResult]:
    """Measure which share of the loans scored in the recent days lies above the cut-off."""
    since = inputs.week_end - timedelta(days=settings.monitoring.recent_days)
    chances = inputs.predictions.filter(pl.col("snapshot_date") > since)["probability_of_default"].drop_nulls()
    if len(chances) < settings.monitoring.min_recent_loans:
        yield unmeasured(NAME, "all", len(chances), f"{len(chances)} loans scored since {since} are too few")
        return
    share = int((chances > settings.scores.approval_cutoff).sum()) / len(chances)
    low, high = wilson_interval(share, len(chances), settings.monitoring.confidence)
    status = Status.FAIL if low > MOST_DECLINED else Status.PASS if high < MOST_DECLINED else Status.UNDETERMINED
    yield MetricResult(NAME, "all", share, low, high, len(chances), None, status, MOST_DECLINED)
