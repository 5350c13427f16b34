"""Each task of the three DAGs marked as success without having run: the run fails, or what it did not leave is named.

Every pipeline is walked once for each of its tasks, with that task's job left out, in a night in which each of them has
something to leave: a day that was missed before, a decision to retrain that waits, a week that ends.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.robustness.reruns.daily_book import SETTINGS, land, make_book
from tests.robustness.reruns.disturbed_nights import scores_by
from tests.unit.gathering.written_home import WrittenHome

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.context import Caller, JobContext, Receipt
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.jobs.pipeline_graph import Pipeline, Step
from p2pcredit.jobs.pipelines import INFERENCE, MONITORING, PIPELINES, PREPROCESSING
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.jobs.walking import do_step, walk
from p2pcredit.periods import DateRange, week_monday
from p2pcredit.settings import PreprocessingSettings
from p2pcredit.storage.layout import Layout

SATURDAY = date(2010, 2, 27)
DAYS = DateRange(date(2010, 2, 8), SATURDAY)
WEEK_AFTER = DateRange(SATURDAY + timedelta(days=1), SATURDAY + timedelta(days=7))
MISSED = SATURDAY - timedelta(days=2)
WEEK_BEFORE = SATURDAY - timedelta(days=7)
BOOK = make_book(DateRange(DAYS.first, WEEK_AFTER.last), seed=3)

DAY, WEEK = f"preprocess --date {SATURDAY}", f"monitor --week-end {SATURDAY}"
NAMED = {
    "make_up_days": f"preprocess --date {MISSED}",
    "load_bronze": DAY,
    "refine_silver": DAY,
    "build_feature_store": DAY,
    "build_label_store": DAY,
    "build_cash_flows": DAY,
    "complete_days": DAY,
    "train_if_due": f"train --as-of {SATURDAY}",
    "score_day": f"infer --date {SATURDAY}",
    "clear_decision": f"train --as-of {SATURDAY}",
    "log_retraining": f"train --as-of {SATURDAY}",
    "calculate_metrics": WEEK,
    "generate_report": WEEK,
    "write_retraining_decision": WEEK,
    "send_alerts": WEEK,
}
"""Function -> the command that is named where it was left out."""

LEAVE_NOTHING = {
    "check_source": "what it looks at is counted in the last step",
    "check_retraining": "the training plans for itself",
    "get_model": "scoring looks the champion up for itself",
    "check_monitoring": "measuring makes sure of what it needs, and weeks before stay gaps",
    "get_monitored_model": "every step after it looks the champion up for itself",
}
"""Function -> why nothing is missing where it was left out."""

STEPS = [
    pytest.param(pipeline, step, id=f"{pipeline.tag}-{step.name}")
    for pipeline in PIPELINES
    for step in pipeline.steps
    if step.job is not None and step.feed in {None, "loan_terms"}
]


@pytest.fixture(scope="module")
def patched() -> Iterator[pytest.MonkeyPatch]:
    """Models that score by a rule, a training that makes a challenger, and measurements that ask for a decision."""

    def train(ctx: JobContext, day: date) -> Any:
        card = {"promoted": False, "reason": "test", "metrics": {}, "gate": None, "comparison": None}
        return [SimpleNamespace(model_id="m2", promoted=False, card=card)]

    measured = MetricResult("auc", "all", 0.7, 0.6, 0.8, 900, 0.4, Status.PASS, 0.62)
    with pytest.MonkeyPatch.context() as patch:
        scores_by(patch, lambda row: 0.1)
        patch.setattr("p2pcredit.jobs.training.train.train_model", train)
        patch.setattr(MonitoringSnapshot, "inputs", None)
        patch.setattr("p2pcredit.monitoring.registry.calculate_metrics", lambda *_: [measured])
        patch.setattr("p2pcredit.jobs.monitoring.report.build_facts", lambda *_, **more: {})
        patch.setattr("p2pcredit.jobs.monitoring.report.render_report", lambda _: "a report")
        for name in ("score_profile", "calibration_profile", "lifetime_profile", "scored_since", "grade"):
            patch.setattr(f"p2pcredit.jobs.monitoring.report.{name}", lambda *_: _Nothing())
        yield patch


@dataclass
class _Nothing(dict[str, Any]):
    """No facts, as a mapping and as a dataclass."""


def context(home: Path, pipeline: Pipeline, day: date) -> JobContext:
    at = pipeline.fires_after(day)
    assert at is not None
    settings = SETTINGS.model_copy(
        update={"preprocessing": PreprocessingSettings(max_quarantined_share=1.0, schema_drift="report")}
    )
    return JobContext(Layout(home), settings, f"scheduled-{pipeline.tag}-{day}", at, caller=Caller.SCHEDULED)


def run(home: Path, pipeline: Pipeline, day: date, left_out: Step | None = None) -> list[str]:
    """Walk a pipeline as a scheduler does; return what failed."""
    ctx, failed = context(home, pipeline, day), []

    def do(step: Step) -> Receipt:
        return {} if step == left_out else do_step(ctx, step, day)

    def fails(_: Any, error: P2PCreditError) -> None:
        failed.append(str(error))

    walk(pipeline, do, fails)
    return failed


@pytest.fixture(scope="module")
def eves(tmp_path_factory: pytest.TempPathFactory, patched: pytest.MonkeyPatch) -> dict[str, Path]:
    """The home just before each pipeline of the night runs: by its tag."""
    home = tmp_path_factory.mktemp("eves") / "preprocessing"
    land(home, DAYS, BOOK)
    before = SATURDAY - timedelta(days=1)
    ctx = context(home, INFERENCE, before)
    written = WrittenHome(ctx)
    written.model("m1", {"as_of": str(DAYS.first), "matured_bads": 2})
    written.crown("m1", str(DAYS.first))
    for days in (DateRange(DAYS.first, MISSED - timedelta(days=1)), DateRange(before, before)):
        preprocess(ctx, days)
        run_inference(ctx, days)
    assert run(home, MONITORING, WEEK_BEFORE) == []
    said = {"decision_date": str(before), "performance_score": 0.5, "retrain": True, "reason": "by hand: 0.5 < 0.62"}
    ctx.layout.decision_file.write_text(json.dumps(said))
    found = {"preprocessing": home}
    for pipeline, tag in ((PREPROCESSING, "inference"), (INFERENCE, "monitoring")):
        found[tag] = Path(shutil.copytree(home, home.with_name(tag)))
        home = found[tag]
        assert run(home, pipeline, SATURDAY) == []
    return found


def said_of(home: Path) -> str:
    """Give what the checks of doctor find, and the commands of the gaps that status lists."""
    ctx = replace(context(home, MONITORING, SATURDAY), caller=Caller.PERSON)
    checks = examine(ctx)["checks"]
    found = [checks[name]["finding"] for name in ("gaps", "reconciliation") if checks[name]["status"] != Status.PASS]
    return " | ".join([*found, *(gap["command"] for gap in status(ctx)["gaps"])])


def test_every_task_either_leaves_something_that_is_named_or_nothing_that_could_be_missing() -> None:
    functions = {step.function for pipeline in PIPELINES for step in pipeline.steps if step.job is not None}
    assert functions == NAMED.keys() | LEAVE_NOTHING.keys()
    assert not NAMED.keys() & LEAVE_NOTHING.keys()


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda pipeline: pipeline.tag)
def test_where_every_task_ran_nothing_is_named(eves: dict[str, Path], tmp_path: Path, pipeline: Pipeline) -> None:
    home = Path(shutil.copytree(eves[pipeline.tag], tmp_path / "home"))
    assert run(home, pipeline, SATURDAY) == []
    to_come = {
        "preprocessing": {f"infer --date {day}" for day in (MISSED, SATURDAY)} | {WEEK},
        "inference": {WEEK},
        "monitoring": set(),
    }
    listed = {gap["command"] for gap in status(context(home, MONITORING, SATURDAY))["gaps"]}
    assert listed == {f"p2pcredit {command}" for command in to_come[pipeline.tag]}


@pytest.mark.parametrize(("pipeline", "step"), STEPS)
def test_a_task_marked_as_success_by_hand_fails_the_run_or_is_named_with_its_command(
    eves: dict[str, Path], tmp_path: Path, pipeline: Pipeline, step: Step
) -> None:
    home = Path(shutil.copytree(eves[pipeline.tag], tmp_path / "home"))
    failed = run(home, pipeline, SATURDAY, left_out=step)
    told = " | ".join([*failed, said_of(home)])
    if step.function in LEAVE_NOTHING:
        assert failed == []
        return
    assert f"p2pcredit {NAMED[str(step.function)]}" in told


def test_the_next_runs_make_up_what_a_marked_task_of_training_or_review_did_not_leave(
    eves: dict[str, Path], tmp_path: Path
) -> None:
    home = Path(shutil.copytree(eves["inference"], tmp_path / "home"))
    left = {"score_day", "clear_decision", "log_retraining", "generate_report", "send_alerts"}

    def do(pipeline: Pipeline, day: date, leave: bool) -> None:
        ctx = context(home, pipeline, day)
        walk(pipeline, lambda step: {} if leave and step.function in left else do_step(ctx, step, day))

    do(INFERENCE, SATURDAY, leave=True)
    do(MONITORING, SATURDAY, leave=True)
    layout = Layout(home)
    assert not layout.report(SATURDAY).is_file()
    assert not layout.retraining_log(week_monday(SATURDAY)).is_file()
    land(home, WEEK_AFTER, BOOK)
    preprocess(context(home, PREPROCESSING, WEEK_AFTER.last), WEEK_AFTER)
    for day in (WEEK_AFTER.first, WEEK_AFTER.last):
        do(INFERENCE, day, leave=False)
    do(MONITORING, WEEK_AFTER.last, leave=False)
    assert layout.report(SATURDAY).is_file()
    assert layout.retraining_log(week_monday(SATURDAY)).is_file()
    assert status(context(home, MONITORING, WEEK_AFTER.last))["gaps"] == []
