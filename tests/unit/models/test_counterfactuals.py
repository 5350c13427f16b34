"""Tables over the splits of trees give what the library gives of changed loans, to the last digit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.models.boosting.counterfactuals import Counterfactuals, content_of, start_of, trees_of

COLUMNS = 6
AIMS: dict[str, dict[str, Any]] = {
    "binary:logistic": {"base_score": 0.13},
    "count:poisson": {"base_score": 1.0},
}


def grown(aim: str, depth: int, seed: int, rounds: int = 12) -> tuple[xgb.Booster, np.ndarray]:
    """Grow trees on numbers with gaps, two columns of which are 0 or 1 as those of levels are."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(600, COLUMNS)).round(1).astype(np.float32)
    columns[:, 4:] = columns[:, 4:] > 0.5
    columns[rng.random(columns.shape) < 0.15] = np.nan
    noise = rng.normal(size=600)
    bads = (np.nan_to_num(columns[:, 0] - columns[:, 1] * columns[:, 4]) + noise > 0.7).astype(float)
    how = {"objective": aim, "max_depth": depth, "eta": 0.3, "min_child_weight": 0.1, "seed": seed, "nthread": 1}
    booster = xgb.train({**how, **AIMS[aim]}, xgb.DMatrix(columns, label=bads), rounds)
    return booster, columns


def predicted(booster: xgb.Booster, columns: np.ndarray) -> np.ndarray:
    return booster.inplace_predict(columns, predict_type="margin", missing=np.nan, validate_features=False)


@pytest.mark.parametrize("aim", AIMS)
@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_sums_are_the_predictions_of_changed_loans(aim: str, depth: int) -> None:
    booster, columns = grown(aim, depth, seed=depth)
    usual = columns[3].copy()
    usual[2] = np.nan  # a feature that the reference borrower lacks
    spans = [slice(0, 1), slice(1, 2), slice(2, 3), slice(4, 6)]  # no change is asked for of column 3
    sums = Counterfactuals(booster, usual, spans).sums(columns)
    assert sums.dtype == np.float32
    assert np.array_equal(sums[:, 0], predicted(booster, columns))
    for place, span in enumerate(spans, 1):
        changed = columns.copy()
        changed[:, span] = usual[span]
        assert np.array_equal(sums[:, place], predicted(booster, changed)), span
    assert (sums[:, 1:] != sums[:, :1]).any(axis=0)[0]  # changing the first moves some loans
    assert np.ptp(sums[:, 0]) > 0.3


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(
            st.one_of(st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0]), st.floats(-3, 3, width=32)),
            min_size=COLUMNS,
            max_size=COLUMNS,
        ),
        min_size=2,
        max_size=20,
    )
)
def test_sums_are_those_of_any_numbers_infinite_ones_too(rows: list[list[float]]) -> None:
    booster, _ = BOOSTER
    columns = np.array(rows, dtype=np.float32)
    usual = columns[0]
    sums = Counterfactuals(booster, usual, [slice(0, 2), slice(2, 6)]).sums(columns)
    for place, span in enumerate([slice(0, 0), slice(0, 2), slice(2, 6)]):
        changed = columns.copy()
        changed[:, span] = usual[span]
        assert np.array_equal(sums[:, place], predicted(booster, changed))


@pytest.mark.parametrize("aim", AIMS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_one_loan_gets_the_sums_of_many(aim: str, depth: int) -> None:
    booster, columns = grown(aim, depth, seed=depth)
    usual = columns[3].copy()
    tables = Counterfactuals(booster, usual, [slice(0, 1), slice(1, 2), slice(4, 6)])
    one_by_one = [tables.of_one(row) for row in columns[:100]]
    assert np.array_equal(np.stack([row for row in one_by_one if row is not None]), tables.sums(columns[:100]))


def test_one_loan_has_no_sums_where_a_tree_is_deeper_than_a_table() -> None:
    booster, columns = BOOSTER
    assert Counterfactuals(booster, columns[0], [slice(0, 2)]).of_one(columns[1]) is None


BOOSTER = grown("binary:logistic", 4, seed=9)


def test_a_tree_of_one_leaf_and_no_loans_are_no_exception() -> None:
    booster, columns = grown("binary:logistic", 3, seed=1, rounds=2)
    stump = xgb.train({"max_depth": 2, "gamma": 1e9, "base_score": 0.2}, xgb.DMatrix(columns, label=np.ones(600)), 3)
    assert all(isinstance(tree, float) for tree in trees_of(content_of(stump)))
    for trees in (booster, stump):
        assert Counterfactuals(trees, columns[0], [slice(0, 1)]).sums(columns[:0]).shape == (0, 2)
    alone = Counterfactuals(booster, columns[0], []).sums(columns)
    assert np.array_equal(alone[:, 0], predicted(booster, columns))


def test_trees_of_another_aim_have_no_start_and_changes_all_the_same() -> None:
    _, columns = grown("binary:logistic", 3, seed=1, rounds=1)
    ranks = np.nan_to_num(columns[:, 0])
    booster = xgb.train({"objective": "reg:squarederror", "max_depth": 3}, xgb.DMatrix(columns, label=ranks), 5)
    assert start_of(content_of(booster)) is None
    sums = Counterfactuals(booster, columns[0], [slice(0, 1)]).sums(columns)
    changed = columns.copy()
    changed[:, 0] = columns[0, 0]
    assert sums[:, 1] - sums[:, 0] == pytest.approx(predicted(booster, changed) - predicted(booster, columns), abs=1e-5)
