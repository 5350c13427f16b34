"""A quiet year has a false alarm no more often than stated; a drift is found, and how long that takes."""

from __future__ import annotations

import numpy as np
import pytest

from p2pcredit.models.evaluation.calibration.segment_ratios import Seen
from p2pcredit.models.evaluation.intervals import Estimate, normal_quantile
from p2pcredit.monitoring.yearly_error import TRIGGERS, WEEKS, chance_of_so_low, products_off, weekly_alpha

YEARS, YEARLY, BOUNDS = 400, 0.1, (0.8, 1.25)
WINDOW = 52
HALF = normal_quantile(0.9)


def test_the_parts_of_a_year_add_up_to_its_error() -> None:
    assert weekly_alpha(YEARLY) * WEEKS * TRIGGERS == pytest.approx(YEARLY)


def ranking_alarms(seed: int, *, auc: float, threshold: float = 0.58, error: float = 0.02) -> int | None:
    """Walk one year of measurements on windows of 52 weeks that overlap by 51; the first week with an alarm."""
    rng = np.random.default_rng(seed)
    weeks = rng.normal(size=WEEKS + WINDOW - 1) * error * np.sqrt(WINDOW)
    for week in range(WEEKS):
        value = auc + float(weeks[week : week + WINDOW].mean())
        found = Estimate(value, value - HALF * error, value + HALF * error, 3000, 300)
        chance = chance_of_so_low(found, threshold, 0.9)
        if chance is not None and chance < weekly_alpha(YEARLY):
            return week
    return None


def product_alarms(seed: int, ratios: tuple[float, ...], *, from_week: int = 0, a_week: float = 3.0) -> int | None:
    """Walk one year in which each product has so many expected defaults a week; the first week with an alarm.

    What is judged grows from the first week on, as loans do that matured since a champion was set.
    """
    rng = np.random.default_rng(seed)
    seen = np.zeros(len(ratios), dtype=int)
    for week in range(WEEKS):
        true = [ratio if week >= from_week else 1.0 for ratio in ratios]
        seen += rng.poisson([a_week * ratio for ratio in true])
        products = [Seen(1000, int(count), a_week * (week + 1)) for count in seen]
        if products_off(products, BOUNDS, YEARLY):
            return week
    return None


def test_in_a_quiet_year_the_ranking_raises_a_false_alarm_no_more_often_than_its_part() -> None:
    """The truth lies at the threshold itself, where false alarms are likeliest. Tested at 5% each week it fails."""
    alarms = sum(ranking_alarms(seed, auc=0.58) is not None for seed in range(YEARS))
    assert alarms <= YEARLY / TRIGGERS * YEARS
    weekly = 0
    for seed in range(YEARS):
        rng = np.random.default_rng(seed)
        weeks = rng.normal(size=WEEKS + WINDOW - 1) * np.sqrt(WINDOW)
        means = np.convolve(weeks, np.ones(WINDOW) / WINDOW, mode="valid")
        weekly += bool((means < -1.645).any())
    assert weekly > 0.1 * YEARS  # what an uncontrolled test of each week would do


@pytest.mark.parametrize("ratio", [1.0, 1.25, 0.8])
def test_in_a_quiet_year_products_raise_a_false_alarm_no_more_often_than_their_part(ratio: float) -> None:
    """Also with every product right at a bound."""
    alarms = sum(product_alarms(seed, (ratio,) * 3) is not None for seed in range(200))
    assert alarms <= YEARLY / TRIGGERS * 200
    if ratio == 1.0:
        assert alarms == 0


def test_a_product_that_defaults_twice_as_often_is_found_within_the_year() -> None:
    found = [product_alarms(seed, (1.0, 1.0, 2.0)) for seed in range(200)]
    weeks = [week for week in found if week is not None]
    assert len(weeks) >= 0.99 * 200
    assert float(np.median(weeks)) <= 16


def test_a_ranking_lost_is_found_at_once_where_the_error_is_small() -> None:
    found = [ranking_alarms(seed, auc=0.50, error=0.02) for seed in range(200)]
    assert sum(week is not None for week in found) >= 0.95 * 200


@pytest.mark.parametrize(
    ("estimate", "chance"),
    [
        (Estimate(None, None, None, 0, 0), None),
        (Estimate(0.5, None, None, 9, 1), None),
        (Estimate(0.5, 0.5, 0.5, 9, 1), None),
        (Estimate(0.58, 0.58 - HALF * 0.02, 0.58 + HALF * 0.02, 9, 1), 0.5),
        (Estimate(0.54, 0.54 - HALF * 0.02, 0.54 + HALF * 0.02, 9, 1), 0.02275),
    ],
)
def test_the_chance_of_so_low_a_measurement(estimate: Estimate, chance: float | None) -> None:
    found = chance_of_so_low(estimate, 0.58, 0.9)
    assert found == (None if chance is None else pytest.approx(chance, abs=1e-4))
