"""Look at a lender's own columns before they land: whether they can have been known when the loan was made.

A column that is filled far more often for loans that went bad than for those that were paid back, or the other way
round, was filled afterwards. So was a date that lies after its loan was issued. No model may learn from it: the
landing is refused. What is only suspicious is said.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.catalogue import FeatureCatalogue, landed_name
from p2pcredit.contracts.feature import OWN_PREFIX, Feature
from p2pcredit.contracts.feeds import DEFAULT_STATUSES, LOAN_PERFORMANCE, OWN_COLUMNS
from p2pcredit.contracts.missing import MISSING_SIGNS
from p2pcredit.errors import SourceError
from p2pcredit.platforms.spooled_book import SpooledBook

logger = logging.getLogger("p2pcredit")
LEAST_LOANS = 20
"""Fewer bad or paid loans say nothing of how a column was filled."""
REFUSED_GAP, TOLD_GAP = 0.5, 0.2
"""How far the shares of filled values may lie apart between bad and paid loans, in [0, 1]."""
_MOST_LATE = 0.5
"""A larger share of dates after the day of the loan is a column of something else."""
_ENDED_WELL = "FULLY_PAID"


def look_at_own_columns(book: SpooledBook, catalogue: FeatureCatalogue, limit: float) -> dict[str, dict[str, Any]]:
    """Measure how own columns are filled by how loans ended, and how well each ranks bads alone.

    Args:
        book: What is to land.
        catalogue: The own columns.
        limit: The AUC above which a training takes a single feature for a leak.

    Returns:
        Per own column `values` (filled), `filled_share`, `filled_bad` and `filled_paid` (shares among loans that
        defaulted and among those paid back; None with fewer than twenty), `auc` (alone, in [0.5, 1]; None likewise),
        `later` (of a date: how many lie after the day of the loan), `refused` and `doubt`: why, or empty.
    """
    if not catalogue.own:
        return {}
    days = book.days()
    months = [] if days is None else [month.first for month in days.months()]
    if not months:
        return {}
    events = pl.concat([book.rows(LOAN_PERFORMANCE.name, month).select("loan_id", "status") for month in months])
    status = pl.col("status").str.strip_chars().str.to_uppercase()
    bad = events.filter(status.is_in(sorted(DEFAULT_STATUSES)))["loan_id"].unique()
    paid = events.filter(status == _ENDED_WELL)["loan_id"].unique()
    loans = pl.concat([book.rows(OWN_COLUMNS.name, month) for month in months])
    is_bad = pl.col("loan_id").is_in(bad.implode())
    label = pl.when(is_bad).then(1.0).when(pl.col("loan_id").is_in(paid.implode())).then(0.0)
    labels = loans.select(label.alias("label"))["label"]
    return {landed_name(one).removeprefix(OWN_PREFIX): _look(one, loans, labels, limit) for one in catalogue.own}


def refuse_leaks(looked: dict[str, dict[str, Any]]) -> None:
    """Refuse a landing with a column that was filled after the loan was made, and warn of what is only suspicious.

    Raises:
        SourceError: In one line, with the column and what to do.
    """
    for name, found in looked.items():
        if found["refused"]:
            raise SourceError(
                f"the own column {name} {found['refused']}: it was not known when the loan was made, and no model may "
                f"learn from it; take it out of 'features', or say by 'known_on' when each value was known; nothing "
                "landed"
            )
        if found["doubt"]:
            logger.warning("the own column %s %s", name, found["doubt"])


def _look(feature: Feature, loans: pl.DataFrame, labels: pl.Series, limit: float) -> dict[str, Any]:
    column = landed_name(feature)
    text = loans[column].str.strip_chars()
    signs = [""] if feature.read_as == "text" else ["", *sorted(MISSING_SIGNS)]
    filled = text.is_not_null() & ~text.str.to_lowercase().is_in(signs).fill_null(value=True)
    values = int(filled.sum())
    sides = [filled.filter((labels == outcome).fill_null(value=False)) for outcome in (1.0, 0.0)]
    enough = all(len(side) >= LEAST_LOANS for side in sides)
    shares = [float(side.mean() or 0.0) for side in sides] if enough else [None, None]  # type: ignore[arg-type]
    later, late = 0, ""
    if feature.read_as == "date":
        day = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        later = int((day > loans["snapshot_date"]).sum())
        late = f"lies after the day of the loan for {later} of {values} loans" if later else ""
    rank = _auc(feature, loans, filled, labels) if enough else None
    refused = late if later > _MOST_LATE * max(values, 1) else ""
    doubt = f"{late}; such a value is missing" if late and not refused else ""
    if enough:
        bad, paid = (float(share or 0.0) for share in shares)
        told = f"is filled for {bad:.0%} of the loans that went bad and {paid:.0%} of those paid back"
        if abs(bad - paid) >= REFUSED_GAP:
            refused = told
        elif abs(bad - paid) >= TOLD_GAP:
            doubt = f"{told}; see that it was known when the loan was made"
    if rank is not None and rank > limit and not refused:
        doubt = (
            f"alone ranks loans with an AUC of {rank:.3f}, above {limit} (training.max_single_feature_auc): it was "
            "hardly known when the loan was made, and a training refuses it"
        )
    if not doubt and not refused and re.search(r"(^|_)(age|birth|born)(_|$)", column):
        doubt = "speaks of age, on which the law of many countries lets a decision rest within bounds only; see to it"
    return {
        "values": values,
        "filled_share": round(values / max(loans.height, 1), 4),
        "filled_bad": None if shares[0] is None else round(shares[0], 4),
        "filled_paid": None if shares[1] is None else round(shares[1], 4),
        "auc": None if rank is None else round(rank, 4),
        "later": later,
        "refused": refused,
        "doubt": doubt,
    }


def _auc(feature: Feature, loans: pl.DataFrame, filled: pl.Series, labels: pl.Series) -> float | None:
    """Measure how well a column ranks bads alone among loans that ended; of dates and texts as their feature."""
    from p2pcredit.models.leakage.features import single_feature_auc  # only a landing with own columns needs it

    text = pl.col(landed_name(feature)).str.strip_chars()
    if feature.read_as == "category":
        value = text.str.to_uppercase()
    elif feature.read_as == "date":
        day = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        value = (pl.col("snapshot_date") - day).dt.total_days().cast(pl.Float64)
    elif feature.read_as == "text":
        value = text.str.len_chars().cast(pl.Float64)
    else:
        value = text.cast(pl.Float64, strict=False)
    known = labels.is_not_null()
    column = loans.select(pl.when(pl.lit(filled)).then(value).alias("value")).filter(known)["value"]
    return single_feature_auc(feature, column, np.asarray(labels.drop_nulls().to_numpy(), dtype=np.float64))


def own_features_of(profile: object) -> Sequence[Feature]:
    """List the own columns that a profile declares as features; none where it knows of no such thing."""
    found: Sequence[Feature] = getattr(profile, "own_features", ())
    return found


__all__ = ["look_at_own_columns", "own_features_of", "refuse_leaks"]
