"""Dated amounts of loans: what was disbursed, what events say was received, and stretches that a schedule fills.

A platform that reports payments lands each with an event, and that is its cash flow. A platform that publishes totals
has its payments rebuilt (`payments` is SCHEDULED): a loan is taken to pay as its schedule says. An instalment becomes
known when the book would have shown by then that it was missed, as many days after it was due as make a default. An
event with totals then says what was received by its day: what was not assumed before comes with it, what was assumed
too much is taken back with it. So what was known on a day stays as it was, whatever lands later.

A stretch is the life of a scheduled loan from one such event to the next. Here they are cut, on any engine;
`transforms.payment_schedule` fills them.

The investor's side: what is disbursed is below zero, what is received above.
"""

from __future__ import annotations

from datetime import date

import narwhals as nw

from p2pcredit.contracts.feeds import CLOSING_STATUSES
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings
from p2pcredit.transforms.labels import default_events
from p2pcredit.transforms.unknown_outcomes import Frame, first_set_aside

DISBURSED, PRINCIPAL, INTEREST, FEE, RECOVERY, RECEIVED = (
    "disbursed",
    "principal",
    "interest",
    "fee",
    "recovery",
    "received",
)
"""Kinds of cash flows; `received` is what the platform does not tell apart."""
SCHEDULED = "SCHEDULED"
_SPLIT = {
    "principal_received": PRINCIPAL,
    "interest_received": INTEREST,
    "fees_received": FEE,
    "recovery_received": RECOVERY,
}
"""Column of an event -> kind of the flow."""
_TOTALS = ("principal_received", "interest_received", "fees_received")
_LATE_COLUMNS = (*_SPLIT, "totals_to_date", "last_payment_date", "rebuilt", "amount_received")

CASH_COLUMNS: dict[str, tuple[str, ...]] = {
    "loan_terms": (
        *("loan_id", "snapshot_date", "origination_date", "loan_amount", "amount_disbursed", "term_months"),
        *("interest_rate_share", "payments"),
    ),
    "loan_performance": (
        *("loan_id", "snapshot_date", "row_number", "event_date", "status", "days_past_due"),
        *_LATE_COLUMNS,
    ),
}
"""The silver feeds that cash flows rest on, beside the quarantine, and their columns."""


def first_terms(terms: Frame, last: date) -> Frame:
    """Select the terms of each loan once, as known by a day: those of its first origination, with `disbursed`."""
    known = terms.filter(nw.col("snapshot_date") <= last)
    first = known.group_by("loan_id").agg(nw.col("snapshot_date").min())
    once = known.join(first, on=["loan_id", "snapshot_date"], how="semi")
    return once.with_columns(nw.coalesce("amount_disbursed", "loan_amount").alias("disbursed"))


def disbursements(terms: Frame, days: DateRange) -> Frame:
    """Give what was paid out to the borrowers of the loans originated on these days."""
    return (
        first_terms(terms, days.last)
        .filter(nw.col("snapshot_date") >= days.first)
        .select(
            "loan_id",
            "snapshot_date",
            nw.col("origination_date").alias("paid_on"),
            nw.lit(DISBURSED).alias("kind"),
            (-nw.col("disbursed")).alias("amount"),
            nw.lit(False).alias("rebuilt"),
        )
    )


def reported_flows(terms: Frame, performance: Frame, days: DateRange) -> list[Frame]:
    """Give what the events of these days say was received with them; totals are no payment.

    Where principal, interest and the rest are told apart, each is a flow; else the whole is `received`, or a `recovery`
    where the loan is charged off. Of a scheduled loan an amount that is not told apart is part of its totals.
    """
    events = performance.filter(
        nw.col("snapshot_date").is_between(days.first, days.last), ~nw.col("totals_to_date").fill_null(value=False)
    )
    parts = [
        events.select(*_KEYS, nw.lit(kind).alias("kind"), nw.col(column).alias("amount"), _rebuilt())
        for column, kind in _SPLIT.items()
    ]
    undivided = events.filter(*(nw.col(column).is_null() for column in _SPLIT))
    scheduled = first_terms(terms, days.last).filter(nw.col("payments") == SCHEDULED).select("loan_id")
    kind = nw.when(nw.col("status") == "CHARGED_OFF").then(nw.lit(RECOVERY)).otherwise(nw.lit(RECEIVED))
    parts.append(
        undivided.join(scheduled, on="loan_id", how="anti").select(
            *_KEYS, kind.alias("kind"), nw.col("amount_received").alias("amount"), _rebuilt()
        )
    )
    return [part.filter(nw.col("amount") > 0) for part in parts]


