"""What a model calculates, step by step, in expressions that every format of the export can write.

A number that is missing is NaN or NULL, a text that is missing is NULL or empty. A comparison is only asked of a value
that is there, so what a format makes of a comparison with a missing value never matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

Kind = Literal["numeric", "category"]


@dataclass(frozen=True, slots=True)
class Ref:
    """The value of a column, or of an earlier step."""

    name: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A text."""

    value: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """A missing value."""

    kind: Kind = "numeric"


@dataclass(frozen=True, slots=True)
class Calc:
    """Arithmetic: `+`, `-`, `*`, `/` or `power` of two numbers; `ln`, `exp` or `round` (halves to even) of one."""

    name: Literal["+", "-", "*", "/", "power", "ln", "exp", "round"]
    of: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison of two numbers."""

    name: Literal["<", "<=", "=", ">", ">="]
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether a value is missing."""

    of: Ref


@dataclass(frozen=True, slots=True)
class OneOf:
    """Whether a text is one of some levels."""

    of: Ref
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Whether one of some conditions holds."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class If:
    """One value where a condition holds, else another."""

    condition: Condition
    then: Expression
    other: Expression


@dataclass(frozen=True, slots=True)
class ByEdges:
    """The value of the bin that a number falls into; each edge belongs to the bin below it."""

    of: Ref
    edges: tuple[float, ...]
    values: tuple[float, ...] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ByLevel:
    """The number that belongs to a text."""

    of: Ref
    values: tuple[tuple[str, float], ...]
    other: float


@dataclass(frozen=True, slots=True)
class Split:
    """A node of a tree.

    Args:
        column: Place in `Forest.columns`.
        below: The 32-bit number below which a value goes left, compared as 32-bit numbers.
        missing_left: Whether a missing value goes left.
        left, right: What follows.
    """

    column: int
    below: float
    missing_left: bool
    left: Split | Leaf
    right: Split | Leaf


@dataclass(frozen=True, slots=True)
class Leaf:
    """The end of a tree, with its 32-bit number."""

    value: float


@dataclass(frozen=True, slots=True)
class Forest:
    """The sum of a number per tree, added one after the other as 32-bit numbers.

    Args:
        base: What the sum begins with.
        columns: What the trees split on: a number, or (text, level): 1 where the text is that level, else 0.
        trees: From the first to the last.
        instead: Other values that some names have for once.
    """

    base: float
    columns: tuple[Ref | tuple[Ref, str], ...]
    trees: tuple[Split | Leaf, ...]
    instead: tuple[tuple[str, Number | Text | Nothing], ...] = ()


Expression = Ref | Number | Text | Nothing | Calc | If | ByEdges | ByLevel | Forest
Condition = Compare | Missing | OneOf | AnyOf


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `gold/feature_store` that a formula reads."""

    name: str
    kind: Kind
    description: str


@dataclass(frozen=True, slots=True)
class Step:
    """One named value that follows from columns and earlier steps."""

    name: str
    value: Expression
    kind: Kind = "numeric"


@dataclass(frozen=True, slots=True)
class Factor:
    """What a feature may give as a reason.

    Args:
        push: The step that says by how much it raises the log-odds, 0 where it does not.
        given: The name of its value, to see whether that is missing.
        reason, missing_reason: The words.
    """

    push: str
    given: str
    reason: str
    missing_reason: str


@dataclass(frozen=True, slots=True)
class Formula:
    """All that a model calculates of one loan.

    Args:
        columns: What it reads.
        steps: In order. Among them are `OUTPUTS`, each missing where it is withheld.
        factors: For the reasons; empty where there are none.
    """

    columns: tuple[Column, ...]
    steps: tuple[Step, ...]
    factors: tuple[Factor, ...]

    @property
    def kinds(self) -> dict[str, Kind]:
        """Whether a column or step is a number or a text."""
        columns = {column.name: column.kind for column in self.columns}
        return columns | {step.name: step.kind for step in self.steps}

    @property
    def has_trees(self) -> bool:
        """Whether it sums trees, which cost too much to ask once more per feature in a query."""
        return any(isinstance(step.value, Forest) for step in self.steps)

    def without_reasons(self) -> Formula:
        """Leave out the steps that only reasons need."""
        pushes = {factor.push for factor in self.factors}
        needed = set(OUTPUTS)
        for step in reversed(self.steps):
            if step.name in needed and step.name not in pushes:
                needed |= names_in(step.value)
        return Formula(self.columns, tuple(step for step in self.steps if step.name in needed), ())


OUTPUTS = ("probability_of_default", "score", "grade", "decision")
"""What every format gives of a loan."""


def names_in(part: Any) -> set[str]:
    """Name the columns and steps that an expression asks for."""
    return {found.name for found in _refs(part)}


def _refs(part: Any) -> Iterator[Ref]:
    if isinstance(part, Ref):
        yield part
    elif isinstance(part, Forest):
        for column in part.columns:
            yield column[0] if isinstance(column, tuple) else column
    elif isinstance(part, tuple):
        for one in part:
            yield from _refs(one)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _refs(getattr(part, field.name))


__all__ = [
    "OUTPUTS",
    "AnyOf",
    "ByEdges",
    "ByLevel",
    "Calc",
    "Column",
    "Compare",
    "Condition",
    "Expression",
    "Factor",
    "Forest",
    "Formula",
    "If",
    "Kind",
    "Leaf",
    "Missing",
    "Nothing",
    "Number",
    "OneOf",
    "Ref",
    "Split",
    "Step",
    "Text",
]
