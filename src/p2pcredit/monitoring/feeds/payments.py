"""Hold instalment, term, amount and income of loans against each other: what one of them in another unit does to it.

A term in years, or an income of a month, lies within what is plausible for a column by itself. But the instalments of
the whole term then come to a twelfth of the amount, or take up the income of a month. Loans of which only the interest
is paid until their end are left out where their rate says so, and values that are of no plausible size by themselves.
"""

from __future__ import annotations

import polars as pl

from p2pcredit.contracts.plausible import PLAUSIBLE
from p2pcredit.monitoring.feeds.compared_payments import REPAID, Compared

LEAST_REPAID = 0.5
MOST_REPAID = 5.0
"""Seven years at 80% come to less."""
MOST_BURDEN = 0.4
"""Of one loan. Lenders refuse most whose debts together take up half of the income."""
_INTEREST_ALONE = 1.1
_MONTHS = 12


def repaid() -> pl.Expr:
    """Return all instalments over the amount; missing where that is not known, or only interest is paid."""
    amount, term, paid = _plausible("loan_amount"), _plausible("term"), _plausible("installment")
    interest_alone = (paid <= _INTEREST_ALONE * amount * pl.col("interest_rate_share") / _MONTHS).fill_null(value=False)
    return pl.when(~interest_alone).then(paid * term / amount)


def burden() -> pl.Expr:
    """Return the instalment over the income of a month; missing where that is not known."""
    spread = _plausible("loan_amount") / _plausible("term")
    return _MONTHS * _plausible("installment").fill_null(spread) / _plausible("annual_income", "financial")


def _plausible(column: str, feed: str = "loan_terms") -> pl.Expr:
    """Return the values that are plausible by themselves."""
    held, value = PLAUSIBLE[feed, column], pl.col("term_months" if column == "term" else column)
    return pl.when(value.is_between(held.low, held.high)).then(value)


def comparisons(name: str) -> list[pl.Expr]:
    """Return the number, below, above and median of the loans of a group, named as the fields of `Compared`."""
    value, least, most = (repaid(), LEAST_REPAID, MOST_REPAID) if name == REPAID else (burden(), 0.0, MOST_BURDEN)
    return [
        value.count().cast(pl.Int64).alias("loans"),
        (value < least).sum().cast(pl.Int64).alias("below"),
        (value > most).sum().cast(pl.Int64).alias("above"),
        value.median().round_sig_figs(6).alias("middle"),
    ]


def compared(name: str, loans: pl.DataFrame) -> Compared:
    """Compare the columns of loans.

    Args:
        name: `REPAID` or `BURDEN`.
        loans: `loan_amount`, `term_months`, `installment`; `interest_rate_share` for the first, `annual_income` for
            the second. Any may be missing.

    Examples:
        >>> loan = {"loan_amount": [12_000.0], "term_months": [3], "installment": [390.0]}
        >>> compared(REPAID, pl.DataFrame({**loan, "interest_rate_share": [0.1]}))
        Compared(loans=1, below=1, above=0, middle=0.0975)
    """
    number, below, above, middle = loans.select(comparisons(name)).row(0)
    return Compared(number, below, above, float("nan") if middle is None else middle)


__all__ = ["MOST_BURDEN", "compared", "comparisons"]
