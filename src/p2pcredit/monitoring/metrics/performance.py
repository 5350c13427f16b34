"""Ranking and calibration on the loans that can be judged: by the service, the champion, vintage and term.

Nothing is measured on fewer loans or bads than the settings ask for: the result then says how many there are, and its
value is missing rather than meaningless.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.evaluation.calibration.ratios import (
    brier_interval,
    calibration_error_by_chance,
    calibration_error_interval,
    calibration_ratio,
)
from p2pcredit.models.evaluation.calibration.slope import calibration_slope
from p2pcredit.models.evaluation.discrimination import auc_interval, gini_interval, ks_interval, paired_auc_difference
from p2pcredit.models.evaluation.intervals import Estimate
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.lights import Light, at_least, chance_of_share, inside, judge_together
from p2pcredit.monitoring.matured import JudgedLoans, part_segments, scored_loans, whole_segments
from p2pcredit.monitoring.status import unmeasured
from p2pcredit.monitoring.yearly_error import chance_of_so_low
from p2pcredit.settings import MonitoringSettings, Settings

_RANKING = ("auc", "gini", "ks")
_CALIBRATION = ("brier", "calibration_error", "calibration_slope", "calibration_ratio")
_AGAINST_PLATFORM = ("auc_sub_grade", "auc_minus_sub_grade")


def measure_performance(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Measure ranking and calibration of the served probabilities on the loans that can be judged now.

    Returns:
        For the segments `all` (as served, whichever model did it), `champion`, `vintage=YYYYQn` and `term=N`: `auc,
        gini, ks, brier, calibration_error, calibration_slope, calibration_ratio` and `matured_defaults` (a count); for
        `all` and `champion` also `auc_sub_grade` (that of the platform's own sub-grade on the same loans) and
        `auc_minus_sub_grade` (the paired difference). `auc` is held against `auc_threshold` and `calibration_ratio`
        against its bounds; the others are for information. Each of the two is judged by its interval, `all` and
        `champion` together and the parts of the book together, each family corrected for its number: see
        `p2pcredit.monitoring.lights`.
    """
    scored, limits = scored_loans(inputs, settings), settings.monitoring
    whole = whole_segments(scored, inputs.champion_id)
    results = _judged([_measure_segment(loans, limits) for loans in whole], limits)
    for place, loans in enumerate(whole):
        results[place] += _measure_platform(loans, limits)
    parts = [_measure_segment(loans, limits) for loans in part_segments(scored)]
    return [result for segment in (*results, *_judged(parts, limits)) for result in segment]


def _judged(segments: Sequence[Sequence[Light]], limits: MonitoringSettings) -> list[list[MetricResult]]:
    """Judge the held metrics of these segments, each metric over all of them together."""
    judged = [[light.result for light in segment] for segment in segments]
    for metric in ("auc", "calibration_ratio"):
        places = [
            (row, place)
            for row, segment in enumerate(segments)
            for place, light in enumerate(segment)
            if light.result.metric == metric
        ]
        family = [segments[row][place] for row, place in places]
        for (row, place), result in zip(places, judge_together(family, limits.confidence), strict=True):
            judged[row][place] = result
    return judged


