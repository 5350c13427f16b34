"""Build the cash flows: those that become known on some days, and those of later days that rest on them.

A day's flows rest on the loans whose schedule still runs, and on those that an event of the day speaks of. So no more
is read than the terms of those loans reach back, whatever the home holds. The event of a loan whose schedule ended long
ago, such as a late recovery of a platform that publishes totals, is found by looking through all loans, and only then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import narwhals as nw
import polars as pl

from p2pcredit.contracts.feeds import LOAN_PERFORMANCE, LOAN_TERMS, MOST_TERM_MONTHS
from p2pcredit.contracts.tables import CASH_FLOWS, QUARANTINE, silver
from p2pcredit.engines.protocol import Engine
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.lake_engines import close_month, engine_for
from p2pcredit.periods import DateRange, add_months, joined, month_end, month_start
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.storage.tables.build_notes import noted_built
from p2pcredit.storage.tables.column_bounds import bounded_files, last_day_there
from p2pcredit.storage.tables.day_receipts import last_with_labels_begun, mark_labels_begun
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

FLOWS_TOGETHER = 2_000_000
"""Flows that are held at once, at most: days are cut at ends of months so that no more become known in a part."""
LOANS_TOGETHER = 1_000_000
"""Loans of a book up to which the stretches of all days are cut at once; of a larger one, those of a year."""
_FLOWS_A_MONTH = 2
"""Of a loan that runs: principal and interest."""
_SHORTEST_MONTH = 28
_TERMS, _PERFORMANCE = silver(LOAN_TERMS), silver(LOAN_PERFORMANCE)


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far back the flows of some days look.

    Args:
        days: The days.
        since: Loans made from this day on are looked at first.
        beyond: Whether loans made before it may have payments that are scheduled.
        months: How long after a loan was made its instalments may become known, by the longest term.
    """

    days: DateRange
    since: date
    beyond: bool
    months: int

    @property
    def terms(self) -> DateRange:
        return DateRange(max(add_months(self.since, -SAME_LOAN_MONTHS), EARLIEST_ORIGINATION), self.days.last)

    @property
    def events(self) -> DateRange:
        return DateRange(self.since, self.days.last)


@dataclass(frozen=True, slots=True)
class _Known:
    """What some loans' flows rest on: the terms of each once, and other rows of silver."""

    loans: Frame
    performance: Frame
    quarantine: Frame


def build_cash_flows(ctx: JobContext, days: DateRange) -> Receipt:
    """Write the cash flows that become known on these days, and mend those of later days that rest on them.

    Returns:
        `rows`, `changed`, `later_changed`: whether flows of later days were other than before.
    """
    lake = Lake(ctx.layout)
    with lake.lock(CASH_FLOWS), noted_built(ctx.layout, CASH_FLOWS.name, days):
        mark_labels_begun(ctx.layout, days)
        height, changed = _write(ctx, lake, days)
        later = _mend_later_flows(ctx, lake, days)
        close_month(lake, CASH_FLOWS, days)
    return {"rows": height, "changed": changed, "later_changed": later}


def _mend_later_flows(ctx: JobContext, lake: Lake, days: DateRange) -> bool:
    """Build the flows of all later days anew, since any may rest on these days; says whether any changed.

    Later days are those that are complete, and those that another run has begun to build and not completed yet.
    """
    next_day = days.last + timedelta(days=1)
    built = (last_day_there(lake, CASH_FLOWS), last_with_labels_begun(ctx.layout))
    last = max(filter(None, built), default=days.last)
    return last >= next_day and _write(ctx, lake, DateRange(next_day, last))[1]


def _write(ctx: JobContext, lake: Lake, days: DateRange) -> tuple[int, bool]:
    """Replace the flows of these days; give how many there are and whether any changed.

    Lives are cut once for many days, at the events known by the last of them; what became known on a day is the same.
    """
    made = {} if days.last <= month_end(days.first) else _loans_by_month(lake, days.last)
    spans = [days] if sum(made.values()) <= LOANS_TOGETHER else list(days.months(12))
    done = [part for span in spans for part in _write_span(ctx, lake, span, made)]
    return sum(height for height, _ in done), any(changed for _, changed in done)


def _write_span(ctx: JobContext, lake: Lake, span: DateRange, made: Mapping[date, int]) -> list[tuple[int, bool]]:
    labels = ctx.settings.labels
    reach = _reach(lake, span, labels.default_days)
    engine = engine_for(ctx, lake, (_TERMS, reach.terms), (_PERFORMANCE, reach.events))
    told: list[tuple[_Known, Frame]] = []
    for known in _known(engine, reach):
        lives = stretches(known.loans, known.performance, known.quarantine, span, labels, partial(_held, engine))
        told.append((known, _held(engine, lives)))
    return [_write_part(engine, told, part, labels.default_days) for part in _parts(span, made, reach.months)]


