"""Take from a book whose whole future is known what monitoring would have known at the end of a week.

The same for a simulated book and for one read from a home: by the second, a test holds this against what the home's own
jobs gathered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.contracts.results import MetricResult
from p2pcredit.models.training.hazard import months_on_book
from p2pcredit.monitoring.inputs import MonitoringInputs, PolicyContext
from p2pcredit.monitoring.matured import matured_window
from p2pcredit.monitoring.metrics.drift import measure_drift
from p2pcredit.monitoring.metrics.over_term import measure_over_term
from p2pcredit.monitoring.metrics.quality import measure_quality
from p2pcredit.monitoring.metrics.triggers import measure_triggers
from p2pcredit.monitoring.policies.choose import Verdict, decide
from p2pcredit.settings import Settings

FEED = "financial"


@dataclass(frozen=True, slots=True)
class Lost:
    """Rows of a feed that are quarantined.

    Args:
        rows_a_week: How many come in.
        usual, broken: Share of them set aside, usually, and after `since` up to and including `until`.
        since, until: Days.
    """

    rows_a_week: int
    usual: float
    broken: float
    since: date
    until: date

    def quality(self, week_end: date, days: int) -> pl.DataFrame:
        """Count the rows of the recent days, as the receipts of the days would."""
        rows = self.rows_a_week / 7.0
        recent = [week_end - timedelta(days=back) for back in range(days)]
        bad = sum(rows * (self.broken if self.since < day <= self.until else self.usual) for day in recent)
        return pl.DataFrame({"feed": [FEED], "rows_in": [round(rows * days)], "quarantined": [round(bad)]})


@dataclass(frozen=True, slots=True)
class Book:
    """Scored loans with all that ever came of them.

    Args:
        loans: One row per loan by day and id: `loan_id, snapshot_date` (also its origination), `model_id,
            probability_of_default, score, grade, term_months, platform_sub_grade`, features, `defaulted_in_month` (null
            without a default).
        again: `loan_id, term_months, risk, chance` by the champion's evaluation model of every loan, scored or not.
        labels: `loan_id, definition, label, origination_date, known_on`.
        curves: Probability of default by the end of each month on book, by the model that scored it; (loans, months).
        champion_id, champion_as_of: The model in service, and the day up to which it knew labels.
        unseen_from: The first origination that its evaluation model had not seen.
        reference: The champion's development loans with `score` and features.
        lost: Rows in quarantine.
        serves: Gives the chances of a week's judged loans as the champion serves, which moves its evaluation model to
            its own level on these loans together; None where `again` has them.
    """

    loans: pl.DataFrame
    again: pl.DataFrame
    labels: pl.DataFrame
    curves: npt.NDArray[np.float64]
    champion_id: str
    champion_as_of: date
    unseen_from: date
    reference: pl.DataFrame
    lost: Lost
    serves: Callable[[pl.DataFrame], npt.NDArray[np.float64]] | None = None


def known_by(book: Book, week_end: date, settings: Settings) -> MonitoringInputs:
    """Gather what was known at the end of a week."""
    born = book.loans.filter(pl.col("snapshot_date") <= week_end)
    labels = book.labels.filter(pl.col("known_on") <= week_end)
    features = born.select(pl.exclude("model_id", "probability_of_default", "score", "grade"))
    return MonitoringInputs(
        week_end=week_end,
        champion_id=book.champion_id,
        champion_as_of=book.champion_as_of,
        predictions=born.select("loan_id", "snapshot_date", "model_id", "probability_of_default", "score", "grade"),
        labels=labels,
        features=features.with_columns(known_on="snapshot_date"),
        reference=book.reference.with_columns(known_on="snapshot_date"),
        early_delinquency=pl.DataFrame(schema={"loan_id": pl.String, "late_on": pl.Date}),
        feed_quality=book.lost.quality(week_end, settings.monitoring.recent_days),
        development_bads=None,
        known_bads=matured_bads(book, week_end, settings),
        over_term=_over_term(book, week_end, settings),
        champion_judged=_judged(book, labels, week_end, settings),
    )


def matured_bads(book: Book, week_end: date, settings: Settings) -> int:
    """Count the bads whose whole label window has closed."""
    _, last = matured_window(week_end, settings)
    return int(book.labels.filter(pl.col("origination_date") <= last)["label"].sum())


def _over_term(book: Book, week_end: date, settings: Settings) -> pl.DataFrame:
    labels = settings.labels
    until = week_end - timedelta(days=labels.reporting_lag_days)
    elapsed = months_on_book(until)
    months = pl.min_horizontal(elapsed, pl.max_horizontal("term_months", pl.lit(labels.window_months)))
    seen = ((pl.col("defaulted_in_month") <= elapsed) & (pl.col("defaulted_in_month") <= months)).fill_null(False)
    rows = (
        book.loans.with_row_index("place")
        .filter(pl.col("snapshot_date") <= week_end)
        .with_columns(origination_date="snapshot_date")
        .with_columns(months=months.cast(pl.Int64), defaulted=seen.cast(pl.Int8))
        .filter(pl.col("months") >= 1)
    )
    expected = book.curves[rows["place"].to_numpy(), rows["months"].to_numpy() - 1]
    return rows.select(
        "loan_id", "snapshot_date", "term_months", "months", "defaulted", pl.Series("expected", expected)
    )


def _judged(book: Book, labels: pl.DataFrame, week_end: date, settings: Settings) -> pl.DataFrame:
    after, last = matured_window(week_end, settings)
    origin = pl.col("origination_date")
    window, lag = settings.labels.window_months, settings.labels.reporting_lag_days
    closed = origin.dt.offset_by(f"{window}mo") + pl.duration(days=lag)
    judged = (
        labels.filter(origin > after, origin <= last, origin >= book.unseen_from, pl.col("label").is_not_null())
        .select("loan_id", "origination_date", pl.col("label").cast(pl.Int8))
        .join(book.again, on="loan_id", how="inner")
        .select(
            "loan_id",
            "origination_date",
            "term_months",
            "label",
            "risk",
            "chance",
            matured_since=closed > book.champion_as_of,
        )
        .sort("origination_date", "loan_id")
    )
    return judged if book.serves is None else judged.with_columns(chance=pl.Series(book.serves(judged)))


def measure(book: Book, week_end: date, settings: Settings) -> list[MetricResult]:
    """Measure what decides: quality, triggers, default to date by term and vintage, stability of score and inputs."""
    inputs = known_by(book, week_end, settings)
    metrics = (measure_quality, measure_over_term, measure_triggers, measure_drift)
    return [result for metric in metrics for result in metric(inputs, settings)]


def facts_before(book: Book, last_training: date, settings: Settings) -> PolicyContext:
    """Give the facts of a policy as of the last training."""
    bads = matured_bads(book, last_training, settings)
    return PolicyContext(last_training, book.champion_id, book.champion_as_of, bads, bads, bads, last_training)


def decide_week(
    book: Book, week_end: date, facts: PolicyContext, settings: Settings
) -> tuple[list[MetricResult], Verdict, PolicyContext]:
    """Measure and decide one week.

    Returns:
        Results, verdict, and the facts of after it: a training that the calendar asked for took place and was refused.
    """
    results = measure(book, week_end, settings)
    facts = replace(facts, week_end=week_end, known_bads=matured_bads(book, week_end, settings))
    verdict = decide(results, facts, settings)
    if verdict.trigger == "calendar":
        known = facts.known_bads
        facts = replace(facts, last_training=week_end, development_bads=known, calibrated_bads=known)
    return results, verdict, facts


__all__ = ["FEED", "Book", "Lost", "decide_week", "facts_before", "known_by", "matured_bads", "measure"]