_KEYS = ("loan_id", "snapshot_date", nw.col("event_date").alias("paid_on"))


def _rebuilt() -> nw.Expr:
    return nw.col("rebuilt").fill_null(value=False).alias("rebuilt")


def stretches(terms: Frame, performance: Frame, quarantine: Frame, last: date, settings: LabelSettings) -> Frame:
    """Cut the life of each scheduled loan, as known by a day, at the events that say what was received to date.

    Args:
        terms, performance: Typed rows with `CASH_COLUMNS`, all that is known by `last`.
        quarantine: Rows of `silver/quarantine`: from the day on which an event was set aside nothing is assumed.
        last: The last day known.
        settings: When a loan is in default.

    Returns:
        One row per stretch: of the loan `loan_id`, `origination_date`, `disbursed`, `interest_rate_share`,
        `term_months`, `default_on` and `default_days` (the event of its first default and its days past due),
        `set_aside_on`; what had been received before as `from_on` (the day of the event; null from origination on),
        `from_status`, `from_principal`, `from_interest`, `from_fees`; and the event that ends the stretch as
        `until_on` (null for one that has no end yet), `until_status`, `until_last` (the day of the last payment),
        `until_days` (days past due), `until_principal`, `until_interest`, `until_fees` (null without totals).
    """
    loans = first_terms(terms, last).filter(
        nw.col("payments") == SCHEDULED, ~nw.col("interest_rate_share").is_null(), ~nw.col("term_months").is_null()
    )
    known = performance.filter(nw.col("snapshot_date") <= last)
    defaults = default_events(known, settings)
    first = defaults.group_by("loan_id").agg(nw.col("snapshot_date").min().alias("default_on"))
    worst = (
        defaults.join(first, on="loan_id", how="inner")
        .filter(nw.col("snapshot_date") == nw.col("default_on"))
        .group_by("loan_id", "default_on")
        .agg(nw.col("days_past_due").max().alias("default_days"))
    )
    facts = (
        loans.select("loan_id", "origination_date", "disbursed", "interest_rate_share", "term_months")
        .join(worst, on="loan_id", how="left")
        .join(first_set_aside(quarantine.filter(nw.col("snapshot_date") <= last)), on="loan_id", how="left")
    )
    totals = nw.col("totals_to_date").fill_null(value=False)
    undivided = nw.all_horizontal(*(nw.col(name).is_null() for name in _SPLIT), ignore_nulls=True)
    closing = nw.col("status").is_in(sorted(CLOSING_STATUSES)) & undivided
    marks = known.filter(totals | closing).select(
        "loan_id",
        nw.col("snapshot_date").alias("until_on"),
        "row_number",
        nw.col("status").alias("until_status"),
        nw.col("last_payment_date").alias("until_last"),
        nw.col("days_past_due").alias("until_days"),
        *(nw.when(totals).then(nw.col(name)).alias(f"until_{name.removesuffix('_received')}") for name in _TOTALS),
    )
    order = ["until_on", "row_number"]
    before = {"until_on": "from_on", "until_status": "from_status"}
    before |= {f"until_{name}": f"from_{name}" for name in ("principal", "interest", "fees")}
    closed = marks.with_columns(
        *(nw.col(name).shift(1).over("loan_id", order_by=order).alias(other) for name, other in before.items())
    )
    newest = marks.with_columns(nw.col("until_on").shift(-1).over("loan_id", order_by=order).alias("next_on")).filter(
        nw.col("next_on").is_null()
    )
    ended = facts.join(closed, on="loan_id", how="inner")
    kept = ended.collect_schema()
    going_on = facts.join(
        newest.select("loan_id", *(nw.col(name).alias(other) for name, other in before.items())),
        on="loan_id",
        how="left",
    )
    absent = {name: kept[name] for name in kept.names() if name not in going_on.collect_schema().names()}
    unended = going_on.with_columns(*(nw.lit(None, dtype=kind).alias(name) for name, kind in absent.items()))
    return nw.concat([ended, unended.select(*kept.names())]).drop("row_number")


__all__ = [
    "CASH_COLUMNS",
    "DISBURSED",
    "FEE",
    "INTEREST",
    "PRINCIPAL",
    "RECEIVED",
    "RECOVERY",
    "SCHEDULED",
    "disbursements",
    "first_terms",
    "reported_flows",
    "stretches",
]
