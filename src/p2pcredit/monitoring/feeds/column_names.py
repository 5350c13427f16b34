"""Find the name that a column may have now, among those that a header has and no contract knows."""

from __future__ import annotations

from collections.abc import Collection
from difflib import SequenceMatcher

_SIMILAR = 0.75


def likely_name(column: str, candidates: Collection[str]) -> str:
    """Choose the candidate whose name is most like a column's; empty where none is.

    Examples:
        >>> likely_name("annual_income", ["annual_inc", "zip"]), likely_name("fico_low", ["FICO Low"])
        ('annual_inc', 'FICO Low')
        >>> likely_name("annual_income", ["income_source"])
        ''
    """
    likeness = {name: _likeness(column, name) for name in candidates}
    best = max(likeness, key=lambda name: likeness[name], default="")
    return best if best and likeness[best] >= _SIMILAR else ""


def _likeness(one: str, other: str) -> float:
    words = ["".join(sign if sign.isalnum() else " " for sign in name.lower()).split() for name in (one, other)]
    pairs = list(zip(*words, strict=False))
    shortened = all(min(len(a), len(b)) >= 3 and (a.startswith(b) or b.startswith(a)) for a, b in pairs)
    if len(words[0]) == len(words[1]) and shortened:
        return 1.0
    return SequenceMatcher(None, "_".join(words[0]), "_".join(words[1])).ratio()


__all__ = ["likely_name"]
