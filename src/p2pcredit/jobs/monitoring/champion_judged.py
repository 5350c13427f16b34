"""Score matured loans again by the champion's evaluation model, so that the champion itself can be judged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from p2pcredit.models.champion.recalibration import as_it_serves
from p2pcredit.models.scoring import load_model
from p2pcredit.monitoring.inputs import NONE_JUDGED
from p2pcredit.monitoring.matured import matured_window
from p2pcredit.periods import add_months
from p2pcredit.settings import Settings
from p2pcredit.storage.state.model_bank import ModelArtifacts


def champion_judged(
    champion: ModelArtifacts | None,
    features: pl.DataFrame,
    labels: pl.DataFrame,
    *,
    week_end: date,
    settings: Settings,
) -> pl.DataFrame:
    """Score the matured loans of the window again, those that the champion's evaluation model had not seen.

    Args:
        champion: The model in service; None before the first.
        features: Rows of the feature store, one per loan.
        labels: `loan_id, definition, label, origination_date`, known by `week_end`, none of unknown outcome.
        week_end: The last day known.
        settings: Label window, and the months of originations judged.

    Returns:
        `loan_id`, `origination_date`, `term_months`, `label`, `risk` (by the evaluation model), `chance` (with the
        champion's own level and the spread of its calibration), `matured_since` (whether the label window closed after
        the day up to which the champion knew labels); empty without a champion.
    """
    nothing = pl.DataFrame(schema=NONE_JUDGED)
    if champion is None or not champion.evaluation_files:
        return nothing
    after, last = matured_window(week_end, settings)
    first = _unseen_from(champion.card)
    if first is None:
        return nothing
    born = pl.col("origination_date")
    known = labels.filter(
        pl.col("definition") == settings.labels.definition,
        pl.col("label").is_not_null(),
        born > after,
        born <= last,
        born >= first,
    ).select("loan_id", "origination_date", pl.col("label").cast(pl.Int8))
    loans = known.join(features, on="loan_id", how="inner", maintain_order="left").sort("origination_date", "loan_id")
    if loans.is_empty():
        return nothing
    serving, judging = load_model(champion.files), load_model(champion.evaluation_files)
    chances = as_it_serves(serving, loans, judging.margin(loans))
    knew = date.fromisoformat(champion.card["as_of"])
    closed = [_closed(day, settings) for day in loans["origination_date"]]
    return loans.select(
        "loan_id",
        "origination_date",
        pl.col("term_months").cast(pl.Int32, strict=False),
        "label",
        pl.Series("risk", judging.predict(loans), dtype=pl.Float64),
        pl.Series("chance", chances, dtype=pl.Float64),
        pl.Series("matured_since", [day > knew for day in closed], dtype=pl.Boolean),
    )


def _unseen_from(card: Mapping[str, Any]) -> date | None:
    first = card.get("periods", {}).get("evaluate", {}).get("first")
    return None if first is None else date.fromisoformat(first)


def _closed(born: date, settings: Settings) -> date:
    labels = settings.labels
    return date.fromordinal(add_months(born, labels.window_months).toordinal() + labels.reporting_lag_days)


__all__ = ["champion_judged"]
