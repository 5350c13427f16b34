"""Rows of the feature store that try an exported model: gaps, levels never seen, extremes, values on every border."""

from __future__ import annotations

import numpy as np
import polars as pl

from p2pcredit.models.export.formula import ByEdges, Forest, Formula, Leaf, Ref, Split
from p2pcredit.models.export.trees import double_bound

EXTREMES = (0.0, -0.0, -1.0, 1e-45, 1e9, 1e30, -1e30, 3.5e38, 1200.0, np.nan)
STRANGE = ("HOUSEBOAT", "O'Neil", "OTHER", 'A "B"', "ZOË 家", " RENT")
"""None is empty: the feature store has no empty text, and every export takes one as missing."""


def odd_features(formula: Formula, loans: pl.DataFrame, rows: int, seed: int) -> pl.DataFrame:
    """Draw rows of loans, and put something odd in the place of about a third of the values."""
    rng = np.random.default_rng(seed)
    drawn = loans[rng.integers(0, loans.height, rows).tolist()]
    borders = _borders(formula)
    made: dict[str, pl.Series] = {}
    for column in formula.columns:
        kind = pl.Float64 if column.kind == "numeric" else pl.String
        values = drawn[column.name].cast(kind).to_list()
        extremes = [one for one in EXTREMES if column.name != TERM or not abs(one) < 1]  # no payment is due then
        odd = [*extremes, *borders.get(column.name, ())] if column.kind == "numeric" else list(STRANGE)
        dice = rng.random(rows)
        chosen = rng.integers(0, len(odd), rows)
        for place in np.flatnonzero(dice < 0.35).tolist():
            values[place] = None if dice[place] < 0.1 else odd[chosen[place]]
        made[column.name] = pl.Series(column.name, values, dtype=kind)
    odd_loans = drawn.with_columns(made.values())
    keys = pl.Series("loan_id", [f"L{place}" for place in range(rows)])
    return odd_loans.with_columns(keys)


def _borders(formula: Formula) -> dict[str, list[float]]:
    """List per column each bound of a bin or a split, its 64-bit neighbours, and the middles between 32-bit numbers."""
    found: dict[str, set[float]] = {}

    def add(ref: Ref, *bounds: float) -> None:
        name = next((one.name for one in formula.columns if ref.name.startswith(one.name + "_")), ref.name)
        names = [one.name for one in formula.columns if ref.name in (one.name, *(f"{one.name}_{end}" for end in ENDS))]
        for bound in bounds:
            near = (bound, float(np.nextafter(bound, np.inf)), float(np.nextafter(bound, -np.inf)))
            for one in names or [name]:
                found.setdefault(one, set()).update(near)

    def walk(forest: Forest, node: Split | Leaf) -> None:
        if isinstance(node, Split):
            column = forest.columns[node.column]
            if isinstance(column, Ref):
                add(column, node.below, double_bound(node.below)[1])
            walk(forest, node.left)
            walk(forest, node.right)

    for step in formula.steps:
        for part in (step.value, getattr(step.value, "other", None)):
            if isinstance(part, ByEdges) and step.name.endswith("_points"):
                add(part.of, *part.edges)
            if isinstance(part, Forest) and step.name == "trees":
                for tree in part.trees:
                    walk(part, tree)
    return {name: sorted(values) for name, values in found.items()}


ENDS = ("given", "filled", "known", "or_usual")
TERM = "term_months"
