"""Translate the expressions of the transforms into one Python function of a row.

The transforms are written once, in Narwhals, for whole tables. An engine of tables plans each query anew, which takes a
hundred times as long as one row is worth. So their expressions are walked once, each different operation becomes one
line of a function, and only the lines that something asked for needs are kept. What is walked is what Narwhals holds of
an expression; an operation that is not known here is refused when the program is made, never when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

import narwhals as nw

from p2pcredit.engines.rows.operations import (
    CASTS,
    IN_PAIRS,
    PLAIN,
    Operation,
    concat_str,
    replace_all,
    search_of,
    to_date,
)
from p2pcredit.engines.rows.source import Line, Slot, Source

RowFunction = Callable[[Mapping[str, Any]], tuple[Any, ...]]


class RowProgram:
    """Operations on the values of one row, each once."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
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
        source = Source(self._lines, tuple(wanted))
        space = dict(source.names)
        exec(compile(source.text, "<row program>", "exec"), space)  # numbers of slots and operators, nothing else
        found: RowFunction = space["calculate"]
        return found

    def _operation(self, node: Any, before: tuple[Slot, ...], columns: Mapping[str, Slot]) -> Slot:
        made, values = _made(node)
        inputs = (*before, *(self.add(value, columns)[1] for value in values))
        if isinstance(made, str):
            return self._in_pairs(made, inputs)
        if node.name == "when_then" and len(inputs) == 2:
            inputs = (*inputs, self.constant(None))
        key = (
            node.name,
            tuple(_hashable(one) for one in node.kwargs.items()),
            tuple(map(str, node.exprs[len(values) :])),
        )
        return self._slot("operation", made, inputs, key)

    def _in_pairs(self, name: str, inputs: tuple[Slot, ...]) -> Slot:
        """Add an operation on any number of values as one on the first and on what it gives of the others."""
        *others, slot = inputs
        for one in reversed(others):
            slot = self._slot("operation", PLAIN[name], (one, slot), (name,))
        return slot

    def _slot(self, kind: str, what: Any, inputs: tuple[Slot, ...], key: Hashable = None) -> Slot:
        whole = (kind, type(what).__name__, what, inputs) if key is None else (kind, key, inputs)
        if whole not in self._known:
            self._known[whole] = len(self._lines)
            self._lines.append(Line(kind, what, inputs))
        return self._known[whole]


def _made(node: Any) -> tuple[Operation | str, tuple[Any, ...]]:
    """Make the operation of a node, and say which of its arguments are values of the row.

    Returns:
        A name in place of the operation for one on any number of values that is made of that on two.
    """
    name, arguments, options = node.name, tuple(node.exprs), dict(node.kwargs)
    if (name in PLAIN or name in IN_PAIRS) and not (set(options) - {"ignore_nulls", "strategy", "limit"}):
        if options.get("ignore_nulls") or options.get("strategy") or options.get("limit"):
            raise NotImplementedError(f"{name} with {options}")
        return IN_PAIRS.get(name) or PLAIN[name], arguments
    if name == "str.contains" and isinstance(arguments[0], str):
        return search_of(arguments[0], literal=options["literal"]), ()
    if name == "str.replace_all" and isinstance(arguments[0], str):
        return replace_all(arguments[0], pattern=options["pattern"], literal=options["literal"]), ()
    if name == "str.strip_chars":
        return Operation("{0}.strip({k})", options["characters"]), ()
    if name == "is_in":
        return Operation("{0} in {k}", frozenset(options["other"])), ()
    if name == "concat_str":
        count, ignore = len(arguments), options["ignore_nulls"]
        return concat_str(count, separator=options["separator"], ignore_nulls=ignore), arguments
    if name == "str.to_date":
        return to_date(options["format"]), ()
    if name == "cast" and str(options["dtype"]) in CASTS:
        return CASTS[str(options["dtype"])], ()
    raise NotImplementedError(f"{name} of a row by itself")


def _hashable(value: Any) -> Hashable:
    return repr(value)


__all__ = ["RowFunction", "RowProgram", "Slot"]
