"""What a training asks its families for and makes of what they give, with fits that cost nothing."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from tests.unit.models.conftest import AS_OF, make_book

from p2pcredit.contracts.catalogue import BUILT_IN
from p2pcredit.contracts.hand_bins import HandBins
from p2pcredit.errors import TrainingError
from p2pcredit.models.training import candidates as training
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.models.training.candidates import (
    TrainingRun,
    allowed_by_hand,
    cures_of,
    rank_candidates,
    train_candidates,
)
from p2pcredit.settings import Settings

Asked = list[tuple[str, str, int, tuple[str, ...]]]


@pytest.fixture(scope="module")
def small_book() -> tuple[pl.DataFrame, pl.DataFrame]:
    return make_book(2000)


def candidate(family: str, target: str, auc: float = 0.7, defaults: int = 100, *, sane: bool = True) -> Candidate:
    labels = pl.DataFrame({"label": [0, 1] * 20, "probability_of_default": [0.1, 0.2] * 20})
    model: Any = SimpleNamespace(family=family, target=target)
    details = {"dropped_features": {}, "limits": [], "of": family}
    return Candidate(model, model, labels, {"auc": auc}, sane, defaults, details)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Fits that note what they were asked for: family, target, loans known, features."""
    noted: Asked = []

    def fit(learner: Any, split: Any, loans: pl.DataFrame, *, as_of: date, target: str = "matured") -> Candidate:
        noted.append((learner.family, target, loans.height, tuple(f.name for f in learner.features)))
        assert as_of == AS_OF
        if (learner.family, target) == ("boosting", "hazard"):
            raise TrainingError("too few")
        return candidate(learner.family, target)

    monkeypatch.setattr(training, "fit_matured", fit)
    monkeypatch.setattr(training, "fit_hazard", fit)
    return noted


def trained(book: tuple[pl.DataFrame, pl.DataFrame], **more: Any) -> TrainingRun:
    return train_candidates(*book, as_of=AS_OF, settings=Settings(), **more)


def test_each_family_is_asked_for_each_target_and_one_that_cannot_is_named(
    small_book: tuple[pl.DataFrame, pl.DataFrame], asked: Asked
) -> None:
    run = trained(small_book)
    pairs = {(family, target) for family, target, _, _ in asked}
    assert pairs == {(f, t) for f in ("scorecard", "boosting") for t in ("matured", "hazard", "early_delinquency")}
    assert len(run.candidates) == 5
    assert run.details["boosting_hazard"] == {"missing_because": "too few"}
    assert run.details["scorecard_hazard"]["of"] == "scorecard"
    assert run.missing_because == ("too few",)
    assert {loans for _, _, loans, _ in asked} == {2000}


def test_one_target_alone_is_asked_for_where_one_is_named(
    small_book: tuple[pl.DataFrame, pl.DataFrame], asked: Asked
) -> None:
    run = trained(small_book, only_target="matured")
    assert {(family, target) for family, target, _, _ in asked} == {("scorecard", "matured"), ("boosting", "matured")}
    assert {c.target for c in run.candidates} == {"matured"}


def test_loans_known_after_the_day_are_not_learned_from(
    small_book: tuple[pl.DataFrame, pl.DataFrame], asked: Asked
) -> None:
    late = pl.when(pl.int_range(pl.len()) < 7).then(pl.lit(AS_OF + timedelta(days=1)))
    on_the_day = pl.when(pl.int_range(pl.len()) == 8).then(pl.lit(AS_OF))
    features = small_book[0].with_columns(
        known_on=pl.coalesce(late, on_the_day, pl.col("known_on")),
    )
    trained((features, small_book[1]), only_target="matured")
    assert {loans for _, _, loans, _ in asked} == {1993}


def test_early_delinquency_is_refused_where_late_loans_never_cure(
    small_book: tuple[pl.DataFrame, pl.DataFrame], asked: Asked
) -> None:
    outcomes = small_book[1].with_columns(late_cured=pl.lit(0, dtype=pl.Int8))
    run = trained((small_book[0], outcomes))
    assert {target for _, target, _, _ in asked} == {"matured", "hazard"}
    told = run.details["scorecard_early_delinquency"]["missing_because"]
    assert "paid again, 10% needed" in told
    assert run.limits_of(run.candidates[0]) == [f"early delinquency was not learned from: {told}"]
    assert run.missing_because == ("too few",)  # what is true of early delinquency alone is left out


