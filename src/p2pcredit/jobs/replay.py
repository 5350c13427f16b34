"""Walk through history as it would have happened: the jobs of the daily DAGs each day, of the weekly one each Sunday.

The clock is simulated: what DAG 1 and 2 do in the night after a snapshot date, and DAG 3 on Sunday morning, is done
here in that order, with the same functions, files and decisions. Two things are done in spans because the rule of
`known_on` makes it equal: many months are preprocessed in one commit per table, and days are scored together up to the
next Saturday (each with the model that was champion on it).
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time

from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.activity import record, warn
from p2pcredit.jobs.context import Caller, JobContext, Receipt
from p2pcredit.jobs.decisions import clear_decision
from p2pcredit.jobs.inference import run_inference
from p2pcredit.jobs.preprocessing import preprocess, spans_together
from p2pcredit.jobs.retraining import log_retraining, train_if_due
from p2pcredit.jobs.review import monitor
from p2pcredit.periods import DateRange

_PREPROCESSING_AT = clock_time(1, tzinfo=UTC)
_TRAINING_AT = clock_time(2, tzinfo=UTC)
_MONITORING_AT = clock_time(6, tzinfo=UTC)
_SATURDAY = 5


def replay(
    ctx: JobContext,
    days: DateRange,
    *,
    all_reports: bool = False,
    skip_last_monitoring: bool = False,
    day_by_day: bool = False,
) -> Receipt:
    """Run exactly the jobs that the three DAGs would run on each day.

    Args:
        ctx: Surroundings; its instant is replaced by the simulated clock, and what it warns of alerts nobody.
            Each finished day is told as progress.
        days: Snapshot dates, in order.
        all_reports: Write every week's report, not only the last.
        skip_last_monitoring: Leave the weekly review of the last day to somebody else (a scheduler that goes on here).
        day_by_day: Do nothing in spans; for the proof that spans make no difference.

    Returns:
        `days`, `weeks`, `trainings`, `decisions`, `scored`, `seconds`.
    """
    began = time.perf_counter()
    ctx = replace(ctx, caller=Caller.REPLAY)
    last_week_end = max((day for day in days if day.weekday() == _SATURDAY), default=None)
    counts = {"weeks": 0, "trainings": 0, "decisions": 0, "scored": 0}
    spans = [DateRange(day, day) for day in days] if day_by_day else spans_together(ctx, days)
    waiting: list[date] = []

    def score_waiting() -> None:
        if waiting:
            at = _night_after(waiting[-1], _TRAINING_AT)
            counts["scored"] += run_inference(ctx.moved_to(at), DateRange(waiting[0], waiting[-1]))["scored"]
            waiting.clear()

    for span in spans:
        ctx.progress(f"preprocessing to {span.last}", (span.first - days.first).days, len(days))
        preprocess(ctx.moved_to(_night_after(span.last, _PREPROCESSING_AT)), span)
        for day in span:
            counts["trainings"] += _train(ctx.moved_to(_night_after(day, _TRAINING_AT)), day)
            waiting.append(day)
            if day_by_day:
                score_waiting()
            if day.weekday() == _SATURDAY and not (skip_last_monitoring and day == days.last):
                score_waiting()
                report = all_reports or day == last_week_end
                reviewed = monitor(ctx.moved_to(_night_after(day, _MONITORING_AT)), day, report=report)
                counts["weeks"] += 1
                counts["decisions"] += reviewed["decision"] is not None
            ctx.progress(day.isoformat(), (day - days.first).days + 1, len(days))
    score_waiting()
    receipt: Receipt = {"days": len(days), **counts, "seconds": round(time.perf_counter() - began, 1)}
    record(ctx, "replay", receipt)
    return receipt


def _train(ctx: JobContext, day: date) -> int:
    """The training steps of one night; a failed training is said loudly and does not stop the next day."""
    try:
        done = train_if_due(ctx, day)
    except P2PCreditError as error:
        warn(ctx, f"training of {day} failed: {error}")
        return 0
    if done["outcome"] in {"none", "refused"} and done["model_id"] is None:
        return 0
    clear_decision(ctx, day)
    log_retraining(ctx, day)
    return 1


def _night_after(day: date, at: clock_time) -> datetime:
    return datetime.combine(day + timedelta(days=1), at)
