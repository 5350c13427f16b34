"""Fill stretches of the life of a loan with instalments of its amortisation schedule, in whole cents.

The schedule is that of an annuity: equal instalments, each a month after the one before, of interest on the principal
that is left and of principal. What is left after so many months is rounded to cents, so that the parts add up.

    left(k) = P * (g ** n - g ** k) / (g ** n - 1), where g = 1 + rate / 12; interest(k) = left(k - 1) * rate / 12
"""

from __future__ import annotations

import polars as pl

from p2pcredit.periods import DateRange

FLOWS = {
    "loan_id": pl.String(),
    "snapshot_date": pl.Date(),
    "paid_on": pl.Date(),
    "kind": pl.String(),
    "amount": pl.Float64(),
    "rebuilt": pl.Boolean(),
}
_PARTS = ("principal", "interest")
_ROW = "_stretch"


def scheduled_flows(stretches: pl.DataFrame, days: DateRange, known_after_days: int) -> pl.DataFrame:
    """Give the payments of scheduled loans that become known on these days.

    An instalment within a stretch is assumed where no default, no event set aside and no end of the stretch was known
    by the day on which it becomes known, and the event before, if any, said that the loan is current. At the event
    that ends the stretch the rest of the totals comes, or goes: instalments until the last payment that were not
    assumed before, as far as the totals reach, and what is then left on the day of the last payment. Where the event
    has no totals, a loan that was paid off pays the principal left, and one charged off what was due before it.

    Args:
        stretches: As `transforms.cash_flows.stretches` gives them.
        days: The days.
        known_after_days: Days after its due date on which an instalment becomes known.

    Returns:
        `FLOWS`, all rebuilt. Cut stretches into parts as you like: the flows are the same.
    """
    rows = stretches.with_row_index(_ROW)
    ends = pl.col("until_on").is_between(days.first, days.last).fill_null(value=False)
    # Of a stretch that ends elsewhere only the instalments that become known on these days are looked at.
    earliest = _months_since_origination(pl.lit(days.first), known_after_days) - 1
    latest = _months_since_origination(pl.lit(days.last), known_after_days) + 1
    first = pl.when(ends).then(1).otherwise(earliest.clip(1))
    past = pl.when(ends).then(pl.col("term_months")).otherwise(pl.min_horizontal(latest, "term_months")) + 1
    rows = rows.with_columns(ends.alias("_ends"), first.alias("_first"), past.alias("_past"))
    instalments = (
        rows.filter(pl.col("_past") > pl.col("_first"))
        .with_columns(pl.int_ranges("_first", "_past").alias("_month"))
        .drop("from_interest", "from_fees", "until_interest", "until_fees")
        .explode("_month", empty_as_null=False, keep_nulls=False)
    )
    instalments = _with_amounts(_with_days(instalments, known_after_days))
    assumed = pl.col("_assumed")
    now = pl.col("_known_on").is_between(days.first, days.last)
    one_by_one = _flows(instalments.filter(assumed, now), "_known_on", "_due_on")
    keys = [name for name in FLOWS if name != "amount"]
    settled = pl.concat(_settled(rows.filter(pl.col("_ends")), instalments.filter(pl.col("_ends"))))
    summed = settled.group_by(keys).agg(pl.col("amount").sum()).select(one_by_one.columns)
    found = pl.concat([one_by_one, summed]).filter(pl.col("amount") != 0)
    return found.with_columns(pl.col("amount") / 100.0).cast(pl.Schema(FLOWS))


def _months_since_origination(day: pl.Expr, known_after_days: int) -> pl.Expr:
    """Count calendar months from origination to the day whose instalments become known on a day."""
    due, start = day.cast(pl.Date).dt.offset_by(f"-{known_after_days}d"), pl.col("origination_date")
    return (due.dt.year() - start.dt.year()).cast(pl.Int64) * 12 + due.dt.month() - start.dt.month()


