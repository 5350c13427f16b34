"""Validate the PD of each grade on matured loans, and say how grades move and how loans are spread over them.

Grades are those given on the day the loan was scored. A grade's PD is the mean probability of its loans.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.evaluation.calibration.segment_ratios import holm_adjusted
from p2pcredit.models.evaluation.grade_tests import (
    binomial_chance,
    herfindahl,
    hosmer_lemeshow,
    jeffreys_chance,
    jeffreys_interval,
)
from p2pcredit.models.scoring import grades
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.lights import Light, inside, judge_together, one_side_of
from p2pcredit.monitoring.matured import scored_loans
from p2pcredit.monitoring.status import share_interval, unmeasured
from p2pcredit.settings import MonitoringSettings, Settings

RATIO, JEFFREYS, BINOMIAL = "grade_pd_ratio", "grade_pd_jeffreys", "grade_pd_binomial"
HOSMER_LEMESHOW = "hosmer_lemeshow"
MIGRATION, KEPT = "grade_migration", "grade_kept_share"
CONCENTRATION, LARGEST = "grade_concentration", "largest_grade_share"
GRADE_METRICS = (RATIO, JEFFREYS, BINOMIAL, HOSMER_LEMESHOW, MIGRATION, KEPT, CONCENTRATION, LARGEST)


@dataclass(frozen=True, slots=True)
class GradeSeen:
    """The judged loans of a grade.

    Args:
        grade: Its letter.
        n: How many.
        bads: Of them, those that defaulted.
        pd: Their mean probability of default.
    """

    grade: str
    n: int
    bads: int
    pd: float


def measure_grades(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Measure PD by grade, goodness of fit, migration and concentration.

    Returns:
        For each `grade=G` with a judged loan `grade_pd_ratio` (defaults seen over expected, with Jeffreys' interval,
        held against `monitoring.calibration_ratio_bounds`), `grade_pd_jeffreys` and `grade_pd_binomial` (the chance of
        so many defaults were the PD right; fails where it is too low beyond chance, all grades together);
        `hosmer_lemeshow` of `all` and `champion`; `grade_migration` of each `from=G,to=H`: the loans that a model
        before the champion graded G and the champion's evaluation model grades H, with `grade_kept_share`;
        `grade_concentration` (Herfindahl-Hirschman) and `largest_grade_share` of the newest loans. What does not apply
        has no row.
    """
    limits = settings.monitoring
    judged = scored_loans(inputs, settings).filter(pl.col("label").is_not_null())
    return [
        *_by_grade(judged, limits),
        *_goodness_of_fit("all", judged["label"], judged["probability_of_default"], limits),
        *_goodness_of_fit("champion", inputs.champion_judged["label"], inputs.champion_judged["chance"], limits),
        *_migration(inputs, settings),
        *_concentration(inputs, settings),
    ]


def _by_grade(judged: pl.DataFrame, limits: MonitoringSettings) -> list[MetricResult]:
    rows = (
        judged.filter(pl.col("grade").is_not_null())
        .group_by("grade")
        .agg(n=pl.len(), bads=pl.col("label").cast(pl.Int64).sum(), pd=pl.col("probability_of_default").sort().mean())
        .sort("grade")
    )
    seen = [GradeSeen(**row) for row in rows.iter_rows(named=True) if row["pd"]]
    return judge_grades(seen, limits)


def judge_grades(seen: list[GradeSeen], limits: MonitoringSettings) -> list[MetricResult]:
    """Judge the PD of each grade, all grades together.

    Args:
        seen: The judged loans of each grade; each has a PD above 0.
        limits: Bounds of the ratio, confidence.

    Examples:
        >>> right, low = GradeSeen("A", 4000, 80, 0.02), GradeSeen("B", 1000, 100, 0.05)
        >>> found = judge_grades([right, low], MonitoringSettings())
        >>> [str(r.status) for r in found if r.metric == "grade_pd_ratio"]
        ['pass', 'fail']
        >>> [str(r.status) for r in found if r.metric == "grade_pd_jeffreys"]
        ['undetermined', 'fail']
    """
    ratios = judge_together([_ratio(one, limits) for one in seen], limits.confidence)
    found = [*ratios]
    for metric, test in ((JEFFREYS, jeffreys_chance), (BINOMIAL, binomial_chance)):
        chances = [test(one.bads, one.n, one.pd) for one in seen]
        error = one_side_of(limits.confidence)
        for one, chance, adjusted in zip(seen, chances, holm_adjusted(chances), strict=True):
            status = Status.FAIL if adjusted < error else Status.UNDETERMINED
            note = f"{_told(one)}; {adjusted:.2g} adjusted for {len(seen)} grades"
            found.append(
                MetricResult(metric, f"grade={one.grade}", chance, None, None, one.n, None, status, error, note)
            )
    return found


