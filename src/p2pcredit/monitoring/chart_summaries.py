"""Small summaries that a single number cannot give: score distribution, calibration by grade, what was scored since."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.models.evaluation.calibration.reliability import reliability_bins
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.matured import scored_loans
from p2pcredit.monitoring.metrics.whole_term import loans_of_ended_terms
from p2pcredit.monitoring.status import share_interval
from p2pcredit.settings import Settings

SCORE_BAND_POINTS = 20
NO_GRADE = "no grade"
"""Where loans stand that were referred to a person."""


def score_profile(inputs: MonitoringInputs, settings: Settings) -> dict[str, Any]:
    """Count the champion's scores by band, over its development loans and over the newest loans.

    Returns:
        `n_reference`, `n_recent` and `bands`, each with `low` and `high` (points, high not included), `reference` and
        `recent` (shares, 0 to 1). No bands where either side has no score.
    """
    before = (
        inputs.reference["score"].drop_nulls()
        if "score" in inputs.reference.columns
        else pl.Series("score", [], dtype=pl.Float64)
    )
    after = inputs.of_champion(inputs.recent_predictions(settings))["score"].drop_nulls()
    profile: dict[str, Any] = {"n_reference": len(before), "n_recent": len(after), "bands": []}
    if not len(before) or not len(after):
        return profile
    places = [
        np.floor(side.cast(pl.Float64).to_numpy() / SCORE_BAND_POINTS).astype(np.int64) for side in (before, after)
    ]
    first = min(int(place.min()) for place in places)
    last = max(int(place.max()) for place in places)
    shares = [np.bincount(place - first, minlength=last - first + 1) / place.size for place in places]
    profile["bands"] = [
        {
            "low": (first + i) * SCORE_BAND_POINTS,
            "high": (first + i + 1) * SCORE_BAND_POINTS,
            "reference": float(shares[0][i]),
            "recent": float(shares[1][i]),
        }
        for i in range(last - first + 1)
    ]
    return profile


def calibration_profile(inputs: MonitoringInputs, settings: Settings) -> list[dict[str, Any]]:
    """Compare expected and observed default rates of the judged loans within each grade.

    Returns:
        One dict per grade that has a judged loan, safest first by name: `grade, n, bads, expected, observed, low, high`
        (shares, 0 to 1; the interval is that of the observed share). Loans that were referred to a person have no grade
        and come last, as `no grade`.
    """
    grades = (
        scored_loans(inputs, settings)
        .filter(pl.col("label").is_not_null())
        .with_columns(pl.col("grade").fill_null(NO_GRADE))
        .group_by("grade")
        .agg(
            n=pl.len(),
            bads=pl.col("label").cast(pl.Int64).sum(),
            expected=pl.col("probability_of_default").mean(),
        )
        .sort("grade")
    )
    profile: list[dict[str, Any]] = []
    for row in grades.iter_rows(named=True):
        low, high = share_interval(row["bads"], row["n"], settings.monitoring.confidence)
        profile.append({**row, "observed": row["bads"] / row["n"], "low": low, "high": high})
    return profile


def lifetime_profile(inputs: MonitoringInputs, settings: Settings) -> list[dict[str, Any]]:
    """Compare expected and observed default within the term, over bands of equal count, of loans whose term is over.

    Returns:
        One dict per band, safest first: `band` (from 1), `n, bads, expected, observed, low, high` (shares, 0 to 1; the
        interval is that of the observed share). None where too few terms are over.
    """
    loans = loans_of_ended_terms(inputs, settings)
    limits = settings.monitoring
    if loans.height < limits.min_matured_loans or int(loans["defaulted"].sum()) < limits.min_matured_bads:
        return []
    bands = reliability_bins(loans["defaulted"].to_numpy(), loans["expected"].to_numpy(), limits.confidence)
    return [{"band": place, **band} for place, band in enumerate(bands, start=1)]


def scored_since(inputs: MonitoringInputs, since: date) -> dict[str, Any]:
    """Count what was scored from a day to the end of the week, by grade, and what came in.

    Returns:
        `scored`, `refused` (loans that got no probability), `grades` (each `grade` and `n`, in order), and of the
        recent days `rows_in` and `quarantined`.
    """
    newest = pl.col("snapshot_date") >= since
    scored = inputs.predictions.filter(newest)
    grades = scored.select(pl.col("grade").fill_null(NO_GRADE)).group_by("grade").len("n").sort("grade")
    return {
        "scored": scored.height,
        "refused": inputs.refused.filter(newest).height,
        "grades": grades.to_dicts(),
        "rows_in": int(inputs.feed_quality["rows_in"].sum()),
        "quarantined": int(inputs.feed_quality["quarantined"].sum()),
    }
