"""Whose bins tell more about default, and how fast: ours against optbinning's, on a real LendingClub file.

Runs in an environment of its own (`make bench-binning`), which the product never needs. Both get the same loans, the
same starting cells and the same constraints; both results are measured by one function that belongs to neither.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import optbinning
import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.feature_sets import features_of
from p2pcredit.contracts.reviews import FEATURE_SETS
from p2pcredit.models.binning.bins import (
    CELLS,
    LEAST_CASE_SHARE,
    LEAST_CASES,
    LEAST_SHARE,
    MOST_BINS,
    fit_binning,
)
from p2pcredit.models.binning.counts import RARE_LEVEL_SHARE

TRENDS = {1: "ascending", -1: "descending", 0: "auto_asc_desc"}
SHAPES = {1: "rising", -1: "falling", 0: "either"}
SAME_CELLS = 50
TIME_LIMIT_SECONDS = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="LoanStats download")
    parser.add_argument("--product", default=".venv/bin/p2pcredit", help="the product's command")
    parser.add_argument("--home", type=Path, default=Path("bench/data/binning-home"))
    parser.add_argument("--out", type=Path, default=Path("docs/reference/binning-against-optbinning.md"))
    parser.add_argument("--cells", type=int, default=SAME_CELLS, help="starting cells that both get")
    asked = parser.parse_args()
    loans = prepare(asked.file, asked.product, asked.home)
    rows = [row for feature in features_of(FEATURE_SETS) if (row := compare(feature, loans, asked.cells))]
    asked.out.write_text(page(rows, loans, asked.cells), encoding="utf-8")
    print(asked.out.read_text(encoding="utf-8"))


def prepare(file: Path, product: str, home: Path) -> pl.DataFrame:
    """Prepare the matured loans of the file with their features, by the product's own commands."""
    tables = {name: home / f"{name}.parquet" for name in ("feature_store", "label_store")}
    if not all(path.exists() for path in tables.values()):
        span = ("--from", "2007-06-01", "--to", "2012-03-31")
        for call in (("land", "lendingclub", str(file)), ("preprocess", *span)):
            subprocess.run([product, *call, "--home", str(home)], check=True)
        for name, path in tables.items():
            subprocess.run([product, "export", f"gold/{name}", "--out", str(path), "--home", str(home)], check=True)
    labels = pl.read_parquet(tables["label_store"]).filter(pl.col("definition") == "pd12")
    known = labels.group_by("loan_id").agg(pl.col("label").max())
    return pl.read_parquet(tables["feature_store"]).join(known, on="loan_id").sort("snapshot_date", "loan_id")


def compare(feature: Feature, loans: pl.DataFrame, cells: int) -> dict[str, object] | None:
    """Compare both on one feature: a row of the table; None where the file does not give the feature."""
    label = loans["label"].cast(pl.Float64).to_numpy()
    column = loans[feature.name]
    if feature.kind == "category":
        column = pool(column)
    if column.null_count() == column.len() or column.drop_nulls().n_unique() < 2:
        return None
    given = column if feature.kind == "category" else celled(column, cells)
    fine, fine_seconds = timed(lambda: fit_binning(feature, column, label, 1.0 - label))
    ours, our_seconds = timed(lambda: fit_binning(feature, given, label, 1.0 - label, cells=cells))
    theirs, their_seconds = timed(lambda: fit_theirs(feature, given, label, cells))
    own, own_seconds = timed(lambda: fit_theirs(feature, column, label, None))
    return {
        "feature": feature.name,
        "shape": "by bad rate" if feature.kind == "category" else SHAPES[feature.direction],
        "ours": information_value(ours.bin_of(given), label, len(ours.woe)),
        "theirs": information_value(bins_of_theirs(theirs, feature, given), label, None),
        "ratio": their_seconds / our_seconds,
        "fine": information_value(fine.bin_of(column), label, len(fine.woe)),
        "own": information_value(bins_of_theirs(own, feature, column), label, None),
        "own_ratio": own_seconds / fine_seconds,
        "status": theirs.status,
        "seconds": (their_seconds, our_seconds),
        "own_seconds": (own_seconds, fine_seconds),
    }


