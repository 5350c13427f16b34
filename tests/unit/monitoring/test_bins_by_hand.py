"""Bins, counts and the stability index worked by hand, at the edges where they turn."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import ncx2

from p2pcredit.errors import MonitoringError
from p2pcredit.monitoring.metrics.drift import population_stability_index, stability_of_counts
from p2pcredit.monitoring.metrics.psi_bins import BinnedColumn, NumericBins, fit_bins


def test_up_to_ten_distinct_numbers_have_a_bin_each_and_eleven_have_ranges() -> None:
    ten = fit_bins(pl.Series([float(value) for value in range(10)] * 2))
    assert ten.names == (*(f"{value}" for value in range(10)), "unseen", "missing")
    eleven = fit_bins(pl.Series([float(value) for value in range(11)]))
    assert eleven.names == ("up to 1", *(f"{n} to {n + 1}" for n in range(1, 9)), "above 9", "missing")


def test_deciles_are_taken_at_each_tenth_of_the_ordered_numbers() -> None:
    bins = fit_bins(pl.Series([float(value) for value in reversed(range(100))]))
    assert isinstance(bins, NumericBins)
    assert bins.edges.tolist() == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]
    counted = bins.count(pl.Series([9.0, 10.0, 10.5, 90.0, 91.0, 1000.0, -5.0, None, float("nan")])).tolist()
    assert counted == [3, 1, 0, 0, 0, 0, 0, 0, 1, 2, 2]


def test_equal_deciles_are_one_edge() -> None:
    values = [0.0] * 80 + [float(value) for value in range(1, 21)]
    bins = fit_bins(pl.Series(values))
    assert isinstance(bins, NumericBins)
    assert bins.edges.tolist() == [0.0, 1.0, 11.0]
    assert bins.names == ("up to 0", "0 to 1", "1 to 11", "above 11", "missing")


def test_a_number_that_is_none_of_few_values_is_unseen_and_a_missing_one_missing() -> None:
    bins = fit_bins(pl.Series([36.0, 60.0, None]))
    assert bins.names == ("36", "60", "unseen", "missing")
    counted = bins.count(pl.Series([36.0, 36.0, 36.0, 60.0, 60.0, 48.0, 24.0, 61.0, None, float("nan")]))
    assert counted.tolist() == [3, 2, 3, 2]
    assert counted.dtype == np.int64


def test_a_column_without_a_number_has_one_bin_and_the_missing() -> None:
    bins = fit_bins(pl.Series([None, None], dtype=pl.Float64))
    assert bins.names == ("any", "missing")
    assert bins.count(pl.Series([1.0, None, 2.0])).tolist() == [2, 1]


@pytest.mark.parametrize(("seen", "name"), [(2, "C"), (1, "rare")])
def test_a_level_is_frequent_from_two_in_a_hundred(seen: int, name: str) -> None:
    bins = fit_bins(pl.Series(["B"] * 50 + ["A"] * (49 - seen) + [None] + ["C"] * seen))
    frequent = ("A", "B", "C") if name == "C" else ("A", "B")
    assert bins.names == (*frequent, "rare", "unseen", "missing")
    counted = dict(zip(bins.names, bins.count(pl.Series(["A", "A", "B", "C", "C", "D", None])).tolist(), strict=True))
    assert (counted["A"], counted["B"], counted["unseen"], counted["missing"]) == (2, 1, 1, 1)
    assert counted[name] == 2


def test_booleans_are_numbers() -> None:
    assert fit_bins(pl.Series([True, False, True])).names == ("0", "1", "unseen", "missing")


def test_a_binned_column_knows_its_loans_and_how_many_are_missing() -> None:
    column = BinnedColumn.of(pl.Series([1.0, 1.0, 2.0, None]))
    assert (column.counts.tolist(), column.loans, column.missing) == ([2, 1, 0, 1], 4, 1)


def test_a_bin_that_one_side_lacks_counts_half_a_loan_there() -> None:
    found = stability_of_counts(np.array([10, 0, 0]), np.array([5, 5, 0]))
    empty = 0.5 / 10
    assert found == pytest.approx((0.5 - 1.0) * math.log(0.5 / 1.0) + (0.5 - empty) * math.log(0.5 / empty), rel=0.1)
    assert found == pytest.approx(stability_of_counts(np.array([10, 0]), np.array([5, 5])))
    assert found == pytest.approx(stability_of_counts(np.array([5, 5]), np.array([10, 0])))


@pytest.mark.parametrize("pair", [([1, 2], [1, 2, 3]), ([0, 0], [1, 2]), ([1, 2], [0, 0])])
def test_samples_of_other_bins_or_without_a_loan_are_refused(pair: tuple[list[int], list[int]]) -> None:
    with pytest.raises(MonitoringError):
        stability_of_counts(np.array(pair[0]), np.array(pair[1]))


def test_the_index_its_chance_and_its_largest_move_are_those_of_a_calculation_by_hand() -> None:
    before = pl.Series(["A"] * 50 + ["B"] * 30 + ["C"] * 20)
    after = pl.Series(["A"] * 15 + ["B"] * 20 + ["C"] * 15)
    found = population_stability_index(before, after)
    shares = ((0.5, 0.3), (0.3, 0.4), (0.2, 0.3))
    assert found.value == pytest.approx(sum((b - a) * math.log(b / a) for a, b in shares))
    assert found.chance == pytest.approx((1 / 100 + 1 / 50) * 2)  # three bins that hold a loan: two degrees of freedom
    assert found.largest == "A: 50% then, 30% now"
    assert found.low == 0.0 <= found.value <= found.high
    scale = 1 / 100 + 1 / 50
    assert ncx2.cdf(found.value / scale, 2, found.high / scale) == pytest.approx(
        0.05, abs=1e-6
    )  # 90% between the bounds


def test_more_confidence_means_a_wider_interval_of_the_index() -> None:
    before, after = pl.Series(["A"] * 500 + ["B"] * 500), pl.Series(["A"] * 700 + ["B"] * 300)
    narrow, wide = (population_stability_index(before, after, confidence) for confidence in (0.5, 0.95))
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high
    assert narrow.low > 0


def test_a_bin_that_one_side_alone_holds_counts_among_the_degrees_of_freedom() -> None:
    before, after = pl.Series(["A"] * 50 + ["B"] * 50), pl.Series(["A"] * 30 + ["C"] * 20)
    found = population_stability_index(before, after)
    assert found.chance == pytest.approx((1 / 100 + 1 / 50) * 2)  # A, B and unseen hold a loan; rare and missing none
    assert found.largest == "B: 50% then, 0% now"
    alone = population_stability_index(pl.Series(["A"] * 10), pl.Series(["A"] * 5))
    assert alone.chance == pytest.approx(1 / 10 + 1 / 5)  # one bin still has one degree
