"""Find the promotions of the past in the ledger, and measure what each brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.errors import P2PCreditError
from p2pcredit.models.champion.guards import CHAMPION
from p2pcredit.models.champion.realised import NOTHING, WINDOW_MONTHS, Promotion, Realised, realised_of
from p2pcredit.models.scoring import load_model
from p2pcredit.monitoring.inputs import newest_closed_origination
from p2pcredit.periods import add_months
from p2pcredit.retraining.state import HandoffState
from p2pcredit.settings import Settings
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.text import one_line

MOST_PROMOTIONS = 8
"""So many of the newest are judged: each has two models score a year of loans."""


def promotions_until(state: HandoffState, day: date) -> tuple[Promotion, ...]:
    """List the newest promotions of a new ranking that came to serve by a day, oldest first.

    A first model has no predecessor, a rollback returns to a model that served before, and a recalibration keeps the
    ranking: none of them is one.
    """
    periods = sorted(
        (period for period in state.champion_periods if period.effective_on <= day),
        key=lambda period: (period.effective_on, period.number),
    )
    found: list[Promotion] = []
    served = {period.model_id for period in periods[:1]}
    for before, period in pairwise(periods):
        if period.model_id in served:
            continue
        served.add(period.model_id)
        trained = state.trainings_that_made(period.model_id)
        facts = trained[-1].facts if trained else {}
        if facts.get("origin") == "recalibrated" and facts.get("model_id") == period.model_id:
            continue
        claimed = _claim(facts)
        kind = facts.get("kind")
        found.append(Promotion(period.model_id, before.model_id, period.effective_on, kind, *claimed))
    return tuple(found[-MOST_PROMOTIONS:])


def realised_differences(
    promotions: Sequence[Promotion], matured: pl.DataFrame, bank: ModelBank, *, day: date, settings: Settings
) -> list[Realised]:
    """Measure what promotions brought on the loans originated in the year after each, as far as they had matured.

    Both sides are the models as they served: neither had seen a loan that was originated after the promotion.

    Args:
        promotions: Which.
        matured: Matured loans with `origination_date`, `label` and the features.
        bank: Holds the models.
        day: The last day known.
        settings: Label window, confidence, least number of bads.
    """
    last = newest_closed_origination(day, settings.labels)
    found = []
    for promotion in promotions:
        until = min(last, add_months(promotion.effective_on, WINDOW_MONTHS))
        born = pl.col("origination_date")
        loans = matured.filter(born > promotion.effective_on, born <= until).sort("origination_date", "loan_id")
        try:
            chances = [
                np.asarray(load_model(bank.get(model_id).files).predict(loans), dtype=np.float64)
                if loans.height
                else np.empty(0)
                for model_id in (promotion.model_id, promotion.replaces)
            ]
        except P2PCreditError as error:
            note = f"one of the two models cannot score any more: {error}"
            found.append(Realised(promotion, until, NOTHING, NOTHING, one_line(note)))
            continue
        found.append(
            realised_of(
                promotion,
                loans,
                chances[0],
                chances[1],
                until=until,
                confidence=settings.monitoring.confidence,
                least_bads=settings.training.min_evaluation_bads,
            )
        )
    return found


def _claim(facts: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    """Read from a training's line by how much the model was said to rank better than the champion."""
    guards = (facts.get("gate") or {}).get("guards") or []
    held = next((guard for guard in guards if guard["key"] == CHAMPION), None)
    if held is not None:
        return held["value"], held["low"], held["high"]
    comparison = facts.get("comparison") or {}
    return comparison.get("difference"), comparison.get("low"), comparison.get("high")


__all__ = ["MOST_PROMOTIONS", "promotions_until", "realised_differences"]
