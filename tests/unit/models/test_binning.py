"""Bins: the exact optimum by brute force, monotone shapes, missing and unknown values, round trips."""

from __future__ import annotations

import itertools
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.contracts.feature import Feature
from p2pcredit.errors import TrainingError
from p2pcredit.models.binning.bins import Binning, fit_binning
from p2pcredit.models.binning.partition import Cells, Limits, best_partition, best_partitions, evidence, information

CELLS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=1, max_size=8)


def _number(direction: int = 0) -> Feature:
    return Feature("income", "numeric", direction, "Income is low", "Income.")  # type: ignore[arg-type]


def _category() -> Feature:
    return Feature("purpose", "category", 0, "Purpose of the loan", "Purpose.")


def _by_brute_force(bads: np.ndarray, goods: np.ndarray, limits: Limits, direction: int) -> float | None:
    best = None
    for chosen in itertools.product([False, True], repeat=bads.size - 1):
        ends = [index + 1 for index, cut in enumerate(chosen) if cut] + [bads.size]
        starts = [0, *ends[:-1]]
        b = np.array([bads[i:j].sum() for i, j in zip(starts, ends, strict=True)])
        g = np.array([goods[i:j].sum() for i, j in zip(starts, ends, strict=True)])
        small = (b + g < limits.least_loans) | (b < limits.least_bads) | (g < limits.least_goods)
        small |= (b <= 0) | (g <= 0)
        if len(ends) > limits.most_bins or small.any():
            continue
        steps = np.diff(evidence(b, g, bads.sum(), goods.sum()))
        rising, falling = bool((steps >= 0).all()), bool((steps <= 0).all())
        if not {1: rising, -1: falling, 0: rising or falling}[direction]:
            continue
        value = float(information(b, g, bads.sum(), goods.sum()).sum())
        best = value if best is None else max(best, value)
    return best


@settings(max_examples=200, deadline=None)
@given(CELLS, st.sampled_from([-1, 0, 1]), st.integers(1, 5), st.integers(0, 3))
def test_partition_is_the_best_of_all_partitions(
    cells: list[tuple[int, int]], direction: int, most_bins: int, least: int
) -> None:
    bads = np.array([cell[0] for cell in cells], dtype=float)
    goods = np.array([cell[1] for cell in cells], dtype=float)
    limits = Limits(most_bins, least_loans=2 * least, least_bads=least, least_goods=least)
    oracle = _by_brute_force(bads, goods, limits, direction)
    ends = best_partition(Cells(bads + goods, bads, goods), limits, direction, bads.sum(), goods.sum())
    if oracle is None:
        assert ends is None
        return
    assert ends is not None
    starts = (0, *ends[:-1])
    b = np.array([bads[i:j].sum() for i, j in zip(starts, ends, strict=True)])
    g = np.array([goods[i:j].sum() for i, j in zip(starts, ends, strict=True)])
    assert len(ends) <= most_bins
    assert float(information(b, g, bads.sum(), goods.sum()).sum()) == pytest.approx(oracle, abs=1e-9)
    steps = np.diff(evidence(b, g, bads.sum(), goods.sum()))
    assert {1: (steps >= 0).all(), -1: (steps <= 0).all(), 0: (steps >= 0).all() or (steps <= 0).all()}[direction]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([-1, 0, 1]), st.sampled_from([1, 7, 40, 64, 65, 90]))
