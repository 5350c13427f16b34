"""Build the cash flows: those that become known on some days, and those of later days that rest on them.

A day's flows rest on the loans whose schedule still runs, and on those that an event of the day speaks of. So no more
is read than the terms of those loans reach back, whatever the home holds. The event of a loan whose schedule ended long
ago, such as a late recovery of a platform that publishes totals, is found by looking through all loans, and only then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import narwhals as nw
import polars as pl

from p2pcredit.contracts.feeds import LOAN_PERFORMANCE, LOAN_TERMS
from p2pcredit.contracts.tables import CASH_FLOWS, QUARANTINE, silver
from p2pcredit.engines.protocol import Engine
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.lake_engines import close_month, engine_for
from p2pcredit.periods import DateRange, add_months, month_end
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.storage.tables.build_notes import noted_built
from p2pcredit.storage.tables.column_bounds import bounded_files, last_day_there
from p2pcredit.storage.tables.day_receipts import last_with_labels, mark_labels_built
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.cash_flows import (
    CASH_COLUMNS,
    FOLLOWED_MONTHS,
    SAME_LOAN_MONTHS,
    SCHEDULED,
    asking_events,
    disbursements,
    loans_made,
    not_of,
    reported_flows,
    stretches,
)
from p2pcredit.transforms.payment_schedule import scheduled_flows
from p2pcredit.transforms.unknown_outcomes import QUARANTINE_COLUMNS, Frame

STRETCHES_TOGETHER = 20_000
"""Stretches of which all instalments are held at once: each has dozens, and the work on them needs many columns."""
FLOWS_TOGETHER = 4_000_000
"""Flows that are held at once, about: days are cut at ends of months so that no more become known in a part."""
_FLOWS_A_MONTH = 2
"""Of a loan that runs: principal and interest."""
_SHORTEST_MONTH, _LONGEST_MONTH = 28, 31
_TERMS, _PERFORMANCE = silver(LOAN_TERMS), silver(LOAN_PERFORMANCE)


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far back the flows of some days look.

    Args:
        days: The days.
        since: Loans made from this day on are looked at first.
        beyond: Whether loans made before it may have payments that are scheduled.
    """

    days: DateRange
    since: date
    beyond: bool

    @property
    def terms(self) -> DateRange:
        return DateRange(max(add_months(self.since, -SAME_LOAN_MONTHS), EARLIEST_ORIGINATION), self.days.last)

    @property
    def events(self) -> DateRange:
        return DateRange(self.since, self.days.last)


@dataclass(frozen=True, slots=True)
class _Known:
    """Rows of silver that some loans' flows rest on; `since` as in `transforms.cash_flows.stretches`."""

    terms: Frame
    performance: Frame
    quarantine: Frame
    since: date | None


def build_cash_flows(ctx: JobContext, days: DateRange) -> Receipt:
    """Write the cash flows that become known on these days, and mend those of later days that rest on them.

    Returns:
        `rows`, `changed`, `later_changed`: whether flows of later days were other than before.
    """
    lake = Lake(ctx.layout)
    with lake.lock(CASH_FLOWS), noted_built(ctx.layout, CASH_FLOWS.name, days):
        mark_labels_built(ctx.layout, days)
        height, changed = _write(ctx, lake, days)
        later = _mend_later_flows(ctx, lake, days)
        close_month(lake, CASH_FLOWS, days)
    return {"rows": height, "changed": changed, "later_changed": later}


def _mend_later_flows(ctx: JobContext, lake: Lake, days: DateRange) -> bool:
    """Build the flows of all later days anew, since any may rest on these days; says whether any changed.

    Later days are those that are complete, and those that another run has begun to build and not completed yet.
    """
    next_day = days.last + timedelta(days=1)
    built = (last_day_there(lake, CASH_FLOWS), last_with_labels(ctx.layout))
    last = max(filter(None, built), default=days.last)
    return last >= next_day and _write(ctx, lake, DateRange(next_day, last))[1]


def _write(ctx: JobContext, lake: Lake, days: DateRange) -> tuple[int, bool]:
    """Replace the flows of these days; give how many there are and whether any changed."""
    done = [_write_part(ctx, lake, part) for part in _parts(lake, days)]
    return sum(height for height, _ in done), any(changed for _, changed in done)


