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

from collections.abc import Callable
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


def _as_it_is(frame: Frame) -> Frame:
    return frame


def loans_made(
    terms: Frame, last: date, since: date | None = None, hold: Callable[[Frame], Frame] = _as_it_is
) -> Frame:
    """Select the terms of each loan once, as known by a day: those of its first origination.

    Args:
        terms: Typed rows.
        last: The last day known.
        since: Only loans made from this day on; `terms` then cover `SAME_LOAN_MONTHS` before it.
        hold: Makes a frame that is asked for several times once, where that is quicker; an engine's `read_once`.

    Returns:
        The rows with `disbursed`, and `next_on`: the day on which another loan of the same id was made, null mostly.
    """
    made = nw.col("snapshot_date")
    known = terms.filter(made <= last).with_columns(
        nw.coalesce("amount_disbursed", "loan_amount").alias("disbursed"), nw.len().over("loan_id").alias("times")
    )
    known = hold(known)
    # Few ids come more than once, and only their rows are put in order.
    once = known.filter(nw.col("times") == 1).with_columns(nw.lit(None, dtype=nw.Date).alias("next_on"))
    again = known.filter(nw.col("times") > 1).with_columns(
        made.shift(1).over("loan_id", order_by="snapshot_date").alias("before_on")
    )
    same_until = nw.col("before_on").dt.offset_by(f"{SAME_LOAN_MONTHS}mo").cast(nw.Date)
    first = again.filter(nw.col("before_on").is_null() | (same_until < made)).drop("before_on")
    told = first.with_columns(made.shift(-1).over("loan_id", order_by="snapshot_date").alias("next_on"))
    told = nw.concat([once, told.select(*once.collect_schema().names())]).drop("times")
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


def disbursements(loans: Frame, days: DateRange) -> Frame:
    """Give what was paid out to the borrowers of those of `loans_made` that were originated on these days."""
    return loans.filter(nw.col("snapshot_date").is_between(days.first, days.last)).select(
        "loan_id",
        "snapshot_date",
        nw.col("origination_date").alias("paid_on"),
        nw.lit(DISBURSED).alias("kind"),
        (nw.lit(0.0) - nw.col("disbursed")).alias("amount"),
        nw.lit(False).alias("rebuilt"),
    )


