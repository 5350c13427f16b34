"""When did a loan turn out good or bad, and from which day on could that be known?

A bad is known on the day its default becomes visible. A good is known only when the whole window on book has passed and
servicing has had time to report. A loan in between is undetermined: it has no row.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import narwhals as nw

from p2pcredit.contracts.feeds import DEFAULT_STATUSES
from p2pcredit.periods import DateRange, add_months
from p2pcredit.settings import LabelSettings

LATE_REPORT_MONTHS = 12
"""A default reported more than so many months after a window closed no longer changes the loan's label."""


Frame = nw.LazyFrame[Any]


def window_end(origination: nw.Expr, settings: LabelSettings) -> nw.Expr:
    """The last day on book on which a default makes the loan bad."""
    return origination.dt.offset_by(f"{settings.window_months}mo")


def window_closed_on(origination: nw.Expr, settings: LabelSettings) -> nw.Expr:
    """The first day on which a good of that origination date can be known.

    Whoever learns from, or judges by, labels as of a day takes only loans whose window has closed by then.
    """
    return window_end(origination, settings).dt.offset_by(f"{settings.reporting_lag_days}d")


def history_needed(days: DateRange, settings: LabelSettings) -> DateRange:
    """Which days of loans and events decide the labels that become known on `days`?"""
    back = settings.window_months + LATE_REPORT_MONTHS
    return DateRange(add_months(days.first, -back), days.last)


def default_events(performance: Frame, settings: LabelSettings) -> Frame:
    """The servicing events that are defaults: `default_days` past due or more, default, or charge-off."""
    return performance.filter(
        (nw.col("days_past_due") >= settings.default_days) | nw.col("status").is_in(sorted(DEFAULT_STATUSES))
    )


def first_originations(terms: Frame) -> Frame:
    """Each loan once, with its origination date; where a platform repeats an id, the earliest counts."""
    return terms.group_by("loan_id").agg(nw.col("origination_date").min())


def build_labels(terms: Frame, performance: Frame, days: DateRange, settings: LabelSettings) -> Frame:
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
    origination, known_on = nw.col("origination_date"), nw.col("known_on")
    asked_for = known_on.is_between(days.first, days.last)
    bads = (
        loans.join(defaults, on="loan_id", how="inner")
        .filter(nw.col("event_date") <= window_end(origination, settings))
        .group_by("loan_id", "origination_date")
        .agg(nw.col("snapshot_date").min().alias("known_on"))
    )
    goods = (
        loans.with_columns(window_closed_on(origination, settings).alias("known_on"))
        .filter(asked_for)
        .join(bads.select("loan_id", known_on.alias("bad_on")), on="loan_id", how="left")
        .filter(nw.col("bad_on").is_null() | (nw.col("bad_on") > known_on))
    )
    oldest = known_on.dt.offset_by(f"-{settings.window_months + LATE_REPORT_MONTHS}mo")
    known_bads = bads.filter(asked_for, origination >= oldest)
    return nw.concat([_labelled(known_bads, 1, settings), _labelled(goods, 0, settings)])


def labels_as_of(labels: Frame, day: date, settings: LabelSettings) -> Frame:
    """Which labels may be learned from, or judged by, as of a day?

    Only labels known by then, of loans whose whole window has closed by then (early bads without the goods of their
    cohort would make every portfolio look worse than it is), and of each loan the newest: a bad that was reported after
    its good.

    Returns:
        `loan_id`, `label`, `origination_date`, `known_on`; one row per loan.
    """
    origination = nw.col("origination_date")
    return (
        labels.filter(
            nw.col("definition") == settings.definition,
            nw.col("known_on") <= day,
            window_closed_on(origination, settings) <= day,
        )
        .group_by("loan_id")
        .agg(nw.col("label").max(), origination.min(), nw.col("known_on").max())
    )


def _labelled(known: Frame, label: int, settings: LabelSettings) -> Frame:
    return known.select(
        "loan_id",
        nw.lit(settings.definition).alias("definition"),
        nw.lit(label).cast(nw.Int8).alias("label"),
        "origination_date",
        "known_on",
        nw.col("known_on").alias("snapshot_date"),
    )
