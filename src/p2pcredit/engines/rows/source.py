"""Write a row program as the source of one Python function, with as few lines as it needs.

A value that one other needs stands where it is needed: what lies behind a condition that is not met is then never
calculated, and neither is what lies behind a missing value. Where it is known that a value is there, nothing asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from p2pcredit.engines.rows.operations import Operation

Slot = int
"""The place of a value of the row: an input, a constant, or what an operation gives."""

_DEEPEST = 25
"""So deep an expression may nest before a line of its own begins; Python's parser ends at some two hundred brackets."""


@dataclass(frozen=True, slots=True)
class Line:
    """A step of a program.

    Args:
        kind: `given`, `constant` or `operation`.
        what: The name of the input, the constant, or the operation.
        inputs: What an operation needs.
    """

    kind: str
    what: Any
    inputs: tuple[Slot, ...] = ()


class Source:
    """The source of the function that gives some values of a row, and what its names `k...` stand for.

    Args:
        lines: The program; each line needs earlier ones only.
        wanted: What the function gives.
    """

    def __init__(self, lines: Sequence[Line], wanted: Sequence[Slot]) -> None:
        self._lines, self._wanted = lines, wanted
        needed = self._needed()
        uses = Counter(slot for one in needed for slot in lines[one].inputs)
        self._alone = {slot for slot in needed if uses[slot] == 1} - set(wanted)
        self._there: set[Slot] = set()
        self._depth: dict[Slot, int] = {}
        self._texts: dict[Slot, str] = {}
        self.names: dict[str, Any] = {}
        written = [self._write(slot) for slot in sorted(needed)]
        given = "".join(f"{self._name(slot)}, " for slot in wanted)
        self.text = "\n".join(["def calculate(row):", *(line for line in written if line), f" return ({given})"])

    def _needed(self) -> set[Slot]:
        """Find what is calculated; nothing else is."""
        needed, waiting = set(self._wanted), list(self._wanted)
        while waiting:
            new = [slot for slot in self._lines[waiting.pop()].inputs if slot not in needed]
            needed.update(new)
            waiting.extend(new)
        return needed

    def _write(self, slot: Slot) -> str:
        """Write the line of a slot, or keep its text for the one place that needs it."""
        line = self._lines[slot]
        if line.kind == "constant":
            self.names[f"k{slot}"] = line.what
            if line.what is not None:
                self._there.add(slot)
            return ""
        if line.kind == "given":
            self.names[f"k{slot}"] = line.what
            text, depth = f"row[k{slot}]", 0
        else:
            text = self._operation(slot, line.what, line.inputs)
            depth = 1 + max((self._depth.get(one, 0) for one in line.inputs), default=0)
        if slot in self._alone and depth < _DEEPEST:
            self._texts[slot], self._depth[slot] = text, depth
            return ""
        return f" v{slot} = {text}"

    def _operation(self, slot: Slot, operation: Operation, inputs: tuple[Slot, ...]) -> str:
        """Write what an operation gives, asking first whether what may be missing is there."""
        self.names[f"k{slot}"] = operation.thing
        asked = [one for one in dict.fromkeys(inputs) if one not in self._there]
        text = operation.text if asked else operation.text_if_there or operation.text
        if asked and operation.strict:
            missing = " or ".join(f"{{{inputs.index(one)}}} is None" for one in asked)
            text = f"None if {missing} else {text}"
        elif operation.whole if operation.strict else operation.never_missing or not asked:
            self._there.add(slot)
        return f"({text.format(*self._values(text, inputs), k=f'k{slot}')})"

    def _values(self, text: str, inputs: tuple[Slot, ...]) -> list[str | _Once]:
        """Give what stands for each input: where it stands twice, it is calculated once and named."""
        found: list[str | _Once] = []
        for place, slot in enumerate(inputs):
            if slot not in self._texts:
                found.append(self._name(slot))
            elif text.count(f"{{{place}}}") == 1:
                found.append(self._texts[slot])
            else:
                found.append(_Once(f"v{slot}", self._texts[slot]))
        return found

    def _name(self, slot: Slot) -> str:
        return f"{'k' if self._lines[slot].kind == 'constant' else 'v'}{slot}"


class _Once:
    """Calculates a value where it stands first in a text, and names it after that."""

    def __init__(self, name: str, text: str) -> None:
        self._name, self._text = name, text

    def __format__(self, _: str) -> str:
        """Give the text once, then the name."""
        text, self._text = self._text, ""
        return f"({self._name}:={text})" if text else self._name


__all__ = ["Line", "Slot", "Source"]
