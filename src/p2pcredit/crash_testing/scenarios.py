"""Every job that writes, each with the home that it starts from, on a small portfolio of synthetic loans.

A home is made by steps in order from nothing. The jobs under test are steps like the others, so that one job starts
where another ended. The jobs of the pipelines are read from their data: one that has no scene of its own here is tried
from a home in which all steps before it are done.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.contracts.tables import MONITORING, bronze
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.decisions import override_decision
from p2pcredit.jobs.governance.approvals import approve, refuse
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.monitoring.review import monitor
from p2pcredit.jobs.pipeline_graph import Pipeline, Step, WaitsFor
from p2pcredit.jobs.pipelines import PIPELINES, PREPROCESSING, jobs_of
from p2pcredit.jobs.preprocessing.source_checks import check_source
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.scoring.champions import promote, rollback
from p2pcredit.jobs.training.retrain import train_if_due, train_now
from p2pcredit.jobs.walking import call_job, do_step
from p2pcredit.periods import DateRange
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.settings import GovernanceSettings, LabelSettings, MonitoringSettings, Settings, TrainingSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

FIRST, EVE, DAY, NEXT, END = (
    date(2021, 1, 1),
    date(2021, 4, 30),
    date(2021, 5, 1),
    date(2021, 5, 2),
    date(2021, 5, 31),
)
"""The portfolio begins on FIRST. DAY, a Saturday, closes April for the tables and ends a monitoring week."""

_AFTER_END = datetime(2021, 6, 1, 2, tzinfo=UTC)

SETTINGS = Settings(
    labels=LabelSettings(window_months=2, default_days=30, reporting_lag_days=1),
    training=TrainingSettings(
        min_matured_loans=100, min_matured_bads=10, min_evaluation_bads=2, max_single_feature_auc=1.0
    ),
    monitoring=MonitoringSettings(min_matured_loans=20, min_matured_bads=2, min_recent_loans=10),
    threads=1,
)
_LOANS = SyntheticSettings(FIRST, END, loans_per_day=10, shock_months=(0, 60), shock_factor=400.0)
_FEED = "loan_terms"
_SECOND = "second"
_COMMITS_BEFORE_CHECKPOINT = 49
_FIRST_COMMITTED = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Job:
    """A job under test.

    Args:
        start: The steps that make the home from which it starts.
        step: The step under test.
    """

    start: tuple[str, ...]
    step: str


def context(home: Path) -> JobContext:
    """Build the context of every step: one instant and one run id, as a scheduler gives to a retry."""
    return JobContext(Layout(home), SETTINGS, "crash-test", datetime(2021, 5, 3, 2, tzinfo=UTC))


def _raw(ctx: JobContext) -> Path:
    path = ctx.layout.home.parent / "portfolio.csv"
    if not path.exists():
        write_raw(path, _LOANS)
    return path


def _land(ctx: JobContext, first: date, last: date) -> None:
    land(ctx, "synthetic", [_raw(ctx)], first, last)


def _only(day: date) -> DateRange:
    return DateRange(day, day)


def _break_a_row(ctx: JobContext) -> None:
    """Make the first loan of DAY one that silver must refuse."""
    path = ctx.layout.landing / _FEED / f"{_FEED}_{DAY:%Y_%m_%d}.csv"
    header, first, *others = csv.reader(path.read_text().splitlines())
    first[header.index("loan_amount")] = "a lot"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, first, *others])


def _land_late_rows(ctx: JobContext) -> None:
    """Put a file of its own in the place of EVE, with one loan less than its month says."""
    rows = pl.read_parquet(ctx.layout.landing / _FEED / f"{_FEED}_{EVE:%Y_%m}.parquet", glob=False)
    own = rows.filter(pl.col("snapshot_date") == EVE).drop("snapshot_date").slice(1)
    own.write_csv(ctx.layout.landing / _FEED / f"{_FEED}_{EVE:%Y_%m_%d}.csv")


def _land_other_amounts(ctx: JobContext) -> None:
    """Put a file of its own in the place of EVE, with as many loans as its month says, one of another amount."""
    rows = pl.read_parquet(ctx.layout.landing / _FEED / f"{_FEED}_{EVE:%Y_%m}.parquet", glob=False)
    own = rows.filter(pl.col("snapshot_date") == EVE).drop("snapshot_date").with_row_index("_row")
    amount = pl.when(pl.col("_row") == 0).then(pl.lit("1000")).otherwise("loan_amount").alias("loan_amount")
    own.with_columns(amount).drop("_row").write_csv(ctx.layout.landing / _FEED / f"{_FEED}_{EVE:%Y_%m_%d}.csv")


def _write_decision(ctx: JobContext, text: str) -> None:
    ctx.layout.logs.mkdir(parents=True, exist_ok=True)
    ctx.layout.decision_file.write_text(text)


def _decide_by_hand(ctx: JobContext) -> None:
    content = {"decision_date": str(DAY), "performance_score": 0.55, "retrain": True, "reason": "0.55 below 0.62"}
    _write_decision(ctx, json.dumps(content))


def _preprocess_up_to_receipt(ctx: JobContext) -> None:
    for step in PREPROCESSING.steps:
        if step.job is not None and step.name != "end":
            do_step(ctx, step, DAY)


def _refine_all(ctx: JobContext) -> None:
    for step in PREPROCESSING.steps:
        if step.feed is not None:
            do_step(ctx, step, DAY)


def _monitor_an_earlier_week(ctx: JobContext) -> None:
    """Put a measurement of the week before DAY there, so that DAY is a week that was passed over."""
    week = DAY - timedelta(days=7)
    nothing = MetricResult("auc", "all", None, None, None, 0, None, Status.UNDETERMINED)
    row = {"snapshot_date": week, "week_end_date": week, "model_id": "m", **nothing.as_row()}
    Lake(ctx.layout).replace(MONITORING, pl.DataFrame([row], schema=MONITORING.schema), _only(week))


def _fill_log(ctx: JobContext) -> None:
    """Bring a table to the version before the one at which Delta writes a checkpoint."""
    lake, table = Lake(ctx.layout), bronze(FEEDS[_FEED])
    landed = lake.read(table, _only(DAY)).head(1)
    for number in range(_COMMITS_BEFORE_CHECKPOINT - (lake.version(table) or 0)):
        day = _FIRST_COMMITTED + timedelta(days=number)
        lake.replace(table, landed.with_columns(pl.lit(day).alias("snapshot_date")), _only(day))


_SCENES: dict[str, tuple[tuple[str, date], ...]] = {
    "preprocessing.catch_up.make_up_days": (
        ("preprocess: make up a day", NEXT),
        ("preprocess: take in a day that landed anew", NEXT),
    ),
    "preprocessing.stages.load_bronze": (("preprocess: bronze", DAY), ("preprocess: bronze, with a checkpoint", NEXT)),
    "preprocessing.stages.refine_silver": (("preprocess: silver", DAY),),
    "preprocessing.stages.build_feature_store": (("preprocess: features", DAY),),
    "preprocessing.label_store.build_label_store": (("preprocess: labels", DAY),),
    "preprocessing.stages.complete_days": (("preprocess: complete", DAY),),
    "training.retrain.check_retraining": (
        ("decision: take up a file written by hand", DAY),
        ("decision: set aside an unreadable file", DAY),
    ),
    "training.retrain.train_if_due": (("train a first model", DAY), ("train on a decision", NEXT)),
    "scoring.score.score_day": (("infer", DAY),),
    "decisions.clear_decision": (("decision: clear", NEXT),),
    "training.retrain.log_retraining": (("decision: log the retraining", NEXT),),
    "monitoring.steps.check_monitoring": (("monitor: make up a week", date(2021, 5, 8)),),
    "monitoring.steps.calculate_metrics": (("monitor: metrics", DAY),),
    "monitoring.report.generate_report": (("monitor: report", DAY),),
    "monitoring.steps.write_retraining_decision": (("monitor: decision", DAY),),
}
"""Job of a pipeline -> the steps that call it, each with its snapshot date."""


def _asking(ctx: JobContext) -> JobContext:
    """Ask for approval of promotions."""
    governance = GovernanceSettings(approval="named")
    return replace(ctx, settings=ctx.settings.model_copy(update={"governance": governance}))


def _approve(ctx: JobContext) -> object:
    return approve(replace(_asking(ctx), by="Ada"), ModelBank(ctx.layout).model_ids()[0], "sound")


def _refuse(ctx: JobContext) -> object:
    return refuse(replace(_asking(ctx), by="Ada"), ModelBank(ctx.layout).model_ids()[0], "not sound")


def _bank_a_model(ctx: JobContext) -> None:
    """Put a second model into the bank, by whose card nothing is known of the floor."""
    card = {"model_id": _SECOND, "family": "scorecard", "as_of": str(DAY), "features": []}
    ModelBank(ctx.layout).add(_SECOND, {"model.json": b"{}"}, card)


def _calling(step: Step, day: date) -> Callable[[JobContext], object]:
    feed = None if step.feed is None else _FEED

    def call(ctx: JobContext) -> object:
        if step.waits_for is WaitsFor.WEEK:
            ctx = replace(ctx, caller=Caller.SCHEDULED)  # a person's call makes up no week
        return call_job(ctx, str(step.job), day, feed=feed, span=step.span)

    return call


def _scenes(pipelines: tuple[Pipeline, ...]) -> dict[str, Callable[[JobContext], object]]:
    """List the steps that call the pipelines' jobs that write: those named above, and one for each other job."""
    writing = [(job, step) for job, step in jobs_of(pipelines).items() if step.writes]
    return {
        name: _calling(step, day) for job, step in writing for name, day in _SCENES.get(job, ((f"job {job}", DAY),))
    }


