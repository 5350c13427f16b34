"""What to say of a name that does not exist: the similar one, and those that do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def similar_name(name: str, known: Iterable[str], cutoff: float = 0.7) -> str | None:
    """Find the known name that a person most likely meant: compared without regard to capitals, `-` and `_`.

    Args:
        name: What was written.
        known: What could have been.
        cutoff: The least similarity, 0 to 1.

    Examples:
        >>> similar_name("monitorng", ["monitoring", "labels"])
        'monitoring'
        >>> similar_name("Poly", ["alerts"]) is None
        True
    """
    plain = {_plain(word): word for word in known}
    close = get_close_matches(_plain(name), plain, n=1, cutoff=cutoff)
    return plain[close[0]] if close else None


def perhaps(name: str, known: Iterable[str], cutoff: float = 0.7) -> str:
    """Word the hint that a similar name may be meant, to be put behind the name that was found; empty where none is.

    Examples:
        >>> perhaps("loan_amnt", ["loan_amount", "term"]), perhaps("x", ["loan_amount"])
        (", perhaps 'loan_amount' was meant", '')
    """
    close = similar_name(name, known, cutoff)
    return "" if close is None else f", perhaps '{close}' was meant"


def no_such(what: str, name: str, known: Iterable[str]) -> str:
    """Word the refusal of a name: what was found, the similar one, and all that are known, in their order.

    Examples:
        >>> no_such("feed", "finacial", ["demographic", "financial"])
        "there is no feed 'finacial', perhaps 'financial' was meant; known are demographic, financial"
        >>> no_such("policy", "x", ["cheapest_remedy_first"])
        "there is no policy 'x'; known are cheapest_remedy_first"
    """
    names = list(known)
    return f"there is no {what} '{name}'{perhaps(name, names)}; known are {', '.join(names)}"


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


__all__ = ["no_such", "perhaps", "similar_name"]
