"""Of features that tell nothing, at most one in twenty has more information value than the bar."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.binning import chance
from p2pcredit.models.binning.bins import bins_of_counts
from p2pcredit.models.binning.chance import information_by_chance
from p2pcredit.models.binning.counts import Counts, count_values
from p2pcredit.models.binning.partition import Cells, best_partitions
from p2pcredit.models.scorecard.fit import fit_scorecard

LOANS, FEATURES = 3000, 60
MOST = int(binom.ppf(0.99, FEATURES, 0.05))
"""So many of 60 lie above a bar of one in twenty in 99 of 100 such books, or fewer: 7."""


def book(kind: str, seed: int) -> tuple[list[Feature], pl.DataFrame, np.ndarray, np.ndarray]:
    """Make a book of features without a demanded direction that tell nothing of its bads."""
    rng = np.random.default_rng(seed)
    bads = (rng.random(LOANS) < 0.05).astype(float)
    goods = 1.0 - bads
    if kind == "hazard":
        goods = rng.uniform(0.01, 0.08, LOANS)
    category = kind == "category"
    features = [Feature(f"noise_{n}", "category" if category else "numeric", 0, "", "") for n in range(FEATURES)]
    draw = {
        "number": lambda: rng.normal(size=LOANS),
        "hazard": lambda: np.where(rng.random(LOANS) < 0.2, np.nan, rng.normal(size=LOANS)),
        "category": lambda: rng.choice(list("ABCDEFGHIJ"), LOANS),
    }[kind]
    return features, pl.DataFrame({feature.name: draw() for feature in features}, nan_to_null=True), bads, goods


@pytest.mark.parametrize("kind", ["number", "category", "hazard"])
def test_the_bar_of_fixed_bins_lets_most_noise_pass_and_that_of_chance_one_in_twenty(kind: str) -> None:
    features, columns, bads, goods = book(kind, 7)
    fixed = 1.0 / bads.sum() + 1.0 / (1.0 - bads).sum()  # per bin beyond the first: what fixed bins show on average
    before = now = 0
    for feature in features:
        counts = count_values(feature, columns[feature.name], bads, goods)
        binning = bins_of_counts(feature, counts, bads, goods)
        before += len(binning.woe) > 1 and binning.information_value >= max(0.01, fixed * (len(binning.woe) - 1))
        now += information_by_chance(feature, counts, float(bads.sum()), float(goods.sum()), seed=20).passed
    assert 0.58 <= before / FEATURES <= 1.0
    assert now <= MOST


@pytest.mark.parametrize("kind", ["number", "category", "hazard"])
def test_the_bins_of_all_draws_are_sought_at_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    features, columns, bads, goods = book(kind, 4)
    sought: list[int] = []

    def counted(cells: Cells, *rest: Any) -> Any:
        sought.append(cells.loans.shape[0])
        return best_partitions(cells, *rest)

    monkeypatch.setattr(chance, "best_partitions", counted)
    for feature in features[:5]:
        sought.clear()
        counts = count_values(feature, columns[feature.name], bads, goods)
        found = information_by_chance(feature, counts, float(bads.sum()), float(goods.sum()), seed=20)
        assert sought == [1, 19] if found.draws == 19 else sought == [1, 19, 80]


def test_a_feature_that_tells_much_passes_with_few_draws() -> None:
    features, columns, bads, goods = book("number", 3)
    telling = columns[features[0].name] + bads
    found = information_by_chance(
        features[0], count_values(features[0], telling, bads, goods), float(bads.sum()), float(goods.sum()), seed=20
    )
    assert found.passed
    assert found.draws == 19


def test_the_bar_is_the_highest_of_nineteen_or_the_fifth_highest_of_ninety_nine() -> None:
    from p2pcredit.models.binning.chance import _bar

    assert _bar([float(n) for n in range(19)]) == 18.0
    assert _bar([float(n) for n in range(99)]) == 94.0


def test_the_same_seed_gives_the_same_bar_and_each_feature_draws_its_own() -> None:
    features, columns, bads, goods = book("number", 5)
    totals = float(bads.sum()), float(goods.sum())
    counts = count_values(features[0], columns[features[0].name], bads, goods)
    first = information_by_chance(features[0], counts, *totals, seed=20)
    assert first == information_by_chance(features[0], counts, *totals, seed=20)
    assert first.bar != information_by_chance(features[0], counts, *totals, seed=21).bar
    assert first.bar != information_by_chance(features[1], counts, *totals, seed=20).bar


def test_bins_that_are_fixed_are_held_against_chance_as_they_stand() -> None:
    """Two bins of 500 loans; 30 and 20 of 50 bads: value (0.6 - 470/950) ln(...) + (0.4 - 480/950) ln(...)."""
    cells = Cells(np.array([500.0, 500.0]), np.array([30.0, 20.0]), np.array([470.0, 480.0]))
    counts = Counts(np.array([1.0, 2.0]), (), cells, (0.0, 0.0, 0.0))
    feature = Feature("x", "numeric", 0, "", "")
    found = information_by_chance(feature, counts, 50.0, 950.0, seed=20, ends=(1, 2))
    first, second = 0.6 - 470 / 950, 0.4 - 480 / 950
    by_hand = first * np.log(0.6 / (470 / 950)) + second * np.log(0.4 / (480 / 950))
    assert found.value == pytest.approx(by_hand)
    assert not found.passed  # 30 of 50 or more on one side come by chance one time in five
    cells = Cells(np.array([500.0, 500.0]), np.array([38.0, 12.0]), np.array([462.0, 488.0]))
    assert information_by_chance(
        feature, Counts(counts.values, (), cells, counts.missing), 50.0, 950.0, seed=20, ends=(1, 2)
    ).passed


def test_a_scorecard_leaves_noise_out_with_the_bar_of_chance() -> None:
    rng = np.random.default_rng(2)
    risk = rng.normal(size=LOANS)
    bads = (rng.random(LOANS) < 0.05 * np.exp(0.8 * risk)).astype(float)
    names = [f"noise_{n}" for n in range(20)]
    columns = pl.DataFrame({"risk": risk, **{name: rng.normal(size=LOANS) for name in names}})
    features = tuple(Feature(name, "numeric", 0, "", "") for name in columns.columns)
    card = fit_scorecard(columns, features, bads, seed=20)
    assert "risk" in card.feature_names
    assert len(card.feature_names) <= 3
    assert any(
        "what chance gives to one in twenty of such features that tell nothing" in card.left_out[name]
        for name in names
        if name in card.left_out
    )
