"""Walk through history as the DAGs would have lived it: the same steps in the same order, at a simulated clock.

Each night the pipelines that fire in it are walked in the order of the clock, from the same data that the DAGs are
built of. Two things are done in spans because the rule of `known_on` makes it equal: many months are preprocessed in
one commit per table, and days are scored together up to the next training, the next review or the end. A failed
training fails its night's run, as it does under a scheduler: the day is then scored by the next night, which tries the
decision again. A reason that fails the trainings of many nights is logged at the first and summed up at the end; every
night alerts. So are warnings that differ in numbers only; the activity file has each.
"""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property

from p2pcredit.errors import P2PCreditError, TrainingError
from p2pcredit.jobs.activity import record, without_values
from p2pcredit.jobs.context import Caller, JobContext, Receipt
from p2pcredit.jobs.governance.approvals import waiting_lines
from p2pcredit.jobs.monitoring.alerts import alert_failure
from p2pcredit.jobs.monitoring.review import review_step
from p2pcredit.jobs.pipeline_graph import Pipeline, Step, Task
from p2pcredit.jobs.pipelines import INFERENCE, MONITORING, PREPROCESSING, due_after
from p2pcredit.jobs.preprocessing.catch_up import make_up_days
from p2pcredit.jobs.preprocessing.checks.day_checks import require_what_is_used
from p2pcredit.jobs.preprocessing.stages import preprocess_and_judge, spans_together
from p2pcredit.jobs.scoring.score import score_nights
from p2pcredit.jobs.tracking.sync import mirror_models
from p2pcredit.jobs.training.maturity import what_is_lacking
from p2pcredit.jobs.training.retrain import first_model_outlook
from p2pcredit.jobs.walking import Walked, do_step, walk
from p2pcredit.monitoring.feeds.schema_drift import Finding
from p2pcredit.periods import DateRange, count_of_days

logger = logging.getLogger("p2pcredit")
_NUMBER = re.compile(r"\d+(?:[.,-]\d+)*")
"""A number or a date."""


