"""Outcomes analysis: ranking, calibration, benchmarks, vintages and terms, stability and approval rates by group."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.models.champion.benchmarks import LAST_CHAMPION
from p2pcredit.models.champion.fairness import FOUR_FIFTHS, LEAST_LOANS, approval_rates
from p2pcredit.models.evaluation.calibration.ratios import (
    brier_interval,
    calibration_error_interval,
    calibration_ratio,
)
from p2pcredit.models.evaluation.calibration.reliability import reliability_bins
from p2pcredit.models.evaluation.calibration.slope import calibration_slope
from p2pcredit.models.evaluation.discrimination import auc_interval, gini_interval, ks_interval, paired_auc_difference
from p2pcredit.models.evaluation.gains import lift_table, roc_points
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.evaluation.platform_grades import platform_risk
from p2pcredit.models.evaluation.within_cohort import auc_within_cohorts, paired_difference_within_cohorts
from p2pcredit.models.outside_training import count_undecided
from p2pcredit.models.scoring import score_points
from p2pcredit.models.training.baseline import logistic_baseline
from p2pcredit.monitoring.lights import judge_together
from p2pcredit.monitoring.metrics.drift import light_of_shift, population_stability_index
from p2pcredit.monitoring.status import status_at_least, status_within
from p2pcredit.reporting.evidence.subject import Subject, labels_of, measured
from p2pcredit.transforms.vintages import cohort_name, quarter_name

GROUPS = ("state", "home_ownership", "income_verification", "term_months")
"""The columns by which approval rates are compared, where the platform gives them."""


def performance_facts(subject: Subject) -> dict[str, Any]:
    """Measure how the evaluation model ranks and calibrates the newest matured loans, which it had not seen."""
    labels, chances, confidence = subject.labels, subject.chances, subject.confidence
    days = subject.evaluation["origination_date"]
    monitoring = subject.settings.monitoring
    auc, ratio = auc_interval(labels, chances, confidence), calibration_ratio(labels, chances, confidence)
    bounds = monitoring.calibration_ratio_bounds
    return {
        "population": {
            "n": int(labels.size),
            "bads": int(labels.sum()),
            "default_rate": float(labels.mean()),
            "first": days.min().isoformat(),  # type: ignore[union-attr]
            "last": days.max().isoformat(),  # type: ignore[union-attr]
        },
        "discrimination": {
            "auc": {
                **measured(auc),
                "threshold": monitoring.auc_threshold,
                "status": str(status_at_least(auc.low, auc.high, monitoring.auc_threshold)),
            },
            "gini": measured(gini_interval(labels, chances, confidence)),
            "ks": measured(ks_interval(labels, chances, confidence)),
        },
        "within": _within_cohorts(subject),
        "earlier": _earlier(subject),
        "roc": roc_points(labels, chances),
        "lift": lift_table(labels, chances, confidence),
        "calibration": {
            "ratio": {
                **measured(ratio),
                "bounds": list(bounds),
                "status": str(status_within(ratio.low, ratio.high, bounds)),
            },
            "error": measured(calibration_error_interval(labels, chances, confidence)),
            "slope": measured(calibration_slope(labels, chances, confidence)),
            "brier": measured(brier_interval(labels, chances, confidence)),
        },
        "reliability": reliability_bins(labels, chances, confidence),
        "vintages": _parts(subject, _quarters(subject.evaluation)),
        "terms": _parts(subject, subject.evaluation["term_months"].cast(pl.Int64).cast(pl.String) + " months")
        if "term_months" in subject.evaluation.columns
        else [],
        "sub_grade": _against_sub_grade(subject),
        "logistic": _against_logistic(subject),
        "champion": _against_last_champion(subject),
    }


def stability_facts(subject: Subject) -> dict[str, Any]:
    """Measure how far score and features have moved between the matured loans and the newest."""
    reference, newest = subject.matured, subject.newest
    limits = subject.settings.monitoring
    facts: dict[str, Any] = {
        "n_reference": reference.height,
        "n_newest": newest.height,
        "first": None if newest.is_empty() else newest["snapshot_date"].min().isoformat(),  # type: ignore[union-attr]
        "last": None if newest.is_empty() else newest["snapshot_date"].max().isoformat(),  # type: ignore[union-attr]
        "watch": limits.psi_watch,
        "alert": limits.psi_alert,
        "columns": [],
    }
    if newest.height < limits.min_recent_loans or reference.is_empty():
        return {**facts, "undetermined": f"{newest.height} new loans, {limits.min_recent_loans} needed"}
    scored = [_scores(subject, side) for side in (reference, newest)]
    columns = [("score", scored[0], scored[1])]
    for feature in subject.catalogue.of_sets(subject.settings.training.feature_sets):
        if feature.name in reference.columns and feature.name in newest.columns:
            before, after = reference[feature.name], newest[feature.name]
            if before.null_count() < before.len() or after.null_count() < after.len():
                columns.append((feature.name, before, after))
    measured_columns = [
        (name, population_stability_index(before, after, subject.confidence)) for name, before, after in columns
    ]
    lights = [light_of_shift(name, found, newest.height, limits) for name, found in measured_columns]
    judged = [result for part in (lights[:1], lights[1:]) for result in judge_together(part, limits.confidence)]
    for (name, found), result in zip(measured_columns, judged, strict=True):
        facts["columns"].append(
            {
                "name": name,
                "in_model": name == "score" or name in subject.model.feature_names,
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "by_chance": found.chance,
                "status": str(result.status),
                "largest": found.largest,
            }
        )
    return {**facts, "undetermined": None}


def fairness_facts(subject: Subject) -> dict[str, Any]:
    """Measure which share of each group would be approved at the cut-off, and the group's default rate."""
    evaluation, cutoff = subject.evaluation, subject.settings.scores.approval_cutoff
    approved = subject.chances <= cutoff
    parts = []
    for column in GROUPS:
        if column not in evaluation.columns or evaluation[column].null_count() == evaluation.height:
            continue
        groups = evaluation[column]
        named = groups.cast(pl.Int64).cast(pl.String) if groups.dtype.is_numeric() else groups
        told = approval_rates(named, approved, subject.labels, confidence=subject.confidence)
        rows = [{key: value for key, value in row.items() if key != "chance"} for row in told]
        if len(rows) > 1:
            parts.append({"by": column, "groups": rows})
    return {
        "cutoff": cutoff,
        "n": evaluation.height,
        "approved": int(approved.sum()),
        "undecided": count_undecided(subject.evaluation_model, evaluation, subject.settings),
        "four_fifths": FOUR_FIFTHS,
        "least_loans": LEAST_LOANS,
        "by": parts,
        "not_given": [column for column in GROUPS if column not in {part["by"] for part in parts}],
    }


