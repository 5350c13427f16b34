"""Grade what monitoring said before outcomes were known, against what came: estimates by their error, alarms by truth.

An estimate is graded on the very loans it was made of, once all of them have matured; weeks are taken so far apart that
no loan counts twice. An alarm is a run of weeks in which a check that needs no matured loans failed. It came true where
the loans it was about, once matured, defaulted outside the bounds of calibration or ranked below the threshold, by
their whole interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

import numpy as np
import polars as pl

from p2pcredit.contracts.results import Status
from p2pcredit.models.evaluation.calibration.ratios import calibration_ratio
from p2pcredit.models.evaluation.discrimination import auc, auc_interval
from p2pcredit.monitoring.inputs import MonitoringInputs, newest_closed_origination
from p2pcredit.monitoring.matured import join_outcomes
from p2pcredit.monitoring.status import share_interval, status_at_least, status_within
from p2pcredit.monitoring.trigger_metrics import MATURED_RATIO, TO_DATE_RATIO, WITHIN_COHORT
from p2pcredit.periods import add_months
from p2pcredit.settings import Settings

ESTIMATES = ("auc_estimate", "default_rate_estimate")
OF_CELLS = ("default_to_date_ratio", TO_DATE_RATIO)
OF_NEWEST = ("psi_score", "outside_training_share")
PSI = "psi:"
OF_MATURED = ("auc", "calibration_ratio", WITHIN_COHORT, MATURED_RATIO)
"""Checks that rest on matured loans: the first of them to fail says when a harm was known without the alarm."""


@dataclass(frozen=True, slots=True)
class EstimateGrade:
    """How far an estimate was off.

    Args:
        metric: Which estimate.
        weeks: How many were graded.
        mean_error: Estimate minus truth, on average.
        mean_absolute_error: The same without its sign.
        within: In how many of them the truth lay within the range that was given.
    """

    metric: str
    weeks: int
    mean_error: float
    mean_absolute_error: float
    within: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """A run of weeks in which a check failed before its loans had matured.

    Args:
        metric, segment: Which check.
        first, last: The weeks of the first and the last failure.
        came_true: Whether its loans turned out badly; None where they cannot tell.
        why: What came of its loans, or why it is not known.
        lead_days: Of one that came true, days before matured loans showed it; 0 where they had shown it already.
    """

    metric: str
    segment: str
    first: date
    last: date
    came_true: bool | None
    why: str
    lead_days: int | None


@dataclass(frozen=True, slots=True)
class SignalGrade:
    """The alarms of one check, summed up.

    Args:
        metric: Which check.
        alarms: How many.
        open: Of them, those whose loans cannot tell yet.
        came_true, never: Of the rest, those that came true and those that did not.
        precision, low, high: Share that came true of those that can be told, and its interval; None without any.
        median_lead_days: Of those that came true.
    """

    metric: str
    alarms: int
    open: int
    came_true: int
    never: int
    precision: float | None
    low: float | None
    high: float | None
    median_lead_days: float | None


@dataclass(frozen=True, slots=True)
class Graded:
    """What monitoring said before outcomes were known, against what came.

    Args:
        estimates: By how much estimates were off.
        alarms: Each alarm with what came of its loans.
        signals: The alarms of each check, summed up.
    """

    estimates: tuple[EstimateGrade, ...]
    alarms: tuple[Alarm, ...]
    signals: tuple[SignalGrade, ...]


def grade(inputs: MonitoringInputs, history: pl.DataFrame, settings: Settings) -> Graded:
    """Grade the estimates and alarms of past weeks whose loans are still at hand.

    Args:
        inputs: What was known at the end of the week.
        history: Rows of `gold/monitoring` up to it.
        settings: Limits.
    """
    last = newest_closed_origination(inputs.week_end, settings.labels)
    loans = join_outcomes(
        inputs.with_knowable_outcome(inputs.predictions),
        inputs.labels,
        inputs.features,
        last=last,
        definition=settings.labels.definition,
    )
    known = history.filter(pl.col("week_end_date") <= inputs.week_end)
    alarms = grade_alarms(known, loans, last, settings)
    return Graded(
        tuple(grade_estimates(known, loans, last, settings)),
        tuple(alarms),
        tuple(sum_up(alarms, settings.monitoring.confidence)),
    )


def grade_estimates(history: pl.DataFrame, loans: pl.DataFrame, last: date, settings: Settings) -> list[EstimateGrade]:
    """Grade the estimates of past weeks for the whole service.

    Args:
        history: Rows of `gold/monitoring`.
        loans: Scored loans with `snapshot_date`, `probability_of_default`, `label` (null where it is not known).
        last: The newest origination whose label window has closed.
        settings: How many days an estimate looks back, and fewest matured loans and bads.

    Returns:
        One per estimate of which a week could be graded.
    """
    found = []
    for metric in ESTIMATES:
        made = history.filter(
            pl.col("metric") == metric, pl.col("segment") == "all", pl.col("value").is_not_null()
        ).sort("week_end_date", descending=True)
        errors: list[tuple[float, bool]] = []
        before: date | None = None
        for row in made.iter_rows(named=True):
            week, reach = row["week_end_date"], timedelta(days=settings.monitoring.recent_days)
            if week > last or (before is not None and week > before - reach):
                continue
            truth = _truth(metric, _between(loans, week - reach, week), settings)
            if truth is not None:
                before = week
                errors.append((row["value"] - truth, row["low"] <= truth <= row["high"]))
        if errors:
            off = np.array([error for error, _ in errors])
            held = sum(inside for _, inside in errors)
            found.append(EstimateGrade(metric, len(errors), float(off.mean()), float(np.abs(off).mean()), held))
    return found


def grade_alarms(history: pl.DataFrame, loans: pl.DataFrame, last: date, settings: Settings) -> list[Alarm]:
    """Find the alarms of past weeks, and say of each whether it came true.

    Args:
        history: Rows of `gold/monitoring`.
        loans: Scored loans with `snapshot_date`, `term_months`, `vintage`, `probability_of_default`, `label`; alarms
            about older loans than there are play no part.
        last: The newest origination whose label window has closed.
        settings: Limits.

    Returns:
        Alarms by their first week and metric.
    """
    if loans.is_empty() or history.is_empty():
        return []
    metric = pl.col("metric")
    early = history.filter(metric.is_in([*OF_CELLS, *OF_NEWEST]) | metric.str.starts_with(PSI))
    failed = early.filter(pl.col("status") == str(Status.FAIL)).sort("metric", "segment", "week_end_date")
    shown = sorted(
        history.filter(metric.is_in(OF_MATURED), pl.col("status") == str(Status.FAIL))["week_end_date"].unique()
    )
    oldest: date = min(loans["snapshot_date"].to_list())
    alarms = []
    for (name, segment), rows in failed.group_by("metric", "segment", maintain_order=True):
        for weeks in _runs(rows["week_end_date"].to_list(), settings.monitoring.recent_days):
            about = _about(str(name), str(segment), weeks[0], loans, settings)
            if weeks[0] - timedelta(days=settings.monitoring.recent_days) < oldest or about.is_empty():
                continue
            came, why = _came_true(str(name), about, last, settings)
            lead = _lead(weeks[0], about, shown, settings) if came else None
            alarms.append(Alarm(str(name), str(segment), weeks[0], weeks[-1], came, why, lead))
    return sorted(alarms, key=lambda alarm: (alarm.first, alarm.metric, alarm.segment))


def sum_up(alarms: Sequence[Alarm], confidence: float) -> list[SignalGrade]:
    """Sum up the alarms of each check, those with most alarms first.

    Examples:
        >>> day = date(2011, 1, 2)
        >>> told = [Alarm("psi_score", "all", day, day, came, "", 60 if came else None) for came in (True, False, None)]
        >>> (grade,) = sum_up(told, 0.9)
        >>> grade.alarms, grade.open, grade.came_true, grade.never, grade.precision, grade.median_lead_days
        (3, 1, 1, 1, 0.5, 60)
    """
    found = []
    for metric in {alarm.metric for alarm in alarms}:
        own = [alarm for alarm in alarms if alarm.metric == metric]
        true = sum(alarm.came_true is True for alarm in own)
        never = sum(alarm.came_true is False for alarm in own)
        told, leads = true + never, [alarm.lead_days for alarm in own if alarm.lead_days is not None]
        low, high = share_interval(true, told, confidence) if told else (None, None)
        found.append(
            SignalGrade(
                metric,
                len(own),
                len(own) - told,
                true,
                never,
                true / told if told else None,
                low,
                high,
                median(leads) if leads else None,
            )
        )
    return sorted(found, key=lambda grade: (-grade.alarms, grade.metric))


def _between(loans: pl.DataFrame, after: date, until: date) -> pl.DataFrame:
    return loans.filter(
        pl.col("snapshot_date") > after, pl.col("snapshot_date") <= until, pl.col("label").is_not_null()
    )


def _truth(metric: str, loans: pl.DataFrame, settings: Settings) -> float | None:
    labels = loans["label"].cast(pl.Float64).to_numpy()
    limits = settings.monitoring
    if labels.size < limits.min_recent_loans:
        return None
    if metric == "default_rate_estimate":
        return float(labels.mean())
    if min(labels.sum(), labels.size - labels.sum()) < limits.min_matured_bads:
        return None
    return auc(labels, loans["probability_of_default"].cast(pl.Float64).to_numpy())


def _runs(weeks: Sequence[date], most_days: int) -> list[list[date]]:
    """Split weeks in order into runs whose steps are no longer than some days."""
    runs: list[list[date]] = []
    for week in weeks:
        if runs and (week - runs[-1][-1]).days <= most_days:
            runs[-1].append(week)
        else:
            runs.append([week])
    return runs


def _about(metric: str, segment: str, first: date, loans: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Take the loans that an alarm was about when it began."""
    born = pl.col("snapshot_date")
    if metric not in OF_CELLS:
        return loans.filter(born > first - timedelta(days=settings.monitoring.recent_days), born <= first)
    about = loans.filter(born <= first)
    for part in segment.split(","):
        kind, _, level = part.partition("=")
        if kind == "term":
            about = about.filter(pl.col("term_months").cast(pl.Float64, strict=False) == float(level))
        if kind == "vintage":
            about = about.filter(pl.col("vintage") == level)
    return about


