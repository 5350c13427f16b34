"""Roll rates: how loans move between current, 30, 60 and 90 days past due, charge-off and paid off within a month.

Two estimators of the same matrix. By cohorts: of the loans in a state at the end of a month, the share in each state at
the end of the next. By durations: the rate of each move is the moves counted over the time spent in the state that they
leave; the matrix of a month is the exponential of the rates. It uses moves within a month, and gives a probability to
those that no loan made from one month's end to the next.

Source:
    Lando & Skodeberg (2002), Analyzing rating transitions and rating drift with continuous observations, Journal of
    Banking & Finance 26.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from scipy.linalg import expm

from p2pcredit.models.evaluation.intervals import Floats, wilson_interval

STATES = ("current", "30", "60", "90", "charged_off", "paid_off")
"""From good to bad, the last two for ever."""
ABSORBING = ("charged_off", "paid_off")
MONTH_DAYS = 365.25 / 12
_DRAWS = 400
_SEED = 20260101
_PLACE = {state: place for place, state in enumerate(STATES)}


@dataclass(frozen=True, slots=True)
class Matrix:
    """An estimated matrix of one month with its intervals; a row that no loan was in is NaN.

    Args:
        shares, low, high: (states, states), each row adding up to 1.
        counts: Moves counted: from one month's end to the next, or whenever they came.
        exposure: Per state loans at a month's end, or months spent in it.
    """

    shares: Floats
    low: Floats
    high: Floats
    counts: Floats
    exposure: Floats

    def as_json(self) -> list[dict[str, Any]]:
        """Give it as one row per pair of states; nothing of a state that no loan was in."""
        return [
            {
                "from": left,
                "to": right,
                "share": float(self.shares[i, j]),
                "low": float(self.low[i, j]),
                "high": float(self.high[i, j]),
                "count": int(self.counts[i, j]),
                "exposure": float(self.exposure[i]),
            }
            for i, left in enumerate(STATES[:4])
            for j, right in enumerate(STATES)
            if self.exposure[i] > 0
        ]


def state_of() -> pl.Expr:
    """Give the state that an event puts its loan in; less than 30 days past due is current."""
    status, days = pl.col("status"), pl.col("days_past_due")
    return (
        pl.when(status == "CHARGED_OFF")
        .then(pl.lit("charged_off"))
        .when(status == "FULLY_PAID")
        .then(pl.lit("paid_off"))
        .when((status == "DEFAULT") | (days >= 90))
        .then(pl.lit("90"))
        .when(days >= 60)
        .then(pl.lit("60"))
        .when(days >= 30)
        .then(pl.lit("30"))
        .otherwise(pl.lit("current"))
    )


def stays_of(loans: pl.DataFrame, events: pl.DataFrame, until: date) -> pl.DataFrame:
    """Cut the life of each loan into stays in one state.

    Args:
        loans: `loan_id`, `origination_date`.
        events: `loan_id`, `event_date`, `row_number`, `status`, `days_past_due`, as known.
        until: The last day watched.

    Returns:
        `loan_id`, `state`, `from_on`, `to_on`, `next` (the state that it moves to; null where it was still there at the
        end). A loan begins as current; its first event of a state for ever ends it. Events that change nothing make no
        stay.
    """
    start = loans.filter(pl.col("origination_date") <= until).select(
        "loan_id",
        pl.col("origination_date").alias("on"),
        pl.lit("current").alias("state"),
        pl.lit(-1).alias("row_number"),
    )
    seen = events.filter(pl.col("event_date") <= until).select(
        "loan_id", pl.col("event_date").alias("on"), state_of().alias("state"), pl.col("row_number").cast(pl.Int32)
    )
    seen = seen.join(start.select("loan_id"), on="loan_id", how="semi")
    path = pl.concat([start.with_columns(pl.col("row_number").cast(pl.Int32)), seen]).sort(
        "loan_id", "on", "row_number"
    )
    ended = pl.col("state").is_in(ABSORBING).cast(pl.Int32)
    path = path.filter((ended.cum_sum() - ended).over("loan_id") == 0)
    # Of several events on one day the last one holds; what changes nothing is no move.
    path = path.group_by("loan_id", "on", maintain_order=True).agg(pl.col("state").last())
    moved = pl.col("state").ne_missing(pl.col("state").shift(1).over("loan_id"))
    path = path.filter(moved)
    return path.with_columns(
        pl.col("state").shift(-1).over("loan_id").alias("next"),
        pl.col("on").shift(-1).over("loan_id").fill_null(until).alias("to_on"),
    ).select("loan_id", "state", pl.col("on").alias("from_on"), "to_on", "next")


def by_cohorts(stays: pl.DataFrame, until: date, confidence: float) -> Matrix:
    """Estimate the matrix from the states at the ends of months."""
    last_end = pl.lit(until).dt.offset_by("1d").dt.month_start().dt.offset_by("-1d")
    first, beyond = pl.col("from_on").dt.month_end(), pl.col("to_on").dt.month_end()
    forever = pl.col("state").is_in(ABSORBING)
    # A stay holds at the ends of months from its first day on, before the day of the next move.
    to = (
        pl.when(pl.col("next").is_null())
        .then(last_end)
        .otherwise(
            pl.when(pl.col("to_on") == beyond)
            .then(beyond.dt.offset_by("-1mo").dt.month_end())
            .otherwise(pl.col("to_on").dt.month_start().dt.offset_by("-1d"))
        )
    )
    to = pl.when(forever).then(pl.min_horizontal(first, last_end)).otherwise(pl.min_horizontal(to, last_end))
    held = stays.with_columns(first.alias("_first"), to.alias("_to")).filter(pl.col("_first") <= pl.col("_to"))
    at_ends = (
        held.with_columns(pl.date_ranges("_first", "_to", "1mo").alias("_end"))
        .explode("_end", empty_as_null=False, keep_nulls=False)
        .with_columns(pl.col("_end").dt.month_end())
        .sort("loan_id", "_end")
        .with_columns(
            pl.col("state").shift(-1).over("loan_id").alias("_then"),
            pl.col("_end").shift(-1).over("loan_id").alias("_at"),
        )
        .filter(pl.col("_at") == pl.col("_end").dt.offset_by("1d").dt.month_end())
    )
    counts = _counted(at_ends.group_by("state", "_then").len())
    counts[[_PLACE[state] for state in ABSORBING]] = 0.0
    exposure = counts.sum(axis=1)
    shares, low, high = (np.full(counts.shape, np.nan) for _ in range(3))
    for i, j in np.ndindex(*counts.shape):
        if exposure[i] > 0:
            shares[i, j] = counts[i, j] / exposure[i]
            low[i, j], high[i, j] = wilson_interval(float(shares[i, j]), float(exposure[i]), confidence)
    return Matrix(shares, low, high, counts, exposure)


def by_durations(stays: pl.DataFrame, confidence: float) -> Matrix:
    """Estimate the matrix of a month from the moves and the time spent in each state.

    The interval is that of matrices whose rates are drawn from the Gamma distribution that moves and time give, 400 of
    them from a fixed seed.
    """
    days = (pl.col("to_on") - pl.col("from_on")).dt.total_days()
    spent = stays.filter(~pl.col("state").is_in(ABSORBING)).group_by("state").agg(days.sum().alias("days"))
    months = np.zeros(len(STATES))
    for state, total in spent.iter_rows():
        months[_PLACE[state]] = total / MONTH_DAYS
    moves = stays.filter(pl.col("next").is_not_null(), ~pl.col("state").is_in(ABSORBING))
    counts = _counted(moves.group_by("state", "next").len())
    random = np.random.default_rng(_SEED)
    drawn = np.stack([_month_of(random.gamma(counts + 0.5), counts, months) for _ in range(_DRAWS)])
    tail = (1.0 - confidence) / 2.0
    shares = _month_of(counts, counts, months)
    low, high = np.quantile(drawn, tail, axis=0), np.quantile(drawn, 1.0 - tail, axis=0)
    never = months <= 0
    for matrix in (shares, low, high):
        matrix[never] = np.nan
    return Matrix(shares, np.minimum(low, shares), np.maximum(high, shares), counts, months)


def cures_of(stays: pl.DataFrame, confidence: float) -> list[dict[str, Any]]:
    """Count, of the times that a loan left 30, 60 or 90 days past due, how often it went to current or was paid off."""
    found = []
    for state in ("30", "60", "90"):
        left = stays.filter(pl.col("state") == state, pl.col("next").is_not_null())
        cured = int(left["next"].is_in(["current", "paid_off"]).sum())
        share = cured / left.height if left.height else None
        low, high = (None, None) if share is None else wilson_interval(share, left.height, confidence)
        found.append({"state": state, "left": left.height, "cured": cured, "share": share, "low": low, "high": high})
    return found


def _month_of(rates_of: Floats, counts: Floats, months: Floats) -> Floats:
    """Raise the generator of these moves to one month; a move that no loan made has no rate."""
    rates = np.divide(
        np.where(counts > 0, rates_of, 0.0), months[:, None], out=np.zeros_like(counts), where=months[:, None] > 0
    )
    np.fill_diagonal(rates, 0.0)
    np.fill_diagonal(rates, -rates.sum(axis=1))
    month: Floats = np.clip(np.asarray(expm(rates), dtype=np.float64), 0.0, 1.0)
    return month


def _counted(pairs: pl.DataFrame) -> Floats:
    counts = np.zeros((len(STATES), len(STATES)))
    for left, right, number in pairs.iter_rows():
        if right is not None:
            counts[_PLACE[left], _PLACE[right]] = number
    return counts


__all__ = ["ABSORBING", "STATES", "Matrix", "by_cohorts", "by_durations", "cures_of", "state_of", "stays_of"]
