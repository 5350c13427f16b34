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
from p2pcredit.transforms.unknown_outcomes import Frame, with_name

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


FOLLOWED_MONTHS = 12
"""How long after the end of its schedule a loan is still looked for among the recent ones. What comes later is found by
looking through all of them."""
SAME_LOAN_MONTHS = 12
"""An id that lands again within so many months of its row before is the same loan, landed twice; later, another."""
LIFE = ("loan_id", "origination_date")
"""What tells one loan from another, also where its id was given to another loan long after."""


def loans_made(terms: Frame, last: date, since: date | None = None) -> Frame:
    """Select the terms of each loan once, as known by a day: those of its first origination.

    Args:
        terms: Typed rows.
        last: The last day known.
        since: Only loans made from this day on; `terms` then cover `SAME_LOAN_MONTHS` before it.

    Returns:
        The rows with `disbursed`, and `next_on`: the day on which another loan of the same id was made, null mostly.
    """
    made = nw.col("snapshot_date")
    known = terms.filter(made <= last)
    again = known.with_columns(made.shift(1).over("loan_id", order_by="snapshot_date").alias("before_on"))
    same_until = nw.col("before_on").dt.offset_by(f"{SAME_LOAN_MONTHS}mo").cast(nw.Date)
    first = again.filter(nw.col("before_on").is_null() | (same_until < made)).drop("before_on")
    told = first.with_columns(
        nw.coalesce("amount_disbursed", "loan_amount").alias("disbursed"),
        made.shift(-1).over("loan_id", order_by="snapshot_date").alias("next_on"),
    )
    return told if since is None else told.filter(made >= since)


def of_loans(events: Frame, loans: Frame, *facts: str) -> Frame:
    """Give the events the `origination_date` of their loan and these facts of it.

    An event is of the newest loan of its id that was made by its day. One of a day before any was made is of none: no
    money comes back before it is lent, and on that day the loan was not known.
    """
    named = loans.select(*LIFE, "next_on", *facts)
    found = events.join(named, on="loan_id", how="inner")
    day, ends = nw.col("snapshot_date"), nw.col("next_on")
    return found.filter(nw.col("origination_date") <= day, ends.is_null() | (day < ends)).drop("next_on")


def asking_events(performance: Frame, days: DateRange) -> Frame:
    """Give the events of these days whose flows rest on what else is known of their loan: `EVENT`, each once.

    They are those with totals or a closing status, and amounts that are not told apart.
    """
    of_days = performance.filter(nw.col("snapshot_date").is_between(days.first, days.last))
    totals, undivided = _totals(), _undivided()
    asks = totals | (undivided & (_closing() | (nw.col("amount_received") > 0).fill_null(value=False)))
    return of_days.filter(asks).select(*EVENT)


def not_of(events: Frame, loans: Frame) -> Frame:
    """Leave out the events that are of one of these loans: `EVENT`."""
    return events.join(of_loans(events, loans).select(*EVENT), on=list(EVENT), how="anti")


EVENT = ("loan_id", "snapshot_date", "row_number")
"""What tells one event from another."""


def _totals() -> nw.Expr:
    return nw.col("totals_to_date").fill_null(value=False)


def _undivided() -> nw.Expr:
    return nw.all_horizontal(*(nw.col(name).is_null() for name in _SPLIT), ignore_nulls=True)


def _closing() -> nw.Expr:
    return nw.col("status").is_in(sorted(CLOSING_STATUSES))


def disbursements(terms: Frame, days: DateRange) -> Frame:
    """Give what was paid out to the borrowers of the loans originated on these days."""
    return loans_made(terms, days.last, days.first).select(
        "loan_id",
        "snapshot_date",
        nw.col("origination_date").alias("paid_on"),
        nw.lit(DISBURSED).alias("kind"),
        (nw.lit(0.0) - nw.col("disbursed")).alias("amount"),
        nw.lit(False).alias("rebuilt"),
    )


def reported_flows(terms: Frame, performance: Frame, days: DateRange, since: date | None = None) -> list[Frame]:
    """Give what the events of these days say was received with them; totals are no payment.

    With `since`, loans made before it are taken to report their payments; see `asking_events`.

    Where principal, interest and the rest are told apart, each is a flow; else the whole is `received`, or a `recovery`
    where the loan is charged off. Of a scheduled loan an amount that is not told apart is part of its totals.
    """
    events = performance.filter(nw.col("snapshot_date").is_between(days.first, days.last), ~_totals())
    parts = [
        events.select(*_KEYS, nw.lit(kind).alias("kind"), nw.col(column).alias("amount"), _rebuilt())
        for column, kind in _SPLIT.items()
    ]
    undivided = events.filter(_undivided())
    scheduled = loans_made(terms, days.last, since).filter(nw.col("payments") == SCHEDULED)
    kind = nw.when(nw.col("status") == "CHARGED_OFF").then(nw.lit(RECOVERY)).otherwise(nw.lit(RECEIVED))
    parts.append(
        undivided.join(of_loans(undivided, scheduled).select(*EVENT), on=list(EVENT), how="anti").select(
            *_KEYS, kind.alias("kind"), nw.col("amount_received").alias("amount"), _rebuilt()
        )
    )
    return [part.filter(nw.col("amount") > 0) for part in parts]


