"""How far a model's answers move when one thing is changed: a value lost, a value moved, a training repeated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.models.evaluation.calibration.ratios import calibration_ratio
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.evaluation.within_cohort import auc_within_cohorts, paired_difference_within_cohorts
from p2pcredit.models.outside_training import count_undecided
from p2pcredit.models.reference_borrower import columns_of
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.settings import Settings

LOW, HIGH = 0.1, 0.9
"""Between these quantiles of the loans a number is moved."""
LEAST_SHARE_OF_LEVEL = 0.05
"""A level of a category that fewer of the loans have is moved to by none."""
MOST_EFFECTS = 10
LEAST_FALL = 1e-9
"""A probability that falls by no more is the same."""


def shocks(
    model: ScoringModel, loans: pl.DataFrame, cohorts: npt.ArrayLike, settings: Settings
) -> list[dict[str, Any]]:
    """Take each feature's value away from all loans, one feature at a time, and say what becomes of the answers.

    Args:
        model: The model that is judged on these loans.
        loans: `label` and the features of loans that it had not seen.
        cohorts: One name per loan; ranking is compared within them.
        settings: Confidence, and what is done with loans outside training.

    Returns:
        Per feature, the one first without which the ranking loses most: `feature`, `missing` (share of the loans that
        lack it as it is), `change` (of the AUC within cohorts) with `low` and `high`, `mean_before` and `mean_after`
        (mean probability of default), `ratio` (defaults seen over expected, without it; None where none are expected),
        `safer` (share of the loans whose probability falls), `referred` (share that the settings would not decide by
        the score).
    """
    before = model.predict(loans)
    confidence = settings.monitoring.confidence
    rows = []
    for name in model.feature_names:
        without = loans.with_columns(pl.lit(None, dtype=loans.schema[name]).alias(name))
        after = model.predict(without)
        change = paired_difference_within_cohorts(loans["label"], after, before, cohorts, confidence)
        rows.append(
            {
                "feature": name,
                "missing": loans[name].null_count() / max(1, loans.height),
                "change": change.value,
                "low": change.low,
                "high": change.high,
                "mean_before": float(before.mean()),
                "mean_after": float(after.mean()),
                "ratio": calibration_ratio(loans["label"], after, confidence).value,
                "safer": float(np.mean(after < before - LEAST_FALL)),
                "referred": count_undecided(model, without, settings) / max(1, loans.height),
            }
        )
    return sorted(rows, key=lambda row: (row["change"] is None, row["change"] or 0.0, row["feature"]))


def effects(model: ScoringModel, loans: pl.DataFrame) -> list[dict[str, Any]]:
    """Move each feature of all loans from a low to a high value, one feature at a time, and rank what that does.

    A number is moved from its 10% to its 90% quantile among the loans that have it, a category between the levels of
    lowest and highest mean probability, of those that a twentieth of the loans have. All else stays as each loan has
    it, and the probabilities are averaged over the loans.

    Returns:
        The ten largest: `feature`, `from_value`, `to_value`, `mean_from`, `mean_to` (mean probability of default),
        `effect` (their difference). A feature that takes one value alone is left out.

    Source:
        Friedman (2001), Greedy Function Approximation, 8.2: partial dependence.
    """
    found = [row for name in model.feature_names if (row := _effect(model, loans, name)) is not None]
    return sorted(found, key=lambda row: (-abs(row["effect"]), row["feature"]))[:MOST_EFFECTS]


def compared(
    labels: pl.Series, chances: Floats, before: Floats, cohorts: npt.ArrayLike, settings: Settings
) -> dict[str, Any]:
    """Compare a model that was trained again with the one it was, on the same loans.

    Returns:
        `auc` (within cohorts), `change` with `low` and `high`, `ratio` (defaults seen over expected), `moved` (mean
        absolute difference of the probabilities), `decided_otherwise` (share of the loans on the other side of the
        cut-off).
    """
    confidence, cutoff = settings.monitoring.confidence, settings.scores.approval_cutoff
    change = paired_difference_within_cohorts(labels, chances, before, cohorts, confidence)
    return {
        "auc": auc_within_cohorts(labels, chances, cohorts, confidence).value,
        "change": change.value,
        "low": change.low,
        "high": change.high,
        "ratio": calibration_ratio(labels, chances, confidence).value,
        "moved": float(np.abs(chances - before).mean()),
        "decided_otherwise": float(np.mean((chances <= cutoff) != (before <= cutoff))),
    }


def _effect(model: ScoringModel, loans: pl.DataFrame, name: str) -> dict[str, Any] | None:
    means = [(value, _mean_with(model, loans, name, value)) for value in _moved_to(loans, name)]
    if len(means) < 2:
        return None
    if loans.schema[name] == pl.String:
        means.sort(key=lambda one: (one[1], str(one[0])))
    (low, mean_low), (high, mean_high) = means[0], means[-1]
    return {
        "feature": name,
        "from_value": low,
        "to_value": high,
        "mean_from": mean_low,
        "mean_to": mean_high,
        "effect": mean_high - mean_low,
    }


def _moved_to(loans: pl.DataFrame, name: str) -> Iterator[float | str]:
    """Give the values that a feature is moved to, a low number before a high one."""
    values = columns_of(loans, [name])[name].drop_nulls()
    if values.dtype == pl.String:
        counts = values.value_counts().filter(pl.col("count") >= LEAST_SHARE_OF_LEVEL * loans.height)
        yield from counts[name].sort()
        return
    quantiles = (values.quantile(share, interpolation="lower") for share in (LOW, HIGH))
    yield from sorted({float(value) for value in quantiles if value is not None})


def _mean_with(model: ScoringModel, loans: pl.DataFrame, name: str, value: float | str) -> float:
    moved = loans.with_columns(pl.lit(value).cast(loans.schema[name]).alias(name))
    return float(model.predict(moved).mean())


__all__ = ["compared", "effects", "shocks"]
