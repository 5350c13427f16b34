"""Scored loans whose outcome is known and fair to look at: closed label windows only, unknown outcomes counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, PREDICTIONS, QUARANTINE, silver
from p2pcredit.engines.local import collect
from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.known_rows import rows_known
from p2pcredit.monitoring.inputs import newest_closed_origination
from p2pcredit.monitoring.matured import join_outcomes
from p2pcredit.periods import add_months
from p2pcredit.settings import LabelSettings
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import unknown_outcomes


@dataclass(frozen=True)
class MaturedLoans:
    """Scored loans with what came of them, as of a day.

    Attributes:
        loans: One row per loan: `loan_id, snapshot_date, model_id, probability_of_default, score, grade, label` (1 bad,
            0 good), `vintage, term_months, platform_sub_grade`; every loan's label window had closed by `as_of`.
        as_of: The day.
        waiting: Scored loans whose window had not closed.
        unknown: Scored loans whose outcome cannot be known, because an event of theirs was set aside.
        without_label: Scored loans whose window had closed and that have no label.
        refused: Loans that got no probability.
    """

    loans: pl.DataFrame
    as_of: date
    waiting: int
    unknown: int
    without_label: int
    refused: int

    def __repr__(self) -> str:
        bads = int(self.loans["label"].sum())
        return (
            f"<{self.loans.height} matured loans with {bads} bads as of {self.as_of}; left out {self.waiting} waiting, "
            f"{self.unknown} of unknown outcome, {self.without_label} without a label, {self.refused} refused>"
        )


def matured_loans(ctx: JobContext, as_of: date, months: int | None = None) -> MaturedLoans:
    """Join predictions with the labels of closed windows, as monitoring does.

    Args:
        ctx: The context.
        as_of: Only rows known on or before this day; windows closed by it.
        months: Only the newest so many months of originations that have matured, as monitoring looks at
            `monitoring.window_months`; None means all.

    Raises:
        UsageError: If no window can have closed by that day, or `months` is below 1.
    """
    lake, labels = Lake(ctx.layout), ctx.settings.labels
    try:
        last = newest_closed_origination(as_of, labels)
    except (OverflowError, ValueError) as error:
        raise UsageError(f"no label window can have closed by {as_of}; ask for a later day") from error
    after = _day_before(last, months)
    scored = rows_known(lake.scan(PREDICTIONS), PREDICTIONS, as_of)
    features = rows_known(lake.scan(FEATURE_STORE), FEATURE_STORE, as_of)
    terms, quarantine = lake.frame(silver(FEEDS["loan_terms"])), lake.frame(QUARANTINE)
    unknown = collect(unknown_outcomes(terms, quarantine, as_of=as_of, settings=labels))
    measured, refused, about, known = pl.collect_all(
        [
            scored.filter(was_measured()),
            scored.filter(~was_measured()),
            features.select("loan_id", "snapshot_date", "term_months", "platform_sub_grade"),
            labels_known(lake, labels, date.min, as_of),
        ]
    )
    served = once_each(measured).filter(pl.col("snapshot_date") > after)
    knowable = served.join(unknown, on="loan_id", how="anti", maintain_order="left")
    joined = join_outcomes(knowable, known, once_each(about), last=last, definition=labels.definition)
    loans = joined.filter(pl.col("label").is_not_null())
    closed = int((joined["snapshot_date"] <= last).sum())
    return MaturedLoans(
        loans.drop("sub_grade_rank", "outside_training", "decision", "reason_1", "reason_2", "reason_3", "reason_4"),
        as_of,
        waiting=joined.height - closed,
        unknown=served.height - knowable.height,
        without_label=closed - loans.height,
        refused=once_each(refused).filter(pl.col("snapshot_date") > after).height,
    )


def _day_before(last: date, months: int | None) -> date:
    """Find the day before the first of the newest months of originations."""
    if months is None:
        return date.min
    if months < 1:
        raise UsageError(f"months is {months}; give 1 or more, or None for all")
    return date.min if months >= 12 * (last.year - 1) else add_months(last, -months)


def was_measured() -> pl.Expr:
    """Select the predictions that have a probability, or should have one; a refused loan has nothing to be measured."""
    given = pl.col("probability_of_default").is_not_null()
    return given | (pl.col("decision") != "refuse").fill_null(True)


def labels_known(lake: Lake, labels: LabelSettings, since: date, as_of: date) -> pl.LazyFrame:
    """Scan the newest label of each loan by the main definition that was known on a day.

    Args:
        lake: The tables.
        labels: Names the definition.
        since: Only loans originated on this day or later.
        as_of: Only labels known on or before this day.
    """
    return (
        lake.scan(LABEL_STORE)
        .filter(
            pl.col("definition") == labels.definition,
            pl.col("origination_date") >= since,
            pl.col("known_on") <= as_of,
        )
        .sort("known_on")
        .unique("loan_id", keep="last", maintain_order=True)
        .drop("snapshot_date")
    )


def once_each(rows: pl.DataFrame) -> pl.DataFrame:
    """Order rows of loans by day and loan; of a loan that stands on several days, keep the first."""
    ordered = rows.sort("snapshot_date", "loan_id")
    if ordered["loan_id"].n_unique() == ordered.height:
        return ordered
    return ordered.unique("loan_id", keep="first", maintain_order=True)


__all__ = ["MaturedLoans", "labels_known", "matured_loans", "once_each", "was_measured"]
