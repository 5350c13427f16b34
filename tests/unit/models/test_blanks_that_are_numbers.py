"""A blank in the feed may be a number in the feature store: no title has 0 characters, no delinquency 1,200 months."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest

from p2pcredit.contracts.feature import NEVER_MONTHS
from p2pcredit.contracts.features import FEATURES
from p2pcredit.models.absence_effects import Outcomes
from p2pcredit.models.boosting.model import fit_boosting
from p2pcredit.models.outside_training import outside_training
from p2pcredit.models.reference_borrower import feature_named
from p2pcredit.models.scorecard.fit import fit_scorecard
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.scorecard.points import PointScale
from p2pcredit.models.scorecard.points_table import as_csv, as_sql
from p2pcredit.models.scoring import load_model, score_loans
from p2pcredit.settings import ScoreSettings, SelectionSettings, Settings

BLANK = {"title_length": 0.0, "months_since_delinquency": NEVER_MONTHS}
USUAL: dict[str, float | str | None] = {"title_length": 17.0, "months_since_delinquency": 60.0}
OPEN = SelectionSettings(min_information_value=0.0, max_feature_psi=9.0, min_half_information_value=-9.0)


@dataclass(frozen=True)
class Book:
    loans: pl.DataFrame
    bads: Any


def book(blank_loans: int) -> Book:
    """Loans of which the longest titles are the riskiest, and the oldest delinquencies the safest."""
    rng = np.random.default_rng(8)
    length, months = rng.integers(5, 30, 1500).astype(float), rng.integers(1, 120, 1500).astype(float)
    chance = 1 / (1 + np.exp(2.0 - 0.12 * (length - 17) + 0.02 * (months - 60)))
    bads = (rng.random(1500) < chance).astype(float)
    length[:blank_loans], months[:blank_loans] = BLANK["title_length"], NEVER_MONTHS
    loans = pl.DataFrame({"title_length": length, "months_since_delinquency": months})
    return Book(loans.with_columns(loan_id=pl.int_range(1500).cast(pl.String), snapshot_date=None), bads)


def fitted(family: str, blank_loans: int) -> Any:
    taught, features = book(blank_loans), tuple(feature_named(name) for name in BLANK)
    if family == "scorecard":
        plain: Any = fit_scorecard(taught.loans, features, taught.bads, selection=OPEN, scale=PointScale())
    else:
        plain = fit_boosting(taught.loans, features, taught.bads, seed=1, threads=1)
    return load_model(plain.with_reference(USUAL, taught.loans, Outcomes(taught.bads)).to_files())


@pytest.mark.parametrize("family", ["scorecard", "boosting"])
@pytest.mark.parametrize("name", sorted(BLANK))
@pytest.mark.parametrize("blank_loans", [0, 3])
def test_a_blank_that_too_few_training_loans_had_scores_no_better_than_the_reference_value(
    family: str, name: str, blank_loans: int
) -> None:
    model, loans = fitted(family, blank_loans), book(0).loans.head(50)
    blank = loans.with_columns(pl.lit(BLANK[name]).alias(name))
    usual = loans.with_columns(pl.lit(USUAL[name]).alias(name))
    missing = loans.with_columns(pl.lit(None, pl.Float64).alias(name))
    assert model.predict(blank).tolist() == model.predict(missing).tolist()
    moved = model.margin(blank) - model.margin(usual)
    assert moved == pytest.approx(np.full(50, model.support[name].missing.effect), abs=1e-6)
    assert moved[0] >= 0.0
    told = outside_training(model, blank, ScoreSettings())
    assert told["outside_training"].to_list() == [[f"{name}: missing"]] * 50
    assert told["matters"].all()


@pytest.mark.parametrize("family", ["scorecard", "boosting"])
def test_a_blank_that_many_training_loans_had_is_a_value_like_any_other(family: str) -> None:
    model, loans = fitted(family, 300), book(0).loans.head(50)
    blank = loans.with_columns(pl.lit(0.0).alias("title_length"))
    assert model.support["title_length"].blanks == 300
    assert outside_training(model, blank, ScoreSettings())["outside_training"].explode().drop_nulls().is_empty()


def test_a_reason_of_such_a_loan_says_that_there_is_no_information() -> None:
    loans = pl.DataFrame(
        {"loan_id": ["a"], "snapshot_date": [None], "title_length": [0.0], "months_since_delinquency": [NEVER_MONTHS]}
    )
    low = fitted("scorecard", 0)
    scored = score_loans(low, "m", loans, Settings()).row(0, named=True)
    assert scored["decision"] == "refer"
    raising = [name for name, held in low.support.items() if held.missing.effect > 0.0]
    assert raising == ["title_length"]
    assert "title" in scored["reason_1"].lower()
    assert scored["reason_2"] is None  # as the reference borrower: no value would have given a better score


def test_the_printed_card_and_its_sql_count_such_a_number_as_missing() -> None:
    card = fitted("scorecard", 0)
    assert isinstance(card, ScorecardModel)
    loans = book(0).loans.head(40).drop("snapshot_date")
    odd = pl.concat([loans, *(loans.with_columns(pl.lit(number).alias(name)) for name, number in BLANK.items())])
    odd = odd.with_columns(loan_id=pl.int_range(120))
    with sqlite3.connect(":memory:") as base:
        base.execute("CREATE TABLE feature_store (loan_id INTEGER, title_length REAL, months_since_delinquency REAL)")
        rows = odd.select("loan_id", *BLANK).rows()
        base.executemany("INSERT INTO feature_store VALUES (?, ?, ?)", rows)
        found = dict(base.execute(as_sql("m", card, PointScale())).fetchall())
    base.close()
    chances = card.predict(odd)
    expected = np.rint(PointScale().points(np.log(chances / (1 - chances)))).astype(int)
    assert [found[place] for place in range(120)] == expected.tolist()
    assert "1200, as missing" in as_csv(card, PointScale())


def test_every_feature_that_measures_a_text_names_its_number_for_a_blank() -> None:
    measuring = {feature.name for feature in FEATURES if feature.name.endswith(("_length", "_words_count", "_given"))}
    assert {feature.name for feature in FEATURES if feature.blank == 0.0} == measuring
