"""Default over the whole term: the column of the daily run, the curve in Python and in a trace, and models without."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import p2pcredit
from p2pcredit.api.model import Model
from p2pcredit.errors import UsageError
from p2pcredit.jobs.audit.loan_lineage import trace_loan
from p2pcredit.jobs.context import JobContext
from p2pcredit.models.term_structure.structure import TERM_STRUCTURE_FILE, read_term_structure
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank

WITHIN, LIFETIME = "probability_of_default", "lifetime_probability_of_default"


@pytest.fixture
def champion(home: p2pcredit.Home) -> Model:
    found = home.champion()
    assert found is not None
    return found


@pytest.fixture
def scored(home: p2pcredit.Home) -> pl.DataFrame:
    """Scored loans with their features."""
    found = home.table("gold.predictions").join(home.table("gold.feature_store"), on=["loan_id", "snapshot_date"])
    return found.filter(pl.col(WITHIN).is_not_null()).sort("snapshot_date", "loan_id").collect()


def test_the_daily_run_gives_each_loan_default_within_its_term(home: p2pcredit.Home, scored: pl.DataFrame) -> None:
    assert scored[LIFETIME].null_count() == 0
    assert (scored[LIFETIME] >= scored[WITHIN]).all()
    for model_id, loans in scored.group_by("model_id"):
        model = home.model(str(model_id[0]))
        assert model.score(loans.drop(WITHIN, LIFETIME))[LIFETIME].to_list() == loans[LIFETIME].to_list()


def test_a_curve_meets_the_score_at_the_window_and_lifetime_at_its_end(champion: Model, scored: pl.DataFrame) -> None:
    model = champion
    loans = scored.filter(pl.col("model_id") == model.id).head(20)
    curve = model.default_curve(loans)
    assert curve.columns == ["loan_id", "months_on_book", "probability_of_default"]
    window = model.card["settings"]["labels"]["window_months"]
    for loan in loans.iter_rows(named=True):
        own = curve.filter(pl.col("loan_id") == loan["loan_id"])
        assert own["months_on_book"].to_list() == list(range(1, max(int(loan["term_months"]), window) + 1))
        assert (own["probability_of_default"].diff().drop_nulls() >= -1e-12).all()
        assert own["probability_of_default"][window - 1] == loan[WITHIN]
        assert own["probability_of_default"][-1] == pytest.approx(loan[LIFETIME])


def test_a_frame_without_terms_is_said(champion: Model, scored: pl.DataFrame) -> None:
    model = champion
    features = scored.select("loan_id", "snapshot_date", *(n for n in model.feature_names if n != "term_months"))
    if "term_months" in model.feature_names:
        pytest.skip("the champion reads the term itself, and asks for it")
    with pytest.warns(UserWarning, match="term_months"):
        assert model.score(features)[LIFETIME].null_count() == features.height
    with pytest.raises(UsageError, match="term_months"):
        model.default_curve(features)


def test_a_model_of_an_earlier_version_scores_without_a_lifetime(champion: Model, scored: pl.DataFrame) -> None:
    model = replace(champion, _scorer=replace(champion._scorer, structure=None))
    found = model.score(scored.head(3))
    assert found[LIFETIME].to_list() == [None] * 3
    assert found[WITHIN].null_count() == 0
    with pytest.raises(UsageError, match="train a model with this version"):
        model.default_curve(scored.head(3))


def test_a_trace_shows_the_curve_by_half_years(small_home: Path, scored: pl.DataFrame) -> None:
    ctx = JobContext(Layout(small_home), Settings(), "test", datetime(2030, 1, 1, tzinfo=UTC))
    loan = scored.row(-1, named=True)
    (told,) = trace_loan(ctx, loan["loan_id"])["scored"]
    assert told[LIFETIME] == loan[LIFETIME]
    term = int(loan["term_months"])
    assert [point["months_on_book"] for point in told["default_curve"]] == list(range(6, term + 1, 6))
    assert told["default_curve"][-1]["probability_of_default"] == pytest.approx(loan[LIFETIME])


def test_the_card_says_what_the_curve_rests_on(small_home: Path, home: p2pcredit.Home, champion: Model) -> None:
    model = champion
    files = ModelBank(Layout(small_home)).get(model.id).files
    structure, told = read_term_structure(files), model.card["term_structure"]
    assert TERM_STRUCTURE_FILE in files
    assert structure is not None
    assert {term["term_months"]: term["loans"] for term in told["terms"]} == {
        term: curve.loans for term, curve in structure.products.items()
    }
    known = home.table("gold.feature_store", as_of=model.card["as_of"]).collect()
    assert sum(term["loans"] for term in told["terms"]) <= known.height
    for term in told["terms"]:
        assert len(term["curve"]) == structure.horizon_of(term["term_months"])
        assert 0 < term["watched_months"] <= len(term["curve"])
