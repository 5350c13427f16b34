"""What was known of a loan on the day it was originated: one row per loan, from the allow-list and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw

from p2pcredit.contracts.features import FEATURE_STORE_KEYS, FEATURES

_KEYS = ["loan_id", "snapshot_date"]


def build_features(silver: Mapping[str, nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
    """What may a model see of each loan originated on these days?

    Args:
        silver: The typed rows of the feeds `loan_terms`, `demographic`, `financial` and `credit_history`, by name, for
            the same days. A loan is a row of `loan_terms`; what another feed lacks is missing.

    Returns:
        `loan_id`, `snapshot_date`, `known_on` (the snapshot date) and every feature of the contract.
    """
    joined = silver["loan_terms"].drop("row_number")
    for name in ("demographic", "financial", "credit_history"):
        other = silver[name].drop("row_number", "origination_date")
        joined = joined.join(other, on=_KEYS, how="left")
    expressions = _expressions()
    return joined.select(
        *_KEYS,
        nw.col("snapshot_date").alias("known_on"),
        *(_as_contracted(expressions.get(f.name, nw.col(f.name)), f.kind).alias(f.name) for f in FEATURES),
    ).select(*FEATURE_STORE_KEYS, *(f.name for f in FEATURES))


def _expressions() -> dict[str, nw.Expr]:
    income = nw.when(nw.col("annual_income") > 0).then(nw.col("annual_income"))
    opened = nw.col("earliest_credit_line")
    originated = nw.col("origination_date")
    age = (originated.dt.year() - opened.dt.year()) * 12 + (originated.dt.month() - opened.dt.month())
    return {
        "loan_to_income": nw.col("loan_amount") / income,
        "installment_to_income": nw.col("installment") * 12 / income,
        "revolving_to_income": nw.col("revolving_balance") / income,
        "credit_age_months": age,
        "fico": (nw.col("fico_low") + nw.col("fico_high")) / 2,
        "description_length": nw.col("description").str.len_chars().fill_null(0),
    }


def _as_contracted(expression: nw.Expr, kind: str) -> nw.Expr:
    return expression.cast(nw.Float64) if kind == "numeric" else expression
