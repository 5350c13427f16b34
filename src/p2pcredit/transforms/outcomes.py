"""What had been observed of each loan by a day: its label where matured, and the months on book it was watched for.

The months on book serve learning before labels mature: a loan that is still open is not called good, it only
contributes the months in which it was seen not to default. A loan whose outcome is unknown contributes nothing.
"""

from __future__ import annotations

from datetime import date

import narwhals as nw

from p2pcredit.contracts.feeds import CLOSING_STATUSES
from p2pcredit.settings import EARLY_DAYS
from p2pcredit.transforms.labels import (
    Target,
    default_events,
    first_originations,
    labels_as_of,
    late_loans,
    rebuilt_signs,
    unknown_outcomes,
    window_closed_on,
    window_end,
)
from p2pcredit.transforms.unknown_outcomes import Frame


def build_outcomes(
    terms: Frame, performance: Frame, labels: Frame, quarantine: Frame, *, as_of: date, settings: Target
) -> Frame:
    """Gather what had been observed of each loan by `as_of`.

    Args:
        terms: Typed `loan_terms` rows with snapshot_date up to `as_of`.
        performance: Typed `loan_performance` rows; later ones are left out here.
        labels: Rows of the label store; later ones are left out here.
        quarantine: Rows of `silver/quarantine`; later ones are left out here.
        as_of: The day from which one looks back.
        settings: Window, default and lag.

    Returns:
        One row per loan: `loan_id`, `origination_date`, `window_closed_on`, `label` (null unless matured by `as_of`),
        `months_observed` (whole months on book without default, up to the default, the closing or `as_of`, at most the
        window), `defaulted_in_month` (1 is the first month on book; null without a default inside the window),
        `late_in_month` (the same for the first time 30 days past due or worse, which is no label), `closed`
        (paid off inside the window by `as_of`), `definition` (the label's name), `unknown_outcome` (an event of it was
        set aside by `as_of`, before its window closed: it was then watched for no month, has no event and no label),
        `late_cured` (of a loan that was ever 30 days past due, long enough ago for a default to be known: 1 where it
        paid again before any default, 0 where it defaulted; else null), `sign_rebuilt` (an event that says that it was
        30 days past due was rebuilt from a later status, and is used for nothing).
    """
    seen = performance.filter(nw.col("snapshot_date") <= as_of)
    loans = first_originations(terms.filter(nw.col("snapshot_date") <= as_of))
    defaulted = default_events(seen, settings).group_by("loan_id").agg(nw.col("event_date").min().alias("defaulted_on"))
    late = late_loans(seen, settings).drop("late_known_on")
    rebuilt = rebuilt_signs(seen).with_columns(nw.lit(True).alias("sign_rebuilt"))
    closing = (
        seen.filter(nw.col("status").is_in(sorted(CLOSING_STATUSES)))
        .group_by("loan_id")
        .agg(nw.col("event_date").min().alias("closed_on"))
    )
    matured = labels_as_of(labels, quarantine, as_of, settings).select("loan_id", "label")
    unknown = unknown_outcomes(terms, quarantine, as_of=as_of, settings=settings).select("loan_id", "set_aside_on")
    window, day = settings.window_months, nw.lit(as_of)
    origination, defaulted_on, closed_on = (nw.col(name) for name in ("origination_date", "defaulted_on", "closed_on"))
    watched_until = nw.min_horizontal(nw.coalesce(defaulted_on, closed_on, day), day)
    inside = defaulted_on <= window_end(origination, settings)
    default_month = (_months_between(origination, defaulted_on) + 1).clip(1, window)
    late_inside = nw.col("late_on") <= window_end(origination, settings)
    late_month = (_months_between(origination, nw.col("late_on")) + 1).clip(1, window)
    paid_off = defaulted_on.is_null() & (closed_on <= day)
    closed = paid_off & (_months_between(origination, closed_on) < window)
    known = nw.col("set_aside_on").is_null()
    fate_known = nw.col("late_on").dt.offset_by(f"{fate_days(settings)}d") <= day
    watched = _months_between(origination, watched_until).clip(0, window)
    return (
        loans.join(defaulted, on="loan_id", how="left")
        .join(late, on="loan_id", how="left")
        .join(rebuilt, on="loan_id", how="left")
        .join(closing, on="loan_id", how="left")
        .join(matured, on="loan_id", how="left")
        .join(unknown, on="loan_id", how="left")
        .select(
            "loan_id",
            "origination_date",
            window_closed_on(origination, settings).alias("window_closed_on"),
            "label",
            nw.when(known).then(watched).otherwise(nw.lit(0)).cast(nw.Int32).alias("months_observed"),
            nw.when(inside & known).then(default_month).cast(nw.Int32).alias("defaulted_in_month"),
            nw.when(late_inside & known).then(late_month).cast(nw.Int32).alias("late_in_month"),
            nw.when(closed & known).then(nw.lit(True)).otherwise(nw.lit(False)).alias("closed"),
            nw.lit(settings.definition).alias("definition"),
            (~known).alias("unknown_outcome"),
            nw.when(fate_known & known).then(nw.col("late_cured")).alias("late_cured"),
            nw.col("sign_rebuilt").fill_null(value=False).alias("sign_rebuilt"),
        )
        .sort("origination_date", "loan_id")
    )


def fate_days(settings: Target) -> int:
    """Return the days after the first time 30 days past due by which a default that follows from it is known.

    Earlier, what is known of late loans is mostly that they paid again: that takes days, a default takes months.

    Examples:
        >>> from p2pcredit.settings import LabelTarget
        >>> fate_days(LabelTarget(window_months=12, default_days=90, reporting_lag_days=30))
        90
    """
    return max(0, settings.default_days - EARLY_DAYS) + settings.reporting_lag_days


def _months_between(start: nw.Expr, end: nw.Expr) -> nw.Expr:
    """Count whole calendar months from one date to a later one, the last day of a shorter month counting as full."""
    years = end.dt.year().cast(nw.Int32) - start.dt.year().cast(nw.Int32)
    months = years * 12 + end.dt.month().cast(nw.Int32) - start.dt.month().cast(nw.Int32)
    is_month_end = end.dt.offset_by("1d").dt.day() == 1
    short = (end.dt.day() < start.dt.day()) & ~is_month_end
    return months - nw.when(short).then(nw.lit(1)).otherwise(nw.lit(0))
