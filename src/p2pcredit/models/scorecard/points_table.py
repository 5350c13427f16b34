"""A scorecard as a lender prints it: the points of every bin, for people, for other programs, and as SQL."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Literal

import numpy as np

from p2pcredit.contracts.ratios import RATIOS
from p2pcredit.models.binning.bins import Binning
from p2pcredit.models.binning.counts import OTHER
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.ratios import MOST
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.scorecard.points import PointScale, levels_in, plain_points
from p2pcredit.models.training_support import without_missing

PointsFormat = Literal["table", "json", "csv", "sql"]


def points_text(form: str, model_id: str, model: ScorecardModel, scale: PointScale) -> str:
    """Print the scorecard as text in one of the formats `PointsFormat`.

    On another scale than its own the points are not whole, and the score is their rounded sum.
    """
    if form == "json":
        return json.dumps(as_json(model_id, model, scale), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    if form == "csv":
        return as_csv(model, scale)
    return as_sql(model_id, model, scale) if form == "sql" else as_table(model, scale)


def as_table(model: ScorecardModel, scale: PointScale) -> str:
    """Print the scorecard for the terminal: feature, bin and points in columns."""
    rows = model.points_rows(scale)
    wide, high = max(len(row.bin) for row in rows), max(len(_shown(row.points)) for row in rows)
    lines: list[str] = []
    feature = ""
    for row in rows:
        if row.feature != feature:
            feature = row.feature
            lines.append(feature)
        lines.append(f"  {row.bin:<{wide}}  {_shown(row.points):>{high}}")
    return "\n".join("".join(sign if sign.isprintable() else "?" for sign in line) for line in lines) + "\n"


def as_json(model_id: str, model: ScorecardModel, scale: PointScale) -> dict[str, Any]:
    """Print the scorecard as plain JSON values: its scale, and per feature its bins."""
    features: dict[str, list[dict[str, Any]]] = {}
    for row in model.points_rows(scale):
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
    """Print the scorecard as CSV, one line per bin; levels are separated by `|`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("feature", "bin", "above", "up_to", "levels", "points", "weight_of_evidence"))
    for row in model.points_rows(scale):
        bounds = ("" if bound is None else f"{bound!r}" for bound in (row.above, row.up_to))
        levels = "|".join(row.levels)
        writer.writerow((row.feature, row.bin, *bounds, levels, _shown(row.points), f"{row.weight_of_evidence:.6f}"))
    return text.getvalue()


def as_sql(model_id: str, model: ScorecardModel, scale: PointScale, table: str = "feature_store") -> str:
    """Print the scorecard as one query over the columns of `gold/feature_store`: `loan_id` and `score`.

    Plain SQL: a CASE expression per feature. NULL is a missing value (make a NaN one first); text is compared exactly.
    A ratio that is NULL because something it is calculated from is unknown must be filled before; comments say how.
    """
    parts = [
        _case(binning, points, model.blank_as_missing(binning.feature))
        for binning, points in zip(model.binnings, model.points(scale), strict=True)
    ]
    total = "\n  + ".join(parts)
    scale_words = f"{scale.base_odds:g} goods to one bad, {scale.points_to_double_odds:g} more for each doubling"
    score = f"    {total}" if model.scale == scale else f"    ROUND(\n    {total}\n    )"
    return (
        f"-- Score of the scorecard {model_id}, more is safer: {scale.base_score:g} points at odds of\n"
        f"-- {scale_words} of the odds.\n"
        f"{_ratios_to_fill(model)}"
        f"SELECT\n  loan_id,\n  CAST(\n{score}\n  AS INTEGER) AS score\nFROM {table}\n"
    )


def _ratios_to_fill(model: ScorecardModel) -> str:
    """Comment on the ratios that the model fills itself where an input is not known."""
    lines = []
    for name in without_missing(model.support):
        usual = model.neutral.get(name)
        known = {one: model.neutral.get(one) for one in RATIOS[name].inputs} if name in RATIOS else {}
        if known and usual is not None and all(value is not None for value in known.values()):
            told = ", ".join(f"{one} {_shown(float(value or 0.0))}" for one, value in known.items())
            lines.append(f"-- {name}: where it is NULL and an input is, calculate it with {told}\n")
            other = "larger" if RATIOS[name].riskier else "smaller"
            lines.append(f"-- in place of what is unknown, and take {_shown(float(usual))} if that is {other}.\n")
            if RATIOS[name].riskier:
                lines.append(f"-- Where it is NULL because something is divided by 0, take {MOST:g}.\n")
    return "".join(lines)


def _case(binning: Binning, points: Floats, blank: float | None) -> str:
    column, size = _quoted(binning.feature), len(binning.woe)
    missing = f"{column} IS NULL" if blank is None else f"{column} IS NULL OR {column} = {blank!r}"
    lines = [f"CASE WHEN {missing} THEN {_shown(points[size])}"]
    if binning.kind == "numeric":
        lines += [f"WHEN {column} <= {edge!r} THEN {_shown(points[place])}" for place, edge in enumerate(binning.edges)]
        otherwise = points[size - 1] if size else points[size + 1]
    else:
        for place in range(size):
            named = ", ".join(_text(level) for level in levels_in(binning, place))
            if named:
                lines.append(f"WHEN {column} IN ({named}) THEN {_shown(points[place])}")
        otherwise = points[binning.levels.get(OTHER, size + 1)]
    return "\n      ".join([*lines, f"ELSE {_shown(otherwise)} END"])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(level: str) -> str:
    return "'" + level.replace("'", "''") + "'"


def _shown(points: np.float64 | float) -> str:
    return str(plain_points(points))
