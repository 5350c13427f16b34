"""What each operation of an expression does to the values of one row; missing is None.

Numbers are those of IEEE 754 as any engine has them, so an operation gives the same bits here as there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operation does to values, as Python text.

    Args:
        text: `{0}`, `{1}` ... stand for the values and `{k}` for `thing`. A value that stands there more than once is
            calculated where it stands first, so that must be reached before the others.
        thing: A function or another constant.
        strict: Whether the result is missing where any value is; the text is then for values that are there.
        whole: Of a strict one, whether the result is there wherever all values are.
        text_if_there: Of another, a shorter text for where all values are known to be there.
        never_missing: Of another, whether the result is there whatever the values are; else it is where all are.
    """

    text: str
    thing: Any = None
    strict: bool = True
    whole: bool = True
    text_if_there: str = ""
    never_missing: bool = False


def _divide(above: float, below: float) -> float:
    if below == 0:
        infinite = math.copysign(math.inf, below) * math.copysign(1.0, above)
        return math.nan if above == 0 or above != above else infinite
    return above / below


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _to_integer(value: float | str) -> int | None:
    return int(value) if isinstance(value, str) or math.isfinite(value) else None


def _lenient(text: str) -> Operation:
    return Operation(text, strict=False)


PLAIN: dict[str, Operation] = {
    "__add__": Operation("{0} + {1}"),
    "__sub__": Operation("{0} - {1}"),
    "__rsub__": Operation("{1} - {0}"),
    "__mul__": Operation("{0} * {1}"),
    "__truediv__": Operation("{k}({0}, {1})", _divide),
    "__eq__": Operation("{0} == {1}"),
    "__ne__": Operation("{0} != {1}"),
    "__gt__": Operation("{0} > {1}"),
    "__ge__": Operation("{0} >= {1}"),
    "__lt__": Operation("{0} < {1}"),
    "__le__": Operation("{0} <= {1}"),
    "__invert__": Operation("not {0}"),
    "__and__": Operation(
        "False if {0} is False or {1} is False else None if {0} is None or {1} is None else True",
        strict=False,
        text_if_there="{0} and {1}",
    ),
    "__or__": Operation(
        "True if {0} or {1} else None if {0} is None or {1} is None else False",
        strict=False,
        text_if_there="{0} or {1}",
    ),
    "when_then": _lenient("{1} if {0} else {2}"),
    "coalesce": _lenient("{1} if {0} is None else {0}"),
    "fill_null": _lenient("{1} if {0} is None else {0}"),
    "is_null": Operation("{0} is None", strict=False, never_missing=True),
    "exp": Operation("{k}({0})", _exp),
    "dt.year": Operation("{0}.year"),
    "dt.month": Operation("{0}.month"),
    "str.len_chars": Operation("{k}({0})", len),
    "str.to_lowercase": Operation("{0}.lower()"),
    "str.to_uppercase": Operation("{0}.upper()"),
}
"""Operations by their names in Narwhals that need no more than the values."""

IN_PAIRS = {"any_horizontal": "__or__", "all_horizontal": "__and__", "coalesce": "coalesce"}
"""Operations on any number of values, and that on two by which they are made."""


def _pattern(text: str, literal: bool) -> re.Pattern[str]:
    r"""Compile a pattern as transforms spell them; the end of a text is `\z` to Rust and `\Z` to Python."""
    return re.compile(re.escape(text) if literal else text.replace(r"\z", r"\Z"))


def search_of(pattern: str, *, literal: bool) -> Operation:
    """Make the search for a pattern in a text."""
    return Operation("{k}({0}) is not None", _pattern(pattern, literal).search)


def replace_all(value: str, *, pattern: str, literal: bool) -> Operation:
    """Make the replacement of all places of a pattern by a plain text."""
    if not literal:
        replace = _pattern(pattern, literal).sub
        return Operation("{k}({0})", lambda a: replace(lambda _: value, a))
    return Operation("{k}({0})", lambda a: a.replace(pattern, value))


def concat_str(count: int, *, separator: str, ignore_nulls: bool) -> Operation:
    """Make the joining of texts; a missing one is passed over, or makes all missing."""
    parts = ", ".join(f"{{{place}}}" for place in range(count))
    if ignore_nulls:
        join = _joined_without_missing(separator)
        return Operation(f"{{k}}({parts})", join, strict=False, never_missing=True)
    return Operation(f"{{k}}(({parts},))", separator.join)


def _joined_without_missing(separator: str) -> Callable[..., str]:
    return lambda *parts: separator.join(part for part in parts if part is not None)


def to_date(text_format: str) -> Operation:
    """Make the reading of days, which are written in one way only.

    Raises:
        NotImplementedError: If they are to be read in another.
    """
    if text_format != "%Y-%m-%d":
        raise NotImplementedError(f"days written as {text_format}")
    return Operation("{k}({0})", date.fromisoformat)


CASTS: dict[str, Operation] = {
    "Float64": Operation("{k}({0})", float),
    "Int64": Operation("{k}({0})", _to_integer, whole=False),
    "String": Operation("{k}({0})", str),
}
"""By the name of the type."""

__all__ = ["CASTS", "IN_PAIRS", "PLAIN", "Operation", "concat_str", "replace_all", "search_of", "to_date"]