def replay(
    ctx: JobContext,
    days: DateRange,
    *,
    all_reports: bool = False,
    skip_last_monitoring: bool = False,
    day_by_day: bool = False,
) -> Receipt:
    """Run exactly the jobs that the DAGs would run on each day.

    Args:
        ctx: The context; its instant is replaced by the simulated clock, and its alerts go into a file of the home.
            Each finished day is reported as progress.
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
    nights = _Nights(replace(ctx, caller=Caller.REPLAY), days, all_reports, in_spans=not day_by_day)
    repeated = _RepeatedWarnings()
    logger.addFilter(repeated)
    try:
        for span in [DateRange(day, day) for day in days] if day_by_day else spans_together(nights.ctx, days):
            ctx.progress(f"preprocessing to {span.last}", (span.first - days.first).days, len(days))
            if not day_by_day:
                nights.preprocess(span)
            for day in span:
                nights.live(day, skip=(MONITORING,) if skip_last_monitoring and day == days.last else ())
                ctx.progress(day.isoformat(), (day - days.first).days + 1, len(days))
        nights.score_waiting()
    finally:
        logger.removeFilter(repeated)
        repeated.sum_up()
        nights.warn_of_repeated_failures()
    counts = {name: nights.counts[name] for name in ("weeks", "trainings", "decisions", "scored")}
    reason = None if counts["scored"] else _why_nothing(ctx, days.last, nights)
    seconds = round(time.perf_counter() - began, 1)
    done: Receipt = {"days": len(days), **counts, "seconds": seconds, "reason": reason}
    record(nights.ctx, "replay", done)
    mirror_models(ctx)
    if nights.failures and not counts["scored"]:
        raise TrainingError(f"replay to {days.last}: {reason}")
    return done


class _RepeatedWarnings(logging.Filter):
    """Let through the first of the warnings that differ in numbers only, and count the others.

    Only what the activity file has too is counted: hundreds of nights may warn of one and the same thing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether no such warning came before."""
        if not getattr(record, "is_kept", False):
            return True
        message = record.getMessage()
        kind = _NUMBER.sub("0", message)
        self.counts[kind] += 1
        self.first.setdefault(kind, message)
        return self.counts[kind] == 1

    def sum_up(self) -> None:
        """Warn, per kind that came more than once, how often it did."""
        for kind, count in self.counts.items():
            if count > 1:
                logger.warning(
                    "%s like this one, in other numbers; logs/activity.jsonl has each: %s",
                    "1 more warning" if count == 2 else f"{count - 1:,} more warnings",
                    self.first[kind],
                )


@dataclass
class _Nights:
    """The nights of a replay: what was done in them, and what waits to be done together.

    Args:
        ctx: The context, at no instant of the replay's.
        days: All snapshot dates.
        all_reports: Whether every week's report is written.
        in_spans: Whether days are preprocessed and scored together.
    """

    ctx: JobContext
    days: DateRange
    all_reports: bool
    in_spans: bool
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    refusal: str = ""
    """Why the last training that was refused made no champion."""
    waiting: list[date] = field(default_factory=list)
    trained_on: date | None = None
    findings: dict[date, list[Finding]] = field(default_factory=dict)
    failed_on: dict[str, tuple[str, list[date]]] = field(default_factory=dict)
    """A reason without its numbers -> the reason on the first day, and the days whose training failed for it."""

    def preprocess(self, span: DateRange) -> None:
        """Preprocess a span of days in one go, in the night after its last."""
        make_up_days(self._in_night(PREPROCESSING, span.first), span.first)
        receipt, judged = preprocess_and_judge(self._in_night(PREPROCESSING, span.last), span)
        self.counts["loans"] += receipt["features"]
        self.findings = {day: found for one in judged for day, found in one.findings.items()}

    def live(self, day: date, skip: tuple[Pipeline, ...] = ()) -> None:
        """Walk the pipelines that fire in the night after a day."""
        for pipeline, at in due_after(day):
            if pipeline in skip:
                continue
            if pipeline is PREPROCESSING and self.in_spans:
                require_what_is_used(self.ctx, day, self.findings.get(day, ()), historic=True)
                continue  # which a champion may need that was made within the span
            if pipeline is not INFERENCE:
                self.score_waiting()
            self._count(pipeline, self._walk(pipeline, self.ctx.moved_to(at), day))

    def score_waiting(self) -> None:
        """Do the scoring steps of the nights that wait for it, in the last of them."""
        if not self.waiting:
            return
        ctx = self._in_night(INFERENCE, self.waiting[-1])
        for step in INFERENCE.by_hand("infer"):
            if step.name == "run_inference":
                self.counts["scored"] += score_nights(ctx, self.waiting)
            else:
                do_step(ctx, step, self.waiting[-1])
        self.waiting.clear()

    def _walk(self, pipeline: Pipeline, at: JobContext, day: date) -> Walked:
        review = review_step(at, day, shared=self.in_spans)
        last_report = self.all_reports or MONITORING.fires_after(day) == self._last_review

        def do(step: Step) -> Receipt:
            if pipeline is INFERENCE and self.in_spans and step.command == "infer":
                self._postpone(step, day)
                return {}
            if step.name == "train_model_task":
                self.score_waiting()  # by the champions of before
                self.trained_on = day
            if pipeline is MONITORING:
                return {} if step.name == "generate_report" and not last_report else review(step)
            return do_step(at, step, day)

        def failed(task: Task, error: P2PCreditError) -> None:
            if task.step.command != "train":
                raise error  # a person is there, who mends it and goes on
            alerted = alert_failure(at, f"{pipeline.dag_id}.{task.task_id} of {day}", error)
            if self._is_first(error, day):
                logger.warning(alerted["message"])
            self.failures.append(f"training of {day} failed: {error}")

        return walk(pipeline, do, failed)

    def warn_of_repeated_failures(self) -> None:
        """Warn, per reason that failed the trainings of several days, how many these are and when the last was."""
        for reason, days in self.failed_on.values():
            if len(days) > 1:
                logger.warning(
                    "training failed on %s from %s to %s for one reason; on the first day: %s",
                    count_of_days(len(days)),
                    days[0],
                    days[-1],
                    reason,
                )

    def _is_first(self, error: P2PCreditError, day: date) -> bool:
        """Count the day under the reason that its training failed for; return whether no earlier day has it.

        Reasons are equal where they differ in numbers only: an AUC or a count of loans grows from day to day.
        """
        reason = without_values(error)
        _, days = self.failed_on.setdefault(_NUMBER.sub("0", reason), (reason, []))
        days.append(day)
        return len(days) == 1

    def _postpone(self, step: Step, day: date) -> None:
        if step.name != "run_inference":
            return
        self.waiting.append(day)
        if day == self.trained_on:  # what comes after it in the night says what became of the decision
            self.score_waiting()

    def _count(self, pipeline: Pipeline, walked: Walked) -> None:
        receipts = walked.receipts
        if pipeline is PREPROCESSING:
            self.counts["loans"] += receipts["gold_processing.feature_store"]["rows"]
        if pipeline is INFERENCE:
            trained = receipts.get("train_model_task")
            self.counts["trainings"] += trained is not None and trained["model_id"] is not None
            if trained is not None and trained.get("outcome") == "refused":
                self.refusal = trained.get("reason", "")
            scored = receipts.get("run_inference", {})
            self.counts["scored"] += scored.get("scored", 0) + scored.get("caught_up", 0)
        if pipeline is MONITORING:
            self.counts["weeks"] += 1
            self.counts["decisions"] += walked.succeeded("write_retraining_decision")

    @cached_property
    def _last_review(self) -> datetime | None:
        return max(filter(None, map(MONITORING.fires_after, self.days)), default=None)

    def _in_night(self, pipeline: Pipeline, day: date) -> JobContext:
        at = pipeline.fires_after(day)
        assert at is not None, "a pipeline of every day"
        return self.ctx.moved_to(at)


def _why_nothing(ctx: JobContext, day: date, nights: _Nights) -> str:
    """Say why nothing was scored: no loan, too little matured, a training that failed, or no model fit to serve."""
    failures = nights.failures
    if not nights.counts["loans"]:
        return "nothing to do: no loan was originated on these days"
    if failures:
        return f"nothing was scored, since {failures[-1]}" + (f" ({len(failures)} did)" if len(failures) > 1 else "")
    if ctx.ledger.state().champion_on(day) is not None:
        return "nothing was scored: no loan was originated on a day with a champion"
    if ctx.ledger.state().approvals.waiting:
        return f"nothing was scored: {waiting_lines(ctx.ledger.state())[-1]}"
    lacking = what_is_lacking(ctx, day)
    if lacking is not None:
        return f"nothing was trained, so nothing scored: too little has matured for a first model; {lacking}"
    last = ctx.ledger.state().trainings[-1:]
    before = last[0].facts["reason"] if last else "no training was due"
    waits = first_model_outlook(ctx, day)[1]
    told = f"no model came to serve, so nothing was scored: {nights.refusal or before}"
    return told + (f"; {waits}" if waits else "")