def _measure_segment(loans: JudgedLoans, settings: MonitoringSettings) -> list[Light]:
    threshold = {"auc": settings.auc_threshold}
    counted = _information(_defaults(loans))
    lacking = _too_little(loans.n, loans.bads, settings)
    if lacking:
        missing = [
            unmeasured(
                name, loans.segment, loans.n, lacking, matured_share=loans.matured_share, threshold=threshold.get(name)
            )
            for name in (*_RANKING, *_CALIBRATION)
        ]
        return [*(_information(result) for result in missing), counted]
    confidence = settings.confidence
    auc = auc_interval(loans.label, loans.risk, confidence)
    ratio = calibration_ratio(loans.label, loans.risk, confidence)
    bounds = settings.calibration_ratio_bounds
    nearest = bounds[0] if ratio.value is not None and ratio.value < 1 else bounds[1]
    error = calibration_error_interval(loans.label, loans.risk, confidence)
    by_chance = f"perfect probabilities would show {calibration_error_by_chance(loans.risk):.4f} by chance"
    return [
        at_least(
            _result("auc", loans, auc, settings.auc_threshold),
            settings.auc_threshold,
            chance_of_so_low(auc, settings.auc_threshold, confidence),
        ),
        _information(_result("gini", loans, gini_interval(loans.label, loans.risk, confidence))),
        _information(_result("ks", loans, ks_interval(loans.label, loans.risk, confidence))),
        _information(_result("brier", loans, brier_interval(loans.label, loans.risk, confidence))),
        _information(_result("calibration_error", loans, error, note=by_chance)),
        _information(_slope(loans, confidence)),
        inside(
            _result("calibration_ratio", loans, ratio, nearest, f"{bounds[0]:g} to {bounds[1]:g} is allowed"),
            bounds,
            chance_of_share(loans.bads, loans.n, nearest * float(loans.risk.mean())),
        ),
        counted,
    ]


def _slope(loans: JudgedLoans, confidence: float) -> MetricResult:
    found = calibration_slope(loans.label, loans.risk, confidence)
    return _result("calibration_slope", loans, found, note="1 is right, below 1 they are spread too far")


def _defaults(loans: JudgedLoans) -> MetricResult:
    """Count the defaults among the loans that can be judged, however few they are."""
    metric, open_status = "matured_defaults", Status.UNDETERMINED
    if loans.n == 0:
        return unmeasured(metric, loans.segment, 0, "no loan has matured", matured_share=loans.matured_share)
    bads = float(loans.bads)
    return MetricResult(metric, loans.segment, bads, None, None, loans.n, loans.matured_share, open_status, None, "")


def _information(result: MetricResult) -> Light:
    return Light(result, Status.UNDETERMINED)


def _measure_platform(loans: JudgedLoans, settings: MonitoringSettings) -> list[MetricResult]:
    graded = np.isfinite(loans.sub_grade)
    label, risk, sub_grade = loans.label[graded], loans.risk[graded], loans.sub_grade[graded]
    lacking = _too_little(int(label.size), int(label.sum()), settings)
    if lacking:
        if loans.n == label.size:
            note = lacking
        elif label.size:
            note = f"with a sub-grade of the platform: {lacking}"
        else:
            note = "no loan that has matured has a sub-grade of the platform"
        return [
            unmeasured(name, loans.segment, int(label.size), note, matured_share=loans.matured_share)
            for name in _AGAINST_PLATFORM
        ]
    note = "the platform's own sub-grade on the same loans"
    return [
        _result("auc_sub_grade", loans, auc_interval(label, sub_grade, settings.confidence), note=note),
        _result(
            "auc_minus_sub_grade",
            loans,
            paired_auc_difference(label, risk, sub_grade, settings.confidence),
            note="AUC as served minus that of the platform's sub-grade on the same loans",
        ),
    ]


def _too_little(n: int, bads: int, settings: MonitoringSettings) -> str:
    if n == 0:
        return "no loan has matured"
    if n < settings.min_matured_loans:
        return f"{n} loans have matured, {settings.min_matured_loans} needed"
    if bads < settings.min_matured_bads:
        return f"{bads} bads among {n} matured loans, {settings.min_matured_bads} needed"
    return "" if bads < n else f"all {n} matured loans are bad"


def _result(
    metric: str,
    loans: JudgedLoans,
    found: Estimate,
    threshold: float | None = None,
    note: str = "",
) -> MetricResult:
    words = f"{found.bads} bads" if not note else f"{found.bads} bads; {note}"
    share = loans.matured_share
    return MetricResult(
        metric, loans.segment, found.value, found.low, found.high, found.n, share, Status.UNDETERMINED, threshold, words
    )
