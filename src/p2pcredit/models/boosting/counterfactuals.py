"""What the trees say of a loan as it is and with each feature at its neutral value, by tables over their splits.

A tree of three levels has at most seven splits. Which of them send a loan left is a pattern of seven bits, and for each
pattern a table holds the leaf that the loan reaches and the leaf that it would reach with each feature at its neutral
value. So one look-up and one addition per tree give what a prediction for each feature would.

Leaves are added up as 32-bit numbers in the order of the trees, as the library adds them up, so the sums are the
library's to the last digit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from p2pcredit.models.fitting.backend import Matrix

LEVELS = 3
"""How many levels of a tree one table stands for; one of another level would be 256 times as long."""
SPLITS = 2**LEVELS - 1
BITS = (1 << np.arange(SPLITS)).astype(np.uint8)
STARTS = {"binary:logistic": lambda share: -math.log(1.0 / share - 1.0), "count:poisson": math.log}
"""Aim of the trees -> from `base_score` to the margin that the trees start from."""


def content_of(booster: xgb.Booster) -> dict[str, Any]:
    """Read a booster as the JSON object that the library documents, its part `learner`."""
    content: dict[str, Any] = json.loads(bytes(booster.save_raw("json")))["learner"]
    return content


def start_of(content: dict[str, Any]) -> float | None:
    """Calculate the margin that the trees start from, a 32-bit number; None for an aim that is not one of ours."""
    start = STARTS.get(content["objective"]["name"])
    share = float(str(content["learner_model_param"]["base_score"]).strip("[]"))
    return None if start is None else float(np.float32(start(np.float32(share))))


@dataclass(frozen=True, slots=True)
class Condition:
    """A split: loans whose number lies below a bound go left, and those without one where the tree sends them."""

    column: int
    below: float
    missing_left: bool

    def is_met(self, value: float) -> bool:
        """Say whether a value goes left."""
        return self.missing_left if math.isnan(value) else value < self.below


Node = float | tuple[Condition, "Node", "Node"]
"""A leaf, or a split with what lies left and right of it."""


def trees_of(content: dict[str, Any]) -> list[Node]:
    """Read the trees of a booster, in their order."""
    return [_node(tree, 0) for tree in content["gradient_booster"]["model"]["trees"]]


def _node(tree: dict[str, Any], place: int) -> Node:
    number, left = float(np.float32(tree["split_conditions"][place])), tree["left_children"][place]
    if left < 0:
        return number
    condition = Condition(tree["split_indices"][place], number, bool(tree["default_left"][place]))
    return condition, _node(tree, left), _node(tree, tree["right_children"][place])


@dataclass(frozen=True, slots=True)
class _Tree:
    """A tree cut after its upper levels.

    Args:
        upper: The splits above the tables, level by level: place among the conditions, the sum with its feature at the
            neutral value (0 where none is asked for), and whether that value goes left.
        twigs: Which patterns the tables are for, left to right.
        tables: Of each twig, (patterns, sums).
    """

    upper: tuple[tuple[int, int, bool], ...]
    twigs: range
    tables: tuple[npt.NDArray[np.float32], ...]


class Counterfactuals:
    """The sums of the trees of a booster for loans as they are, and with one feature each at its neutral value.

    Args:
        booster: The trees.
        usual: The neutral values as the trees see them, (columns,).
        spans: The columns of each feature that a tree asks for; a sum each.
    """

    def __init__(self, booster: xgb.Booster, usual: Matrix, spans: Sequence[slice]) -> None:
        content = content_of(booster)
        self._start = start_of(content) or 0.0
        self._sums = 1 + len(spans)
        self._usual = usual.tolist()
        self._sum_of = {
            column: 1 + place for place, span in enumerate(spans) for column in range(span.start, span.stop)
        }
        self._conditions: dict[Condition, int] = {}
        self._twigs: list[list[int]] = []
        self._trees = [self._cut(tree) for tree in trees_of(content)]
        order = sorted(self._conditions, key=lambda one: (one.column, one.missing_left))
        places = np.argsort([self._conditions[one] for one in order], kind="stable")
        self._asked = list(_by_column(order))
        self._places = places[np.array(self._twigs, dtype=np.int64).reshape(-1, SPLITS)].T
        self._place = places.tolist()
        self._one = self._all_trees()

    def sums(self, columns: Matrix) -> npt.NDArray[np.float32]:
        """Add up the leaves of each loan.

        Args:
            columns: Loans as the trees see them, (rows, columns); some thousand, whose sums stay in the processor's
                cache.

        Returns:
            (rows, 1 + features asked for): of the loan as it is, then with each feature at its neutral value.
        """
        sums = np.full((columns.shape[0], self._sums), self._start, dtype=np.float32)
        left = self._which_go_left(columns)
        patterns = np.zeros((len(self._twigs), columns.shape[0]), dtype=np.uint8)
        for bit, places in enumerate(self._places):
            patterns |= left[places] << np.uint8(bit)
        leaves = np.empty_like(sums)
        for tree in self._trees:
            if not tree.upper:
                np.take(tree.tables[0], patterns[tree.twigs.start], axis=0, out=leaves, mode="clip")
                sums += leaves
            else:
                sums += self._below(tree, left, patterns)
        return sums

    def of_one(self, row: Matrix) -> npt.NDArray[np.float32] | None:
        """Add up the leaves of one loan, all trees at once; the numbers are those of `sums`.

        Args:
            row: The loan as the trees see it, (columns,), 32-bit numbers.

        Returns:
            (1 + features asked for,); None where a tree has more levels than a table.
        """
        if self._one is None:
            return None
        columns, bounds, missing_left, twigs, tables, first_rows = self._one
        numbers = row[columns]
        left = np.append((numbers < bounds) | (missing_left & np.isnan(numbers)), False)  # the last bit of no split
        patterns = np.packbits(left[twigs], bitorder="little")
        leaves = np.empty((1 + first_rows.size, self._sums), dtype=np.float32)
        leaves[0] = self._start
        np.take(tables, first_rows + patterns, axis=0, out=leaves[1:])
        return np.asarray(np.add.accumulate(leaves, axis=0)[-1])

    def _all_trees(self) -> tuple[Any, ...] | None:
        """Lay out what `of_one` looks up, tree after tree; None where a tree has more levels than a table."""
        if not self._trees or any(tree.upper for tree in self._trees):
            return None
        conditions = list(self._conditions)
        nothing = np.full((len(self._twigs), 1), len(conditions))
        return (
            np.array([one.column for one in conditions]),
            np.array([one.below for one in conditions], dtype=np.float32),
            np.array([one.missing_left for one in conditions]),
            np.concatenate([np.array(self._twigs, dtype=np.int64), nothing], axis=1),
            np.concatenate([tree.tables[0] for tree in self._trees]),
            np.arange(len(self._trees)) << SPLITS,
        )

    def _which_go_left(self, columns: Matrix) -> npt.NDArray[np.uint8]:
        """Say of each condition and loan whether it goes left, (conditions, rows)."""
        found = np.empty((len(self._conditions), columns.shape[0]), dtype=bool)
        by_column = np.ascontiguousarray(columns.T)
        for column, missing_left, places, bounds in self._asked:
            if missing_left:
                np.logical_not(by_column[column] >= bounds, out=found[places])
            else:
                np.less(by_column[column], bounds, out=found[places])
        return found.view(np.uint8)

    def _below(
        self, tree: _Tree, left: npt.NDArray[np.uint8], patterns: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.float32]:
        """Look up the leaves of a tree of more levels than a table has: those of each twig, then split by split."""
        found: list[npt.NDArray[np.float32]] = [
            table[patterns[twig]] for twig, table in zip(tree.twigs, tree.tables, strict=True)
        ]
        upper = list(tree.upper)
        while upper:
            level, upper = upper[len(upper) // 2 :], upper[: len(upper) // 2]
            sides = zip(level, found[::2], found[1::2], strict=True)
            found = [self._split(left, split, when_left, when_right) for split, when_left, when_right in sides]
        return found[0]

    def _split(
        self,
        left: npt.NDArray[np.uint8],
        split: tuple[int, int, bool],
        when_left: npt.NDArray[np.float32],
        when_right: npt.NDArray[np.float32],
    ) -> npt.NDArray[np.float32]:
        condition, own, usual_left = split
        goes_left = left[self._place[condition]].view(bool)
        found: npt.NDArray[np.float32] = np.where(goes_left[:, None], when_left, when_right)
        if own:
            found[:, own] = (when_left if usual_left else when_right)[:, own]
        return found

    def _cut(self, tree: Node) -> _Tree:
        """Cut a tree after its upper levels, and make the tables of what lies below."""
        level, upper = [tree], []
        for _ in range(max(0, _depth(tree) - LEVELS)):
            halves = [_halves(node) for node in level]
            upper += [self._known(condition) for condition, _, _ in halves]
            level = [node for _, left, right in halves for node in (left, right)]
        first = len(self._twigs)
        tables = tuple(self._table(node) for node in level)
        return _Tree(tuple(upper), range(first, len(self._twigs)), tables)

    def _known(self, condition: Condition) -> tuple[int, int, bool]:
        """Give the place of a condition, the sum of its feature, and whether its neutral value goes left."""
        place = self._conditions.setdefault(condition, len(self._conditions))
        return place, self._sum_of.get(condition.column, 0), condition.is_met(self._usual[condition.column])

    def _table(self, twig: Node) -> npt.NDArray[np.float32]:
        """Make the table of up to three levels: the leaf of each pattern and sum."""
        level, splits = [twig], []
        for _ in range(LEVELS):
            halves = [_halves(node) for node in level]
            splits += [self._known(condition) for condition, _, _ in halves]
            level = [node for _, left, right in halves for node in (left, right)]
        self._twigs.append([place for place, _, _ in splits])
        own = np.equal.outer([place for _, place, _ in splits], np.arange(1, self._sums))
        goes_left = np.array([goes for _, _, goes in splits])
        changed, to_left = BITS @ own, np.where(goes_left, BITS, 0).astype(np.uint8) @ own
        patterns = np.arange(1 << SPLITS, dtype=np.uint8)[:, None]
        table = np.empty((patterns.size, self._sums), dtype=np.float32)
        leaves = np.array(level, dtype=np.float32)[LEAF_OF]
        table[:, 0] = leaves
        table[:, 1:] = leaves.take((patterns & ~changed) | to_left)
        return table


def _depth(node: Node) -> int:
    return 0 if isinstance(node, float) else 1 + max(_depth(node[1]), _depth(node[2]))


def _halves(node: Node) -> tuple[Condition, Node, Node]:
    """Split a node; a leaf is the same on both sides of a split that asks nothing new."""
    return (Condition(0, math.inf, missing_left=True), node, node) if isinstance(node, float) else node


def _leaf_of_patterns() -> npt.NDArray[np.int64]:
    """Walk from the root as each pattern says: which of the leaves, left to right."""
    patterns = np.arange(1 << SPLITS)
    node = np.zeros_like(patterns)
    for _ in range(LEVELS):
        node = 2 * node + np.where(patterns >> node & 1, 1, 2)
    return np.asarray(node - SPLITS, dtype=np.int64)


LEAF_OF = _leaf_of_patterns()


def _by_column(order: Sequence[Condition]) -> Iterator[tuple[int, bool, slice, Matrix]]:
    """Group sorted conditions by column and side of the missing: both, their places, and their bounds, (n, 1)."""
    first = 0
    for place in range(1, len(order) + 1):
        one = order[first]
        if place == len(order) or (order[place].column, order[place].missing_left) != (one.column, one.missing_left):
            bounds = np.array([[condition.below] for condition in order[first:place]], dtype=np.float32)
            yield one.column, one.missing_left, slice(first, place), bounds
            first = place


__all__ = ["Condition", "Counterfactuals", "Node", "content_of", "start_of", "trees_of"]
