"""Vintage curves: the share of a vintage that was ever so many days past due, or charged off, by a month on book.

*Ever by* month m, not *at* month m: a loan that was 90 days past due in month 4 and pays again counts in every later
month. A loan belongs to month m from the day on which it has been m months on book; one that was paid off can no longer
be late, and stays in the denominator.

A month is observed where every loan of the cell has been on book so long, and partly observed where half of them have:
the share is then that of a life table over the loans that have. Later months are projected. The hazards of all vintages
together, month by month, are carried on at the level that the cell has shown against them, which is shrunk to one by
five events, as in credibility theory.

Source:
    Kaplan & Meier (1958), JASA 53; Greenwood (1926) for the variance; Buehlmann (1967), Experience rating and
    credibility, ASTIN Bulletin 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.models.evaluation.intervals import Floats, normal_quantile, wilson_interval

OBSERVED, PARTLY, PROJECTED = "observed", "partly", "projected"
PRIOR_EVENTS = 5.0
"""So many events of its own count for as much in a cell's level as what all vintages show."""

LEAST_SEEN_SHARE = 0.5
"""Where fewer of a cell's loans have been on book so long, a month is projected: one event of the few left to watch
would be a leap of the curve."""

Months = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Point:
    """One month of a curve.

    Args:
        month: Months on book.
        share: Of the loans, those with the event by then.
        low, high: Its interval.
        state: `observed`, `partly` or `projected`.
        seen: Loans that have been on book so long.
    """

    month: int
    share: float
    low: float
    high: float
    state: str
    seen: int


def event_month(origination: pl.Expr, event: pl.Expr) -> pl.Expr:
    """Give the first month on book by whose end an event has happened; 1 or more, null without an event.

    Examples:
        >>> from datetime import date
        >>> frame = pl.DataFrame({"o": [date(2020, 1, 31)] * 3, "e": [date(2020, 2, 29), date(2020, 3, 1), None]})
        >>> frame.select(event_month(pl.col("o"), pl.col("e")).alias("m"))["m"].to_list()
        [1, 2, None]
    """
    apart = (event.dt.year() - origination.dt.year()) * 12 + event.dt.month() - origination.dt.month()
    return (apart + pl.when(event > _after(origination, apart)).then(1).otherwise(0)).clip(1).cast(pl.Int64)


def months_seen(origination: pl.Expr, until: pl.Expr) -> pl.Expr:
    """Give the whole months on book that have passed by a day; 0 or more."""
    apart = (until.dt.year() - origination.dt.year()) * 12 + until.dt.month() - origination.dt.month()
    return (apart - pl.when(until < _after(origination, apart)).then(1).otherwise(0)).clip(0).cast(pl.Int64)


