"""Write what each cut-off approves, loses and earns: of loans like the newest, and of those whose term has passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from p2pcredit.contracts.tables import CASH_FLOWS, LABEL_STORE, PREDICTIONS, QUARANTINE
from p2pcredit.engines.local import collect
from p2pcredit.errors import MissingTableError, UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.portfolio.book import Book, book_as_of
from p2pcredit.jobs.portfolio.experience import Learned, experience_as_of
from p2pcredit.jobs.portfolio.page import write_page
from p2pcredit.jobs.portfolio.rated import Rated, rate_loans
from p2pcredit.models.economics.value import profit_of, stressed_chances, value_loans
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.periods import DateRange, add_months
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.portfolio.loan_returns import DAYS_A_YEAR, loan_returns
from p2pcredit.portfolio.strategy import (
    FACTORS,
    Draws,
    Ratios,
    Tables,
    bands_of,
    best_of,
    curve_of,
    cutoffs_for,
    three_ways,
)
from p2pcredit.reporting.portfolio.strategy import render_strategy
from p2pcredit.settings.money import MoneySettings, Stress, stress_as_json, stress_of
from p2pcredit.storage.home_format import short_id_of
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import labels_as_of
from p2pcredit.transforms.vintages import quarter_name

Revenue = Literal["interest", "fees"]
LEAST_LOANS = 50
"""Fewer make no strategy, and no product of its own."""
MARGIN = 0.05
"""The loans just at a cut-off: so large a share of all on each side."""


@dataclass(frozen=True, slots=True)
class _Newest:
    """Loans like those to come, with what is expected of them at each factor of the hazard.

    Args:
        frames: Factor -> `vintage`, `term_months`, `probability_of_default` and the sums of `portfolio.strategy`.
        goods: The same at factor 1, with the profit of loans that will not default.
    """

    frames: dict[float, pl.DataFrame]
    goods: pl.DataFrame

    def of_term(self, term: int) -> _Newest:
        """Select a product."""
        own = pl.col("term_months") == term
        return _Newest({factor: frame.filter(own) for factor, frame in self.frames.items()}, self.goods.filter(own))


def measure_strategy(
    ctx: JobContext,
    as_of: date | None = None,
    *,
    months: int = 12,
    loss_limit: float | None = None,
    revenue: Revenue = "interest",
    stress: str = "",
) -> Receipt:
    """Calculate the curves of the cut-off, as known on a day.

    Args:
        ctx: The context.
        as_of: The day; None for the last one that is preprocessed.
        months: The loans of how many months stand for those to come.
        loss_limit: The most of the amount lent that may be expected to be lost, as a share; None for no limit.
        revenue: Whose profit: `interest`, that of a lender who keeps interest and bears losses, or `fees`, that of a
            platform that earns the fees of `money` alone.
        stress: Multipliers such as `hazard:1.5` or `unemployment:+2`.

    Returns:
        `home_id`, `as_of`, `model_id`, `currency`, `confidence`, `revenue`, `loss_limit`, `stress`, `cutoff` (that is
        set), `months`, `first` and `last` (originations looked at), `loans`, `not_valued` (without probability, term or
        rate), `undecided` (loans that scoring referred or refused), `costs`, `ratio` (defaults seen over expected of
        matured loans scored on their day, which intervals rest on), `products` (loss given default per term), `curve`,
        `best` (`by_profit`, `under_limit`, `present`), `bands`, `marginal` (loans just below and above the cut-off),
        `three_ways`, `by_term` (each `term_months`, `loans`, `best`), and `observed` (the same loans' curve where their
        term has passed: `loans`, `first`, `last`, `curve`, `best`; null where none has).

    Raises:
        MissingTableError: If days or a model are missing, or too few loans can be valued.
        UsageError: If an option is none.
    """
    money, settings = ctx.settings.money, ctx.settings
    factors = _checked(months, loss_limit, revenue, stress, money)
    book = book_as_of(ctx, as_of)
    since = add_months(book.as_of, -months)
    newest = book.loans.filter(pl.col("origination_date") > since)
    rated = rate_loans(ctx, newest["loan_id"], book.as_of)
    learned = experience_as_of(Lake(ctx.layout), settings, book.as_of, book)
    loans, without = _valuable(newest, rated)
    if loans.height < LEAST_LOANS:
        raise MissingTableError(
            f"{loans.height:,} loans of the {months} months before {book.as_of} have probability, term and interest "
            f"rate, {LEAST_LOANS} are needed; choose more --months"
        )
    valued = _valued(loans, rated, learned, factors, money, lends=revenue == "interest")
    present, confidence = settings.scores.approval_cutoff, settings.monitoring.confidence
    ratios = _ratios(ctx, book)
    chances = loans["probability_of_default"].to_numpy().astype(np.float64)
    margins = _around(chances, present)
    top = float(chances.max())
    bounds = sorted({bound for bound in (*settings.scores.grade_bounds, present) if bound < top} | {top})
    cutoffs = cutoffs_for(chances, [present, *bounds, *margins])
    tables = Tables.of(valued.frames, cutoffs)
    goods = Tables.of({1.0: valued.goods}, cutoffs)
    draws = Draws.of(tables.vintages, ratios, confidence)
    bands = bands_of(tables, goods, draws, bounds)
    return {
        "home_id": short_id_of(ctx.layout.home),
        "as_of": book.as_of.isoformat(),
        "model_id": rated.model_id,
        "currency": money.currency,
        "confidence": confidence,
        "revenue": revenue,
        "loss_limit": loss_limit,
        "stress": stress_as_json(stress, money.stress),
        "cutoff": present,
        "months": months,
        "first": min(loans["origination_date"]).isoformat(),
        "last": max(loans["origination_date"]).isoformat(),
        "loans": loans.height,
        "amount": round(float(loans["loan_amount"].sum()), 2),
        "vintages": tables.vintages,
        "not_valued": without,
        "undecided": _undecided(ctx, newest["loan_id"], book.as_of),
        "costs": {
            name: getattr(money, name)
            for name in ("funding_rate", "servicing_rate", "origination_fee", "cost_per_loan")
        },
        "ratio": _ratio_facts(ratios, draws),
        "products": [
            {
                "term_months": int(term),
                "loss_given_default": learned.experience.of(int(term)).loss_given_default,
                "source": learned.experience.of(int(term)).source,
            }
            for term in sorted(loans["term_months"].unique())
        ],
        "curve": curve_of(tables, draws),
        "best": best_of(tables, draws, present, loss_limit),
        "bands": bands,
        "marginal": [band for band in bands_of(tables, goods, draws, margins) if band["above"] > 0.0],
        "three_ways": three_ways(bands),
        "by_term": _by_term(valued, ratios, present, confidence, loss_limit),
        "observed": _observed(ctx, book, learned, cutoffs, loss_limit, lends=revenue == "interest"),
    }


def write_strategy(
    ctx: JobContext,
    as_of: date | None = None,
    out: Path | None = None,
    *,
    months: int = 12,
    loss_limit: float | None = None,
    revenue: Revenue = "interest",
    stress: str = "",
) -> Receipt:
    """Write the curves of the cut-off as a page, into `reports/` or another file.

    Returns:
        What `measure_strategy` gives, and `page`, its path.
    """
    found = measure_strategy(ctx, as_of, months=months, loss_limit=loss_limit, revenue=revenue, stress=stress)
    subject = "strategy_stressed" if stress.strip() else "strategy"
    return write_page(ctx, subject, found, render_strategy(found), out)


def _checked(months: int, loss_limit: float | None, revenue: str, stress: str, money: MoneySettings) -> Stress:
    if not 1 <= months <= 120:
        raise UsageError(f"{months} months of loans cannot be looked at; give 1 to 120")
    if loss_limit is not None and not 0.0 <= loss_limit <= 1.0:
        raise UsageError(f"a loss limit is a share of the amount lent, not {loss_limit:g}; write one such as 0.05")
    if revenue not in {"interest", "fees"}:
        raise UsageError(f"revenue is interest or fees, not '{revenue}'")
    if revenue == "fees" and not (money.origination_fee or money.servicing_rate):
        raise UsageError("a platform earns no fees by the settings; set money.origination_fee or money.servicing_rate")
    try:
        return stress_of(stress, money.stress)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _valuable(newest: pl.DataFrame, rated: Rated) -> tuple[pl.DataFrame, int]:
    """Join probabilities; leave out loans without one, a term or a rate, and say how many."""
    joined = newest.join(rated.loans.select("loan_id", "probability_of_default"), on="loan_id", how="left")
    chance = pl.col("probability_of_default").fill_nan(None)
    known = chance.is_not_null() & pl.col("term_months").is_not_null() & pl.col("interest_rate_share").is_not_null()
    found = joined.filter(known, pl.col("loan_amount") > 0).sort("origination_date", "loan_id")
    return found, joined.height - found.height


def _valued(
    loans: pl.DataFrame, rated: Rated, learned: Learned, asked: Stress, money: MoneySettings, *, lends: bool
) -> _Newest:
    chances = loans["probability_of_default"].to_numpy().astype(np.float64)
    amounts = loans["loan_amount"].to_numpy().astype(np.float64)
    structure = rated.structures[rated.model_id]
    frames, goods = dict[float, pl.DataFrame](), pl.DataFrame()
    for factor in FACTORS:
        stress = Stress(hazard=factor) * asked
        valued = value_loans(
            structure, learned.experience, chances, loans["term_months"], loans["interest_rate_share"], stress=stress
        )
        profit = profit_of(valued, amounts, money, bears_losses=lends)
        found = valued.expected
        frames[factor] = loans.select(
            pl.col("origination_date").dt.strftime("%Y-%m").alias("vintage"),
            "term_months",
            "probability_of_default",
            pl.Series("amount", amounts),
            pl.Series("chance", stressed_chances(chances, stress)),
            pl.Series("default", found.default),
            pl.Series("loss", amounts * valued.loss),
            pl.Series("income", amounts * (found.interest - valued.loss - money.servicing_rate * found.years)),
            pl.Series("years", amounts * found.years),
            pl.Series("profit", profit.profit),
        )
        if factor == 1.0:
            goods = frames[factor].with_columns(pl.Series("profit", profit.of_good))
    return _Newest(frames, goods)


def _around(chances: Floats, present: float) -> list[float]:
    """Give cut-offs between which lie five in a hundred loans each, the present one in the middle."""
    ordered = np.sort(chances)
    here = int(np.searchsorted(ordered, present, side="right"))
    step = max(int(MARGIN * ordered.size), 1)
    below, above = ordered[max(here - step - 1, 0)], ordered[min(here + step - 1, ordered.size - 1)]
    return sorted({float(below), present, float(above)} if below < present else {present, float(above)})


def _by_term(
    valued: _Newest, ratios: Ratios, present: float, confidence: float, loss_limit: float | None
) -> list[Receipt]:
    found = []
    base = valued.frames[1.0]
    for term in sorted(base["term_months"].unique()):
        own = valued.of_term(int(term))
        chances = own.frames[1.0]["probability_of_default"].to_numpy().astype(np.float64)
        row: Receipt = {"term_months": int(term), "loans": chances.size, "best": None}
        if chances.size >= LEAST_LOANS:
            tables = Tables.of(own.frames, cutoffs_for(chances, [present]))
            draws = Draws.of(tables.vintages, ratios, confidence)
            row["best"] = best_of(tables, draws, present, loss_limit)
        found.append(row)
    return found


def _served(ctx: JobContext, day: date) -> pl.DataFrame:
    """Read each loan with the probability that it was served with on its day."""
    return (
        Lake(ctx.layout)
        .scan(PREDICTIONS, DateRange(EARLIEST_ORIGINATION, day))
        .filter(pl.col("probability_of_default").is_not_null())
        .select("loan_id", "snapshot_date", "probability_of_default")
        .collect()
        .sort("snapshot_date", "loan_id")
        .unique("loan_id", keep="first", maintain_order=True)
    )


def _ratios(ctx: JobContext, book: Book) -> Ratios:
    """Count defaults seen and expected, by quarter, of the loans scored on their day whose label was known."""
    lake, known = Lake(ctx.layout), DateRange(EARLIEST_ORIGINATION, book.as_of)
    labels = collect(
        labels_as_of(lake.frame(LABEL_STORE, known), lake.frame(QUARANTINE, known), book.as_of, ctx.settings.labels)
    )
    found = (
        _served(ctx, book.as_of)
        .join(labels.select("loan_id", "label"), on="loan_id", how="inner")
        .group_by(quarter_name("snapshot_date").alias("vintage"))
        .agg(pl.col("label").cast(pl.Float64).sum().alias("seen"), pl.col("probability_of_default").sum())
        .sort("vintage")
    )
    return Ratios(
        tuple(found["vintage"].to_list()), found["seen"].to_numpy(), found["probability_of_default"].to_numpy()
    )


def _ratio_facts(ratios: Ratios, draws: Draws) -> Receipt:
    seen, expected = float(ratios.seen.sum()), float(ratios.expected.sum())
    told = bool(len(ratios.vintages) > 1 and seen and expected)
    low, high = draws.interval(draws.factors)
    return {
        "vintages": len(ratios.vintages),
        "seen": seen,
        "expected": expected,
        "value": seen / expected if expected else None,
        "low": float(low) if told else None,
        "high": float(high) if told else None,
        "told": told,
    }


def _undecided(ctx: JobContext, loan_ids: pl.Series, day: date) -> int:
    """Count the loans that scoring left to a person or refused."""
    rows = Lake(ctx.layout).scan(PREDICTIONS, DateRange(EARLIEST_ORIGINATION, day))
    ids = loan_ids.to_frame("loan_id").lazy()
    count = rows.join(ids, on="loan_id", how="semi").filter(pl.col("decision").is_in(["refer", "refuse"]))
    return int(count.select(pl.col("loan_id").n_unique()).collect().item())


def _observed(
    ctx: JobContext, book: Book, learned: Learned, cutoffs: Floats, loss_limit: float | None, *, lends: bool
) -> Receipt | None:
    """Give what came of scored loans whose term has passed, by cut-off; None where there are too few."""
    ended = pl.col("origination_date").dt.offset_by(pl.format("{}mo", "term_months")) <= learned.until
    loans = book.loans.filter(ended).join(
        _served(ctx, book.as_of).select("loan_id", "probability_of_default"), on="loan_id", how="inner"
    )
    if loans.height < LEAST_LOANS:
        return None
    flows = (
        Lake(ctx.layout)
        .scan(CASH_FLOWS, DateRange(EARLIEST_ORIGINATION, book.as_of))
        .join(loans.lazy().select("loan_id"), on="loan_id", how="semi")
        .select("loan_id", "paid_on", "kind", "amount", "rebuilt")
    )
    own = loan_returns(loans, flows, learned.until).sort("origination_date", "loan_id")
    if own.height < LEAST_LOANS:
        return None
    money, window = ctx.settings.money, ctx.settings.labels.window_months
    years = pl.col("days_at_work") / DAYS_A_YEAR
    income = pl.col("interest") + pl.col("fees") + pl.col("recoveries") - pl.col("lost") - money.servicing_rate * years
    fees = pl.col("invested") * money.origination_fee - money.cost_per_loan
    profit = income - money.funding_rate * years + fees if lends else fees + money.servicing_rate * years
    within = pl.col("defaulted_on") <= pl.col("origination_date").dt.offset_by(f"{window}mo")
    frame = own.select(
        quarter_name("origination_date").alias("vintage"),
        "probability_of_default",
        pl.col("invested").alias("amount"),
        within.fill_null(value=False).cast(pl.Float64).alias("chance"),
        pl.col("defaulted_on").is_not_null().cast(pl.Float64).alias("default"),
        (pl.col("lost") - pl.col("recoveries")).alias("loss"),
        income.alias("income"),
        years.alias("years"),
        profit.alias("profit"),
    )
    tables = Tables.of({1.0: frame}, cutoffs_for(frame["probability_of_default"].to_numpy(), cutoffs.tolist()))
    draws = Draws.of(tables.vintages, None, ctx.settings.monitoring.confidence)
    facts: dict[str, Any] = {
        "loans": own.height,
        "amount": round(float(own["invested"].sum()), 2),
        "first": min(own["origination_date"]).isoformat(),
        "last": max(own["origination_date"]).isoformat(),
        "vintages": tables.vintages,
        "curve": curve_of(tables, draws),
        "best": best_of(tables, draws, ctx.settings.scores.approval_cutoff, loss_limit),
    }
    return facts


__all__ = ["Revenue", "measure_strategy", "write_strategy"]
