"""Any job run twice changes nothing: not a byte of any file but the log of what was done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.reruns.nightly_runs import LAST, context, nights

from p2pcredit.jobs.audit.reproduce import reproduce
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import reconcile
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.monitoring.review import monitor
from p2pcredit.jobs.pipeline_graph import Pipeline
from p2pcredit.jobs.pipelines import PIPELINES, jobs_of
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.jobs.walking import do_step
from p2pcredit.periods import DateRange

FIRST_NIGHT, SATURDAY, LAST_NIGHT = date(2021, 6, 1), date(2021, 6, 5), date(2021, 6, 6)
ONE, SPAN = DateRange(LAST_NIGHT, LAST_NIGHT), DateRange(date(2021, 5, 20), LAST_NIGHT)


def land_all(ctx: JobContext) -> object:
    """Land the whole portfolio, at an instant after its last day."""
    return land(ctx, "synthetic", [ctx.layout.home.with_name("portfolio.csv.gz")], date(2021, 1, 1), LAST)


NIGHTS = {"preprocessing": LAST_NIGHT, "inference": FIRST_NIGHT, "monitoring": SATURDAY}


def steps_again(pipeline: Pipeline, function: str) -> Callable[[Any], Any]:
    """Do the steps of a pipeline that call a job, of each feed where there are several."""
    steps = [step for step in pipeline.steps if step.function == function]
    day = LAST_NIGHT if function in {"get_model", "score_day"} else NIGHTS[pipeline.tag]
    return lambda ctx: [do_step(ctx, step, day) for step in steps]


OF_PIPELINES = {
    str(step.function): steps_again(pipeline, str(step.function))
    for pipeline in PIPELINES
    for step in pipeline.steps
    if step.job is not None
}
JOBS: dict[str, Callable[[Any], Any]] = {
    **OF_PIPELINES,
    "land": lambda ctx: land_all(context(ctx.layout.home, ctx.run_id, LAST)),
    "preprocess a day": lambda ctx: preprocess(ctx, ONE),
    "preprocess a span": lambda ctx: preprocess(ctx, SPAN),
    "run_inference": lambda ctx: run_inference(ctx, SPAN),
    "monitor": lambda ctx: monitor(ctx, SATURDAY),
    "reconcile": reconcile,
    "status": status,
    "examine": examine,
    "reproduce": lambda ctx: reproduce(ctx, ctx.ledger.state().champion),
}


@pytest.fixture(scope="module")
def finished(young: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after a week of nights in which a decision was obeyed and a Saturday reviewed, with its report."""
    home = Path(shutil.copytree(young.parent, tmp_path_factory.mktemp("finished") / "young")) / "home"
    nights(str(home), "night-", str(FIRST_NIGHT), str(LAST_NIGHT))
    monitor(context(home, "week", SATURDAY), SATURDAY)
    return home


def content(home: Path) -> dict[str, bytes]:
    """Every file but the activity log and the files that stand for locks."""
    paths = (path for path in home.rglob("*") if path.is_file() and not path.name.endswith("lock"))
    return {str(path.relative_to(home)): path.read_bytes() for path in paths if path.name != "activity.jsonl"}


@pytest.mark.parametrize("job", JOBS)
def test_a_job_run_again_changes_no_byte(job: str, finished: Path) -> None:
    before = content(finished)
    day = {"train_if_due": FIRST_NIGHT, "check_retraining": FIRST_NIGHT}.get(job, SATURDAY)
    JOBS[job](context(finished, f"night-{day}" if day == FIRST_NIGHT else "week", day))
    after = content(finished)
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    assert changed == []


def test_every_job_of_the_dags_is_run_again_here() -> None:
    assert {str(step.function) for step in jobs_of().values()} <= set(JOBS)


def test_a_copied_home_is_as_good_as_the_first(finished: Path, tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    shutil.copytree(finished, home)
    shutil.copy(finished.with_name("portfolio.csv.gz"), tmp_path)
    before = content(home)
    for job in ("preprocess a span", "run_inference", "monitor", "clear_decision"):
        JOBS[job](context(home, "week", SATURDAY))
    assert content(home) == before
