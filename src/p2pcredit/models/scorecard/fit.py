"""Fit a scorecard: choose features, regress on their weights of evidence, leave out those that turn round."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.features import PRODUCT
from p2pcredit.contracts.hand_bins import HandBins
from p2pcredit.errors import TrainingError
from p2pcredit.models.binning.bins import Binning, bins_of_counts
from p2pcredit.models.binning.by_hand import bins_by_hand, chance_of_hand_bins
from p2pcredit.models.binning.chance import InformationByChance, information_by_chance
from p2pcredit.models.binning.counts import summable
from p2pcredit.models.binning.product import bins_of_product
from p2pcredit.models.binning.selection import select_binnings
from p2pcredit.models.calibration import Calibration
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.fitting.backend import LOCAL, FitBackend
from p2pcredit.models.reference_borrower import columns_of
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.scorecard.points import PointScale
from p2pcredit.settings import SelectionSettings

PENALTY = 10.0
FREE = 30.0


def fit_scorecard(
    features: pl.DataFrame,
    candidates: tuple[Feature, ...],
    bads: Floats,
    *,
    expected: Floats | None = None,
    log_cumulative_hazard: float = 0.0,
    selection: SelectionSettings | None = None,
    scale: PointScale | None = None,
    backend: FitBackend = LOCAL,
    seed: int = 0,
    by_hand: Mapping[str, HandBins] | None = None,
) -> ScorecardModel:
    """Fit a scorecard on these loans, not yet calibrated.

    For the hazard target, in which cohorts' own levels are left out, the product has a weight per product, and no bars.

    Args:
        features: One row per loan, oldest loans first.
        candidates: The features that may enter.
        bads: 1.0 for a loan that turned bad, else 0.0.
        expected: For the hazard target: the default expected of each loan for the time it was watched; positive.
        log_cumulative_hazard: For the hazard target: the margin of a loan of average risk.
        selection: Bars that a feature must pass; the defaults where None.
        scale: Points are made whole numbers on it; None leaves them as they are.
        backend: Counts the values.
        seed: Of the outcomes that chance deals, against which information values are held.
        by_hand: Bins that a person fixed, which are taken exactly, and features that are in whatever selection says.

    Raises:
        TrainingError: If no feature passes.

    Source:
        Siddiqi (2006), Credit Risk Scorecards.
    """
    bars = selection or SelectionSettings()
    columns = columns_of(features, [feature.name for feature in candidates])
    expected = None if expected is None else summable(expected)
    goods = 1.0 - bads if expected is None else expected
    counted = backend.count(columns, candidates, bads, goods)
    binnings: list[Binning] = []
    by_chance: dict[str, InformationByChance] = {}
    totals = float(bads.sum()), float(goods.sum())
    hands = {name: hand for name, hand in (by_hand or {}).items() if name in columns.columns}
    forced = frozenset(name for name, hand in hands.items() if hand.use == "in")
    products: frozenset[str] = frozenset()
    for feature, held in zip(candidates, counted, strict=True):
        hand, column = hands.get(feature.name), columns[feature.name]
        fixed = hand is not None and hand.has_bins
        within_cohorts = feature.name == PRODUCT and expected is not None and not fixed
        if within_cohorts and (product := bins_of_product(feature, held, *totals)) is not None:
            binnings.append(product)
            products = frozenset({PRODUCT})
            continue
        if hand is not None and fixed:
            binnings.append(bins_by_hand(feature, hand, column, bads, goods))
        else:
            binnings.append(bins_of_counts(feature, held, bads, goods))
        if feature.name in forced or binnings[-1].information_value < bars.min_information_value:
            continue
        if hand is not None and fixed:
            by_chance[feature.name] = chance_of_hand_bins(feature, hand, column, bads, goods, seed)
        else:
            by_chance[feature.name] = information_by_chance(feature, held, *totals, seed=seed)
    kept, left_out = select_binnings(binnings, columns, bads, goods, bars, by_chance, forced | products)
    while kept:
        weights = np.column_stack([binning.transform(columns[binning.feature]) for binning in kept])
        free = np.array([binning.feature in products for binning in kept])
        coefficients, intercept = _regress(weights, bads, expected, free)
        if coefficients.min() > 0.0:
            return ScorecardModel(
                target="matured" if expected is None else "hazard",
                binnings=tuple(kept),
                coefficients=tuple(float(c) for c in coefficients),
                intercept=intercept + log_cumulative_hazard,
                calibration=Calibration(),
                neutral={},
                scale=scale,
                left_out=left_out,
            )
        worst = int(np.argmin(coefficients))
        if kept[worst].feature in forced:
            _make_room_for(worst, kept, weights, forced, left_out)
            continue
        gone = kept.pop(worst)
        left_out[gone.feature] = (
            f"coefficient {coefficients[worst]:+.3f} beside the others, which turns its weights of evidence round"
        )
    raise TrainingError(
        f"none of {len(candidates)} features tells good from bad beyond chance and alike over time (information value "
        f"{bars.min_information_value}, stability); look at where the columns come from, or wait for more loans"
    )


def _make_room_for(
    place: int, kept: list[Binning], weights: Floats, forced: frozenset[str], left_out: dict[str, str]
) -> None:
    """Leave out the feature that says most of what one says that was forced in, whose coefficient is not positive.

    Raises:
        TrainingError: If all that is left was forced in.
    """
    name = kept[place].feature
    others = [other for other, binning in enumerate(kept) if binning.feature not in forced]
    if not others:
        raise TrainingError(
            f"{name} is forced in by hand, and beside the others its weights of evidence turn round; force fewer in"
        )
    alike = np.abs(np.nan_to_num(np.asarray(np.corrcoef(weights, rowvar=False))[place]))
    gone = kept.pop(max(others, key=lambda other: alike[other]))
    left_out[gone.feature] = f"it says what {name} says, which was forced in by hand"


def _regress(
    weights: Floats, bads: Floats, expected: Floats | None, free: npt.NDArray[np.bool_]
) -> tuple[Floats, float]:
    """Fit a ridge regression, logistic or Poisson with the expected default as exposure: coefficients, intercept.

    Where `free`, the weights were shrunk by their defaults already. Such columns enter many times as large, so that
    their coefficients are as much smaller and the penalty hardly touches them.
    """
    from sklearn.linear_model import LogisticRegression, PoissonRegressor  # scoring alone fits nothing

    if expected is None:
        model = LogisticRegression(C=1.0 / PENALTY, solver="newton-cholesky", max_iter=200)
        model.fit(weights, bads)
        return np.asarray(model.coef_[0], dtype=np.float64), float(model.intercept_[0])
    poisson = PoissonRegressor(alpha=PENALTY / float(expected.sum()), solver="newton-cholesky", max_iter=200)
    scale = np.where(free, FREE, 1.0)
    poisson.fit(weights * scale, bads / expected, sample_weight=expected)
    return np.asarray(poisson.coef_ * scale, dtype=np.float64), float(poisson.intercept_)
