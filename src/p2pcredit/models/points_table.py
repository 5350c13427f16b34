"""A scorecard as a lender prints it: the points of every bin, for people, for other programs, and as SQL."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from p2pcredit.models.binning import OTHER, Binning
from p2pcredit.models.estimates import Floats
from p2pcredit.models.points import PointScale
from p2pcredit.models.scorecard import ScorecardModel

PointsFormat = Literal["table", "json", "csv", "sql"]
DECIMALS = 9
"""Of points that are not whole numbers: those of a model made for another scale."""


@dataclass(frozen=True, slots=True)
class PointsRow:
    """One bin of the printed scorecard.

    Args:
        feature: The column of `gold/feature_store`.
        bin: What the bin holds, in words.
        points: More is safer; a loan's points add up to its score.
        weight_of_evidence: For default; positive = riskier than the book.
        above, up_to: For numbers: its bounds, the upper one included; None where it is open, and for other bins.
        levels: For categories: the levels in it.
    """

    feature: str
    bin: str
    points: float
    weight_of_evidence: float
    above: float | None = None
    up_to: float | None = None
    levels: tuple[str, ...] = ()


def points_rows(model: ScorecardModel, scale: PointScale) -> list[PointsRow]:
    """How many points does each bin of each feature give?

    Args:
        model: The scorecard.
        scale: Of the score; on the model's own scale all points are whole numbers.

    Returns:
        The rows of each feature: its bins in order, then missing values, then levels never seen.
    """
    tables = zip(model.binnings, model.points(scale), strict=True)
    return [row for binning, points in tables for row in _rows_of(binning, points)]


def points_text(form: str, model_id: str, model: ScorecardModel, scale: PointScale) -> str:
    """The printed scorecard as text in one of the formats `PointsFormat`.

    On another scale than its own the points are not whole, and the score is their rounded sum.
    """
    if form == "json":
        return json.dumps(as_json(model_id, model, scale), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    if form == "csv":
        return as_csv(model, scale)
    return as_sql(model_id, model, scale) if form == "sql" else as_table(model, scale)


def as_table(model: ScorecardModel, scale: PointScale) -> str:
    """The printed scorecard for a person: feature, bin and points in columns."""
    rows = points_rows(model, scale)
    wide, high = max(len(row.bin) for row in rows), max(len(_shown(row.points)) for row in rows)
    lines: list[str] = []
    feature = ""
    for row in rows:
        if row.feature != feature:
            feature = row.feature
            lines.append(feature)
        lines.append(f"  {row.bin:<{wide}}  {_shown(row.points):>{high}}")
    return "\n".join(lines) + "\n"


def as_json(model_id: str, model: ScorecardModel, scale: PointScale) -> dict[str, Any]:
    """The printed scorecard as plain JSON values: its scale, and per feature its bins."""
    features: dict[str, list[dict[str, Any]]] = {}
    for row in points_rows(model, scale):
        features.setdefault(row.feature, []).append(
            {
                "bin": row.bin,
                "above": row.above,
                "up_to": row.up_to,
                "levels": list(row.levels),
                "points": row.points,
                "weight_of_evidence": row.weight_of_evidence,
            }
        )
    return {
        "model_id": model_id,
        **scale.as_json(),
        "whole_points": model.scale == scale,
        "features": [{"feature": name, "bins": bins} for name, bins in features.items()],
    }


def as_csv(model: ScorecardModel, scale: PointScale) -> str:
    """The printed scorecard as CSV, one line per bin; levels are separated by `|`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("feature", "bin", "above", "up_to", "levels", "points", "weight_of_evidence"))
    for row in points_rows(model, scale):
        bounds = ("" if bound is None else f"{bound!r}" for bound in (row.above, row.up_to))
        levels = "|".join(row.levels)
        writer.writerow((row.feature, row.bin, *bounds, levels, _shown(row.points), f"{row.weight_of_evidence:.6f}"))
    return text.getvalue()


def as_sql(model_id: str, model: ScorecardModel, scale: PointScale, table: str = "feature_store") -> str:
    """The scorecard as one query over the columns of `gold/feature_store`: `loan_id` and `score`.

    Plain SQL: a CASE expression per feature. NULL is a missing value (make a NaN one first); text is compared exactly.
    """
    parts = [_case(binning, points) for binning, points in zip(model.binnings, model.points(scale), strict=True)]
    total = "\n  + ".join(parts)
    scale_words = f"{scale.base_odds:g} goods to one bad, {scale.points_to_double_odds:g} more for each doubling"
    score = f"    {total}" if model.scale == scale else f"    ROUND(\n    {total}\n    )"
    return (
        f"-- Score of the scorecard {model_id}, more is safer: {scale.base_score:g} points at odds of\n"
        f"-- {scale_words} of the odds.\n"
        f"SELECT\n  loan_id,\n  CAST(\n{score}\n  AS INTEGER) AS score\nFROM {table}\n"
    )


def _rows_of(binning: Binning, points: Floats) -> list[PointsRow]:
    named = list(binning.bin_names())
    bounds: list[tuple[float | None, float | None]] = [(None, None)] * len(named)
    if binning.kind == "numeric":
        edges = (None, *binning.edges, None)
        bounds = [(edges[place], edges[place + 1]) for place in range(len(named))]
    levels = [_levels_in(binning, place) for place in range(len(named))]
    rows = [
        PointsRow(binning.feature, name, _plain(points[place]), binning.woe[place], *bounds[place], levels[place])
        for place, name in enumerate(named)
    ]
    rows.append(PointsRow(binning.feature, "missing", _plain(points[len(named)]), binning.missing_woe))
    if binning.kind == "category":
        other = binning.levels.get(OTHER, len(named) + 1)
        weight = binning.woe[other] if other < len(named) else 0.0
        rows.append(PointsRow(binning.feature, "not seen before", _plain(points[other]), weight))
    return rows


def _levels_in(binning: Binning, place: int) -> tuple[str, ...]:
    return tuple(sorted(level for level, found in binning.levels.items() if found == place))


def _case(binning: Binning, points: Floats) -> str:
    column, size = _quoted(binning.feature), len(binning.woe)
    lines = [f"CASE WHEN {column} IS NULL THEN {_shown(points[size])}"]
    if binning.kind == "numeric":
        lines += [f"WHEN {column} <= {edge!r} THEN {_shown(points[place])}" for place, edge in enumerate(binning.edges)]
        otherwise = points[size - 1] if size else points[size + 1]
    else:
        for place in range(size):
            named = ", ".join(_text(level) for level in _levels_in(binning, place))
            lines.append(f"WHEN {column} IN ({named}) THEN {_shown(points[place])}")
        otherwise = points[binning.levels.get(OTHER, size + 1)]
    return "\n      ".join([*lines, f"ELSE {_shown(otherwise)} END"])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(level: str) -> str:
    return "'" + level.replace("'", "''") + "'"


def _plain(points: np.float64 | float) -> float:
    return int(points) if float(points).is_integer() else round(float(points), DECIMALS)


def _shown(points: np.float64 | float) -> str:
    return str(_plain(points))
