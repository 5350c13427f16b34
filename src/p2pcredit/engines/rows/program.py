"""Translate the expressions of the transforms into one Python function of a row.

The transforms are written once, in Narwhals, for whole tables. An engine of tables plans each query anew, which takes a
hundred times as long as one row is worth. So their expressions are walked once, each different operation becomes one
line of a function, and only the lines that something asked for needs are kept. What is walked is what Narwhals holds of
an expression; an operation that is not known here is refused when the program is made, never when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from p2pcredit.engines.rows.operations import CASTS, PLAIN, concat_str, replace_all, search_of, to_date

Slot = int
"""The place of a value of the row: an input, a constant, or what an operation gives."""

RowFunction = Callable[[Mapping[str, Any]], tuple[Any, ...]]


class RowProgram:
    """Operations on the values of one row, each once."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, Any, tuple[Slot, ...]]] = []
        self._known: dict[Hashable, Slot] = {}

    def given(self, name: str) -> Slot:
        """Take a value of the row by its name."""
        return self._slot("given", name, ())

    def constant(self, value: object) -> Slot:
        """Take a value that is always the same."""
        return self._slot("constant", value, ())

    def add(self, expression: Any, columns: Mapping[str, Slot]) -> tuple[str, Slot]:
        """Add an expression.

        Args:
            expression: Of Narwhals, or a value that stands for itself.
            columns: What the columns that it names are.

        Returns:
            The name of its result, and where that is.

        Raises:
            NotImplementedError: If it holds an operation that no single row can answer, or that is not known here.
        """
        if not isinstance(expression, nw.Expr):
            return "literal", self.constant(expression)
        name, slot = "literal", -1
        for node in expression._nodes:
            if node.name == "alias":
                name = str(node.kwargs["name"])
            elif node.name == "col":
                (name,) = node.kwargs["names"]
                slot = columns[name]
            elif node.name == "lit":
                slot = self.constant(node.kwargs["value"])
            elif node.name in ("min", "max", "over"):
                continue  # a row that is alone is the least and the largest of its kind
            else:
                before = () if slot < 0 else (slot,)
                slot = self._operation(node, before, columns)
                if not before and node.exprs:
                    name = self.add(node.exprs[0], columns)[0]
        return name, slot

    def function(self, wanted: Iterable[Slot]) -> RowFunction:
        """Make the function that gives these values of a row, and calculates nothing else."""
        slots = tuple(wanted)
        needed, waiting = set(slots), list(slots)
        while waiting:
            new = [slot for slot in self._lines[waiting.pop()][2] if slot not in needed]
            needed.update(new)
            waiting.extend(new)
        space: dict[str, Any] = {}
        lines = ["def calculate(row):"]
        for slot in sorted(needed):
            kind, what, inputs = self._lines[slot]
            space[f"k{slot}"] = what.thing if isinstance(what, _Made) else what
            if kind == "given":
                lines.append(f" v{slot} = row[k{slot}]")
            elif kind == "operation":
                lines.append(f" v{slot} = {self._called(slot, what, inputs)}")
        lines.append(f" return ({''.join(f'{self._name(slot)}, ' for slot in slots)})")
        exec(compile("\n".join(lines), "<row program>", "exec"), space)  # numbers of slots and operators, nothing else
        found: RowFunction = space["calculate"]
        return found

    def _name(self, slot: Slot) -> str:
        return f"{'k' if self._lines[slot][0] == 'constant' else 'v'}{slot}"

    def _called(self, slot: Slot, what: _Made, inputs: tuple[Slot, ...]) -> str:
        names = [self._name(one) for one in inputs]
        if not what.text:
            return f"k{slot}({', '.join(names)})"
        return what.text.format(*names, "None", k=f"k{slot}")

    def _operation(self, node: Any, before: tuple[Slot, ...], columns: Mapping[str, Slot]) -> Slot:
        made, values = _made(node)
        inputs = (*before, *(self.add(value, columns)[1] for value in values))
        if node.name == "all_horizontal" and len(inputs) == 1:
            return inputs[0]
        key = (
            node.name,
            tuple(_hashable(one) for one in node.kwargs.items()),
            tuple(map(str, node.exprs[len(values) :])),
        )
        return self._slot("operation", made, inputs, key)

    def _slot(self, kind: str, what: Any, inputs: tuple[Slot, ...], key: Hashable = None) -> Slot:
        whole = (kind, type(what).__name__, what, inputs) if key is None else (kind, key, inputs)
        if whole not in self._known:
            self._known[whole] = len(self._lines)
            self._lines.append((kind, what, inputs))
        return self._known[whole]


_INLINE: dict[str, str] = {
    "__gt__": "(None if {0} is None or {1} is None else {0} > {1})",
    "__lt__": "(None if {0} is None or {1} is None else {0} < {1})",
    "__eq__": "(None if {0} is None or {1} is None else {0} == {1})",
    "__and__": "(False if {0} is False or {1} is False else None if {0} is None or {1} is None else True)",
    "__invert__": "(None if {0} is None else not {0})",
    "is_null": "{0} is None",
    "when_then": "({1} if {0} is True else {2})",
    "str.contains": "(None if {0} is None else {k}({0}) is not None)",
    "str.strip_chars": "(None if {0} is None else {0}.strip({k}))",
    "str.to_lowercase": "(None if {0} is None else {0}.lower())",
    "is_in": "(None if {0} is None else {0} in {k})",
}
"""Operations that are written out where they stand, since a call costs more than they do."""


@dataclass(frozen=True, slots=True)
class _Made:
    """An operation: the text that stands for it, and what the text calls `{k}`."""

    text: str
    thing: Any


def _made(node: Any) -> tuple[_Made, tuple[Any, ...]]:
    """Make the operation of a node, and say which of its arguments are values of the row."""
    name, arguments, options = node.name, tuple(node.exprs), dict(node.kwargs)
    if name in PLAIN and not (set(options) - {"ignore_nulls", "strategy", "limit"}):
        if options.get("ignore_nulls") or options.get("strategy") or options.get("limit"):
            raise NotImplementedError(f"{name} with {options}")
        return _Made(_INLINE.get(name, ""), PLAIN[name]), arguments
    if name == "str.contains" and isinstance(arguments[0], str):
        return _Made(_INLINE[name], search_of(arguments[0], literal=options["literal"])), ()
    if name == "str.replace_all" and isinstance(arguments[0], str):
        return _Made("", replace_all(arguments[0], pattern=options["pattern"], literal=options["literal"])), ()
    if name == "str.strip_chars":
        return _Made(_INLINE[name], options["characters"]), ()
    if name == "is_in":
        return _Made(_INLINE[name], frozenset(options["other"])), ()
    if name == "concat_str":
        return _Made("", concat_str(separator=options["separator"], ignore_nulls=options["ignore_nulls"])), arguments
    if name == "str.to_date":
        return _Made("", to_date(options["format"])), ()
    if name == "cast" and str(options["dtype"]) in CASTS:
        return _Made("", CASTS[str(options["dtype"])]), ()
    raise NotImplementedError(f"{name} of a row by itself")


def _hashable(value: Any) -> Hashable:
    return repr(value)


__all__ = ["RowFunction", "RowProgram", "Slot"]