def _held(engine: Engine, frame: Frame) -> Frame:
    return engine.read_once(frame)[0]


def _loans_by_month(lake: Lake, last: date) -> dict[date, int]:
    """Count the loans made in each month up to a day."""
    found: Counter[date] = Counter()
    for day, loans in lake.rows_per_day(_TERMS, DateRange(EARLIEST_ORIGINATION, last)).items():
        found[month_start(day)] += loans
    return dict(found)


def _parts(span: DateRange, made: Mapping[date, int], months: int) -> list[DateRange]:
    """Cut days where more flows may become known than are to be held together: two a month of a loan that may run."""
    runs = [
        sum(loans for first, loans in made.items() if first <= part.last <= add_months(first, months))
        for part in span.months()
    ]
    return joined(zip(span.months(), (_FLOWS_A_MONTH * loans for loans in runs), strict=True), FLOWS_TOGETHER)


def _write_part(
    engine: Engine, told: Sequence[tuple[_Known, Frame]], days: DateRange, default_days: int
) -> tuple[int, bool]:
    parts: list[Frame] = []
    for known, lives in told:
        filled = engine.mapped(lives, partial(_filled, days, default_days), CASH_FLOWS)
        reported = [disbursements(known.loans, days), *reported_flows(known.loans, known.performance, days)]
        parts += [part.with_columns(nw.col("snapshot_date").alias("known_on")) for part in reported]
        parts.append(filled.lazy())
    (flows,) = engine.run(nw.concat([part.select(list(CASH_FLOWS.schema)) for part in parts]))
    return flows.height, engine.replace(CASH_FLOWS, flows, days)


def _reach(lake: Lake, days: DateRange, default_days: int) -> _Reach:
    """Find how far back the schedules reach that still run on these days, or ended shortly before.

    The log of the table of terms says which of its files may hold loans with a schedule, and of how many months.
    """
    known_after = default_days // _SHORTEST_MONTH + 1
    since, oldest, most = days.first, days.first, 0
    for file in bounded_files(lake, _TERMS, "payments", "term_months"):
        low, high = file.low or EARLIEST_ORIGINATION, file.high or days.last
        if low > days.last or not file.columns["payments"].may_hold(SCHEDULED):
            continue
        longest = file.columns["term_months"].highest
        most = max(most, MOST_TERM_MONTHS if longest is None else int(longest))
        if longest is None or add_months(high, int(longest) + FOLLOWED_MONTHS + known_after) >= days.first:
            since = min(since, low)
        oldest = min(oldest, low)
    return _Reach(days, since, beyond=oldest < since, months=most + known_after)


def _known(engine: Engine, reach: _Reach) -> list[_Known]:
    """Read what the flows of the loans rest on: of the recent ones, and of older ones that an event speaks of."""
    hold = partial(_held, engine)
    terms, performance, quarantine = engine.read_once(
        engine.frame(_TERMS, reach.terms, CASH_COLUMNS["loan_terms"]),
        engine.frame(_PERFORMANCE, reach.events, CASH_COLUMNS["loan_performance"]),
        engine.frame(QUARANTINE, reach.events, QUARANTINE_COLUMNS),
    )
    recent = hold(loans_made(terms, reach.days.last, reach.since, hold))
    if reach.beyond:
        (asking,) = engine.run(not_of(asking_events(performance, reach.days), recent))
        older = _older(engine, reach, asking.lazy()) if asking.height else None
        if older is not None:
            ids = older.loans.select("loan_id")
            left = [hold(frame.join(ids, on="loan_id", how="anti")) for frame in (recent, performance)]
            return [_Known(left[0], left[1], quarantine), older]
    return [_Known(recent, performance, quarantine)]


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
    hold = partial(_held, engine)
    made = hold(loans_made(found.lazy().join(loans, on="loan_id", how="semi"), reach.days.last, hold=hold))
    return _Known(made, performance, quarantine)


def _filled(days: DateRange, known_after_days: int, lives: pl.DataFrame) -> pl.DataFrame:
    filled = scheduled_flows(lives, days, known_after_days)
    return filled.with_columns(pl.col("snapshot_date").alias("known_on"))


__all__ = ["build_cash_flows"]
