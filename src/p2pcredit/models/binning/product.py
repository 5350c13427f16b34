"""Weights of a product, such as the contract term: one per product, shrunk by its defaults."""

from __future__ import annotations

import itertools
import math

import numpy as np

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.binning.bins import MOST_BINS, Binning, isotonic_rate, least_cells_missing, plain_bound
from p2pcredit.models.binning.counts import Counts
from p2pcredit.models.binning.partition import Cells, evidence, information

SHRINKING_DEFAULTS = 5.0
"""A product's weight counts for half where so many defaults were expected of it."""
SAME = 1e-6


def bins_of_product(feature: Feature, counts: Counts, all_bads: float, all_goods: float) -> Binning | None:
    """Give each product a bin and a weight of its own, however few its loans.

    Weights are ln(seen / expected), both with `SHRINKING_DEFAULTS` added, so that a product without defaults yet weighs
    as much as the book. Where a direction is demanded, neighbours that go against it share one weight (pooled adjacent
    violators). The bars for the best of many features say nothing about a product: a new one has few defaults, and its
    share moves.

    Args:
        feature: Its contract; a number.
        counts: Loans, bads and expected defaults of each of its values.
        all_bads, all_goods: Of all loans: defaults seen and expected.

    Returns:
        The binning; None where there is a single product, where all weigh the same, or where there are more than
        eight, which are then binned as any feature.
    """
    if not 1 < counts.values.size <= MOST_BINS:
        return None
    expected = counts.cells.goods * all_bads / all_goods
    seen = Cells(counts.cells.loans, counts.cells.bads + SHRINKING_DEFAULTS, expected + SHRINKING_DEFAULTS)
    if feature.direction:
        rate, both = isotonic_rate(seen, feature.direction), seen.bads + seen.goods
        seen = Cells(seen.loans, rate * both, (1.0 - rate) * both)
    loans, lost_bads, lost_goods = counts.missing
    known = least_cells_missing(loans, lost_bads) and lost_goods > 0.0
    weights = evidence(seen.bads, seen.goods, 1.0, 1.0)
    if np.ptp(weights) < SAME:
        return None
    cells = counts.cells
    told = (cells.bads > 0.0) & (cells.goods > 0.0)
    values = counts.values.tolist()
    return Binning(
        feature=feature.name,
        kind="numeric",
        edges=tuple(plain_bound(low, high) for low, high in itertools.pairwise(values)),
        levels={},
        woe=tuple(weights.tolist()),
        missing_woe=math.log(lost_bads / all_bads * all_goods / lost_goods) if known else 0.0,
        information_value=float(information(cells.bads[told], cells.goods[told], all_bads, all_goods).sum()),
        shares=tuple((part / (cells.loans.sum() + loans)) for part in (*cells.loans.tolist(), loans)),
    )
