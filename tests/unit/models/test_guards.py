"""The guards of a promotion at the numbers where they turn."""

from __future__ import annotations

import json

import numpy as np
import pytest

from p2pcredit.contracts.results import Status
from p2pcredit.models.champion.gate import Benchmark, Gate, Held, hold_to_floor
from p2pcredit.models.champion.guards import (
    Guard,
    base_rate_guard,
    champion_guard,
    floor_guards,
    product_guards,
    score_shift_guard,
)
from p2pcredit.models.evaluation.calibration.segment_ratios import Seen, chance_outside, ratio_interval
from p2pcredit.models.evaluation.intervals import Estimate

PASS, FAIL, OPEN = Status.PASS, Status.FAIL, Status.UNDETERMINED
BOUNDS = (0.8, 1.25)


def products(
    defaults: dict[str, int], expected: dict[str, float], *, champion: dict[str, float] | None = None, level: int = 400
) -> dict[str, Guard]:
    """A thousand loans of each product, with so many defaults seen and expected."""
    names = np.repeat(list(defaults), 1000)
    labels = np.concatenate([np.arange(1000) < count for count in defaults.values()]).astype(float)
    chances = np.concatenate([np.full(1000, value / 1000) for value in expected.values()])
    held = None if champion is None else np.concatenate([np.full(1000, v / 1000) for v in champion.values()])
    found = product_guards(labels, chances, names, held, bounds=BOUNDS, confidence=0.9, level_bads=level)
    return {guard.key: guard for guard in found}


def test_a_product_whose_defaults_are_half_as_many_again_stops_a_model_that_is_right_on_the_whole() -> None:
    """190 of 200 expected with 36 months, 150 of 100 with 60: 340 of 300 on the whole, a ratio of 1.13."""
    found = products({"36": 190, "60": 150}, {"36": 200.0, "60": 100.0})
    assert [(key, guard.status) for key, guard in found.items()] == [("product=36", PASS), ("product=60", FAIL)]
    worse = found["product=60"]
    assert worse.value == pytest.approx(1.5)
    assert (worse.least, worse.most, worse.n, worse.bads) == (0.8, 1.25, 1000, 150)
    assert (worse.low, worse.high) == pytest.approx(ratio_interval(Seen(1000, 150, 100.0), 0.9, 400))
    assert worse.note == "150 defaults, 100.0 expected; outside the bounds"


def test_outside_the_bounds_within_chance_is_undetermined() -> None:
    assert products({"36": 13}, {"36": 10.0})["product=36"].status is OPEN
    assert products({"36": 3}, {"36": 3.0})["product=36"].status is OPEN  # so few expected pass nothing


def test_the_level_is_no_surer_than_the_defaults_it_was_set_on() -> None:
    """By hand: of 550 defaults, 125 / 525 are of the product at the bound: 131 and a standard deviation of 10."""
    assert products({"60": 150}, {"60": 100.0}, level=400)["product=60"].status is FAIL
    assert products({"60": 150}, {"60": 100.0}, level=10)["product=60"].status is OPEN
    assert chance_outside(Seen(1000, 150, 100.0), *BOUNDS, 400) == pytest.approx(0.0331, abs=1e-4)


def test_a_level_set_on_few_defaults_stops_right_models_no_more_often_than_stated() -> None:
    rng = np.random.default_rng(4)
    stopped = 0
    for _ in range(400):
        level = max(1, rng.poisson(12))
        expected = 20.0 * level / 12
        guard = products({"36": int(rng.poisson(20))}, {"36": expected}, level=level)["product=36"]
        stopped += guard.status is FAIL
    assert stopped <= 0.1 * 400


def test_a_product_outside_the_bounds_where_the_champion_is_farther_off_does_not_stop() -> None:
    found = products({"60": 150}, {"60": 100.0}, champion={"60": 90.0})["product=60"]
    assert (found.status, found.note) == (
        PASS,
        "150 defaults, 100.0 expected; outside the bounds, the champion at 1.67",
    )
    assert products({"60": 150}, {"60": 100.0}, champion={"60": 100.0})["product=60"].status is FAIL
    assert products({"60": 150}, {"60": 100.0}, champion={"60": 110.0})["product=60"].status is FAIL


