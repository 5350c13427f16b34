"""ROC curve and lift table: the area is the AUC, every loan is counted once, ties stay together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from p2pcredit.models.evaluation.discrimination import auc
from p2pcredit.models.evaluation.gains import lift_table, roc_points

loans = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=1, max_size=80)


@given(loans)
@bounded(deadline=None)
def test_the_area_under_the_curve_is_the_auc_ties_included(rows: list[tuple[int, int]]) -> None:
    labels, risk = (np.array(column) for column in zip(*rows, strict=True))
    points = roc_points(labels, risk)
    expected = auc(labels, risk)
    if expected is None:
        assert points == []
        return
    x, y = [p["goods_share"] for p in points], [p["bads_share"] for p in points]
    assert np.trapezoid(y, x) == pytest.approx(expected, abs=1e-12)
    assert (x[0], y[0], x[-1], y[-1]) == (0.0, 0.0, 1.0, pytest.approx(1.0))
    oracle_x, oracle_y, _ = roc_curve(labels, risk, drop_intermediate=False)
    assert x == pytest.approx(oracle_x.tolist())
    assert y == pytest.approx(oracle_y.tolist())


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    rng = np.random.default_rng(2)
    points = roc_points(rng.integers(0, 2, 5000), rng.random(5000))
    assert len(points) == 60
    assert (points[0]["bads_share"], points[-1]["goods_share"]) == (0.0, 1.0)


@given(loans)
@bounded(deadline=None)
def test_the_lift_table_counts_every_loan_and_bad_once(rows: list[tuple[int, int]]) -> None:
    labels, risk = (np.array(column) for column in zip(*rows, strict=True))
    table = lift_table(labels, risk)
    assert sum(row["n"] for row in table) == labels.size
    assert sum(row["bads"] for row in table) == labels.sum()
    if labels.sum():
        assert table[-1]["captured"] == pytest.approx(1.0)
        assert sum(row["lift"] * row["n"] for row in table) == pytest.approx(labels.size)
    else:
        assert {row["lift"] for row in table} == {None}


def test_the_riskiest_come_first_and_nothing_gives_nothing() -> None:
    labels, risk = [0] * 60 + [1] * 40, np.linspace(0, 1, 100)
    table = lift_table(labels, risk)
    assert [row["rate"] for row in table] == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert [row["captured"] for row in table[:2]] == [0.5, 1.0]
    assert lift_table([], []) == []
    assert roc_points([], []) == []
