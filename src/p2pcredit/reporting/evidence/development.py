"""Data and methodology: the loans that went in, what each feature carries, and what the model made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.binning.bins import bins_of_counts
from p2pcredit.models.binning.chance import information_by_chance
from p2pcredit.models.binning.counts import count_values
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.reference_borrower import columns_of
from p2pcredit.models.registry import family_named
from p2pcredit.models.training_support import absence_facts
from p2pcredit.reporting.evidence.hand_bins import hand_bin_facts
from p2pcredit.reporting.evidence.subject import Subject, labels_of

LOANS_FOR_IMPORTANCE = 20_000
_NO_INFORMATION = {"information_value": None, "by_chance": None, "above_chance": None}
DIRECTIONS = {1: "more is riskier", -1: "more is safer", 0: "not set"}


def data_facts(subject: Subject) -> dict[str, Any]:
    """Count the loans that went in, step by step, and what each part of them holds."""
    labels = subject.settings.labels
    return {
        "flow": [dict(step) for step in subject.flow],
        "periods": dict(subject.card["periods"]),
        "matured": {"n": subject.matured.height, "bads": int(subject.matured["label"].sum() or 0)},
        "definition": {
            "name": labels.definition,
            "window_months": labels.window_months,
            "default_days": labels.default_days,
            "reporting_lag_days": labels.reporting_lag_days,
        },
    }


def feature_facts(subject: Subject) -> list[dict[str, Any]]:
    """Measure what each allowed feature carries on the matured loans, and whether it is in the model.

    Returns:
        Per feature, most information first: `name`, `description`, `kind`, `direction`, `set`, its review (`source`,
        `available_since`, `basis`), `adverse_reason`, `missing_share`,
        `information_value` (of its best bins; None where it could not be measured), `by_chance` (what one in twenty of
        such features that tell nothing shows) and `above_chance`, `in_model`, `importance` (mean
        absolute effect on the log-odds over the evaluation loans, against the usual borrower at the cut-off; of more
        than 20,000 loans, over as many at equal distances in time) and `reason` where it is not in the model.
    """
    matured, dropped = subject.matured, dict(subject.card["dropped_features"])
    seed = subject.settings.training.seed
    bads = labels_of(matured)
    importance, family = _importance(subject), family_named(subject.model.family)
    rows = []
    for feature in subject.catalogue.features:
        used = feature.name in importance
        if feature.group not in subject.settings.training.feature_sets and not used:
            continue
        there = feature.name in matured.columns and matured[feature.name].null_count() < matured.height
        rows.append(
            {
                "name": feature.name,
                "description": feature.description,
                "kind": feature.kind,
                "direction": DIRECTIONS[feature.direction],
                "set": feature.group,
                **feature.review.as_json(),
                "adverse_reason": feature.reason,
                "missing_share": _missing_share(matured[feature.name]) if there else 1.0,
                **(_information(feature, matured, bads, seed) if there else _NO_INFORMATION),
                "in_model": used,
                "importance": importance.get(feature.name),
                "reason": "" if used else dropped.get(feature.name, family.not_chosen),
            }
        )
    return sorted(rows, key=lambda row: (-(row["information_value"] or 0.0), row["name"]))


def method_facts(subject: Subject) -> dict[str, Any]:
    """Describe how the model was made: candidates, what each rests on, its family's own tables, missing values."""
    model, scores = subject.model, subject.settings.scores
    described = family_named(model.family).describe(model, subject.matured, subject.settings)
    return {
        "family": model.family,
        "families": [family_named(name).title for name in subject.settings.training.families],
        "target": subject.model.target,
        "origin": subject.card["origin"],
        "parent": subject.card["parent"],
        "candidates": [dict(candidate) for candidate in subject.card["candidates"]],
        "details": {name: detail for name, detail in subject.card["details"].items() if name != "redlining"},
        "limits": list(subject.card.get("limits", [])),
        "calibration": {"slope": model.calibration.slope, "intercept": model.calibration.intercept},
        "level": _level_of(subject),
        "score": {
            "points_to_double_odds": scores.points_to_double_odds,
            "base_score": scores.base_score,
            "base_odds": scores.base_odds,
            "approval_cutoff": scores.approval_cutoff,
        },
        "points": described.get("points", []),
        "trees": described.get("trees"),
        "tables": described.get("tables", []),
        "bins_by_hand": hand_bin_facts(subject),
        "redlining": subject.card["details"].get("redlining"),
        "absences": absence_facts(model.support, model.neutral, model.calibration.slope),
    }


def _level_of(subject: Subject) -> dict[str, Any] | None:
    """Find where the level of the served model comes from; None of a model that an earlier version made."""
    details = subject.card["details"]
    own = details.get(f"{subject.model.family}_{subject.model.target}", {})
    found: dict[str, Any] | None = details.get("level", own.get("level"))
    return found


def _missing_share(column: pl.Series) -> float:
    missing = column.null_count() + (int(column.is_nan().sum()) if column.dtype.is_float() else 0)
    return missing / max(1, column.len())


def _information(feature: Feature, matured: pl.DataFrame, bads: Floats, seed: int) -> dict[str, Any]:
    """Measure the information value of a feature's best bins, and hold it against chance as selection does."""
    column = columns_of(matured, [feature.name])[feature.name]
    counts = count_values(feature, column, bads, 1.0 - bads)
    binning = bins_of_counts(feature, counts, bads, 1.0 - bads)
    totals = float(bads.sum()), float(bads.size - bads.sum())
    chance = information_by_chance(feature, counts, *totals, seed=seed)
    return {
        "information_value": binning.information_value,
        "by_chance": chance.bar,
        "above_chance": chance.passed,
    }


def _importance(subject: Subject) -> dict[str, float]:
    loans = subject.evaluation.gather_every(1 + (subject.evaluation.height - 1) // LOANS_FOR_IMPORTANCE)
    effects = np.abs(subject.model.contributions(loans)).mean(axis=0)
    return {name: float(effect) for name, effect in zip(subject.model.feature_names, effects, strict=True)}
