"""Which binned features deserve a place in a scorecard: by information, by stability, and by what the others say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.models.binning.bins import Binning
from p2pcredit.models.binning.chance import InformationByChance
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.settings import SelectionSettings

HALF_A_LOAN = 0.5


@dataclass(frozen=True, slots=True)
class Stability:
    """How a feature's bins held between older and newer loans.

    Args:
        psi: Population stability index of the bins, newer half of the loans against the older.
        older, newer: Information of the loans with the older and with the newer half of the bads, by the weights of the
            whole; None where there are none.
    """

    psi: float
    older: float | None
    newer: float | None


def select_binnings(
    binnings: list[Binning],
    columns: pl.DataFrame,
    bads: Floats,
    goods: Floats,
    settings: SelectionSettings,
    by_chance: Mapping[str, InformationByChance],
    forced: frozenset[str] = frozenset(),
) -> tuple[list[Binning], dict[str, str]]:
    """Select the features that stay, and give the reason why each other one goes.

    Args:
        binnings: One per feature.
        columns: The features, one row per loan, oldest loans first.
        bads: 1.0 for a loan that turned bad, else 0.0.
        goods: 1.0 for a good loan; for the hazard target the default expected for the time the loan was watched.
        settings: The bars.
        by_chance: Per feature how its information value stands against chance; one that is not there has no such bar.
        forced: Features that stay whatever the bars say.

    Returns:
        The binnings that stay, in their order, and feature -> reason for the others.

    Source:
        Siddiqi (2006), Credit Risk Scorecards: selection by information value, here no lower than what chance gives
        the best bins of the same feature (`p2pcredit.models.binning.chance`), and by stability of the characteristic.
    """
    kept: list[Binning] = []
    left_out: dict[str, str] = {}
    for binning in binnings:
        if binning.feature in forced:
            kept.append(binning)
            continue
        reason = _too_little(binning, by_chance.get(binning.feature), settings)
        if reason is None:
            place = binning.bin_of(columns[binning.feature])
            reason = _unstable(measure_stability(binning, place, bads, goods), settings)
        if reason is None:
            kept.append(binning)
        else:
            left_out[binning.feature] = reason
    return _without_echoes(kept, columns, settings.max_variance_inflation, left_out, forced), left_out


def measure_stability(binning: Binning, place: npt.NDArray[np.int64], bads: Floats, goods: Floats) -> Stability:
    """Compare the bins of the older loans with those of the newer.

    The information of a part is the mean fitted weight of its bads less that of its goods.
    Young loans have few defaults yet, so these two parts are cut where half of the bads have been.

    Args:
        binning: The fitted bins.
        place: The bin of each loan as `bin_of` gives it, oldest loans first.
        bads, goods: As in `fit_binning`.
    """
    weights = binning.weights
    shares = []
    for half in _parts(place.size, place.size // 2):
        counts = np.bincount(place[half], minlength=weights.size)[: weights.size - 1] + HALF_A_LOAN
        shares.append(counts / counts.sum())
    older, newer = shares
    told: list[float | None] = []
    for half in _parts(place.size, int(np.searchsorted(np.cumsum(bads), bads.sum() / 2.0)) + 1):
        bad, good = (np.bincount(place[half], part[half], weights.size) for part in (bads, goods))
        empty = bad.sum() <= 0.0 or good.sum() <= 0.0
        told.append(None if empty else float((bad / bad.sum() - good / good.sum()) @ weights))
    return Stability(float(((newer - older) * np.log(newer / older)).sum()), told[0], told[1])


def variance_inflation(weights: Floats) -> Floats:
    """Calculate the factors, 1 or more, by which other columns inflate the variance of each column's coefficient.

    Args:
        weights: (loans, columns), none of them constant.

    Source:
        Marquardt (1970), Technometrics 12: the diagonal of the inverse of the correlation matrix.

    Examples:
        >>> variance_inflation(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])).tolist()
        [1.0, 1.0]
    """
    if weights.shape[1] == 1:
        return np.ones(1)
    correlation = np.corrcoef(weights, rowvar=False)
    return np.asarray(np.diag(np.linalg.pinv(correlation, rcond=1e-12, hermitian=True)), dtype=np.float64)


def _parts(size: int, middle: int) -> tuple[slice, slice]:
    return slice(0, middle), slice(middle, size)


def _too_little(binning: Binning, chance: InformationByChance | None, settings: SelectionSettings) -> str | None:
    found, least = binning.information_value, settings.min_information_value
    if found < least:
        return f"information value {found:.4f}, below {least:.4f}, the least"
    if chance is None or chance.passed:
        return None
    return (
        f"information value {chance.value:.4f}, not above {chance.bar:.4f}, what chance gives to one in twenty of such "
        "features that tell nothing"
    )


def _unstable(found: Stability, settings: SelectionSettings) -> str | None:
    if found.psi > settings.max_feature_psi:
        return (
            f"its bins moved between the older and the newer half of the loans: stability index {found.psi:.2f}, "
            f"above {settings.max_feature_psi:.2f}"
        )
    least = settings.min_half_information_value
    for name, told in (("older", found.older), ("newer", found.newer)):
        if told is not None and told < least:
            return f"its weights tell {told:+.4f} of the {name} half of the defaults, below {least:+.4f}"
    return None


def _without_echoes(
    kept: list[Binning], columns: pl.DataFrame, most: float, left_out: dict[str, str], forced: frozenset[str]
) -> list[Binning]:
    """Drop features one by one: the least informative of those whose variance inflation is above the limit."""
    kept = list(kept)
    weights = [binning.transform(columns[binning.feature]) for binning in kept]
    while len(kept) > 1:
        inflation = variance_inflation(np.column_stack(weights))
        crowded = [
            place for place, binning in enumerate(kept) if inflation[place] > most and binning.feature not in forced
        ]
        if not crowded:
            break
        gone = min(crowded, key=lambda place: kept[place].information_value)
        left_out[kept[gone].feature] = f"the others say it already: variance inflation {inflation[gone]:.1f}"
        del kept[gone], weights[gone]
    return kept
