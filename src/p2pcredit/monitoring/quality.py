"""Data quality: which share of the rows that came in had to be set aside."""

from __future__ import annotations

import polars as pl

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.outcomes import share_interval, unmeasured
from p2pcredit.settings import Settings


def measure_quality(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Which share of the rows of each feed was quarantined in the recent days?

    Every row was looked at, so the share itself is held against the limit; its interval says how far so few rows speak
    for the feed.

    Returns:
        `quarantined_share` for each segment `feed=NAME`. A feed without rows is undetermined.
    """
    limit = settings.monitoring.quarantined_share_limit
    totals = (
        inputs.feed_quality.group_by("feed")
        .agg(pl.col("rows_in").sum().cast(pl.Int64), pl.col("quarantined").sum().cast(pl.Int64))
        .sort("feed")
    )
    results: list[MetricResult] = []
    for feed, rows, quarantined in totals.iter_rows():
        metric, segment = "quarantined_share", f"feed={feed}"
        if rows <= 0:
            results.append(unmeasured(metric, segment, 0, "no row came in", threshold=limit))
            continue
        share = quarantined / rows
        low, high = share_interval(min(quarantined, rows), rows, settings.monitoring.confidence)
        status = Status.FAIL if share > limit else Status.PASS
        note = f"{quarantined} of {rows} rows"
        results.append(MetricResult(metric, segment, share, low, high, rows, None, status, limit, note))
    return results
