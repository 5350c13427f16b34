"""Data quality: which share of rows and values could not be used, which of the loans lies outside training."""

from __future__ import annotations

import polars as pl

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.outcomes import share_interval, unmeasured
from p2pcredit.settings import Settings

ROWS_METRIC = "quarantined_share"
VALUES_METRIC = "values_lost_share"
QUALITY_METRICS = frozenset({ROWS_METRIC, VALUES_METRIC})
"""Metrics of the data alone: where they pass they say nothing about a model, where one fails the data are broken."""
OUTSIDE_METRIC = "outside_training_share"
"""Where it fails the data may be sound and the model too old for them: no reason to hold a retraining back."""
MOST_NAMED = 6


def measure_quality(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Measure which share of the rows of each feed, and of the values of each column, was lost in the recent days.

    Every row and value was looked at, so the share itself is held against the limit; its interval says how far so few
    speak for the feed.

    Returns:
        `quarantined_share` for each segment `feed=NAME`; a feed without rows is undetermined. `values_lost_share` for
        each segment `column=FEED.COLUMN` that lost an optional value: of the values given, those that could not be read
        or lay outside their bounds. `outside_training_share` of all loans scored in the recent days.
    """
    totals = (
        inputs.feed_quality.group_by("feed")
        .agg(pl.col("rows_in").sum().cast(pl.Int64), pl.col("quarantined").sum().cast(pl.Int64))
        .sort("feed")
    )
    rows = [
        _share(ROWS_METRIC, f"feed={feed}", quarantined, found, "rows", settings)
        for feed, found, quarantined in totals.iter_rows()
    ]
    columns = inputs.values_lost.sort("feed", "column").select("feed", "column", "lost", "given")
    values = [
        _share(VALUES_METRIC, f"column={feed}.{column}", lost, given, "values given", settings)
        for feed, column, lost, given in columns.iter_rows()
    ]
    return [*rows, *values, *_outside_training(inputs, settings)]


def _share(metric: str, segment: str, lost: int, found: int, what: str, settings: Settings) -> MetricResult:
    limit = settings.monitoring.quarantined_share_limit
    if found <= 0:
        return unmeasured(metric, segment, 0, "no row came in", threshold=limit)
    share = lost / found
    low, high = share_interval(min(lost, found), found, settings.monitoring.confidence)
    status = Status.FAIL if share > limit else Status.PASS
    return MetricResult(metric, segment, share, low, high, found, None, status, limit, f"{lost} of {found} {what}")


def _outside_training(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """The share of the recent scored loans outside what their model was trained on; nothing where that was not told."""
    if "outside_training" not in inputs.predictions.columns:
        return []
    told = inputs.recent_predictions(settings).filter(pl.col("outside_training").is_not_null())
    limit, metric = settings.scoring.max_outside_training_share, OUTSIDE_METRIC
    if told.is_empty():
        return [unmeasured(metric, "all", 0, "no recent loan was scored", threshold=limit)]
    outside = told.filter(pl.col("outside_training").list.len() > 0)
    referred = int((told["decision"] == "refer").sum())
    entries = outside["outside_training"].explode().str.replace(":.*", "").value_counts()
    most = entries.sort(["count", "outside_training"], descending=[True, False]).head(MOST_NAMED)
    named = ", ".join(f"{name} {count}" for name, count in most.iter_rows())
    share = outside.height / told.height
    low, high = share_interval(outside.height, told.height, settings.monitoring.confidence)
    status = Status.FAIL if share > limit else Status.PASS
    note = f"{outside.height} of {told.height} loans, {referred} of them referred" + (f": {named}" if named else "")
    return [MetricResult(metric, "all", share, low, high, told.height, None, status, limit, note)]
