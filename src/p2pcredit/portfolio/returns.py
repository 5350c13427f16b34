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
from p2pcredit.portfolio.loan_returns import DAYS_A_YEAR, UNITS, in_units, loan_returns
from p2pcredit.portfolio.projection import Ahead, ahead_of, experience_of, level_of, with_months

RECOVERY_MONTHS = 12
"""Of defaults so many months old and more, what has been recovered stands for what will be."""


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


@dataclass(frozen=True, slots=True)
class LoanBook:
    """Loans with their sums, and their flows added up by age: what the returns of any cells are made of.

    Args:
        until: The valuation.
        loans: As `loan_returns` and `with_months` give them.
        aged: Per finest cell and age in days, the flows of its loans in currency.
    """

    until: date
    loans: pl.DataFrame
    aged: pl.DataFrame

    @classmethod
    def of(cls, loans: pl.DataFrame, flows: pl.DataFrame | pl.LazyFrame, until: date, by: Sequence[str]) -> LoanBook:
        """Add up flows, which are read twice and never held.

        Args:
            loans: As `returns_by` wants them.
            flows: Likewise, in memory or still to be read.
            until: The valuation.
            by: The columns that make the finest cells.
        """
        own = with_months(loan_returns(loans, flows, until), pl.lit(until))
        start = own.select("loan_id", "origination_date", *by).lazy()
        age = (pl.col("paid_on") - pl.col("origination_date")).dt.total_days().alias("age")
        dated = flows.lazy().filter(pl.col("paid_on") <= until).select("loan_id", "paid_on", in_units().alias("amount"))
        sums = dated.join(start, on="loan_id", how="inner").group_by(*by, age).agg(pl.col("amount").sum())
        aged = sums.collect(engine="streaming").sort(*by, "age").with_columns(pl.col("amount") / UNITS)
        return cls(until, own, aged)

    def returns_by(self, by: Sequence[str], *, loss_given_default: float = 1.0) -> list[dict[str, Any]]:
        """Calculate the returns of cells, which are the finest or several of them together; see `returns_by`."""
        own, until = self.loans, self.until
        experience, recovered = experience_of(own), _recovered_share(own, until, loss_given_default)
        found = []
        aged = _parts(self.aged, by)
        for key, cell in sorted(
            _parts(own, by).items(), key=lambda pair: tuple((value is None, value) for value in pair[0])
        ):
            ahead = ahead_of(cell, experience, level_of(cell, experience))
            returns = _cell(cell, aged[key], until, ahead, recovered)
            found.append({**dict(zip(by, key, strict=True)), **returns.as_json()})
        return found


def returns_by(
    loans: pl.DataFrame,
    flows: pl.DataFrame | pl.LazyFrame,
    by: Sequence[str],
    until: date,
    *,
    loss_given_default: float = 1.0,
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
    return LoanBook.of(loans, flows, until, by).returns_by(by, loss_given_default=loss_given_default)


def _parts(rows: pl.DataFrame, by: Sequence[str]) -> dict[tuple[Any, ...], pl.DataFrame]:
    return rows.partition_by(list(by), as_dict=True, maintain_order=True) if by else {(): rows}


def _recovered_share(own: pl.DataFrame, until: date, loss_given_default: float) -> float:
    """Give which share of what was lost came back, of defaults old enough to tell."""
    old = own.filter(_is_old(until)).select(pl.col("lost", "recoveries").sum()).row(0, named=True)
    return old["recoveries"] / old["lost"] if old["lost"] > 0 else 1.0 - loss_given_default


def _is_old(until: date) -> pl.Expr:
    return pl.col("defaulted_on").dt.offset_by(f"{RECOVERY_MONTHS}mo") <= until


def _cell(own: pl.DataFrame, aged: pl.DataFrame, until: date, ahead: Ahead | None, recovered: float) -> CellReturns:
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
    rate = internal_rate(*_dated(own, aged, until))
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


def _dated(own: pl.DataFrame, aged: pl.DataFrame, until: date) -> tuple[Any, Any]:
    """Give the flows of a cell by their age in years, what is outstanding as a last one."""
    ends = own.filter(pl.col("outstanding") != 0).select(
        (pl.lit(until) - pl.col("origination_date")).dt.total_days().alias("age"), pl.col("outstanding").alias("amount")
    )
    both = pl.concat([aged.select("age", "amount"), ends]).select("age", in_units().alias("amount"))
    together = both.group_by("age").agg(pl.col("amount").sum() / UNITS).sort("age")
    return together["age"].to_numpy() / DAYS_A_YEAR, together["amount"].round(2).to_numpy()


def _share(part: float, whole: float) -> float:
    return part / whole + 0.0 if whole else 0.0


__all__ = ["CellReturns", "LoanBook", "returns_by"]
