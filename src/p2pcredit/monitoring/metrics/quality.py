"""Data quality: the share of rows, values and outcomes that could not be used, and of loans outside training."""

from __future__ import annotations

import polars as pl

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.matured import matured_window
from p2pcredit.monitoring.status import share_interval, unmeasured
from p2pcredit.settings import Settings

ROWS_METRIC = "quarantined_share"
VALUES_METRIC = "values_lost_share"
QUALITY_METRICS = frozenset({ROWS_METRIC, VALUES_METRIC})
"""Metrics of the rows and values that came in, by feed or column."""
UNKNOWN_METRIC = "unknown_outcome_share"
DATA_METRICS = QUALITY_METRICS | {UNKNOWN_METRIC}
"""Metrics of the data alone: where they pass they say nothing about a model, where one fails the data are broken."""
OUTSIDE_METRIC = "outside_training_share"
"""Where it fails the data may be sound and the model too old for them: no reason to hold a retraining back."""
MOST_NAMED = 6


def measure_quality(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Measure the share of each feed's rows and each column's values lost in recent days, and of unknown outcomes.

    Every row and value was looked at, so the share itself is held against the limit; its interval says how far so few
    speak for the feed.

    Returns:
        `quarantined_share` for each segment `feed=NAME`; a feed without rows is undetermined. `values_lost_share` for
        each segment `column=FEED.COLUMN` that lost an optional value: of the values given, those that could not be read
        or lay outside their bounds. `unknown_outcome_share` of the loans scored since the judged window began, held
        against `preprocessing.max_quarantined_share`. `outside_training_share` of all loans scored in the recent days.
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
    return [*rows, *values, _unknown_outcomes(inputs, settings), *_outside_training(inputs, settings)]


def _share(metric: str, segment: str, lost: int, found: int, what: str, settings: Settings) -> MetricResult:
    limit = settings.monitoring.quarantined_share_limit
    if found <= 0:
        return unmeasured(metric, segment, 0, "no row came in", threshold=limit)
    share = lost / found
    low, high = share_interval(min(lost, found), found, settings.monitoring.confidence)
    status = Status.FAIL if share > limit else Status.PASS
    return MetricResult(metric, segment, share, low, high, found, None, status, limit, f"{lost} of {found} {what}")


def _unknown_outcomes(inputs: MonitoringInputs, settings: Settings) -> MetricResult:
    metric, segment, limit = UNKNOWN_METRIC, "all", settings.preprocessing.max_quarantined_share
    after, _ = matured_window(inputs.week_end, settings)
    scored = inputs.predictions.filter(pl.col("snapshot_date") > after)
    nameless = f"events that name no loan, and may be of any: {inputs.events_of_no_loan}"
    if scored.is_empty():
        note = f"no loan was scored since {after}"
        note = f"{note}; {nameless}" if inputs.events_of_no_loan else note
        note = f"{note}; {inputs.early_statuses}" if inputs.early_statuses else note
        return unmeasured(metric, segment, 0, note, threshold=limit)
    unknown = scored.height - inputs.with_knowable_outcome(scored).height
    share = unknown / scored.height
    low, high = share_interval(unknown, scored.height, settings.monitoring.confidence)
    said = [f"{unknown} of {scored.height} loans scored since {after}, left out of all that judges"]
    said += [f"mostly because of {inputs.why_unknown}"] if unknown and inputs.why_unknown else []
    said += [nameless] if inputs.events_of_no_loan else []
    said += [inputs.early_statuses] if inputs.early_statuses else []
    status = Status.FAIL if share > limit else Status.PASS
    return MetricResult(metric, segment, share, low, high, scored.height, None, status, limit, "; ".join(said))


def _outside_training(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Measure the share of recent loans outside what their model was trained on; nothing where it is not known.

    Loans that were refused because of it count too.
    """
    columns = ("loan_id", "snapshot_date", "outside_training", "decision")
    refused, scored = inputs.recent_refused(settings).select(columns), inputs.recent_predictions(settings)
    if "outside_training" not in scored.columns and refused.is_empty():
        return []
    parts = [scored.select(columns), refused] if "outside_training" in scored.columns else [refused]
    told = pl.concat(parts).filter(pl.col("outside_training").is_not_null())
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
    undecided = f"{referred} of them referred" + (f", {refused.height} refused" if refused.height else "")
    note = f"{outside.height} of {told.height} loans, {undecided}" + (f": {named}" if named else "")
    return [MetricResult(metric, "all", share, low, high, told.height, None, status, limit, note)]
