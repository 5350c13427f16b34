from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.not_none import not_none
from tests.unit.monitoring.monitoring_world import make_inputs

from p2pcredit.contracts.feature_sets import features_of
from p2pcredit.contracts.results import Status
from p2pcredit.errors import MonitoringError
from p2pcredit.monitoring.metrics.drift import measure_drift, population_stability_index, stability_of_counts
from p2pcredit.monitoring.metrics.psi_bins import fit_bins
from p2pcredit.settings import Settings

COUNTS = st.lists(st.integers(0, 500), min_size=1, max_size=8).filter(lambda counts: sum(counts) > 0)
NUMBERS = st.lists(
    st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(float("nan")), st.just(0.0)), min_size=1, max_size=60
)
LEVELS = st.lists(st.one_of(st.none(), st.sampled_from(["RENT", "OWN", "<b>", ""])), min_size=1, max_size=60)


@given(COUNTS)
def test_stability_is_zero_on_itself(counts: list[int]) -> None:
    assert stability_of_counts(np.array(counts), np.array(counts)) == 0.0


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(*[st.lists(st.integers(0, 99), min_size=n, max_size=n)] * 2)))
def test_stability_is_symmetric_and_never_negative(pair: tuple[list[int], list[int]]) -> None:
    a, b = np.array(pair[0]) + 0, np.array(pair[1]) + 0
    if not a.sum() or not b.sum():
        with pytest.raises(MonitoringError):
            stability_of_counts(a, b)
        return
    assert stability_of_counts(a, b) == pytest.approx(stability_of_counts(b, a))
    assert stability_of_counts(a, b) >= 0
    assert math.isfinite(stability_of_counts(a, b))


@given(
    st.one_of(
        NUMBERS.map(lambda v: pl.Series(v, dtype=pl.Float64)), LEVELS.map(lambda v: pl.Series(v, dtype=pl.String))
    )
)
def test_a_column_has_not_moved_from_itself_and_every_row_falls_in_one_bin(column: pl.Series) -> None:
    found = population_stability_index(column, column)
    assert found.value == 0.0
    assert found.low == 0.0
    bins = fit_bins(column)
    assert int(bins.count(column).sum()) == len(column)
    assert len(bins.names) == bins.count(column).size


def test_stability_equals_the_textbook_sum() -> None:
    before, after = [0.2, 0.3, 0.5], [0.25, 0.35, 0.4]
    oracle = sum((a - b) * math.log(a / b) for a, b in zip(after, before, strict=True))
    assert stability_of_counts(np.array([20, 30, 50]), np.array([25, 35, 40])) == pytest.approx(oracle)


def test_missing_has_a_bin_of_its_own() -> None:
    before = pl.Series([float(i) for i in range(100)])
    after = pl.Series([float(i) for i in range(50)] * 2).to_frame("x").with_row_index()
    half = after.select(pl.when(pl.col("index") < 50).then("x"))["x"]
    moved = population_stability_index(before, half)
    assert moved.value > 0.25
    assert "missing: 0% then, 50% now" in moved.largest


def test_a_level_never_seen_before_falls_in_the_unseen_bin() -> None:
    bins = fit_bins(pl.Series(["A"] * 60 + ["B"] * 39 + ["C"]))
    assert bins.names == ("A", "B", "rare", "unseen", "missing")
    assert bins.count(pl.Series(["A", "C", "Z", None])).tolist() == [1, 0, 1, 1, 1]


def test_a_number_below_all_it_ever_was_is_unseen_where_values_are_few() -> None:
    bins = fit_bins(pl.Series([36.0] * 10))
    assert bins.count(pl.Series([24.0, 36.0, 60.0, float("nan")])).tolist() == [1, 2, 1]


def test_the_index_of_unmoved_samples_lies_near_its_chance_level() -> None:
    rng = np.random.default_rng(7)
    found = [
        population_stability_index(pl.Series(rng.normal(size=2000)), pl.Series(rng.normal(size=200))) for _ in range(60)
    ]
    assert np.mean([f.value for f in found]) == pytest.approx(found[0].chance, rel=0.25)
    assert found[0].chance == pytest.approx((1 / 2000 + 1 / 200) * 9)
    assert np.mean([f.low == 0.0 for f in found]) > 0.85


def test_a_moved_input_fails_and_its_interval_excludes_chance() -> None:
    inputs = make_inputs(3000)
    found = {r.metric: r for r in measure_drift(inputs, Settings())}
    assert found["psi:annual_income"].status is not Status.FAIL
    moved = inputs.features.with_columns(annual_income=pl.col("annual_income") * 4)
    shifted = {r.metric: r for r in measure_drift(replace(inputs, features=moved), Settings())}
    assert shifted["psi:annual_income"].status is Status.FAIL
    assert not_none(shifted["psi:annual_income"].low) > 0
    assert "by chance alone" in shifted["psi:annual_income"].note
    assert shifted["psi:revolving_balance"] == found["psi:revolving_balance"]


def test_too_few_recent_loans_leave_drift_undetermined() -> None:
    results = measure_drift(make_inputs(300), Settings())
    assert len(results) == 1 + len(features_of("application"))
    assert {r.status for r in results} == {Status.UNDETERMINED}
    assert all(r.value is None for r in results)


def test_no_development_loans_leave_drift_undetermined() -> None:
    inputs = make_inputs(3000)
    for reference in (pl.DataFrame(), inputs.reference.clear()):
        results = measure_drift(replace(inputs, reference=reference), Settings())
        assert results
        assert all(r.value is None and r.status is Status.UNDETERMINED for r in results)


def test_a_column_missing_on_every_loan_is_undetermined_not_stable() -> None:
    inputs = make_inputs(3000)
    blank = pl.lit(None, dtype=pl.Float64).alias("fico")
    nothing = replace(
        inputs, features=inputs.features.with_columns(blank), reference=inputs.reference.with_columns(blank)
    )
    found = {r.metric: r for r in measure_drift(nothing, Settings())}
    assert found["psi:fico"].value is None
    assert found["psi:fico"].status is Status.UNDETERMINED


def test_the_score_is_compared_on_loans_of_the_champion_only() -> None:
    inputs = make_inputs(3000)
    other = inputs.predictions.with_columns(model_id=pl.lit("earlier"))
    found = {r.metric: r for r in measure_drift(replace(inputs, predictions=other), Settings())}
    assert found["psi_score"].n == 0
    assert found["psi_score"].status is Status.UNDETERMINED


def test_features_that_a_champion_reads_are_watched_whatever_sets_the_settings_name() -> None:
    inputs = make_inputs(3000)
    lengths = pl.lit(12.0).alias("title_length")
    inputs = replace(
        inputs, features=inputs.features.with_columns(lengths), reference=inputs.reference.with_columns(lengths)
    )
    unread = {r.metric for r in measure_drift(inputs, Settings())}
    read = {r.metric for r in measure_drift(replace(inputs, champion_features=("title_length",)), Settings())}
    assert read - unread == {"psi:title_length"}
