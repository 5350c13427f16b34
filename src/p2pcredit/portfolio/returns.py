"""Returns of a book by cell, such as vintage and term: what was invested, received, lost, and what it earned a year.

A unit of principal is at work from the day it is paid out until it is paid back, lost or valued. A loan's principal
counts as lost on the day of its default; what comes in later is a recovery. What is outstanding otherwise is worth what
is owed.

    net annualised return = (interest + fees + recoveries - lost) / (principal outstanding, summed over days, / 365)

The internal rate of return takes the flows of all loans of a cell at their age in days, so that it does not depend on
how the lending was spread over the vintage, and what is outstanding as a last flow.

To the end, the open loans go on as `portfolio.projection` says. Of what is lost the share comes back that came back of
the book's defaults of twelve months and more ago.

Source:
    Prosper Funding LLC, Form 10-K, "Note returns": payments received net of principal repayment, losses and servicing
    costs, over the average daily principal outstanding, annualised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import polars as pl

from p2pcredit.portfolio.internal_rate import internal_rate
from p2pcredit.portfolio.projection import Ahead, ahead_of, experience_of, level_of, with_months

DAYS_A_YEAR = 365
_EARLY_DAYS = 31
"""A loan that was paid off more than so many days before its last instalment was due was paid off early."""
RECOVERY_MONTHS = 12
"""Of defaults so many months old and more, what has been recovered stands for what will be."""
_MOST_SHORT = 0.005
"""A loan paid off that gave back less than all but this share of what was lent has payments that were not reported."""


@dataclass(frozen=True, slots=True)
class CellReturns:
    """What one cell earned, in currency and as shares of what was invested.

    Args:
        loans: How many.
        invested, principal, interest, fees, recoveries: What was paid out and received until the valuation.
        lost: Principal in default, before recoveries.
        outstanding: Principal owed by loans that are neither closed nor in default.
        net_annualised_return: See the module; None where no principal was at work.
        internal_rate: Yearly; None where there is none, with the reason in `no_rate`.
        rate_unique: Whether no other rate fits the flows too.
        loss_share: Lost net of recoveries, over invested.
        prepaid_share: Of what was invested, in loans paid off early.
        open_share: Outstanding over invested.
        mature: Whether the term of every loan has passed.
        rebuilt_share: Of what was received, the share made from totals and schedules.
        short: Loans paid off of which less came back than was lent.
        projected_return: Net annualised return to the end of all loans, the open ones as projected; None where some are
            of a term that is too new for it.
        projected_loss_share: Loss share to the end; None likewise.
    """

    loans: int
    invested: float
    principal: float
    interest: float
    fees: float
    recoveries: float
    lost: float
    outstanding: float
    net_annualised_return: float | None
    internal_rate: float | None
    rate_unique: bool
    no_rate: str
    loss_share: float
    prepaid_share: float
    open_share: float
    mature: bool
    rebuilt_share: float
    short: int
    projected_return: float | None
    projected_loss_share: float | None

    @property
    def received(self) -> float:
        """All that came in."""
        return round(self.principal + self.interest + self.fees + self.recoveries, 2)

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {**asdict(self), "received": self.received}


def returns_by(
    loans: pl.DataFrame, flows: pl.DataFrame, by: Sequence[str], until: date, *, loss_given_default: float = 1.0
) -> list[dict[str, Any]]:
    """Calculate the returns of each cell, valued at the end of a day.

    Args:
        loans: One row per loan: `loan_id`, `origination_date`, `term_months`, `interest_rate_share`, the columns of
            `by`, and as known by the day of asking `defaulted_on` and `paid_off_on` (null where it did not happen).
        flows: `loan_id`, `paid_on`, `kind`, `amount`, `rebuilt`, as known by the day of asking. What is `received`
            without being told apart counts as principal until that is paid back, then as interest.
        by: The columns that make a cell; none for all loans together.
        until: The valuation. Loans originated and flows paid later do not count.
        loss_given_default: Share of what is lost that does not come back, where no default is old enough to tell.

    Returns:
        Per cell, in order, its columns and what `CellReturns` says.
    """
    own = with_months(loan_returns(loans, flows, until), pl.lit(until))
    experience, recovered = experience_of(own), _recovered_share(own, until, loss_given_default)
    keys = list(by)
    parts = own.partition_by(keys, as_dict=True, maintain_order=True) if keys else {(): own}
    found = []
    for key in sorted(parts, key=lambda values: tuple((value is None, value) for value in values)):
        ahead = ahead_of(parts[key], experience, level_of(parts[key], experience))
        cell = _cell(parts[key], flows, until, ahead, recovered)
        found.append({**dict(zip(keys, key, strict=True)), **cell.as_json()})
    return found


def loan_returns(loans: pl.DataFrame, flows: pl.DataFrame, until: date) -> pl.DataFrame:
    """Add up what was paid out and received of each loan until a day; see `returns_by`.

    Returns:
        The loans originated by then of which the payment is known, with `invested`, `principal`, `interest`, `fees`,
        `recoveries`, `lost`, `outstanding`, `days_at_work` (principal times days), `rebuilt`, `prepaid`, `short`.
    """
    day = pl.lit(until)
    known = loans.filter(pl.col("origination_date") <= until).with_columns(
        *(pl.when(pl.col(name) <= until).then(pl.col(name)).alias(name) for name in ("defaulted_on", "paid_off_on"))
    )
    start, ended = pl.col("origination_date"), pl.col("defaulted_on")
    dated = flows.filter(pl.col("paid_on") <= until).join(
        known.select("loan_id", "origination_date", "defaulted_on"), on="loan_id", how="inner"
    )
    kind, amount = pl.col("kind"), pl.col("amount")
    late = (ended < pl.col("paid_on")).fill_null(value=False)
    paid_back = (kind == "principal") & ~late
    age = (pl.col("paid_on") - start).dt.total_days()
    undivided = (kind == "received") & ~late
    sums = dated.group_by("loan_id").agg(
        (-amount.filter(kind == "disbursed")).sum().alias("invested"),
        amount.filter(paid_back).sum().alias("principal"),
        amount.filter(kind == "interest").sum().alias("interest"),
        amount.filter(kind == "fee").sum().alias("fees"),
        amount.filter((kind == "recovery") | (late & kind.is_in(["principal", "received"]))).sum().alias("recoveries"),
        amount.filter(undivided).sum().alias("_undivided"),
        (amount * age).filter(paid_back).sum().alias("_days_paid"),
        (amount * age).filter(undivided).sum().alias("_days_undivided"),
        amount.filter((kind != "disbursed") & pl.col("rebuilt")).sum().alias("rebuilt"),
    )
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


def _recovered_share(own: pl.DataFrame, until: date, loss_given_default: float) -> float:
    """Give which share of what was lost came back, of defaults old enough to tell."""
    old = own.filter(_is_old(until)).select(pl.col("lost", "recoveries").sum()).row(0, named=True)
    return old["recoveries"] / old["lost"] if old["lost"] > 0 else 1.0 - loss_given_default


def _is_old(until: date) -> pl.Expr:
    return pl.col("defaulted_on").dt.offset_by(f"{RECOVERY_MONTHS}mo") <= until


def _cell(own: pl.DataFrame, flows: pl.DataFrame, until: date, ahead: Ahead | None, recovered: float) -> CellReturns:
    sums = own.select(
        pl.col("invested", "principal", "interest", "fees", "recoveries", "lost", "outstanding", "rebuilt").sum(),
        pl.col("days_at_work").sum(),
        pl.col("invested").filter("prepaid").sum().alias("prepaid_sum"),
        pl.col("mature").all(),
        pl.col("short").sum(),
        (recovered * pl.col("lost") - pl.col("recoveries")).filter(~_is_old(until)).clip(0).sum().alias("to_recover"),
    ).row(0, named=True)
    received = sums["principal"] + sums["interest"] + sums["fees"] + sums["recoveries"]
    income = sums["interest"] + sums["fees"] + sums["recoveries"] - sums["lost"]
    years = sums["days_at_work"] / DAYS_A_YEAR
    rate = internal_rate(*_aged(own, flows, until))
    projected_return, projected_loss = None, None
    if ahead is not None and years + ahead.years > 0:
        back = sums["to_recover"] + recovered * ahead.lost
        projected_return = (income + ahead.interest - ahead.lost + back) / (years + ahead.years)
        projected_loss = _share(sums["lost"] + ahead.lost - sums["recoveries"] - back, sums["invested"])
    invested = sums["invested"]
    money = {
        name: round(sums[name], 2) + 0.0
        for name in ("invested", "principal", "interest", "fees", "recoveries", "lost", "outstanding")
    }
    return CellReturns(
        loans=own.height,
        **money,
        net_annualised_return=income / years if years > 0 else None,
        internal_rate=rate.value,
        rate_unique=rate.unique,
        no_rate=rate.reason,
        loss_share=_share(sums["lost"] - sums["recoveries"], invested),
        prepaid_share=_share(sums["prepaid_sum"], invested),
        open_share=_share(sums["outstanding"], invested),
        mature=bool(sums["mature"]),
        rebuilt_share=_share(sums["rebuilt"], received),
        short=int(sums["short"]),
        projected_return=projected_return,
        projected_loss_share=projected_loss,
    )


def _aged(own: pl.DataFrame, flows: pl.DataFrame, until: date) -> tuple[Any, Any]:
    """Add up the flows of the cell's loans by their age in years, what is outstanding as a last one."""
    start = own.select("loan_id", "origination_date")
    dated = flows.filter(pl.col("paid_on") <= until).join(start, on="loan_id", how="inner")
    age = (pl.col("paid_on") - pl.col("origination_date")).dt.total_days().alias("age")
    ends = own.filter(pl.col("outstanding") != 0).select(
        (pl.lit(until) - pl.col("origination_date")).dt.total_days().alias("age"), pl.col("outstanding").alias("amount")
    )
    together = pl.concat([dated.select(age, "amount"), ends]).group_by("age").agg(pl.col("amount").sum()).sort("age")
    return together["age"].to_numpy() / DAYS_A_YEAR, together["amount"].round(2).to_numpy()


def _share(part: float, whole: float) -> float:
    return part / whole + 0.0 if whole else 0.0


__all__ = ["DAYS_A_YEAR", "CellReturns", "loan_returns", "returns_by"]