def _came_true(metric: str, about: pl.DataFrame, last: date, settings: Settings) -> tuple[bool | None, str]:
    newest = about["snapshot_date"].max()
    if not isinstance(newest, date) or newest > last:
        return None, "its loans have not all matured"
    judged = about.filter(pl.col("label").is_not_null())
    labels = judged["label"].cast(pl.Float64).to_numpy()
    chances, limits = judged["probability_of_default"].cast(pl.Float64).to_numpy(), settings.monitoring
    if labels.size < limits.min_recent_loans:
        return None, f"{labels.size} loans have a known outcome, {limits.min_recent_loans} needed"
    ratio = calibration_ratio(labels, chances, limits.confidence)
    by_ratio = status_within(ratio.low, ratio.high, limits.calibration_ratio_bounds)
    told = f"{int(labels.sum())} of {labels.size} defaulted, {float(chances.sum()):.1f} expected"
    by_rank = Status.PASS
    if metric not in OF_CELLS:
        ranked = auc_interval(labels, chances, limits.confidence)
        by_rank = status_at_least(ranked.low, ranked.high, limits.auc_threshold)
        told += "" if ranked.value is None else f", AUC {ranked.value:.3f}"
    if Status.FAIL in (by_ratio, by_rank):
        return True, told
    return (False if by_ratio is Status.PASS else None), told


def _lead(first: date, about: pl.DataFrame, shown: Sequence[date], settings: Settings) -> int:
    """Count the days from an alarm until matured loans showed it: a check of theirs failed, or its own had matured."""
    newest, labels = about["snapshot_date"].max(), settings.labels
    if not isinstance(newest, date):
        return 0
    matured = add_months(newest, labels.window_months) + timedelta(days=labels.reporting_lag_days)
    return min([(week - first).days for week in shown if week >= first] + [max(0, (matured - first).days)])


__all__ = ["Alarm", "EstimateGrade", "Graded", "SignalGrade", "grade", "grade_alarms", "grade_estimates", "sum_up"]
