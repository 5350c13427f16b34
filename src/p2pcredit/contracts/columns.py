"""A column of a feed: how its raw text becomes a typed value, and what makes a value wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How the text of a landing file is read.

    TEXT loses blanks around it (blank is missing) and is else as it stands: no letter is folded or normalised. CATEGORY
    is trimmed and upper-cased. DATE is `YYYY-MM-DD`. NUMBER is a decimal with a point. COUNT is a whole number (`3` or
    `3.0`). PERCENT is `10.65%` or `10.65` and becomes a share, 0.1065. TERM is `36`, ` 36 months`. YEARS is
    `10+ years`, `< 1 year`, `3 years`, `7`; `n/a` is missing.
    """

    TEXT = "text"
    CATEGORY = "category"
    DATE = "date"
    NUMBER = "number"
    COUNT = "count"
    PERCENT = "percent"
    TERM = "term"
    YEARS = "years"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a feed.

    Args:
        source: Its name in the landing file and in bronze, where it is text.
        kind: How the text is read.
        name: Its name in silver, with the unit; the same as `source` where empty.
        required: A row without it is quarantined.
        minimum, maximum: Inclusive bounds of the typed value (shares, not percents).
        allowed: The only values a category may have; empty means any.
        description: What it is, for the reference.
    """

    source: str
    kind: Kind
    name: str = ""
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: frozenset[str] = field(default_factory=frozenset)
    description: str = ""

    @property
    def typed_name(self) -> str:
        """The column's name in silver."""
        return self.name or self.source
