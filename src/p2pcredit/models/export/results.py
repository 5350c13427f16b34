"""The last steps of a formula: from log-odds to probability, score, grade, decision, and what each feature pushes."""

from __future__ import annotations

import math

from p2pcredit.contracts.features import PRODUCT
from p2pcredit.models.calibration import LEAST_PROBABILITY
from p2pcredit.models.evaluation.grade_scale import letters_of_grades
from p2pcredit.models.export.formula import (
    ByEdges,
    Calc,
    Column,
    Compare,
    Expression,
    Factor,
    Formula,
    If,
    Missing,
    Nothing,
    Number,
    OneOf,
    Ref,
    Step,
    Text,
)
from p2pcredit.models.export.term_ranges import term_ranges
from p2pcredit.models.export.values import Values
from p2pcredit.models.outside_training import LEAST_PART, WHOLE_POINT, most_points
from p2pcredit.models.scorecard.points import PointScale
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.training_support import ColumnSupport, contract_of
from p2pcredit.settings import Settings

_FARTHEST = 500.0


def finish(
    values: Values, model: ScoringModel, log_odds: Ref, at_neutral: dict[str, Expression], settings: Settings
) -> Formula:
    """Add the steps from the log-odds on.

    Args:
        values: With all steps up to the log-odds.
        model: The model.
        log_odds: Of default, calibrated.
        at_neutral: Per feature that can push, the log-odds with its neutral value in place of its own.
        settings: Points, grades, cut-off, and what becomes of loans outside training.
    """
    scores = settings.scores
    chance = _chance(values, "chance", log_odds)
    own_log_odds = values.add("chance_log_odds", _log_odds(chance))
    points = values.add("whole_points", _points(own_log_odds, PointScale.of(scores)))
    bounds = tuple(scores.grade_bounds)
    letters = letters_of_grades(bounds)
    approved = If(Compare("<=", chance, Number(scores.approval_cutoff)), Text("approve"), Text("decline"))
    decision = _decision(values, model, settings, approved)
    values.steps.append(Step("decision", decision, "category"))
    refused, referred = OneOf(Ref("decision"), ("refuse",)), OneOf(Ref("decision"), ("refuse", "refer"))
    values.add("probability_of_default", If(refused, Nothing(), chance))
    values.add("score", If(refused, Nothing(), points))
    grade = If(referred, Nothing("category"), ByEdges(chance, bounds, letters))
    values.steps.append(Step("grade", grade, "category"))
    factors = []
    for name, neutral in at_neutral.items():
        feature = contract_of(model.support, name)
        changed = values.add(f"{name}_at_usual", neutral)
        better = values.add(
            f"{name}_points_at_usual",
            _points(
                values.add(f"{name}_log_odds_at_usual", _log_odds(_chance(values, f"{name}_chance_at_usual", changed))),
                PointScale.of(scores),
            ),
        )
        push = If(Compare(">", better, points), Calc("-", (own_log_odds, changed)), Number(0.0))
        values.add(f"{name}_push", If(refused, Number(0.0), push))
        factors.append(Factor(f"{name}_push", values.given[name].name, feature.reason, feature.missing_reason))
    read = tuple(values.columns.values())
    return Formula(
        tuple(Column(one.name, one.kind, one.description) for one in read), tuple(values.steps), tuple(factors)
    )


def _chance(values: Values, name: str, log_odds: Ref) -> Ref:
    """Turn log-odds into a probability, as `as_probability` does."""
    at_least = If(Compare("<", log_odds, Number(-_FARTHEST)), Number(-_FARTHEST), log_odds)
    bounded = values.add(f"{name}_bounded", If(Compare(">", log_odds, Number(_FARTHEST)), Number(_FARTHEST), at_least))
    odds = Calc("exp", (Calc("-", (Number(0.0), bounded)),))
    raw = values.add(f"{name}_raw", Calc("/", (Number(1.0), Calc("+", (Number(1.0), odds)))))
    least, most = Number(LEAST_PROBABILITY), Number(1.0 - LEAST_PROBABILITY)
    return values.add(name, If(Compare("<", raw, least), least, If(Compare(">", raw, most), most, raw)))