_KEYS = ("loan_id", "snapshot_date", nw.col("event_date").alias("paid_on"))


def _rebuilt() -> nw.Expr:
    return nw.col("rebuilt").fill_null(value=False).alias("rebuilt")


def stretches(
    terms: Frame,
    performance: Frame,
    quarantine: Frame,
    last: date,
    settings: LabelSettings,
    since: date | None = None,
) -> Frame:
    """Cut the life of each scheduled loan, as known by a day, at the events that say what was received to date.

    Args:
        terms, performance: Typed rows with `CASH_COLUMNS`, all that is known by `last`; with `since`, from then on, and
            the terms of `SAME_LOAN_MONTHS` before it.
        quarantine: Rows of `silver/quarantine`: from the day on which an event was set aside nothing is assumed.
        last: The last day known.
        settings: When a loan is in default.
        since: Only loans made from this day on.

    Returns:
        One row per stretch: of the loan `loan_id`, `origination_date`, `disbursed`, `interest_rate_share`,
        `term_months`, `default_on` (the day on which its first default was known), `default_event_on` and
        `default_days` (the day of that event and its days past due), `set_aside_on`; what had been received before as
        `from_on` (the day of the event; null from origination on), `from_status`, `from_principal`, `from_interest`,
        `from_fees`; and the event that ends the stretch as `until_on` (null for one that has no end yet),
        `until_status`, `until_last` (the day of the last payment), `until_days` (days past due), `until_principal`,
        `until_interest`, `until_fees` (null without totals).
    """
    loans = loans_made(terms, last, since).filter(
        nw.col("payments") == SCHEDULED, ~nw.col("interest_rate_share").is_null(), ~nw.col("term_months").is_null()
    )
    known = of_loans(performance.filter(nw.col("snapshot_date") <= last), loans)
    defaults = default_events(known, settings, LIFE)
    first = defaults.group_by(*LIFE).agg(nw.col("known_on").min().alias("default_on"))
    worst = (
        defaults.join(first, on=list(LIFE), how="inner")
        .filter(nw.col("known_on") == nw.col("default_on"))
        .group_by(*LIFE, "default_on")
        .agg(
            nw.col("snapshot_date").max().alias("default_event_on"), nw.col("days_past_due").max().alias("default_days")
        )
    )
    set_aside = (
        of_loans(
            with_name(quarantine.filter(nw.col("snapshot_date") <= last)).select("loan_id", "snapshot_date"), loans
        )
        .group_by(*LIFE)
        .agg(nw.col("snapshot_date").min().alias("set_aside_on"))
    )
    facts = (
        loans.select(*LIFE, "disbursed", "interest_rate_share", "term_months")
        .join(worst, on=list(LIFE), how="left")
        .join(set_aside, on=list(LIFE), how="left")
    )
    totals = _totals()
    marks = known.filter(totals | (_closing() & _undivided())).select(
        *LIFE,
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
        *(nw.col(name).shift(1).over(*LIFE, order_by=order).alias(other) for name, other in before.items())
    )
    newest = marks.with_columns(nw.col("until_on").shift(-1).over(*LIFE, order_by=order).alias("next_on")).filter(
        nw.col("next_on").is_null()
    )
    ended = facts.join(closed, on=list(LIFE), how="inner")
    kept = ended.collect_schema()
    going_on = facts.join(
        newest.select(*LIFE, *(nw.col(name).alias(other) for name, other in before.items())),
        on=list(LIFE),
        how="left",
    )
    absent = {name: kept[name] for name in kept.names() if name not in going_on.collect_schema().names()}
    unended = going_on.with_columns(*(nw.lit(None, dtype=kind).alias(name) for name, kind in absent.items()))
    return nw.concat([ended, unended.select(*kept.names())]).drop("row_number")


__all__ = [
    "CASH_COLUMNS",
    "DISBURSED",
    "FEE",
    "FOLLOWED_MONTHS",
    "INTEREST",
    "PRINCIPAL",
    "RECEIVED",
    "RECOVERY",
    "SAME_LOAN_MONTHS",
    "SCHEDULED",
    "asking_events",
    "disbursements",
    "loans_made",
    "not_of",
    "reported_flows",
    "stretches",
]
