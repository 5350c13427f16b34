"""What had been observed of each loan by a day: its label where matured, and the months on book it was watched for.

The months on book serve learning before labels mature: a loan that is still open is not called good, it only
contributes the months in which it was seen not to default.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from p2pcredit.contracts.feeds import CLOSING_STATUSES
from p2pcredit.settings import LabelSettings
from p2pcredit.transforms.labels import default_events, first_originations, labels_as_of, window_closed_on, window_end


def build_outcomes(
    terms: pl.LazyFrame, performance: pl.LazyFrame, labels: pl.LazyFrame, *, as_of: date, settings: LabelSettings
) -> pl.LazyFrame:
    """What had been observed of each loan by `as_of`?

    Args:
        terms: Typed `loan_terms` rows with snapshot_date up to `as_of`.
        performance: Typed `loan_performance` rows; later ones are left out here.
        labels: Rows of the label store; later ones are left out here.
        as_of: The day from which one looks back.
        settings: Window, default and lag.

    Returns:
        One row per loan: `loan_id`, `origination_date`, `window_closed_on`, `label` (null unless matured by `as_of`),
        `months_observed` (whole months on book without default, up to the default, the closing or `as_of`, at most the
        window), `defaulted_in_month` (1 is the first month on book; null without a default inside the window),
        `closed` (paid off inside the window by `as_of`).
    """
    day = pl.lit(as_of)
    seen = performance.filter(pl.col("snapshot_date") <= day)
    loans = first_originations(terms.filter(pl.col("snapshot_date") <= day))
    defaulted = default_events(seen, settings).group_by("loan_id").agg(pl.col("event_date").min().alias("defaulted_on"))
    closing = (
        seen.filter(pl.col("status").is_in(sorted(CLOSING_STATUSES)))
        .group_by("loan_id")
        .agg(pl.col("event_date").min().alias("closed_on"))
    )
    matured = labels_as_of(labels, day, settings).select("loan_id", "label")
    window = settings.window_months
    inside = pl.col("defaulted_on") <= window_end(pl.col("origination_date"), settings)
    default_month = (_months_between(pl.col("origination_date"), pl.col("defaulted_on")) + 1).clip(1, window)
    defaulted_in = pl.when(inside).then(default_month)
    paid_off = pl.col("defaulted_on").is_null() & (pl.col("closed_on") <= day)
    watched_until = pl.min_horizontal(pl.coalesce("defaulted_on", "closed_on", day), day)
    return (
        loans.join(defaulted, on="loan_id", how="left")
        .join(closing, on="loan_id", how="left")
        .join(matured, on="loan_id", how="left")
        .select(
            "loan_id",
            "origination_date",
            window_closed_on(pl.col("origination_date"), settings).alias("window_closed_on"),
            "label",
            _months_between(pl.col("origination_date"), watched_until).clip(0, window).alias("months_observed"),
            defaulted_in.cast(pl.Int32).alias("defaulted_in_month"),
            (paid_off & (_months_between(pl.col("origination_date"), pl.col("closed_on")) < window))
            .fill_null(False)
            .alias("closed"),
        )
        .sort("origination_date", "loan_id")
    )


def _months_between(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Whole calendar months from one date to a later one, the last day of a shorter month counting as full."""
    months = (end.dt.year() - start.dt.year()) * 12 + end.dt.month().cast(pl.Int32) - start.dt.month().cast(pl.Int32)
    short = (end.dt.day() < start.dt.day()) & (end != end.dt.month_end())
    return (months - short.cast(pl.Int32)).cast(pl.Int32)
