from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pytest

from p2pcredit.models.calibration import Calibration
from p2pcredit.models.outside_training import (
    count_undecided,
    decide,
    outside_training,
    withhold,
)
from p2pcredit.models.reference_borrower import ReferenceBorrower
from p2pcredit.models.training_support import AbsenceEffect, ColumnSupport, Support
from p2pcredit.settings import ScoreSettings, Settings

POINT = np.log(2.0) / 20.0
"""Log-odds of one point of the score."""

SUPPORT: Support = {
    "fico": ColumnSupport(1000, least=600.0, largest=850.0, reach=30 * POINT),
    "annual_income": ColumnSupport(1000, AbsenceEffect(40, 3), least=1.0, largest=1e6, reach=9 * POINT),
    "purpose": ColumnSupport(1000, levels=("CAR", "CARDS"), reach=0.6 * POINT),
    "state": ColumnSupport(1000, levels=("CA",), reach=0.6 * POINT),
    "term_months": ColumnSupport(1000, least=36.0, largest=36.0, reach=0.0),
}


@dataclass(frozen=True)
class Trained:
    support: Support
    feature_names: tuple[str, ...] = tuple(SUPPORT)
    neutral: ReferenceBorrower = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)


USUAL = {"fico": 700.0, "annual_income": 5e4, "purpose": "CAR", "state": "CA", "term_months": 36.0}


def told(**values: object) -> tuple[list[str], bool]:
    kinds = {name: pl.String() if isinstance(value, str) else pl.Float64() for name, value in USUAL.items()}
    loans = pl.DataFrame([{**USUAL, **values}], schema=kinds)
    found = outside_training(Trained(SUPPORT), loans, ScoreSettings())
    return found["outside_training"].to_list()[0], found["matters"][0]


def test_loans_that_a_model_would_leave_to_a_person_are_counted_where_the_settings_leave_any() -> None:
    loans = pl.DataFrame(
        [{**USUAL, "fico": score} for score in (None, None, 700.0)], schema_overrides={"fico": pl.Float64}
    )
    free = Settings.model_validate({"scoring": {"outside_training": "score"}})
    assert [count_undecided(Trained(SUPPORT), loans, asked) for asked in (Settings(), free)] == [2, 0]


def test_columns_behind_the_term_are_told_where_the_term_is_told_by_its_own_rule() -> None:
    term = ColumnSupport(1000, least=36.0, largest=36.0, reach=POINT, terms=((36.0, 1000),))
    model = Trained({"term_months": term, "fico": SUPPORT["fico"]}, ("term_months", "fico"))
    loans = pl.DataFrame(
        {"term_months": [60.0], "fico": [None]}, schema={"term_months": pl.Float64, "fico": pl.Float64}
    )
    told = outside_training(model, loans, ScoreSettings())["outside_training"].to_list()
    assert told == [["term_months: term not learned from", "fico: missing"]]


def test_a_value_that_the_reference_borrower_lacks_too_is_not_told() -> None:
    before = Trained({"fico": ColumnSupport(0)}, ("fico",), {"fico": None})  # of a model that kept no counts
    loans = pl.DataFrame({"fico": [None, 700.0]}, schema={"fico": pl.Float64})
    assert outside_training(before, loans, ScoreSettings())["outside_training"].to_list() == [[], []]


@pytest.mark.parametrize(
    ("values", "entries", "matters"),
    [
        ({}, [], False),
        ({"fico": None}, ["fico: missing"], True),
        ({"fico": float("nan")}, ["fico: missing"], True),
        ({"annual_income": None}, [], False),
        ({"fico": 851.0}, ["fico: beyond trained range"], False),
        ({"fico": 599.0}, ["fico: beyond trained range"], False),
        ({"fico": 600.0, "annual_income": 1e6}, [], False),
        ({"purpose": "BOAT"}, ["purpose: level never seen"], False),
        ({"purpose": None}, ["purpose: missing"], False),
        ({"purpose": "BOAT", "state": None}, ["purpose: level never seen", "state: missing"], True),
        ({"term_months": None}, [], False),
        ({"term_months": 60.0}, [], False),
    ],
)
def test_each_value_outside_training_is_told_and_matters_if_it_can_move_a_point(
    values: dict[str, object], entries: list[str], matters: bool
) -> None:
    assert told(**values) == (entries, matters)