STEPS: dict[str, Callable[[JobContext], object]] = {
    **_scenes(PIPELINES),
    "land": lambda ctx: _land(ctx, date(2021, 4, 1), NEXT),
    "land the rest of a month": lambda ctx: _land(ctx.moved_to(_AFTER_END), date(2021, 5, 1), END),
    "land all": lambda ctx: _land(ctx, FIRST, NEXT),
    "break a row": _break_a_row,
    "land late rows": _land_late_rows,
    "land other amounts": _land_other_amounts,
    "preprocess the past": lambda ctx: preprocess(ctx, DateRange(FIRST, date(2021, 4, 29))),
    "preprocess the last day of a month": lambda ctx: preprocess(ctx, _only(EVE)),
    "preprocess the day": lambda ctx: preprocess(ctx, _only(DAY)),
    "preprocess two days at once": lambda ctx: preprocess(ctx, DateRange(EVE, DAY)),
    "refine all feeds of the day": _refine_all,
    "preprocess the day up to its receipt": _preprocess_up_to_receipt,
    "preprocess: source checks": lambda ctx: [check_source(ctx, feed, _only(DAY)) for feed in FEEDS],
    "preprocess late data": lambda ctx: preprocess(ctx, _only(EVE)),
    "fill the log of a table": _fill_log,
    "monitor: an earlier week": _monitor_an_earlier_week,
    "monitor": lambda ctx: monitor(ctx, DAY),
    "decision: override": lambda ctx: override_decision(ctx, DAY, retrain=True, why="the price was cut"),
    "write a decision by hand": _decide_by_hand,
    "write an unreadable decision": lambda ctx: _write_decision(ctx, '{"retrain": tr'),
    "train a first model that waits": lambda ctx: train_if_due(replace(_asking(ctx), caller=Caller.SCHEDULED), DAY),
    "models: approve": _approve,
    "models: refuse": _refuse,
    "bank a model": _bank_a_model,
    "models: promote": lambda ctx: promote(ctx, _SECOND, "asked for"),
    "models: rollback": lambda ctx: rollback(ctx, "complaints"),
    "train": lambda ctx: train_now(ctx, DAY, "asked for"),
}
"""Every step by name: those that only make a home, and those under test."""

