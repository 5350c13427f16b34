"""A scorecard as a formula: the points of each feature's bin, their sum, and what follows from it."""

from __future__ import annotations

import math

from p2pcredit.models.binning.bins import Binning
from p2pcredit.models.binning.counts import OTHER
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.export.formula import ByEdges, ByLevel, Calc, Expression, Formula, If, Missing, Number, Ref
from p2pcredit.models.export.results import finish
from p2pcredit.models.export.values import Values
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.scorecard.points import PointScale
from p2pcredit.settings import Settings


def formula_of_scorecard(model: ScorecardModel, settings: Settings) -> Formula:
    """Write a scorecard as a formula."""
    values, scale = Values(model), model.scale or PointScale()
    parts: dict[str, Ref] = {}
    total: Expression = Number(0.0)
    for binning, points in zip(model.binnings, model.points(), strict=True):
        name = binning.feature
        seen = values.seen[name]
        inside = _inside(binning, points, seen)
        parts[name] = values.add(f"{name}_points", If(Missing(seen), Number(float(points[len(binning.woe)])), inside))
        total = parts[name] if len(parts) == 1 else Calc("+", (total, parts[name]))
    all_points = values.add("points", total)
    log_odds = values.add("log_odds", _log_odds(all_points, scale))
    neutral = dict(zip(model.feature_names, model.neutral_parts().tolist(), strict=True))
    at_neutral = {
        name: _log_odds(
            values.add(f"{name}_points_changed", Calc("+", (Calc("-", (all_points, part)), Number(neutral[name])))),
            scale,
        )
        for name, part in parts.items()
    }
    return finish(values, model, log_odds, at_neutral, settings)


def _inside(binning: Binning, points: Floats, seen: Ref) -> Expression:
    size = len(binning.woe)
    if binning.kind == "numeric":
        return ByEdges(seen, binning.edges, tuple(points[: len(binning.edges) + 1].tolist()))
    levels = tuple((level, float(points[place])) for level, place in binning.levels.items() if "\0" not in level)
    return ByLevel(seen, levels, float(points[binning.levels.get(OTHER, size + 1)]))


def _log_odds(points: Ref, scale: PointScale) -> Expression:
    below = Calc("-", (Number(scale.base_score), points))
    return Calc("-", (Calc("/", (below, Number(scale.factor))), Number(math.log(scale.base_odds))))


__all__ = ["formula_of_scorecard"]
