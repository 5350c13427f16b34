"""Tune how trees are grown: a handful of settings, judged on loans of months that they were not grown on.

Few bads make any search partly a lottery, so the usual setting stays unless another one is better beyond the noise of
the comparison. Nothing after the loans that are learned from is looked at.

Each setting is judged after a straight line of its own has been laid through its margins, as the calibration will do:
trees learned from few bads spread their margins too far, the more so the more trees there are, and that is mended
later at no cost. Judged without it, half as many trees won for their narrower spread though they ranked worse.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import xgboost as xgb

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.boosting.encoding import learn_encoding
from p2pcredit.models.boosting.trees import Trees, growing
from p2pcredit.models.evaluation.intervals import Floats, logistic
from p2pcredit.models.fitting.backend import LOCAL, FitBackend, Matrix, Threads
from p2pcredit.models.fitting.devices import CPU

FOLDS = 3
ENOUGH_BADS = 3000
"""With so many bads among the loans of the folds judged, another fold would tell no more than time is worth."""
LEAST_BADS = 60
MANY_BADS = 1000
SETTINGS = (Trees(), Trees(max_depth=2))
SETTINGS_FOR_MANY_BADS = (Trees(max_depth=4, min_child_weight=10.0),)
ROUNDS = (100, 200)
ROUNDS_FOR_MANY_BADS = (400,)
STANDARD_ERRORS = 1.0
NEWTON_STEPS = 50
LEAST_SPREAD = 1e-9
LARGEST_MARGIN = 50.0


@dataclass(frozen=True, slots=True)
class Tried:
    """One setting and how it did.

    Args:
        trees: The setting.
        deviance: Mean deviance per loan on loans of other months, level and spread set right; less is better.
        gain: Its deviance less that of the usual setting; below 0 is better.
        error: Standard error of the gain.
    """

    trees: Trees
    deviance: float
    gain: float
    error: float

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {**asdict(self.trees), "deviance": self.deviance, "gain": self.gain, "error": self.error}


def search_trees(
    features: pl.DataFrame,
    candidates: tuple[Feature, ...],
    bads: Floats,
    months: pl.Series,
    *,
    seed: int,
    threads: Threads,
    expected: Floats | None = None,
    device: str = CPU,
    backend: FitBackend = LOCAL,
) -> tuple[Trees, tuple[Tried, ...]]:
    """Search the setting with the least deviance on loans of months that it was not grown on.

    Args:
        features, candidates, bads, seed, threads, expected, device, backend: As in `fit_boosting`.
        months: The origination day of each loan. Loans of one calendar month stay together.

    Returns:
        The setting to use and all that were tried, best first. With fewer than 60 bads nothing is tried and the usual
        setting holds; so it does unless another's mean deviance is lower by more than its standard error. Deeper and
        more trees are tried from 1,000 bads on. A third of the months is judged by trees of the others, then the next
        third, until 3,000 bads have been judged; a third is passed over where it is empty, or where the others hold no
        bads or nothing else.

    Source:
        Breiman et al. (1984), Classification and Regression Trees, for the rule of one standard error; the deviance is
        that of a Bernoulli or, with `expected`, of a Poisson variable.
    """
    usual = SETTINGS[0]
    if bads.sum() < LEAST_BADS:
        return usual, ()
    encoding = learn_encoding(features, candidates)
    columns = encoding.encode(features)
    fold = _folds(months)
    many = bads.sum() >= MANY_BADS
    settings = (*SETTINGS, *(SETTINGS_FOR_MANY_BADS if many else ()))
    lengths = (*ROUNDS, *(ROUNDS_FOR_MANY_BADS if many else ()))
    margins = {replace(setting, rounds=rounds): np.zeros(bads.size) for setting in settings for rounds in lengths}
    judged = np.zeros(bads.size, dtype=bool)
    how: dict[str, Any] = {
        "candidates": candidates,
        "seed": seed,
        "threads": threads,
        "device": device,
        "backend": backend,
    }
    for number in range(FOLDS):
        out = fold == number
        known, watched = bads[~out], None if expected is None else expected[~out]
        if not out.any() or not 0.0 < known.sum() < known.size:  # few months, or all defaults in those of one fold
            continue
        unseen = columns[out]
        with growing(encoding, columns[~out], known, watched, **how) as grow:
            for setting in settings:
                booster = grow(replace(setting, rounds=max(lengths)))
                for rounds, margin in _margins_after(booster, lengths, unseen):
                    margins[replace(setting, rounds=rounds)][out] = margin
        judged |= out
        if bads[judged].sum() >= ENOUGH_BADS:
            break
    if not 0.0 < bads[judged].sum() < judged.sum():  # nothing to tell the settings apart by
        return usual, ()
    outcome, watched = bads[judged], None if expected is None else expected[judged]
    losses = {trees: _deviance(outcome, margin[judged], watched) for trees, margin in margins.items()}
    tried = [_compared(trees, loss, losses[usual]) for trees, loss in losses.items()]
    tried.sort(key=lambda one: one.deviance)
    best = tried[0]
    return (best.trees if best.gain < -STANDARD_ERRORS * best.error else usual), tuple(tried)


def _margins_after(
    booster: xgb.Booster, lengths: Iterable[int], columns: Matrix
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Return the margin of each row after so many trees, for each of the rising lengths.

    Each goes on from the one before. The library adds the trees up one after the other, so the margins are those of a
    prediction from the first tree on, to the last digit.
    """
    known, margin = 0, None
    for rounds in lengths:
        margin = booster.inplace_predict(
            columns, iteration_range=(known, rounds), predict_type="margin", missing=np.nan, base_margin=margin
        )
        yield rounds, margin
        known = rounds