def _after(origination: pl.Expr, months: pl.Expr) -> pl.Expr:
    whole = origination.dt.year().cast(pl.Int64) * 12 + origination.dt.month() - 1 + months
    first = pl.date(whole // 12, whole % 12 + 1, 1)
    return first + pl.duration(days=pl.min_horizontal(origination.dt.day(), first.dt.days_in_month()) - 1)


def curves_by(
    loans: pl.DataFrame, measures: Sequence[str], by: Sequence[str], pooled_by: Sequence[str], confidence: float
) -> list[dict[str, Any]]:
    """Build the curve of each cell and measure over the months of its longest term.

    Args:
        loans: One row per loan: `term_months`, the columns of `by`, `seen` (whole months on book), and per measure the
            month of its event, null where it did not happen by then.
        measures: Names of those columns.
        by: The columns that make a cell.
        pooled_by: Those of them whose loans are taken together for the months that a cell has not reached.
        confidence: Of the intervals.

    Returns:
        Per cell and measure its columns, `measure`, `loans`, `events` and `points`, one `Point` as a dict for each
        month that is observed or can be projected.
    """
    found: list[dict[str, Any]] = []
    pools = loans.partition_by(list(pooled_by), as_dict=True) if pooled_by else {(): loans}
    cells = loans.partition_by(list(by), as_dict=True, maintain_order=True)
    for key in sorted(cells, key=lambda values: tuple((value is None, value) for value in values)):
        cell, own = cells[key], dict(zip(by, key, strict=True))
        pool = pools[tuple(own[name] for name in pooled_by)]
        horizon = int(cell["term_months"].max())  # type: ignore[arg-type]
        for measure in measures:
            points = curve(*_arrays(cell, measure), *_arrays(pool, measure), horizon, confidence)
            happened = int((cell[measure].is_not_null() & (cell[measure] <= cell["seen"])).sum())
            found.append(
                {
                    **own,
                    "measure": measure,
                    "loans": cell.height,
                    "events": happened,
                    "points": [_as_json(point) for point in points],
                }
            )
    return found


def curve(
    events: Months, seen: Months, pool_events: Months, pool_seen: Months, horizon: int, confidence: float
) -> list[Point]:
    """Build one curve.

    Args:
        events: Per loan of the cell the month of its event; 0 where it did not happen.
        seen: Per loan the whole months on book.
        pool_events, pool_seen: The same of the loans that later months are projected from, the cell's own among them.
        horizon: The last month.
        confidence: Of the intervals.

    Returns:
        Points from month 1 to the last that is observed or can be projected.
    """
    happened, at_risk = _life_table(events, seen, horizon)
    pool_happened, pool_at_risk = _life_table(pool_events, pool_seen, horizon)
    whole, size = int(seen.min()) if seen.size else 0, int(seen.size)
    points: list[Point] = []
    survival, spread = 1.0, 0.0
    for month in range(1, horizon + 1):
        bad, risk = happened[month - 1], at_risk[month - 1]
        seen_now = int((seen >= month).sum())
        if not seen_now or seen_now < LEAST_SEEN_SHARE * size:
            break
        survival *= 1.0 - (bad / risk if risk else 0.0)
        spread += bad / (risk * (risk - bad)) if risk > bad else 0.0
        if month <= whole:
            share = float(happened[:month].sum()) / size
            low, high = wilson_interval(share, size, confidence)
            points.append(Point(month, share, low, high, OBSERVED, size))
            continue
        share, variance = 1.0 - survival, survival * survival * spread
        effective = share * (1.0 - share) / variance if variance > 0 and 0 < share < 1 else float(max(risk, 1))
        low, high = wilson_interval(share, effective, confidence)
        points.append(Point(month, share, low, high, PARTLY, seen_now))
    return points + _projected(points, happened, at_risk, pool_happened, pool_at_risk, (survival, spread), confidence)


def _projected(
    points: list[Point],
    happened: Floats,
    at_risk: Floats,
    pool_happened: Floats,
    pool_at_risk: Floats,
    reached: tuple[float, float],
    confidence: float,
) -> list[Point]:
    """Carry a curve on by the hazards of the pool, at the cell's own level, as far as the pool reaches."""
    start, horizon = len(points), at_risk.size
    hazards = np.divide(pool_happened, pool_at_risk, out=np.full(horizon, np.nan), where=pool_at_risk > 0)
    expected = float(np.nansum(at_risk[:start] * hazards[:start]))
    own = float(happened[:start].sum())
    level = (own + PRIOR_EVENTS) / (expected + PRIOR_EVENTS)
    survival, spread = reached
    left = max(
        float(at_risk[start - 1] - happened[start - 1]) if start else float(points[-1].seen if points else 0), 1.0
    )
    z, found = normal_quantile(confidence), list[Point]()
    total = 0.0
    for month in range(start + 1, horizon + 1):
        hazard = hazards[month - 1]
        if not math.isfinite(hazard):
            break
        total += level * hazard
        lasting = survival * math.exp(-total)
        of_pool = max(float(pool_happened[start:month].sum()), 1.0)
        relative = 1.0 / (own + PRIOR_EVENTS) + 1.0 / of_pool
        variance = lasting**2 * (spread + total**2 * relative + total / left)
        share, half = 1.0 - lasting, z * math.sqrt(variance)
        found.append(Point(month, share, max(0.0, share - half), min(1.0, share + half), PROJECTED, 0))
    return found


def _life_table(events: Months, seen: Months, horizon: int) -> tuple[Floats, Floats]:
    """Count the events of each month, and the loans that have been on book to its end without one before."""
    months = np.arange(1, horizon + 1)
    counted = np.where((events > 0) & (events <= seen), events, 0)
    happened = np.bincount(counted[counted > 0], minlength=horizon + 1)[1 : horizon + 1].astype(np.float64)
    on_book = np.array([(seen >= month).sum() for month in months], dtype=np.float64)
    gone = np.array([((counted > 0) & (counted < month) & (seen >= month)).sum() for month in months], dtype=np.float64)
    return happened, on_book - gone


def _arrays(loans: pl.DataFrame, measure: str) -> tuple[Months, Months]:
    return (
        loans[measure].fill_null(0).to_numpy().astype(np.int64),
        loans["seen"].to_numpy().astype(np.int64),
    )


def _as_json(point: Point) -> dict[str, Any]:
    return {
        "month": point.month,
        "share": round(point.share, 6),
        "low": round(point.low, 6),
        "high": round(point.high, 6),
        "state": point.state,
        "seen": point.seen,
    }


__all__ = [
    "OBSERVED",
    "PARTLY",
    "PRIOR_EVENTS",
    "PROJECTED",
    "Point",
    "curve",
    "curves_by",
    "event_month",
    "months_seen",
]
