from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from p2pcredit.contracts.results import Status
from p2pcredit.errors import TrainingError
from p2pcredit.models.champion.gate import Benchmark, Gate, benchmarks_of, hold_to_floor
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.evaluation.platform_grades import platform_risk

LOANS = 1500
RNG = np.random.default_rng(5)
RISK = RNG.normal(size=LOANS)
LABELS = (RNG.random(LOANS) < 1 / (1 + np.exp(2.0 - RISK))).astype(float)
NOISE = RNG.normal(size=LOANS)


def as_pd(risk: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(2.0 - risk)))


def blurred(noise: float) -> Floats:
    """The true risk with so much noise in it."""
    return np.asarray(RISK + noise * NOISE)


def hold(chances: Floats, *others: Benchmark, labels: Floats = LABELS, least_bads: int = 15) -> Gate:
    return hold_to_floor(labels, chances, others, confidence=0.9, least_bads=least_bads)


def other(risk: Floats, key: str = "logistic") -> Benchmark:
    return Benchmark(key, f"the {key}", risk)


def test_a_model_above_chance_and_not_below_the_benchmarks_passes_with_its_figures() -> None:
    gate = hold(as_pd(blurred(0.5)), other(blurred(1.5), "sub_grade"), other(blurred(0.5)))
    assert gate.status is Status.PASS
    assert gate.reason.startswith(f"AUC {gate.auc.value:.3f} [{gate.auc.low:.3f}, {gate.auc.high:.3f}] at 90% on 1,500")
    assert "not shown worse: +0." in gate.reason
    assert [held.status for held in gate.against] == [Status.PASS, Status.PASS]


@pytest.mark.parametrize("sign", [1, -1])
def test_noise_does_not_pass_whichever_side_of_a_half_its_auc_lies(sign: int) -> None:
    gate = hold(as_pd(sign * NOISE))
    assert abs((gate.auc.value or 0.0) - 0.5) < 0.03
    assert not gate.passed
    assert gate.status is (Status.FAIL if (gate.auc.value or 0.0) <= 0.5 else Status.UNDETERMINED)
    assert "is not above chance" in gate.reason


def test_a_ranking_the_wrong_way_round_fails() -> None:
    gate = hold(as_pd(-RISK))
    assert (gate.status, gate.above_chance) == (Status.FAIL, False)


@pytest.mark.parametrize("key", ["logistic", "sub_grade"])
def test_a_model_that_a_benchmark_clearly_beats_fails_and_says_by_how_much(key: str) -> None:
    gate = hold(as_pd(blurred(1.5)), other(RISK, key))
    (held,) = gate.against
    assert held.difference.high is not None
    assert held.difference.high < 0
    assert (gate.status, gate.above_chance) == (Status.FAIL, True)
    assert f"it ranks worse than the {key} ({held.difference.value:+.3f} [" in gate.reason


def test_a_benchmark_better_by_no_more_than_noise_fails_nothing() -> None:
    few, own = slice(0, 400), np.random.default_rng(8).normal(size=LOANS)
    gate = hold(as_pd(RISK + own)[few], other(RISK[few] + 0.9 * NOISE[few]), labels=LABELS[few])
    (held,) = gate.against
    assert held.difference.value is not None
    assert held.difference.value < 0
    assert gate.passed


def test_the_bounds_are_those_of_the_confidence_asked_for() -> None:
    chances = as_pd(blurred(4.0)[:300])
    sure = {c: hold_to_floor(LABELS[:300], chances, (), confidence=c, least_bads=5) for c in (0.5, 0.999)}
    assert sure[0.5].passed
    assert not sure[0.999].passed


def test_too_few_bads_or_goods_are_undetermined_and_do_not_pass() -> None:
    for labels in (np.r_[np.ones(14), np.zeros(100)], np.r_[np.zeros(14), np.ones(100)]):
        gate = hold(as_pd(labels * 3), labels=labels)
        assert gate.status is Status.UNDETERMINED
        assert "15 needed" in gate.reason
    assert hold(np.array([]), labels=np.array([])).status is Status.UNDETERMINED


