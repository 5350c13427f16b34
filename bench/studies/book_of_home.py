"""Read a book with all that ever came of its loans from a home, to hold taken weeks against what jobs gather."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from bench.studies.books_by_week import Book, Lost

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, PREDICTIONS, QUARANTINE, silver
from p2pcredit.engines.local import collect
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.monitoring.matured_loans import labels_known, once_each
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.models.champion.recalibration import as_it_serves
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.scoring import load_model
from p2pcredit.models.term_structure.structure import read_term_structure
from p2pcredit.settings import LabelTarget
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.outcomes import build_outcomes


def book_of_home(ctx: JobContext, last: date) -> Book:
    """Read the book of a home in which one champion scored every loan.

    Args:
        ctx: The context.
        last: The last day known; its champion is the book's.
    """
    lake, labels = Lake(ctx.layout), ctx.settings.labels
    week = MonitoringSnapshot(ctx, last)
    assert week.champion_id is not None
    champion = ModelBank(ctx.layout).get(week.champion_id)
    scored = once_each(lake.scan(PREDICTIONS).filter(pl.col("probability_of_default").is_not_null()).collect())
    columns = ("loan_id", "snapshot_date", "model_id", "probability_of_default", "score", "grade")
    features = once_each(lake.scan(FEATURE_STORE).collect()).drop("snapshot_date", "known_on")
    longest = max((labels.window_months, *labels.lifetime_terms_months))
    target = LabelTarget(
        window_months=longest, default_days=labels.default_days, reporting_lag_days=labels.reporting_lag_days
    )
    tables = [lake.frame(t) for t in (silver(FEEDS["loan_terms"]), silver(FEEDS["loan_performance"]))]
    tables += [lake.frame(LABEL_STORE), lake.frame(QUARANTINE)]
    outcomes = collect(build_outcomes(*tables, as_of=last, settings=target))
    loans = (
        scored.select(columns)
        .join(features, on="loan_id", how="inner", maintain_order="left")
        .join(outcomes.select("loan_id", "defaulted_in_month"), on="loan_id", how="left", maintain_order="left")
        .with_columns(pl.col("term_months").cast(pl.Int32))
    )
    serving, judging = load_model(champion.files), load_model(champion.evaluation_files)
    structure = read_term_structure(champion.files)
    assert structure is not None
    curves = np.ones((loans.height, longest + 1))
    for term in loans["term_months"].unique().to_list():
        place = np.flatnonzero(loans["term_months"].to_numpy() == term)
        built = structure.cumulative(loans["probability_of_default"].to_numpy()[place], int(term))
        curves[place, : built.shape[1]] = built
    again = features.select(
        "loan_id",
        pl.col("term_months").cast(pl.Int32),
        pl.Series("risk", judging.predict(features), dtype=pl.Float64),
        chance=pl.lit(None, dtype=pl.Float64),
    )

    def serves(judged: pl.DataFrame) -> Floats:
        about = judged.select("loan_id").join(features, on="loan_id", how="left", maintain_order="left")
        return as_it_serves(serving, about, judging.margin(about))

    return Book(
        loans=loans,
        again=again,
        labels=labels_known(lake, labels, date.min, last).collect(),
        curves=curves,
        champion_id=week.champion_id,
        champion_as_of=date.fromisoformat(champion.card["as_of"]),
        unseen_from=date.fromisoformat(champion.card["periods"]["evaluate"]["first"]),
        reference=week.inputs.reference,
        lost=Lost(0, 0.0, 0.0, last, last),
        serves=serves,
    )


__all__ = ["book_of_home"]
