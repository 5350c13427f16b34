"""Ratios to something that is not known: recalculated with the reference borrower's figure in its place.

A loan without an income has no ratio of amount to income either. The reference borrower's ratio would call a large
loan to an unknown income usual, so the larger of that and the loan's own amount over the reference income counts; of a
limit, the smaller. A ratio to an income of 0 is missing too, and counts as larger than any other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from p2pcredit.contracts.features import REFERENCE_RATE
from p2pcredit.contracts.ratios import RATIOS
from p2pcredit.models.reference_borrower import ReferenceBorrower


def _annuity(amount: pl.Expr, term: pl.Expr) -> pl.Expr:
    rate = REFERENCE_RATE / 12
    return amount * rate / (1.0 - (1.0 + rate) ** -term)


MOST = 1e30
"""What a ratio to 0 counts as: riskier than any other, and a number that trees and bins can place."""


def with_inputs(names: Collection[str]) -> tuple[str, ...]:
    """List the features, then those that they are calculated from.

    Examples:
        >>> with_inputs(["fico", "loan_to_income"])
        ('fico', 'loan_to_income', 'loan_amount', 'annual_income')
    """
    found = dict.fromkeys(names)
    waiting = list(found)
    for name in waiting:
        inputs = RATIOS[name].inputs if name in RATIOS else ()
        waiting += [one for one in inputs if one not in waiting]
    return tuple(dict.fromkeys((*names, *waiting)))


def complete_ratios(features: pl.DataFrame, names: Sequence[str], neutral: ReferenceBorrower) -> pl.DataFrame:
    """Fill each ratio that is missing because something it is calculated from is.

    Args:
        features: Rows of the feature store.
        names: The features of the model.
        neutral: The reference borrower, with the inputs of ratios; a ratio stays as it is where one is not known.

    Returns:
        The same rows; a filled ratio is no less risky than the reference borrower's.

    Examples:
        >>> number = {"annual_income": pl.Float64, "loan_to_income": pl.Float64}
        >>> loans = pl.DataFrame({"loan_amount": [9.0, 1.0], **dict.fromkeys(number, [None, None])})
        >>> loans = loans.cast(number)
        >>> usual = {"loan_amount": 5.0, "annual_income": 20.0, "loan_to_income": 0.25}
        >>> complete_ratios(loans, ["loan_to_income"], usual)["loan_to_income"].to_list()
        [0.45, 0.25]
    """
    filled = [_filled(name, features, neutral).alias(name) for name in names if _can_be_filled(name, features, neutral)]
    return features.with_columns(filled) if filled else features


def _can_be_filled(name: str, features: pl.DataFrame, neutral: ReferenceBorrower) -> bool:
    ratio = RATIOS.get(name)
    needed = () if ratio is None else (name, *ratio.inputs)
    return bool(needed) and all(one in features.columns and neutral.get(one) is not None for one in needed)


def _filled(name: str, features: pl.DataFrame, neutral: ReferenceBorrower) -> pl.Expr:
    """Fill the ratio with the riskier of the reference borrower's and that of the loan's own figures as far as known.

    A ratio to 0 is as risky as one can be.
    """
    ratio, usual = RATIOS[name], pl.lit(neutral[name])
    own = _number(name)
    inputs = [_number(one) for one in ratio.inputs]
    known = [
        _filled(one, features, neutral)
        if _can_be_filled(one, features, neutral)
        else _number(one).fill_null(neutral[one])
        for one in ratio.inputs
    ]
    lacking = pl.any_horizontal(one.is_null() for one in inputs)
    reckoned = ratio.formula(_annuity, *known).fill_nan(None)
    riskier = pl.max_horizontal(usual, reckoned.clip(upper_bound=MOST))
    if not ratio.riskier:
        riskier = pl.min_horizontal(usual, reckoned)
        return pl.when(own.is_null() & lacking).then(riskier).otherwise(own)
    to_nothing = reckoned.is_infinite().fill_null(False)
    return pl.when(own.is_null() & (lacking | to_nothing)).then(riskier).otherwise(own)


def _number(name: str) -> pl.Expr:
    number = pl.col(name).cast(pl.Float64).fill_nan(None)
    return (
        pl.when(number != 0.0).then(number).when(number == 0.0).then(0.0)
    )  # so that -0 is 0, as in every other program
