"""Simulate books of loans whose truth is known, as monitoring sees them week by week: no files, no training.

A champion has served for a year when something happens to the book, or nothing does. What it says is right but for the
error of its level, drawn per product as if that had been set on some 150 defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from bench.studies.books_by_week import Book, Lost

from p2pcredit.models.evaluation.intervals import logistic
from p2pcredit.settings import Settings

Floats = npt.NDArray[np.float64]

EVENT = date(2022, 1, 1)
"""A Saturday: the end of the last week before anything happens."""
SERVED_WEEKS, OLDER_WEEKS = 52, 65
"""The champion's weeks before the event, and the weeks of loans before it, which judge it as they mature."""
SPREAD, LEVEL_DEFAULTS, SHARE_OF_60 = 0.6, 150, 0.3
LEVELS = {36: -2.8, 60: -2.3}
DAYS_OF_A_MONTH = 30.4375
_MONTHLY = np.array([0.0] * 3 + [1.0 / 9.0] * 33 + [0.6 / 9.0] * 24)
"""Cumulative hazard of each month on book, as shares of that of the first twelve."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to a book from the event on.

    Args:
        key, name: In results, and in words.
        asks: The remedies that are right, empty where none is.
        weeks: How many are looked at.
        shock: Times the hazard of every loan from the event on.
        product: Times the hazard of 60-month loans that were originated after it.
        moved: By how many standard deviations new applicants' log-odds grow, over eight weeks.
        broken: Whether rows of a feed are lost, in a share drawn for each book, for four weeks.
    """

    key: str
    name: str
    asks: frozenset[str]
    weeks: int
    shock: float = 1.0
    product: float = 1.0
    moved: float = 0.0
    broken: bool = False


LEARN = frozenset({"retrain", "recalibrate"})


def scenarios(factor: float, weeks: int = 65) -> tuple[Scenario, ...]:
    """List the five, with so many times the hazard in shock and drift."""
    return (
        Scenario("quiet", "Quiet year", frozenset(), 52),
        Scenario("harmless", "Harmless drift: riskier applicants, rightly scored", frozenset(), 52, moved=1.0),
        Scenario("broken", "Broken feed", frozenset({"repair_data"}), 8, broken=True),
        Scenario("shock", f"Shock: every hazard times {factor:g}", LEARN, weeks, shock=factor),
        Scenario("product", f"Drift in one product: new 60-month loans times {factor:g}", LEARN, weeks, product=factor),
    )


def simulate(
    scenario: Scenario, seed: int, settings: Settings, *, loans_a_week: int, served_weeks: int = SERVED_WEEKS
) -> Book:
    """Draw one book.

    Args:
        scenario: What happens.
        seed: The draw; the same for all scenarios of a seed.
        settings: Label window and lag.
        loans_a_week: How many are originated.
        served_weeks: The champion's weeks before the event.
    """
    rng = np.random.default_rng(seed)
    before = served_weeks + OLDER_WEEKS
    first = EVENT - timedelta(weeks=before)
    n = (before + scenario.weeks) * loans_a_week
    day = np.sort(rng.integers(1, 7 * (before + scenario.weeks) + 1, n))
    after = (day - 7 * before).astype(np.float64)
    term = np.where(rng.random(n) < SHARE_OF_60, 60, 36)
    known = rng.normal(0.0, SPREAD, n) + scenario.moved * SPREAD * np.clip(after / 56.0, 0.0, 1.0)
    chance = logistic(np.where(term == 60, LEVELS[60], LEVELS[36]) + known)
    off = np.exp(rng.normal(0.0, LEVEL_DEFAULTS**-0.5, 2))
    hazard = -np.log1p(-chance) * np.where(term == 60, off[1], off[0])
    hazard *= np.where((term == 60) & (after > 0), scenario.product, 1.0)
    age = _default_age(rng.exponential(size=n), hazard, -after / DAYS_OF_A_MONTH, scenario.shock)
    loans = _loans(first, day, term, chance, known, age, settings)
    chances = pl.col("probability_of_default")
    return Book(
        loans=loans,
        again=loans.select("loan_id", "term_months", risk=chances, chance=chances),
        labels=_labels(loans, settings),
        curves=1.0 - (1.0 - chance[:, None]) ** np.cumsum(_MONTHLY)[None, :],
        champion_id="champion",
        champion_as_of=EVENT - timedelta(weeks=served_weeks),
        unseen_from=first,
        reference=loans.filter(pl.col("model_id") == "earlier"),
        lost=_lost(scenario, rng, loans_a_week),
    )


