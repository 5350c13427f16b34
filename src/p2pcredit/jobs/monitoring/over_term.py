"""Gather, for each scored loan, the default expected of it by now and whether it came."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, PREDICTIONS, QUARANTINE, silver
from p2pcredit.engines.local import collect
from p2pcredit.errors import BankError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.monitoring.matured_loans import once_each
from p2pcredit.models.evaluation.platform_grades import GRADES, platform_risk
from p2pcredit.models.term_structure.fit import watch
from p2pcredit.models.term_structure.structure import TermStructure, read_term_structure
from p2pcredit.models.training.hazard import months_on_book
from p2pcredit.monitoring.inputs import OVER_TERM_SCHEMA
from p2pcredit.periods import DateRange, add_months
from p2pcredit.settings import LabelSettings, LabelTarget
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import longest_window
from p2pcredit.transforms.outcomes import build_outcomes

MONTHS_SHOWN_AFTER_TERM = 12
"""A loan is looked at until so long after its horizon."""


def days_followed(week_end: date, labels: LabelSettings) -> DateRange:
    """Give the days of origination whose loans are still held against their curves at the end of a week."""
    return DateRange(add_months(week_end, -(longest_window(labels) + MONTHS_SHOWN_AFTER_TERM)), week_end)


def default_over_term(ctx: JobContext, week_end: date) -> pl.DataFrame:
    """Compare what was expected of each scored loan by now, by the model that scored it, with what came.

    Args:
        ctx: The context.
        week_end: The last day known.

    Returns:
        `loan_id`, `snapshot_date`, `term_months`, `months` on book by the last day of which defaults have been
        reported (at most its horizon, and at most the longest that outcomes are followed), `defaulted` (0 or 1),
        `expected` (probability of default by then), `platform_risk` (the place of the platform's own grade, more is
        riskier; null without one), one row per loan. Left out are loans without a probability or a term, of unknown
        outcome, watched for less than a month, and those scored by a model that has no term structure or is gone.
    """
    lake, labels = Lake(ctx.layout), ctx.settings.labels
    longest, days = longest_window(labels), days_followed(week_end, labels)
    scored, terms = pl.collect_all(
        [
            lake.scan(PREDICTIONS, days)
            .filter(pl.col("probability_of_default").is_not_null())
            .select("loan_id", "snapshot_date", "model_id", "probability_of_default"),
            lake.scan(FEATURE_STORE, days).select(
                "loan_id", "snapshot_date", *GRADES, pl.col("term_months").cast(pl.Int32, strict=False)
            ),
        ]
    )
    served = once_each(scored).join(with_platform_risk(once_each(terms)), on="loan_id", how="inner")
    if served.is_empty():
        return pl.DataFrame(schema=OVER_TERM_SCHEMA)
    target = LabelTarget(
        window_months=longest, default_days=labels.default_days, reporting_lag_days=labels.reporting_lag_days
    )
    outcomes = collect(
        build_outcomes(
            lake.frame(silver(FEEDS["loan_terms"]), days),
            lake.frame(silver(FEEDS["loan_performance"]), days),
            lake.frame(LABEL_STORE, days),
            lake.frame(QUARANTINE, days),
            as_of=week_end,
            settings=target,
        )
    )
    known = outcomes.join(served.select("loan_id", "term_months"), on="loan_id", how="inner", maintain_order="left")
    until = week_end - timedelta(days=labels.reporting_lag_days)
    watched = watch(
        known,
        served.select("loan_id", "probability_of_default"),
        until=until,
        window_months=labels.window_months,
    )
    # A loan that defaulted was watched until then, but what was expected of it by now goes on growing.
    # Nor is anything expected of months in which no default is looked for.
    horizon = pl.min_horizontal(pl.max_horizontal("term_months", pl.lit(labels.window_months)), pl.lit(longest))
    by_now = known.select("loan_id", months=pl.min_horizontal(months_on_book(until), horizon).cast(pl.Int64))
    rows = (
        pl.DataFrame({"loan_id": watched.loan_ids, "defaulted": watched.defaulted.astype(np.int8)})
        .join(by_now, on="loan_id", how="inner", maintain_order="left")
        .join(served, on="loan_id", how="inner", maintain_order="left")
    )
    parts = [
        _expected(ctx, str(model_id), part) for (model_id,), part in rows.group_by("model_id", maintain_order=True)
    ]
    found = pl.concat([part for part in parts if part is not None] or [pl.DataFrame(schema=OVER_TERM_SCHEMA)])
    return found.sort("snapshot_date", "loan_id")


def with_platform_risk(loans: pl.DataFrame) -> pl.DataFrame:
    """Keep id, term and the place of the platform's own grade, null without one."""
    found = platform_risk(loans)
    risk = None if found is None else pl.Series(found[1], dtype=pl.Float64, nan_to_null=True)
    return loans.select("loan_id", "term_months").with_columns(pl.lit(risk, dtype=pl.Float64).alias("platform_risk"))


def _expected(ctx: JobContext, model_id: str, loans: pl.DataFrame) -> pl.DataFrame | None:
    structure = _structure_of(ctx, model_id)
    if structure is None:
        return None
    expected = np.empty(loans.height)
    terms, months = loans["term_months"].to_numpy(), loans["months"].to_numpy()
    chances = loans["probability_of_default"].to_numpy()
    for term in np.unique(terms):
        place = np.flatnonzero(terms == term)
        built = structure.cumulative(chances[place], int(term))
        expected[place] = built[np.arange(place.size), months[place] - 1]
    return loans.with_columns(pl.Series("expected", expected)).match_to_schema(OVER_TERM_SCHEMA, extra_columns="ignore")


def _structure_of(ctx: JobContext, model_id: str) -> TermStructure | None:
    try:
        return read_term_structure(ModelBank(ctx.layout).get(model_id).files)
    except BankError:  # a model that was taken out of the bank: its loans are judged by their windows alone
        return None


__all__ = ["days_followed", "default_over_term", "with_platform_risk"]
