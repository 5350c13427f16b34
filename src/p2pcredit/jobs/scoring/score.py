"""Score the loans of some days, each with the model that was champion on its day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

from p2pcredit.contracts.alerts import Finding
from p2pcredit.contracts.tables import FEATURE_STORE, PREDICTIONS
from p2pcredit.engines.protocol import Engine
from p2pcredit.jobs.activity import record, warn
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.lake_engines import engine_for
from p2pcredit.jobs.scoring.scored_loans import ScoredLoans, count_scored
from p2pcredit.periods import DateRange, count_of_days, joined, month_start
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import HandoffState
from p2pcredit.settings import ScoreSettings, ScoringSettings, Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.day_receipts import is_complete, preprocessed_range, read_receipt
from p2pcredit.storage.tables.lake import Lake

if TYPE_CHECKING:
    from p2pcredit.models.scoring import ScoringModel

CATCH_UP_DAYS = 14
"""How far back the daily run looks for complete days that no run has scored."""


def run_inference(ctx: JobContext, days: DateRange) -> Receipt:
    """Score the loans originated on these days, and say in the ledger which model scored which day.

    Days that are not preprocessed, and days before the first champion, are left out and said so. Scoring a day again
    with the same model changes nothing.

    Returns:
        `from`, `to`, `scored` (loans with a probability), `referred` (of them, loans without a grade), `refused` (loans
        without a probability), `outside_training` (column -> loans of which it lies outside what the model was trained
        on, most first), `model_ids`, `skipped_days`, `reason`.
    """
    complete = [day for day in days if is_complete(ctx.layout, day)]
    found, model_ids, without_model = ScoredLoans(), [], 0
    ctx.progress("", 0, len(days))
    lake = Lake(ctx.layout)
    with lake.lock(PREDICTIONS):  # the champion is looked up while no other process can score
        for model_id, group in groupby(complete, key=ctx.ledger.state().champion_on):
            span = list(group)
            if model_id is None:
                without_model += len(span)
                continue
            engine = engine_for(ctx, lake, (FEATURE_STORE, DateRange(span[0], span[-1])))
            for piece in _pieces(ctx.layout, span, engine.rows_together):
                found = found + _score_span(ctx, lake, engine, model_id, piece)
                ctx.progress(f"{piece.last}", (piece.last - days.first).days + 1, len(days))
            if model_id not in model_ids:
                model_ids.append(model_id)
    reasons = []
    if len(complete) < len(days):
        done = preprocessed_range(ctx.layout)
        among = "" if done is None else f" (preprocessed are {done.first} to {done.last})"
        reasons.append(f"not preprocessed: {count_of_days(len(days) - len(complete))}{among}")
    if without_model:
        reasons.append(f"without a champion yet: {count_of_days(without_model)}")
    undecided = ((found.referred, "referred to a person"), (found.refused, "refused"))
    reasons += [f"{count} {what}: outside what the model was trained on" for count, what in undecided if count]
    receipt: Receipt = {
        "from": days.first.isoformat(),
        "to": days.last.isoformat(),
        "scored": found.loans - found.refused,
        "referred": found.referred,
        "refused": found.refused,
        "outside_training": found.columns,
        "model_ids": model_ids,
        "skipped_days": len(days) - len(complete) + without_model,
        "reason": "; ".join(reasons) or "all days scored",
    }
    record(ctx, "infer", receipt)
    return receipt


def score_day(ctx: JobContext, day: date) -> Receipt:
    """Score the loans of a day, and of complete days shortly before it that no run has scored.

    A day stays unscored where its data came late or its training failed; the next run makes up for it, each day with
    the model that was champion on it.

    Returns:
        The receipt of the day, as `run_inference` gives it, and `caught_up`: how many loans of days before it got a
        probability.
    """
    late = [run_inference(ctx, DateRange(missed, missed)) for missed in _missed_days(ctx, day)]
    return {**run_inference(ctx, DateRange(day, day)), "caught_up": sum(done["scored"] for done in late)}


def score_nights(ctx: JobContext, nights: Sequence[date]) -> int:
    """Score in one go what `score_day` would score in these nights one after the other.

    Args:
        ctx: The context.
        nights: Snapshot dates, in order, between which the champion of no earlier day changes.

    Returns:
        How many loans got a probability.
    """
    days: set[date] = set()
    for night in nights:
        days |= {night, *_missed_days(ctx, night, days)}
    return sum(run_inference(ctx, span)["scored"] for span in joined((DateRange(d, d), 0) for d in sorted(days)))


def _missed_days(ctx: JobContext, day: date, besides: Collection[date] = ()) -> list[date]:
    """List the complete days shortly before a day that have a champion and are unscored; leave out `besides`."""
    state = ctx.ledger.state()
    before = DateRange(day - timedelta(days=CATCH_UP_DAYS), day - timedelta(days=1))
    unscored = (d for d in before if d not in state.scored and d not in besides)
    return [d for d in unscored if state.champion_on(d) and is_complete(ctx.layout, d)]


@dataclass(frozen=True)
class _ScoreRows:
    """Scores rows of the feature store, wherever they are handed to it; the model travels as its files."""

    files: dict[str, bytes]
    model_id: str
    scores: ScoreSettings
    scoring: ScoringSettings

    @cached_property
    def _model(self) -> ScoringModel:
        from p2pcredit.models.scoring import load_model  # days without a champion need no model

        return load_model(self.files)

    def __call__(self, features: pl.DataFrame) -> pl.DataFrame:
        """Predictions of these rows, in their order."""
        from p2pcredit.models.scoring import score_loans

        return score_loans(self._model, self.model_id, features, Settings(scores=self.scores, scoring=self.scoring))


def _score_span(ctx: JobContext, lake: Lake, engine: Engine, model_id: str, days: DateRange) -> ScoredLoans:
    files, settings = dict(ModelBank(ctx.layout).get(model_id).files), ctx.settings
    score = _ScoreRows(files, model_id, settings.scores, settings.scoring)
    predictions = engine.mapped(engine.read(FEATURE_STORE, days).lazy(), score, PREDICTIONS)
    engine.replace(PREDICTIONS, predictions, days)
    if (begun := month_start(days.last)) in days:
        lake.close_periods(PREDICTIONS, begun)
    found = count_scored(predictions.lazy())
    counts = found.per_day
    per_day = {day: (model_id, counts[day]) for day in days}

    def known_already(state: HandoffState) -> bool:
        return all(state.scored.get(day) == entry for day, entry in per_day.items())

    ctx.ledger.append(
        EventKind.SCORED,
        at=ctx.at,
        run_id=ctx.run_id,
        facts={"model_id": model_id, "days": {day.isoformat(): loans for day, (_, loans) in per_day.items()}},
        unless=known_already,
    )
    for line in found.alarming(model_id, settings.scoring.max_outside_training_share):
        warn(ctx, line, Finding.OUTSIDE_TRAINING)
    return found


def _pieces(layout: Layout, days: list[date], at_most: int | None) -> list[DateRange]:
    """Complete days as runs without a gap, of at most so many loans each; a day with more stands alone."""
    counted = at_most is not None and len(days) > 1
    return joined(((DateRange(day, day), _loans_of(layout, day) if counted else 0) for day in days), at_most)


def _loans_of(layout: Layout, day: date) -> int:
    """How many rows the feature store has of a complete day, as its receipt says; 0 where it does not say."""
    receipt = read_receipt(layout, day) or {}
    return int(receipt.get("rows", {}).get("features", 0))
