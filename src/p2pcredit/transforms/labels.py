"""Label loans good or bad, each with the day from which on that could be known.

A bad is known on the day its default becomes visible. A good is known only when the whole window on book has passed and
servicing has had time to report. A loan in between is undetermined: it has no row. So has a loan of which a servicing
event was set aside before its window had closed: its outcome is unknown for good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import narwhals as nw

from p2pcredit.contracts.feeds import CURED_STATUSES, DEFAULT_STATUSES
from p2pcredit.periods import DateRange, add_months
from p2pcredit.settings import EARLY_DAYS, LabelSettings, LabelTarget
from p2pcredit.transforms.rebuilt_events import foretells, is_outcome, with_known_on, with_rebuilt
from p2pcredit.transforms.unknown_outcomes import Frame, drop_unknown, first_set_aside, keep_unknown

LATE_REPORT_MONTHS = 12
"""A default reported more than so many months after a window closed no longer changes the loan's label."""

MONTH_END_SLACK = timedelta(days=4)
"""Months on and months back differ by up to three days where they meet the end of a shorter month."""

LABEL_COLUMNS: dict[str, tuple[str, ...]] = {
    "loan_terms": ("loan_id", "origination_date", "term_months"),
    "loan_performance": ("loan_id", "event_date", "snapshot_date", "status", "days_past_due", "rebuilt"),
}
"""The silver feeds that labels rest on, beside the quarantine, and their columns."""

Target = LabelSettings | LabelTarget
"""A definition of a label; the settings of labels stand for their main one."""


def window_end(origination: nw.Expr, settings: Target) -> nw.Expr:
    """Give the last day on book on which a default makes the loan bad."""
    return origination.dt.offset_by(f"{settings.window_months}mo").cast(nw.Date)


def window_closed_on(origination: nw.Expr, settings: Target) -> nw.Expr:
    """Give the first day on which a good of that origination date can be known.

    Training and evaluation as of a day take only loans whose window has closed by then.
    """
    return window_end(origination, settings).dt.offset_by(f"{settings.reporting_lag_days}d").cast(nw.Date)


def history_needed(days: DateRange, settings: LabelSettings) -> DateRange:
    """Give the days of loans and events that decide the labels that become known on `days`."""
    back = longest_window(settings) + LATE_REPORT_MONTHS
    return DateRange(add_months(days.first, -back), days.last)


def longest_window(settings: LabelSettings) -> int:
    """Give the months on book that the longest definition looks at."""
    return max(target.window_months for target in settings.targets)


def default_events(performance: Frame, settings: Target, by: Sequence[str] = ("loan_id",)) -> Frame:
    """Filter the servicing events that are defaults: `default_days` past due or more, default, or charge-off.

    Args:
        performance: Typed `loan_performance` rows that are known.
        settings: When a loan is in default.
        by: What tells one loan from another.

    Returns:
        The events with `known_on`, the day from which each may be used: see `transforms.rebuilt_events`.
    """
    performance = with_rebuilt(performance)
    return with_known_on(performance.filter(is_default(settings)), performance, by)


def is_default(settings: Target) -> nw.Expr:
    """Select the servicing events that are defaults."""
    return (nw.col("days_past_due") >= settings.default_days) | nw.col("status").is_in(sorted(DEFAULT_STATUSES))


def first_originations(terms: Frame) -> Frame:
    """Select each loan once, with its origination date; where a platform repeats an id, the earliest counts."""
    return terms.group_by("loan_id").agg(nw.col("origination_date").min())


def early_delinquency(performance: Frame, settings: Target) -> Frame:
    """Filter the servicing events of early delinquency: seen 30 days past due or more, or a default itself.

    A rebuilt sign is none: it says nothing that the default does not say from which it was made, and that counts on its
    own day.

    Returns:
        The events with `known_on`, the day from which each may be used; one that is both stands twice.
    """
    performance = with_rebuilt(performance)
    signs = performance.filter(nw.col("days_past_due") >= EARLY_DAYS, ~foretells())
    seen = signs.with_columns(nw.col("snapshot_date").alias("known_on"))
    return nw.concat([seen, default_events(performance, settings)])


