"""What information value a feature that tells nothing would show: a permutation null of its own best bins.

Best bins are chosen to tell bads from goods, so noise shows information too, and more of it the freer the choice is: a
feature without a demanded direction may rise or fall, a category may order its levels. The bar is taken from the same
choice made on outcomes that chance dealt among the same values.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.binning.bins import bin_limits, least_cells_missing
from p2pcredit.models.binning.counts import Counts
from p2pcredit.models.binning.partition import Cells, best_partitions, information
from p2pcredit.models.evaluation.intervals import Floats

CELLS = 40
"""Quantile cells of a number here; more cost time and hardly change a value of bins of 5% of the loans or more."""
SIGNIFICANCE = 0.05
FIRST_DRAWS, DRAWS = 19, 99
"""With so many draws, one in twenty of features that tell nothing lies above all, or above all but four."""
CLEARLY_ABOVE = 2.0
"""A value of more than twice the most of the first draws needs no further ones."""


@dataclass(frozen=True, slots=True)
class InformationByChance:
    """How a feature's information value stands against that of chance.

    Args:
        value: Of the best bins of its cells.
        bar: What features that tell nothing exceed one time in twenty.
        draws: How many times the outcomes were dealt.
    """

    value: float
    bar: float
    draws: int

    @property
    def passed(self) -> bool:
        """Whether the value lies above what chance gives."""
        return self.value > self.bar

    def as_json(self) -> dict[str, float | int | bool]:
        """Return it as plain JSON values."""
        return {**asdict(self), "passed": self.passed}


def information_by_chance(
    feature: Feature, counts: Counts, all_bads: float, all_goods: float, *, seed: int, ends: Sequence[int] | None = None
) -> InformationByChance:
    """Compare the information value of a feature with that of outcomes dealt among its values by chance.

    Labels are dealt to as many loans as were bad, without replacement. Defaults observed under exposure (where bads and
    goods of a value do not add up to its loans) are dealt in proportion to those expected. Values, missing ones, the
    least bins and the demanded direction stay; bins are chosen anew each time.

    Args:
        feature: Its name, which with the seed begins the draws, its kind and direction.
        counts: Loans, bads and goods of its values.
        all_bads, all_goods: Totals, missing values included.
        seed: Of the draws: the same seed gives the same bar.
        ends: Bins that are fixed, as the index after the last of the values (or groups of levels) of each; None where
            the best are chosen.

    Source:
        Good (2005), Permutation, Parametric and Bootstrap Tests of Hypotheses: with one value more than draws, one in
        twenty of values under the null is among the highest twentieth.
    """
    cells = _coarse(counts) if ends is None else counts.cells
    loans, bads, goods = (
        np.append(part, lost) for part, lost in zip((cells.loans, cells.bads, cells.goods), counts.missing, strict=True)
    )
    values_of = _valuer(feature, loans, all_bads, all_goods, ends)
    labelled = bool(np.allclose(bads + goods, loans))
    value = values_of(bads[None], (loans - bads if labelled else goods)[None])[0]
    rng = np.random.default_rng([seed, zlib.crc32(feature.name.encode())])
    drawn: list[float] = []
    for wanted in (FIRST_DRAWS, DRAWS):
        dealt = _deal(rng, wanted - len(drawn), loans, goods, round(bads.sum()), labelled=labelled)
        drawn += values_of(dealt, loans - dealt if labelled else np.broadcast_to(goods, dealt.shape))
        above = sum(one >= value for one in drawn)
        if value > CLEARLY_ABOVE * max(drawn) or above >= SIGNIFICANCE * (DRAWS + 1):
            break
    return InformationByChance(value, _bar(drawn), len(drawn))


def _bar(drawn: list[float]) -> float:
    """Return the value that must be exceeded: the highest of 19, the fifth highest of 99."""
    return sorted(drawn, reverse=True)[int(SIGNIFICANCE * (len(drawn) + 1) + 1e-9) - 1]


def _deal(rng: np.random.Generator, times: int, loans: Floats, goods: Floats, bads: int, *, labelled: bool) -> Floats:
    if labelled:
        whole = np.rint(loans).astype(np.int64)
        return np.asarray(rng.multivariate_hypergeometric(whole, bads, times, method="marginals"), dtype=np.float64)
    return np.asarray(rng.multinomial(bads, goods / goods.sum(), times), dtype=np.float64)


def _valuer(
    feature: Feature, loans: Floats, all_bads: float, all_goods: float, ends: Sequence[int] | None
) -> Callable[[Floats, Floats], list[float]]:
    """Give the function that calculates the information value of the best bins from bads and goods, (draws, cells).

    The last cell is that of missing values. The bins of all draws are sought at once.
    """
    limits = bin_limits(loans.sum(), all_bads)
    present = loans.size - 1
    category = feature.kind == "category"

    def values_of(bads: Floats, goods: Floats) -> list[float]:
        order = np.broadcast_to(np.arange(present), (bads.shape[0], present))
        if category and ends is None:
            order = np.argsort(bads[:, :-1] / np.maximum(bads[:, :-1] + goods[:, :-1], 1e-12), axis=1, kind="stable")
        cells = Cells(loans[:-1][order], *(np.take_along_axis(part[:, :-1], order, axis=1) for part in (bads, goods)))
        cuts: list[Sequence[int] | None] = [ends] * bads.shape[0]
        if ends is None and present:
            direction = 1 if category else feature.direction
            best = best_partitions(cells, limits, direction, all_bads, all_goods)
            cuts = [cut or (present,) for cut in best]
        return [
            value_of(cut, (of_bads, bads_lost), (of_goods, goods_lost))
            for cut, of_bads, bads_lost, of_goods, goods_lost in zip(
                cuts, cells.bads, bads[:, -1], cells.goods, goods[:, -1], strict=True
            )
        ]

    def value_of(cut: Sequence[int] | None, bads: tuple[Floats, float], goods: tuple[Floats, float]) -> float:
        edges = np.array([0, *(cut or ())])
        sums = [np.append(np.diff(np.append(0.0, np.cumsum(part))[edges]), lost) for part, lost in (bads, goods)]
        told = (sums[0] > 0.0) & (sums[1] > 0.0)
        told[-1] &= least_cells_missing(loans[-1], bads[1])
        held = np.where(told, sums[0], all_bads), np.where(told, sums[1], all_goods)
        return float(information(*held, all_bads, all_goods).sum())

    return values_of


def _coarse(counts: Counts) -> Cells:
    """Add the values of a number up to so many quantile cells, by their loans alone; a category stays as it is."""
    cells = counts.cells
    if not counts.values.size or cells.loans.size <= CELLS:
        return cells
    last = np.ones(cells.loans.size, dtype=bool)
    last[:-1] = np.diff((np.cumsum(cells.loans) - 1).astype(np.int64) * CELLS // counts.present) > 0
    edges = np.append(0, np.flatnonzero(last) + 1)
    return Cells(*(np.diff(np.append(0.0, np.cumsum(part))[edges]) for part in (cells.loans, cells.bads, cells.goods)))


__all__ = ["InformationByChance", "information_by_chance"]
