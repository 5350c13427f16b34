"""Write what the loans open on a day are expected to lose: loss given default, expected losses, stages, allowance."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.feeds import DEFAULT_STATUSES, FEEDS
from p2pcredit.contracts.tables import EXPECTED_LOSSES, silver
from p2pcredit.errors import MissingTableError, UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.portfolio.book import Book, book_as_of, flows_as_of, valued_on
from p2pcredit.jobs.portfolio.experience import Learned, experience_as_of
from p2pcredit.jobs.portfolio.rated import Rated, rate_loans
from p2pcredit.periods import DateRange
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.portfolio.expected_losses import (
    LATE_BANDS,
    Assumptions,
    late_loans,
    losses_by_month,
    sums_by,
    with_losses,
)
from p2pcredit.portfolio.loan_returns import loan_returns
from p2pcredit.portfolio.severity import developed, triangle_of
from p2pcredit.portfolio.vintage_curves import months_seen
from p2pcredit.reporting.portfolio.losses import assumptions_of, render_losses
from p2pcredit.settings.money import scenarios_of, stress_as_json, stress_of
from p2pcredit.storage.files import write_bytes_atomically
from p2pcredit.storage.home_format import short_id_of
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.rebuilt_events import foretells, with_rebuilt

_SETTLED_DAYS = 365
_MOST_UNSCORED = 0.5


def measure_losses(ctx: JobContext, as_of: date | None = None, *, stress: str = "") -> Receipt:
    """Calculate the expected losses of the loans open on a day.

    Args:
        ctx: The context.
        as_of: The day; None for the last one that is preprocessed.
        stress: Multipliers such as `hazard:1.5` or `unemployment:+2`, applied to every scenario.

    Returns:
        `home_id`, `as_of`, `valued_on`, `model_id`, `currency`, `confidence`, `loans`, `unknown_outcomes`, `unscored`
        (loans that got the mean probability of their term), `not_rated_when_made` (loans whose risk cannot have grown,
        as it was not rated), `written_off` (`loans`, `lost`, `recovered`), `stress` (what was asked for, factors,
        sources), `scenarios` (name, weight, sums), `total`, `by_stage`, `by_stage_and_term`, `by_grade`, `by_reason`,
        `months` (expected loss month by month, undiscounted, of loans not in default), `loss_given_default` (`all` and
        per term: value, interval, development; and by year of default), `products` (what is applied per term), `late`
        (how often late loans came to default), `assumptions`.

    Raises:
        MissingTableError: If days, cash flows or a model are missing.
        UsageError: If the stress cannot be read.
    """
    return _measured(ctx, as_of, stress)[0]


def write_losses(ctx: JobContext, as_of: date | None = None, out: Path | None = None, *, stress: str = "") -> Receipt:
    """Write the expected losses as a page, into `reports/` or another file, and without a stress into the gold table.

    Returns:
        What `measure_losses` gives, `page`, its path, and `rows`, those of `gold/expected_losses` (0 under a stress).
    """
    found, loans = _measured(ctx, as_of, stress)
    day = date.fromisoformat(found["as_of"])
    rows = 0
    if not stress.strip():
        lake, table = Lake(ctx.layout), _as_table(loans, day, found["model_id"])
        with lake.lock(EXPECTED_LOSSES):
            lake.replace(EXPECTED_LOSSES, table, DateRange(day, day))
        rows = table.height
    subject = "losses_stressed" if stress.strip() else "losses"
    path = ctx.layout.portfolio_page(subject, day) if out is None else out
    write_bytes_atomically(path, render_losses(found).encode())
    return {**found, "page": str(path), "rows": rows}


def _measured(ctx: JobContext, as_of: date | None, stress: str) -> tuple[Receipt, pl.DataFrame]:
    money, labels, confidence = ctx.settings.money, ctx.settings.labels, ctx.settings.monitoring.confidence
    try:
        factors = stress_of(stress, money.stress)
    except ValueError as error:
        raise UsageError(str(error)) from error
    scenarios = scenarios_of(money)
    book = book_as_of(ctx, as_of)
    flows = flows_as_of(ctx, book)
    until = valued_on(ctx, book, flows)
    own = loan_returns(book.loans, flows, until)
    learned = experience_as_of(Lake(ctx.layout), ctx.settings, book.as_of, book)
    events = _events(ctx, book)
    open_ones = _open_loans(own, events, until)
    rated = rate_loans(ctx, open_ones["loan_id"], book.as_of)
    loans, unscored = _with_ratings(open_ones, rated)
    late = late_loans(_settled_late(book, events, until, labels.default_days), money.least_defaults)
    to_come = {
        name: [*np.cumsum(np.array(one.pattern)[::-1])[::-1].tolist(), 0.0]
        for name, one in learned.severities.items()
        if one.value is not None and _source(learned, name) != "setting"
    }
    given = Assumptions(rated.structures, rated.model_id, learned.experience, late, to_come, scenarios, factors, money)
    found = with_losses(loans, given)
    structure = rated.structures[rated.model_id]
    written_off = own.filter(pl.col("defaulted_on").is_not_null(), pl.col("charged_off_on") <= until)
    facts: Receipt = {
        "home_id": short_id_of(ctx.layout.home),
        "as_of": book.as_of.isoformat(),
        "valued_on": until.isoformat(),
        "model_id": rated.model_id,
        "currency": money.currency,
        "confidence": confidence,
        "loans": found.height,
        "unknown_outcomes": book.unknown,
        "unscored": unscored,
        "not_rated_when_made": int(found["remaining_when_made"].null_count()),
        "written_off": {
            "loans": written_off.height,
            "lost": round(float(written_off["lost"].sum()), 2),
            "recovered": round(float(written_off["recoveries"].sum()), 2),
        },
        "stress": stress_as_json(stress, money.stress),
        "scenarios": [
            {
                "name": one.name,
                "weight": one.weight,
                "spec": one.spec,
                "hazard": (one.stress * factors).hazard,
                "lgd": (one.stress * factors).lgd,
                **{
                    what: round(float(found[f"{what}:{one.name}"].sum()), 2)
                    for what in ("loss_12_months", "loss_lifetime", "allowance")
                },
            }
            for one in scenarios
        ],
        "total": sums_by(found, [], learned.experience)[0],
        "by_stage": sums_by(found, ["stage"], learned.experience),
        "by_stage_and_term": sums_by(found, ["stage", "term_months"], learned.experience),
        "by_grade": sums_by(found, ["grade"], learned.experience),
        "by_reason": sums_by(found, ["stage", "stage_reason"], learned.experience),
        "months": losses_by_month(found, structure, learned.experience, factors),
        "loss_given_default": {
            "all": learned.severities["all"].as_json(),
            "by_term": [
                {"term_months": int(term), **one.as_json()} for term, one in learned.severities.items() if term != "all"
            ],
            "by_year": _by_year(learned),
        },
        "products": [
            {
                "term_months": term,
                "loss_given_default": one.loss_given_default,
                "low": one.low,
                "high": one.high,
                "defaults": one.defaults,
                "source": one.source,
                "usual_early_hazard": float(np.mean(one.early)) if one.early else 0.0,
            }
            for term, one in sorted(learned.experience.products.items())
        ],
        "late": [
            {"days": band, "share": late[band].share, "loans": late[band].loans, "told": late[band].told}
            for band in LATE_BANDS
        ],
    }
    return {**facts, "assumptions": assumptions_of(facts, ctx.settings)}, found


def _events(ctx: JobContext, book: Book) -> pl.DataFrame:
    """Read the servicing events of the book, without signs that were made from how a loan ended."""
    days = DateRange(EARLIEST_ORIGINATION, book.as_of)
    columns = ("loan_id", "event_date", "row_number", "status", "days_past_due", "rebuilt")
    events = with_rebuilt(Lake(ctx.layout).frame(silver(FEEDS["loan_performance"]), days))
    kept: pl.DataFrame = events.filter(~foretells()).select(*columns).collect("polars").to_native()
    return kept.join(book.loans.select("loan_id"), on="loan_id", how="semi")


def _open_loans(own: pl.DataFrame, events: pl.DataFrame, until: date) -> pl.DataFrame:
    """Give the loans that owe something on a day: those not in default, and those in default and not written off."""
    day = pl.lit(until)
    bad = pl.col("defaulted_on").is_not_null()
    in_default = bad & ~(pl.col("charged_off_on") <= until).fill_null(value=False) & (pl.col("lost") > 0)
    newest = (
        events.filter(pl.col("event_date") <= until)
        .sort("loan_id", "event_date", "row_number")
        .group_by("loan_id", maintain_order=True)
        .agg(pl.col("days_past_due").last())
    )
    return (
        own.filter((pl.col("outstanding") > 0) | in_default)
        .join(newest, on="loan_id", how="left")
        .select(
            "loan_id",
            "term_months",
            "grade",
            "interest_rate_share",
            months_seen(pl.col("origination_date"), day).clip(0, pl.col("term_months") - 1).alias("seen"),
            pl.when(in_default).then("lost").otherwise("outstanding").alias("outstanding"),
            pl.when(in_default).then("recoveries").otherwise(0.0).alias("recovered"),
            in_default.alias("in_default"),
            months_seen(pl.col("defaulted_on"), day).alias("months_in_default"),
            pl.col("days_past_due").fill_null(0),
        )
    )


def _with_ratings(loans: pl.DataFrame, rated: Rated) -> tuple[pl.DataFrame, int]:
    """Add the probabilities; a loan that has none gets the mean of its term, and of all where its term has none.

    Raises:
        MissingTableError: If most loans have none.
    """
    found = loans.join(rated.loans, on="loan_id", how="left", maintain_order="left")
    chance = pl.col("probability_of_default").fill_nan(None)
    without = int(found.select(chance.is_null().sum()).item())
    if without > _MOST_UNSCORED * found.height:
        raise MissingTableError(
            f"{without:,} of {found.height:,} open loans have no features to be scored by; preprocess the days on "
            "which they were made"
        )
    mean = chance.mean()
    return found.with_columns(chance.fill_null(mean.over("term_months")).fill_null(mean)), without


def _settled_late(book: Book, events: pl.DataFrame, until: date, default_days: int) -> pl.DataFrame:
    """List each loan and band of days past due that it reached a year ago or more, and whether it was in default since.

    A loan that was seen in default at once was never seen late, and does not count.
    """
    late = events.filter(
        pl.col("days_past_due") < default_days, ~pl.col("status").is_in(sorted(DEFAULT_STATUSES))
    ).filter(pl.col("event_date") <= until - timedelta(days=_SETTLED_DAYS))
    parts = [
        late.filter(pl.col("days_past_due") >= band)
        .group_by("loan_id")
        .agg(pl.col("event_date").min().alias("late_on"))
        .with_columns(pl.lit(band).alias("band"))
        for band in LATE_BANDS
    ]
    within = (pl.col("defaulted_on") - pl.col("late_on")).dt.total_days()
    return (
        pl.concat(parts)
        .join(book.loans.select("loan_id", "defaulted_on"), on="loan_id", how="inner")
        .filter(pl.col("defaulted_on").is_null() | (within >= 0))
        .select("loan_id", "band", within.is_between(0, _SETTLED_DAYS).fill_null(value=False).alias("defaulted"))
    )


def _source(learned: Learned, name: str) -> str:
    experience = learned.experience
    return experience.pooled.source if name == "all" else experience.of(int(name)).source


def _by_year(learned: Learned) -> list[Receipt]:
    """Give the loss given default of the defaults of each year, young ones developed."""
    whole, found = learned.severities["all"], list[dict[str, Any]]()
    years = learned.defaults.with_columns(pl.col("defaulted_on").dt.year().alias("year"))
    for (year,), own in sorted(years.partition_by("year", as_dict=True).items()):
        triangle = triangle_of(own, learned.flows, learned.until)
        owed, back = float(triangle.exposure.sum()), float(triangle.recovered.sum())
        found.append(
            {
                "year": int(year),
                "defaults": int(triangle.exposure.size),
                "exposure": round(owed, 2),
                "recovered": round(back, 2),
                "to_date": 1.0 - back / owed if owed else None,
                "developed": developed(triangle, whole),
            }
        )
    return found


def _as_table(loans: pl.DataFrame, day: date, model_id: str) -> pl.DataFrame:
    return loans.select(
        "loan_id",
        pl.lit(day).alias("snapshot_date"),
        pl.lit(model_id).alias("model_id"),
        "stage",
        "stage_reason",
        "days_past_due",
        "exposure",
        "remaining_probability",
        "remaining_when_made",
        "loss_given_default",
        "loss_12_months",
        "loss_lifetime",
        "allowance",
        pl.lit(day).alias("known_on"),
    ).sort("loan_id")


__all__ = ["measure_losses", "write_losses"]
