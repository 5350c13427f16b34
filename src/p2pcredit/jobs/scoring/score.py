"""Score the loans of some days, each with the model that was champion on its day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import groupby, permutations

import narwhals as nw
import polars as pl

from p2pcredit.contracts.alerts import Finding
from p2pcredit.contracts.tables import FEATURE_STORE, PREDICTIONS
from p2pcredit.engines.protocol import Engine
from p2pcredit.jobs.activity import record, warn
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.known_days import require_complete_of_run
from p2pcredit.jobs.lake_engines import engine_for
from p2pcredit.jobs.scoring.scored_loans import ScoredLoans, count_scored
from p2pcredit.models.scorer import Scorer
from p2pcredit.periods import DateRange, count_of_days, joined, month_start, spans_of
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import HandoffState
from p2pcredit.settings import ScoreSettings, ScoringSettings, Settings
from p2pcredit.settings.money import MoneySettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.closing import close_periods
from p2pcredit.storage.tables.day_receipts import is_complete, preprocessed_range, read_receipt
from p2pcredit.storage.tables.lake import Lake

_KEYS = ["loan_id", "snapshot_date"]


def run_inference(ctx: JobContext, days: DateRange, *, only_missing: bool = False) -> Receipt:
    """Score the loans originated on these days, and say in the ledger which model scored which day.

    Days that are not preprocessed, and days before the first champion, are left out and said so. Scoring a day again
    with the same model changes nothing.

    Args:
        ctx: The context.
        days: The days.
        only_missing: Leave loans that the same model has scored as they are, and score and count the others.

    Returns:
        `from`, `to`, `scored` (loans with a probability), `referred` (of them, loans without a grade), `refused` (loans
        without a probability), `unpriced` (of those scored, loans without an expected return: rate or term is not
        known, or the model holds no experience of losses), `outside_training` (column -> loans of which it lies outside
        what the model was trained on, most first), `model_ids`, `skipped_days`, `reason`.
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
                found = found + _score_span(ctx, lake, engine, model_id, piece, only_missing=only_missing)
                ctx.progress(f"{piece.last}", (piece.last - days.first).days + 1, len(days))
            if model_id not in model_ids:
                model_ids.append(model_id)
    reasons = []
    if len(complete) < len(days):
        done = preprocessed_range(ctx.layout)
        among = "" if done is None else f" (preprocessed are {done.first} to {done.last})"
        reasons.append(f"not preprocessed: {count_of_days(len(days) - len(complete))}{among}")
    if without_model:
        waiting = "".join(f"; {one.model_id} waits for approval" for one in ctx.ledger.state().approvals.waiting)
        reasons.append(f"without a champion yet: {count_of_days(without_model)}{waiting}")
    undecided = ((found.referred, "referred to a person"), (found.refused, "refused"))
    reasons += [f"{count} {what}: outside what the model was trained on" for count, what in undecided if count]
    receipt: Receipt = {
        "from": days.first.isoformat(),
        "to": days.last.isoformat(),
        "scored": found.loans - found.refused,
        "referred": found.referred,
        "refused": found.refused,
        "unpriced": found.unpriced,
        "outside_training": found.columns,
        "model_ids": model_ids,
        "skipped_days": len(days) - len(complete) + without_model,
        "reason": "; ".join(reasons) or "all days scored",
    }
    record(ctx, "infer", receipt)
    return receipt


def score_day(ctx: JobContext, day: date) -> Receipt:
    """Score the loans of a day, and make up for complete days shortly before it.

    A day stays unscored where its data came late or its training failed. A day is scored in part where it was mended
    later: the ledger counts other loans of it than the feature store has, or as many other ones have predictions. The
    next run makes up for both, each day with the model that was champion on it; a loan that was scored is not scored
    again.

    Returns:
        The receipt of the day, as `run_inference` gives it, and `caught_up`: how many loans of days before it got a
        probability.

    Raises:
        IncompleteDayError: If the day of a scheduled run is not preprocessed; the days before it are made up for first.
    """
    state = ctx.ledger.state()
    late = [
        run_inference(ctx, DateRange(missed, missed), only_missing=missed in state.scored)
        for missed in _missed_days(ctx, day, _loans_before(ctx, day, day))
    ]
    require_complete_of_run(ctx, day)
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
    mended: set[date] = set()
    loans, state = _loans_before(ctx, nights[0], nights[-1]), ctx.ledger.state()
    for night in nights:
        missed = _missed_days(ctx, night, loans, days | mended)
        mended |= {day for day in missed if day in state.scored} - set(nights)
        days |= {night, *missed} - mended
    done = [run_inference(ctx, DateRange(day, day), only_missing=True) for day in sorted(mended)]
    done += [run_inference(ctx, span) for span in spans_of(sorted(days))]
    return sum(receipt["scored"] for receipt in done)


