"""Expected loss and return of each scored loan: the columns of the daily run, what they rest on, and loans without."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import p2pcredit
from p2pcredit.api.model import Model
from p2pcredit.contracts.tables import CASH_FLOWS
from p2pcredit.jobs.audit.loan_lineage import trace_loan
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.portfolio.experience import experience_as_of
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.economics.expected import lag_months
from p2pcredit.models.economics.experience import ECONOMICS_FILE, read_experience
from p2pcredit.models.economics.value import value_loans
from p2pcredit.settings import Settings
from p2pcredit.settings.money import MoneySettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

LOSS, RETURN = "expected_loss", "expected_annual_return"


@pytest.fixture
def champion(home: p2pcredit.Home) -> Model:
    found = home.champion()
    assert found is not None
    return found


@pytest.fixture
def scored(home: p2pcredit.Home, champion: Model) -> pl.DataFrame:
    """Loans that the champion scored, with their features."""
    found = home.table("gold.predictions").join(home.table("gold.feature_store"), on=["loan_id", "snapshot_date"])
    known = pl.col("probability_of_default").is_not_null() & (pl.col("model_id") == champion.id)
    return found.filter(known).sort("snapshot_date", "loan_id").collect()


def test_the_daily_run_values_each_loan_with_a_rate_by_what_was_known_when_its_model_was_made(
    small_home: Path, home: p2pcredit.Home, champion: Model, scored: pl.DataFrame
) -> None:
    lake = Lake(Layout(small_home), pinned=champion.card["delta_versions"])
    settings = Settings.model_validate(champion.card["settings"])
    known = experience_as_of(lake, settings, date.fromisoformat(champion.card["as_of"])).experience
    structure = champion._scorer.structure
    assert structure is not None
    chances = scored["probability_of_default"].to_numpy()
    valued = value_loans(structure, known, chances, scored["term_months"], scored["interest_rate_share"])
    priced = scored["interest_rate_share"].is_not_null()
    assert priced.any()
    assert np.array_equal(scored[LOSS].filter(priced), valued.loss[priced.to_numpy()])
    assert np.array_equal(scored[RETURN].filter(priced), valued.annual_return(0.0)[priced.to_numpy()])
    assert scored.filter(~priced)[LOSS].null_count() == scored.filter(~priced).height
    assert scored.filter(priced)[LOSS].is_between(0.0, 1.0).all()


def test_what_they_rest_on_lies_beside_the_model_and_stands_in_card_and_trace(
    small_home: Path, champion: Model, scored: pl.DataFrame
) -> None:
    files = ModelBank(Layout(small_home)).get(champion.id).files
    known = read_experience({ECONOMICS_FILE: files[ECONOMICS_FILE]})
    assert known is not None
    assert champion.card["economics"]["as_of"] == champion.card["as_of"] == known.as_of.isoformat()
    ctx = JobContext(Layout(small_home), Settings(), "test", datetime(2030, 1, 1, tzinfo=UTC))
    loan = scored.row(-1, named=True)
    (told,) = trace_loan(ctx, loan["loan_id"])["scored"]
    assert (told[LOSS], told[RETURN]) == (loan[LOSS], loan[RETURN])
    product = known.of(int(loan["term_months"]))
    assert told["economics"] == {
        "as_of": known.as_of.isoformat(),
        "lag_months": lag_months(champion.card["settings"]["labels"]["default_days"]),
        "loss_given_default": product.loss_given_default,
        "defaults": product.defaults,
        "source": product.source,
    }


def test_a_cost_of_servicing_is_taken_off(champion: Model, scored: pl.DataFrame) -> None:
    dear = Settings(money=MoneySettings(servicing_rate=0.01))
    usual, costly = (
        replace(champion, _ctx=replace(champion._ctx, settings=one)).score(scored.head(5)) for one in (Settings(), dear)
    )
    assert costly[RETURN].to_list() == pytest.approx((usual[RETURN] - 0.01).to_list())
    assert costly[LOSS].to_list() == usual[LOSS].to_list()


def test_a_loan_without_a_price_has_a_probability_and_no_return(champion: Model, scored: pl.DataFrame) -> None:
    loans = scored.head(3).with_columns(pl.lit(None, dtype=pl.Float64).alias("interest_rate_share"))
    for found in (champion.score(loans), champion.score(loans.drop("interest_rate_share"))):
        assert found["probability_of_default"].null_count() == 0
        assert (found[LOSS].null_count(), found[RETURN].null_count()) == (3, 3)


def test_a_model_of_an_earlier_version_scores_without_them_and_is_made_again_as_it_was(
    small_home: Path, champion: Model, scored: pl.DataFrame
) -> None:
    bare = replace(champion, _scorer=replace(champion._scorer, experience=None))
    assert bare.score(scored.head(3))[RETURN].to_list() == [None] * 3
    versions = {name: found for name, found in champion.card["delta_versions"].items() if name != CASH_FLOWS.name}
    lake = Lake(Layout(small_home), pinned=versions)
    assert TrainingSnapshot(lake, date.fromisoformat(champion.card["as_of"]), Settings(), None).experience is None
