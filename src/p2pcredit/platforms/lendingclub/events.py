"""Servicing events rebuilt from final statuses: LendingClub publishes how a loan ended, not what happened when.

With the last payment in month P (the month of origination where none was made), the first missed instalment is due one
month later on the loan's own day; LATE becomes visible 30 days after that, DEFAULT 90 and CHARGED_OFF 150. A fully paid
loan closes on its day in month P. Each event is landed on the day it becomes visible, and on no earlier one.

The last event of a loan carries the totals of principal, interest and fees received to date, with the day of the last
payment; what the platform publishes of payments is no more. What was recovered after charge-off is an event of its own,
`RECOVERY_DAYS` after the charge-off, or on the last day that the statuses speak of where that is earlier.

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
    "total_rec_int",
    "total_rec_late_fee",
    "recoveries",
)
SEEN_COLUMNS = ("last_pymnt_d", "last_credit_pull_d")
"""Months in which anything was paid or looked up."""
_OFF_POLICY = r"^Does not meet the credit policy\.\s*Status:\s*"
_STEPS = (("LATE", 30), ("DEFAULT", 90), ("CHARGED_OFF", 150))
RECOVERY_DAYS = 180
"""Days after the charge-off on which recoveries count as received: the platform publishes their sum, without a day."""
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


_DAYS_OF = {"CURRENT": "0", "FULLY_PAID": "0", **{name: str(days) for name, days in _STEPS}}


def rebuild_events(rows: pl.DataFrame, read_on: date | None, today: date | None = None) -> pl.DataFrame:
    """Rebuild the servicing events behind the published statuses, each with the day it became visible.

    A status that is not known, or a last payment that is no month or in the future, is never guessed at: the loan gets
    one row on its origination day with that text as its status or in place of the day, which breaks the contract and so
    ends in quarantine.

    Args:
        rows: `row_number`, `loan_id`, `originated` (Date) and `EVENT_COLUMNS` as text.
        read_on: Until which day the published statuses speak: the end of the latest month in the file.
        today: The day after which no payment can have been; None where none is too late.

    Returns:
        `snapshot_date` (Date) and the columns of the feed `loan_performance` as text, in the order of the rows.
    """
    status = pl.col("loan_status").str.strip_chars().str.replace(_OFF_POLICY, "")
    said = status.replace_strict(_STATUSES, default=None)
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
        *(_cents(raw).alias(name) for name, raw in _TOTALS.items()),
        pl.when(_money("recoveries") > 0).then(_cents("recoveries")).alias("recovered"),
        pl.when(~unreadable).then(said).alias("outcome"),
        day_in_month(paid, day).alias("last_paid"),
        day_in_month(paid.dt.offset_by("1mo"), day).alias("missed"),
        (_money("funded_amnt") - _money("total_rec_prncp")).clip(0).round(2).cast(pl.String).alias("unpaid"),
        pl.coalesce(pl.when(unreadable).then(said), "loan_status").alias("raw_status"),
        pl.when(unreadable).then(pl.format("last_pymnt_d {}", "last_pymnt_d")).alias("raw_day"),
    )
    seen_late = pl.col("missed").dt.offset_by("30d") <= pl.lit(read_on, dtype=pl.Date)
    loans = loans.with_columns(
        pl.when((pl.col("outcome") == "LATE") & ~seen_late)
        .then(pl.lit("CURRENT"))
        .otherwise("outcome")
        .alias("outcome")
    )
    outcome = pl.col("outcome")
    paid_last = pl.col("last_paid")
    events = [
        _with_totals(
            _event(loans.filter(outcome == "CURRENT"), paid_last, "CURRENT", 0, "out_prncp", "last_pymnt_amnt")
        ),
        _with_totals(
            _event(loans.filter(outcome == "FULLY_PAID"), paid_last, "FULLY_PAID", 0, None, "last_pymnt_amnt")
        ),
    ]
    for place, (name, days) in enumerate(_STEPS):
        on = pl.col("missed").dt.offset_by(f"{days}d")
        events.append(_with_totals(_event(loans.filter(outcome == name), on, name, days, "unpaid", None)))
        further = loans.filter(outcome.is_in([step for step, _ in _STEPS[place + 1 :]]))
        events.append(_without_totals(_event(further, on, name, days, "unpaid", None)))
    events.append(_recoveries(loans.filter(outcome == "CHARGED_OFF", pl.col("recovered").is_not_null()), read_on))
    unknown = loans.filter(outcome.is_null()).select(
        pl.col("originated").alias("snapshot_date"),
        "loan_id",
        pl.coalesce("raw_day", pl.col("originated").cast(pl.String)).alias("event_date"),
        pl.col("raw_status").alias("status"),
        pl.col("raw_status").replace_strict(_DAYS_OF, default=None, return_dtype=pl.String).alias("days_past_due"),
        *(pl.lit(None, dtype=pl.String).alias(name) for name in (*_UNSAID, *_MONEY)),
        "row_number",
    )
    return pl.concat([*events, unknown]).sort("row_number", maintain_order=True).drop("row_number")


_UNSAID = ("principal_outstanding", "amount_received", "rebuilt")


_TOTALS = {
    "principal_received": "total_rec_prncp",
    "interest_received": "total_rec_int",
    "fees_received": "total_rec_late_fee",
}
"""Column of an event -> the total of the platform."""
_MONEY = (*_TOTALS, "recovery_received", "totals_to_date", "last_payment_date")


def _with_totals(events: pl.DataFrame) -> pl.DataFrame:
    """Keep the totals of events that are the last of their loans; without a total of principal there are none."""
    known = pl.col("principal_received").is_not_null()
    return events.with_columns(
        pl.when(known).then(pl.lit("yes")).alias("totals_to_date"),
        pl.when(known).then("last_payment_date").alias("last_payment_date"),
    )


def _without_totals(events: pl.DataFrame) -> pl.DataFrame:
    return events.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in _MONEY)


def _recoveries(loans: pl.DataFrame, read_on: date | None) -> pl.DataFrame:
    """Build the event of what was recovered after charge-off, no later than the day until which the file speaks."""
    charged_off = pl.col("missed").dt.offset_by(f"{_STEPS[-1][1]}d")
    on = pl.min_horizontal(charged_off.dt.offset_by(f"{RECOVERY_DAYS}d"), pl.lit(read_on, dtype=pl.Date))
    on = pl.max_horizontal(on, charged_off)
    days = (on - pl.col("missed")).dt.total_days().cast(pl.String)
    events = _without_totals(_event(loans, on, "CHARGED_OFF", 0, None, None))
    return events.with_columns(
        loans.select(days.alias("days_past_due"), pl.col("recovered").alias("recovery_received")).get_columns()
    ).with_columns(pl.lit("yes").alias("rebuilt"), pl.lit(None, dtype=pl.String).alias("amount_received"))


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
        *_TOTALS,
        pl.lit(None, dtype=pl.String).alias("recovery_received"),
        pl.lit(None, dtype=pl.String).alias("totals_to_date"),
        pl.col("last_paid").cast(pl.String).alias("last_payment_date"),
        "row_number",
    )


def _money(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().cast(pl.Float64, strict=False)


def _cents(column: str) -> pl.Expr:
    """Write an amount with two decimals; null where it is no amount, or below zero."""
    amount = _money(column)
    return pl.when(amount >= 0).then(amount.round(2)).cast(pl.String)


__all__ = ["EVENT_COLUMNS", "RECOVERY_DAYS", "SEEN_COLUMNS", "rebuild_events"]