@dataclass(frozen=True, slots=True)
class _LoansBefore:
    """What stands in the feature store and the predictions of some days.

    Args:
        counts: Rows of the feature store on the days that have any.
        others: Days of which other loans have a prediction than have features.
    """

    counts: Mapping[date, int]
    others: Collection[date]


def _missed_days(ctx: JobContext, day: date, loans: _LoansBefore, besides: Collection[date] = ()) -> list[date]:
    """List the complete days shortly before a day that have a champion and lack predictions; leave out `besides`.

    Args:
        ctx: The context.
        day: The day.
        loans: What stands in the tables of the days before it.
        besides: Days that are looked after already.
    """
    state, reach = ctx.ledger.state(), ctx.settings.preprocessing.catch_up_days
    if not reach:
        return []
    before = DateRange(day - timedelta(days=reach), day - timedelta(days=1))
    lacking = (
        d
        for d in before
        if d not in besides and (d in loans.others or _scored_loans(state, d) != loans.counts.get(d, 0))
    )
    return [d for d in lacking if state.champion_on(d) and is_complete(ctx.layout, d)]


def _scored_loans(state: HandoffState, day: date) -> int | None:
    """Give of how many loans of a day the ledger says that they were scored; None where it says nothing of the day."""
    entry = state.scored.get(day)
    return None if entry is None else entry[1]


def _loans_before(ctx: JobContext, first: date, last: date) -> _LoansBefore:
    """Look at the loans of the days that runs from one day to another look back on, in features and predictions."""
    reach = ctx.settings.preprocessing.catch_up_days
    if not reach:
        return _LoansBefore({}, ())
    before, lake = DateRange(first - timedelta(days=reach), last - timedelta(days=1)), Lake(ctx.layout)
    features, predictions = (lake.scan(table, before).select(_KEYS) for table in (FEATURE_STORE, PREDICTIONS))
    unlike = [one.join(other, on=_KEYS, how="anti") for one, other in permutations((features, predictions))]
    days = pl.concat(unlike).select("snapshot_date").unique().collect()["snapshot_date"]
    return _LoansBefore(lake.rows_per_day(FEATURE_STORE, before), frozenset(days))


@dataclass(frozen=True)
class _ScoreRows:
    """Scores rows of the feature store, wherever they are handed to it; the model travels as its files."""

    files: dict[str, bytes]
    model_id: str
    scores: ScoreSettings
    scoring: ScoringSettings
    money: MoneySettings

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer.read(self.model_id, self.files)

    def __call__(self, features: pl.DataFrame) -> pl.DataFrame:
        """Predict these rows, in their order."""
        return self._scorer.score(features, Settings(scores=self.scores, scoring=self.scoring, money=self.money))


def _score_span(
    ctx: JobContext, lake: Lake, engine: Engine, model_id: str, days: DateRange, *, only_missing: bool
) -> ScoredLoans:
    files, settings = dict(ModelBank(ctx.layout).get(model_id).files), ctx.settings
    score = _ScoreRows(files, model_id, settings.scores, settings.scoring, settings.money)
    features = engine.read(lake.of_home(FEATURE_STORE), days).lazy()
    kept = None
    if only_missing:
        there = engine.frame(PREDICTIONS, days).filter(nw.col("model_id") == model_id)
        kept = there.join(features.select(_KEYS), on=_KEYS, how="semi")
        features = features.join(there.select(_KEYS), on=_KEYS, how="anti")
    new = predictions = engine.mapped(features, score, PREDICTIONS)
    if kept is not None:
        (predictions,) = engine.run(nw.concat([kept, new.lazy()]))
    engine.replace(PREDICTIONS, predictions, days)
    if (begun := month_start(days.last)) in days:
        close_periods(lake, PREDICTIONS, begun)
    found = count_scored(new.lazy())
    counts = found.per_day if kept is None else Counter(predictions.per_day())
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
    """Return how many rows the feature store has of a complete day, as its receipt says; 0 where it does not say."""
    receipt = read_receipt(layout, day) or {}
    return int(receipt.get("rows", {}).get("features", 0))
