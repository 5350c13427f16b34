"""Did all contenders make the same tables? Speeds are compared only where what came out is compared too."""

from __future__ import annotations

from pathlib import Path

import polars as pl

SAME = 1e-6
"""Relative difference of two means up to which they count as the same."""

Summary = dict[str, float]


def summarise_gold(features: Path, labels: Path) -> Summary:
    """Summarise the gold tables: rows, labels and bads per definition, the mean of each numeric feature.

    Args:
        features, labels: Parquet, one file or a folder of files.
    """
    store = _scan(features)
    numeric = [name for name, kind in store.collect_schema().items() if kind.is_numeric()]
    means = [pl.col(name).fill_nan(None).mean() for name in numeric]
    counts = [pl.col(name).fill_nan(None).count().alias(f"{name} given") for name in numeric]
    found = store.select(pl.len().alias("loans"), *means, *counts).collect().row(0, named=True)
    per = _scan(labels).group_by("definition").agg(pl.len(), pl.col("label").cast(pl.Int64).sum()).collect()
    for definition, rows, bads in per.sort("definition").iter_rows():
        found |= {f"labels {definition}": rows, f"bads {definition}": bads}
    return {name: float(value) if value is not None else float("nan") for name, value in found.items()}


def compare_summaries(name: str, ours: Summary, theirs: Summary) -> str:
    """Compare the other's summary with ours, in one line that names where they differ.

    Examples:
        >>> compare_summaries("pandas", {"loans": 3.0, "fico": 700.0}, {"loans": 3.0, "fico": 700.0})
        'pandas made the same gold tables as ours: 2 of 2 counts and means agree'
    """
    differing = [key for key in ours if not _is_same(ours[key], theirs.get(key))]
    agreed = f"{len(ours) - len(differing)} of {len(ours)} counts and means agree"
    if not differing:
        return f"{name} made the same gold tables as ours: {agreed}"
    shown = "; ".join(f"{key}: ours {ours[key]:g}, theirs {_shown(theirs.get(key))}" for key in differing[:5])
    return f"{name} made OTHER gold tables than ours: {agreed}; {shown}"


def _is_same(mine: float, other: float | None) -> bool:
    if other is None:
        return False
    if mine != mine or other != other:  # a column without values has no mean
        return mine != mine and other != other
    return abs(mine - other) <= SAME * max(abs(mine), abs(other))


def _shown(value: float | None) -> str:
    return "nothing" if value is None else f"{value:g}"


def _scan(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path / "*.parquet" if path.is_dir() else path)