def _ratio(one: GradeSeen, limits: MonitoringSettings) -> Light:
    low, high = jeffreys_interval(one.bads, one.n, limits.confidence)
    value, bounds = one.bads / one.n / one.pd, limits.calibration_ratio_bounds
    nearest = bounds[0] if value < 1 else bounds[1]
    at_bound = min(1.0, nearest * one.pd)
    below = jeffreys_chance(one.bads, one.n, at_bound)
    result = MetricResult(
        RATIO,
        f"grade={one.grade}",
        value,
        low / one.pd,
        high / one.pd,
        one.n,
        None,
        Status.UNDETERMINED,
        nearest,
        _told(one),
    )
    return inside(result, bounds, below if value > 1 else 1.0 - below)


def _told(one: GradeSeen) -> str:
    return f"{one.bads} bads, {one.n * one.pd:.1f} expected at a PD of {one.pd:.2%}"


def _goodness_of_fit(
    segment: str, labels: pl.Series, chances: pl.Series, limits: MonitoringSettings
) -> list[MetricResult]:
    """Test all probabilities together; for information, since with many loans the smallest flaw shows."""
    n, bads = len(labels), int(labels.sum() or 0)
    if n < limits.min_matured_loans or bads < limits.min_matured_bads:
        return []
    found = hosmer_lemeshow(labels.to_numpy(), chances.cast(pl.Float64).to_numpy())
    if found is None:
        return []
    note = f"{found.groups} groups; so large or larger by chance {found.chance:.2g}"
    result = MetricResult(
        HOSMER_LEMESHOW, segment, found.statistic, None, None, n, None, Status.UNDETERMINED, None, note
    )
    return [result]


def _migration(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Compare the grades of models before the champion with those of its evaluation model, on matured loans."""
    if inputs.champion_id is None:
        return []
    before = inputs.predictions.filter(pl.col("model_id") != inputs.champion_id, pl.col("grade").is_not_null())
    loans = inputs.champion_judged.select("loan_id", "chance").join(
        before.select("loan_id", was="grade"), on="loan_id", how="inner", maintain_order="left"
    )
    if loans.height < settings.monitoring.min_matured_loans:
        return []
    now = grades(np.asarray(loans["chance"].to_numpy(), dtype=np.float64), settings.scores)
    loans = loans.with_columns(now=pl.Series(now, dtype=pl.String))
    confidence = settings.monitoring.confidence
    kept = int((loans["was"] == loans["now"]).sum())
    worse = int((loans["now"] > loans["was"]).sum())
    low, high = share_interval(kept, loans.height, confidence)
    note = f"{loans.height - kept - worse} better, {worse} worse"
    found = [
        MetricResult(KEPT, "all", kept / loans.height, low, high, loans.height, None, Status.UNDETERMINED, None, note)
    ]
    totals = dict(loans["was"].value_counts().iter_rows())
    for was, grade, count in loans.group_by("was", "now").len().sort("was", "now").iter_rows():
        low, high = share_interval(count, totals[was], confidence)
        segment, note = f"from={was},to={grade}", f"{count} of {totals[was]} loans"
        share = count / totals[was]
        found.append(
            MetricResult(MIGRATION, segment, share, low, high, totals[was], None, Status.UNDETERMINED, None, note)
        )
    return found


def _concentration(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    limits, number = settings.monitoring, len(settings.scores.grade_bounds) + 1
    held = inputs.recent_predictions(settings)["grade"].drop_nulls()
    if held.is_empty():
        return []
    if len(held) < limits.min_recent_loans:
        note = f"{len(held)} recent loans with a grade, {limits.min_recent_loans} needed"
        return [unmeasured(metric, "all", len(held), note) for metric in (CONCENTRATION, LARGEST)]
    counts = dict(held.value_counts().sort(["count", "grade"], descending=[True, False]).iter_rows())
    index, least, widest = herfindahl(list(counts.values()), limits.confidence)
    most = next(iter(counts))
    share = counts[most] / len(held)
    low, high = share_interval(counts[most], len(held), limits.confidence)
    alike = f"{1 / number:.2f} were all {number} grades alike"
    return [
        MetricResult(CONCENTRATION, "all", index, least, widest, len(held), None, Status.UNDETERMINED, None, alike),
        MetricResult(LARGEST, "all", share, low, high, len(held), None, Status.UNDETERMINED, None, f"grade {most}"),
    ]


__all__ = ["GRADE_METRICS", "GradeSeen", "judge_grades", "measure_grades"]
