"""Another recipe against the champion's at the very numbers where the verdict turns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from p2pcredit.contracts.results import Status
from p2pcredit.models.champion.challenge import (
    Comparison,
    compare_recipes,
    rule_on_first,
    rule_on_redevelopment,
    rule_on_refresh,
)
from p2pcredit.models.champion.guards import Guard
from p2pcredit.models.evaluation.discrimination import paired_auc_difference
from p2pcredit.models.evaluation.intervals import Estimate
from p2pcredit.settings import TrainingSettings

LABELS = np.array([0] * 60 + [1] * 20)
GOOD = np.concatenate([np.linspace(0.05, 0.35, 60), np.linspace(0.3, 0.6, 20)])
WORSE = np.concatenate([np.linspace(0.05, 0.42, 60), np.linspace(0.28, 0.6, 20)])


def compared(challenger: np.ndarray = GOOD, rival: np.ndarray = WORSE, **limits: Any) -> Comparison:
    told = {
        name: limits.pop(name)
        for name in ("challenger_defaults", "rival_defaults", "rivals", "benefits")
        if name in limits
    }
    return compare_recipes(LABELS, challenger, rival, TrainingSettings(**limits), **told)


def test_the_difference_has_the_interval_whose_lower_bound_is_one_sided() -> None:
    found = compared(promotion_confidence=0.9)
    oracle = paired_auc_difference(LABELS, GOOD, WORSE, 0.8)
    assert (found.difference, found.low, found.high) == (oracle.value, oracle.low, oracle.high)
    assert found.difference is not None
    assert found.difference > 0.05
    assert (found.n, found.bads, found.confidence, found.margin) == (80, 20, 0.9, 0.0)


def test_five_recipes_share_the_error_of_one() -> None:
    found = compared(promotion_confidence=0.95, rivals=5)
    oracle = paired_auc_difference(LABELS, GOOD, WORSE, 0.98)
    assert found.confidence == pytest.approx(0.99)
    assert found.low == pytest.approx(oracle.low)
    assert "at 99.0% (95% of 5 recipes together)" in found.reason


@pytest.mark.parametrize(("needed", "promote"), [(20, True), (21, False)])
def test_as_many_bads_as_needed_are_enough(needed: int, promote: bool) -> None:
    found = compared(min_evaluation_bads=needed)
    assert found.promote is promote
    if not promote:
        assert found.reason == "undetermined: 20 bads among 80 matured loans, needed are 21"


def test_goods_are_needed_as_bads_are() -> None:
    found = compare_recipes(1 - LABELS, 1 - GOOD, 1 - WORSE, TrainingSettings(min_evaluation_bads=21))
    assert found.reason.startswith("undetermined: 60 bads among 80 matured loans")


def test_a_difference_must_exceed_the_margin() -> None:
    gain = compared().difference
    assert gain is not None
    assert not compared(promotion_margin=gain).promote
    assert compared(promotion_margin=gain - 1e-9).promote
    assert f"not above the margin {gain:.3f}" in compared(promotion_margin=gain).reason
    assert compared(promotion_margin=gain).margin == gain


def test_no_worse_means_a_bound_above_minus_the_margin_and_an_upper_one_not_below_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def measured(low: float, high: float) -> Comparison:
        found = Estimate(-0.005, low, high, 80, 20)
        monkeypatch.setattr("p2pcredit.models.champion.challenge.paired_auc_difference", lambda *_: found)
        return compared(benefits=("simpler",))

    assert measured(-0.0199, 0.0).promote
    assert measured(-0.0199, 0.0).benefit == "simpler"
    assert not measured(-0.02, 0.01).promote
    assert not measured(-0.0199, -0.0001).promote


def test_a_bound_at_exactly_zero_does_not_lie_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Estimate(0.05, 0.0, 0.1, 80, 20)
    monkeypatch.setattr("p2pcredit.models.champion.challenge.paired_auc_difference", lambda *_: measured)
    found = compared()
    assert not found.promote
    assert "lower bound +0.000 at 95.0% is not above zero" in found.reason


def test_the_verdict_as_json_says_all_of_it() -> None:
    found = compared(challenger_defaults=9, rival_defaults=8)
    assert found.as_json() == {name: getattr(found, name) for name in Comparison.__dataclass_fields__}
    assert (found.challenger_defaults, found.champion_defaults) == (9, 8)


def guard(key: str, status: Status, *, must_pass: bool = False) -> Guard:
    return Guard(key, f"the {key}", 0.5, None, None, 0.4, None, 80, 20, status, must_pass=must_pass)


PASS, FAIL, OPEN = Status.PASS, Status.FAIL, Status.UNDETERMINED


@pytest.mark.parametrize(
    ("guards", "promote"),
    [
        ([guard("above_chance", PASS, must_pass=True), guard("product=36", PASS)], True),
        ([guard("above_chance", OPEN, must_pass=True)], False),
        ([guard("grade", OPEN)], True),
        ([guard("product=36", OPEN)], True),
        ([guard("product=36", PASS), guard("product=60", FAIL)], False),
        ([guard("score_shift", FAIL)], False),
        ([guard("champion", FAIL)], False),
    ],
)
def test_a_guard_stops_where_it_fails_and_one_of_the_floor_where_it_is_undetermined(
    guards: list[Guard], promote: bool
) -> None:
    better = compared()
    assert rule_on_refresh(guards, TrainingSettings(), challenger_defaults=9, champion_defaults=9).promote is promote
    assert rule_on_redevelopment(guards, better).promote is promote
    assert rule_on_first(guards).promote is promote
    stopped = rule_on_first(guards).reason
    assert promote or f"the {guards[-1].key} 0.500, least 0.4: {guards[-1].status}" in stopped


def test_a_redevelopment_with_nothing_to_show_is_refused_whatever_its_guards_say() -> None:
    ruling = rule_on_redevelopment([guard("above_chance", PASS)], compared(GOOD, GOOD))
    assert not ruling.promote
    assert ruling.reason.startswith("redevelopment refused: AUC +0.000 against the champion's recipe")


@pytest.mark.parametrize(("learned", "before", "promote"), [(125, 100, True), (124, 100, False), (None, 100, False)])
def test_where_the_loans_cannot_tell_a_refresh_needs_a_quarter_more_defaults(
    learned: int | None, before: int, promote: bool
) -> None:
    ruling = rule_on_refresh(
        [guard("champion", OPEN)], TrainingSettings(), challenger_defaults=learned, champion_defaults=before
    )
    assert ruling.promote is promote
    said = f"learned from {'an unknown number of' if learned is None else learned} defaults, 100 before"
    assert said in ruling.reason
