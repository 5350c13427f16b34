"""The first steps of a formula: the values of a loan as a model sees them, blanks and incomplete ratios mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from p2pcredit.contracts.features import REFERENCE_RATE
from p2pcredit.contracts.ratios import RATIOS
from p2pcredit.models.export.formula import (
    AnyOf,
    Calc,
    Column,
    Compare,
    Expression,
    If,
    Missing,
    Nothing,
    Number,
    Ref,
    Step,
)
from p2pcredit.models.ratios import MOST
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.training_support import contract_of, without_missing

INFINITE = 1e308
"""Stands for what a division by 0 gives: not every database can write an infinite number."""
LONGEST = 10_000.0
"""Months of a term beyond which its power is 0 beside 1; databases refuse a power that is too large or too small."""


class Values:
    """The columns and steps that lead to the value of each feature.

    Args:
        model: Its features, support and reference borrower are read.
    """

    def __init__(self, model: ScoringModel) -> None:
        self.columns: dict[str, Column] = {}
        self.steps: list[Step] = []
        self._model = model
        self._made: dict[str, Ref] = {}
        wanting = set(without_missing(model.support))
        self.given = {name: self.given_value(name) for name in model.feature_names}
        self.seen = {
            name: self._filled(name) if name in wanting and self._can_be_filled(name) else self.given[name]
            for name in model.feature_names
        }

    def add(self, name: str, value: Expression) -> Ref:
        """Add a step that gives a number."""
        self.steps.append(Step(name, value))
        return Ref(name)

    def given_value(self, name: str) -> Ref:
        """Return the value that was given; a number that stands for a blank that no training loan had is missing."""
        if name not in self.columns:
            feature = contract_of(self._model.support, name)
            self.columns[name] = Column(name, feature.kind, feature.description)
        held, blank = self._model.support.get(name), contract_of(self._model.support, name).number_of_blank
        if held is None or held.knows_blank or blank is None:
            return Ref(name)
        is_blank = Compare("=", Ref(name), Number(blank))
        value = If(Missing(Ref(name)), Nothing(), If(is_blank, Nothing(), Ref(name)))
        return self._once(f"{name}_given", lambda: value)

    def _once(self, name: str, make: Callable[[], Expression]) -> Ref:
        if name not in self._made:
            self._made[name] = self.add(name, make())
        return self._made[name]

    def _can_be_filled(self, name: str) -> bool:
        neutral = self._model.neutral
        return name in RATIOS and all(neutral.get(one) is not None for one in (name, *RATIOS[name].inputs))

    def _filled(self, name: str) -> Ref:
        """Fill a ratio as `p2pcredit.models.ratios` does."""
        if f"{name}_filled" in self._made:
            return self._made[f"{name}_filled"]
        ratio, own = RATIOS[name], self.given_value(name)
        inputs = [self.given_value(one) for one in ratio.inputs]
        known = [
            self._filled(one) if self._can_be_filled(one) else self._or_usual(one, ref)
            for one, ref in zip(ratio.inputs, inputs, strict=True)
        ]
        reckoned = self._reckoned(name, known)
        usual = Number(_number(self._model.neutral[name]))
        most = Number(MOST)
        lacking = AnyOf(tuple(Missing(one) for one in inputs))
        if not ratio.riskier:
            least = If(Missing(reckoned), usual, If(Compare("<", reckoned, usual), reckoned, usual))
            return self._once(f"{name}_filled", lambda: If(Missing(own), If(lacking, least, own), own))
        bounded = If(Compare(">", reckoned, most), most, reckoned)
        riskier = If(Missing(reckoned), usual, If(Compare(">", reckoned, usual), bounded, usual))
        by_nothing = If(Missing(reckoned), own, If(Compare(">=", reckoned, Number(INFINITE)), most, own))
        filled = If(Missing(own), If(lacking, riskier, by_nothing), own)
        return self._once(f"{name}_filled", lambda: filled)

    def _or_usual(self, name: str, given: Ref) -> Ref:
        usual = Number(_number(self._model.neutral[name]))
        return self._once(f"{name}_or_usual", lambda: If(Missing(given), usual, given))

    def _reckoned(self, name: str, known: list[Ref]) -> Ref:
        """Add the steps of a ratio's formula; a division by 0 gives `INFINITE`, one of 0 by 0 nothing."""
        traced = RATIOS[name].formula(_Traced.payment, *(_Traced(self, name, one) for one in known))
        value: Expression = traced.value
        return self._once(f"{name}_reckoned", lambda: value)


class _Traced:
    """A number of a formula that writes down what is done to it."""

    def __init__(self, values: Values, name: str, value: Expression) -> None:
        self.value, self._values, self._name = value, values, name

    def __add__(self, other: Any) -> _Traced:
        return self._calc("+", self, other)

    def __mul__(self, other: Any) -> _Traced:
        return self._calc("*", self, other)

    def __truediv__(self, other: Any) -> _Traced:
        top, bottom = self._step(self), self._step(other)
        by_zero = If(Compare(">", top, Number(0.0)), Number(INFINITE), Number(-INFINITE))
        by_zero = If(Compare("=", top, Number(0.0)), Nothing(), by_zero)
        safe = If(Compare("=", bottom, Number(0.0)), by_zero, Calc("/", (top, bottom)))
        return _Traced(self._values, self._name, If(Missing(top), Nothing(), safe))

    @staticmethod
    def payment(amount: _Traced, term: _Traced) -> _Traced:
        """Calculate the monthly payment at the reference rate."""
        rate = REFERENCE_RATE / 12
        past = amount._step(_Traced(amount._values, amount._name, Calc("-", (Number(0.0), term.value))))
        at_most = If(Compare(">", past, Number(LONGEST)), Number(LONGEST), past)
        bounded = If(Compare("<", past, Number(-LONGEST)), Number(-LONGEST), at_most)
        power = Calc("power", (Number(1.0 + rate), bounded))
        due = _Traced(amount._values, amount._name, Calc("-", (Number(1.0), power)))
        return (amount * rate) / due

    def _calc(self, name: Any, left: _Traced, right: Any) -> _Traced:
        return _Traced(self._values, self._name, Calc(name, (left.value, self._plain(right).value)))

    def _plain(self, other: Any) -> _Traced:
        return other if isinstance(other, _Traced) else _Traced(self._values, self._name, Number(float(other)))

    def _step(self, other: Any) -> Ref:
        """Give a value a name, so that it is written once."""
        value = self._plain(other).value
        if isinstance(value, Ref):
            return value
        steps = {step.name for step in self._values.steps}
        number = next(place for place in range(1, 100) if f"{self._name}_part_{place}" not in steps)
        return self._values.add(f"{self._name}_part_{number}", value)


def _number(value: object) -> float:
    assert isinstance(value, int | float), "the reference borrower's value of a number is one"
    return float(value)


__all__ = ["Values"]
