"""Any job run twice changes nothing: not a byte of any file but the log of what was done."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from nightly_runs import LAST, context, nights

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.jobs.audit.reproduce import reproduce
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import clear_decision, reconcile
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.monitoring.alerts import send_alerts
from p2pcredit.jobs.monitoring.report import generate_report
from p2pcredit.jobs.monitoring.review import monitor
from p2pcredit.jobs.monitoring.steps import calculate_metrics, check_monitoring, write_retraining_decision
from p2pcredit.jobs.preprocessing.source_checks import check_source
from p2pcredit.jobs.preprocessing.stages import (
    build_feature_store,
    build_label_store,
    complete_days,
    load_bronze,
    preprocess,
    refine_silver,
)
from p2pcredit.jobs.scoring.champions import get_model
from p2pcredit.jobs.scoring.score import run_inference, score_day
from p2pcredit.jobs.training.retrain import check_retraining, log_retraining, train_if_due
from p2pcredit.periods import DateRange

FIRST_NIGHT, SATURDAY, LAST_NIGHT = date(2021, 6, 1), date(2021, 6, 5), date(2021, 6, 6)
ONE, SPAN = DateRange(LAST_NIGHT, LAST_NIGHT), DateRange(date(2021, 5, 20), LAST_NIGHT)


def land_all(ctx: JobContext) -> object:
    """Land the whole portfolio, at an instant after its last day."""
    return land(ctx, "synthetic", [ctx.layout.home.with_name("portfolio.csv.gz")], date(2021, 1, 1), LAST)


JOBS: dict[str, Callable[[Any], Any]] = {
    "land": lambda ctx: land_all(context(ctx.layout.home, ctx.run_id, LAST)),
    "check_source": lambda ctx: [check_source(ctx, feed, ONE) for feed in FEEDS],
    "load_bronze": lambda ctx: [load_bronze(ctx, feed, ONE) for feed in FEEDS],
    "refine_silver": lambda ctx: [refine_silver(ctx, feed, ONE) for feed in FEEDS],
    "build_feature_store": lambda ctx: build_feature_store(ctx, ONE),
    "build_label_store": lambda ctx: build_label_store(ctx, ONE),
    "complete_days": lambda ctx: complete_days(ctx, ONE),
    "preprocess a day": lambda ctx: preprocess(ctx, ONE),
    "preprocess a span": lambda ctx: preprocess(ctx, SPAN),
    "check_retraining": lambda ctx: check_retraining(ctx, FIRST_NIGHT),
    "train_if_due": lambda ctx: train_if_due(ctx, FIRST_NIGHT),
    "get_model": lambda ctx: get_model(ctx, LAST_NIGHT),
    "score_day": lambda ctx: score_day(ctx, LAST_NIGHT),
    "run_inference": lambda ctx: run_inference(ctx, SPAN),
    "clear_decision": lambda ctx: clear_decision(ctx, FIRST_NIGHT),
    "log_retraining": lambda ctx: log_retraining(ctx, FIRST_NIGHT),
    "check_monitoring": lambda ctx: check_monitoring(ctx, SATURDAY),
    "calculate_metrics": lambda ctx: calculate_metrics(ctx, SATURDAY),
    "generate_report": lambda ctx: generate_report(ctx, SATURDAY),
    "write_retraining_decision": lambda ctx: write_retraining_decision(ctx, SATURDAY),
    "monitor": lambda ctx: monitor(ctx, SATURDAY),
    "send_alerts": lambda ctx: send_alerts(ctx, SATURDAY),
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
    text = "".join(
        path.read_text() for path in (Path(__file__).parents[3] / "src/p2pcredit/orchestration/dags").glob("*.py")
    )
    called = {name.rpartition(".")[2] for name in re.findall(r'job="([a-z_.]+)"', text)}
    assert called - {"get_monitored_model"} <= set(JOBS)


def test_a_copied_home_is_as_good_as_the_first(finished: Path, tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    shutil.copytree(finished, home)
    shutil.copy(finished.with_name("portfolio.csv.gz"), tmp_path)
    before = content(home)
    for job in ("preprocess a span", "run_inference", "monitor", "clear_decision"):
        JOBS[job](context(home, "week", SATURDAY))
    assert content(home) == before
