"""Turn the rows of a tape, each of a loan and a day, into events: what changed, what was paid, how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

import polars as pl

from p2pcredit.contracts.feeds import CLOSING_STATUSES
from p2pcredit.platforms.mapped.schema.files import Tape
from p2pcredit.platforms.mapped.statuses.events import event_rows

TAPE_SCHEMA: dict[str, type[pl.DataType]] = {
    "loan_id": pl.String,
    "day": pl.Date,
    "row": pl.Int64,
    "days_past_due": pl.Int64,
    "days_text": pl.String,
    "overdue": pl.Float64,
    "said": pl.String,
    "balance": pl.Float64,
    "paid": pl.Float64,
    "principal": pl.Float64,
    "interest": pl.Float64,
    "fees": pl.Float64,
}
"""A row of a tape: `row` is its place, `said` its status as the text that it has, `days_text` what is wrong with days
past due that say nothing, never itself a number; the rest days and amounts."""
LEFT, ABSENT = "left the tape", "not on the tape"
"""What stands in place of a status that is not known; no contract has it, so the loan's outcome is unknown."""
RISES, SLOW_RISES = "rises", "slow rises"
"""Months in which a loan that was late became later, and those in which by less than a tenth of the days that passed:
what is counted is months or instalments, and no days."""
_MONTH, _TENTH = (20, 40), 10
_STEPS = (1, 30, 60, 90, 120, 150, 180)
_MONEY = ("paid", "principal", "interest", "fees")


def tape_events(tape: Tape, rows: pl.DataFrame, days: Sequence[date], told: Counter[str]) -> pl.DataFrame:
    """Make the events of the loans of some rows.

    A loan has an event on each day on which its status, or the step of its days past due (1, 30, 60, 90 and so on),
    is another than on the row before, on which its days past due cannot be read, on which money came in, and on which
    it ended. A row is known on its day, so no event is rebuilt. Money after a charge-off is a recovery. A loan whose
    rows end before the tape does, and that neither ended nor was in default, has left it: its outcome is unknown,
    unless the mapping says that it was paid back; that is known on the next day of the tape.

    Args:
        tape: How the tape is declared.
        rows: All rows of these loans, as `TAPE_SCHEMA`, one a loan and day.
        days: The days of the whole tape, in order.
        told: Gains counts of what should not be: `reopened` loans with days past due after they were paid back; and of
            `RISES` and `SLOW_RISES`.

    Returns:
        `snapshot_date` (Date) and the columns of the feed `loan_performance` as text, by loan and day.
    """
    rows = rows.sort("loan_id", "day").with_columns(_days_past_due(tape))
    told.update(_rises(rows))
    rows = rows.with_columns(_status(tape).alias("status")).with_columns(_step().alias("step"))
    closing = pl.col("status").is_in(sorted(CLOSING_STATUSES)).fill_null(value=False)
    earlier = pl.when(closing).then("status").forward_fill().shift().over("loan_id")
    rows = rows.with_columns(earlier.alias("ended"))
    told["reopened"] += rows.filter(pl.col("ended") == "FULLY_PAID", pl.col("days_past_due") > 0)["loan_id"].n_unique()
    before = {name: pl.col(name).shift().over("loan_id") for name in ("status", "step")}
    first = pl.col("loan_id") != pl.col("loan_id").shift(fill_value="")
    quiet = (pl.col("status") == "CURRENT") & (pl.col("step") == 0)
    same = (
        pl.when(first)
        .then(quiet)
        .otherwise(pl.col("status").eq_missing(before["status"]) & pl.col("step").eq_missing(before["step"]))
    )
    same = same & pl.col("days_text").is_null()
    came = pl.any_horizontal(pl.col(name) > 0 for name in _MONEY).fill_null(value=False)
    open_ = pl.col("ended").is_null()
    events = rows.filter((open_ & (~same.fill_null(value=False) | came)) | ((pl.col("ended") == "CHARGED_OFF") & came))
    last = rows.group_by("loan_id", maintain_order=True).agg(
        pl.col("day").last(),
        (closing | (pl.col("status") == "DEFAULT").fill_null(value=False)).any().alias("settled"),
        pl.col("balance").last(),
    )
    return pl.concat([_of_rows(events), _of_gone(tape, last, days)]).sort(
        "loan_id", "snapshot_date", maintain_order=True
    )


