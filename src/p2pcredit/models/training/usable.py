"""Which features some loans can teach, and what a model is therefore blind to among the newest loans.

A feature is judged on the loans that a fit learns from, not on others: a term that was first offered last year teaches
nothing to a fit on the oldest matured loans, and does to one on everything observed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from p2pcredit.contracts.catalogue import BUILT_IN
from p2pcredit.contracts.feature import Feature
from p2pcredit.models.training.splits import UNMATURED

NEWEST_DAYS = 92
"""How many days of originations count as the newest loans."""
NOT_GIVEN = "not given by the platform"
CONSTANT = "the same for all loans learned from"


def usable_features(
    loans: pl.DataFrame, features: Sequence[Feature], hidden: Collection[str] = ()
) -> tuple[tuple[Feature, ...], dict[str, str]]:
    """Choose the features that differ among the loans that a fit learns from.

    Months since an event are used where they differ among the loans that have them: which loans lack them is known
    from the count of events by which they were looked up.

    Args:
        loans: Those loans.
        features: The features that may enter.
        hidden: Features of which levels are hidden from the fit, as too few of their loans have matured: loans of one
            level and of hidden ones are all alike.

    Returns:
        The usable features, and of each other one the reason.
    """
    usable: list[Feature] = []
    dropped: dict[str, str] = {}
    for feature in features:
        name = feature.name
        if name not in loans.columns or loans[name].null_count() == loans.height:
            dropped[name] = NOT_GIVEN
        elif _levels(loans[name], is_hidden=name in hidden or bool(feature.looked_up_with)) < 2:
            dropped[name] = CONSTANT
        else:
            usable.append(feature)
    return tuple(usable), dropped


def choose_features(loans: pl.DataFrame, feature_sets: Collection[str]) -> tuple[tuple[Feature, ...], dict[str, str]]:
    """Choose the features of some sets that can be learned from these loans. The others come back with the reason."""
    return usable_features(loans, BUILT_IN.of_sets(feature_sets))


def unlearned_variety(dropped: Mapping[str, str], learned: pl.DataFrame, known: pl.DataFrame, as_of: date) -> list[str]:
    """Say which left-out features differ among the newest loans: the model treats those loans alike.

    Args:
        dropped: Features that the model does not use, and why.
        learned: The loans that it learned from.
        known: All loans known, with `origination_date`.
        as_of: The training date.

    Returns:
        One sentence per feature, in the order of `dropped`.
    """
    newest = known.filter(pl.col("origination_date") > as_of - timedelta(days=NEWEST_DAYS))
    said = []
    for name, reason in dropped.items():
        if reason not in {NOT_GIVEN, CONSTANT} or name not in newest.columns:
            continue
        values = newest[name].drop_nulls()
        seen = _seen(learned[name]).unique() if name in learned.columns else values.clear()
        other = values.filter(~values.is_in(seen.implode()))
        if other.is_empty():
            continue
        was = f"was {_shown(seen[0])} for all" if len(seen) == 1 else "was missing for all"
        examples = ", ".join(_shown(value) for value in other.unique().sort().head(3))
        said.append(
            f"{name} {was} loans learned from and is not in the model; {other.len():,} of the {newest.height:,} loans "
            f"of the newest {NEWEST_DAYS} days have another value ({examples}), and the model does not tell them apart"
        )
    return said


def _levels(column: pl.Series, *, is_hidden: bool) -> int:
    """Count the levels that a fit sees, a missing value as one unless it may stand for another."""
    return _seen(column).n_unique() if is_hidden else column.n_unique()


def _seen(column: pl.Series) -> pl.Series:
    values = column.drop_nulls()
    return values.filter(values != UNMATURED) if values.dtype == pl.String else values


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


__all__ = [
    "CONSTANT",
    "NEWEST_DAYS",
    "NOT_GIVEN",
    "choose_features",
    "unlearned_variety",
    "usable_features",
]
