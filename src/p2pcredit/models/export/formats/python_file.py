"""A formula as a Python file that stands alone: the standard library is all it needs."""

from __future__ import annotations

import inspect
from typing import Any

from p2pcredit.models.export.formats import standalone
from p2pcredit.models.export.formula import (
    AnyOf,
    ByEdges,
    ByLevel,
    Calc,
    Compare,
    Condition,
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
    Text,
)
from p2pcredit.models.export.header import About, header

NOTES = (
    "Call score(row) with a mapping from column to value (None, NaN or empty is missing), or run the file on a CSV.",
    "It gives up to four reasons too. Numbers are those of p2pcredit to the last digits of exp and ln.",
)


def as_python(formula: Formula, about: About) -> str:
    """Write the formula as the text of a Python file."""
    own = inspect.getsource(standalone).partition('"""\n')[2].strip()
    lines = [
        "#!/usr/bin/env python3",
        '"""' + "\n".join(header(about, "python", formula, NOTES)),
        '"""',
        "",
        own,
        "",
        "",
    ]
    forests = [step.value for step in formula.steps if isinstance(step.value, Forest)]
    if forests:
        lines += ["TREES = (", *(f"    {_tree(tree)}," for tree in forests[0].trees), ")", "", ""]
    kinds = formula.kinds
    lines += ["def score(row: Mapping[str, Any]) -> dict[str, Any]:", '    """Score one loan."""']
    for column in formula.columns:
        take = "number_in" if column.kind == "numeric" else "text_in"
        lines.append(f"    {column.name} = {take}(row, {column.name!r})")
    writing = _Writing(kinds)
    lines += [f"    {step.name} = {writing.text(step.value)}" for step in formula.steps]
    lines.append("    pushes = [")
    for factor in formula.factors:
        missing = writing.condition(Missing(Ref(factor.given)))
        lines.append(f"        ({factor.push}, {factor.missing_reason!r} if {missing} else {factor.reason!r}),")
    lines += ["    ]", "    return result(probability_of_default, score, grade, decision, strongest(pushes))"]
    lines += ["", "", 'if __name__ == "__main__":', "    sys.exit(run(score))", ""]
    return "\n".join(lines)


def _tree(node: Split | Leaf) -> str:
    if isinstance(node, Leaf):
        return repr(node.value)
    return f"({node.column}, {node.below!r}, {node.missing_left}, {_tree(node.left)}, {_tree(node.right)})"


class _Writing:
    def __init__(self, kinds: dict[str, Any]) -> None:
        self._kinds = kinds

    def text(self, value: Expression) -> str:
        match value:
            case Ref(name):
                return name
            case Number(number):
                return repr(number) if number >= 0 else f"({number!r})"
            case Text(words):
                return repr(words)
            case Nothing(kind):
                return "NAN" if kind == "numeric" else "None"
            case Calc():
                return self._calc(value)
            case If(condition, then, other):
                return f"({self.text(then)} if {self.condition(condition)} else {self.text(other)})"
            case ByEdges(of, edges, values):
                return f"by_edges({of.name}, {edges!r}, {values!r})"
            case ByLevel(of, values, other):
                return f"{dict(values)!r}.get({of.name}, {other!r})"
            case Forest():
                return self._forest(value)

    def condition(self, condition: Condition) -> str:
        match condition:
            case Compare(name, left, right):
                return f"{self.text(left)} {'==' if name == '=' else name} {self.text(right)}"
            case Missing(Ref(name)):
                return f"{name} != {name}" if self._kinds[name] == "numeric" else f"{name} is None"
            case OneOf(Ref(name), levels):
                return f"{name} in {levels!r}"
            case AnyOf(of):
                return "(" + " or ".join(self.condition(one) for one in of) + ")"

    def _calc(self, value: Calc) -> str:
        parts = [self.text(one) for one in value.of]
        if value.name in ("ln", "exp"):
            return f"math.{'log' if value.name == 'ln' else 'exp'}({parts[0]})"
        if value.name in ("power", "round"):
            return f"{value.name}({', '.join(parts)})"
        return f"({parts[0]} {value.name} {parts[1]})"

    def _forest(self, value: Forest) -> str:
        instead = dict(value.instead)
        columns = []
        for column in value.columns:
            ref = column[0] if isinstance(column, tuple) else column
            given = self.text(instead.get(ref.name, ref))
            columns.append(f"is_level({given}, {column[1]!r})" if isinstance(column, tuple) else given)
        return f"sum_trees({value.base!r}, TREES, [{', '.join(columns)}])"


__all__ = ["as_python"]
