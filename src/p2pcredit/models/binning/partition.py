"""Cut ordered cells into the bins with the most information value: exact, by dynamic programming.

A cell is a run of neighbouring values; its `bads` and `goods` are sums over loans. For the hazard target `goods` is the
default expected of the loans for the time they were watched, which makes the same formula a comparison of rates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from p2pcredit.models.evaluation.intervals import Floats

Indices = npt.NDArray[np.int64]
COUNTED_CELLS = 64
"""Among so many cells all comparisons at once take less time than a search for each."""

_Found = tuple[float, tuple[int, ...]]
"""The most information, and the ends of the bins that carry it."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Ordered cells: loans, bads and goods in each; arrays of equal length, or of equal shape (books, cells)."""

    loans: Floats
    bads: Floats
    goods: Floats


@dataclass(frozen=True, slots=True)
class Limits:
    """What a bin must have. Counts are per bin, `least_loans` included; a bin has some bads and some goods always."""

    most_bins: int = 8
    least_loans: float = 1.0
    least_bads: float = 1.0
    least_goods: float = 1.0


def evidence(bads: Floats, goods: Floats, all_bads: float, all_goods: float) -> Floats:
    """Calculate the weight of evidence for default of bins with these counts. Positive = riskier than the book.

    Args:
        bads, goods: Counts of each bin, positive.
        all_bads, all_goods: Totals the shares refer to.

    Source:
        Good (1950), Probability and the Weighing of Evidence; here ln(share of bads / share of goods).

    Examples:
        >>> evidence(np.array([10.0, 10.0]), np.array([40.0, 10.0]), 20.0, 50.0).round(3).tolist()
        [-0.47, 0.916]
    """
    return np.asarray(np.log((bads / all_bads) / (goods / all_goods)), dtype=np.float64)


def information(bads: Floats, goods: Floats, all_bads: float, all_goods: float) -> Floats:
    """Calculate the information value of each bin with these counts. Not negative.

    Args:
        bads, goods: Counts of each bin, positive.
        all_bads, all_goods: Totals the shares refer to.

    Source:
        Siddiqi (2006), Credit Risk Scorecards.
    """
    shares = bads / all_bads - goods / all_goods
    return np.asarray(shares * evidence(bads, goods, all_bads, all_goods), dtype=np.float64)


def best_partition(
    cells: Cells, limits: Limits, direction: int, all_bads: float, all_goods: float
) -> tuple[int, ...] | None:
    """Cut the cells where the information value is largest under a monotone shape.

    Args:
        cells: At least one cell, in order of the feature.
        limits: What a bin must have.
        direction: +1 if weights must rise along the cells, -1 if they must fall, 0 for the better of the two.
        all_bads, all_goods: Totals the shares refer to (missing values included).

    Returns:
        For each bin the index after its last cell, the last being the number of cells; None if no bin is allowed.
    """
    one = Cells(cells.loans[None], cells.bads[None], cells.goods[None])
    return best_partitions(one, limits, direction, all_bads, all_goods)[0]


def best_partitions(
    cells: Cells, limits: Limits, direction: int, all_bads: float, all_goods: float
) -> list[tuple[int, ...] | None]:
    """Cut the cells of several books with the same totals, each as `best_partition` does, all of them at once.

    Args:
        cells: (books, cells).
        limits, direction, all_bads, all_goods: As there.
    """
    if all_bads <= 0.0 or all_goods <= 0.0:
        return [None] * cells.loans.shape[0]
    bins = _all_bins(cells, limits, all_bads, all_goods)
    tried = [_search(bins, limits.most_bins, sign) for sign in ([direction] if direction else [1, -1])]
    return [_better(results) for results in zip(*tried, strict=True)]


def _better(results: tuple[_Found | None, ...]) -> tuple[int, ...] | None:
    found = [result for result in results if result is not None]
    return max(found, key=lambda result: result[0])[1] if found else None


@dataclass(frozen=True, slots=True)
class _Bins:
    """All runs of cells that a bin could be: at [book, i, j] that of the cells i..j-1.

    Args:
        allowed: Whether the limits let it be one.
        weight: Its weight of evidence.
        value: Its information value; -inf where it is not allowed.
    """

    allowed: npt.NDArray[np.bool_]
    weight: Floats
    value: Floats


