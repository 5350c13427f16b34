"""Servicing events rebuilt from final statuses: LendingClub publishes how a loan ended, not what happened when.

With the last payment in month P (the month of origination where none was made), the first missed instalment is due one
month later on the loan's own day; LATE becomes visible 30 days after that, DEFAULT 90 and CHARGED_OFF 150. A fully paid
loan closes on its day in month P. Each event is landed on the day it becomes visible, and on no earlier one.

LATE and DEFAULT say that they are `rebuilt`: they exist only for loans of which a later status is known, so a LATE
foretells the loss that it was made from. Loans that were late and paid again left no trace in the download.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from p2pcredit.platforms.lendingclub.months import day_in_month, month_of_text

EVENT_COLUMNS = (
    "loan_status",
    "last_pymnt_d",
    "last_pymnt_amnt",
    "last_credit_pull_d",
    "funded_amnt",
    "total_rec_prncp",
    "out_prncp",
)
SEEN_COLUMNS = ("last_pymnt_d", "last_credit_pull_d")
"""Months in which anything was paid or looked up."""
_OFF_POLICY = r"^Does not meet the credit policy\.\s*Status:\s*"
_STEPS = (("LATE", 30), ("DEFAULT", 90), ("CHARGED_OFF", 150))
_REBUILT = frozenset({"LATE", "DEFAULT"})
"""What is made from a status that the loan had later; the others are what the status itself says."""
_STATUSES = {
    "Fully Paid": "FULLY_PAID",
    "Charged Off": "CHARGED_OFF",
    "Default": "DEFAULT",
    "Late (31-120 days)": "LATE",
    "Late (16-30 days)": "CURRENT",
    "In Grace Period": "CURRENT",
    "Current": "CURRENT",
    "Issued": "CURRENT",
}


def rebuild_events(rows: pl.DataFrame, read_on: date | None, today: date | None = None) -> pl.DataFrame:
    """Rebuild the servicing events behind the published statuses, each with the day it became visible.

    A status that is not known, or a last payment that is no month or in the future, is never guessed at: the loan gets
    one row on its origination day with the raw text, which breaks the contract and so ends in quarantine.

    Args:
        rows: `row_number`, `loan_id`, `originated` (Date) and `EVENT_COLUMNS` as text.
        read_on: Until which day the published statuses speak: the end of the latest month in the file.
        today: The day after which no payment can have been; None where none is too late.

    Returns:
        `snapshot_date` (Date) and the columns of the feed `loan_performance` as text, in the order of the rows.
    """
    status = pl.col("loan_status").str.strip_chars().str.replace(_OFF_POLICY, "")
    month = month_of_text("last_pymnt_d")
    if today is not None:
        month = pl.when(month <= today).then(month)
    unreadable = month.is_null() & pl.col("last_pymnt_d").is_not_null()
    paid = pl.max_horizontal(
        month.fill_null(pl.col("originated").dt.month_start()), pl.col("originated").dt.month_start()
    )
    day = pl.col("originated").dt.day()
    loans = rows.select(
        "row_number",
        "loan_id",
        "originated",
        "out_prncp",
        "last_pymnt_amnt",
        pl.when(~unreadable).then(status.replace_strict(_STATUSES, default=None)).alias("outcome"),
        day_in_month(paid, day).alias("last_paid"),
        day_in_month(paid.dt.offset_by("1mo"), day).alias("missed"),
        (_money("funded_amnt") - _money("total_rec_prncp")).clip(0).round(2).cast(pl.String).alias("unpaid"),
        pl.when(unreadable)
        .then(pl.format("{} (last_pymnt_d '{}')", pl.col("loan_status").fill_null(""), "last_pymnt_d"))
        .otherwise("loan_status")
        .alias("raw_status"),
    )
    seen_late = pl.col("missed").dt.offset_by("30d") <= pl.lit(read_on, dtype=pl.Date)
    loans = loans.with_columns(
        pl.when((pl.col("outcome") == "LATE") & ~seen_late)
        .then(pl.lit("CURRENT"))
        .otherwise("outcome")
        .alias("outcome")
    )
    outcome = pl.col("outcome")
    events = [
        _event(loans.filter(outcome == "CURRENT"), pl.col("last_paid"), "CURRENT", 0, "out_prncp", "last_pymnt_amnt"),
        _event(loans.filter(outcome == "FULLY_PAID"), pl.col("last_paid"), "FULLY_PAID", 0, None, "last_pymnt_amnt"),
    ]
    for place, (name, days) in enumerate(_STEPS):
        reached = loans.filter(outcome.is_in([step for step, _ in _STEPS[place:]]))
        events.append(_event(reached, pl.col("missed").dt.offset_by(f"{days}d"), name, days, "unpaid", None))
    unknown = loans.filter(outcome.is_null()).select(
        pl.col("originated").alias("snapshot_date"),
        "loan_id",
        pl.col("originated").cast(pl.String).alias("event_date"),
        pl.col("raw_status").alias("status"),
        *(pl.lit(None, dtype=pl.String).alias(name) for name in _UNSAID),
        "row_number",
    )
    return pl.concat([*events, unknown]).sort("row_number", maintain_order=True).drop("row_number")


_UNSAID = ("days_past_due", "principal_outstanding", "amount_received", "rebuilt")


def _event(
    loans: pl.DataFrame, on: pl.Expr, status: str, days_past_due: int, outstanding: str | None, received: str | None
) -> pl.DataFrame:
    nothing = pl.lit("0")
    return loans.select(
        on.alias("snapshot_date"),
        "loan_id",
        on.cast(pl.String).alias("event_date"),
        pl.lit(status).alias("status"),
        pl.lit(str(days_past_due)).alias("days_past_due"),
        (pl.col(outstanding) if outstanding else nothing).alias("principal_outstanding"),
        (pl.col(received) if received else nothing).alias("amount_received"),
        pl.lit("yes" if status in _REBUILT else "no").alias("rebuilt"),
        "row_number",
    )


def _money(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().cast(pl.Float64, strict=False)


__all__ = ["EVENT_COLUMNS", "SEEN_COLUMNS", "rebuild_events"]
