"""Boosting as a formula: the reference borrower's value for an absent one, the sum of the trees, the calibration."""

from __future__ import annotations

from p2pcredit.errors import UsageError
from p2pcredit.models.boosting.counterfactuals import Node, content_of, start_of, trees_of
from p2pcredit.models.boosting.encoding import LEAST_LEVEL_SHARE
from p2pcredit.models.boosting.model import BoostingModel
from p2pcredit.models.export.formula import (
    Calc,
    Expression,
    Forest,
    Formula,
    If,
    Leaf,
    Missing,
    Nothing,
    Number,
    OneOf,
    Ref,
    Split,
    Step,
    Text,
)
from p2pcredit.models.export.results import finish
from p2pcredit.models.export.values import Values
from p2pcredit.settings import Settings


def formula_of_boosting(model: BoostingModel, settings: Settings) -> Formula:
    """Write a boosting model as a formula.

    Raises:
        UsageError: If its trees were grown for an aim whose start this version does not know.
    """
    values = Values(model)
    known = {name: _known(values, model, name) for name in model.feature_names}
    effects = {name: found for name in model.feature_names if (found := _effect(values, model, name)) is not None}
    forest = _forest(model, known)
    raw = values.add("trees", forest)
    margin: Expression = Calc("+", (raw, Number(model.offset)))
    effect: Expression = Number(0.0)
    for part in effects.values():
        effect = part if effect == Number(0.0) else Calc("+", (effect, part))
    margin = Calc("+", (margin, values.add("absence_effects", effect)))
    log_odds = values.add("log_odds", _calibrated(model, values.add("margin", margin)))
    used = {model.feature_names[place] for place, _ in model.spans_used()}
    at_neutral: dict[str, Expression] = {}
    for name in model.feature_names:
        if name in used:
            trees = values.add(f"{name}_trees_at_usual", _at_usual(forest, known[name], model.neutral.get(name)))
            without: Expression = (
                Calc("-", (Ref("absence_effects"), effects[name])) if name in effects else Ref("absence_effects")
            )
            at_neutral[name] = _calibrated(model, Calc("+", (Calc("+", (trees, Number(model.offset))), without)))
        elif name in effects:
            at_neutral[name] = Calc("-", (log_odds, Calc("*", (Number(model.calibration.slope), effects[name]))))
    return finish(values, model, log_odds, at_neutral, settings)


def _calibrated(model: BoostingModel, margin: Expression) -> Expression:
    slope = Calc("*", (Number(model.calibration.slope), margin))
    return Calc("+", (Number(model.calibration.intercept), slope))


def _has_own_rare(model: BoostingModel, name: str) -> bool:
    return name in model.encoding.levels and not model.support[name].pools_rare(LEAST_LEVEL_SHARE)


def _known(values: Values, model: BoostingModel, name: str) -> Ref:
    """Put the reference borrower's value in the place of an absent one."""
    usual, seen = model.neutral.get(name), values.seen[name]
    if usual is None:
        return seen
    is_text = name in model.encoding.levels
    stand_in: Expression = Text(str(usual)) if is_text else Number(float(usual))
    value: Expression = seen
    if _has_own_rare(model, name):
        value = If(OneOf(seen, model.encoding.levels[name]), seen, stand_in)
    values.steps.append(Step(f"{name}_known", If(Missing(seen), stand_in, value), "category" if is_text else "numeric"))
    return Ref(f"{name}_known")


def _effect(values: Values, model: BoostingModel, name: str) -> Ref | None:
    """Add what the absence of a value adds to the margin; None where it adds nothing."""
    if model.neutral.get(name) is None:
        return None
    held, seen = model.support[name], values.seen[name]
    rare = held.rare.effect if _has_own_rare(model, name) else 0.0
    if not held.missing.effect and not rare:
        return None
    inside: Expression = Number(0.0)
    if rare:
        inside = If(OneOf(seen, model.encoding.levels[name]), Number(0.0), Number(rare))
    return values.add(f"{name}_absence_effect", If(Missing(seen), Number(held.missing.effect), inside))


def _forest(model: BoostingModel, known: dict[str, Ref]) -> Forest:
    columns: list[Ref | tuple[Ref, str]] = []
    for name in model.feature_names:
        levels = model.encoding.levels.get(name)
        columns += [known[name]] if levels is None else [(known[name], level) for level in levels]
    content = content_of(model.booster)
    start = start_of(content)
    if start is None:
        aim = content["objective"]["name"]
        raise UsageError(f"the trees were grown for {aim}, which this version cannot export; score with p2pcredit")
    return Forest(start, tuple(columns), tuple(_tree(tree) for tree in trees_of(content)))


def _tree(node: Node) -> Split | Leaf:
    if isinstance(node, float):
        return Leaf(node)
    condition, left, right = node
    return Split(condition.column, condition.below, condition.missing_left, _tree(left), _tree(right))


def _at_usual(forest: Forest, name: Ref, usual: float | str | None) -> Forest:
    """Sum the trees with one feature at its neutral value."""
    is_text = any(isinstance(column, tuple) and column[0] == name for column in forest.columns)
    value: Number | Text | Nothing = Nothing("category" if is_text else "numeric")
    if usual is not None:
        value = Text(str(usual)) if is_text else Number(float(usual))
    return Forest(forest.base, forest.columns, forest.trees, ((name.name, value),))


__all__ = ["formula_of_boosting"]