def test_progress_counts_each_fit_of_all(small_book: tuple[pl.DataFrame, pl.DataFrame], asked: Asked) -> None:
    told: list[tuple[str, int, int]] = []
    trained(small_book, only_target="matured", progress=lambda *said: told.append(said))
    matured = small_book[1]["label"].count()
    assert told[0] == (f"{matured:,} matured loans", 0, 3)
    assert [(done, of) for _, done, of in told[1:]] == [(1, 3), (2, 3)]
    assert {words for words, _, _ in told[1:]} == {"scorecard (matured) fitted", "boosting (matured) fitted"}


def test_a_feature_left_out_by_hand_reaches_no_family_and_is_named_with_the_reason(
    small_book: tuple[pl.DataFrame, pl.DataFrame], asked: Asked
) -> None:
    hand = {"annual_income": HandBins("annual_income", use="out", reason="stated, not shown")}
    run = trained(small_book, only_target="matured", by_hand=hand)
    assert all("annual_income" not in features for *_, features in asked)
    assert run.dropped["annual_income"] == "left out by hand: stated, not shown"
    assert run.for_card()["dropped_features"]["annual_income"] == "left out by hand: stated, not shown"


def test_a_feature_forced_in_that_is_not_given_stops_the_training(
    small_book: tuple[pl.DataFrame, pl.DataFrame], asked: Asked
) -> None:
    hand = {"fico": HandBins("fico", use="in", reason="we want it")}
    with pytest.raises(TrainingError, match="fico is forced in by hand and cannot be: not given by the platform"):
        trained(small_book, by_hand=hand)
    there = {"annual_income": HandBins("annual_income", use="in", reason="we want it")}
    assert trained(small_book, only_target="matured", by_hand=there).candidates


def test_outcomes_of_another_definition_are_refused(
    small_book: tuple[pl.DataFrame, pl.DataFrame], asked: Asked
) -> None:
    other = small_book[1].with_columns(definition=pl.lit("pd24"))
    with pytest.raises(TrainingError, match="outcomes of pd24 were given to a training of pd12"):
        trained((small_book[0], other))


def test_late_loans_are_counted_where_the_outcomes_say_what_became_of_them() -> None:
    outcomes = pl.DataFrame({"late_cured": [1, 0, None, 1], "sign_rebuilt": [True, False, True, True]})
    found = cures_of(outcomes)
    assert (found.late, found.cured, found.rebuilt) == (3, 2, 3)
    for column in ("late_cured", "sign_rebuilt"):
        unknown = cures_of(outcomes.drop(column))
        assert (unknown.late, unknown.cured, unknown.rebuilt) == (0, 0, 0)


def led(*found: Candidate, preferred: str = "simplest") -> Candidate:
    ranked = rank_candidates(list(found), 0.9, preferred)
    assert sorted(map(id, ranked)) == sorted(map(id, found))
    return ranked[0]


def test_a_well_calibrated_candidate_comes_before_one_that_is_not() -> None:
    sane, off = candidate("boosting", "matured", 0.6), candidate("scorecard", "matured", 0.9, 900, sane=False)
    assert led(off, sane) is sane
    assert rank_candidates([], 0.9) == ()


@pytest.mark.parametrize(
    ("defaults", "leads"),
    [(110, "scorecard"), (111, "boosting"), (90, "scorecard")],
)
def test_more_evidence_leads_from_a_tenth_more_on(defaults: int, leads: str) -> None:
    one, other = candidate("scorecard", "matured"), candidate("boosting", "hazard", 0.69, defaults)
    assert led(one, other).family == leads


def test_among_equals_the_preferred_family_leads_then_the_simpler_then_evidence_then_auc() -> None:
    table, trees = candidate("scorecard", "matured", 0.69), candidate("boosting", "matured", 0.7)
    assert led(table, trees, preferred="boosting") is trees
    assert led(table, trees) is table
    more = candidate("scorecard", "hazard", 0.68, 105)
    assert led(table, more) is more
    better = candidate("scorecard", "hazard", 0.695)
    assert led(table, better) is better


def test_the_others_follow_by_auc() -> None:
    found = [candidate("boosting", str(place), auc) for place, auc in enumerate((0.6, 0.9, 0.7))]
    assert [c.metrics["auc"] for c in rank_candidates([*found, candidate("scorecard", "a", 0.5)], 0.9)] == [
        0.5,
        0.9,
        0.7,
        0.6,
    ]


def test_hands_give_directions_and_leave_out() -> None:
    some = [f for f in BUILT_IN.of_sets(["application"]) if f.name in {"fico", "annual_income"}]
    kept, out = allowed_by_hand(some, {"fico": HandBins("fico", use="out", reason="no")})
    assert ([f.name for f in kept], out) == (["annual_income"], {"fico": "left out by hand: no"})
    assert allowed_by_hand(some, {})[1] == {}
