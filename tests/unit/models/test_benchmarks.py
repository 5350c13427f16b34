"""The benchmarks that stand in every card: grade, logistic regression, last champion."""

from __future__ import annotations

import numpy as np
import pytest

from p2pcredit.models.champion.benchmarks import against_champion, standing_benchmarks
from p2pcredit.models.champion.gate import Benchmark, hold_to_floor

LABELS = [0, 0, 1, 0, 1, 1]
MODEL = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
GRADES = Benchmark("sub_grade", "the platform's own sub-grade", np.array([1.0, 1.0, 2.0, 2.0, 2.0, np.nan]))
FLOOR = hold_to_floor(LABELS, MODEL, (GRADES,), confidence=0.9, least_bads=1)


def test_each_benchmark_is_listed_on_the_loans_that_it_shares_with_the_model() -> None:
    """The champion ranks 7 of 9 pairs rightly, the model 8; the grade 5 of 6 (two ties) where the model does 5."""
    held = against_champion(LABELS, MODEL, [0.1, 0.5, 0.4, 0.2, 0.45, 0.6], 0.9)
    grade, champion = standing_benchmarks(FLOOR, held, model_id="m1")
    assert (champion["key"], champion["model_id"], champion["n"], champion["bads"]) == ("champion", "m1", 6, 3)
    assert champion["model_auc"] == pytest.approx(8 / 9)
    assert champion["auc"] == pytest.approx(7 / 9)
    assert champion["difference"] == pytest.approx(1 / 9)
    assert champion["difference_low"] < champion["difference"] < champion["difference_high"]
    assert (grade["key"], grade["model_id"], grade["n"]) == ("sub_grade", None, 5)
    assert grade["auc"] == pytest.approx(5 / 6)
    assert set(grade) == set(champion)


def test_a_first_model_has_no_champion_beside_it() -> None:
    assert [one["key"] for one in standing_benchmarks(FLOOR, None)] == ["sub_grade"]