def _scores(subject: Subject, loans: pl.DataFrame) -> pl.Series:
    return pl.Series("score", score_points(subject.model.predict(loans), subject.settings.scores), dtype=pl.Float64)


def _quarters(loans: pl.DataFrame) -> pl.Series:
    return loans.select(quarter_name("origination_date").alias("vintage"))["vintage"]


def _parts(subject: Subject, names: pl.Series) -> list[dict[str, Any]]:
    """Measure ranking and calibration of each part, in order; undetermined where a part has too few bads or goods."""
    labels, chances = subject.labels, subject.chances
    needed, rows = subject.settings.training.min_evaluation_bads, []
    held = names.fill_null("not known").to_numpy()
    for name in sorted(set(held.tolist())):
        inside: npt.NDArray[np.bool_] = held == name
        truth, chance = labels[inside], chances[inside]
        bads = int(truth.sum())
        ratio = calibration_ratio(truth, chance, subject.confidence)
        enough = min(bads, truth.size - bads) >= needed
        auc = auc_interval(truth, chance, subject.confidence)
        rows.append(
            {
                "part": name,
                "n": int(truth.size),
                "bads": bads,
                "expected": float(chance.mean()),
                "observed": bads / int(truth.size),
                "ratio": ratio.value,
                "ratio_low": ratio.low,
                "ratio_high": ratio.high,
                "auc": auc.value if enough else None,
                "auc_low": auc.low if enough else None,
                "auc_high": auc.high if enough else None,
            }
        )
    return rows


def _within_cohorts(subject: Subject) -> dict[str, Any]:
    """Measure the ranking of pairs of loans of one quarter of origination and term, beside the platform's own grade.

    Pooled, a model also gains by telling quarters or terms apart, which chooses no applicant over another.
    """
    evaluation, confidence = subject.evaluation, subject.confidence
    cohorts = evaluation.select(cohort_name(evaluation, "origination_date").alias("cohort"))["cohort"].to_numpy()
    own = auc_within_cohorts(subject.labels, subject.chances, cohorts, confidence)
    found = platform_risk(evaluation)
    if found is None:
        return {"auc": measured(own), "sub_grade": None}
    graded = np.isfinite(found[1])
    labels, chances, theirs = subject.labels[graded], subject.chances[graded], found[1][graded]
    lead = paired_difference_within_cohorts(labels, chances, theirs, cohorts[graded], confidence)
    return {"auc": measured(own), "sub_grade": measured(lead)}


def _earlier(subject: Subject) -> dict[str, Any] | None:
    """Measure the ranking of the evaluation model on the matured loans before, most of which it learned from."""
    if subject.earlier.is_empty():
        return None
    chances = np.asarray(subject.evaluation_model.predict(subject.earlier))
    return measured(auc_interval(labels_of(subject.earlier), chances, subject.confidence))


def _against_sub_grade(subject: Subject) -> dict[str, Any] | None:
    """Compare the ranking with the platform's own grade, the sub-grade where it gives one."""
    found = platform_risk(subject.evaluation)
    if found is None:
        return None
    column, risk = found
    graded = np.isfinite(risk)
    return {**_against(subject, graded, risk[graded]), "column": column}


def _against_logistic(subject: Subject) -> dict[str, Any] | None:
    names = tuple(
        feature.name
        for feature in subject.catalogue.to_compare_with(subject.settings.training.feature_sets)
        if feature.name in subject.earlier.columns
    )
    found = logistic_baseline(subject.earlier, subject.evaluation, names)
    if found is None:
        return None
    everything = np.ones(subject.evaluation.height, dtype=np.bool_)
    return {**_against(subject, everything, found), "features": len(names), "learned_from": subject.earlier.height}


def _against_last_champion(subject: Subject) -> dict[str, Any] | None:
    """Take from the card how the model ranks against the champion of its day; None where none served."""
    held = next((one for one in subject.card.get("benchmarks", []) if one["key"] == LAST_CHAMPION), None)
    if held is None:
        return None
    counted = {"n": held["n"], "bads": held["bads"]}
    difference = {"value": held["difference"], "low": held["difference_low"], "high": held["difference_high"]}
    auc = {"value": held["auc"], "low": None, "high": None}
    return {"auc": {**auc, **counted}, "difference": {**difference, **counted}, "model_id": held["model_id"]}


def _against(subject: Subject, which: npt.NDArray[np.bool_], other: Floats) -> dict[str, Any]:
    labels, chances = subject.labels[which], subject.chances[which]
    return {
        "auc": measured(auc_interval(labels, other, subject.confidence)),
        "difference": measured(paired_auc_difference(labels, chances, other, subject.confidence)),
    }
