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

from p2pcredit.errors import P2PCreditError, TrainingError
from p2pcredit.jobs.activity import record, warn
from p2pcredit.jobs.context import Caller, JobContext, Receipt
from p2pcredit.jobs.decisions import clear_decision
from p2pcredit.jobs.monitoring.review import monitor
from p2pcredit.jobs.preprocessing.day_checks import require_what_is_used
from p2pcredit.jobs.preprocessing.stages import preprocess_and_judge, spans_together
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.jobs.training.maturity import what_is_lacking
from p2pcredit.jobs.training.retrain import log_retraining, train_if_due
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
        ctx: Surroundings; its instant is replaced by the simulated clock, and its warnings raise no alert.
            Each finished day is told as progress.
        days: Snapshot dates, in order.
        all_reports: Write every week's report, not only the last.
        skip_last_monitoring: Leave the weekly review of the last day to a scheduler that goes on here.
        day_by_day: Do nothing in spans; for the proof that spans make no difference.

    Returns:
        `days`, `weeks`, `trainings`, `decisions`, `scored`, `seconds`, `reason` (why nothing was scored; None where
        loans were).

    Raises:
        QuarantineError, SchemaDriftError: If a day is not fit to be used; the replay ends there, naming it.
        TrainingError: If nothing was scored because trainings failed that were due.
    """
    began = time.perf_counter()
    ctx = replace(ctx, caller=Caller.REPLAY)
    last_week_end = max((day for day in days if day.weekday() == _SATURDAY), default=None)
    counts = {"weeks": 0, "trainings": 0, "decisions": 0, "scored": 0}
    spans = [DateRange(day, day) for day in days] if day_by_day else spans_together(ctx, days)
    waiting: list[date] = []
    failures: list[str] = []
    loans = 0

    def score_waiting() -> None:
        if waiting:
            at = _night_after(waiting[-1], _TRAINING_AT)
            counts["scored"] += run_inference(ctx.moved_to(at), DateRange(waiting[0], waiting[-1]))["scored"]
            waiting.clear()

    for span in spans:
        ctx.progress(f"preprocessing to {span.last}", (span.first - days.first).days, len(days))
        at = ctx.moved_to(_night_after(span.last, _PREPROCESSING_AT))
        receipt, judged = preprocess_and_judge(at, span)
        loans += receipt["features"]
        findings = {day: found for one in judged for day, found in one.findings.items()}
        for day in span:
            require_what_is_used(
                ctx, day, findings.get(day, ()), historic=True
            )  # by a champion that was made within the span
            trained, failure = _train(ctx.moved_to(_night_after(day, _TRAINING_AT)), day)
            counts["trainings"] += trained
            failures += [failure] if failure else []
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
    reason = None if counts["scored"] else _why_nothing(ctx, days.last, loans, failures)
    seconds = round(time.perf_counter() - began, 1)
    done: Receipt = {"days": len(days), **counts, "seconds": seconds, "reason": reason}
    record(ctx, "replay", done)
    if failures and not counts["scored"]:
        raise TrainingError(f"replay to {days.last}: {reason}")
    return done


def _train(ctx: JobContext, day: date) -> tuple[int, str | None]:
    """Do the training steps of one night; a failed training is said loudly and does not stop the next day.

    Returns:
        How many models were trained, and what failed.
    """
    try:
        done = train_if_due(ctx, day)
    except P2PCreditError as error:
        failure = f"training of {day} failed: {error}"
        warn(ctx, failure)
        return 0, failure
    if done["outcome"] in {"none", "refused"} and done["model_id"] is None:
        return 0, None
    clear_decision(ctx, day)
    log_retraining(ctx, day)
    return 1, None


def _why_nothing(ctx: JobContext, day: date, loans: int, failures: list[str]) -> str:
    """Say why nothing was scored: no loan, too little matured, a training that failed, or no model fit to serve."""
    if not loans:
        return "nothing to do: no loan was originated on these days"
    if failures:
        return f"nothing was scored, since {failures[-1]}" + (f" ({len(failures)} did)" if len(failures) > 1 else "")
    if ctx.ledger.state().champion_on(day) is not None:
        return "nothing was scored: no loan was originated on a day with a champion"
    lacking = what_is_lacking(ctx, day)
    if lacking is not None:
        return f"nothing was trained, so nothing scored: too little has matured for a first model; {lacking}"
    last = ctx.ledger.state().trainings[-1:]
    why = last[0].facts["reason"] if last else "see 'p2pcredit decision history'"
    return f"no model came to serve, so nothing was scored: {why}"


def _night_after(day: date, at: clock_time) -> datetime:
    return datetime.combine(day + timedelta(days=1), at)
