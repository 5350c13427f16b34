"""Cut-off strategy by hand.

Two vintages of four loans each, 1,000 lent: probabilities 1%, 5%, 10% and 30%; they earn 50, 30, -10 and -200.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.portfolio.strategy import (
    FACTORS,
    Draws,
    Ratios,
    Tables,
    bands_of,
    best_of,
    break_even,
    curve_of,
    cutoffs_for,
    three_ways,
)

CHANCES, PROFITS, LOSSES = (0.01, 0.05, 0.1, 0.3), (50.0, 30.0, -10.0, -200.0), (5.0, 20.0, 60.0, 300.0)
CUTOFFS = np.array(CHANCES)


def loans(scale: float = 1.0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "vintage": ["2020-01"] * 4 + ["2020-02"] * 4,
            "probability_of_default": list(CHANCES) * 2,
            "amount": [1000.0] * 8,
            "chance": [chance * scale for chance in CHANCES] * 2,
            "default": [2 * chance * scale for chance in CHANCES] * 2,
            "loss": [loss * scale for loss in LOSSES] * 2,
            "income": [profit + 10.0 for profit in PROFITS] * 2,
            "years": [1000.0] * 8,
            "profit": [profit - loss * (scale - 1.0) for profit, loss in zip(PROFITS, LOSSES, strict=True)] * 2,
        }
    )


TABLES = Tables.of({1.0: loans()}, CUTOFFS)
DRAWS = Draws.of(2, None, 0.9)


def test_a_curve_by_hand() -> None:
    curve = curve_of(TABLES, DRAWS)
    assert [row["loans"] for row in curve] == [2, 4, 6, 8]
    assert [row["approval_rate"] for row in curve] == [0.25, 0.5, 0.75, 1.0]
    assert [row["profit"] for row in curve] == [100.0, 160.0, 140.0, -260.0]
    assert [row["loss_share"] for row in curve] == pytest.approx([0.005, 0.0125, 85 / 3000, 385 / 4000])
    assert [row["net_return"] for row in curve] == pytest.approx([0.06, 0.05, 0.1 / 3, -0.0225])
    assert curve[1]["default_rate"] == pytest.approx(0.03)
    assert curve[1]["lifetime_default_rate"] == pytest.approx(0.06)
    # Both vintages are alike: drawing them anew changes nothing.
    assert all(row["profit_low"] == row["profit"] == row["profit_high"] for row in curve)


def test_the_best_cut_off_and_what_the_present_one_costs() -> None:
    found = best_of(TABLES, DRAWS, 0.3, None)
    best = found["by_profit"]
    assert best is not None
    assert (best["cutoff"], best["profit"], best["gain"], best["gain_low"]) == (0.05, 160.0, 420.0, 420.0)
    assert (best["cutoff_low"], best["cutoff_high"]) == (0.05, 0.05)
    assert found["under_limit"] is None
    limited = best_of(TABLES, DRAWS, 0.3, 0.006)["under_limit"]
    assert limited is not None
    assert (limited["cutoff"], limited["profit"]) == (0.01, 100.0)
    assert best_of(TABLES, DRAWS, 0.3, 0.001)["under_limit"] is None


def test_a_present_cut_off_that_earns_as_much_is_the_best() -> None:
    tables = Tables.of({1.0: loans()}, np.array([0.01, 0.05, 0.08, 0.1, 0.3]))
    best = best_of(tables, DRAWS, 0.08, None)["by_profit"]
    assert best is not None
    assert (best["cutoff"], best["gain"]) == (0.08, 0.0)


def test_where_every_cut_off_costs_money_none_is_approved() -> None:
    poor = loans().with_columns(pl.lit(-1.0).alias("profit"))
    best = best_of(Tables.of({1.0: poor}, CUTOFFS), DRAWS, 0.1, None)["by_profit"]
    assert best is not None
    assert (best["cutoff"], best["approval_rate"], best["profit"], best["gain"]) == (0.0, 0.0, 0.0, 6.0)


def goods() -> pl.DataFrame:
    """A good loan brings 80; what is missing to its band's profit is what bad ones cost."""
    return loans().with_columns((80.0 * (1.0 - pl.col("default"))).alias("profit"))


def test_bands_break_even_where_gains_meet_costs() -> None:
    bands = bands_of(TABLES, Tables.of({1.0: goods()}, CUTOFFS), DRAWS, CHANCES)
    assert [band["verdict"] for band in bands] == ["approve", "approve", "decline", "decline"]
    assert [band["loans"] for band in bands] == [2, 2, 2, 2]
    third = bands[2]
    # 20% default: good ones bring 64 a loan made, so bad ones cost 74, 370 each. 80 / (80 + 370).
    assert third["break_even"] == pytest.approx(80 / 450)
    assert third["lifetime_default_rate"] > third["break_even"]
    assert bands[1]["lifetime_default_rate"] < bands[1]["break_even"]
    assert three_ways(bands) == {"approve_up_to": 0.05, "decline_above": 0.05}


