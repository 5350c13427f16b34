"""The challenger against the champion at the very numbers where the verdict turns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from p2pcredit.models.champion.challenge import CALIBRATION_SLACK, Comparison, compare_models
from p2pcredit.models.evaluation.discrimination import paired_auc_difference
from p2pcredit.models.evaluation.intervals import Estimate
from p2pcredit.settings import TrainingSettings

LABELS = np.array([0] * 60 + [1] * 20)
GOOD = np.concatenate([np.linspace(0.05, 0.35, 60), np.linspace(0.3, 0.6, 20)])
WORSE = np.concatenate([np.linspace(0.05, 0.42, 60), np.linspace(0.28, 0.6, 20)])


def level(chances: np.ndarray, ratio: float) -> np.ndarray:
    """The same ranking, scaled so that so many bads came for each that was expected."""
    return chances * LABELS.sum() / (chances.sum() * ratio)


def compared(challenger: np.ndarray = GOOD, champion: np.ndarray = WORSE, **limits: Any) -> Comparison:
    learned = {name: limits.pop(name, None) for name in ("challenger_defaults", "champion_defaults")}
    return compare_models(LABELS, level(challenger, 1.0), level(champion, 1.0), TrainingSettings(**limits), **learned)


def test_the_difference_has_the_interval_whose_lower_bound_is_one_sided() -> None:
    found = compared(promotion_confidence=0.9)
    oracle = paired_auc_difference(LABELS, GOOD, WORSE, 0.8)
    assert (found.difference, found.low, found.high) == (oracle.value, oracle.low, oracle.high)
    assert found.difference is not None
    assert found.difference > 0.05
    assert (found.n, found.bads, found.confidence, found.margin) == (80, 20, 0.9, 0.0)
    assert (found.challenger_calibration, found.champion_calibration) == (pytest.approx(1.0), pytest.approx(1.0))


@pytest.mark.parametrize(("needed", "promote"), [(20, True), (21, False)])
def test_as_many_bads_as_needed_are_enough(needed: int, promote: bool) -> None:
    found = compared(min_evaluation_bads=needed)
    assert found.promote is promote
    if not promote:
        assert found.reason == "undetermined: 20 bads among 80 matured loans, needed are 21; the champion stays"


def test_goods_are_needed_as_bads_are() -> None:
    found = compare_models(1 - LABELS, 1 - GOOD, 1 - WORSE, TrainingSettings(min_evaluation_bads=21))
    assert found.reason.startswith("undetermined: 60 bads among 80 matured loans")


def test_a_difference_must_exceed_the_margin() -> None:
    gain = compared().difference
    assert gain is not None
    assert not compared(promotion_margin=gain).promote
    assert compared(promotion_margin=gain - 1e-9).promote
    assert compared(promotion_margin=gain).reason.endswith(f"not above the margin {gain:.3f}; the champion stays")
    assert compared(promotion_margin=gain).margin == gain


@pytest.mark.parametrize(("learned", "promote"), [(125, True), (124, False)])
def test_a_quarter_more_defaults_makes_up_for_being_no_better(learned: int, promote: bool) -> None:
    found = compared(WORSE, WORSE, challenger_defaults=learned, champion_defaults=100)
    assert (found.difference, found.promote) == (0.0, promote)
    if promote:
        assert "no worse by 0.020, learned from 125 defaults, 100 before: the challenger takes over" in found.reason


def test_no_worse_means_a_bound_above_minus_the_margin() -> None:
    low = compared(WORSE, GOOD).low
    assert low is not None
    learned = {"challenger_defaults": 900, "champion_defaults": 100}
    assert compared(WORSE, GOOD, noninferiority_margin=min(0.2, -low + 1e-6), **learned).promote is (-low < 0.2)
    assert not compared(WORSE, GOOD, noninferiority_margin=min(0.2, -low), **learned).promote


@pytest.mark.parametrize(
    ("challenger", "champion", "promote"),
    [
        (np.exp(CALIBRATION_SLACK - 0.001), 1.0, True),
        (np.exp(CALIBRATION_SLACK + 0.001), 1.0, False),
        (np.exp(-CALIBRATION_SLACK - 0.001), 1.0, False),
        (np.exp(0.4), np.exp(0.2), True),
        (np.exp(0.4), np.exp(-0.2), True),
        (np.exp(-0.5), np.exp(0.2), False),
    ],
)
def test_a_level_may_lie_only_so_much_further_off(challenger: float, champion: float, promote: bool) -> None:
    pair = level(GOOD, challenger), level(WORSE, champion)
    found = compare_models(LABELS, *pair, TrainingSettings())
    assert found.promote is promote
    if not promote:
        ratios = (
            f"observed over expected bads {challenger:.2f} against {champion:.2f} is much worse; the champion stays"
        )
        assert found.reason.endswith(ratios)


def test_the_verdict_as_json_says_all_of_it() -> None:
    found = compared(challenger_defaults=9, champion_defaults=8)
    assert found.as_json() == {name: getattr(found, name) for name in Comparison.__dataclass_fields__}
    assert found.reason.startswith(
        f"AUC {found.difference:+.3f} against the champion on 80 loans with 20 bads, lower bound"
    )
    assert found.reason.endswith(f"lower bound {found.low:+.3f} at 60%: the challenger takes over")


def test_a_bound_at_exactly_zero_does_not_lie_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Estimate(0.05, 0.0, 0.1, 80, 20)
    monkeypatch.setattr("p2pcredit.models.champion.challenge.paired_auc_difference", lambda *_: measured)
    found = compared()
    assert not found.promote
    assert found.reason.endswith("lower bound +0.000 at 60% is not above zero; the champion stays")
