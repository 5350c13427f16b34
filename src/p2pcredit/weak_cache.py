"""Cache values per object; entries vanish when the object is garbage-collected.

For objects without a hash, such as frames and open tables, which are told apart by identity. `cached_property` and
`functools.cache` serve everywhere else. They can't here: the objects are not classes of ours, or the value depends on
settings too; and a value of an open table must go when the table has a later version.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
Value = TypeVar("Value")


class WeakCache(Generic[Thing, Value]):
    """A value for each of some objects, gone when the object is.

    Examples:
        >>> class Table: ...
        >>> rows, table = WeakCache[Table, int](), Table()
        >>> rows.get(table, "version 1", lambda: 3), rows.get(table, "version 1", lambda: 4)
        (3, 3)
        >>> rows.get(table, "version 2", lambda: 5), rows.get(Table(), "version 2", lambda: 6)
        (5, 6)
    """

    def __init__(self) -> None:
        self._values: dict[int, tuple[weakref.ref[Thing], Hashable, Value]] = {}

    def get(self, thing: Thing, state: Hashable, make: Callable[[], Value]) -> Value:
        """Give the object's value in this state; make it where there is none, or one of another state."""
        place = id(thing)
        found = self._values.get(place)
        if found is None or found[0]() is not thing or found[1] != state:
            gone = weakref.ref(thing, lambda _: self._values.pop(place, None))
            found = self._values[place] = (gone, state, make())
        return found[2]


__all__ = ["WeakCache"]
