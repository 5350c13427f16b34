"""A challenger takes over only with a gain beyond its interval."""

from __future__ import annotations

import numpy as np
import pytest
from tests.not_none import not_none

from p2pcredit.models.champion.challenge import compare_models
from p2pcredit.settings import TrainingSettings


def _loans(size: int = 2000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, the true probabilities, and probabilities that know less, of the same level."""
    rng = np.random.default_rng(9)
    known, hidden = rng.normal(size=(2, size))
    true = 1 / (1 + np.exp(-(-2.2 + known + hidden)))
    partial = 1 / (1 + np.exp(-(-2.0 + 0.9 * known)))
    return (rng.random(size) < true).astype(int), true, partial * true.mean() / partial.mean()


def test_a_clearly_better_challenger_takes_over() -> None:
    labels, better, worse = _loans()
    found = compare_models(labels, better, worse, TrainingSettings())
    assert found.promote
    assert not_none(found.low) > 0
    assert "takes over" in found.reason
    assert (found.n, found.bads) == (2000, labels.sum())


def test_a_worse_or_equal_challenger_does_not() -> None:
    labels, better, worse = _loans()
    assert not compare_models(labels, worse, better, TrainingSettings()).promote
    same = compare_models(labels, better, better, TrainingSettings())
    assert (same.difference, same.promote) == (0.0, False)


def test_a_gain_below_the_margin_does_not_suffice() -> None:
    labels, better, worse = _loans()
    gain = compare_models(labels, better, worse, TrainingSettings()).difference
    found = compare_models(labels, better, worse, TrainingSettings(promotion_margin=not_none(gain) + 0.01))
    assert not found.promote
    assert "margin" in found.reason


def test_a_gain_within_its_interval_does_not_suffice() -> None:
    labels, better, _ = _loans(200)
    noisy = np.clip(better + np.random.default_rng(3).normal(0, 0.01, 200), 0.001, 0.999)
    pair = sorted(
        [better, noisy], key=lambda risk: -not_none(compare_models(labels, risk, better, TrainingSettings()).difference)
    )
    found = compare_models(labels, pair[0], pair[1], TrainingSettings(promotion_confidence=0.999))
    assert not_none(found.difference) > 0
    assert not found.promote
    assert "not above zero" in found.reason


def test_a_challenger_far_off_its_level_does_not_take_over() -> None:
    labels, better, worse = _loans()
    found = compare_models(labels, better / 3, worse, TrainingSettings())
    assert not found.promote
    assert "much worse" in found.reason


def test_too_few_bads_leave_it_undetermined() -> None:
    found = compare_models([0] * 50 + [1] * 5, np.linspace(0, 1, 55), [0.1] * 55, TrainingSettings())
    assert not found.promote
    assert found.reason.startswith("undetermined: 5 bads")
    empty = compare_models([], [], [], TrainingSettings())
    assert (empty.difference, empty.promote) == (None, False)
    assert empty.as_json()["reason"].startswith("undetermined")


def test_even_odds_of_confidence_ask_for_any_gain() -> None:
    labels, better, worse = _loans()
    found = compare_models(labels, better, worse, TrainingSettings(promotion_confidence=0.5))
    assert found.low is not None
    assert abs(found.low - not_none(found.difference)) < 1e-6


def test_a_challenger_that_learned_from_clearly_more_takes_over_unless_it_is_worse_by_the_margin() -> None:
    labels, better, worse = _loans()
    gap = compare_models(labels, worse, better, TrainingSettings())
    wide = TrainingSettings(noninferiority_margin=-(gap.low or 0.0) + 0.001)
    narrow = TrainingSettings(noninferiority_margin=-(gap.low or 0.0) - 0.001)
    told = {"challenger_defaults": 125, "champion_defaults": 100}
    found = compare_models(labels, worse, better, wide, **told)
    assert found.promote
    assert (found.challenger_defaults, found.champion_defaults) == (125, 100)
    assert "learned from 125 defaults, 100 before: the challenger takes over" in found.reason
    assert not compare_models(labels, worse, better, narrow, **told).promote


@pytest.mark.parametrize(("challenger", "champion"), [(124, 100), (None, 100), (125, None), (None, None)])
def test_without_clearly_more_defaults_only_a_better_ranking_takes_over(
    challenger: int | None, champion: int | None
) -> None:
    labels, better, worse = _loans()
    told = {"challenger_defaults": challenger, "champion_defaults": champion}
    assert not compare_models(labels, better, better, TrainingSettings(), **told).promote
    assert compare_models(labels, better, worse, TrainingSettings(), **told).promote


def test_more_evidence_does_not_make_up_for_a_level_far_off_or_for_too_few_bads() -> None:
    labels, better, _ = _loans()
    told = {"challenger_defaults": 900, "champion_defaults": 100}
    assert "much worse" in compare_models(labels, better / 3, better, TrainingSettings(), **told).reason
    few = compare_models([0] * 50 + [1] * 5, np.linspace(0, 1, 55), [0.1] * 55, TrainingSettings(), **told)
    assert few.reason.startswith("undetermined: 5 bads")


def test_with_no_margin_a_challenger_must_rank_better_however_much_it_learned_from() -> None:
    labels, better, _ = _loans()
    told = {"challenger_defaults": 900, "champion_defaults": 100}
    assert not compare_models(labels, better, better, TrainingSettings(noninferiority_margin=0.0), **told).promote
