"""Bins as an analyst fixed them: their bounds exactly, their weights from the loans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.hand_bins import SIGNS, HandBins
from p2pcredit.models.binning.bins import Binning, isotonic_rate, least_cells_missing
from p2pcredit.models.binning.chance import InformationByChance, information_by_chance
from p2pcredit.models.binning.counts import Counts
from p2pcredit.models.binning.partition import Cells, evidence, information
from p2pcredit.models.evaluation.intervals import Floats

HALF_A_LOAN = 0.5
"""Counted in place of no bad, or no good, in a bin that holds loans."""


def directed(feature: Feature, hand: HandBins | None) -> Feature:
    """Copy a feature's contract with the direction that is fixed by hand, where one is."""
    return feature if hand is None or hand.direction is None else replace(feature, direction=SIGNS[hand.direction])


def count_by_hand(hand: HandBins, column: pl.Series, bads: Floats, goods: Floats) -> Counts:
    """Count loans, bads and goods per bin; a level that no group holds counts as missing does."""
    place = _empty(hand).bin_of(column)
    size = max(1, len(hand.breaks) + 1 if hand.breaks else len(hand.groups))
    place = np.minimum(place, size)
    parts = (np.ones(place.size), bads, goods)
    sums = [np.bincount(place, part, size + 1).astype(np.float64) for part in parts]
    names = tuple((f"{number}",) for number in range(size)) if hand.groups else ()
    values = np.arange(size, dtype=np.float64) if hand.breaks else np.zeros(0)
    lost, lost_bads, lost_goods = (float(part[-1]) for part in sums)
    return Counts(values, names, Cells(*(part[:-1] for part in sums)), (lost, lost_bads, lost_goods))


def bins_by_hand(feature: Feature, hand: HandBins, column: pl.Series, bads: Floats, goods: Floats) -> Binning:
    """Weigh the bins that were fixed by hand.

    Bounds and groups are taken exactly. Where a direction is demanded, neighbouring bins whose weights go against it
    share one weight (pooled adjacent violators). A bin without a bad, or a good, counts half of one; a bin without
    loans weighs as its neighbour does.

    Args:
        feature: Its contract, with the direction that counts.
        hand: Its bins.
        column: Its values, one per loan.
        bads, goods: As in `fit_binning`.

    Source:
        Barlow, Bartholomew, Bremner & Brunk (1972), Statistical Inference under Order Restrictions.
    """
    counts = count_by_hand(hand, column, bads, goods)
    all_bads, all_goods = float(bads.sum()), float(goods.sum())
    held, cells = counts.cells.loans > 0.0, counts.cells
    bad, good = (np.where(held, np.where(part > 0.0, part, HALF_A_LOAN), 0.0) for part in (cells.bads, cells.goods))
    if feature.direction and held.any():
        rate, both = isotonic_rate(Cells(cells.loans[held], bad[held], good[held]), feature.direction), bad + good
        bad[held], good[held] = rate * both[held], (1.0 - rate) * both[held]
    weights = np.zeros(held.size)
    weights[held] = evidence(bad[held], good[held], all_bads, all_goods)
    for place in np.flatnonzero(~held):
        near = np.flatnonzero(held)
        weights[place] = weights[near[np.abs(near - place).argmin()]] if near.size else 0.0
    lost, lost_bads, lost_goods = counts.missing
    known = least_cells_missing(lost, lost_bads) and lost_goods > 0.0
    missing = float(np.log((lost_bads / all_bads) / (lost_goods / all_goods))) if known else 0.0
    told = np.append(bad[held], [lost_bads] * known), np.append(good[held], [lost_goods] * known)
    return replace(
        _empty(hand),
        woe=tuple(weights.tolist()),
        missing_woe=missing,
        information_value=float(information(*told, all_bads, all_goods).sum()),
        shares=tuple((np.append(cells.loans, lost) / max(1, bads.size)).tolist()),
    )


def chance_of_hand_bins(
    feature: Feature, hand: HandBins, column: pl.Series, bads: Floats, goods: Floats, seed: int
) -> InformationByChance:
    """Hold the information value of bins that were fixed by hand against chance, as they stand."""
    counts = count_by_hand(hand, column, bads, goods)
    ends = range(1, counts.cells.loans.size + 1)
    return information_by_chance(feature, counts, float(bads.sum()), float(goods.sum()), seed=seed, ends=ends)


def _empty(hand: HandBins) -> Binning:
    """Give the binning without weights."""
    kind = "category" if hand.groups else "numeric"
    levels = {level: number for number, group in enumerate(hand.groups) for level in group}
    size = len(hand.groups) if hand.groups else len(hand.breaks) + 1
    return Binning(hand.feature, kind, hand.breaks, levels, (0.0,) * size, 0.0, 0.0, by_hand=True)


__all__ = ["bins_by_hand", "chance_of_hand_bins", "count_by_hand", "directed"]