def pool(column: pl.Series) -> pl.Series:
    """Pool rare levels to one, before either side reads them."""
    counts = column.drop_nulls().value_counts()
    rare = counts.filter(pl.col("count") < RARE_LEVEL_SHARE * (column.len() - column.null_count()))[column.name]
    pooled = pl.when(pl.col(column.name).is_in(rare.to_list())).then(pl.lit("OTHER")).otherwise(pl.col(column.name))
    return column.to_frame().select(pooled.alias(column.name)).to_series()


Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Time work; return its result, and the least of a few wall times: up to fifteen, fewer where they take long."""
    seconds: list[float] = []
    while len(seconds) < 15 and sum(seconds) < 1.0:
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)


def fit_theirs(feature: Feature, column: pl.Series, label: np.ndarray, cells: int | None) -> optbinning.OptimalBinning:
    """Fit optbinning under our constraints; with `cells`, from the same starting cells, else from those of its tree."""
    limits = {
        "monotonic_trend": TRENDS[feature.direction] if feature.kind == "numeric" else "auto_asc_desc",
        "max_n_bins": MOST_BINS,
        "min_bin_size": LEAST_SHARE,
        "min_bin_n_event": math.ceil(max(LEAST_CASES, LEAST_CASE_SHARE * label.sum())),
        "min_bin_n_nonevent": math.ceil(LEAST_CASES),
        "time_limit": TIME_LIMIT_SECONDS,
        "solver": "cp",
    }
    if feature.kind == "category":
        values = column.to_numpy()
        found = optbinning.OptimalBinning(name=feature.name, dtype="categorical", **limits)
        return found.fit(np.array([value if value is not None else np.nan for value in values], dtype=object), label)
    values = column.cast(pl.Float64).to_numpy()
    if cells is not None:
        limits |= {"user_splits": cell_bounds(values, cells), "min_prebin_size": 1e-6}
    return optbinning.OptimalBinning(name=feature.name, dtype="numerical", **limits).fit(values, label.astype(int))


def celled(column: pl.Series, cells: int) -> pl.Series:
    """Replace every value of the column by the largest of its cell, so that no cut falls inside a cell."""
    values = column.cast(pl.Float64).to_numpy()
    present = np.unique(values[~np.isnan(values)])
    last = np.append(np.nextafter(cell_bounds(values, cells), -np.inf), present[-1])
    place = np.minimum(np.searchsorted(last, values), last.size - 1)
    return pl.Series(column.name, np.where(np.isnan(values), np.nan, last[place])).fill_nan(None)


def cell_bounds(values: np.ndarray, cells: int) -> np.ndarray:
    """Calculate bounds of our starting cells as optbinning reads them: a value equal to a bound lies above it."""
    present, seen = np.unique(values[~np.isnan(values)], return_counts=True)
    place = np.arange(present.size) if present.size <= cells else (np.cumsum(seen) - 1) * cells // seen.sum()
    last_of_cell = np.flatnonzero(np.diff(place))
    return np.asarray(np.nextafter(present[last_of_cell], np.inf))


def bins_of_theirs(found: optbinning.OptimalBinning, feature: Feature, column: pl.Series) -> np.ndarray:
    if feature.kind == "category":
        values = np.array([value if value is not None else np.nan for value in column.to_list()], dtype=object)
    else:
        values = column.cast(pl.Float64).to_numpy()
    return np.asarray(found.transform(values, metric="indices", metric_missing=-1))


def information_value(place: np.ndarray, label: np.ndarray, missing: int | None) -> float:
    """Calculate the information value of bins anew; missing values with fewer than five bads or goods add nothing."""
    total = 0.0
    for index in np.unique(place):
        inside = place == index
        bads, goods = label[inside].sum(), (1.0 - label[inside]).sum()
        if min(bads, goods) < LEAST_CASES:
            assert index in (-1, missing), "only missing values may be so few"
            continue
        b, g = bads / label.sum(), goods / (1.0 - label).sum()
        total += (b - g) * math.log(b / g)
    return total


def sum_ratio(rows: list[dict[str, Any]], key: str) -> float:
    """Calculate how many times longer all features together took optbinning."""
    ours, theirs = (sum(float(row[key][side]) for row in rows) for side in (0, 1))
    return ours / theirs


def page(rows: list[dict[str, Any]], loans: pl.DataFrame, cells: int) -> str:
    bads = int(loans["label"].sum())
    at_least = sum(row["ours"] >= row["theirs"] - 1e-9 for row in rows)
    finer = sum(row["fine"] >= row["own"] - 1e-9 for row in rows)
    lines = [
        "# Our bins against optbinning's",
        "",
        "Made by `make bench-binning DATA=LoanStats_2007_2010.csv.gz`; do not edit.",
        "",
        f"{loans.height:,} matured LendingClub loans of 2007 to 2010 with {bads} defaults within 12 months (`pd12`).",
        f"Both sides get the same loans and constraints: the shape in the table, at most {MOST_BINS} bins, each with",
        f"at least {LEAST_SHARE:.0%} of the loans and {LEAST_CASE_SHARE:.0%} of the defaults, missing values apart.",
        "Rare levels are pooled first. Information value (IV) is counted anew for both by one function. optbinning",
        f"is version {optbinning.__version__} with its constraint solver. Times are wall times of the fit in one run;",
        "a ratio says how many times longer optbinning took.",
        "",
        f"- **Same cells:** both start from the same {cells} quantile cells (levels for categories), no others.",
        f"- **As shipped:** ours starts from {CELLS} quantile cells and the steps of the isotonic bad rate, optbinning",
        "  from the cells of its own decision tree (at most 20).",
        "",
        f"At least optbinning's information value: {at_least} of {len(rows)} features from the same cells, {finer} of",
        f"{len(rows)} as shipped. Faster: {sum(row['ratio'] > 1 for row in rows)} and",
        f"{sum(row['own_ratio'] > 1 for row in rows)} features; all together {sum_ratio(rows, 'seconds'):.0f} and",
        f"{sum_ratio(rows, 'own_seconds'):.1f} times.",
        "",
        "| feature | shape | IV, same cells | optbinning | times longer | IV, as shipped | optbinning | times longer |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        late = "" if row["status"] == "OPTIMAL" else f" ({row['status'].lower()})"
        same = f"{row['ours']:.5f} | {row['theirs']:.5f}{late} | {row['ratio']:.1f}"
        shipped = f"{row['fine']:.5f} | {row['own']:.5f} | {row['own_ratio']:.1f}"
        lines.append(f"| {row['feature']} | {row['shape']} | {same} | {shipped} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
