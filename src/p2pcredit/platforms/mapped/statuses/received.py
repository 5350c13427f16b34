"""What loans have paid in all, as a mapping names it, put on the events that say so on their day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from p2pcredit.platforms.mapped.statuses.events import PAST_DUE, Rule, event_rows, status_past_due

TOTALS = {"principal": "principal_received", "interest": "interest_received", "fees": "fees_received"}
"""Total of a loan, as a mapping names it -> column of an event."""
RECOVERIES = "recoveries"
_ROW = "_row"


def with_received(
    events: pl.DataFrame,
    loans: pl.DataFrame,
    rules: Mapping[str, Rule],
    read_on: date | None,
    recovered_after_days: int,
) -> pl.DataFrame:
    """Put the totals of each loan on its last event, or on one of the day on which the file was read.

    A loan that goes on, late or not, has its totals from the day of the file: it gets an event of that day, so that
    they are known no earlier. What was recovered is an event of its own after the charge-off. A loan whose status says
    nothing that can be used has no totals.

    Args:
        events: What `build_events` gives.
        loans: The loans it was given, with the keys of `TOTALS` and `recoveries` (Float64, null where the file has
            none) and `last_on` (Date, null where it is not known).
        rules: What each status means.
        read_on: The day on which the statuses were read.
        recovered_after_days: Days after charge-off on which recoveries count as received, at the latest when the file
            was read.

    Returns:
        The same columns, and the rows added at the end.
    """
    loans = loans.filter(pl.col("principal").is_not_null())
    numbered = events.with_row_index(_ROW)
    known = numbered.filter(pl.col("rebuilt").is_not_null())
    last = known.sort("snapshot_date", _ROW, maintain_order=True).unique("loan_id", keep="last", maintain_order=True)
    closed = [status for status, rule in rules.items() if isinstance(rule, tuple) and rule]
    paid = loans.filter(pl.col("status").is_in(closed)).select("loan_id", *TOTALS, RECOVERIES, "last_on")
    on_last = last.join(paid, on="loan_id")
    ends = pl.col("snapshot_date")
    missed = ends - pl.duration(days=pl.col("days_past_due").cast(pl.Int64, strict=False))
    told = on_last.select(
        _ROW,
        *(_text(total).alias(f"_{name}") for total, name in TOTALS.items()),
        pl.min_horizontal(pl.coalesce("last_on", missed), ends).cast(pl.String).alias("_last_payment_date"),
    )
    marked = numbered.join(told, on=_ROW, how="left", maintain_order="left")
    has = pl.col("_principal_received").is_not_null()
    marked = marked.with_columns(
        *(pl.coalesce(f"_{name}", name).alias(name) for name in (*TOTALS.values(), "last_payment_date")),
        pl.when(has).then(pl.lit("yes")).otherwise("totals_to_date").alias("totals_to_date"),
    ).select(events.columns)
    return pl.concat([marked, _going_on(loans, rules, read_on), _recovered(on_last, read_on, recovered_after_days)])


def _going_on(loans: pl.DataFrame, rules: Mapping[str, Rule], read_on: date | None) -> pl.DataFrame:
    """Build the event of the day of the file of each loan that goes on."""
    open_ones = [status for status, rule in rules.items() if rule == ()]
    overdue = [status for status, rule in rules.items() if rule == PAST_DUE]
    days = pl.when(pl.col("status").is_in(overdue)).then("days_past_due").otherwise(0)
    going = loans.with_columns(days.alias("days_past_due")).filter(
        pl.col("status").is_in([*open_ones, *overdue]), pl.col("days_past_due").is_not_null()
    )
    on = pl.max_horizontal(pl.lit(read_on, dtype=pl.Date), "snapshot_date")
    said = {
        "status": status_past_due(pl.col("days_past_due"), "CURRENT"),
        "days_past_due": pl.col("days_past_due").cast(pl.String),
        "rebuilt": pl.lit("no"),
        **{name: _text(total) for total, name in TOTALS.items()},
        "totals_to_date": pl.lit("yes"),
        "last_payment_date": pl.min_horizontal("last_on", on).cast(pl.String),
    }
    return event_rows(going, on, said)


def _recovered(on_last: pl.DataFrame, read_on: date | None, after_days: int) -> pl.DataFrame:
    """Build the event of what was recovered of each loan that was charged off."""
    found = on_last.filter(pl.col("status") == "CHARGED_OFF", pl.col(RECOVERIES) > 0)
    on = pl.max_horizontal(
        pl.min_horizontal(pl.col("snapshot_date") + pl.duration(days=after_days), pl.lit(read_on, dtype=pl.Date)),
        "snapshot_date",
    )
    days = pl.col("days_past_due").cast(pl.Int64, strict=False) + (on - pl.col("snapshot_date")).dt.total_days()
    said = {
        "status": pl.col("status"),
        "days_past_due": days.cast(pl.String),
        "rebuilt": pl.lit("yes"),
        "recovery_received": pl.col(RECOVERIES).round(2).cast(pl.String),
    }
    return event_rows(found, on, said)


def _text(name: str) -> pl.Expr:
    """Write a total with two decimals."""
    return pl.when(pl.col(name) >= 0).then(pl.col(name).round(2)).cast(pl.String)


__all__ = ["RECOVERIES", "TOTALS", "with_received"]