def late_loans(performance: Frame, settings: Target) -> Frame:
    """Find the loans that were ever 30 days past due, and what became of them next.

    Args:
        performance: Typed `loan_performance` rows that are known.
        settings: When a loan is in default.

    Returns:
        `loan_id`, `late_on` (the first day 30 days past due or worse), `late_known_on`, `late_cured` (1 where it was
        current or paid off after that and before any default, 0 where it defaulted first, missing where neither is
        known yet); one row per loan.
    """
    first = (
        early_delinquency(performance, settings)
        .group_by("loan_id")
        .agg(nw.col("event_date").min().alias("late_on"), nw.col("known_on").min().alias("late_known_on"))
    )
    defaulted = (
        default_events(performance, settings).group_by("loan_id").agg(nw.col("event_date").min().alias("bad_on"))
    )
    cured = (
        performance.filter(nw.col("status").is_in(sorted(CURED_STATUSES)), nw.col("days_past_due") < EARLY_DAYS)
        .select("loan_id", "event_date")
        .join(first, on="loan_id", how="inner")
        .filter(nw.col("event_date") > nw.col("late_on"))
        .group_by("loan_id")
        .agg(nw.col("event_date").min().alias("cured_on"))
    )
    cured_on, bad_on = nw.col("cured_on"), nw.col("bad_on")
    is_cured = ~cured_on.is_null() & (bad_on.is_null() | (cured_on < bad_on))
    return (
        first.join(defaulted, on="loan_id", how="left")
        .join(cured, on="loan_id", how="left")
        .select(
            "loan_id",
            "late_on",
            "late_known_on",
            nw.when(is_cured)
            .then(nw.lit(1))
            .otherwise(nw.when(~bad_on.is_null()).then(nw.lit(0)))
            .cast(nw.Int8)
            .alias("late_cured"),
        )
    )


def rebuilt_signs(performance: Frame) -> Frame:
    """Find the loans with a rebuilt sign of delinquency, which is used for nothing: `loan_id`, one row per loan."""
    performance = with_rebuilt(performance)
    return performance.filter(nw.col("days_past_due") >= EARLY_DAYS, foretells()).select("loan_id").unique()


def _as_it_is(frame: Frame) -> Frame:
    return frame


def build_labels(
    terms: Frame,
    performance: Frame,
    quarantine: Frame,
    days: DateRange,
    settings: LabelSettings,
    hold: Callable[[Frame], Frame] = _as_it_is,
) -> Frame:
    """Build the labels of every definition that become known on these days.

    Args:
        terms: Typed `loan_terms` rows with `loan_id`, `origination_date`, `term_months`, covering
            `history_needed(days)`.
        performance: Typed `loan_performance` rows, covering the same days; those of `telling_events` suffice.
        quarantine: Rows of `silver/quarantine` of the same days.
        days: The snapshot dates whose labels are asked for.
        settings: Windows, default and lag.
        hold: Makes a frame that is asked for several times once, where that is quicker; an engine's `read_once`.

    Returns:
        `loan_id, definition, label, origination_date, known_on, snapshot_date`, where snapshot_date equals known_on. A
        good whose default is reported late gets a second, later row with label 1: what was known stays as it was.
        Lifetime labels exist only for loans of that term. A loan of which an event was set aside by the day its window
        closed has no label that becomes known from the day of that event on.
    """
    targets = settings.targets
    seen = default_events(performance, settings)
    defaults = hold(seen.select("loan_id", "event_date", nw.col("known_on").alias("seen_on")))
    asked = hold(_loans_of(terms, defaults, days, targets))
    loans = _with_bads(asked, defaults, targets).join(first_set_aside(quarantine), on="loan_id", how="left")
    loans = hold(loans)
    built = [_build_target(loans, days, target) for target in targets]
    return nw.concat([rows for parts in built for rows in parts])


def telling_events(performance: Frame, settings: Target) -> Frame:
    """Keep the servicing events that labels rest on: defaults, and outcomes that rebuilt events wait for.

    Most events of a book say that a loan is current. They are left out before anything is joined or held.
    """
    return performance.filter(is_default(settings) | is_outcome())


def _loans_of(terms: Frame, defaults: Frame, days: DateRange, targets: Sequence[LabelTarget]) -> Frame:
    """Select the loans that may have a label that becomes known on these days, each once, with its origination date.

    They are those with a default that was seen on these days, and those with a window that may close on them. Where an
    id repeats, all its rows are looked at and the earliest counts: it may close on other days.

    Returns:
        `loan_id`, `origination_date`, and per definition of one contract term `of_TERM`: the first day on which a loan
        of the id was made for that term.
    """
    origination = nw.col("origination_date")
    may_close = nw.any_horizontal(*(_may_close(days, target) for target in targets), ignore_nulls=True)
    asked = nw.concat(
        [
            defaults.filter(nw.col("seen_on").is_between(days.first, days.last)).select("loan_id"),
            terms.filter(may_close).select("loan_id"),
        ]
    ).unique()
    terms_asked = [target.term_months for target in targets if target.term_months is not None]
    of_term = [nw.when(nw.col("term_months") == term).then(origination).alias(f"of_{term}") for term in terms_asked]
    return (
        terms.join(asked, on="loan_id", how="semi")
        .select("loan_id", "origination_date", *of_term)
        .group_by("loan_id")
        .agg(origination.min(), *(nw.col(f"of_{term}").min() for term in terms_asked))
    )


