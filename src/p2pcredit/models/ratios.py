"""Ratios to something that is not known: recalculated with the reference borrower's figure in its place.

A loan without an income has no ratio of amount to income either. The reference borrower's ratio would call a large
loan to an unknown income usual, so the larger of that and the loan's own amount over the reference income counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import polars as pl

from p2pcredit.contracts.features import REFERENCE_RATE
from p2pcredit.models.profile import Profile


@dataclass(frozen=True, slots=True)
class Ratio:
    """A feature that is calculated from others, all of which raise the risk as it grows.

    Args:
        inputs: The features it is calculated from.
        of: From their expressions to its own.
    """

    inputs: tuple[str, ...]
    of: Callable[..., pl.Expr]


def _annuity(amount: pl.Expr, term: pl.Expr) -> pl.Expr:
    rate = REFERENCE_RATE / 12
    return amount * rate / (1.0 - (1.0 + rate) ** -term)


def _positive(divisor: pl.Expr) -> pl.Expr:
    return pl.when(divisor > 0.0).then(divisor)


RATIOS: dict[str, Ratio] = {
    "loan_to_income": Ratio(("loan_amount", "annual_income"), lambda amount, income: amount / _positive(income)),
    "annuity_to_income": Ratio(
        ("loan_amount", "term_months", "annual_income"),
        lambda amount, term, income: _annuity(amount, term) * 12.0 / _positive(income),
    ),
    "debt_to_income_after_share": Ratio(
        ("debt_to_income_share", "loan_amount", "term_months", "annual_income"),
        lambda debts, amount, term, income: debts + _annuity(amount, term) * 12.0 / _positive(income),
    ),
    "revolving_to_income": Ratio(
        ("revolving_balance", "annual_income"), lambda balance, income: balance / _positive(income)
    ),
    "loan_to_revolving_limit": Ratio(
        ("loan_amount", "revolving_limit"), lambda amount, limit: amount / _positive(limit)
    ),
}
"""Per feature of the contract how it follows from others, as `transforms.features` calculates it."""


def with_inputs(names: Collection[str]) -> tuple[str, ...]:
    """The features, then those that they are calculated from.

    Examples:
        >>> with_inputs(["fico", "loan_to_income"])
        ('fico', 'loan_to_income', 'loan_amount', 'annual_income')
    """
    inputs = (name for ratio in names if ratio in RATIOS for name in RATIOS[ratio].inputs)
    return tuple(dict.fromkeys((*names, *inputs)))


def complete_ratios(features: pl.DataFrame, names: Sequence[str], neutral: Profile) -> pl.DataFrame:
    """Fill each ratio that is missing because something it is calculated from is.

    Args:
        features: Rows of the feature store.
        names: The features of the model.
        neutral: The reference borrower, with the inputs of ratios; a ratio stays as it is where one is not known.

    Returns:
        The same rows; a filled ratio is no smaller than the reference borrower's.

    Examples:
        >>> number = {"annual_income": pl.Float64, "loan_to_income": pl.Float64}
        >>> loans = pl.DataFrame({"loan_amount": [9.0, 1.0], **dict.fromkeys(number, [None, None])})
        >>> loans = loans.cast(number)
        >>> usual = {"loan_amount": 5.0, "annual_income": 20.0, "loan_to_income": 0.25}
        >>> complete_ratios(loans, ["loan_to_income"], usual)["loan_to_income"].to_list()
        [0.45, 0.25]
    """
    filled = []
    for name in names:
        ratio = RATIOS.get(name)
        if ratio is None or neutral.get(name) is None or any(neutral.get(one) is None for one in ratio.inputs):
            continue
        if any(one not in features.columns for one in (name, *ratio.inputs)):
            continue
        own = pl.col(name).cast(pl.Float64).fill_nan(None)
        inputs = [pl.col(one).cast(pl.Float64).fill_nan(None) for one in ratio.inputs]
        usual = [one.fill_null(neutral[name]) for one, name in zip(inputs, ratio.inputs, strict=True)]
        unknown = own.is_null() & pl.any_horizontal(one.is_null() for one in inputs)
        filled.append(
            pl.when(unknown).then(pl.max_horizontal(pl.lit(neutral[name]), ratio.of(*usual))).otherwise(own).alias(name)
        )
    return features.with_columns(filled) if filled else features
