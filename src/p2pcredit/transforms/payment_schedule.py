"""Fill stretches of the life of a loan with instalments of its amortisation schedule, in whole cents.

The schedule is that of an annuity: equal instalments, each a month after the one before, of interest on the principal
that is left and of principal. What is left after so many months is rounded to cents, so that the parts add up.

    left(k) = P * (g ** n - g ** k) / (g ** n - 1), where g = 1 + rate / 12; interest(k) = left(k - 1) * rate / 12

Instalments are dozens to a stretch, so only numbers are made of each, and of as few as may matter. A flow is one whole
number, made of the place of its loan, its days and its kind; sorting these numbers sorts the flows as their table is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
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
STRETCHES_TOGETHER = 20_000
"""Stretches of which all instalments are held at once."""
_KINDS = ("fee", "interest", "principal")
"""In the order of the table."""
_PARTS = ("principal", "interest")
_CODE_BITS = (2 * len(_KINDS)).bit_length()
_MOST_BITS = 63
_NEVER, _EVER = 1 << 40, -(1 << 40)
"""Days, counted from 1970, that lie after and before all others."""
_LONGEST_MONTH = 31
_EPOCH = date(1970, 1, 1)
_TWELFTH = 1.0 / 12.0
"""Polars divides by a number so. Interest of a month is then the same number on any way to it."""

Numbers = npt.NDArray[np.int64]
Amounts = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]
Flows = tuple[Numbers, Numbers]
"""What packs each flow, and its cents."""


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
        `FLOWS`, all rebuilt, sorted by day, loan, day of payment and kind; what the events of a day settle of a loan is
        one flow for each day of payment and kind. Cut stretches into parts as you like, loan by loan: the flows are the
        same.
    """
    told = _that_may_tell(stretches, days, known_after_days)
    if told.is_empty():
        return pl.DataFrame(schema=FLOWS)
    told = told.sort("loan_id").with_columns(pl.col("loan_id").rle_id().cast(pl.Int64).alias("_loan"))
    place = told["_loan"].to_numpy()
    packing = _Packing.of(told, days)
    keys, cents = _joined([_flows_of(_columns(part), packing, known_after_days) for part in _together(told, place)])
    order = pl.Series(keys).arg_sort().to_numpy()
    loan, known_on, paid_on, kind = packing.unpacked(keys[order])
    return pl.DataFrame(
        [
            told["loan_id"].gather(np.flatnonzero(np.diff(place, prepend=-1))).gather(loan.astype(np.uint32)),
            pl.Series("snapshot_date", known_on.astype(np.int32)).cast(pl.Date),
            pl.Series("paid_on", paid_on.astype(np.int32)).cast(pl.Date),
            pl.Series("kind", _KINDS, dtype=pl.String).gather(kind.astype(np.uint32)),
            pl.Series("amount", cents[order]) / 100.0,
            pl.repeat(value=True, n=order.size, dtype=pl.Boolean, eager=True).alias("rebuilt"),
        ]
    )


