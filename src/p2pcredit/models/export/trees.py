"""Splits of trees for programs that compare 64-bit numbers, and the sum of trees as SQL."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from p2pcredit.models.export.formula import Forest, Leaf, Ref, Split


def double_bound(below: float) -> tuple[str, float]:
    """Find how a 64-bit number is compared so that it goes left exactly where its 32-bit rounding is below a bound.

    The rounding is below the bound where the number lies below the middle between the bound and the 32-bit number
    before it; in the very middle it is rounded to whichever of the two is even.

    Returns:
        `<` or `<=`, and the middle.

    Examples:
        >>> double_bound(1.0) == ("<", 1.0 - 2.0**-25)
        True
        >>> name, middle = double_bound(0.10000000149011612)
        >>> [bool(np.float32(x) < np.float32(0.1)) for x in (middle, np.nextafter(middle, 1))], name
        ([True, False], '<=')
    """
    bound = np.float32(below)
    with np.errstate(over="ignore"):
        before = float(np.nextafter(bound, np.float32(-np.inf)))
    if np.isneginf(before) and not np.isneginf(bound):  # beyond the largest single numbers round as if 2**128 were one
        before = -(2.0**128)
    middle = (before + (2.0**128 if np.isposinf(bound) else float(bound))) / 2.0
    is_even = not int(bound.view(np.uint32)) & 1
    return ("<" if is_even else "<="), middle


def side_of_level(below: float) -> tuple[bool, bool]:
    """Say whether another level (0), and the level itself (1), go left.

    Examples:
        >>> side_of_level(1.0), side_of_level(2.0)
        ((True, False), (True, True))
    """
    return below > 0.0, below > 1.0


def sql_sum(forest: Forest, number: Callable[[float], str], quoted: Callable[[str], str]) -> str:
    """Write the sum of the trees, each cast to a 32-bit number where there is one."""

    def told(node: Split | Leaf) -> str:
        if isinstance(node, Leaf):
            return number(node.value)
        column = forest.columns[node.column]
        left, right = told(node.left), told(node.right)
        if isinstance(column, Ref):
            sign, middle = double_bound(node.below)
            missing = f'"{column.name}" IS NULL OR ' if node.missing_left else ""
            return f'CASE WHEN {missing}"{column.name}" {sign} {number(middle)} THEN {left} ELSE {right} END'
        name, is_level = column[0].name, quoted(column[1])
        other_left, same_left = side_of_level(node.below)
        lost, other, same = (left if goes else right for goes in (node.missing_left, other_left, same_left))
        lost = f'WHEN "{name}" IS NULL THEN {lost} ' if lost != other else ""
        return f'CASE {lost}WHEN "{name}" = {is_level} THEN {same} ELSE {other} END'

    parts = [f"CAST({number(forest.base)} AS REAL)", *(f"CAST({told(tree)} AS REAL)" for tree in forest.trees)]
    return "\n    + ".join(parts)


__all__ = ["double_bound", "side_of_level", "sql_sum"]
