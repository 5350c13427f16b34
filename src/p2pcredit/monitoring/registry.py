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
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.metrics.drift import measure_drift
from p2pcredit.monitoring.metrics.early_delinquency import measure_early_signs
from p2pcredit.monitoring.metrics.estimates import measure_estimates
from p2pcredit.monitoring.metrics.performance import measure_performance
from p2pcredit.monitoring.metrics.quality import measure_quality
from p2pcredit.monitoring.plugins import entry_points
from p2pcredit.monitoring.status import unmeasured
from p2pcredit.settings import Settings
from p2pcredit.text import one_line

METRICS_GROUP = "p2pcredit.metrics"

Metric = Callable[[MonitoringInputs, Settings], Iterable[MetricResult]]

BUILT_IN_METRICS: Mapping[str, Metric] = {
    "quality": measure_quality,
    "performance": measure_performance,
    "estimates": measure_estimates,
    "drift": measure_drift,
    "early_delinquency": measure_early_signs,
}


def available_metrics() -> dict[str, Metric]:
    """Which metrics are there: ours first, then those of other packages by name.

    An entry point that cannot be loaded is there too, and says so when it is run. One that bears a built-in name is
    left out.
    """
    metrics = dict(BUILT_IN_METRICS)
    for point in sorted(entry_points(group=METRICS_GROUP), key=lambda p: (p.name, p.value)):
        if point.name in metrics:
            continue
        try:
            metrics[point.name] = point.load()
        except Exception as error:
            metrics[point.name] = _failing(error)
    return metrics


def calculate_metrics(
    inputs: MonitoringInputs, settings: Settings, metrics: Mapping[str, Metric] | None = None
) -> list[MetricResult]:
    """What can be said about the week?

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
                note = f"'{name}' gave '{result.metric}' of '{result.segment}' a second time; the first one stands"
                result = unmeasured(f"plugin:{name}", result.segment, result.n, note)
                key = (result.metric, result.segment)
            found.setdefault(key, result)
    return list(found.values())


def without_nan(result: MetricResult) -> MetricResult:
    """The same result with every number that is none taken out; a value that is none passes and fails nothing.

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
    except Exception as error:
        note = one_line(f"the metric '{name}' could not be calculated: {type(error).__name__}: {error}")
        own = name if name in BUILT_IN_METRICS else f"plugin:{name}"
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
