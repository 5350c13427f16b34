from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import polars as pl
import pytest
from tests.unit.monitoring.monitoring_world import make_inputs

from p2pcredit import plugins
from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.policies import choose as policy
from p2pcredit.monitoring.registry import calculate_metrics
from p2pcredit.settings import Settings


def nan_everywhere(inputs: MonitoringInputs, settings: Settings) -> Iterable[MetricResult]:
    nan = float("nan")
    yield MetricResult("odd", "all", nan, nan, float("inf"), 3, nan, Status.PASS, nan, "two\nlines")


def raising(inputs: MonitoringInputs, settings: Settings) -> Iterable[MetricResult]:
    raise ZeroDivisionError("no loans\nat all")


def impostor(inputs: MonitoringInputs, settings: Settings) -> Iterable[MetricResult]:
    yield MetricResult("auc", "champion", 0.1, 0.1, 0.1, 9, 1.0, Status.FAIL, 0.62)


NO_FUNCTION = 0.7


def points(*names: str) -> Any:
    found = [EntryPoint(name, f"{__name__}:{name}", "p2pcredit.metrics") for name in names]
    return lambda group: EntryPoints(found)


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", points())


def test_no_nan_ever_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", points("nan_everywhere"))
    results = calculate_metrics(make_inputs(2500), Settings())
    for result in results:
        for number in (result.value, result.low, result.high, result.matured_share, result.threshold):
            assert number is None or math.isfinite(number)
    odd = next(r for r in results if r.metric == "odd")
    assert odd.status is Status.UNDETERMINED
    assert odd.value is None
    assert odd.note == "two lines"


def test_a_metric_that_raises_is_undetermined_with_its_error_in_the_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", points("raising", "not_there"))
    results = {r.metric: r for r in calculate_metrics(make_inputs(100), Settings())}
    assert "ZeroDivisionError: no loans at all" in results["plugin:raising"].note
    assert results["plugin:raising"].status is Status.UNDETERMINED
    assert (results["plugin:raising"].segment, results["plugin:raising"].n) == ("all", 0)
    assert "AttributeError" in results["plugin:not_there"].note
    assert "auc" in results


def test_a_plugin_cannot_speak_in_the_name_of_a_built_in_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", points("impostor"))
    results = calculate_metrics(make_inputs(2500), Settings())
    auc = [r for r in results if (r.metric, r.segment) == ("auc", "champion")]
    assert len(auc) == 1
    assert auc[0].value is not None
    assert auc[0].value > 0.6
    (told,) = (r for r in results if r.metric == "plugin:impostor")
    assert (told.segment, told.value, told.status) == ("champion", None, Status.UNDETERMINED)


def test_a_plugin_that_takes_a_built_in_name_is_said_beside_the_built_in_metric(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = EntryPoints([EntryPoint("drift", "greedy:drift", "p2pcredit.metrics")])
    monkeypatch.setattr(plugins, "entry_points", lambda group: found)
    results = {r.metric: r for r in calculate_metrics(make_inputs(900), Settings())}
    assert "psi_score" in results
    assert results["plugin:drift"].status is Status.UNDETERMINED
    assert "the package greedy adds the metric 'drift' to p2pcredit.metrics" in results["plugin:drift"].note


def test_a_metric_that_is_no_function_or_fails_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", points("NO_FUNCTION", "raising"))
    results = {r.metric: r for r in calculate_metrics(make_inputs(100), Settings())}
    assert f"of the package {__name__} has no '__call__'" in results["plugin:NO_FUNCTION"].note
    assert f"the metric 'raising' of the package {__name__} could not be" in results["plugin:raising"].note


def test_a_metric_that_gives_something_else_is_undetermined() -> None:
    odd: Any = lambda inputs, settings: [0.7]  # noqa: E731
    (result,) = calculate_metrics(make_inputs(30), Settings(), {"odd": odd})
    assert "gave a float where a MetricResult belongs" in result.note


def test_one_result_for_each_metric_and_segment() -> None:
    results = calculate_metrics(make_inputs(2500), Settings())
    keys = [(r.metric, r.segment) for r in results]
    assert len(keys) == len(set(keys))


def test_the_built_in_metrics_run_on_an_empty_world_without_error() -> None:
    inputs = make_inputs(30)
    empty = replace(
        inputs,
        champion_id=None,
        champion_as_of=None,
        predictions=inputs.predictions.clear(),
        labels=inputs.labels.clear(),
        features=inputs.features.clear(),
        reference=pl.DataFrame(),
        early_delinquency=inputs.early_delinquency.clear(),
        feed_quality=inputs.feed_quality.clear(),
    )
    results = calculate_metrics(empty, Settings())
    assert not [r for r in results if r.value is not None or "could not be calculated" in r.note]
    assert not policy.monitoring_has_evidence(results)


def test_the_same_inputs_give_the_same_results() -> None:
    assert calculate_metrics(make_inputs(900), Settings()) == calculate_metrics(make_inputs(900), Settings())


def test_the_order_of_the_rows_plays_no_part() -> None:
    inputs = make_inputs(2500)
    turned = replace(inputs, labels=inputs.labels.reverse(), predictions=inputs.predictions.reverse())
    assert calculate_metrics(turned, Settings()) == calculate_metrics(inputs, Settings())
