"""Defaults seen against those expected by now, by contract term and vintage: what shows a drift in one product.

The probability within the main window is judged when that window has closed, a year late and never beyond it. Here
every scored loan counts from its first month on: expected is the probability of default by its present month on book,
by the term structure of the model that scored it, and seen is whether it has defaulted by then. Cells of term and
vintage are many, so that some would look wrong by chance: a cell fails only where it would after Holm's correction for
all cells of the week.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.evaluation.calibration.segment_ratios import Seen, chance_outside, ratio_interval
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.lights import inside, judge_together
from p2pcredit.monitoring.status import unmeasured
from p2pcredit.settings import MonitoringSettings, Settings
from p2pcredit.transforms.vintages import quarter_name

METRIC = "default_to_date_ratio"


def measure_over_term(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Measure defaults seen over those expected by now, of the scored loans that were watched for a month or more.

    Returns:
        `default_to_date_ratio` for `all`, each `term=N`, each `vintage=YYYYQn`, and each cell `term=N,vintage=YYYYQn`.
        The cells are held against `monitoring.over_term_ratio_bounds`; the others are for information, as one term can
        make up for another in them.
    """
    loans = inputs.over_term.with_columns(vintage=quarter_name("snapshot_date"))
    if loans.is_empty():
        return [unmeasured(METRIC, "all", 0, "no scored loan has been watched for a month with a curve of its model")]
    limits = settings.monitoring
    whole = [("all", _seen(loans))]
    terms = [(f"term={term}", _seen(part)) for (term,), part in _parts(loans, "term_months")]
    vintages = [(f"vintage={vintage}", _seen(part)) for (vintage,), part in _parts(loans, "vintage")]
    cells = [
        (f"term={term},vintage={vintage}", _seen(part))
        for (term, vintage), part in _parts(loans, "term_months", "vintage")
    ]
    told = [_result(segment, seen, limits) for segment, seen in (*whole, *terms, *vintages)]
    return [*told, *judge_cells(cells, limits)]


def judge_cells(cells: Sequence[tuple[str, Seen]], limits: MonitoringSettings) -> list[MetricResult]:
    """Judge each cell by its interval: fail where it lies outside the bounds beyond chance, all cells together (Holm).

    Args:
        cells: Segment and what was seen of it.
        limits: Bounds of the ratio, and the confidence: with 0.9, of weeks in which every cell is right at a bound, one
            in twenty has a failure.

    Examples:
        >>> right, wrong = Seen(9000, 300, 290.0), Seen(900, 75, 30.0)
        >>> judged = judge_cells([("term=36", right), ("term=60", wrong)], MonitoringSettings())
        >>> [str(result.status) for result in judged]
        ['pass', 'fail']
    """
    bounds = limits.over_term_ratio_bounds
    lights = []
    for segment, seen in cells:
        found = _result(segment, seen, limits)
        nearest = bounds[0] if found.value is not None and found.value < 1 else bounds[1]
        lights.append(inside(replace(found, threshold=nearest), bounds, chance_outside(seen, *bounds)))
    return judge_together(lights, limits.confidence)


def _result(segment: str, seen: Seen, limits: MonitoringSettings) -> MetricResult:
    note = f"{seen.defaults} defaults seen, {seen.expected:.1f} expected by now"
    if seen.expected <= 0.0:
        return unmeasured(METRIC, segment, seen.loans, note)
    least, most = ratio_interval(seen, limits.confidence)
    return MetricResult(
        METRIC,
        segment,
        seen.defaults / seen.expected,
        least,
        most,
        seen.loans,
        None,
        Status.UNDETERMINED,
        None,
        note,
    )


def _parts(loans: pl.DataFrame, *columns: str) -> list[tuple[tuple[object, ...], pl.DataFrame]]:
    return sorted(loans.partition_by(*columns, as_dict=True).items())


def _seen(loans: pl.DataFrame) -> Seen:
    return Seen(loans.height, int(loans["defaulted"].sum()), float(loans["expected"].sum()))


__all__ = ["METRIC", "Seen", "judge_cells", "measure_over_term"]
