"""The facts of a weekly report as one plain dict of JSON values; the page and its charts are made from nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from p2pcredit.contracts.results import MetricResult
from p2pcredit.models.champion.realised import summed_up
from p2pcredit.monitoring.policies.choose import results_from_rows
from p2pcredit.reporting.plain import plain
from p2pcredit.reporting.weekly.layouts import IN_TABLES, graded_in_words, grades_table, migration_matrix
from p2pcredit.reporting.weekly.segments import applies, in_segments, left_out, segments_table
from p2pcredit.reporting.weekly.summary import MOST_TOLD, summarise
from p2pcredit.reporting.weekly.words import SECTIONS, metric_in_words, segment_in_words, shown_as, status_in_words
from p2pcredit.settings import Settings

OVER_TERM = "default_to_date_ratio"
HISTORY_METRICS = ("auc", "auc_estimate", "auc_estimate_then")
_HISTORY_COLUMNS = ("week_end_date", "metric", "segment", "value", "low", "high", "n", "matured_share", "status")
_NO_NEWS = ("champion_id", "promoted", "reason")
"""Of a card: how a training long ago decided is no news of the week, and its champion reads like another one."""


def build_facts(
    week_end: date,
    results: Sequence[MetricResult],
    settings: Settings,
    *,
    decision: Mapping[str, Any] | None,
    champion: Mapping[str, Any] | None,
    generated_at: str,
    history: pl.DataFrame | None = None,
    score_profile: Mapping[str, Any] | None = None,
    calibration_profile: Sequence[Mapping[str, Any]] = (),
    lifetime_profile: Sequence[Mapping[str, Any]] = (),
    days: Mapping[str, Any] | None = None,
    gaps: Sequence[str] = (),
    approvals: Sequence[str] = (),
    promotions: Sequence[Mapping[str, Any]] = (),
    graded: Mapping[str, Any] | None = None,
    book: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Collect the facts of a week's report.

    Args:
        week_end: The last day whose data it rests on.
        results: What the metrics gave this week.
        settings: Thresholds shown and drawn.
        decision: The fields of the decision or verdict (`retrain, reason, performance_score, remedy ...`), None where
            none was taken.
        champion: The champion's card (`model_id, family, as_of ...`), None before the first.
        generated_at: When the report was made, as text.
        history: Rows of `gold/monitoring` of earlier weeks; those of later weeks and of this one play no part.
        score_profile: What `monitoring.chart_summaries.score_profile` gives.
        calibration_profile: What `monitoring.chart_summaries.calibration_profile` gives.
        lifetime_profile: What `monitoring.chart_summaries.lifetime_profile` gives.
        days: How the days of the week stand, as `days_in_words` takes it; None where they were not accounted for.
        gaps: Days and weeks up to this one that were passed over, a line each with the command that fills it.
        promotions: What the promotions of the past brought, as `Realised.as_json` gives it, oldest first.
        graded: Estimates and alarms against what came, as `monitoring.graded.Graded` has them; None where not graded.
        book: What the report is of: `name`, `platform`, `since`, `scored`, `refused`, `grades` (each with `grade`
            and `n`), `rows_in`, `quarantined`, `recent_days`; None where it is not told.
        approvals: Promotions that wait for a person and approvals that end, a line each with what to do.

    Returns:
        A dict of JSON values, without NaN; keys `week_end_date, generated_at, summary, book, decision, champion,
        thresholds, segments, sections, history, heat, grades, migration, promotions, score_profile,
        calibration_profile, lifetime_profile, days`.
    """
    rows = [result.as_row() for result in results_from_rows(result.as_row() for result in results)]
    limits = settings.monitoring
    facts: dict[str, Any] = {
        "week_end_date": week_end.isoformat(),
        "generated_at": generated_at,
        "book": None if book is None else dict(book),
        "decision": dict(decision) if decision is not None else None,
        "champion": None if champion is None else {k: v for k, v in champion.items() if k not in _NO_NEWS},
        "thresholds": {
            "auc": limits.auc_threshold,
            "psi_watch": limits.psi_watch,
            "psi_alert": limits.psi_alert,
            "confidence": limits.confidence,
            "window_months": limits.window_months,
            "recent_days": limits.recent_days,
            "label_months": settings.labels.window_months,
            "label_lag_days": settings.labels.reporting_lag_days,
        },
        "results": rows,
        "segments": segments_table(rows),
        "sections": _sections(rows),
        "history": _history(week_end, rows, history),
        "heat": _heat(rows),
        "grades": grades_table(rows),
        "migration": migration_matrix(rows),
        "promotions": [promotion_in_words(one) for one in promotions],
        "graded": None if graded is None else graded_in_words(graded),
        "score_profile": dict(score_profile) if score_profile is not None else None,
        "calibration_profile": [dict(row) for row in calibration_profile],
        "lifetime_profile": [dict(row) for row in lifetime_profile],
        "days": None if days is None else dict(days),
    }
    summary = summarise(facts, gaps, approvals)
    also = [line for line in (summed_up(promotions), _never_true(facts["graded"])) if line]
    facts["summary"] = {**summary, "known": [*summary["known"], *also]}
    told: dict[str, Any] = plain(facts)
    return told


def _never_true(graded: Mapping[str, Any] | None) -> str | None:
    """Name the checks whose alarms never came true so far; None where there is none."""
    names = [one["name"] for one in (graded or {"signals": []})["signals"] if one["verdict"] == "never came true"]
    if not names:
        return None
    more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
    return f"Alarms that never came true so far: {', '.join(names[:MOST_TOLD])}{more}."


