"""The effect of lacking a value: pulled to nothing where few loans lack it, as far as they say where many do."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.models.absence_effects import Outcomes, estimate_effects, with_effects
from p2pcredit.models.evaluation.intervals import logistic
from p2pcredit.models.training_support import (
    AbsenceEffect,
    ColumnSupport,
    absence_facts,
    learn_support,
    support_as_json,
    support_from_json,
)

KEY = ("fico", "missing")


def one(bads: int, loans: int, margin: float = -2.0) -> AbsenceEffect:
    outcome = np.repeat([1.0, 0.0], [bads, loans - bads])
    return estimate_effects({KEY: np.ones(loans, dtype=bool)}, np.full(loans, margin), Outcomes(outcome))[0]


def test_few_loans_without_a_bad_improve_no_score() -> None:
    assert one(0, 10).effect == 0.0
    assert one(0, 30).effect == 0.0


def test_many_loans_with_few_bads_improve_it_as_far_as_is_beyond_chance() -> None:
    found = one(20, 2000)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.effect == found.high < 0.0


def test_loans_that_default_more_often_raise_the_risk_by_the_pulled_estimate() -> None:
    raw = np.log(600 / 1400) + 2.0
    assert 0.0 < one(6, 20).effect < raw
    assert one(600, 2000).effect == pytest.approx(raw, abs=0.05)


def test_the_estimate_is_where_the_penalised_score_is_zero() -> None:
    found = one(600, 2000)
    expected = 2000 * logistic(np.array([-2.0 + found.effect]))[0]
    assert 600 - expected == pytest.approx(10.0 * found.effect, abs=1e-6)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=60))
@settings(deadline=None)
def test_no_effect_lowers_the_risk_further_than_its_interval_allows(rows: list[tuple[bool, bool, bool]]) -> None:
    first, second, bad = (np.array(column) for column in zip(*rows, strict=True))
    absent = {("fico", "missing"): first | ~second, ("purpose", "rare"): second}
    outcomes = Outcomes(bad.astype(float), np.full(len(rows), 0.05), -3.0)
    for found in estimate_effects(absent, np.full(len(rows), -3.0), outcomes):
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.high
        assert found.effect >= min(0.0, found.high)


def test_columns_that_are_missing_together_share_one_effect() -> None:
    rows = np.repeat([True, False], [400, 400])
    outcome = np.concatenate([np.tile([1.0, 0.0], 200), np.zeros(400)])
    alone = estimate_effects({KEY: rows}, np.full(800, -2.0), Outcomes(outcome))[0].effect
    both = estimate_effects({KEY: rows, ("dti", "missing"): rows}, np.full(800, -2.0), Outcomes(outcome))
    assert both[0].effect == pytest.approx(both[1].effect)
    assert both[0].effect + both[1].effect == pytest.approx(alone, rel=0.15)


def test_a_column_that_hardly_any_loan_lacked_keeps_no_effect() -> None:
    column = pl.DataFrame({"fico": [None] * 4 + [700.0] * 96})
    bads = np.repeat([1.0, 0.0], [4, 96])
    support = learn_support(column, {}, bads)
    assert not support["fico"].knows_missing
    gone = column["fico"].is_null().to_numpy()
    assert with_effects(support, {KEY: gone}, np.full(100, -2.0), Outcomes(bads)) == support


def test_levels_numbers_and_counts_are_kept_and_come_back_from_json() -> None:
    loans = pl.DataFrame({"fico": [640.0, None, 700.0], "purpose": ["CAR", "BOAT", "\0hidden"]})
    support = learn_support(loans, {"purpose": ["CAR"]}, np.array([0.0, 1.0, 1.0]))
    assert support["fico"] == ColumnSupport(3, AbsenceEffect(1, 1), least=640.0, largest=700.0)
    assert support["purpose"] == ColumnSupport(3, rare=AbsenceEffect(2, 2), levels=("BOAT", "CAR"))
    assert support_from_json(support_as_json(support), ()) == support


def test_a_model_of_an_earlier_version_knows_of_no_missing_value() -> None:
    support = support_from_json(None, ["fico"])
    assert not support["fico"].knows_missing
    assert support["fico"].reach is None


def test_the_facts_of_a_card_say_what_each_effect_rests_on() -> None:
    support = {
        "fico": ColumnSupport(1000, AbsenceEffect(2, 1), reach=0.4),
        "purpose": ColumnSupport(
            1000, AbsenceEffect(50, 9, 0.2, -0.1, 0.5), AbsenceEffect(90, 20), levels=("CAR",), reach=0.1
        ),
        "state": ColumnSupport(1000, reach=0.0),
    }
    found = absence_facts(support, {"fico": 700.0, "purpose": "CAR"}, 0.5)
    usual = absence_facts({"fico": ColumnSupport(1000, AbsenceEffect(2, 1, 0.3), reach=0.4)}, {"fico": 700.0}, 0.5)
    assert (usual[0]["effect"], usual[0]["low"], usual[0]["note"]) == (0.15, None, "counts as the average loan")
    assert [(row["feature"], row["state"], row["n"], row["bads"], row["effect"]) for row in found] == [
        ("fico", "missing", 2, 1, 0.0),
        ("purpose", "missing", 50, 9, 0.1),
        ("purpose", "rare", 90, 20, None),
    ]
    assert [row["note"] for row in found] == ["counts as the reference value", "", "learned like a value"]
    assert (found[1]["low"], found[1]["high"], found[1]["reference"]) == (-0.05, 0.25, "CAR")
