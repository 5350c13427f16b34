"""When did a loan turn out good or bad, and from which day on could that be known?

A bad is known on the day its default becomes visible. A good is known only when the whole window on book has passed and
servicing has had time to report. A loan in between is undetermined: it has no row.
"""

from __future__ import annotations

import polars as pl

from p2pcredit.contracts.feeds import DEFAULT_STATUSES
from p2pcredit.periods import DateRange, add_months
from p2pcredit.settings import LabelSettings

LATE_REPORT_MONTHS = 12
"""A default reported more than so many months after a window closed no longer changes the loan's label."""


def window_end(origination: pl.Expr, settings: LabelSettings) -> pl.Expr:
    """The last day on book on which a default makes the loan bad."""
    return origination.dt.offset_by(f"{settings.window_months}mo")


def window_closed_on(origination: pl.Expr, settings: LabelSettings) -> pl.Expr:
    """The first day on which a good of that origination date can be known.

    Whoever learns from, or judges by, labels as of a day takes only loans whose window has closed by then.
    """
    return window_end(origination, settings).dt.offset_by(f"{settings.reporting_lag_days}d")


def history_needed(days: DateRange, settings: LabelSettings) -> DateRange:
    """Which days of loans and events decide the labels that become known on `days`?"""
    back = settings.window_months + LATE_REPORT_MONTHS
    return DateRange(add_months(days.first, -back), days.last)


def default_events(performance: pl.LazyFrame, settings: LabelSettings) -> pl.LazyFrame:
    """The servicing events that are defaults: `default_days` past due or more, default, or charge-off."""
    return performance.filter(
        (pl.col("days_past_due") >= settings.default_days) | pl.col("status").is_in(sorted(DEFAULT_STATUSES))
    )


def first_originations(terms: pl.LazyFrame) -> pl.LazyFrame:
    """Each loan once, with its origination date; where a platform repeats an id, the earliest counts."""
    return terms.group_by("loan_id").agg(pl.col("origination_date").min())


def build_labels(
    terms: pl.LazyFrame, performance: pl.LazyFrame, days: DateRange, settings: LabelSettings
) -> pl.LazyFrame:
    """Which labels become known on these days?

    Args:
        terms: Typed `loan_terms` rows with `loan_id`, `origination_date`, covering `history_needed(days)`.
        performance: Typed `loan_performance` rows, covering the same days.
        days: The snapshot dates whose labels are asked for.
        settings: Window, default and lag.

    Returns:
        `loan_id, definition, label, origination_date, known_on, snapshot_date`, where snapshot_date equals known_on. A
        good whose default is reported late gets a second, later row with label 1: what was known stays as it was.
    """
    loans = first_originations(terms)
    defaults = default_events(performance, settings).select("loan_id", "event_date", "snapshot_date")
    closed = window_closed_on(pl.col("origination_date"), settings)
    bads = (
        loans.join(defaults, on="loan_id")
        .filter(pl.col("event_date") <= window_end(pl.col("origination_date"), settings))
        .group_by("loan_id", "origination_date")
        .agg(pl.col("snapshot_date").min().alias("known_on"))
    )
    goods = (
        loans.with_columns(closed.alias("known_on"))
        .filter(pl.col("known_on").is_between(pl.lit(days.first), pl.lit(days.last)))
        .join(bads.select("loan_id", pl.col("known_on").alias("bad_on")), on="loan_id", how="left")
        .filter(pl.col("bad_on").is_null() | (pl.col("bad_on") > pl.col("known_on")))
        .drop("bad_on")
    )
    oldest = pl.col("known_on").dt.offset_by(f"-{settings.window_months + LATE_REPORT_MONTHS}mo")
    known_bads = bads.filter(
        pl.col("known_on").is_between(pl.lit(days.first), pl.lit(days.last)), pl.col("origination_date") >= oldest
    )
    return pl.concat(
        [
            known_bads.with_columns(pl.lit(1, dtype=pl.Int8).alias("label")),
            goods.with_columns(pl.lit(0, dtype=pl.Int8).alias("label")),
        ],
        how="diagonal",
    ).select(
        "loan_id",
        pl.lit(settings.definition).alias("definition"),
        "label",
        "origination_date",
        "known_on",
        pl.col("known_on").alias("snapshot_date"),
    )


def labels_as_of(labels: pl.LazyFrame, as_of: pl.Expr, settings: LabelSettings) -> pl.LazyFrame:
    """Which labels may be learned from, or judged by, as of a day?

    Only labels known by then, of loans whose whole window has closed by then (early bads without the goods of their
    cohort would make every portfolio look worse than it is), and of each loan the newest.
    """
    return (
        labels.filter(
            pl.col("definition") == settings.definition,
            pl.col("known_on") <= as_of,
            window_closed_on(pl.col("origination_date"), settings) <= as_of,
        )
        .sort("known_on")
        .unique("loan_id", keep="last", maintain_order=True)
    )
