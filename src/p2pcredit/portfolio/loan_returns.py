"""What was paid out and received of each loan until a day, added up from its cash flows.

Amounts are added up as whole ten-thousandths of currency, so that sums are the same in whatever order rows are read: a
book's flows are read file by file and by several threads, and are never all in memory.
"""

from __future__ import annotations

from datetime import date

import polars as pl

DAYS_A_YEAR = 365
UNITS = 10_000
"""Parts of currency that amounts are whole numbers of."""
_EARLY_DAYS = 31
"""A loan that was paid off more than so many days before its last instalment was due was paid off early."""
_MOST_SHORT = 0.005
"""A loan paid off that gave back less than all but this share of what was lent has payments that were not reported."""


def in_units() -> pl.Expr:
    """Give the amount of a flow in whole units."""
    return (pl.col("amount") * UNITS).round().cast(pl.Int64)


def loan_returns(loans: pl.DataFrame, flows: pl.DataFrame | pl.LazyFrame, until: date) -> pl.DataFrame:
    """Add up what was paid out and received of each loan until a day.

    Args:
        loans: As `portfolio.returns.returns_by` wants them.
        flows: Likewise, in memory or still to be read.
        until: The day.

    Returns:
        The loans originated by then of which the payment is known, with `invested`, `principal`, `interest`, `fees`,
        `recoveries`, `lost`, `outstanding`, `days_at_work` (principal times days), `rebuilt`, `prepaid`, `short`.
    """
    day = pl.lit(until)
    known = loans.filter(pl.col("origination_date") <= until).with_columns(
        *(pl.when(pl.col(name) <= until).then(pl.col(name)).alias(name) for name in ("defaulted_on", "paid_off_on"))
    )
    start, ended = pl.col("origination_date"), pl.col("defaulted_on")
    dates = known.select("loan_id", "origination_date", "defaulted_on").lazy()
    dated = flows.lazy().filter(pl.col("paid_on") <= until).with_columns(in_units().alias("amount"))
    kind, amount = pl.col("kind"), pl.col("amount")
    late = (ended < pl.col("paid_on")).fill_null(value=False)
    paid_back = (kind == "principal") & ~late
    age = (pl.col("paid_on") - start).dt.total_days()
    undivided = (kind == "received") & ~late
    together = (
        dated.join(dates, on="loan_id", how="inner")
        .group_by("loan_id")
        .agg(
            (-amount.filter(kind == "disbursed")).sum().alias("invested"),
            amount.filter(paid_back).sum().alias("principal"),
            amount.filter(kind == "interest").sum().alias("interest"),
            amount.filter(kind == "fee").sum().alias("fees"),
            amount.filter((kind == "recovery") | (late & kind.is_in(["principal", "received"])))
            .sum()
            .alias("recoveries"),
            amount.filter(undivided).sum().alias("_undivided"),
            (amount * age).filter(paid_back).sum().alias("_days_paid"),
            (amount * age).filter(undivided).sum().alias("_days_undivided"),
            amount.filter((kind != "disbursed") & pl.col("rebuilt")).sum().alias("rebuilt"),
        )
    )
    sums = together.with_columns(pl.exclude("loan_id") / UNITS).collect(engine="streaming")
    joined = known.join(sums.filter(pl.col("invested") > 0), on="loan_id", how="inner")
    owed = pl.col("invested") - pl.col("principal")
    as_principal = pl.min_horizontal("_undivided", owed.clip(0))
    share = pl.when(pl.col("_undivided") > 0).then(as_principal / pl.col("_undivided")).otherwise(0.0)
    split = joined.with_columns(
        (pl.col("principal") + as_principal).alias("principal"),
        (pl.col("interest") + pl.col("_undivided") - as_principal).alias("interest"),
        (pl.col("_days_paid") + pl.col("_days_undivided") * share).alias("_days_paid"),
    )
    left = (pl.col("invested") - pl.col("principal")).round(2)
    bad, paid_off = pl.col("defaulted_on").is_not_null(), pl.col("paid_off_on").is_not_null()
    matures = start.dt.offset_by(pl.format("{}mo", "term_months"))
    with_rest = split.with_columns(
        pl.when(bad).then(left).otherwise(0.0).alias("lost"),
        pl.when(~bad & ~paid_off).then(left).otherwise(0.0).alias("outstanding"),
        (~bad & paid_off & (left > _MOST_SHORT * pl.col("invested"))).alias("short"),
        (~bad & (pl.col("paid_off_on") + pl.duration(days=_EARLY_DAYS) < matures))
        .fill_null(value=False)
        .alias("prepaid"),
        (matures <= day).alias("mature"),
    )
    at_loss, at_end = ((pl.col(name) - start).dt.total_days() for name in ("defaulted_on", "_until"))
    return (
        with_rest.with_columns(day.alias("_until"))
        .with_columns(
            (pl.col("_days_paid") + (pl.col("lost") * at_loss).fill_null(0.0) + pl.col("outstanding") * at_end).alias(
                "days_at_work"
            )
        )
        .drop("_undivided", "_days_paid", "_days_undivided", "_until")
    )


__all__ = ["DAYS_A_YEAR", "UNITS", "in_units", "loan_returns"]