def test_a_model_without_a_reference_borrower_says_nothing() -> None:
    found = outside_training(Trained({}), pl.DataFrame({"fico": [None, 1.0]}), ScoreSettings())
    assert found.rows() == [([], False, False), ([], False, False)]
    assert found.schema["outside_training"] == pl.List(pl.String)


def test_a_column_that_moves_no_score_keeps_none_behind_it_from_being_told() -> None:
    model = Trained(SUPPORT, ("term_months", "fico"))
    loans = pl.DataFrame(
        {"term_months": [None], "fico": [None]}, schema={"term_months": pl.Float64, "fico": pl.Float64}
    )
    assert outside_training(model, loans, ScoreSettings()).rows() == [(["fico: missing"], True, False)]


def test_fewer_points_for_each_doubling_make_fewer_columns_matter() -> None:
    loans = pl.DataFrame([{**USUAL, "fico": None}], schema_overrides={"fico": pl.Float64})
    coarse = outside_training(Trained(SUPPORT), loans, ScoreSettings(points_to_double_odds=0.5))
    assert coarse["outside_training"].to_list() == [["fico: missing"]]
    assert coarse["matters"].to_list() == [False]


@pytest.mark.parametrize(
    ("asked", "decisions"), [("score", ["approve", "decline"]), ("refer", ["refer"] * 2), ("refuse", ["refuse"] * 2)]
)
def test_a_setting_says_what_becomes_of_a_loan_for_which_it_matters(asked: str, decisions: list[str]) -> None:
    settings = Settings.model_validate({"scoring": {"outside_training": asked}})
    chances = np.array([0.08, 0.081, 0.08, 0.081])
    outside = pl.DataFrame({"matters": [True, True, False, False], "beyond_matters": [False] * 4})
    found = decide(outside, chances, settings)
    assert found.to_list() == [*decisions, "approve", "decline"]


@pytest.mark.parametrize(
    ("unknown", "beyond", "decisions"),
    [
        ("refer", "score", ["refer", "approve", "refer", "approve"]),
        ("score", "refer", ["approve", "refer", "refer", "approve"]),
        ("refer", "refuse", ["refer", "refuse", "refuse", "approve"]),
        ("refuse", "refer", ["refuse", "refer", "refuse", "approve"]),
        ("score", "score", ["approve"] * 4),
    ],
)
def test_a_setting_of_its_own_says_what_becomes_of_numbers_beyond_the_trained_range(
    unknown: str, beyond: str, decisions: list[str]
) -> None:
    settings = Settings.model_validate({"scoring": {"outside_training": unknown, "beyond_range": beyond}})
    model = Trained(SUPPORT)
    values: list[dict[str, object]] = [
        {"fico": None},
        {"fico": 1101.0},
        {"fico": None, "annual_income": 1e7},
        {"annual_income": 1e6},
    ]
    loans = pl.DataFrame([{**USUAL, **some} for some in values], schema_overrides={"fico": pl.Float64})
    found = decide(outside_training(model, loans, settings.scores), np.full(4, 0.01), settings)
    assert found.to_list() == decisions
    assert count_undecided(model, loans, settings) == sum(one != "approve" for one in decisions)


HALF, TENTH = 0.5, 0.0999999
FICO, NEAR_ZERO = (600.0, 850.0), (1.0, 1e6)  # 250 wide, and one of which nearly all is far from its least


