"""Groups over a grid of cut-offs: ratios, Holm for several groups, three outcomes, and what tells groups apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from p2pcredit.contracts.features import FEATURES
from p2pcredit.models.population.groups import denials, distributions, grid_of, judged_together, status_of, worst_gap
from p2pcredit.models.population.proxies import proxies_of


def _people(*given: tuple[str | None, int, int]) -> tuple[pl.Series, npt.NDArray[np.float64]]:
    """Per group: name, people, of them those with a probability of 0.01; the others have 0.2."""
    names = [name for name, n, _ in given for _ in range(n)]
    chances = [0.01 if place < safe else 0.2 for _, n, safe in given for place in range(n)]
    return pl.Series(names, dtype=pl.String), np.array(chances)


def test_denial_rates_and_ratios_are_those_of_a_hand_and_no_one_is_denied_at_the_highest_cut_off() -> None:
    groups, chances = _people(("a", 1000, 900), ("b", 1000, 450))
    low, high = denials(groups, chances, [0.05, 0.5], 0.05, 0.9)
    assert [(row["group"], row["denial_rate"]) for row in low["groups"]] == [
        ("a", pytest.approx(0.1)),
        ("b", pytest.approx(0.55)),
    ]
    assert low["denied"] == pytest.approx(0.325)
    assert low["groups"][1]["ratio"] == pytest.approx(0.5)
    assert [row["status"] for row in low["groups"]] == ["pass", "fail"]
    assert low["groups"][0]["low"] < 0.1 < low["groups"][0]["high"]
    assert [row["denial_rate"] for row in high["groups"]] == [0.0, 0.0]
    assert status_of(low["groups"]) == "fail"


def test_a_group_of_few_people_is_undetermined_whatever_its_ratio() -> None:
    groups, chances = _people(("a", 1000, 900), ("b", 50, 1))
    (found,) = denials(groups, chances, [0.05], 0.05, 0.9)
    assert [row["status"] for row in found["groups"]] == ["pass", "undetermined"]
    assert status_of(found["groups"]) == "undetermined"


def test_a_ratio_outside_by_its_own_interval_is_undetermined_within_the_chance_of_many_groups() -> None:
    alone: list[dict[str, Any]] = [
        {"chance": None, "n": 900, "status": "pass"},
        {"chance": 0.03, "n": 900, "status": "fail"},
    ]
    assert judged_together(alone, 0.9)[1]["status"] == "fail"
    many = [*alone, *({"chance": 0.6, "n": 900, "status": "pass"} for _ in range(4))]
    assert judged_together(many, 0.9)[1]["status"] == "undetermined"


def test_groups_that_are_alike_pass_and_one_group_alone_says_nothing() -> None:
    groups, chances = _people(("a", 2000, 1800), ("b", 2000, 1800))
    (found,) = denials(groups, chances, [0.05], 0.05, 0.9)
    assert status_of(found["groups"]) == "pass"
    assert status_of(found["groups"][:1]) == "undetermined"
    assert worst_gap(pl.Series(["a"] * 200), np.full(200, 0.1), 0.2) is None


def test_scores_of_a_group_a_standard_deviation_higher_say_so_and_defaults_count_only_where_known() -> None:
    luck = np.random.default_rng(3)
    scores = np.concatenate([luck.normal(620, 20, 3000), luck.normal(600, 20, 3000)])
    groups = pl.Series(["a"] * 3000 + ["b"] * 3000)
    labels = pl.Series([1] * 60 + [0] * 1440 + [None] * 1500 + [None] * 3000, dtype=pl.Int8)
    found = distributions(groups, scores, np.full(6000, 0.02), labels, 0.9)
    assert found[0]["difference"] == pytest.approx(1.0, abs=0.06)
    assert found[0]["difference_low"] < 1.0 < found[0]["difference_high"]
    assert (found[0]["known"], found[0]["bads"], found[0]["ratio"]) == (1500, 60, pytest.approx(2.0))
    assert (found[1]["known"], found[1]["ratio"]) == (0, None)
    assert found[0]["quantiles"] == sorted(found[0]["quantiles"])


def test_the_grid_holds_the_present_cut_off_once() -> None:
    assert grid_of(np.linspace(0.01, 0.99, 99), 3, 0.5) == [0.25, 0.5, 0.75]


def test_a_feature_that_stands_for_the_group_is_first_and_one_that_knows_nothing_last() -> None:
    luck = np.random.default_rng(1)
    group = luck.random(4000) < 0.5
    rows = pl.DataFrame(
        {
            "annual_income": luck.normal(50_000, 1_000, 4000),
            "purpose": np.where(group, "CAR", "HOUSE"),
            "fico": np.where(luck.random(4000) < 0.1, np.nan, 700 + 30 * group + luck.normal(0, 30, 4000)),
        }
    ).with_columns(pl.col("fico").fill_nan(None))
    contracts = [feature for feature in FEATURES if feature.name in rows.columns]
    found = proxies_of(rows, pl.Series(np.where(group, "a", "b")), contracts)
    assert [one.feature for one in found] == ["purpose", "fico", "annual_income"]
    assert found[0].distance == pytest.approx(1.0)
    assert found[2].distance < 0.15