def _folds(months: pl.Series) -> npt.NDArray[np.int64]:
    """Deal calendar months to the folds in turn, so that each fold has loans of all times."""
    return np.asarray((months.dt.truncate("1mo").rank("dense") - 1).to_numpy() % FOLDS, dtype=np.int64)


def _deviance(bads: Floats, margin: Floats, expected: Floats | None) -> Floats:
    """Calculate each loan's deviance by the best straight line through the margins, up to what all settings share."""
    value = _with_own_line(bads, margin, expected)
    if expected is None:
        return np.asarray(2.0 * (np.logaddexp(0.0, value) - bads * value), dtype=np.float64)
    return np.asarray(2.0 * (expected * np.exp(value) - bads * value), dtype=np.float64)


def _with_own_line(bads: Floats, margin: Floats, expected: Floats | None) -> Floats:
    """Fit the level and rising slope of the margins with the least deviance; flat where none that rises is.

    Newton's steps of a regression with one regressor, Bernoulli or, with `expected`, Poisson with that exposure.
    """
    exposed = float(bads.size) if expected is None else float(expected.sum())
    mean = float(bads.sum()) / exposed
    level, slope = math.log(mean / (1.0 - mean) if expected is None else mean), 0.0
    centred = margin - margin.mean()
    farthest = LARGEST_MARGIN / max(float(np.ptp(margin)), LEAST_SPREAD)
    for _ in range(NEWTON_STEPS):
        value = level + slope * centred
        chance = logistic(value) if expected is None else expected * np.exp(value)
        gap, weight = bads - chance, chance * (1.0 - chance) if expected is None else chance
        pull = np.array([gap.sum(), gap @ centred])
        if slope == 0.0 and pull[1] <= LEAST_SPREAD:  # the deviance is convex, so no rising line does better
            break
        curvature = np.array([[weight.sum(), weight @ centred], [weight @ centred, weight @ centred**2]])
        step = np.linalg.solve(curvature, pull)
        longest = float(np.abs(step).max())
        level, slope = np.array([level, slope]) + step / max(longest, 1.0)
        if longest < LEAST_SPREAD or slope > farthest:  # beyond, the margins part the bads from the others
            break
    return np.asarray(level + slope * centred, dtype=np.float64)


def _compared(trees: Trees, loss: Floats, usual: Floats) -> Tried:
    gap = loss - usual
    return Tried(trees, float(loss.mean()), float(gap.mean()), float(gap.std()) / math.sqrt(gap.size))
