"""The state is learned from only where later loans bear out every state that it would be held against."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from p2pcredit.models.training.candidates import TrainingRun, train_candidates
from p2pcredit.models.training.redlining import Redlining, StateEffect, _judge, hold_to_redlining_rule
from p2pcredit.settings import Settings, TrainingSettings

AS_OF = date(2012, 6, 30)


def book_of(older: dict[str, float], newer: dict[str, float], loans: int = 4000, seed: int = 3) -> pl.DataFrame:
    """Make loans of equal parts of each state, with these chances of default by state in either half."""
    rng = np.random.default_rng(seed)
    halves = []
    for chances in (older, newer):
        states = rng.choice(list(chances), loans)
        income = rng.lognormal(10.8, 0.4, loans)
        chance = np.array([chances[state] for state in states]) * np.exp(-0.5 * (np.log(income) - 10.8))
        halves.append(
            pl.DataFrame({"state": states, "annual_income": income, "label": (rng.random(loans) < chance).astype(int)})
        )
    return pl.concat(halves)


def told(loans: pl.DataFrame) -> Redlining:
    return hold_to_redlining_rule(loans, ("annual_income", "state"))


def test_a_state_that_stays_riskier_passes() -> None:
    found = told(book_of({"AA": 0.2, "BB": 0.08, "CC": 0.08}, {"AA": 0.2, "BB": 0.08, "CC": 0.08}))
    assert found.passed, found.reason
    assert [effect.state for effect in found.states] == ["AA"]
    assert found.states[0].factor > 1.5


def test_a_state_that_was_riskier_once_and_no_longer_is_fails_by_its_name() -> None:
    found = told(book_of({"AA": 0.2, "BB": 0.08, "CC": 0.08}, {"AA": 0.12, "BB": 0.12, "CC": 0.12}))
    assert found.status == "fail"
    assert (
        found.reason == "1 of 1 states that it would hold against their borrowers are not confirmed by later loans: AA"
    )


def test_what_the_income_of_a_states_borrowers_explains_is_not_held_against_the_state() -> None:
    rng = np.random.default_rng(5)
    poor = rng.random(8000) < 0.5
    income = np.where(poor, 20_000.0, 60_000.0)
    label = (rng.random(8000) < np.where(poor, 0.2, 0.06)).astype(int)
    loans = pl.DataFrame({"state": np.where(poor, "AA", "BB"), "annual_income": income, "label": label})
    found = told(loans)
    assert found.passed
    assert found.states == ()
    assert found.reason == "none of 2 states is held against their borrowers"


def test_a_general_rise_of_defaults_confirms_no_state() -> None:
    found = told(book_of({"AA": 0.16, "BB": 0.08}, {"AA": 0.2, "BB": 0.2}))
    assert found.status == "fail"


def test_states_of_chance_alone_do_not_pass() -> None:
    states = {f"S{place:02d}": 0.06 for place in range(50)}
    assert [told(book_of(states, states, seed=seed)).status for seed in range(20)].count("pass") <= 1


def test_a_book_with_few_bads_is_undetermined_which_is_no_pass() -> None:
    found = told(book_of({"AA": 0.2, "BB": 0.02}, {"AA": 0.2, "BB": 0.02}, loans=300))
    assert found.status == "undetermined"
    assert not found.passed


def test_the_states_are_judged_together_as_holm_does() -> None:
    """With three states the least chance must lie below 0.05 / 3, the next below 0.05 / 2."""

    def effects(*chances: float) -> list[StateEffect]:
        return [StateEffect(f"S{place}", 1.2, 9, 5.0, chance, False) for place, chance in enumerate(chances)]

    assert _judge(effects(0.016, 0.024, 0.049), 9).passed
    found = _judge(effects(0.017, 0.018, 0.019), 9)
    assert [effect.confirmed for effect in found.states] == [False, False, False]
    found = _judge(effects(0.016, 0.026, 0.026), 9)
    assert [effect.confirmed for effect in found.states] == [True, False, False]
    assert _judge([], 1).status == "undetermined"


@pytest.fixture(scope="module")
def with_state(book: tuple[pl.DataFrame, pl.DataFrame]) -> TrainingRun:
    features, outcomes = book
    rng = np.random.default_rng(8)
    states = pl.Series("state", rng.choice([f"S{place:02d}" for place in range(40)], features.height))
    chosen = TrainingSettings(
        feature_sets=("application", "state"), families=("scorecard",), preferred_family="scorecard"
    )
    return train_candidates(features.with_columns(states), outcomes, as_of=AS_OF, settings=Settings(training=chosen))


def test_a_training_that_asks_for_a_state_of_chance_leaves_it_out_and_says_why(with_state: TrainingRun) -> None:
    card = with_state.for_card()
    assert "state" not in with_state.candidates[0].model.feature_names
    assert card["dropped_features"]["state"].startswith("redlining test: fail; ")
    assert card["details"]["redlining"]["status"] == "fail"
    assert card["details"]["redlining"]["states"]


def test_a_training_that_does_not_ask_for_the_state_runs_no_test(run: TrainingRun) -> None:
    assert "redlining" not in run.for_card()["details"]