def _default_age(draw: Floats, hazard: Floats, age_at_event: Floats, shock: float) -> Floats:
    """Calculate when the cumulative hazard, linear by month and steeper by `shock` after the event, reaches a draw.

    Returns:
        Months from origination to default; infinite where none comes within 60 months.
    """
    months, total = np.arange(_MONTHLY.size + 1.0), np.concatenate(([0.0], np.cumsum(_MONTHLY)))
    reached = draw / hazard
    before = np.interp(np.clip(age_at_event, 0.0, None), months, total)
    reached = np.where(reached <= before, reached, before + (reached - before) / shock)
    return np.where(reached <= total[-1], np.interp(reached, total, months), np.inf)


def _loans(
    first: date, day: Any, term: Any, chance: Floats, known: Floats, age: Floats, settings: Settings
) -> pl.DataFrame:
    born = pl.lit(first) + pl.duration(days=pl.col("day"))
    own = pl.col("day") > 7 * OLDER_WEEKS
    window = settings.labels.window_months
    lasts, chances = np.isfinite(age), pl.col("probability_of_default")
    drawn = pl.DataFrame(
        {
            "day": day,
            "term_months": term.astype(np.int32),
            "probability_of_default": chance,
            "score": np.round(600 - 29 * (known / 0.7)).astype(np.int32),
            "lasted": np.where(lasts, np.round(np.where(lasts, age, 0.0) * DAYS_OF_A_MONTH), -1).astype(np.int64),
        }
    )
    month = (
        (pl.col("defaulted_on").dt.year() - pl.col("snapshot_date").dt.year()) * 12
        + pl.col("defaulted_on").dt.month().cast(pl.Int32)
        - pl.col("snapshot_date").dt.month().cast(pl.Int32)
        - (pl.col("defaulted_on").dt.day() < pl.col("snapshot_date").dt.day()).cast(pl.Int32)
        + 1
    )
    return (
        drawn.with_columns(
            loan_id=pl.format("L{}", pl.int_range(pl.len()) + 1_000_000),
            snapshot_date=born,
            model_id=pl.when(own).then(pl.lit("champion")).otherwise(pl.lit("earlier")),
            grade=pl.when(chances <= 0.04)
            .then(pl.lit("A"))
            .when(chances <= 0.08)
            .then(pl.lit("B"))
            .otherwise(pl.lit("C")),
            platform_sub_grade=pl.lit(None, dtype=pl.String),
            annual_income=4e4 * (1.0 - 0.4 * pl.Series(known)).clip(0.2),
        )
        .with_columns(
            defaulted_on=pl.when(pl.col("lasted") >= 0).then(
                pl.col("snapshot_date") + pl.duration(days=pl.col("lasted"))
            )
        )
        .with_columns(
            defaulted_in_month=month,
            window_end=pl.col("snapshot_date").dt.offset_by(f"{window}mo"),
        )
        .drop("day", "lasted")
    )


def _labels(loans: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    bad = (pl.col("defaulted_on") <= pl.col("window_end")).fill_null(False)
    closed = pl.col("window_end") + pl.duration(days=settings.labels.reporting_lag_days)
    return loans.select(
        "loan_id",
        definition=pl.lit(settings.labels.definition),
        label=bad.cast(pl.Int8),
        origination_date="snapshot_date",
        known_on=pl.when(bad).then("defaulted_on").otherwise(closed),
    )


def _lost(scenario: Scenario, rng: np.random.Generator, loans_a_week: int) -> Lost:
    """Lose rows of a feed for four weeks from the event on, between a twentieth and six tenths of them."""
    share = float(np.exp(rng.uniform(np.log(0.05), np.log(0.6))))
    if not scenario.broken:
        return Lost(loans_a_week, 0.002, 0.002, EVENT, EVENT)
    return Lost(loans_a_week, 0.002, share, EVENT, EVENT + timedelta(weeks=4))


__all__ = ["EVENT", "LEARN", "SERVED_WEEKS", "Scenario", "scenarios", "simulate"]
