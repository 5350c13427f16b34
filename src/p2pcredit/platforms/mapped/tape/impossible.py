"""Leave out what a row of a tape cannot mean, and count it: days past due that jump up and back, odd balances."""

from __future__ import annotations

from collections import Counter

import polars as pl

LOANS_SCHEMA: dict[str, type[pl.DataType]] = {"_hash": pl.UInt64, "made": pl.Date, "amount": pl.Float64}
"""What is known of the loans beside the tape: the hash of the id, the day of origination, the amount lent."""
_A_MONTH, _FEW_DAYS, _BEGINNING = 31, 5, 62
_SLIGHT = 0.01
"""A balance below zero by at most this share of the largest one is what was paid too much."""
_SPIKE, _ANOTHER_UNIT = 10, 5


def possible_rows(
    rows: pl.DataFrame, loans: pl.DataFrame, told: Counter[str], *, says_few_days: bool, default_days: int
) -> pl.DataFrame:
    """Take out values that no loan can have; count them, loans that lack months, and amounts of another unit.

    Args:
        rows: Of the tape, by loan and day: `loan_id`, `day`, `days_past_due`, `balance` and others.
        loans: As `LOANS_SCHEMA`, one row a loan.
        told: Gains counts: rows that `jumped`, are `negative` or `spiked`; loans with `gaps` `of loans`; loans whose
            `amounts` differ from their first balance, of those `compared`.
        says_few_days: Whether the tape ever says 1 to 29 days past due.
        default_days: Days past due from which a loan is in default.

    Returns:
        The same rows and columns.
    """
    known = rows.with_columns(pl.col("loan_id").hash().alias("_hash")).join(
        loans, on="_hash", how="left", maintain_order="left"
    )
    known = without_odd_balances(
        without_jumps(known, told, says_few_days=says_few_days, default_days=default_days), told
    )
    count_gaps(known, told)
    count_other_amounts(known, told)
    return known.select(rows.columns)


def without_jumps(rows: pl.DataFrame, told: Counter[str], *, says_few_days: bool, default_days: int) -> pl.DataFrame:
    """Take out days past due that no loan can have: more than its age, or than the time since the row before.

    Days past due grow by one a day. A loan that was late on the row before may be a month later than it said, since of
    a bucket the first day counts; so may one that was not, where less than 30 days are never said. What grew too fast
    and goes on in the next row stays, since a payment that was returned makes an old debt late at once. In the place of
    what is taken out come the days of the row before, where even the most that they can have grown to is no default,
    so that the outcome of the loan stays known; else they are missing.

    Args:
        rows: `loan_id`, `day`, `days_past_due`, `days_text` (what is wrong with them), `made`, by loan and day.
        told: Gains `jumped`, the rows.
        says_few_days: Whether the tape ever says 1 to 29 days past due.
        default_days: Days past due from which a loan is in default.

    Examples:
        >>> from datetime import date
        >>> days = [date(2024, month, 28) for month in (1, 2, 3, 4, 5)]
        >>> rows = pl.DataFrame({"loan_id": ["a"] * 5, "day": days, "days_past_due": [3, 999, 62, 999, 28]})
        >>> rows = rows.with_columns(made=pl.lit(date(2020, 1, 1)), days_text=pl.lit(None, dtype=pl.String))
        >>> found = without_jumps(
        ...     rows, told := Counter(), says_few_days=True, default_days=90
        ... )
        >>> found["days_past_due"].to_list(), told["jumped"]
        ([3, 3, 62, None, 28], 2)
    """
    late, day = pl.col("days_past_due"), pl.col("day")
    before, after = late.forward_fill().shift().over("loan_id"), late.backward_fill().shift(-1).over("loan_id")
    since = (day - pl.when(late.is_not_null()).then(day).forward_fill().shift().over("loan_id")).dt.total_days()
    more = pl.when((before == 0) & pl.lit(says_few_days)).then(_FEW_DAYS).otherwise(_A_MONTH)
    age = (day - pl.col("made")).dt.total_days()
    most = pl.min_horizontal(before + since + more, pl.when(age >= 0).then(age + _A_MONTH))
    stays = (late <= most) | ((after >= late) & (late <= age + _A_MONTH).fill_null(value=True))
    wrong = ~stays.fill_null(value=True) & most.is_not_null()
    told["jumped"] += int(rows.select(wrong.sum()).item())
    harmless = pl.when(most < default_days).then(before.fill_null(0))
    said = pl.format("{} days past due, more than the loan can have", late)
    return rows.with_columns(
        pl.when(wrong).then(harmless).otherwise(late).alias("days_past_due"),
        pl.when(wrong & harmless.is_null()).then(said).otherwise("days_text").alias("days_text"),
    )


