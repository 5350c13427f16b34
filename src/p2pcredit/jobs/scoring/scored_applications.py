"""Score decided applications with a model, as loans are scored, and join what came of those that became loans."""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl

from p2pcredit.contracts.feeds import APPLICATION_FEEDS, APPLICATIONS
from p2pcredit.contracts.tables import LABEL_STORE, QUARANTINE, silver
from p2pcredit.engines.local import collect
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.set_aside import values_lost
from p2pcredit.models.population.decisions import SCHEMA, latest_of_each
from p2pcredit.models.scorer import Scorer
from p2pcredit.monitoring.inputs import newest_closed_origination
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings
from p2pcredit.storage.own_features import read_own_features
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.features import build_features
from p2pcredit.transforms.unknown_outcomes import first_set_aside

REASONS = ("override_reason", "decline_reason")


def scored_applications(
    ctx: JobContext, days: DateRange, model_id: str | None, *, since: date | None = None, as_of: date | None = None
) -> pl.DataFrame:
    """Read the applications decided on some days, each once, with score and outcome.

    Args:
        ctx: The context.
        days: Of the decisions.
        model_id: The model that scores them; None for no scores.
        since: Only applications decided on this day or later are scored; all where None.
        as_of: What came of loans as known on this day; the last of `days` where None.

    Returns:
        The columns of `models.population.decisions.SCHEMA` and the reasons; labels of closed windows only, and none of
        a loan whose outcome cannot be known.
    """
    lake, table = Lake(ctx.layout), silver(APPLICATIONS)
    if not lake.exists(table):
        return pl.DataFrame(schema={**SCHEMA, **dict.fromkeys(REASONS, pl.String)})
    columns = ["application_id", "loan_id", "snapshot_date", "outcome", "overridden", "exploration", *REASONS]
    rows = latest_of_each(lake.scan(table, days).select(columns).collect().rename({"snapshot_date": "decided_on"}))
    rows = rows.with_columns(pl.col("overridden", "exploration").fill_null(value=False))
    labels = labels_of_closed(lake, ctx.settings.labels, days.last if as_of is None else as_of)
    chances = pl.DataFrame(schema={key: SCHEMA[key] for key in ("application_id", "probability_of_default", "score")})
    scored_days = days if since is None or since <= days.first else DateRange(min(since, days.last), days.last)
    if model_id is not None and rows.height:
        features = application_features(lake, scored_days)
        if features.height:
            scorer = Scorer.read(model_id, ModelBank(ctx.layout).get(model_id).files)
            chances = scorer.score(features, ctx.settings).select(
                pl.col("loan_id").alias("application_id"),
                "probability_of_default",
                pl.col("score").cast(pl.Float64),
            )
    joined = rows.join(chances, on="application_id", how="left").join(labels, on="loan_id", how="left")
    return joined.select(*SCHEMA, *REASONS).sort("decided_on", "application_id")


def application_features(lake: Lake, days: DateRange) -> pl.DataFrame:
    """Build the features of the applications decided on some days, each once, by the transforms of loans.

    Returns:
        Rows of the feature store, with the application's id as `loan_id` and the day of the decision as its date.
    """
    rows = lake.scan(silver(APPLICATIONS), days).collect().sort("snapshot_date", "application_id")
    rows = rows.unique("application_id", keep="last", maintain_order=True)
    as_loans = rows.with_columns(
        pl.col("application_id").alias("loan_id"), pl.col("decision_date").alias("origination_date")
    )
    frames = {
        feed.name: nw.from_native(
            as_loans.select("snapshot_date", "row_number", *(column.typed_name for column in feed.columns)).lazy()
        )
        for feed in APPLICATION_FEEDS
    }
    lost = values_lost(lake, days).filter(pl.col("feed") == APPLICATIONS.name).drop("loan_id").collect()
    ids = as_loans.select("snapshot_date", "row_number", "loan_id")
    lost = lost.join(ids, on=["snapshot_date", "row_number"], how="inner").with_columns(
        pl.lit(APPLICATION_FEEDS[0].name).alias("feed")
    )
    own = read_own_features(lake.layout).own  # no feed of applications has them, so they are missing
    built = build_features(frames, nw.from_native(lost.select(*QUARANTINE.schema).lazy()), own)
    return collect(built).sort("snapshot_date", "loan_id")


def labels_of_closed(lake: Lake, labels: LabelSettings, as_of: date) -> pl.DataFrame:
    """Read what came of loans whose whole window had closed by a day, and whose outcome can be known."""
    closed = newest_closed_origination(as_of, labels)
    unknown = collect(first_set_aside(lake.frame(QUARANTINE))).filter(pl.col("set_aside_on") <= as_of)
    found = (
        lake.scan(LABEL_STORE)
        .filter(
            pl.col("definition") == labels.definition,
            pl.col("known_on") <= as_of,
            pl.col("origination_date") <= closed,
        )
        .sort("known_on")
        .unique("loan_id", keep="last", maintain_order=True)
        .select("loan_id", pl.col("label").cast(pl.Int8))
        .collect()
    )
    return found.join(unknown.select("loan_id"), on="loan_id", how="anti")


__all__ = ["application_features", "labels_of_closed", "scored_applications"]