_LANDED = ("land all", "break a row")
_BEFORE = (*_LANDED, "preprocess the past", "preprocess the last day of a month")
_BRONZE, _SILVER = "preprocess: bronze", "preprocess: silver"
_TRAINED = (*_BEFORE, "preprocess the day", "train a first model")
_SCORED = (*_TRAINED, "infer")
_MEASURED = (*_SCORED, "monitor: metrics")
_OVERRIDDEN = (*_MEASURED, "monitor: decision", "decision: override")
_RETRAINED = (*_OVERRIDDEN, "train on a decision")


def jobs_without_a_scene(pipelines: tuple[Pipeline, ...] = PIPELINES) -> list[Job]:
    """List the pipelines' jobs that write and have no scene above, each from a home in which all before it is done."""
    found: list[Job] = []
    for job, step in jobs_of(pipelines).items():
        if step.writes and job not in _SCENES:
            built = (*_BEFORE, "preprocess the day up to its receipt")
            found.append(Job(built if step.command == "preprocess" else _RETRAINED, f"job {job}"))
    return found


JOBS = {
    job.step: job
    for job in (
        Job((), "land"),
        Job(("land",), "land the rest of a month"),
        Job(_LANDED, "preprocess two days at once"),
        Job((*_LANDED, "preprocess the past"), "preprocess the last day of a month"),
        Job((*_LANDED, "preprocess the past", "preprocess the day"), "preprocess: make up a day"),
        Job((*_TRAINED[:-1], "land other amounts"), "preprocess: take in a day that landed anew"),
        Job(_BEFORE, "preprocess: source checks"),
        Job(_BEFORE, _BRONZE),
        Job((*_BEFORE, _BRONZE), _SILVER),
        Job((*_BEFORE, "refine all feeds of the day"), "preprocess: features"),
        Job((*_BEFORE, "refine all feeds of the day", "preprocess: features"), "preprocess: labels"),
        Job((*_BEFORE, "preprocess the day up to its receipt"), "preprocess: complete"),
        Job((*_TRAINED[:-1], "land late rows"), "preprocess late data"),
        Job((*_TRAINED[:-1], "fill the log of a table"), "preprocess: bronze, with a checkpoint"),
        Job(_TRAINED[:-1], "train a first model"),
        Job(_TRAINED[:-1], "train"),
        Job(_TRAINED[:-1], "train a first model that waits"),
        Job((*_TRAINED[:-1], "train a first model that waits"), "models: approve"),
        Job((*_TRAINED[:-1], "train a first model that waits"), "models: refuse"),
        Job((*_TRAINED, "bank a model"), "models: promote"),
        Job((*_TRAINED, "bank a model", "models: promote"), "models: rollback"),
        Job(_TRAINED, "infer"),
        Job(_SCORED, "monitor"),
        Job((*_SCORED, "monitor: an earlier week"), "monitor: make up a week"),
        Job(_SCORED, "monitor: metrics"),
        Job(_MEASURED, "monitor: report"),
        Job(_MEASURED, "monitor: decision"),
        Job((*_MEASURED, "monitor: decision"), "decision: override"),
        Job((*_SCORED, "write a decision by hand"), "decision: take up a file written by hand"),
        Job((*_SCORED, "write an unreadable decision"), "decision: set aside an unreadable file"),
        Job(_OVERRIDDEN, "train on a decision"),
        Job(_RETRAINED, "decision: clear"),
        Job(_RETRAINED, "decision: log the retraining"),
        *jobs_without_a_scene(),
    )
}
"""The jobs under test, by name."""
