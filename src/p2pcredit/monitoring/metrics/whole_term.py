"""Judge the probability of default within the whole contract term, on scored loans whose term is over.

Default within the main window is judged a year after a loan was made; what the term structure adds to it can be judged
by nothing but loans that have lived through their term. Both horizons are judged by the same measures, and apart:
ranking within quarter of origination and term, also against the platform's own grade, defaults seen over expected, and
the calibration slope.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.evaluation.calibration.segment_ratios import Seen, chance_outside, ratio_interval
from p2pcredit.models.evaluation.calibration.slope import calibration_slope
from p2pcredit.models.evaluation.intervals import Estimate, Floats
from p2pcredit.models.evaluation.within_cohort import auc_within_cohorts, paired_difference_within_cohorts
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.lights import inside, judge_together
from p2pcredit.monitoring.status import unmeasured
from p2pcredit.settings import MonitoringSettings, Settings
from p2pcredit.transforms.vintages import cohort_name

WITHIN, LEAD = "lifetime_auc_within_cohort", "lifetime_auc_minus_platform"
RATIO, SLOPE = "lifetime_ratio", "lifetime_calibration_slope"
WHOLE_TERM_METRICS = (WITHIN, LEAD, RATIO, SLOPE)
PLATFORM_RISK = "platform_risk"


def loans_of_ended_terms(inputs: MonitoringInputs, settings: Settings) -> pl.DataFrame:
    """Select the scored loans of which the whole contract term, and the reporting lag after it, is over.

    A loan that defaulted or was paid off before counts only once its term is over too: else the bads of a vintage would
    stand there years before its goods. Terms no longer than the main window have no horizon of their own.

    Returns:
        The rows of `over_term` of these loans; `expected` is the probability of default within the term, as scored.
    """
    term = pl.col("term_months")
    return inputs.over_term.filter(term > settings.labels.window_months, pl.col("months") >= term)


def measure_whole_term(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Measure ranking, level and spread of the probability of default within the term.

    Returns:
        `lifetime_auc_within_cohort`, `lifetime_auc_minus_platform` (within cohorts, on the loans that the platform
        graded), `lifetime_ratio` (defaults seen over expected) and `lifetime_calibration_slope`, of `all` and of each
        `term=N`. The ratio of each term is held against `monitoring.over_term_ratio_bounds`, all terms together; the
        rest is for information. No row where no scored loan's term is over.
    """
    loans = loans_of_ended_terms(inputs, settings)
    if loans.is_empty():
        return []
    loans = loans.with_columns(cohort=cohort_name(loans, "snapshot_date"))
    limits = settings.monitoring
    terms = sorted(loans.partition_by("term_months", as_dict=True).items())
    parts = [("all", loans), *((f"term={term}", part) for (term,), part in terms)]
    ratios = [_ratio(segment, part, limits) for segment, part in parts]
    bounds = limits.over_term_ratio_bounds
    held = [
        inside(
            replace(ratio, threshold=bounds[0] if ratio.value is not None and ratio.value < 1 else bounds[1]),
            bounds,
            chance_outside(_seen(part), *bounds),
        )
        for ratio, (_, part) in zip(ratios[1:], parts[1:], strict=True)
    ]
    judged = [ratios[0], *judge_together(held, limits.confidence)]
    return [
        result
        for ratio, (segment, part) in zip(judged, parts, strict=True)
        for result in (*_ranking(segment, part, limits), ratio, _slope(segment, part, limits))
    ]


def _ranking(segment: str, loans: pl.DataFrame, limits: MonitoringSettings) -> list[MetricResult]:
    found = [_told(WITHIN, segment, loans, limits, auc_within_cohorts(*_columns(loans), limits.confidence))]
    if PLATFORM_RISK not in loans.columns:
        return found
    graded = loans.filter(pl.col(PLATFORM_RISK).is_finite())
    if graded.is_empty():
        return found
    labels, own, cohorts = _columns(graded)
    theirs = graded[PLATFORM_RISK].to_numpy()
    lead = paired_difference_within_cohorts(labels, own, theirs, cohorts, limits.confidence)
    return [*found, _told(LEAD, segment, graded, limits, lead)]


def _ratio(segment: str, loans: pl.DataFrame, limits: MonitoringSettings) -> MetricResult:
    seen = _seen(loans)
    note = f"{seen.defaults} defaults within the term, {seen.expected:.1f} expected"
    if seen.expected <= 0.0:
        return unmeasured(RATIO, segment, seen.loans, note)
    low, high = ratio_interval(seen, limits.confidence)
    value = seen.defaults / seen.expected
    return MetricResult(RATIO, segment, value, low, high, seen.loans, None, Status.UNDETERMINED, None, note)


def _slope(segment: str, loans: pl.DataFrame, limits: MonitoringSettings) -> MetricResult:
    labels, chances, _ = _columns(loans)
    return _told(SLOPE, segment, loans, limits, calibration_slope(labels, chances, limits.confidence))


def _told(metric: str, segment: str, loans: pl.DataFrame, limits: MonitoringSettings, found: Estimate) -> MetricResult:
    """Write an estimate as a result; none where the loans are too few, or no cohort has both bads and goods."""
    n, bads = loans.height, int(loans["defaulted"].sum())
    few = n < limits.min_matured_loans or min(bads, n - bads) < limits.min_matured_bads
    if few:
        needed = f"{limits.min_matured_loans} and {limits.min_matured_bads} needed, and goods"
        return unmeasured(metric, segment, n, f"{n} loans whose term is over with {bads} bads, {needed}")
    if found.value is None:
        return unmeasured(metric, segment, n, f"{bads} bads; it cannot be measured on them")
    note = f"{found.bads} bads"
    return MetricResult(
        metric, segment, found.value, found.low, found.high, found.n, None, Status.UNDETERMINED, None, note
    )


def _columns(loans: pl.DataFrame) -> tuple[Floats, Floats, npt.NDArray[Any]]:
    """Give label, probability within the term and cohort of each loan."""
    labels = np.asarray(loans["defaulted"].to_numpy(), dtype=np.float64)
    return labels, np.asarray(loans["expected"].to_numpy(), dtype=np.float64), loans["cohort"].to_numpy()


def _seen(loans: pl.DataFrame) -> Seen:
    return Seen(loans.height, int(loans["defaulted"].sum()), float(loans["expected"].sum()))


__all__ = ["PLATFORM_RISK", "WHOLE_TERM_METRICS", "loans_of_ended_terms", "measure_whole_term"]
