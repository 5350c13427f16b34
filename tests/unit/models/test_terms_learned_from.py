"""A loan of a term that the training loans did not have is told and left to a person, by models of both families."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.unit.models.conftest import AS_OF, make_book

from p2pcredit.models.calibration import Calibration
from p2pcredit.models.family import MODEL_FILE
from p2pcredit.models.outside_training import count_undecided, decide, outside_training
from p2pcredit.models.reference_borrower import ReferenceBorrower
from p2pcredit.models.scoring import load_model, score_loans
from p2pcredit.models.training.candidates import PAIRS, train_candidates
from p2pcredit.models.training_support import (
    AbsenceEffect,
    ColumnSupport,
    Support,
    absence_facts,
    support_as_json,
    support_from_json,
    term_facts,
    with_terms,
)
from p2pcredit.settings import ScoreSettings, Settings

TOLD = "term_months: term not learned from"
MODELS = [pytest.param(pair, id="-".join(pair)) for pair in PAIRS]


@dataclass(frozen=True)
class Trained:
    support: Support
    feature_names: tuple[str, ...] = ("term_months",)
    neutral: ReferenceBorrower = field(default_factory=lambda: {"term_months": 36.0})
    calibration: Calibration = field(default_factory=Calibration)


@pytest.fixture(scope="module")
def models() -> dict[tuple[str, str], Any]:
    """Models of a book of 36 months, with four loans of 60 in the middle."""
    features, outcomes = make_book(2500)
    four = pl.int_range(pl.len()).is_between(600, 603)
    features = features.with_columns(pl.when(four).then(60.0).otherwise(36.0).alias("term_months"))
    run = train_candidates(features, outcomes, as_of=AS_OF, settings=Settings())
    return {(c.family, c.target): load_model(c.model.to_files()) for c in run.candidates}


@pytest.fixture(scope="module")
def loans() -> pl.DataFrame:
    return make_book(6, 2)[0].with_columns(term_months=pl.Series([36.0, 60.0, 12.0, 37.0, None, 36.0]))


@pytest.mark.parametrize("pair", MODELS)
def test_a_loan_of_another_term_is_told_and_referred_by_every_family(
    models: dict[tuple[str, str], Any], loans: pl.DataFrame, pair: tuple[str, str]
) -> None:
    scored = score_loans(models[pair], "m", loans, Settings())
    told = [[TOLD], [TOLD], ["term_months: missing"]]
    assert [scored["outside_training"].to_list()[place] for place in (1, 2, 4)] == told
    assert [scored["decision"][place] == "refer" for place in range(6)] == [False, True, True, False, True, False]
    assert [scored["grade"][place] is None for place in range(6)] == [False, True, True, False, True, False]
    assert scored["probability_of_default"].null_count() == 0
    assert count_undecided(models[pair], loans, Settings()) == 3


@pytest.mark.parametrize("pair", MODELS)
def test_a_setting_scores_or_refuses_a_loan_of_another_term(
    models: dict[tuple[str, str], Any], loans: pl.DataFrame, pair: tuple[str, str]
) -> None:
    for asked, decision in (("score", {"approve", "decline"}), ("refuse", {"refuse"})):
        settings = Settings.model_validate({"scoring": {"outside_training": asked}})
        scored = score_loans(models[pair], "m", loans[1:2], settings)
        assert scored["outside_training"].to_list() == [[TOLD]]
        assert scored["decision"][0] in decision
        assert (scored["probability_of_default"][0] is None) == (asked == "refuse")


@pytest.mark.parametrize("pair", MODELS)
def test_the_card_lists_the_terms_and_says_which_are_known(
    models: dict[tuple[str, str], Any], pair: tuple[str, str]
) -> None:
    support = models[pair].support
    many, *few = term_facts(support)
    assert (many["term_months"], many["known"], many["n"] > 1000) == (36.0, True, True)
    hidden = pair[1] != "matured"  # a fit to what was watched is not shown a term of which hardly a loan has matured
    assert few == ([] if hidden else [{"term_months": 60.0, "n": 4, "known": False}])
    assert "term_months" not in {row["feature"] for row in absence_facts(support, models[pair].neutral, 1.0)}


@pytest.mark.parametrize("pair", MODELS)
def test_a_model_written_before_terms_were_kept_says_nothing_of_them(
    models: dict[tuple[str, str], Any], loans: pl.DataFrame, pair: tuple[str, str]
) -> None:
    files = models[pair].to_files()
    content = json.loads(files[MODEL_FILE])
    if "term_months" not in models[pair].feature_names:
        del content["support"]["term_months"]
    for held in content["support"].values():
        del held["terms"]
    before = load_model({**files, MODEL_FILE: json.dumps(content).encode()})
    told = outside_training(before, loans, ScoreSettings())["outside_training"].to_list()
    assert all(TOLD not in entries for entries in told)
    assert np.array_equal(before.predict(loans), models[pair].predict(loans))


def test_loans_without_the_column_are_not_told(models: dict[tuple[str, str], Any], loans: pl.DataFrame) -> None:
    found = outside_training(models[PAIRS[0]], loans.drop("term_months"), ScoreSettings())
    assert found["outside_training"].to_list() == [[]] * 6


def test_terms_are_counted_shortest_first_and_written_and_read() -> None:
    loans = pl.DataFrame({"term_months": [60.0, 36.0, None, 36.0, float("nan")]})
    support = with_terms({}, loans)
    assert support["term_months"] == ColumnSupport(
        5, AbsenceEffect(2), least=36.0, largest=60.0, reach=0.0, terms=((36.0, 2), (60.0, 1))
    )
    assert support_from_json(json.loads(json.dumps(support_as_json(support))), ()) == support


def test_what_the_model_knows_of_the_term_as_a_feature_stays() -> None:
    held = ColumnSupport(2, AbsenceEffect(0), least=36.0, largest=60.0, reach=0.4)
    found = with_terms({"term_months": held}, pl.DataFrame({"term_months": [36.0, 60.0]}))["term_months"]
    assert (found.reach, found.terms) == (0.4, ((36.0, 1), (60.0, 1)))


@pytest.mark.parametrize("frame", [pl.DataFrame({"fico": [700.0]}), pl.DataFrame({"term_months": [None]})])
def test_loans_of_which_no_term_is_known_leave_the_support_as_it_was(frame: pl.DataFrame) -> None:
    assert with_terms({}, frame) == {}


@pytest.mark.parametrize(
    ("months", "known"),
    [(36.0, True), (35.0, True), (37.0, True), (38.0, False), (48.0, False), (60.0, False), (12.5, True)],
)
def test_a_term_is_known_if_enough_loans_had_it_or_nearly_it(months: float, known: bool) -> None:
    held = ColumnSupport(2000, terms=((12.0, 3), (13.0, 2), (36.0, 1991), (60.0, 4)))
    assert held.knows_term(months) is known


def test_a_term_of_fewer_than_one_loan_in_a_thousand_is_not_known() -> None:
    held = ColumnSupport(10_000, terms=((36.0, 9_991), (60.0, 9)))
    assert [held.knows_term(60.0), held.knows_term(36.0)] == [False, True]


def test_a_term_that_is_a_feature_is_told_once_and_matters_whatever_its_reach() -> None:
    held = ColumnSupport(1000, least=36.0, largest=36.0, reach=1e-9, terms=((36.0, 1000),))
    loans = pl.DataFrame({"term_months": [36.0, 360.0, None]})
    found = outside_training(Trained({"term_months": held}), loans, ScoreSettings())
    assert found.rows() == [([], False, False), ([TOLD], True, False), (["term_months: missing"], True, False)]
    assert decide(found, np.full(3, 0.01), Settings()).to_list() == ["approve", "refer", "refer"]