@pytest.mark.parametrize(
    ("number", "trained", "margin", "decision"),
    [
        (850.0, FICO, 1.0, "approve"),
        (851.0, FICO, 1.0, "approve"),
        (1100.0, FICO, 1.0, "approve"),
        (1100.5, FICO, 1.0, "refer"),
        (350.0, FICO, 1.0, "approve"),
        (349.5, FICO, 1.0, "refer"),
        (975.0, FICO, HALF, "approve"),
        (976.0, FICO, HALF, "refer"),
        (850.5, FICO, 0.0, "refer"),
        (599.5, FICO, 0.0, "refer"),
        (850.0, FICO, 0.0, "approve"),
        (TENTH, NEAR_ZERO, 1.0, "refer"),
        (0.1, NEAR_ZERO, 1.0, "approve"),
        (TENTH, NEAR_ZERO, 9.0, "refer"),
        (-0.5, NEAR_ZERO, 1.0, "refer"),
        (-0.01, (0.0, 30.0), 1.0, "refer"),
        (-5.0, (-4.0, 30.0), 1.0, "approve"),
        (-38.5, (-4.0, 30.0), 1.0, "refer"),
        (float("inf"), (0.0, 3.0), 1.0, "refer"),
        (1e9, (0.0, float("inf")), 1.0, "approve"),
        (-1.0, (-0.5, float("inf")), 0.0, "refer"),
    ],
)
def test_a_number_far_beyond_the_trained_range_is_referred_and_one_a_little_beyond_is_scored(
    number: float, trained: tuple[float, float], margin: float, decision: str
) -> None:
    settings = Settings.model_validate({"scoring": {"beyond_range_margin": margin}})
    model = Trained(
        {"amount": ColumnSupport(1000, least=trained[0], largest=trained[1], reach=POINT)}, feature_names=("amount",)
    )
    loans = pl.DataFrame({"amount": [number]})
    outside = outside_training(model, loans, settings.scores, margin)
    inside = trained[0] <= number <= trained[1]
    assert outside["outside_training"].to_list() == [[] if inside else ["amount: beyond trained range"]]
    assert decide(outside, np.array([0.01]), settings).to_list() == [decision]
    assert count_undecided(model, loans, settings) == (decision == "refer")


def test_numbers_beyond_the_range_that_move_no_whole_point_are_decided_as_usual() -> None:
    settings = Settings.model_validate({"scoring": {"beyond_range": "refuse"}})
    little = Trained(
        {"annual_income": ColumnSupport(1000, least=1.0, largest=1e6, reach=0.9 * POINT)}, ("annual_income",)
    )
    outside = outside_training(little, pl.DataFrame({"annual_income": [1e7]}), settings.scores)
    assert outside.rows() == [(["annual_income: beyond trained range"], False, False)]
    assert decide(outside, np.array([0.01]), settings).to_list() == ["approve"]


def test_no_loans_have_no_decisions() -> None:
    outside = pl.DataFrame(schema={"matters": pl.Boolean, "beyond_matters": pl.Boolean})
    found = decide(outside, np.zeros(0), Settings())
    assert (found.len(), found.dtype) == (0, pl.String)


def test_what_a_decision_withholds_is_null_and_the_rest_stays() -> None:
    names = ("score", *(f"reason_{rank}" for rank in range(1, 5)))
    scored = pl.DataFrame(
        {
            "probability_of_default": [0.1] * 3,
            "lifetime_probability_of_default": [0.3] * 3,
            "expected_loss": [0.1] * 3,
            "expected_annual_return": [0.05] * 3,
            "grade": ["A"] * 3,
            **{name: ["x"] * 3 for name in names},
            "decision": ["approve", "refer", "refuse"],
        }
    )
    found = withhold(scored)
    assert found["grade"].to_list() == ["A", None, None]
    assert found["probability_of_default"].to_list() == [0.1, 0.1, None]
    assert found["lifetime_probability_of_default"].to_list() == [0.3, 0.3, None]
    assert found["expected_loss"].to_list() == [0.1, 0.1, None]
    assert found["expected_annual_return"].to_list() == [0.05, 0.05, None]
    assert all(found[name].to_list() == ["x", "x", None] for name in names)
