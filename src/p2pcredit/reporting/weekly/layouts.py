"""Lay out rows of a week as tables of their own: PD by grade, and how grades migrated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from p2pcredit.reporting.weekly.words import metric_in_words, segment_in_words

RATIO, JEFFREYS, BINOMIAL, MIGRATION = "grade_pd_ratio", "grade_pd_jeffreys", "grade_pd_binomial", "grade_migration"
IN_TABLES = frozenset({RATIO, JEFFREYS, BINOMIAL, MIGRATION})
"""Metrics that stand in these tables, and in no other."""

Rows = Sequence[Mapping[str, Any]]


def grades_table(rows: Rows) -> list[dict[str, Any]]:
    """Lay out the PD of each grade on one line, safest first.

    Returns:
        Per grade: `grade`, `n`, `ratio`, `interval`, `status`, `note`, and of each test its `chance` as text with its
        `status`, under `jeffreys` and `binomial`.
    """
    tests: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["metric"] in (JEFFREYS, BINOMIAL):
            name = "jeffreys" if row["metric"] == JEFFREYS else "binomial"
            chance = "none" if row["value"] is None else f"{row['value']:.2g}"
            tests.setdefault(str(row["segment"]), {})[name] = {"chance": chance, "status": str(row["status"])}
    untested = {"chance": "none", "status": "undetermined"}
    return [
        {
            "grade": str(row["segment"]).partition("=")[2],
            "n": row["n"],
            "ratio": "none" if row["value"] is None else f"{row['value']:.2f}",
            "interval": "none" if row["low"] is None else f"{row['low']:.2f} to {row['high']:.2f}",
            "status": str(row["status"]),
            "note": row["note"],
            **{name: tests.get(str(row["segment"]), {}).get(name, untested) for name in ("jeffreys", "binomial")},
        }
        for row in rows
        if row["metric"] == RATIO
    ]


def migration_matrix(rows: Rows) -> dict[str, Any] | None:
    """Lay out how grades migrated: a line per grade given then, a column per grade now; None where none was measured.

    Returns:
        `grades` (columns, safest first) and `lines`: `grade`, `n`, `cells` (shares as text, empty where none went, with
        `stays` where both grades are the same).
    """
    cells = {}
    totals: dict[str, int] = {}
    for row in rows:
        if row["metric"] == MIGRATION and row["value"] is not None:
            was, now = (part.partition("=")[2] for part in str(row["segment"]).split(","))
            cells[was, now] = row["value"]
            totals[was] = row["n"]
    if not cells:
        return None
    names = sorted({name for pair in cells for name in pair})
    lines = [
        {
            "grade": was,
            "n": totals[was],
            "cells": [
                {"share": f"{cells[was, now]:.0%}" if (was, now) in cells else "", "stays": was == now} for now in names
            ],
        }
        for was in sorted(totals)
    ]
    return {"grades": names, "lines": lines}


def graded_in_words(graded: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Write estimates and alarms against what came as text.

    Args:
        graded: `estimates`, `alarms` and `signals`, as `p2pcredit.monitoring.graded.Graded` has them.

    Returns:
        `estimates`: `name, weeks, error, absolute_error, within`; `signals`: `name, alarms, open, came_true, never,
        precision, lead, verdict`; `alarms`, newest first: `name, segment, weeks, outcome, why, lead`.
    """
    estimates = [
        {
            "name": metric_in_words(one["metric"]),
            "weeks": one["weeks"],
            "error": f"{one['mean_error']:+.3f}",
            "absolute_error": f"{one['mean_absolute_error']:.3f}",
            "within": f"{one['within']} of {one['weeks']}",
        }
        for one in graded["estimates"]
    ]
    signals = [
        {
            "name": metric_in_words(one["metric"]),
            **{name: one[name] for name in ("alarms", "open", "came_true", "never")},
            "precision": "none"
            if one["precision"] is None
            else f"{one['precision']:.0%} ({one['low']:.0%} to {one['high']:.0%})",
            "lead": "none" if one["median_lead_days"] is None else f"{one['median_lead_days']:.0f} days",
            "verdict": _verdict(one),
        }
        for one in graded["signals"]
    ]
    outcomes = {True: "came true", False: "never came true", None: "open"}
    alarms = [
        {
            "name": metric_in_words(one["metric"]),
            "segment": segment_in_words(one["segment"]),
            "weeks": str(one["first"]) if one["first"] == one["last"] else f"{one['first']} to {one['last']}",
            "outcome": outcomes[one["came_true"]],
            "why": one["why"],
            "lead": "none" if one["lead_days"] is None else f"{one['lead_days']} days",
        }
        for one in reversed(graded["alarms"])
    ]
    return {"estimates": estimates, "signals": signals, "alarms": alarms}


def _verdict(signal: Mapping[str, Any]) -> str:
    if signal["came_true"]:
        return "came true"
    return "never came true" if signal["never"] else "not known yet"


__all__ = ["IN_TABLES", "graded_in_words", "grades_table", "migration_matrix"]
