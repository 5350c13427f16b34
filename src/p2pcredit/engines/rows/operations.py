"""What each operation of an expression does to the values of one row; missing is None.

Numbers are those of IEEE 754 as any engine has them, so an operation gives the same bits here as there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from typing import Any

Operation = Callable[..., Any]


def _strict(function: Operation) -> Operation:
    """Make an operation that is missing where a value is."""

    def told(*values: Any) -> Any:
        for value in values:
            if value is None:
                return None
        return function(*values)

    return told


def _divide(above: float, below: float) -> float:
    if below == 0:
        infinite = math.copysign(math.inf, below) * math.copysign(1.0, above)
        return math.nan if above == 0 or above != above else infinite
    return above / below


def _and(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _or(one: bool | None, other: bool | None) -> bool | None:
    if one is True or other is True:
        return True
    return None if one is None or other is None else False


def _any(*values: bool | None) -> bool | None:
    found: bool | None = False
    for value in values:
        found = _or(found, value)
    return found


def _all(*values: bool | None) -> bool | None:
    found: bool | None = True
    for value in values:
        found = _and(found, value)
    return found


def _when(condition: bool | None, then: Any, otherwise: Any = None) -> Any:
    return then if condition is True else otherwise


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _to_integer(value: float | str) -> int | None:
    return int(value) if isinstance(value, str) or math.isfinite(value) else None


PLAIN: dict[str, Operation] = {
    "__add__": _strict(lambda a, b: a + b),
    "__sub__": _strict(lambda a, b: a - b),
    "__rsub__": _strict(lambda a, b: b - a),
    "__mul__": _strict(lambda a, b: a * b),
    "__truediv__": _strict(_divide),
    "__eq__": _strict(lambda a, b: a == b),
    "__ne__": _strict(lambda a, b: a != b),
    "__gt__": _strict(lambda a, b: a > b),
    "__ge__": _strict(lambda a, b: a >= b),
    "__lt__": _strict(lambda a, b: a < b),
    "__le__": _strict(lambda a, b: a <= b),
    "__invert__": _strict(lambda a: not a),
    "__and__": _and,
    "__or__": _or,
    "any_horizontal": _any,
    "all_horizontal": _all,
    "when_then": _when,
    "coalesce": _coalesce,
    "fill_null": lambda a, b: b if a is None else a,
    "is_null": lambda a: a is None,
    "exp": _strict(_exp),
    "dt.year": _strict(lambda a: a.year),
    "dt.month": _strict(lambda a: a.month),
    "str.len_chars": _strict(len),
    "str.to_lowercase": _strict(str.lower),
    "str.to_uppercase": _strict(str.upper),
}
"""Operations by their names in Narwhals that need no more than the values."""


def _pattern(text: str, literal: bool) -> re.Pattern[str]:
    r"""Compile a pattern as transforms spell them; the end of a text is `\z` to Rust and `\Z` to Python."""
    return re.compile(re.escape(text) if literal else text.replace(r"\z", r"\Z"))


def search_of(pattern: str, *, literal: bool) -> Operation:
    """Make the search for a pattern in a text."""
    return _pattern(pattern, literal).search


def replace_all(value: str, *, pattern: str, literal: bool) -> Operation:
    """Make the replacement of all places of a pattern by a plain text."""
    if not literal:
        replace = _pattern(pattern, literal).sub
        return _strict(lambda a: replace(lambda _: value, a))
    return _strict(lambda a: a.replace(pattern, value))


def concat_str(*, separator: str, ignore_nulls: bool) -> Operation:
    """Make the joining of texts; a missing one is passed over, or makes all missing."""
    if ignore_nulls:
        return lambda *parts: separator.join(part for part in parts if part is not None)
    return _strict(lambda *parts: separator.join(parts))


def to_date(text_format: str) -> Operation:
    """Make the reading of days, which are written in one way only.

    Raises:
        NotImplementedError: If they are to be read in another.
    """
    if text_format != "%Y-%m-%d":
        raise NotImplementedError(f"days written as {text_format}")
    return _strict(date.fromisoformat)


CASTS: dict[str, Operation] = {
    "Float64": _strict(float),
    "Int64": _strict(_to_integer),
    "String": _strict(str),
}
"""By the name of the type."""

__all__ = ["CASTS", "PLAIN", "Operation", "concat_str", "replace_all", "search_of", "to_date"]