def _with_days(instalments: pl.DataFrame, known_after_days: int) -> pl.DataFrame:
    """Add when each instalment is due and becomes known, and whether it is assumed."""
    start = pl.col("origination_date")
    months = start.dt.year().cast(pl.Int64) * 12 + start.dt.month() - 1 + pl.col("_month")
    first = pl.date(months // 12, months % 12 + 1, 1)
    due = first + pl.duration(days=pl.min_horizontal(start.dt.day(), first.dt.days_in_month()) - 1)
    with_due = instalments.with_columns(due.alias("_due_on")).with_columns(
        (pl.col("_due_on") + pl.duration(days=known_after_days)).alias("_known_on"), _missed_on().alias("_missed_on")
    )
    due_on, known_on = pl.col("_due_on"), pl.col("_known_on")
    no_default = pl.col("_missed_on").is_null() | (due_on < pl.col("_missed_on")) | (pl.col("default_on") > known_on)
    sound = pl.col("set_aside_on").is_null() | (pl.col("set_aside_on") > known_on)
    inside = pl.col("until_on").is_null() | (known_on < pl.col("until_on"))
    runs = _from_origination() | (pl.col("from_status") == "CURRENT")
    after = _from_origination() | (due_on > pl.col("from_on"))
    return with_due.filter(after).with_columns((no_default & sound & inside & runs).alias("_assumed"))


def _from_origination() -> pl.Expr:
    return pl.col("from_on").is_null()


def _missed_on() -> pl.Expr:
    """Give the due date of the first instalment missed: so many days before the default as it was past due."""
    return pl.col("default_event_on") - pl.duration(days=pl.col("default_days"))


def _with_amounts(instalments: pl.DataFrame) -> pl.DataFrame:
    """Add principal and interest of each instalment in cents; no more principal than the event before left."""
    growth = 1.0 + pl.col("interest_rate_share") / 12.0
    whole = pl.col("disbursed")

    def left(after: pl.Expr) -> pl.Expr:
        full = growth.pow(pl.col("term_months"))
        annuity = whole * (full - growth.pow(after)) / (full - 1.0)
        straight = whole * (1.0 - after / pl.col("term_months"))
        return pl.when(pl.col("interest_rate_share") > 0).then(annuity).otherwise(straight)

    month = pl.col("_month")
    left_before, left_after = (_cents(left(month - 1)), _cents(left(month)))
    floor = _cents(whole) - _cents(pl.col("from_principal").fill_null(0.0))
    interest = _cents(left(month - 1) * pl.col("interest_rate_share") / 12.0)
    with_both = instalments.with_columns((left_before - left_after).alias("principal"), interest.alias("interest"))
    if with_both["from_on"].null_count() == with_both.height:
        return with_both
    # After an event with totals principal is assumed as far as there is any left. What the instalments before took is
    # told by the schedule and not summed up: which of them are looked at depends on the days asked for.
    kept = (floor - (_cents(left(_first_month_after_event() - 1)) - left_before)).clip(0)
    return with_both.with_columns(
        pl.when(_from_origination())
        .then("principal")
        .otherwise(pl.min_horizontal("principal", kept))
        .alias("principal")
    )


def _first_month_after_event() -> pl.Expr:
    """Count which instalment is the first that is due after the event at which the stretch begins."""
    start, event = pl.col("origination_date"), pl.col("from_on")
    months = (event.dt.year() - start.dt.year()).cast(pl.Int64) * 12 + event.dt.month() - start.dt.month()
    due_later = pl.min_horizontal(start.dt.day(), event.dt.month_end().dt.day()) > event.dt.day()
    return pl.when(due_later).then(months).otherwise(months + 1).clip(1)


def _settled(ended: pl.DataFrame, instalments: pl.DataFrame) -> list[pl.DataFrame]:
    """Give what an event at the end of a stretch adds to what was assumed before it."""
    last = pl.max_horizontal(pl.coalesce("until_last", "until_on"), "origination_date")
    due_by = (
        pl.when(pl.col("until_principal").is_not_null())
        .then(pl.col("_due_on") <= last)
        .when(pl.col("until_status") == "FULLY_PAID")
        .then(pl.col("_due_on") <= pl.col("until_on"))
        .otherwise(pl.col("_due_on") < pl.col("until_on") - pl.duration(days=pl.col("until_days")))
    )
    runs = _from_origination() | (pl.col("from_status") == "CURRENT")
    before = (
        instalments.filter("_assumed")
        .group_by(_ROW)
        .agg(*(pl.col(part).sum().alias(f"_{part}_before") for part in _PARTS))
    )
    rest = ended.join(before, on=_ROW, how="left").with_columns(
        *(
            (
                _cents(pl.col(f"until_{part}"))
                - _cents(pl.col(f"from_{part}").fill_null(0.0))
                - pl.col(f"_{part}_before").fill_null(0)
            ).alias(f"_{part}_rest")
            for part in _PARTS
        ),
        (
            _cents(pl.col("disbursed"))
            - _cents(pl.col("from_principal").fill_null(0.0))
            - pl.col("_principal_before").fill_null(0)
        ).alias("_owed"),
        last.alias("_last"),
    )
    further = (
        instalments.filter(~pl.col("_assumed"), due_by, runs)
        .join(rest.select(_ROW, "_principal_rest", "_interest_rest", "_last"), on=_ROW, how="inner")
        .with_columns(_capped("principal"), _capped("interest"))
    )
    came = further.group_by(_ROW).agg(*(pl.col(part).sum().alias(f"_{part}_came") for part in _PARTS))
    left = rest.join(came, on=_ROW, how="left").with_columns(
        *((pl.col(f"_{part}_rest") - pl.col(f"_{part}_came").fill_null(0)).alias(part) for part in _PARTS),
        (_cents(pl.col("until_fees").fill_null(0.0)) - _cents(pl.col("from_fees").fill_null(0.0))).alias("fee"),
    )
    with_totals = left.filter(pl.col("until_principal").is_not_null())
    paid_off = left.filter(
        pl.col("until_principal").is_null(), pl.col("until_status") == "FULLY_PAID", runs
    ).with_columns((pl.col("_owed") - pl.col("_principal_came").fill_null(0)).alias("principal"))
    return [
        _flows(further, "until_on", "_due_on"),
        _flows(with_totals, "until_on", "_last"),
        _flows(with_totals, "until_on", "_last", ("fee",)),
        _flows(paid_off, "until_on", "until_on", ("principal",)),
    ]


def _capped(part: str) -> pl.Expr:
    """Cut instalments, in their order, to what the totals leave for them; all of them where there are no totals."""
    own, rest = pl.col(part), pl.col(f"_{part}_rest")
    before = own.cum_sum().over(_ROW, order_by="_month") - own
    return pl.when(rest.is_null()).then(own).otherwise(pl.min_horizontal(own, (rest - before).clip(0))).alias(part)


def _flows(rows: pl.DataFrame, known_on: str, paid_on: str, parts: tuple[str, ...] = _PARTS) -> pl.DataFrame:
    """Make a flow of each part, its amount in cents."""
    return pl.concat(
        rows.select(
            "loan_id",
            pl.col(known_on).alias("snapshot_date"),
            pl.col(paid_on).alias("paid_on"),
            pl.lit(part).alias("kind"),
            pl.col(part).cast(pl.Int64).fill_null(0).alias("amount"),
            pl.lit(value=True).alias("rebuilt"),
        )
        for part in parts
    )


def _cents(amount: pl.Expr) -> pl.Expr:
    return (amount * 100.0).round(0).cast(pl.Int64)


__all__ = ["FLOWS", "scheduled_flows"]
