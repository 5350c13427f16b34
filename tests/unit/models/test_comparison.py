"""Another recipe takes over where it is shown to be better, or no worse with a benefit; a refresh unless stopped."""

from __future__ import annotations

import numpy as np
import pytest
from tests.not_none import not_none

from p2pcredit.contracts.results import Status
from p2pcredit.models.champion.challenge import compare_recipes, rule_on_refresh
from p2pcredit.models.champion.guards import champion_guard
from p2pcredit.settings import TrainingSettings

DEFAULTS = TrainingSettings()


def _loans(size: int = 2000, seed: int = 9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, the true probabilities, and probabilities that know less, of the same level."""
    rng = np.random.default_rng(seed)
    known, hidden = rng.normal(size=(2, size))
    true = 1 / (1 + np.exp(-(-2.2 + known + hidden)))
    partial = 1 / (1 + np.exp(-(-2.0 + 0.9 * known)))
    return (rng.random(size) < true).astype(int), true, partial * true.mean() / partial.mean()


def test_a_clearly_better_recipe_takes_over() -> None:
    labels, better, worse = _loans()
    found = compare_recipes(labels, better, worse, DEFAULTS)
    assert found.promote
    assert found.reason.endswith("at 95.0%: better")
    assert (found.n, found.bads) == (2000, labels.sum())


def test_a_worse_or_equal_recipe_without_a_benefit_does_not() -> None:
    labels, better, worse = _loans()
    assert not compare_recipes(labels, worse, better, DEFAULTS).promote
    same = compare_recipes(labels, better, better, DEFAULTS)
    assert (same.difference, same.promote) == (0.0, False)
    assert same.reason.endswith("no benefit is stated")


def test_a_benefit_lets_in_a_recipe_that_is_no_worse_and_none_that_is_shown_to_be_worse() -> None:
    labels, better, worse = _loans()
    told = ("scorecard is simpler than boosting",)
    same = compare_recipes(labels, better, better, DEFAULTS, benefits=told)
    assert (same.promote, same.benefit) == (True, told[0])
    wide = TrainingSettings(noninferiority_margin=0.2)
    shown = compare_recipes(labels, worse, better, wide, benefits=told)
    assert not_none(shown.low) > -0.2
    assert not_none(shown.high) < 0.0
    assert not shown.promote


def test_more_defaults_learned_from_are_a_benefit_by_their_count() -> None:
    labels, better, _ = _loans()
    for counts, promote in (((125, 100), True), ((124, 100), False), ((None, 100), False), ((125, None), False)):
        found = compare_recipes(
            labels, better, better, DEFAULTS, challenger_defaults=counts[0], rival_defaults=counts[1]
        )
        assert found.promote is promote
    assert (
        "learned from 125 defaults, 100 before"
        in compare_recipes(labels, better, better, DEFAULTS, challenger_defaults=125, rival_defaults=100).reason
    )


def test_a_gain_below_the_margin_does_not_suffice() -> None:
    labels, better, worse = _loans()
    gain = compare_recipes(labels, better, worse, DEFAULTS).difference
    found = compare_recipes(labels, better, worse, TrainingSettings(promotion_margin=not_none(gain) + 0.01))
    assert not found.promote
    assert "margin" in found.reason


def test_the_best_of_several_recipes_must_lead_by_more_than_the_better_of_two() -> None:
    """Of five recipes as good as the champion's, the luckiest is shown to be better no more often than one would be."""
    alone = together = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        risk = rng.normal(size=600)
        labels = (rng.random(600) < 1 / (1 + np.exp(2.0 - risk))).astype(int)
        chances = [1 / (1 + np.exp(2.0 - risk - 0.7 * rng.normal(size=600))) for _ in range(6)]
        best = max(chances[1:], key=lambda one: not_none(compare_recipes(labels, one, chances[0], DEFAULTS).difference))
        alone += compare_recipes(labels, best, chances[0], DEFAULTS).promote
        together += compare_recipes(labels, best, chances[0], DEFAULTS, rivals=5).promote
    assert together <= 0.05 * 200 + 5  # two standard errors and a half above one in twenty
    assert alone > 20  # tested as if it were the only one, the luckiest is let in more than twice as often as stated


def test_too_few_bads_leave_it_undetermined() -> None:
    found = compare_recipes([0] * 50 + [1] * 5, np.linspace(0, 1, 55), [0.1] * 55, DEFAULTS, benefits=("simpler",))
    assert not found.promote
    assert found.reason.startswith("undetermined: 5 bads")
    empty = compare_recipes([], [], [], DEFAULTS)
    assert (empty.difference, empty.promote) == (None, False)
    assert empty.as_json()["reason"].startswith("undetermined")


def _share_let_in(loans: int, worse: float, *, learned: int) -> float:
    """Simulate refreshes of which the ranking is blurred by so much more, and count those that take over."""
    let_in = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        risk, shared = rng.normal(size=(2, loans))
        labels = (rng.random(loans) < 1 / (1 + np.exp(2.0 - risk))).astype(int)
        pair = [
            1 / (1 + np.exp(2.0 - risk - 0.6 * shared - noise * rng.normal(size=loans))) for noise in (0.3, 0.3 + worse)
        ]
        guard = champion_guard(labels, pair[1], pair[0], margin=0.02, confidence=0.95, least_bads=15)
        ruling = rule_on_refresh([guard], DEFAULTS, challenger_defaults=learned, champion_defaults=100)
        let_in += ruling.promote
    return let_in / 300


def test_a_refresh_that_is_as_good_takes_over_and_one_that_is_worse_by_the_margin_does_not() -> None:
    """With 8,000 loans, 1,200 bads, the error of the difference is 0.005: a blur of 0.35 more costs 0.021 of AUC."""
    assert _share_let_in(8000, 0.0, learned=100) > 0.9
    assert _share_let_in(8000, 0.35, learned=100) < 0.08


def test_a_young_refresh_takes_over_by_the_evidence_that_can_be_counted() -> None:
    """With 300 loans, 45 bads, the error of the difference is 0.017: little can be shown within 0.02."""
    assert _share_let_in(300, 0.0, learned=124) < 0.4
    assert _share_let_in(300, 0.0, learned=125) > 0.6
    assert _share_let_in(300, 1.5, learned=125) < 0.25


@pytest.mark.parametrize(("status", "learned", "promote"), [("pass", 1, True), ("fail", 900, False)])
def test_a_guard_against_the_champion_that_decides_needs_no_count(status: str, learned: int, promote: bool) -> None:
    labels, better, worse = _loans()
    pair = (better, worse) if status == "pass" else (worse, better)
    guard = champion_guard(labels, *pair, margin=0.02, confidence=0.95, least_bads=15)
    assert guard.status is Status(status)
    ruling = rule_on_refresh([guard], DEFAULTS, challenger_defaults=learned, champion_defaults=100)
    assert ruling.promote is promote
