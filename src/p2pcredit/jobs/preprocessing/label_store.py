"""Build the label store: the labels of some days, and those of later days that rest on them."""

from __future__ import annotations

from datetime import date
from typing import Any

import narwhals as nw

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import LABEL_STORE, QUARANTINE, silver
from p2pcredit.engines.protocol import Engine
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.lake_engines import close_month, engine_for
from p2pcredit.jobs.preprocessing.checks.unmatched_rows import (
    events_of_no_loan,
    loans_seen_before,
    warn_of_repeated_loans,
    warn_of_unmatched_events,
)
from p2pcredit.jobs.preprocessing.completeness.day_receipts import write_receipts
from p2pcredit.jobs.training.unknown_outcomes import events_set_aside_on
from p2pcredit.periods import DateRange, add_months
from p2pcredit.storage.locks import exclusive_lock
from p2pcredit.storage.tables.build_notes import noted_built
from p2pcredit.storage.tables.day_receipts import days_with_labels_begun, is_complete, mark_labels_begun, read_receipts
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import (
    LABEL_COLUMNS,
    LATE_REPORT_MONTHS,
    build_labels,
    history_needed,
    longest_window,
    telling_events,
)
from p2pcredit.transforms.unknown_outcomes import QUARANTINE_COLUMNS


def build_label_store(ctx: JobContext, days: DateRange) -> Receipt:
    """Write the labels that become known on these days, and mend those of later days that rest on them.

    Returns:
        `rows`, `changed`, `later_rows_checked`, and `unknown_outcomes`: how many loans have an event that was set aside
        on these days, `of_no_loan`: how many events set aside name no loan, and `events` of these days with those
        `of_unknown_loans`, which have no row in `loan_terms` by then; `seen_before`: loans that landed earlier too;
        `events_before`: loans with an event before they were made.
    """
    receipt = write_labels(ctx, days)
    warn_of_unmatched_events(ctx, days, receipt)
    warn_of_repeated_loans(ctx, days, receipt)
    return {**receipt, **events_set_aside_on(Lake(ctx.layout), days)}


def write_labels(ctx: JobContext, days: DateRange) -> Receipt:
    """Do the same without its warnings, and without the counts of what was set aside."""
    lake = Lake(ctx.layout)
    with lake.lock(LABEL_STORE), noted_built(ctx.layout, LABEL_STORE.name, days):
        mark_labels_begun(ctx.layout, days)
        history = history_needed(days, ctx.settings.labels)
        engine = engine_for(ctx, lake, *((silver(FEEDS[name]), history) for name in LABEL_COLUMNS))
        mended = _mend_later_labels(ctx, engine, days)
        (labels,) = engine.run(_labels(ctx, engine, days))
        changed = engine.replace(LABEL_STORE, labels, days)
        close_month(lake, LABEL_STORE, days)
    unknown = {**events_of_no_loan(lake, days, history), **loans_seen_before(lake, days, history)}
    return {"rows": labels.height, "changed": changed, "later_rows_checked": mended, **unknown}


def _mend_later_labels(ctx: JobContext, engine: Engine, days: DateRange) -> int:
    """Build the labels of later days anew that rest on these days; returns how many rows they have if any changed."""
    reach = longest_window(ctx.settings.labels) + LATE_REPORT_MONTHS + 1
    next_day = date.fromordinal(days.last.toordinal() + 1)
    built = days_with_labels_begun(ctx.layout, DateRange(next_day, add_months(days.last, reach)))
    if not built:
        return 0
    later = DateRange(next_day, built[-1])
    (labels,) = engine.run(_labels(ctx, engine, later).filter(nw.col("snapshot_date").is_in(built)))
    if not engine.replace(LABEL_STORE, labels, later):
        return 0
    with exclusive_lock(ctx.layout.completed_days_lock, "the receipts of complete days"):
        before = read_receipts(ctx.layout, built)
        complete = [day for day in built if is_complete(ctx.layout, day)]
        write_receipts(ctx, later, {day: before.get(day, {}) for day in complete})
    return labels.height


def _labels(ctx: JobContext, engine: Engine, days: DateRange) -> nw.LazyFrame[Any]:
    history = history_needed(days, ctx.settings.labels)
    loans, events = (engine.frame(silver(FEEDS[name]), history, columns) for name, columns in LABEL_COLUMNS.items())
    set_aside = engine.frame(QUARANTINE, history, QUARANTINE_COLUMNS)
    terms, performance, quarantine = engine.read_once(loans, telling_events(events, ctx.settings.labels), set_aside)
    return build_labels(
        terms, performance, quarantine, days, ctx.settings.labels, lambda frame: engine.read_once(frame)[0]
    )
