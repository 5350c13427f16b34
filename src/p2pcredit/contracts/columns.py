"""A column of a feed: how its raw text becomes a typed value, and what makes a value wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How the text of a landing file is read.

    Every kind loses blanks around it; blank is missing, and so are the signs of `contracts.missing`. TEXT is else as it
    stands: no letter is folded or normalised. ID is TEXT, but `68407277.0` is the whole number it was, and a number in
    scientific notation or a text with an invisible character is none. CATEGORY is upper-cased. DATE is `YYYY-MM-DD`.
    NUMBER is a decimal with a point. COUNT is a whole number (`3`, `3.0`, `3e0`). PERCENT is `10.65%` or `10.65` and
    becomes a share, 0.1065. TERM is `36`, ` 36 months`. FLAG is `yes` or `no`. YEARS is `10+ years`, `< 1 year`,
    `3 years`, `7`.
    """

    ID = "id"
    TEXT = "text"
    CATEGORY = "category"
    DATE = "date"
    NUMBER = "number"
    COUNT = "count"
    PERCENT = "percent"
    TERM = "term"
    YEARS = "years"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a feed.

    A required column makes the row: the loan, its day, its amount and term, what an event says. A row without it, or
    with a value that cannot be read or lies outside its bounds, is set aside. Every other value stands for itself: one
    that cannot be read or lies outside its bounds is missing, by itself, and the row stays.

    Args:
        source: Its name in the landing file and in bronze, where it is text.
        kind: How the text is read.
        name: Its name in silver, with the unit; the same as `source` where empty.
        required: A row without it, or where it breaks a rule, is quarantined.
        minimum, maximum: Inclusive bounds of the typed value (shares, not percents).
        allowed: The only values a category may have; empty means any.
        not_above: A column of the same row whose value it cannot exceed; empty where none is.
        positive_with: A column of the same row which can be above 0 only where this one is; empty where none is.
        most_years_ago: Of a date: how many years before the day it was landed for it can lie, at most; any where None.
        levels: Values that a category is known to have among others; a sign of missing among them is a value.
        description: What it is, for the reference.
    """

    source: str
    kind: Kind
    name: str = ""
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    most_years_ago: int | None = None
    allowed: frozenset[str] = field(default_factory=frozenset)
    levels: frozenset[str] = field(default_factory=frozenset)
    not_above: str = ""
    positive_with: str = ""
    description: str = ""

    @property
    def typed_name(self) -> str:
        """The column's name in silver."""
        return self.name or self.source