@dataclass(frozen=True, slots=True)
class _Packing:
    """How the place of a loan, two days and a kind make one whole number that sorts as they do, by day known first.

    Args:
        first: The first day on which a flow may become known, counted from 1970.
        days: How many these are.
        loan_bits: Bits that hold the place of a loan.
        paid_first: The first day on which one may be paid.
        paid_bits: Bits that hold such a day, counted from the first.
    """

    first: int
    days: int
    loan_bits: int
    paid_first: int
    paid_bits: int

    @classmethod
    def of(cls, told: pl.DataFrame, days: DateRange) -> _Packing:
        """Find the bounds of what these stretches may tell on these days.

        Raises:
            OverflowError: If numbers of 64 bits are too few for them.
        """
        earliest, latest, place = told.select(
            pl.col("origination_date").min(), pl.col("until_last").max(), pl.col("_loan").max()
        ).row(0)
        last = max(days.last, latest or days.last)
        loan_bits, paid_bits = int(place).bit_length(), (last - earliest).days.bit_length()
        if len(days).bit_length() + loan_bits + paid_bits + _CODE_BITS > _MOST_BITS:
            raise OverflowError(f"{place + 1} loans on {len(days)} days are too many for one part")
        return cls(_day(days.first), len(days), loan_bits, _day(earliest), paid_bits)

    def packed(self, loan: Numbers, known_on: Numbers, paid_on: Numbers, code: int) -> Numbers:
        """Make the numbers; a code is twice the place of a kind, and one more where an event settles the flow."""
        of_loan = (known_on - self.first) << self.loan_bits | loan
        return (of_loan << self.paid_bits | paid_on - self.paid_first) << _CODE_BITS | code

    def unpacked(self, keys: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Give place of the loan, day known, day paid, and place of the kind."""
        code, keys = keys & ((1 << _CODE_BITS) - 1), keys >> _CODE_BITS
        paid, keys = keys & ((1 << self.paid_bits) - 1), keys >> self.paid_bits
        loan, known = keys & ((1 << self.loan_bits) - 1), keys >> self.loan_bits
        return loan, known + self.first, paid + self.paid_first, code >> 1


def _day(day: date) -> int:
    return (day - _EPOCH).days


def _that_may_tell(stretches: pl.DataFrame, days: DateRange, known_after_days: int) -> pl.DataFrame:
    """Leave out stretches that end on other days and in which no instalment becomes known on these.

    The months of the instalments that may matter are those from `_first` up to, and without, `_past`.
    """
    ends = pl.col("until_on").is_between(days.first, days.last).fill_null(value=False)
    back = pl.duration(days=known_after_days)
    # No instalment is assumed that is due later: by then the stretch has ended, or a default or a fault is known.
    missed = pl.when(_missed_on().is_not_null()).then(pl.max_horizontal(_missed_on(), pl.col("default_on") - back))
    assumed_to = pl.min_horizontal(pl.col("until_on") - back, pl.col("set_aside_on") - back, missed)
    known_to = pl.min_horizontal(assumed_to, pl.lit(days.last) - back)
    due_to = pl.when(ends).then(pl.max_horizontal(assumed_to, _settled_to())).otherwise(known_to)
    due_from = pl.when(~ends).then(pl.lit(days.first) - back)
    first = pl.max_horizontal(_months_until(pl.col("from_on")), _months_until(due_from), 1)
    past = pl.when(_runs()).then(pl.min_horizontal(_months_until(due_to), pl.col("term_months").cast(pl.Int64)) + 1)
    # Most stretches have ended, or their schedule has, long before: that is told by fewer looks.
    over = pl.col("origination_date") + pl.duration(days=_LONGEST_MONTH * (pl.col("term_months") + 1)) + back
    open_ = (pl.col("until_on") > days.first).fill_null(value=True) & (over >= days.first)
    return (
        stretches.filter(pl.col("origination_date") <= days.last, ends | (open_ & _runs()))
        .with_columns(ends.alias("_ends"), first.alias("_first"))
        .with_columns(pl.max_horizontal(past, "_first").alias("_past"))
        .filter(pl.col("_ends") | (pl.col("_past") > pl.col("_first")))
    )


def _months_until(day: pl.Expr) -> pl.Expr:
    """Count calendar months from origination to a day; the instalment of that month is due before, on or after it."""
    start, day = pl.col("origination_date"), day.cast(pl.Date)
    return (day.dt.year() - start.dt.year()).cast(pl.Int64) * 12 + day.dt.month() - start.dt.month()


def _runs() -> pl.Expr:
    """Tell whether instalments are assumed at all: from origination on, or after an event that says current."""
    return pl.col("from_on").is_null() | (pl.col("from_status") == "CURRENT").fill_null(value=False)


def _missed_on() -> pl.Expr:
    """Give the due date of the first instalment missed: so many days before the default as it was past due."""
    return pl.col("default_event_on") - pl.duration(days=pl.col("default_days"))


def _last_payment() -> pl.Expr:
    return pl.max_horizontal(pl.coalesce("until_last", "until_on"), "origination_date")


def _settled_to() -> pl.Expr:
    """Give the last due date of the instalments that the event at the end of a stretch settles; null for none."""
    return (
        pl.when(pl.col("until_principal").is_not_null())
        .then(_last_payment())
        .when(pl.col("until_status") == "FULLY_PAID")
        .then(pl.col("until_on"))
        .otherwise(pl.col("until_on") - pl.duration(days=pl.col("until_days") + 1))
    )


def _together(told: pl.DataFrame, place: Numbers) -> Iterator[pl.DataFrame]:
    """Cut stretches into parts; those of a loan stay together, as what the events of a day settle of it is summed."""
    start = 0
    while start < place.size:
        newest = place[min(start + STRETCHES_TOGETHER, place.size) - 1]
        end = int(np.searchsorted(place, newest, side="right"))
        yield told[start:end]
        start = end


def _columns(rows: pl.DataFrame) -> Columns:
    """Make arrays of rows of `_that_may_tell`, an item a stretch: days counted from 1970, amounts in cents.

    A day that never came is `_NEVER`; that of the event before, where there was none, `_EVER`.
    """
    born = pl.col("origination_date")
    whole, rate, term = pl.col("disbursed").fill_null(0.0), pl.col("interest_rate_share"), pl.col("term_months")
    growth = 1.0 + rate / 12.0
    before = {part: _cents(pl.col(f"from_{part}").fill_null(0.0)) for part in ("principal", "interest", "fees")}
    found = rows.select(
        pl.col("_loan").alias("loan"),
        pl.col("_first").alias("first"),
        pl.col("_past").alias("past"),
        pl.col("_ends").alias("ends"),
        (born.dt.year().cast(pl.Int64) * 12 + born.dt.month() - 1).alias("born_month"),
        born.dt.day().cast(pl.Int64).alias("born_day"),
        whole.alias("whole"),
        rate.alias("rate"),
        growth.alias("growth"),
        growth.pow(term).alias("full"),
        term.cast(pl.Int64).alias("term"),
        _counted(pl.col("from_on"), _EVER).alias("from_on"),
        _first_month_after_event().fill_null(1).alias("month_after_event"),
        _counted(pl.min_horizontal("set_aside_on", "until_on"), _NEVER).alias("sound_until"),
        _counted(_missed_on(), _NEVER).alias("missed_on"),
        _counted(pl.col("default_on"), _NEVER).alias("default_on"),
        _counted(pl.col("until_on"), _NEVER).alias("until_on"),
        _counted(_settled_to(), _EVER).alias("settled_to"),
        _counted(_last_payment(), _NEVER).alias("last"),
        (_cents(whole) - before["principal"]).alias("floor"),
        (_cents(pl.col("disbursed")) - before["principal"]).fill_null(0).alias("owed"),
        *((_cents(pl.col(f"until_{part}")) - before[part]).fill_null(0).alias(f"{part}_rest") for part in _PARTS),
        *(pl.col(f"until_{part}").is_not_null().alias(f"{part}_told") for part in _PARTS),
        (_cents(pl.col("until_fees").fill_null(0.0)) - before["fees"]).alias("fee"),
        ((pl.col("until_status") == "FULLY_PAID") & _runs()).fill_null(value=False).alias("paid_off"),
    )
    return {name: found[name].to_numpy() for name in found.columns}


def _counted(day: pl.Expr, missing: int) -> pl.Expr:
    """Count the days from 1970."""
    return day.cast(pl.Date).to_physical().cast(pl.Int64).fill_null(missing)


def _cents(amount: pl.Expr) -> pl.Expr:
    return (amount * 100.0).round(0).cast(pl.Int64)


def _in_cents(amount: Amounts) -> Numbers:
    cents: Numbers = np.rint(amount * 100.0).astype(np.int64)
    return cents


def _first_month_after_event() -> pl.Expr:
    """Count which instalment is the first that is due after the event at which the stretch begins."""
    start, event = pl.col("origination_date"), pl.col("from_on")
    months = _months_until(event)
    due_later = pl.min_horizontal(start.dt.day(), event.dt.month_end().dt.day()) > event.dt.day()
    return pl.when(due_later).then(months).otherwise(months + 1).clip(1)


def _flows_of(column: Columns, packing: _Packing, known_after_days: int) -> Flows:
    """Make the flows of some stretches, none of zero cents; those that events settle once for each key."""
    counts = column["past"] - column["first"]
    of = np.repeat(np.arange(counts.size), counts)
    month = np.arange(of.size) - np.repeat(np.cumsum(counts) - counts - column["first"], counts)
    due = _due_days(column["born_month"][of] + month, column["born_day"][of])
    known = due + known_after_days
    after = due > column["from_on"][of]
    no_default = (due < column["missed_on"][of]) | (column["default_on"][of] > known)
    assumed = after & no_default & (column["sound_until"][of] > known)
    now = np.flatnonzero(assumed & (known >= packing.first) & (known < packing.first + packing.days))
    further = np.flatnonzero(after & ~assumed & (due <= np.where(column["ends"], column["settled_to"], _EVER)[of]))
    loan, until_on, last = column["loan"], column["until_on"], column["last"]
    totals = np.flatnonzero(column["ends"] & column["principal_told"])
    one_by_one: list[Flows] = []
    settled = [(packing.packed(loan[totals], until_on[totals], last[totals], _code("fee") + 1), column["fee"][totals])]
    for part, cents in zip(_PARTS, _amounts(column, of, month), strict=True):
        code, told = _code(part), column[f"{part}_told"]
        one_by_one.append((packing.packed(loan[of[now]], known[now], due[now], code), cents[now]))
        before = _summed(np.where(assumed, cents, 0), of, counts.size)
        rest, later = column[f"{part}_rest"] - before, of[further]
        paid = np.where(told[later], _capped(cents[further], later, rest), cents[further])
        came = _summed(paid, later, counts.size)
        left = np.where(told, rest - came, 0)
        settled.append((packing.packed(loan[later], until_on[later], due[further], code + 1), paid))
        settled.append((packing.packed(loan[totals], until_on[totals], last[totals], code + 1), left[totals]))
        if part == _PARTS[0]:
            off = np.flatnonzero(column["ends"] & ~told & column["paid_off"])
            owed = (column["owed"] - before - came)[off]
            settled.append((packing.packed(loan[off], until_on[off], until_on[off], code + 1), owed))
    keys, cents = _joined([*one_by_one, _summed_by_key(_joined(settled))])
    some = cents != 0
    return keys[some], cents[some]


def _code(kind: str) -> int:
    return 2 * _KINDS.index(kind)


def _joined(flows: Sequence[Flows]) -> Flows:
    keys, cents = zip(*flows, strict=True)
    return np.concatenate(keys), np.concatenate(cents)


def _due_days(month: Numbers, day: Numbers) -> Numbers:
    """Find the days, counted from 1970, of days in months that are counted from year 0; the last of a shorter month."""
    if not month.size:
        return month
    months = np.arange(month.min(), month.max() + 2)
    starts = (months - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    at = month - months[0]
    due: Numbers = starts[at] + np.minimum(day, np.diff(starts)[at]) - 1
    return due


def _amounts(column: Columns, of: Numbers, month: Numbers) -> tuple[Numbers, Numbers]:
    """Calculate principal and interest of instalments in cents; no more principal than the event before left."""
    rate, first = column["rate"], np.flatnonzero(np.diff(of, prepend=-1))
    after = _left(column, of, month)
    before = np.empty_like(after)
    before[1:] = after[:-1]  # what is left after an instalment is left before the next of the stretch
    before[first] = _left(column, of[first], month[first] - 1)
    cents_before = _in_cents(before)
    principal, interest = cents_before - _in_cents(after), _in_cents(before * rate[of] * _TWELFTH)
    later = column["from_on"] != _EVER
    if later.any():
        # After an event with totals principal is assumed as far as there is any left. What the instalments before took
        # is told by the schedule and not summed up: which of them are looked at depends on the days asked for.
        at_event = _in_cents(_left(column, np.arange(rate.size), column["month_after_event"] - 1))
        kept = np.maximum((column["floor"] - at_event)[of] + cents_before, 0)
        principal = np.where(later[of], np.minimum(principal, kept), principal)
    return principal, interest


def _left(column: Columns, of: Numbers, after: Numbers) -> Amounts:
    """Calculate the principal left after so many instalments of a stretch, in currency."""
    whole, full, term = column["whole"][of], column["full"][of], column["term"][of]
    powers = pl.DataFrame({"growth": column["growth"][of], "after": after}).select(pl.col("growth").pow("after"))
    paid: Amounts = powers.to_series().to_numpy()
    grows = (column["rate"][of] > 0) & (full > 1.0)  # a rate too small to make anything grow is none
    with np.errstate(divide="ignore", invalid="ignore"):
        annuity = whole * (full - paid) / (full - 1.0)
    left: Amounts = np.where(grows, annuity, whole * (1.0 - after / term))
    return left


def _summed(cents: Numbers, of: Numbers, stretches: int) -> Numbers:
    """Sum cents by stretch; exact, as the sums are whole numbers below 2 ** 53."""
    summed: Numbers = np.bincount(of, weights=cents, minlength=stretches).astype(np.int64)
    return summed


def _capped(cents: Numbers, of: Numbers, rest: Numbers) -> Numbers:
    """Cut instalments, in their order, to what is left of the rest for them."""
    if not cents.size:
        return cents
    before = np.cumsum(cents) - cents
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    before -= np.repeat(before[starts], np.diff(starts, append=of.size))
    return np.minimum(cents, np.maximum(rest[of] - before, 0))


def _summed_by_key(flows: Flows) -> Flows:
    keys, cents = flows
    if not keys.size:
        return flows
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    return keys[starts], np.add.reduceat(cents[order], starts)


__all__ = ["FLOWS", "scheduled_flows"]