def _rises(rows: pl.DataFrame) -> Counter[str]:
    """Count the months in which a loan that was late became later, and of them those in which days did not add up."""
    of_loan = rows.select(
        pl.col("days_past_due").shift().over("loan_id").alias("before"),
        pl.col("days_past_due").alias("now"),
        (pl.col("day") - pl.col("day").shift().over("loan_id")).dt.total_days().alias("passed"),
    )
    risen = of_loan.filter(pl.col("before") > 0, pl.col("now") > pl.col("before"), pl.col("passed").is_between(*_MONTH))
    slow = risen.filter((pl.col("now") - pl.col("before")) * _TENTH < pl.col("passed"))
    return Counter({RISES: risen.height, SLOW_RISES: slow.height})


def _days_past_due(tape: Tape) -> pl.Expr:
    """Take the days past due of each row; where a tape has amounts only, count from the first row overdue on."""
    given = pl.col("days_past_due")
    if tape.days_past_due is not None or tape.overdue is None:
        return given if tape.days_past_due is not None else pl.lit(0, dtype=pl.Int64).alias("days_past_due")
    late = pl.col("overdue") > 0
    run = late.rle_id().over("loan_id")
    since = pl.col("day").min().over("loan_id", run)
    days = pl.when(late).then((pl.col("day") - since).dt.total_days() + 1)
    return days.otherwise(pl.when(late.is_not_null()).then(0)).alias("days_past_due")


def _status(tape: Tape) -> pl.Expr:
    """Say what a row says: how the loan ended, else by its days past due; a text that no rule names stays as it is."""
    word = pl.col("said").replace_strict(dict(tape.statuses), default=None, return_dtype=pl.String)
    known = pl.col("said").is_null() | pl.col("said").is_in(sorted(tape.statuses))
    days = pl.col("days_past_due")
    by_days = (
        pl.when(days >= tape.default_days)
        .then(pl.lit("DEFAULT"))
        .when(days >= 1)
        .then(pl.lit("LATE"))
        .when(days == 0)
        .then(pl.lit("CURRENT"))
    )
    paid = pl.col("balance") <= 0
    return (
        pl.when(~known)
        .then("said")
        .when(word.is_in([*sorted(CLOSING_STATUSES), "DEFAULT"]))
        .then(word)
        .when(paid & (days.is_null() | (days == 0)))
        .then(pl.lit("FULLY_PAID"))
        .when(days.is_null())
        .then(word)
        .otherwise(by_days)
    )


def _step() -> pl.Expr:
    days = pl.col("days_past_due")
    return pl.sum_horizontal((days >= step).cast(pl.Int64) for step in _STEPS)


def _of_rows(rows: pl.DataFrame) -> pl.DataFrame:
    recovered = pl.col("ended") == "CHARGED_OFF"
    days = pl.when(pl.col("status") == "FULLY_PAID").then(pl.coalesce("days_past_due", 0)).otherwise("days_past_due")
    divided = pl.any_horizontal(pl.col(name).is_not_null() for name in _MONEY[1:])
    every = pl.when(divided).then(pl.sum_horizontal(pl.col(name) for name in _MONEY[1:])).otherwise("paid")

    def amount(value: pl.Expr | str) -> pl.Expr:
        of = pl.col(value) if isinstance(value, str) else value
        return of.round(2).cast(pl.String)

    own = ~recovered.fill_null(value=False)
    said = {
        "status": pl.coalesce("ended", "status"),
        "days_past_due": pl.coalesce(days.cast(pl.String), "days_text"),
        "principal_outstanding": amount(pl.when(pl.col("balance") >= 0).then("balance")),
        "amount_received": amount(pl.when(own & ~divided).then("paid")),
        "principal_received": amount(pl.when(own).then("principal")),
        "interest_received": amount(pl.when(own).then("interest")),
        "fees_received": amount(pl.when(own).then("fees")),
        "recovery_received": amount(pl.when(~own).then(every)),
        "rebuilt": pl.lit("no"),
    }
    return event_rows(rows, pl.col("day"), said)


def _of_gone(tape: Tape, last: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """Make the event of each loan whose rows end before the tape does."""
    gone = last.filter(~pl.col("settled"), pl.col("day") < days[-1])
    following = pl.Series([*days[1:], days[-1]], dtype=pl.Date)
    after = pl.col("day").replace_strict(pl.Series(days, dtype=pl.Date), following, return_dtype=pl.Date)
    paid = tape.gone == "FULLY_PAID"
    said = {"status": pl.lit("FULLY_PAID" if paid else LEFT), "rebuilt": pl.lit("no")}
    return event_rows(gone, after, {**said, "days_past_due": pl.lit("0")} if paid else said)


__all__ = ["ABSENT", "LEFT", "RISES", "SLOW_RISES", "TAPE_SCHEMA", "tape_events"]