def test_products_are_listed_by_their_number() -> None:
    assert list(products({"60": 9, "120": 9, "36": 9}, {"60": 9.0, "120": 9.0, "36": 9.0})) == [
        "product=36",
        "product=60",
        "product=120",
    ]


@pytest.mark.parametrize(
    ("value", "low", "high", "status"),
    [
        (0.0, -0.0199, 0.02, PASS),
        (-0.01, -0.015, -0.005, PASS),  # shown to be worse, and shown not to be by the margin
        (0.0, -0.02, 0.02, OPEN),
        (-0.0199, -0.04, 0.0, OPEN),
        (-0.0199, -0.04, -0.0001, FAIL),
        (-0.02, -0.06, 0.02, FAIL),
    ],
)
def test_the_champion_may_be_missed_by_less_than_the_margin(
    value: float, low: float, high: float, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = Estimate(value, low, high, 80, 20)
    monkeypatch.setattr("p2pcredit.models.champion.guards.paired_auc_difference", lambda *_: measured)
    guard = champion_guard([0], [0], [0], margin=0.02, confidence=0.95, least_bads=20)
    assert (guard.status, guard.least, guard.value) == (status, -0.02, value)
    assert champion_guard([0], [0], [0], margin=0.02, confidence=0.95, least_bads=21).status is OPEN


def test_the_bounds_against_the_champion_are_one_sided() -> None:
    labels, first = np.arange(200) % 5 == 0, np.linspace(0, 1, 200)
    other = np.sin(np.arange(200.0))
    guard = champion_guard(labels, first, other, margin=0.02, confidence=0.95, least_bads=15)
    wider = champion_guard(labels, first, other, margin=0.02, confidence=0.975, least_bads=15)
    assert guard.low is not None
    assert wider.low is not None
    assert (guard.value - wider.low) / (guard.value - guard.low) == pytest.approx(1.96 / 1.645, abs=0.001)  # type: ignore[operator]


def test_scores_may_change_by_so_many_points_on_average_up_or_down() -> None:
    """Up by 10 and down by 30: 20 points of change on average, 10 down on balance."""
    guard = score_shift_guard([610, 590], [600, 620], 20)
    assert (guard.value, guard.status, guard.note, guard.n) == (20.0, PASS, "on balance -10.0", 2)
    assert score_shift_guard([610, 589], [600, 620], 20).status is FAIL
    assert score_shift_guard([], [], 20).status is OPEN
    assert not score_shift_guard([], [], 20).stops


def test_the_first_model_must_beat_one_rate_for_all() -> None:
    assert [base_rate_guard(brier, 0.09, 9, 1).status for brier in (0.0899, 0.09, None)] == [PASS, FAIL, OPEN]
    assert base_rate_guard(None, 0.09, 9, 1).stops


def test_the_floor_stands_among_the_guards_with_every_benchmark() -> None:
    rng = np.random.default_rng(2)
    risk = rng.normal(size=1500)
    labels = (rng.random(1500) < 1 / (1 + np.exp(2.0 - risk))).astype(float)
    hardly = np.where(np.arange(1500) < 20, risk, np.nan)
    against = (Benchmark("logistic", "a plain logistic regression", risk + rng.normal(size=1500)),)
    gate = hold_to_floor(labels, 1 / (1 + np.exp(2.0 - risk)), against, confidence=0.9, least_bads=15)
    found = floor_guards(gate)
    assert [(guard.key, guard.status, guard.must_pass) for guard in found] == [
        ("above_chance", PASS, True),
        ("logistic", PASS, True),
    ]
    few = hold_to_floor(
        labels[:20], risk[:20], (Benchmark("grade", "the grade", hardly[:20]),), confidence=0.9, least_bads=15
    )
    assert [guard.status for guard in floor_guards(few)] == [OPEN, OPEN]
    unasked = hold_to_floor(labels, risk, (Benchmark("grade", "the grade", hardly),), confidence=0.9, least_bads=15)
    assert [(guard.status, guard.stops) for guard in floor_guards(unasked)] == [(PASS, False), (OPEN, False)]
    json.dumps([guard.as_json() for guard in found], allow_nan=False)


CHANCE_MEASURED = Estimate(0.62, 0.55, 0.69, 400, 60)
LEAD = Estimate(-0.03, -0.06, -0.01, 380, 55)


def gate_of(auc: Estimate = CHANCE_MEASURED, *, enough: bool = True, given: bool = True) -> Gate:
    held = Held("logistic", "a plain logistic regression", CHANCE_MEASURED, auc, LEAD, FAIL, given)
    return Gate(OPEN, "", 0.9, auc, (held,), enough)


def test_the_floor_is_told_by_the_numbers_that_it_rests_on() -> None:
    chance, logistic = floor_guards(gate_of())
    assert chance == Guard(
        "above_chance", "AUC", 0.62, 0.55, 0.69, 0.5, None, 400, 60, PASS, note="lower bound", must_pass=True
    )
    assert logistic == Guard(
        "logistic",
        "AUC against a plain logistic regression",
        -0.03,
        -0.06,
        -0.01,
        0.0,
        None,
        380,
        55,
        FAIL,
        note="upper bound",
        must_pass=True,
    )
    not_given = floor_guards(gate_of(given=False))[1]
    assert (not_given.must_pass, not_given.note) == (False, "upper bound; it ranks too few loans to be asked for")


@pytest.mark.parametrize(
    ("value", "low", "enough", "status"),
    [
        (0.62, 0.55, True, PASS),
        (0.62, 0.55, False, OPEN),
        (0.62, 0.5, True, OPEN),  # at the bound is not above it
        (0.501, 0.45, True, OPEN),
        (0.5, 0.45, True, FAIL),
        (0.5, 0.45, False, OPEN),
        (None, None, True, OPEN),
    ],
)
def test_above_chance_passes_by_the_lower_bound_and_fails_by_the_value(
    value: float | None, low: float | None, enough: bool, status: Status
) -> None:
    guard = floor_guards(gate_of(Estimate(value, low, 0.7, 400, 60), enough=enough))[0]
    assert (guard.status, guard.stops) == (status, status is not PASS)


def test_a_guard_that_must_pass_stops_where_it_is_undetermined_too() -> None:
    told = {
        (status, must): Guard("k", "n", None, None, None, None, None, 0, 0, status, must_pass=must).stops
        for status in (PASS, FAIL, OPEN)
        for must in (True, False)
    }
    assert {key for key, stops in told.items() if stops} == {(FAIL, True), (FAIL, False), (OPEN, True)}


@pytest.mark.parametrize(
    ("guard", "words"),
    [
        (Guard("k", "AUC", 0.62, 0.55, 0.69, 0.5, None, 9, 1, PASS), "AUC 0.620 [0.550, 0.690], least 0.5: pass"),
        (
            Guard("k", "ratio", 1.5, None, 1.7, 0.8, 1.25, 9, 1, FAIL, "far"),
            "ratio 1.500, least 0.8, most 1.25: fail; far",
        ),
        (Guard("k", "ratio", 1.5, 1.2, None, None, 1.25, 9, 1, FAIL), "ratio 1.500, most 1.25: fail"),
        (Guard("k", "AUC", None, None, None, 0.5, None, 0, 0, OPEN), "AUC not measured, least 0.5: undetermined"),
    ],
)
def test_a_guard_in_words_has_number_interval_bounds_and_outcome(guard: Guard, words: str) -> None:
    assert guard.in_words == words


def test_the_guard_of_one_rate_for_all_tells_both_scores() -> None:
    assert base_rate_guard(0.08, 0.09, 900, 81) == Guard(
        "base_rate",
        "Brier score against that of one default rate for all",
        0.08,
        None,
        None,
        None,
        0.09,
        900,
        81,
        PASS,
        must_pass=True,
    )
    assert base_rate_guard(0.08, None, 9, 1).status is OPEN


@pytest.mark.parametrize(
    ("n", "bads", "low", "status", "note"),
    [
        (40, 20, -0.01, PASS, "bounds one-sided at 95%"),
        (39, 20, -0.01, OPEN, "20 bads among 39 loans that neither had seen, 20 needed, and goods"),
        (40, 21, -0.01, OPEN, "21 bads among 40 loans that neither had seen, 20 needed, and goods"),
        (40, 19, -0.01, OPEN, "19 bads among 40 loans that neither had seen, 20 needed, and goods"),
        (40, 20, None, OPEN, "20 bads among 40 loans that neither had seen, 20 needed, and goods"),
        (40, 20, -0.03, OPEN, "bounds one-sided at 95%; the loans are too few to tell 0.02"),
    ],
)
def test_bads_and_goods_are_both_needed_to_judge_against_the_champion(
    n: int, bads: int, low: float | None, status: Status, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = Estimate(0.0, low, 0.02, n, bads)
    monkeypatch.setattr("p2pcredit.models.champion.guards.paired_auc_difference", lambda *_: measured)
    guard = champion_guard([0], [0], [0], margin=0.02, confidence=0.95, least_bads=20)
    assert guard == Guard("champion", "AUC against the champion", 0.0, low, 0.02, -0.02, None, n, bads, status, note)


def test_the_challenger_is_held_against_the_champion_and_not_the_other_way_round() -> None:
    labels = np.arange(200) % 5 == 0
    better, worse = labels + 0.1 * np.sin(np.arange(200.0)), np.sin(np.arange(200.0))
    guard = champion_guard(labels, better, worse, margin=0.02, confidence=0.95, least_bads=15)
    assert guard.value is not None
    assert guard.value > 0.3
    assert champion_guard(labels, worse, better, margin=0.02, confidence=0.95, least_bads=15).status is FAIL


@pytest.mark.parametrize(
    ("seen", "expected", "status"),
    [(400, 500.0, PASS), (625, 500.0, PASS), (5, 5.0, PASS), (4, 4.9, OPEN), (0, 0.0, OPEN)],
)
def test_a_product_passes_at_its_bounds_and_from_five_expected_defaults_on(
    seen: int, expected: float, status: Status
) -> None:
    found = products({"36": seen}, {"36": expected or 1e-9})["product=36"]
    assert found.status is status
    assert found.name == "defaults seen over expected, product 36"


def test_a_product_of_which_none_defaulted_is_as_far_off_as_can_be() -> None:
    """None of 60 expected: a champion that is off by any finite factor is to be kept."""
    found = products({"36": 0, "60": 200}, {"36": 60.0, "60": 200.0}, champion={"36": 90.0, "60": 200.0})
    assert found["product=36"].status is FAIL
    assert found["product=36"].value == 0.0


def test_products_that_are_no_numbers_come_last_by_name() -> None:
    found = products({"unknown": 9, "60": 9, "car": 9}, {"unknown": 9.0, "60": 9.0, "car": 9.0})
    assert list(found) == ["product=60", "product=car", "product=unknown"]


def test_a_change_of_scores_of_exactly_the_bound_passes_and_tells_it() -> None:
    guard = score_shift_guard([610.0, 590.0], [600.0, 600.0], 10.0)
    assert guard == Guard(
        "score_shift",
        "mean change of score of the newest applicants, in points",
        10.0,
        None,
        None,
        None,
        10.0,
        2,
        0,
        PASS,
        "on balance +0.0",
    )
    assert score_shift_guard([], [], 20.0).most == 20.0


def test_a_level_set_on_no_default_counts_as_one_set_on_one() -> None:
    none, one = (products({"36": 13}, {"36": 10.0}, level=level)["product=36"] for level in (0, 1))
    assert none == one
    assert none.low is not None
    assert 0.0 < none.low < 1.3