def _all_bins(cells: Cells, limits: Limits, all_bads: float, all_goods: float) -> _Bins:
    size = cells.loans.shape[1]
    loans, bads, goods = (_spans(values) for values in (cells.loans, cells.bads, cells.goods))
    allowed = np.triu(np.ones((size, size + 1), dtype=bool), 1)
    allowed = allowed & (loans >= limits.least_loans) & (bads >= limits.least_bads) & (goods >= limits.least_goods)
    allowed &= (bads > 0.0) & (goods > 0.0)
    counted = np.where(allowed, bads, 1.0), np.where(allowed, goods, 1.0)
    value = np.where(allowed, information(*counted, all_bads, all_goods), -np.inf)
    return _Bins(allowed, evidence(*counted, all_bads, all_goods), value)


def _search(bins: _Bins, most: int, sign: int) -> list[_Found | None]:
    """Return per book the most information, and the cut that carries it, with weights in the direction of `sign`.

    `best[i, j]` is the most information of partitions of the cells up to j whose last bin is the cells i..j-1. The bin
    before it ends at i; with those sorted by weight, a running maximum gives the best allowed one in one look-up.
    """
    books, size = bins.value.shape[:2]
    weight = sign * bins.weight
    ending = np.where(bins.allowed[:, :, :size], weight[:, :, :size], np.inf)
    order = np.argsort(ending, axis=1, kind="stable")
    place = np.stack([_last_before(ending[book], weight[book]) for book in range(books)])
    value = np.where(place >= 0, bins.value, -np.inf)
    place = np.maximum(place, 0)
    first = (np.arange(books) * size * size)[:, None, None]  # in flat arrays
    ordered, looked_up = first + order * size + np.arange(size), first + place * size + np.arange(size)[:, None]
    best = np.full((books, size, size + 1), -np.inf)
    best[:, 0] = bins.value[:, 0]
    layers, gains = [best], list[Floats]()
    for _ in range(1, most):
        gained = np.take(np.ascontiguousarray(layers[-1][:, :, :size]), ordered)
        now = np.take(np.maximum.accumulate(gained, axis=1), looked_up) + value
        if not np.isfinite(now).any():
            break
        layers.append(now)
        gains.append(gained)
    return [
        _trace([layer[book] for layer in layers], [gained[book] for gained in gains], order[book], place[book])
        for book in range(books)
    ]


def _last_before(ending: Floats, weight: Floats) -> Indices:
    """Find, among the bins that end at i sorted by weight, the last that a bin of cells i..j-1 may follow; -1 for none.

    Those of no larger weight are counted: among few cells all at once, among many by a search in each sorted column.
    """
    size = ending.shape[0]
    if size <= COUNTED_CELLS:
        counted: Indices = (ending[:, :, None] <= weight[None, :, :]).sum(axis=0, dtype=np.uint8).astype(np.int64)
        return counted - 1
    ranked = np.sort(ending, axis=0)
    return np.stack([np.searchsorted(ranked[:, i], weight[i], side="right") - 1 for i in range(size)])


def _trace(layers: list[Floats], gains: list[Floats], order: Indices, place: Indices) -> _Found | None:
    """Return the most information of all layers and, traced back from there, the ends of its bins.

    The bin before a bin is the last in order of weight, among those it may follow, that carries the most. What those
    carry is in `gains`, of each layer but the first.
    """
    size = order.shape[0]
    tops = [float(best[:, size].max()) for best in layers]
    depth = int(np.argmax(tops))
    if not np.isfinite(tops[depth]):
        return None
    start, end, ends = int(np.argmax(layers[depth][:, size])), size, [size]
    for level in range(depth, 0, -1):
        before = gains[level - 1][: place[start, end] + 1, start]
        last_best = np.flatnonzero(before == before.max())[-1]
        start, end = int(order[last_best, start]), start
        ends.append(end)
    return tops[depth], tuple(reversed(ends))


def _spans(values: Floats) -> Floats:
    """Sum over cells i..j-1 at [book, i, j]."""
    edges = np.concatenate((np.zeros((values.shape[0], 1)), np.cumsum(values, axis=1)), axis=1)
    return np.asarray(edges[:, None, :] - edges[:, :-1, None], dtype=np.float64)