def _sections(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    sections = []
    for section in SECTIONS:
        meant = [row for row in rows if section.holds(str(row["metric"])) and not _is_cell(row)]
        mine = [row for row in meant if not in_segments(row)]
        held = [row for row in mine if applies(row) or not section.metrics]
        absent = left_out([row for row in mine if section.metrics and not applies(row)])
        held = [row for row in held if row["metric"] not in IN_TABLES]
        if section.by_size:
            held.sort(
                key=lambda row: (row["metric"] != "psi_score", -(row["value"] if row["value"] is not None else -1))
            )
        if meant:
            shown = [
                {
                    **row,
                    "metric_words": metric_in_words(row["metric"]),
                    "segment_words": segment_in_words(row["segment"]),
                    "value_words": shown_as(row["metric"], row["value"]),
                    "interval_words": " to ".join(
                        shown_as(row["metric"], row[bound]) for bound in ("low", "high") if row[bound] is not None
                    ),
                    "threshold_words": "" if row["threshold"] is None else shown_as(row["metric"], row["threshold"]),
                    "status_words": status_in_words(row),
                }
                for row in held
            ]
            sections.append(
                {
                    "key": section.key,
                    "title": section.title,
                    "about": section.about,
                    "left_out": absent,
                    "rows": [row for row in shown if section.key == "early_delinquency" or not _is_part(row)],
                    "parts": [row for row in shown if section.key != "early_delinquency" and _is_part(row)],
                }
            )
    return sections


def _is_cell(row: Mapping[str, Any]) -> bool:
    """Return whether a row is one of term and vintage together, which the heat table shows."""
    return "," in str(row["segment"]) and str(row["metric"]) == OVER_TERM


def _heat(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Lay out the cells of term and vintage, a line per vintage, the newest last; None where there are none.

    Returns:
        `terms` (as text, in order), `lines`: `vintage` and `cells`, one per term or None: `ratio`, `interval`, `n`,
        `note`, `status`; `failed`: the cells that fail, in words.
    """
    cells = {}
    for row in rows:
        if _is_cell(row):
            term, vintage = (part.partition("=")[2] for part in str(row["segment"]).split(","))
            cells[vintage, term] = row
    if not cells:
        return None
    terms = sorted({term for _, term in cells}, key=float)
    lines = []
    for vintage in sorted({vintage for vintage, _ in cells}):
        held = (cells.get((vintage, term)) for term in terms)
        lines.append({"vintage": vintage, "cells": [None if row is None else _cell(row) for row in held]})
    failed = [segment_in_words(str(row["segment"])) for row in cells.values() if row["status"] == "fail"]
    return {"terms": terms, "lines": lines, "failed": sorted(failed)}


def _cell(row: Mapping[str, Any]) -> dict[str, Any]:
    has = row["value"] is not None
    return {
        "ratio": f"{row['value']:.2f}" if has else "none",
        "interval": f"{row['low']:.2f} to {row['high']:.2f}" if has else "none",
        "n": row["n"],
        "note": row["note"],
        "status": str(row["status"]),
        "shade": shade_of(row),
    }


def shade_of(row: Mapping[str, Any]) -> str:
    """Choose the shade of a cell: by its status, and on which side of 1 its whole interval lies.

    Examples:
        >>> shade_of({"status": "fail", "value": 1.6, "low": 1.3, "high": 2.0})
        'high fail'
        >>> shade_of({"status": "undetermined", "value": 1.6, "low": 0.8, "high": 2.0})
        'undetermined'
        >>> shade_of({"status": "pass", "value": 0.9, "low": 0.82, "high": 0.98})
        'low pass'
    """
    if row["value"] is None:
        return "undetermined"
    side = "high " if row["low"] > 1.0 else "low " if row["high"] < 1.0 else ""
    return f"{side}{row['status']}"


def promotion_in_words(one: Mapping[str, Any]) -> dict[str, Any]:
    """Write what a promotion claimed and brought as text beside its numbers.

    Examples:
        >>> told = {"claimed": 0.03, "claimed_low": 0.01, "claimed_high": 0.05}
        >>> told |= {"realised": -0.002, "realised_low": -0.012, "realised_high": 0.008}
        >>> told |= {"within": None, "within_low": None, "within_high": None}
        >>> words = promotion_in_words(told)
        >>> words["claimed_words"], words["realised_words"], words["within_words"]
        ('+0.030 (+0.010 to +0.050)', '-0.002 (-0.012 to +0.008)', 'not measured')
    """
    words = {}
    for name in ("claimed", "realised", "within"):
        value, low, high = (one[key] for key in (name, f"{name}_low", f"{name}_high"))
        interval = "" if low is None or high is None else f" ({low:+.3f} to {high:+.3f})"
        words[f"{name}_words"] = "not measured" if value is None else f"{value:+.3f}{interval}"
    return {**one, **words}


def _is_part(row: Mapping[str, Any]) -> bool:
    return str(row["segment"]).startswith(("vintage=", "term="))


def _history(week_end: date, rows: Sequence[Mapping[str, Any]], history: pl.DataFrame | None) -> list[dict[str, Any]]:
    wanted = [
        {**{name: row[name] for name in _HISTORY_COLUMNS[1:]}, "week_end_date": week_end}
        for row in rows
        if row["metric"] in HISTORY_METRICS and row["segment"] in ("all", "champion")
    ]
    earlier: list[dict[str, Any]] = []
    if history is not None and history.height:
        earlier = (
            history.filter(
                (pl.col("week_end_date") < week_end)
                & pl.col("metric").is_in(HISTORY_METRICS)
                & pl.col("segment").is_in(["all", "champion"])
            )
            .select(_HISTORY_COLUMNS)
            .sort("week_end_date", "metric", "segment")
            .to_dicts()
        )
    return [row for row in (*earlier, *wanted) if row["value"] is not None and math.isfinite(row["value"])]
