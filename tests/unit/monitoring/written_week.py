"""A week whose every loan is written by hand, for metrics that can be counted on fingers."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.settings import LabelSettings, MonitoringSettings, Settings

WEEK_END = date(2022, 6, 29)
LAST, AFTER = date(2022, 3, 29), date(2022, 1, 29)
"""Judged are originations after the second day, up to the first: labels close after three months, two months judge."""


def settings(**limits: Any) -> Settings:
    """Make settings of small least numbers and short windows."""
    small = {"window_months": 2, "recent_days": 10, "min_matured_loans": 20, "min_matured_bads": 2}
    return Settings(
        labels=LabelSettings(window_months=3, reporting_lag_days=0),
        monitoring=MonitoringSettings(**{**small, "min_recent_loans": 10, **limits}),
    )


def week(loans: list[dict[str, Any]], **changes: Any) -> MonitoringInputs:
    """Make inputs of loans: `day, pd`, perhaps `loan_id, model, grade, score, label, known_on, late_on, term, sub`."""
    full = [
        {"model": "now", "grade": "C", "score": 500, "label": None, "known_on": WEEK_END, "late_on": None}
        | {"term": 36.0, "sub": None, "loan_id": f"l{place:03}"}
        | loan
        for place, loan in enumerate(loans)
    ]
    schema = {
        "loan_id": pl.String,
        "day": pl.Date,
        "model": pl.String,
        "pd": pl.Float64,
        "score": pl.Int32,
        "grade": pl.String,
        "label": pl.Int8,
        "known_on": pl.Date,
        "late_on": pl.Date,
        "term": pl.Float64,
        "sub": pl.String,
    }
    rows = pl.DataFrame([{name: loan[name] for name in schema} for loan in full], schema=schema)
    born = pl.col("day").alias("snapshot_date")
    fields: dict[str, Any] = {
        "week_end": WEEK_END,
        "champion_id": "now",
        "champion_as_of": date(2022, 1, 1),
        "predictions": rows.select(
            "loan_id",
            born,
            pl.col("model").alias("model_id"),
            pl.col("pd").alias("probability_of_default"),
            "score",
            "grade",
        ),
        "labels": rows.filter(pl.col("label").is_not_null()).select(
            "loan_id", pl.lit("pd3").alias("definition"), "label", pl.col("day").alias("origination_date"), "known_on"
        ),
        "features": rows.select(
            "loan_id",
            born,
            pl.col("day").alias("known_on"),
            pl.col("term").alias("term_months"),
            pl.col("sub").alias("platform_sub_grade"),
        ),
        "reference": pl.DataFrame(),
        "early_delinquency": rows.filter(pl.col("late_on").is_not_null()).select("loan_id", "late_on"),
        "feed_quality": pl.DataFrame(schema={"feed": pl.String, "rows_in": pl.Int64, "quarantined": pl.Int64}),
        "development_bads": 10,
        "known_bads": 10,
    }
    return MonitoringInputs(**{**fields, **changes})
