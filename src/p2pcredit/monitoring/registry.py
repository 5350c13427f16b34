"""Every metric by name, built in or brought by another package, and one call that runs them all.

Another package adds a metric with an entry point in the group `p2pcredit.metrics`: a function of the inputs and the
settings that returns results. What it does wrong becomes an undetermined result, never a crash, and it cannot speak in
the name of a metric that is already there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.errors import PluginError
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.status import unmeasured
from p2pcredit.plugins import Registry
from p2pcredit.settings import Settings
from p2pcredit.text import one_line

Metric = Callable[[MonitoringInputs, Settings], Iterable[MetricResult]]

METRICS = Registry[Metric](
    group="p2pcredit.metrics",
    what="metric",
    built_in={
        "quality": "p2pcredit.monitoring.metrics.quality:measure_quality",
        "performance": "p2pcredit.monitoring.metrics.performance:measure_performance",
        "over_term": "p2pcredit.monitoring.metrics.over_term:measure_over_term",
        "whole_term": "p2pcredit.monitoring.metrics.whole_term:measure_whole_term",
        "grades": "p2pcredit.monitoring.metrics.grades:measure_grades",
        "triggers": "p2pcredit.monitoring.metrics.triggers:measure_triggers",
        "estimates": "p2pcredit.monitoring.metrics.estimates:measure_estimates",
        "drift": "p2pcredit.monitoring.metrics.drift:measure_drift",
        "population": "p2pcredit.monitoring.metrics.population:measure_population",
        "serving_skew": "p2pcredit.monitoring.metrics.serving_skew:measure_serving_skew",
        "early_delinquency": "p2pcredit.monitoring.metrics.early_delinquency:measure_early_delinquency",
    },
    needs=("__call__",),
)
_PLUGIN = "plugin:"


def available_metrics() -> dict[str, Metric]:
    """Load all metrics: built-in ones first, then those of other packages by name.

    One that cannot be used is there too, and says so when it is run: so is one that bears a name that is built in,
    beside the built-in one.
    """
    metrics: dict[str, Metric] = {}
    for name in METRICS.names():
        if name in METRICS.built_in:
            metrics[name] = METRICS.load(name)
        try:
            METRICS.require(name)
            metrics[name] = METRICS.load(name)
        except PluginError as error:
            metrics[_PLUGIN + name] = _failing(error)
    return metrics


def calculate_metrics(
    inputs: MonitoringInputs, settings: Settings, metrics: Mapping[str, Metric] | None = None
) -> list[MetricResult]:
    """Calculate every registered metric of the week.

    Args:
        inputs: Everything known by the end of the week.
        settings: Limits and windows.
        metrics: Which to run, by name; all available ones where None.

    Returns:
        Results in the order of the metrics, one for each metric and segment, no number among them NaN or infinite. A
        metric that raises is one undetermined result named after it, with the error in its note.
    """
    chosen = available_metrics() if metrics is None else metrics
    found: dict[tuple[str, str], MetricResult] = {}
    for name, metric in chosen.items():
        for result in _run(name, metric, inputs, settings):
            key = (result.metric, result.segment)
            if key in found:
                said = f"gave '{result.metric}' of '{result.segment}' a second time; the first one stands"
                note = f"{METRICS.describe(name)} {said}"
                result = unmeasured(_PLUGIN + name, result.segment, result.n, note)
                key = (result.metric, result.segment)
            found.setdefault(key, result)
    return list(found.values())


def without_nan(result: MetricResult) -> MetricResult:
    """Replace NaN and infinite numbers of a result by None; a value that is None neither passes nor fails.

    Examples:
        >>> without_nan(MetricResult("auc", "all", float("nan"), 0.5, 0.6, 9, 1.0, Status.PASS)).status
        <Status.UNDETERMINED: 'undetermined'>
    """
    clean = MetricResult(
        metric=str(result.metric),
        segment=str(result.segment),
        value=_finite(result.value),
        low=_finite(result.low),
        high=_finite(result.high),
        n=int(result.n),
        matured_share=_finite(result.matured_share),
        status=Status(result.status),
        threshold=_finite(result.threshold),
        note=one_line(result.note),
    )
    if clean.value is not None:
        return clean
    note = clean.note or "the metric gave no number"
    return replace(clean, low=None, high=None, status=Status.UNDETERMINED, note=note)


def _run(name: str, metric: Metric, inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    try:
        results = list(metric(inputs, settings))
        for result in results:
            if not isinstance(result, MetricResult):
                raise TypeError(f"gave a {type(result).__name__} where a MetricResult belongs")
        return [without_nan(result) for result in results]
    except PluginError as error:
        note = one_line(error)
    except Exception as error:
        note = one_line(f"{METRICS.describe(name)} could not be calculated: {type(error).__name__}: {error}")
    own = name if name in METRICS.built_in or name.startswith(_PLUGIN) else _PLUGIN + name
    return [unmeasured(own, "all", 0, note)]


def _finite(value: float | None) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _failing(error: Exception) -> Metric:
    def metric(inputs: MonitoringInputs, settings: Settings) -> Iterable[MetricResult]:
        raise error

    return metric
