"""What was made of an object, remembered for as long as the object lives.

For objects without a hash, such as frames and open tables, which are told by their identity.
"""

from __future__ import annotations

import weakref
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
Value = TypeVar("Value")


class OfObjects(Generic[Thing, Value]):
    """A value for each of some objects, gone when the object is.

    Examples:
        >>> class Table: ...
        >>> rows, table = OfObjects[Table, int](), Table()
        >>> rows.put(table, 3)
        3
        >>> rows.get(table), rows.get(Table())
        (3, None)
    """

    def __init__(self) -> None:
        self._values: dict[int, tuple[weakref.ref[Thing], Value]] = {}

    def get(self, thing: Thing) -> Value | None:
        """The object's value; None where it has none."""
        found = self._values.get(id(thing))
        return found[1] if found is not None and found[0]() is thing else None

    def put(self, thing: Thing, value: Value) -> Value:
        """Give the object this value; returns it."""
        place = id(thing)
        self._values[place] = (weakref.ref(thing, lambda _: self._values.pop(place, None)), value)
        return value


__all__ = ["OfObjects"]
