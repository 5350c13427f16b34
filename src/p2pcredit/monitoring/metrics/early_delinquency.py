"""Early delinquency: which share of each vintage was 30 days past due or more within its first months on book.

They come a year before the labels do, but are no outcome: a loan may still be paid. Only loans observed for that long
count, and none of which an event was set aside: it may have been the sign. Where late loans almost never pay again,
nothing is shown: the sign then was made from the default, or is the default seen sooner.
"""

from __future__ import annotations

import polars as pl

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.status import share_interval, unmeasured
from p2pcredit.settings import Settings
from p2pcredit.transforms.vintages import quarter_name

MONTHS_OBSERVED = (3, 6)
VINTAGES_SHOWN = 12


def measure_early_delinquency(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Measure which share of each newest vintage was 30 days past due within 3 and within 6 months on book.

    Returns:
        `late30_within_3m` and `late30_within_6m` for each vintage quarter with at least one loan observed that long.
        `matured_share` is the share of the vintage's scored loans that has been observed that long. For information: no
        threshold. Where late loans almost never cure, both for `all` and undetermined, with the reason.
    """
    refusal = None if inputs.cures is None else inputs.cures.metric_refusal
    if inputs.cures is not None and refusal is not None:
        return [unmeasured(f"late30_within_{m}m", "all", inputs.cures.late, refusal) for m in MONTHS_OBSERVED]
    origination = pl.col("snapshot_date")
    loans = (
        inputs.with_knowable_outcome(inputs.predictions)
        .select("loan_id", "snapshot_date")
        .join(inputs.early_delinquency.select("loan_id", "late_on"), on="loan_id", how="left")
    )
    ends = {months: origination.dt.offset_by(f"{months}mo") for months in MONTHS_OBSERVED}
    counts = (
        loans.group_by(vintage=quarter_name(origination))
        .agg(
            pl.len().alias("scored"),
            *(((end <= inputs.week_end).sum()).alias(f"observed_{months}") for months, end in ends.items()),
            *(
                ((end <= inputs.week_end) & (pl.col("late_on") <= end)).sum().alias(f"late_{months}")
                for months, end in ends.items()
            ),
        )
        .sort("vintage")
        .tail(VINTAGES_SHOWN)
    )
    return [
        _result(row, months, settings)
        for months in MONTHS_OBSERVED
        for row in counts.iter_rows(named=True)
        if row[f"observed_{months}"]
    ]


def _result(row: dict[str, int], months: int, settings: Settings) -> MetricResult:
    observed, late = row[f"observed_{months}"], row[f"late_{months}"]
    metric, segment, share = f"late30_within_{months}m", f"vintage={row['vintage']}", observed / row["scored"]
    least = settings.monitoring.min_recent_loans
    if observed < least:
        return unmeasured(
            metric, segment, observed, f"{observed} loans observed {months} months, {least} needed", matured_share=share
        )
    low, high = share_interval(late, observed, settings.monitoring.confidence)
    note = f"{late} of {observed} loans"
    return MetricResult(metric, segment, late / observed, low, high, observed, share, Status.UNDETERMINED, None, note)