def _parts(lake: Lake, days: DateRange) -> list[DateRange]:
    """Cut days in which too many flows may become known for them to be held together."""
    if days.last <= month_end(days.first):
        return [days]
    loans = sum(lake.rows_per_day(_TERMS, DateRange(EARLIEST_ORIGINATION, days.last)).values())
    together = max(1, FLOWS_TOGETHER // max(_FLOWS_A_MONTH * loans, 1))
    return [days] if together * _SHORTEST_MONTH >= len(days) + _LONGEST_MONTH else list(days.months(together))


def _write_part(ctx: JobContext, lake: Lake, days: DateRange) -> tuple[int, bool]:
    labels = ctx.settings.labels
    reach = _reach(lake, days, labels.default_days)
    engine = engine_for(ctx, lake, (_TERMS, reach.terms), (_PERFORMANCE, reach.events))
    parts: list[Frame] = []
    for known in _known(engine, reach):
        lives = stretches(known.terms, known.performance, known.quarantine, days.last, labels, known.since)
        filled = engine.mapped(lives, partial(_filled, days, labels.default_days), CASH_FLOWS)
        told = [disbursements(known.terms, days), *reported_flows(known.terms, known.performance, days, known.since)]
        parts += [part.with_columns(nw.col("snapshot_date").alias("known_on")) for part in told]
        parts.append(filled.lazy())
    (flows,) = engine.run(nw.concat([part.select(list(CASH_FLOWS.schema)) for part in parts]))
    return flows.height, engine.replace(CASH_FLOWS, flows, days)


def _reach(lake: Lake, days: DateRange, default_days: int) -> _Reach:
    """Find how far back the schedules reach that still run on these days, or ended shortly before.

    The log of the table of terms says which of its files may hold loans with a schedule, and of how many months.
    """
    after = FOLLOWED_MONTHS + default_days // _SHORTEST_MONTH + 1
    since, oldest = days.first, days.first
    for file in bounded_files(lake, _TERMS, "payments", "term_months"):
        low, high = file.low or EARLIEST_ORIGINATION, file.high or days.last
        if low > days.last or not file.columns["payments"].may_hold(SCHEDULED):
            continue
        longest = file.columns["term_months"].highest
        if longest is None or add_months(high, int(longest) + after) >= days.first:
            since = min(since, low)
        oldest = min(oldest, low)
    return _Reach(days, since, beyond=oldest < since)


def _known(engine: Engine, reach: _Reach) -> list[_Known]:
    """Read what the flows of the loans rest on: of the recent ones, and of older ones that an event speaks of."""
    terms, performance, quarantine = engine.read_once(
        engine.frame(_TERMS, reach.terms, CASH_COLUMNS["loan_terms"]),
        engine.frame(_PERFORMANCE, reach.events, CASH_COLUMNS["loan_performance"]),
        engine.frame(QUARANTINE, reach.events, QUARANTINE_COLUMNS),
    )
    if reach.beyond:
        recent = loans_made(terms, reach.days.last, reach.since)
        (asking,) = engine.run(not_of(asking_events(performance, reach.days), recent))
        older = _older(engine, reach, asking.lazy()) if asking.height else None
        if older is not None:
            left = [
                frame.join(older.terms.select("loan_id"), on="loan_id", how="anti") for frame in (terms, performance)
            ]
            return [_Known(left[0], left[1], quarantine, reach.since), older]
    return [_Known(terms, performance, quarantine, reach.since)]


def _older(engine: Engine, reach: _Reach, asking: Frame) -> _Known | None:
    """Look through all loans for those of these events; None where none of them has payments that are scheduled."""
    whole = DateRange(EARLIEST_ORIGINATION, reach.days.last)
    ids = asking.select("loan_id").unique()
    every = engine.frame(_TERMS, whole, CASH_COLUMNS["loan_terms"])
    (found,) = engine.run(every.join(ids, on="loan_id", how="semi"))
    (scheduled,) = engine.run(found.lazy().filter(nw.col("payments") == SCHEDULED))
    if not scheduled.height:
        return None
    loans = scheduled.lazy().select("loan_id").unique()
    rows = [
        engine.frame(table, whole, columns).join(loans, on="loan_id", how="semi")
        for table, columns in ((_PERFORMANCE, CASH_COLUMNS["loan_performance"]), (QUARANTINE, QUARANTINE_COLUMNS))
    ]
    performance, quarantine = engine.read_once(*rows)
    terms = found.lazy().join(loans, on="loan_id", how="semi")
    return _Known(terms, performance, quarantine, None)


def _filled(days: DateRange, known_after_days: int, lives: pl.DataFrame) -> pl.DataFrame:
    if lives.is_empty():
        return pl.DataFrame(schema=CASH_FLOWS.schema)
    parts = [scheduled_flows(part, days, known_after_days) for part in lives.iter_slices(STRETCHES_TOGETHER)]
    return pl.concat(parts).with_columns(pl.col("snapshot_date").alias("known_on"))


__all__ = ["build_cash_flows"]