def reported_flows(loans: Frame, performance: Frame, days: DateRange) -> list[Frame]:
    """Give what the events of these days say was received with them; totals are no payment.

    Loans that `loans_made` does not give are taken to report their payments; see `asking_events`.

    Where principal, interest and the rest are told apart, each is a flow; else the whole is `received`, or a `recovery`
    where the loan is charged off. Of a scheduled loan an amount that is not told apart is part of its totals.
    """
    events = performance.filter(nw.col("snapshot_date").is_between(days.first, days.last), ~_totals())
    parts = [
        events.select(*_KEYS, nw.lit(kind).alias("kind"), nw.col(column).alias("amount"), _rebuilt())
        for column, kind in _SPLIT.items()
    ]
    undivided = events.filter(_undivided())
    scheduled = loans.filter(nw.col("payments") == SCHEDULED)
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
    loans: Frame,
    performance: Frame,
    quarantine: Frame,
    days: DateRange,
    settings: LabelSettings,
    hold: Callable[[Frame], Frame] = _as_it_is,
) -> Frame:
    """Cut the life of each scheduled loan at the events that say what was received to date.

    Args:
        loans: What `loans_made` gives of those known by the last day.
        performance: Typed rows with `CASH_COLUMNS`, all that are known of these loans by the last day.
        quarantine: Rows of `silver/quarantine`: from the day on which an event was set aside nothing is assumed.
        days: Stretches are left out that ended before them; so are those without an end in which nothing is assumed,
            since the event before did not say that the loan is current.
        settings: When a loan is in default.
        hold: Makes a frame that is asked for several times once, where that is quicker; an engine's `read_once`.

    Returns:
        One row per stretch: of the loan `loan_id`, `origination_date`, `disbursed`, `interest_rate_share`,
        `term_months`, `default_on` (the day on which its first default was known), `default_event_on` and
        `default_days` (the day of that event and its days past due), `set_aside_on`; what had been received before as
        `from_on` (the day of the event; null from origination on), `from_status`, `from_principal`, `from_interest`,
        `from_fees`; and the event that ends the stretch as `until_on` (null for one that has no end yet),
        `until_status`, `until_last` (the day of the last payment), `until_days` (days past due), `until_principal`,
        `until_interest`, `until_fees` (null without totals).
    """
    loans = loans.filter(
        nw.col("payments") == SCHEDULED, ~nw.col("interest_rate_share").is_null(), ~nw.col("term_months").is_null()
    )
    known = hold(of_loans(performance.filter(nw.col("snapshot_date") <= days.last), loans))
    defaults = hold(default_events(known, settings, LIFE))
    first = defaults.group_by(*LIFE).agg(nw.col("known_on").min().alias("default_on"))
    worst = (
        defaults.join(first, on=list(LIFE), how="inner")
        .filter(nw.col("known_on") == nw.col("default_on"))
        .group_by(*LIFE, "default_on")
        .agg(
            nw.col("snapshot_date").max().alias("default_event_on"), nw.col("days_past_due").max().alias("default_days")
        )
    )
    broken = with_name(quarantine.filter(nw.col("snapshot_date") <= days.last)).select("loan_id", "snapshot_date")
    set_aside = of_loans(broken, loans).group_by(*LIFE).agg(nw.col("snapshot_date").min().alias("set_aside_on"))
    marks = hold(_with_marks_before(hold(_marks(known))))
    newest = marks.filter(nw.col("next_on").is_null())
    ended = marks.filter(nw.col("until_on") >= days.first).drop("next_on")
    going_on = loans.select(*LIFE).join(
        newest.select(*LIFE, *(nw.col(name).alias(other) for name, other in _BEFORE.items())), on=list(LIFE), how="left"
    )
    going_on = going_on.filter(nw.col("from_on").is_null() | (nw.col("from_status") == "CURRENT"))
    kept = ended.collect_schema()
    absent = {name: kept[name] for name in kept.names() if name not in (*LIFE, *_BEFORE.values())}
    unended = going_on.with_columns(*(nw.lit(None, dtype=kind).alias(name) for name, kind in absent.items()))
    facts = (
        loans.select(*LIFE, "disbursed", "interest_rate_share", "term_months")
        .join(worst, on=list(LIFE), how="left")
        .join(set_aside, on=list(LIFE), how="left")
    )
    return facts.join(nw.concat([ended, unended.select(*kept.names())]), on=list(LIFE), how="inner").drop("row_number")


_BEFORE = {
    "until_on": "from_on",
    "until_status": "from_status",
    **{f"until_{name}": f"from_{name}" for name in ("principal", "interest", "fees")},
}
"""Column of the event that ends a stretch -> what the next stretch calls it."""


def _marks(known: Frame) -> Frame:
    """Select the events at which lives are cut: those with totals, and ends that do not tell what they are made of."""
    totals = _totals()
    return known.filter(totals | (_closing() & _undivided())).select(
        *LIFE,
        nw.col("snapshot_date").alias("until_on"),
        "row_number",
        nw.col("status").alias("until_status"),
        nw.col("last_payment_date").alias("until_last"),
        nw.col("days_past_due").alias("until_days"),
        *(nw.when(totals).then(nw.col(name)).alias(f"until_{name.removesuffix('_received')}") for name in _TOTALS),
        nw.len().over(*LIFE).alias("times"),
    )


def _with_marks_before(marks: Frame) -> Frame:
    """Add what the mark before of the same loan says, and as `next_on` the day of the one after it."""
    once, several = marks.filter(nw.col("times") == 1), marks.filter(nw.col("times") > 1)
    kinds, order = marks.collect_schema(), ["until_on", "row_number"]
    told = several.with_columns(
        *(nw.col(name).shift(1).over(*LIFE, order_by=order).alias(other) for name, other in _BEFORE.items()),
        nw.col("until_on").shift(-1).over(*LIFE, order_by=order).alias("next_on"),
    )
    # Of most loans there is one mark, and nothing to put in order.
    alone = once.with_columns(
        *(nw.lit(None, dtype=kinds[name]).alias(other) for name, other in [*_BEFORE.items(), ("until_on", "next_on")])
    )
    return nw.concat([alone, told.select(*alone.collect_schema().names())]).drop("times")


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
