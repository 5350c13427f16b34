"""Compare how a model treats groups of people that no table holds, and write a page."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.feeds import APPLICATIONS
from p2pcredit.contracts.results import worst_of
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, silver
from p2pcredit.errors import MissingTableError, UsageError
from p2pcredit.jobs.audit.alternatives import measure_alternatives
from p2pcredit.jobs.audit.group_file import GroupFile, read_groups
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.monitoring.matured_loans import once_each
from p2pcredit.jobs.portfolio.page import write_page
from p2pcredit.jobs.scoring.scored_applications import application_features, labels_of_closed, scored_applications
from p2pcredit.jobs.training.snapshot import catalogue_of_card
from p2pcredit.models.population.groups import (
    FOUR_FIFTHS,
    LEAST_LOANS,
    denials,
    distributions,
    grid_of,
    status_of,
)
from p2pcredit.models.population.proxies import proxies_of
from p2pcredit.models.scorer import Scorer
from p2pcredit.periods import DateRange, add_months
from p2pcredit.reporting.fairness import render_fairness
from p2pcredit.storage.home_format import short_id_of
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.day_receipts import last_complete
from p2pcredit.storage.tables.lake import Lake

MOST_PROXIES = 12
MOST_ALTERNATIVES = 10


def measure_fairness(
    ctx: JobContext,
    model_id: str,
    groups: Path,
    as_of: date | None = None,
    *,
    months: int = 12,
    alternatives: int = 0,
) -> Receipt:
    """Measure denial rates and scores by group over a grid of cut-offs, and what the model loses without its proxies.

    Args:
        ctx: The context.
        model_id: A model of the bank.
        groups: A file outside the home: an id, `application_id` or `loan_id`, and columns of groups.
        as_of: The day; None for the last one that is preprocessed.
        months: Of the people decided on, or loans made, in how many months up to it.
        alternatives: How many features that tell groups apart are left out, each by itself, and the best of them in
            pairs; each is a training.

    Returns:
        `home_id`, `model_id`, `as_of`, `people` (`applications`, or `loans`: then those declined are missing),
        `months`, `first`, `last`, `n`, `without_group` (people whom the file does not name), `not_found` (people of the
        file who are not among them), `not_scored`, `groups_sha256`, `confidence`, `cutoff`, `four_fifths`,
        `least_people`, `status` (the worst of all groups), and `by`: per column of groups `column`, `status`,
        `cutoffs` (as `models.population.groups.denials`), `scores` (as `distributions`), `outcomes` (what was really
        decided, of applications), `proxies` (features that tell the groups apart most: `feature`, `distance`,
        `group`), `alternatives` (None where none was asked for).

    Raises:
        UsageError: If the file or an option is none.
        MissingTableError: If there are no people to compare.
        BankError: If there is no such model, or it was altered.
    """
    if not 1 <= months <= 120:
        raise UsageError(f"{months} months cannot be looked at; give 1 to 120")
    if not 0 <= alternatives <= MOST_ALTERNATIVES:
        raise UsageError(f"{alternatives} alternatives would take as many trainings; give 0 to {MOST_ALTERNATIVES}")
    banked = ModelBank(ctx.layout).get(model_id)
    file = read_groups(ctx.layout, groups)
    lake = Lake(ctx.layout)
    day = as_of or last_complete(ctx.layout)
    if day is None:
        raise MissingTableError("no day is preprocessed yet; run 'p2pcredit preprocess'")
    days = DateRange(add_months(day, -months), day)
    features, decided = _people(ctx, lake, file, days)
    scored = Scorer.read(model_id, banked.files).score(features, ctx.settings)
    people = (
        scored.select("loan_id", "snapshot_date", "probability_of_default", pl.col("score").cast(pl.Float64))
        .join(decided, on="loan_id", how="left", maintain_order="left")
        .join(file.rows.rename({file.key: "loan_id"}), on="loan_id", how="left", maintain_order="left")
    )
    has_score = people["probability_of_default"].is_not_null()
    known = people.filter(has_score)
    told = known.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in file.columns))
    if told.is_empty():
        raise MissingTableError(
            f"none of the {file.rows.height:,} people of the file is among the {people.height:,} {_words(file)} of "
            f"{days.first} to {days.last}; check the ids, or choose more --months"
        )
    seen = features.filter(has_score)
    cutoff, confidence = ctx.settings.scores.approval_cutoff, ctx.settings.monitoring.confidence
    chances = told["probability_of_default"].to_numpy().astype(np.float64)
    grid = grid_of(chances, ctx.settings.population.cutoffs, cutoff)
    own = seen.filter(pl.col("loan_id").is_in(told["loan_id"].implode()))
    names = [one for one in catalogue_of_card(banked.card).features if one.name in set(banked.card.get("features", ()))]
    by = []
    for column in file.columns:
        members = told[column]
        cut = denials(members, chances, grid, cutoff, confidence)
        present = next(one for one in cut if one["present"])
        ranked = proxies_of(own, members, names)[:MOST_PROXIES]
        by.append(
            {
                "column": column,
                "status": status_of(present["groups"]),
                "cutoffs": cut,
                "scores": distributions(members, told["score"].to_numpy(), chances, told["label"], confidence),
                "outcomes": _outcomes(told, column) if file.key == APPLICATIONS.key else None,
                "proxies": [{"feature": p.feature, "distance": p.distance, "group": p.group} for p in ranked],
                "alternatives": (
                    measure_alternatives(
                        ctx, banked, _by_loan(told, column), [p.feature for p in ranked[:alternatives]]
                    )
                    if alternatives
                    else None
                ),
            }
        )
    statuses = [str(one["status"]) for one in by]
    return {
        "home_id": short_id_of(ctx.layout.home),
        "model_id": model_id,
        "as_of": day.isoformat(),
        "people": _words(file),
        "months": months,
        "first": min(told["snapshot_date"]).isoformat(),
        "last": max(told["snapshot_date"]).isoformat(),
        "n": told.height,
        "without_group": known.height - told.height,
        "not_found": file.rows.height - told.height,
        "not_scored": people.height - known.height,
        "groups_sha256": file.sha256,
        "confidence": confidence,
        "cutoff": cutoff,
        "four_fifths": FOUR_FIFTHS,
        "least_people": LEAST_LOANS,
        "status": str(worst_of(statuses)),
        "by": by,
    }


def write_fairness(
    ctx: JobContext,
    model_id: str,
    groups: Path,
    as_of: date | None = None,
    out: Path | None = None,
    *,
    months: int = 12,
    alternatives: int = 0,
) -> Receipt:
    """Write the comparison of groups as a page, into `reports/` or another file.

    Returns:
        What `measure_fairness` gives, and `page`, its path.
    """
    found = measure_fairness(ctx, model_id, groups, as_of, months=months, alternatives=alternatives)
    return write_page(ctx, f"fairness_{model_id}", found, render_fairness(found), out)


def _words(file: GroupFile) -> str:
    return "applications" if file.key == APPLICATIONS.key else "loans"


def _people(ctx: JobContext, lake: Lake, file: GroupFile, days: DateRange) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the features of the people, with their id as `loan_id`, and what was decided and came of each."""
    if file.key == APPLICATIONS.key:
        if not lake.exists(silver(APPLICATIONS)):
            raise MissingTableError(
                "no applications have landed, so that people cannot be found by application_id; land them, or give a "
                "file by loan_id, of those who got a loan"
            )
        rows = scored_applications(ctx, days, None)
        decided = rows.select(
            pl.col("application_id").alias("loan_id"), "outcome", "label", pl.col("loan_id").alias("made")
        )
        return application_features(lake, days), decided
    lake.require(FEATURE_STORE)
    features = once_each(lake.scan(FEATURE_STORE, days).collect())
    labels = pl.DataFrame(schema={"loan_id": pl.String, "label": pl.Int8})
    if lake.exists(LABEL_STORE):
        labels = labels_of_closed(lake, ctx.settings.labels, days.last)
    return features, labels.with_columns(pl.lit("APPROVED").alias("outcome"), pl.col("loan_id").alias("made")).select(
        "loan_id", "outcome", "label", "made"
    )


def _by_loan(told: pl.DataFrame, column: str) -> pl.DataFrame:
    """Give the group of each loan that was made: `loan_id`, `group`."""
    made = pl.coalesce("made", pl.when(pl.col("outcome").is_null()).then("loan_id"))
    return told.select(made.alias("loan_id"), pl.col(column).alias("group")).drop_nulls("loan_id")


def _outcomes(told: pl.DataFrame, column: str) -> list[dict[str, Any]]:
    """Count what was really decided, by group: `group`, `approved`, `declined`, `withdrawn`."""
    counted = told.group_by(pl.col(column).fill_null("not known").alias("group")).agg(
        *((pl.col("outcome") == name).sum().alias(name.lower()) for name in ("APPROVED", "DECLINED", "WITHDRAWN"))
    )
    return counted.sort("approved", "group", descending=[True, False]).to_dicts()


__all__ = ["MOST_ALTERNATIVES", "measure_fairness", "write_fairness"]