def test_lines_are_drawn_at_the_first_band_that_is_not_sure() -> None:
    def band(above: float, up_to: float, verdict: str) -> dict[str, Any]:
        return {"above": above, "up_to": up_to, "verdict": verdict}

    rows = [band(0, 0.1, "approve"), band(0.1, 0.2, "refer"), band(0.2, 0.3, "approve"), band(0.3, 0.4, "decline")]
    assert three_ways(rows) == {"approve_up_to": 0.1, "decline_above": 0.3}
    assert three_ways([band(0, 0.1, "refer")]) == {"approve_up_to": None, "decline_above": None}


def test_no_break_even_where_bad_loans_cost_nothing_or_none_default() -> None:
    assert break_even(10.0, 20.0, 0.1, 1.0) is None
    assert break_even(-10.0, -20.0, 0.1, 1.0) is None
    assert break_even(10.0, 10.0, 0.0, 1.0) is None


def test_factors_of_the_hazard_widen_the_interval_around_the_point() -> None:
    tables = Tables.of({factor: loans(factor) for factor in FACTORS}, CUTOFFS)
    off = Ratios(("2019Q1", "2019Q2"), np.array([40.0, 60.0]), np.array([25.0, 25.0]))
    row = curve_of(tables, Draws.of(2, off, 0.9))[-1]
    # Twice as many defaulted as expected: the point takes probabilities as they are, the interval reaches down.
    assert row["profit"] == -260.0
    assert row["profit_high"] == -260.0
    assert row["profit_low"] < -260.0 - 0.8 * 2 * sum(LOSSES)
    blind = curve_of(tables, Draws.of(2, Ratios((), np.zeros(0), np.zeros(0)), 0.9))[-1]
    assert blind["profit_low"] == blind["profit_high"] == -260.0


def test_between_factors_sums_are_interpolated() -> None:
    tables = Tables.of({factor: loans(factor) for factor in FACTORS}, CUTOFFS)
    for place, factor in enumerate(FACTORS):
        assert tables.drawn(np.ones(2), factor)["loss"][-1] == pytest.approx(tables.sums["loss"][place].sum(axis=0)[-1])
    between = tables.drawn(np.ones(2), float(np.sqrt(FACTORS[3] * FACTORS[4])))["loss"][-1]
    assert between == pytest.approx((1.0 + 1.25) / 2 * 2 * sum(LOSSES))


def test_ratios_are_drawn_around_what_was_seen() -> None:
    drawn = Ratios(("a", "b", "c"), np.array([30.0, 30.0, 30.0]), np.array([60.0, 60.0, 60.0])).draws(
        np.random.default_rng(1), 2000
    )
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert np.std(drawn) == pytest.approx(0.5 / np.sqrt(90), rel=0.15)  # chance alone: all vintages are alike


@given(st.lists(st.tuples(st.floats(0.001, 0.9), st.floats(-500, 500), st.integers(0, 3)), min_size=2, max_size=40))
@settings(deadline=None, max_examples=60)
def test_bands_add_up_to_the_curve_and_no_cut_off_earns_more_than_the_best(
    cases: list[tuple[float, float, int]],
) -> None:
    chances = np.array([chance for chance, _, _ in cases])
    frame = pl.DataFrame(
        {
            "vintage": [str(vintage) for _, _, vintage in cases],
            "probability_of_default": chances,
            "amount": [100.0] * len(cases),
            "chance": chances,
            "default": chances,
            "loss": chances * 100,
            "income": [profit for _, profit, _ in cases],
            "years": [100.0] * len(cases),
            "profit": [profit for _, profit, _ in cases],
        }
    )
    cutoffs = cutoffs_for(chances, [float(np.median(chances))])
    tables = Tables.of({1.0: frame}, cutoffs)
    draws = Draws.of(tables.vintages, None, 0.9)
    curve = curve_of(tables, draws)
    assert curve[-1]["loans"] == len(cases)
    assert curve[-1]["profit"] == pytest.approx(frame["profit"].sum())
    for row in curve:
        own = frame.filter(pl.col("probability_of_default") <= row["cutoff"])
        assert row["loans"] == own.height
        assert row["profit"] == pytest.approx(own["profit"].sum())
        assert row["profit_low"] <= row["profit"] <= row["profit_high"]
    bands = bands_of(tables, tables, draws, [float(np.median(chances)), float(chances.max())])
    assert sum(band["loans"] for band in bands) == len(cases)
    assert sum(band["profit"] for band in bands) == pytest.approx(curve[-1]["profit"], abs=1e-6)
    best = best_of(tables, draws, float(np.median(chances)), None)["by_profit"]
    assert best is not None
    assert best["profit"] == pytest.approx(max(0.0, *(row["profit"] for row in curve)), abs=0.01)