def without_odd_balances(rows: pl.DataFrame, told: Counter[str]) -> pl.DataFrame:
    """Make balances missing that are below zero, as if paid back, or ten times those before and after.

    Args:
        rows: `loan_id`, `balance`, by loan and day.
        told: Gains `negative` and `spiked`, the rows.

    Examples:
        >>> rows = pl.DataFrame({"loan_id": ["a"] * 4, "balance": [900.0, 850.0, -800.0, -2.0]})
        >>> without_odd_balances(rows, told := Counter())["balance"].to_list(), told["negative"], told["spiked"]
        ([900.0, 850.0, None, -2.0], 1, 0)
        >>> rows = pl.DataFrame({"loan_id": ["a"] * 3, "balance": [900.0, 85000.0, 800.0]})
        >>> without_odd_balances(rows, told)["balance"].to_list(), told["spiked"]
        ([900.0, None, 800.0], 1)
    """
    owed = pl.col("balance")
    negative = (owed < -_SLIGHT * owed.abs().max().over("loan_id")).fill_null(value=False)
    before, after = owed.shift().over("loan_id"), owed.shift(-1).over("loan_id")
    least = pl.min_horizontal(before, after)
    spiked = (owed > _SPIKE * pl.max_horizontal(before, after)) & before.is_not_null() & (least > 0)
    spiked = spiked.fill_null(value=False)
    counts = rows.select(negative=negative.sum(), spiked=spiked.sum()).row(0, named=True)
    told.update({name: int(count) for name, count in counts.items()})
    return rows.with_columns(pl.when(~(negative | spiked)).then(owed).alias("balance"))


def count_gaps(rows: pl.DataFrame, told: Counter[str]) -> None:
    """Count the loans that have no row of a month between their first and their last.

    Args:
        rows: `loan_id`, `day`.
        told: Gains `gaps`, such loans, and `of loans`, all.
    """
    month = pl.col("day").dt.year().cast(pl.Int64) * 12 + pl.col("day").dt.month().cast(pl.Int64)
    months = rows.group_by("loan_id").agg(lacking=month.max() - month.min() + 1 - month.n_unique())
    told["gaps"] += months.filter(pl.col("lacking") > 0).height
    told["of loans"] += months.height


def count_other_amounts(rows: pl.DataFrame, told: Counter[str]) -> None:
    """Count the loans whose amount is five times their balance in the first two months, or a fifth of it.

    Args:
        rows: `loan_id`, `day`, `balance`, `made`, `amount`.
        told: Gains `amounts`, such loans, and `compared`, those that have both.
    """
    first = rows.filter(pl.col("balance") > 0, (pl.col("day") - pl.col("made")).dt.total_days() <= _BEGINNING)
    ratio = (
        first.group_by("loan_id").agg(ratio=pl.col("amount").first() / pl.col("balance").max())["ratio"].drop_nulls()
    )
    told["compared"] += len(ratio)
    told["amounts"] += int(((ratio >= _ANOTHER_UNIT) | (ratio <= 1 / _ANOTHER_UNIT)).sum())


__all__ = [
    "LOANS_SCHEMA",
    "count_gaps",
    "count_other_amounts",
    "possible_rows",
    "without_jumps",
    "without_odd_balances",
]