def test_books_cut_at_once_are_cut_as_each_alone(seed: int, direction: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    loans = np.broadcast_to(rng.integers(1, 60, size), (4, size)).astype(float)
    bads = rng.binomial(loans.astype(int), 0.15).astype(float)
    cells, limits = Cells(loans, bads, loans - bads), Limits(5, least_loans=loans[0].sum() / 20)
    totals = float(bads.sum(axis=1).max()) + 1.0, float(loans[0].sum())
    alone = [
        best_partition(Cells(*one), limits, direction, *totals)
        for one in zip(cells.loans, cells.bads, cells.goods, strict=True)
    ]
    assert best_partitions(cells, limits, direction, *totals) == alone


def test_cells_are_cut_where_the_isotonic_rate_steps_however_few_are_asked_for() -> None:
    values = pl.Series(np.arange(600.0))
    bads = np.where(np.arange(600) % 10 < np.where(np.arange(600) < 217, 1, 3), 1.0, 0.0)
    binning = fit_binning(_number(1), values, bads, 1 - bads, cells=4)
    assert binning.edges == (219.0,)  # the last good value before the riskier tenth begins
    assert fit_binning(_number(1), values, bads, 1 - bads, cells=600).information_value <= (
        binning.information_value + 1e-12
    )


def _book(size: int = 2000, seed: int = 3) -> tuple[pl.Series, np.ndarray]:
    rng = np.random.default_rng(seed)
    income = np.round(rng.lognormal(10, 0.5, size), -2)
    bads = (rng.random(size) < 1 / (1 + np.exp((np.log(income) - 8.5) * 1.5))).astype(float)
    return pl.Series(income), bads


def test_weights_follow_the_demanded_direction() -> None:
    income, bads = _book()
    falling = fit_binning(_number(-1), income, bads, 1 - bads)
    against = fit_binning(_number(1), income, bads, 1 - bads)
    assert len(falling.woe) > 2
    assert np.all(np.diff(falling.woe) <= 0)
    assert falling.information_value > 0.1
    assert np.all(np.diff(against.woe) >= 0)
    assert against.information_value < 0.02


def test_every_bin_has_its_share_of_loans_and_cases() -> None:
    income, bads = _book()
    binning = fit_binning(_number(-1), income, bads, 1 - bads)
    place = binning.bin_of(income)
    for index in range(len(binning.woe)):
        inside = place == index
        assert inside.sum() >= 100
        assert bads[inside].sum() >= 5
        assert (1 - bads[inside]).sum() >= 5
    assert len(binning.woe) <= 8


def test_weight_of_a_bin_is_the_log_of_its_shares() -> None:
    flags = pl.Series([0.0] * 100 + [1.0] * 100)
    bads = np.array([1.0] * 10 + [0.0] * 90 + [1.0] * 30 + [0.0] * 70)
    binning = fit_binning(_number(1), flags, bads, 1 - bads)
    by_hand = [np.log(b / 40 / (g / 160)) for b, g in ((10, 90), (30, 70))]
    assert binning.edges == (0.0,)
    assert binning.woe == pytest.approx(by_hand)
    assert binning.transform(pl.Series([0.0, 0.5, 7.0])) == pytest.approx([by_hand[0], by_hand[1], by_hand[1]])


def test_missing_values_have_a_bin_of_their_own_where_seen_often_enough() -> None:
    income, bads = _book()
    holes = pl.Series([None if i % 4 == 0 else v for i, v in enumerate(income)], dtype=pl.Float64)
    bads[::4] = (np.arange(500) % 2).astype(float)
    binning = fit_binning(_number(-1), holes, bads, 1 - bads)
    assert binning.missing_woe > 0.5
    assert binning.transform(pl.Series([None, float("nan")], dtype=pl.Float64)) == pytest.approx(
        [binning.missing_woe] * 2
    )


def test_missing_and_levels_never_seen_are_neutral() -> None:
    income, bads = _book()
    assert fit_binning(_number(-1), income, bads, 1 - bads).transform(pl.Series([None], dtype=pl.Float64))[0] == 0.0
    levels = pl.Series(["CAR" if b else "HOME" for b in bads[:60]] + ["CAR", "HOME"] * 970)
    binning = fit_binning(_category(), levels, bads, 1 - bads)
    assert binning.transform(pl.Series(["BOAT", None], dtype=pl.String)).tolist() == [0.0, 0.0]


def test_rare_levels_are_pooled_and_unknown_ones_join_them() -> None:
    _, bads = _book()
    levels = pl.Series([f"RARE{i}" if i < 30 else ("A" if i % 2 else "B") for i in range(2000)])
    bads[:30] = 1.0
    binning = fit_binning(_category(), levels, bads, 1 - bads)
    assert binning.levels["RARE3"] == binning.levels["OTHER"]
    assert binning.transform(pl.Series(["NEVER_SEEN"]))[0] == binning.woe[binning.levels["OTHER"]]


def test_a_riskier_level_has_a_higher_weight() -> None:
    levels = pl.Series((["SAFE"] * 50 + ["MIDDLE"] * 50 + ["RISKY"] * 50) * 4)
    bads = np.array(([1.0] * 5 + [0.0] * 45 + [1.0] * 10 + [0.0] * 40 + [1.0] * 25 + [0.0] * 25) * 4)
    safe, middle, risky = fit_binning(_category(), levels, bads, 1 - bads).transform(
        pl.Series(["SAFE", "MIDDLE", "RISKY"])
    )
    assert safe < middle < risky


@pytest.mark.parametrize("values", [[None] * 40, [3.0] * 40])
def test_a_feature_without_contrast_carries_no_information(values: list[float | None]) -> None:
    bads = np.array([1.0] * 10 + [0.0] * 30)
    binning = fit_binning(_number(), pl.Series(values, dtype=pl.Float64), bads, 1 - bads)
    assert binning.information_value == pytest.approx(0.0, abs=1e-9)
    assert binning.transform(pl.Series([3.0, None], dtype=pl.Float64)) == pytest.approx([0.0, 0.0], abs=1e-9)


def test_binning_survives_the_round_trip_through_json() -> None:
    income, bads = _book()
    levels = pl.Series(["CAR", "HOME", "DEBT", None] * 500)
    for feature, column in ((_number(-1), income), (_category(), levels)):
        binning = fit_binning(feature, column, bads, 1 - bads)
        again = Binning.from_json(json.loads(json.dumps(binning.as_json())))
        assert again == binning
        assert again.transform(column).tolist() == binning.transform(column).tolist()


def test_bins_are_named_one_by_one() -> None:
    income, bads = _book()
    binning = fit_binning(_number(-1), income, bads, 1 - bads)
    names = binning.bin_names()
    assert len(names) == len(binning.woe)
    assert names[0].startswith("up to ")
    assert names[-1].startswith("above ")


def test_bins_without_both_classes_are_refused_in_one_line() -> None:
    with pytest.raises(TrainingError, match="need bads and goods"):
        fit_binning(_number(), pl.Series([1.0, 2.0]), np.zeros(2), np.ones(2))
    with pytest.raises(TrainingError, match="one of each per loan"):
        fit_binning(_number(), pl.Series([1.0]), np.zeros(2), np.ones(2))
