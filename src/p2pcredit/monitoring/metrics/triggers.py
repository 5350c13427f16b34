"""What the default policy triggers on: the champion's ranking within cohorts, and its calibration product by product.

Both are measured of the champion itself, not of the models that happened to score: matured loans that its evaluation
model had not seen are scored again by that model, so that a champion can be judged from its first week on. A status
fails only beyond the week's part of a year's error: see `p2pcredit.monitoring.yearly_error`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.models.evaluation.calibration.segment_ratios import Seen, chance_outside, ratio_interval
from p2pcredit.models.evaluation.discrimination import auc_interval
from p2pcredit.models.evaluation.within_cohort import auc_within_cohorts
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.matured import scored_loans
from p2pcredit.monitoring.status import unmeasured
from p2pcredit.monitoring.trigger_metrics import MATURED_RATIO, OF_CHAMPION, TO_DATE_RATIO, WITHIN_COHORT
from p2pcredit.monitoring.yearly_error import chance_of_so_low, products_off, weekly_alpha
from p2pcredit.periods import add_months
from p2pcredit.settings import Settings
from p2pcredit.transforms.vintages import cohort_name


def measure_triggers(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    """Measure ranking within quarters of origination and terms, and calibration by term.

    Returns:
        `auc_within_cohort` of `all` (as served, for information) and of `champion` (matured loans scored again by its
        evaluation model; held against `monitoring.within_cohort_auc_threshold`); `auc_of_champion`, the same loans
        pooled, for information; `product_ratio_matured` of each `term=N`: defaults seen over expected of the loans that
        matured since the champion was last set; `product_ratio_to_date` of each `term=N`: of the loans that the
        champion itself scored in the newest `monitoring.to_date_months`, by their months on book. Both ratios are held
        against `monitoring.over_term_ratio_bounds`, all of the week together.
    """
    again = inputs.champion_judged
    served = scored_loans(inputs, settings).filter(pl.col("label").is_not_null())
    served = served.with_columns(cohort=cohort_name(served, "snapshot_date"))
    return [
        _within(served, "all", "probability_of_default", settings, held=False),
        _within(
            again.with_columns(cohort=cohort_name(again, "origination_date")), "champion", "risk", settings, held=True
        ),
        _pooled(again, settings),
        *_by_product(inputs, settings),
    ]


def _within(loans: pl.DataFrame, segment: str, risk: str, settings: Settings, *, held: bool) -> MetricResult:
    limits = settings.monitoring
    threshold = limits.within_cohort_auc_threshold if held else None
    labels = loans["label"].cast(pl.Float64).to_numpy()
    lacking = _too_little(labels, settings)
    if lacking:
        return unmeasured(WITHIN_COHORT, segment, labels.size, lacking, threshold=threshold)
    found = auc_within_cohorts(labels, loans[risk].to_numpy(), loans["cohort"].to_numpy(), limits.confidence)
    if found.value is None:
        return unmeasured(WITHIN_COHORT, segment, labels.size, "no cohort has bads and goods", threshold=threshold)
    note, status = f"{found.bads} bads; pairs within quarter of origination and term", Status.UNDETERMINED
    if threshold is not None:
        chance, alpha = chance_of_so_low(found, threshold, limits.confidence), weekly_alpha(limits.yearly_error)
        if found.low is not None and found.low >= threshold:
            status = Status.PASS
        elif found.value < threshold and chance is not None and chance < alpha:
            status = Status.FAIL
        told = "" if chance is None else f"; so low by chance {chance:.2g}, a week's error is {alpha:.2g}"
        note = f"{note}; by its evaluation model{told}"
    return MetricResult(
        WITHIN_COHORT, segment, found.value, found.low, found.high, found.n, None, status, threshold, note
    )


def _pooled(loans: pl.DataFrame, settings: Settings) -> MetricResult:
    labels = loans["label"].cast(pl.Float64).to_numpy()
    lacking = _too_little(labels, settings)
    if lacking:
        return unmeasured(OF_CHAMPION, "champion", labels.size, lacking)
    found = auc_interval(labels, loans["risk"].to_numpy(), settings.monitoring.confidence)
    note = f"{found.bads} bads; matured loans scored again by the champion's evaluation model, which had seen none"
    return MetricResult(
        OF_CHAMPION, "champion", found.value, found.low, found.high, found.n, None, Status.UNDETERMINED, None, note
    )


def _by_product(inputs: MonitoringInputs, settings: Settings) -> list[MetricResult]:
    limits = settings.monitoring
    since = inputs.champion_judged.filter(pl.col("matured_since"))
    newest = pl.col("snapshot_date") > add_months(inputs.week_end, -limits.to_date_months)
    own = inputs.over_term.filter(newest).join(
        inputs.of_champion(inputs.predictions).select("loan_id"), on="loan_id", how="semi", maintain_order="left"
    )
    measured = [
        *((MATURED_RATIO, term, seen) for term, seen in _seen_by_term(since, "label", "chance")),
        *((TO_DATE_RATIO, term, seen) for term, seen in _seen_by_term(own, "defaulted", "expected")),
    ]
    off = products_off([seen for _, _, seen in measured], limits.over_term_ratio_bounds, limits.yearly_error)
    return [
        _ratio(metric, term, seen, settings, fails=place in off) for place, (metric, term, seen) in enumerate(measured)
    ]


def _seen_by_term(loans: pl.DataFrame, defaulted: str, expected: str) -> list[tuple[str, Seen]]:
    known = loans.filter(pl.col("term_months").is_not_null())
    parts = known.partition_by("term_months", as_dict=True)
    found = []
    for (term,), part in sorted(parts.items(), key=lambda item: float(str(item[0][0]))):
        chances = float(np.asarray(part[expected].to_numpy(), dtype=np.float64).sum())
        found.append((f"{float(str(term)):g}", Seen(part.height, int(part[defaulted].sum()), chances)))
    return found


def _ratio(metric: str, term: str, seen: Seen, settings: Settings, *, fails: bool) -> MetricResult:
    limits = settings.monitoring
    low, high = limits.over_term_ratio_bounds
    note = f"{seen.defaults} defaults, {seen.expected:.1f} expected"
    segment = f"term={term}"
    if seen.expected <= 0.0:
        return unmeasured(metric, segment, seen.loans, note)
    ratio = seen.defaults / seen.expected
    chance, alpha = chance_outside(seen, low, high), weekly_alpha(limits.yearly_error)
    least, most = ratio_interval(seen, limits.confidence)
    status = Status.UNDETERMINED
    if fails:
        status = Status.FAIL
    elif low <= least and most <= high:
        status = Status.PASS
    told = f"{note}; so far by chance {chance:.2g}, a week's error is {alpha:.2g} for all products"
    found = MetricResult(
        metric, segment, ratio, least, most, seen.loans, None, status, low if ratio < 1 else high, note
    )
    return found if low <= ratio <= high else replace(found, note=told)


def _too_little(labels: np.ndarray, settings: Settings) -> str:
    limits = settings.monitoring
    bads = int(labels.sum())
    if labels.size < limits.min_matured_loans or bads < limits.min_matured_bads:
        return (
            f"{labels.size} matured loans with {bads} bads, {limits.min_matured_loans} and {limits.min_matured_bads} "
            "needed"
        )
    return "" if bads < labels.size else f"all {labels.size} matured loans are bad"


__all__ = ["measure_triggers"]