def _may_close(days: DateRange, target: LabelTarget) -> nw.Expr:
    """Select the loans whose window can close on these days, and a few more: plain dates are quicker than months."""
    lag = timedelta(days=target.reporting_lag_days)
    first, last = (add_months(day - lag, -target.window_months) for day in (days.first, days.last))
    found = nw.col("origination_date").is_between(first - MONTH_END_SLACK, last + MONTH_END_SLACK)
    return found if target.term_months is None else found & (nw.col("term_months") == target.term_months)


def _with_bads(loans: Frame, defaults: Frame, targets: Sequence[LabelTarget]) -> Frame:
    """Add per definition the first day on which a default inside its window was seen: `bad_DEFINITION`.

    One join and one pass over the defaults serve all definitions.
    """
    origination, seen_on = nw.col("origination_date"), nw.col("seen_on")
    inside = [
        nw.when(nw.col("event_date") <= window_end(origination, target)).then(seen_on).alias(f"bad_{target.definition}")
        for target in targets
    ]
    bads = (
        loans.join(defaults, on="loan_id", how="inner")
        .select("loan_id", *inside)
        .group_by("loan_id")
        .agg(*(nw.col(f"bad_{target.definition}").min() for target in targets))
    )
    return loans.join(bads, on="loan_id", how="left")


def _build_target(loans: Frame, days: DateRange, target: LabelTarget) -> tuple[Frame, Frame]:
    """Select the bads and the goods of one definition that become known on these days.

    Args:
        loans: What `_loans_of` and `_with_bads` gave, with `set_aside_on`.
        days: The days.
        target: The definition.
    """
    origination, known_on = nw.col("origination_date"), nw.col("known_on")
    if target.term_months is not None:
        loans = loans.filter(nw.col(f"of_{target.term_months}") == origination)
    bad_on, closed_on = nw.col(f"bad_{target.definition}"), window_closed_on(origination, target)
    asked_for = known_on.is_between(days.first, days.last)
    oldest = known_on.dt.offset_by(f"-{target.window_months + LATE_REPORT_MONTHS}mo").cast(nw.Date)
    bads = loans.with_columns(bad_on.alias("known_on")).filter(asked_for, origination >= oldest)
    goods = loans.with_columns(closed_on.alias("known_on")).filter(asked_for, bad_on.is_null() | (bad_on > known_on))
    set_aside_on = nw.col("set_aside_on")
    sound = set_aside_on.is_null() | (set_aside_on > nw.min_horizontal(known_on, closed_on))
    return _labelled(bads.filter(sound), 1, target), _labelled(goods.filter(sound), 0, target)


def unknown_outcomes(terms: Frame, quarantine: Frame, *, as_of: date, settings: Target) -> Frame:
    """Find the loans that will never have a label of this definition, as far as that is known on a day.

    Args:
        terms: Typed `loan_terms` rows.
        quarantine: Rows of `silver/quarantine`.
        as_of: The day from which one looks back.
        settings: Window and lag.

    Returns:
        `loan_id`, `origination_date`, `set_aside_on`: the first day on which an event of the loan was set aside, which
        is no later than `as_of` and the day its window closed; one row per loan.
    """
    loans = first_originations(terms.filter(nw.col("snapshot_date") <= as_of))
    return keep_unknown(loans, quarantine, by=window_closed_on(nw.col("origination_date"), settings), as_of=as_of)


def labels_as_of(labels: Frame, quarantine: Frame, day: date, settings: Target) -> Frame:
    """Choose the labels of one definition that may be learned from, or judged by, as of a day.

    Only labels known by then, of loans whose whole window has closed by then (early bads without the goods of their
    cohort would make every portfolio look worse than it is), and of each loan the newest: a bad that was reported after
    its good. A bad that was known before an event of the same loan was set aside stays in the label store, as what was
    known stays; here it is left out with the goods to which the same happened.

    Returns:
        `loan_id`, `label`, `origination_date`, `known_on`; one row per loan.
    """
    origination = nw.col("origination_date")
    closed_on = window_closed_on(origination, settings)
    matured = labels.filter(
        nw.col("definition") == settings.definition, nw.col("known_on") <= day, closed_on <= day
    ).select("loan_id", "label", "origination_date", "known_on")
    return (
        drop_unknown(matured, quarantine, by=closed_on)
        .group_by("loan_id")
        .agg(nw.col("label").max(), origination.min(), nw.col("known_on").max())
    )


def _labelled(known: Frame, label: int, settings: LabelTarget) -> Frame:
    return known.select(
        "loan_id",
        nw.lit(settings.definition).alias("definition"),
        nw.lit(label).cast(nw.Int8).alias("label"),
        "origination_date",
        "known_on",
        nw.col("known_on").alias("snapshot_date"),
    )
