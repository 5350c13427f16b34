"""Which contract terms a model learned from, as ranges: what `knows_term` says, so that any format can ask it."""

from __future__ import annotations

import math

from p2pcredit.models.training_support import SAME_PRODUCT, ColumnSupport


def term_ranges(held: ColumnSupport) -> tuple[tuple[float, ...], tuple[bool, ...]]:
    """Divide the terms at the exact numbers where `knows_term` changes, found by its own comparison.

    Args:
        held: Of the contract term.

    Returns:
        Ascending edges, each of which belongs to the range below it, and per range whether its terms are known.

    Examples:
        >>> edges, known = term_ranges(ColumnSupport(1000, terms=((36.0, 990), (37.0, 6), (60.0, 4))))
        >>> [round(edge, 2) for edge in edges], known
        ([34.29, 38.95], (False, True, False))
    """
    borders: set[float] = set()
    for term, _ in held.terms or ():
        if term > 0.0:
            borders |= {_last(term, term / (1.0 + SAME_PRODUCT), near=False)}
            borders |= {_last(term, term / (1.0 - SAME_PRODUCT), near=True)}
    edges: list[float] = []
    known: list[bool] = []
    for upper in (*sorted(borders), math.inf):
        one = held.knows_term(upper if math.isfinite(upper) else 2.0 * max(borders, default=1.0))
        if known and known[-1] == one:
            edges[-1] = upper
        else:
            known.append(one)
            edges.append(upper)
    return tuple(edges[:-1]), tuple(known)


def _last(term: float, about: float, *, near: bool) -> float:
    """Return the last number, going up past a border, that is near the term, or that is not yet."""

    def holds(months: float) -> bool:
        return (abs(term - months) <= SAME_PRODUCT * months) == near

    found = about
    while not holds(found):
        found = math.nextafter(found, -math.inf)
    while holds(math.nextafter(found, math.inf)):
        found = math.nextafter(found, math.inf)
    return found


__all__ = ["term_ranges"]
