"""Write who applied and what was decided: approval, overrides and how they paid, and what a cut-off would let in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from p2pcredit.contracts.feeds import APPLICATIONS
from p2pcredit.contracts.tables import silver
from p2pcredit.errors import MissingTableError, UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.portfolio.page import write_page
from p2pcredit.jobs.scoring.scored_applications import scored_applications
from p2pcredit.models.population.decisions import (
    Share,
    approval_rate,
    how_overrides_paid,
    override_rates,
    reasons_of,
)
from p2pcredit.models.population.reject_band import explored, reject_band
from p2pcredit.periods import DateRange, add_months
from p2pcredit.reporting.portfolio.population import render_population
from p2pcredit.storage.home_format import short_id_of
from p2pcredit.storage.tables.day_receipts import last_complete
from p2pcredit.storage.tables.lake import Lake

SCORE_BAND = 20
"""Points of a bar of the distribution of scores."""


def measure_population(ctx: JobContext, as_of: date | None = None, *, months: int = 12) -> Receipt:
    """Measure the applications decided in some months, as known on a day.

    Args:
        ctx: The context.
        as_of: The day; None for the last one that is preprocessed.
        months: How many months of decisions up to it.

    Returns:
        `home_id`, `as_of`, `model_id` (that serves that day and scores all; None before the first), `months`, `first`,
        `last`, `applications`, `outcomes` (outcome -> number), `not_scored`, `confidence`, `cutoff`, `approval`,
        `withdrawal` and `overrides` (`low`, `high`): `count, n, value, low, high` each; `override_reasons`,
        `decline_reasons`, `by_month`, `scores` (per band of points and outcome, how many), `paid` (`overridden`,
        `policy`, `ratio`, `low`, `high`) and `exploration` (`n`, `bads`, `expected`, `factor`, `low`, `high`, `status`)
        of all whose window has closed, and `band` per factor of `population.reject_factors` (empty without scores).

    Raises:
        MissingTableError: If no application has landed, or none was decided in these months.
        UsageError: If an option is none.
    """
    if not 1 <= months <= 120:
        raise UsageError(f"{months} months cannot be looked at; give 1 to 120")
    day = as_of or last_complete(ctx.layout)
    if day is None or not Lake(ctx.layout).exists(silver(APPLICATIONS)):
        raise MissingTableError(
            "no applications have landed; land them with 'p2pcredit land MAPPING FILE --applications', or as "
            "data/applications/applications_YYYY_MM_DD.csv, and preprocess their days"
        )
    settings, confidence = ctx.settings, ctx.settings.monitoring.confidence
    model_id = ctx.ledger.state().champion_on(day)
    reach = settings.labels.window_months + max(months, settings.monitoring.window_months) + 2
    since = add_months(day, -months)
    everyone = scored_applications(ctx, DateRange(add_months(day, -reach), day), model_id)
    newest = everyone.filter(pl.col("decided_on") > since)
    if newest.is_empty():
        raise MissingTableError(f"no application was decided in the {months} months to {day}; choose more --months")
    cutoff = settings.scores.approval_cutoff
    scored = newest.filter(pl.col("probability_of_default").is_not_null())
    return {
        "home_id": short_id_of(ctx.layout.home),
        "as_of": day.isoformat(),
        "model_id": model_id,
        "months": months,
        "first": min(newest["decided_on"]).isoformat(),
        "last": max(newest["decided_on"]).isoformat(),
        "applications": newest.height,
        "outcomes": dict(newest.group_by("outcome").len().sort("outcome").iter_rows()),
        "not_scored": newest.height - scored.height,
        "confidence": confidence,
        "cutoff": cutoff,
        "approval": approval_rate(newest, confidence).as_json(),
        "withdrawal": Share.of(int((newest["outcome"] == "WITHDRAWN").sum()), newest.height, confidence).as_json(),
        "overrides": {side: share.as_json() for side, share in override_rates(newest, confidence).items()},
        "override_reasons": reasons_of(newest.filter("overridden"), "override_reason"),
        "decline_reasons": reasons_of(newest.filter(pl.col("outcome") == "DECLINED"), "decline_reason"),
        "by_month": _by_month(newest, confidence),
        "scores": _scores(scored),
        "paid": how_overrides_paid(everyone, confidence, least_bads=settings.population.min_override_bads).as_json(),
        "exploration": explored(everyone, cutoff, confidence),
        "band": reject_band(scored, cutoff, settings.population.reject_factors) if scored.height else [],
    }


def write_population(
    ctx: JobContext, as_of: date | None = None, out: Path | None = None, *, months: int = 12
) -> Receipt:
    """Write who applied and what was decided as a page, into `reports/` or another file.

    Returns:
        What `measure_population` gives, and `page`, its path.
    """
    found = measure_population(ctx, as_of, months=months)
    return write_page(ctx, "population", found, render_population(found), out)


def _by_month(newest: pl.DataFrame, confidence: float) -> list[dict[str, Any]]:
    months = newest.with_columns(pl.col("decided_on").dt.strftime("%Y-%m").alias("month"))
    found = []
    for (month,), rows in sorted(months.partition_by("month", as_dict=True).items()):
        sides = override_rates(rows, confidence)
        mean = rows["score"].mean()
        found.append(
            {
                "month": month,
                "applications": rows.height,
                "approval": approval_rate(rows, confidence).as_json(),
                "low_overrides": sides["low"].count,
                "high_overrides": sides["high"].count,
                "mean_score": float(mean) if isinstance(mean, float) else None,
            }
        )
    return found


def _scores(scored: pl.DataFrame) -> list[dict[str, Any]]:
    band = (pl.col("score") // SCORE_BAND * SCORE_BAND).cast(pl.Int64).alias("from")
    return scored.group_by(band, "outcome").len("count").sort("from", "outcome").to_dicts()


__all__ = ["SCORE_BAND", "measure_population", "write_population"]