def _log_odds(chance: Ref) -> Expression:
    return Calc("-", (Calc("ln", (chance,)), Calc("ln", (Calc("-", (Number(1.0), chance)),))))


def _points(log_odds: Ref, scale: PointScale) -> Expression:
    over = Calc("+", (log_odds, Number(math.log(scale.base_odds))))
    return Calc("round", (Calc("-", (Number(scale.base_score), Calc("*", (Number(scale.factor), over)))),))


def _decision(values: Values, model: ScoringModel, settings: Settings, approved: Expression) -> Expression:
    """Decide as `outside_training.decide` does, of what is missing, never seen or far beyond the trained range."""
    scoring = settings.scoring
    product = model.support.get(PRODUCT)
    by_term = product is not None and product.terms is not None
    unknown: list[Expression] = [_new_term(values, product)] if product is not None and by_term else []
    beyond: list[Expression] = []
    for name in model.feature_names:
        if name == PRODUCT and by_term:
            continue
        held = model.support.get(name)
        points = 0.0 if held is None else most_points(model, held, settings.scores)
        if held is None or points == 0.0:
            continue
        given, stake = values.given[name], Number(points)
        unseen: Expression = Number(0.0)
        if held.levels is not None:
            unseen = If(OneOf(given, held.levels), Number(0.0), stake)
        tells_missing = not held.knows_missing and model.neutral.get(name, "") is not None
        unknown.append(If(Missing(given), stake if tells_missing else Number(0.0), unseen))
        if held.least is not None and held.largest is not None:
            beyond.append(_far(given, stake, held, held.least, held.largest, scoring.beyond_range_margin))
    asked = (("unknown_points", unknown, scoring.outside_training), ("beyond_points", beyond, scoring.beyond_range))
    found: Expression = approved
    for wanted in ("refer", "refuse"):  # the latter holds where both are asked for
        for name, stakes, what in asked:
            if what == wanted:
                at_stake = _sum(values, name, stakes)
                found = If(Compare(">=", at_stake, Number(WHOLE_POINT)), Text(wanted), found)
    return found


def _new_term(values: Values, held: ColumnSupport) -> Ref:
    """Put a whole point at stake where the contract term is none that the model learned from."""
    given, nothing, stake = values.given_value(PRODUCT), 0.0, WHOLE_POINT
    edges, known = term_ranges(held)
    by_term = ByEdges(given, edges, tuple(nothing if one else stake for one in known))
    without = Number(nothing if held.knows_missing else stake)
    return values.add("new_term_points", If(Missing(given), without, by_term))


def _far(given: Ref, stake: Number, held: ColumnSupport, least: float, largest: float, margin: float) -> Expression:
    at_most = margin * (largest - least) if margin else 0.0
    nothing = Number(0.0)
    below = Calc("-", (Number(least), given))
    found: Expression = nothing
    if math.isfinite(at_most):
        found = If(Compare(">", below, Number(at_most)), stake, found)
    if least >= 0.0:
        found = If(Compare("<", given, Number(LEAST_PART * least)), stake, found)
    found = If(Compare("<", given, Number(least)), found, nothing)
    if math.isfinite(at_most):
        above = If(Compare(">", Calc("-", (given, Number(largest))), Number(at_most)), stake, nothing)
        found = If(Compare(">", given, Number(largest)), above, found)
    return If(Missing(given), nothing, found)


def _sum(values: Values, name: str, parts: list[Expression]) -> Ref:
    total: Expression = Number(0.0)
    for part in parts:
        total = Calc("+", (total, part))
    return values.add(name, total)


__all__ = ["finish"]