def test_a_grade_is_compared_on_the_loans_that_have_one() -> None:
    half = np.where(np.arange(LOANS) % 2 == 0, RISK, np.nan)
    gate = hold(as_pd(blurred(1.5)), other(half, "sub_grade"))
    (held,) = gate.against
    assert (held.difference.n, gate.status) == (LOANS // 2, Status.FAIL)


def test_a_grade_with_too_few_bads_is_undetermined_unless_hardly_any_loan_has_one() -> None:
    on_goods_only = np.where(LABELS == 0, RISK, np.nan)
    assert hold(as_pd(RISK), other(on_goods_only, "grade")).status is Status.UNDETERMINED
    hardly = np.where(np.arange(LOANS) < 40, RISK, np.nan)
    gate = hold(as_pd(RISK), other(hardly, "grade"))
    assert (gate.status, gate.against[0].given) == (Status.PASS, False)
    assert "no benchmark" in gate.reason


def test_a_missing_probability_is_an_error_never_a_pass() -> None:
    with pytest.raises(TrainingError, match="missing or infinite"):
        hold(np.where(np.arange(LOANS) == 7, np.nan, as_pd(RISK)))


def test_what_the_card_holds_is_plain_json() -> None:
    told = json.loads(json.dumps(hold(as_pd(blurred(0.5)), other(RISK)).as_json(), allow_nan=False))
    assert {"status", "reason", "confidence", "auc", "auc_low", "auc_high", "n", "bads", "against"} <= set(told)
    assert {"key", "auc", "model_auc", "difference", "difference_low", "difference_high"} <= set(told["against"][0])


def loans(labels: Floats, risk: Floats) -> pl.DataFrame:
    grade = [None if r > 2.2 else "ABCDEFG"[int(np.clip(3 + 1.5 * r, 0, 6))] for r in risk]
    return pl.DataFrame({"label": labels.astype(int), "annual_income": -risk, "platform_grade": grade})


def test_the_benchmarks_are_the_platforms_grade_and_a_logistic_of_the_loans_before() -> None:
    book = loans(LABELS, RISK)
    found = benchmarks_of(book[1000:], book[:1000], ["application"])
    assert [benchmark.key for benchmark in found] == ["grade", "logistic"]
    assert np.corrcoef(found[1].risk, RISK[1000:])[0, 1] > 0.9
    assert np.isnan(found[0].risk).sum() == book[1000:]["platform_grade"].null_count()
    flipped = book.with_columns(label=1 - pl.col("label"))
    assert np.corrcoef(benchmarks_of(book[1000:], flipped[:1000], ["application"])[1].risk, RISK[1000:])[0, 1] < -0.9


def test_the_sub_grade_goes_before_the_grade_unless_it_ranks_fewer_loans() -> None:
    both = pl.DataFrame({"platform_grade": ["A", "B"], "platform_sub_grade": ["A1", "B2"]})
    assert platform_risk(both)[0] == "platform_sub_grade"  # type: ignore[index]
    fewer = both.with_columns(pl.Series("platform_sub_grade", ["A1", None]))
    assert platform_risk(fewer)[0] == "platform_grade"  # type: ignore[index]
    assert platform_risk(pl.DataFrame({"platform_grade": ["good", None]})) is None
    assert platform_risk(pl.DataFrame({"label": [1]})) is None


def test_a_benchmark_has_its_own_auc_beside_that_of_the_model() -> None:
    """Bads rank above 3 of 4 goods by the model, above 1 of 4 by the grade."""
    labels, model, grade = np.array([0, 0, 0, 0, 1.0]), np.array([0.1, 0.2, 0.3, 0.5, 0.4]), np.array([1, 4, 5, 6, 3.0])
    (held,) = hold(model, other(grade, "grade"), labels=labels).as_json()["against"]
    assert (held["auc"], held["model_auc"], held["difference"]) == (0.25, 0.75, 0.5)
    assert (held["key"], held["name"], held["n"], held["bads"]) == ("grade", "the grade", 5, 1)
