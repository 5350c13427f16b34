"""The DAGs with Spark as their engine, on real files: the same tables as those of the local engine, by one session."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from polars.testing import assert_frame_equal
from tests.robustness.reruns import daily_book
from tests.spark import scored_loans
from tests.spark.masters import QUIET

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, PREDICTIONS, QUARANTINE, silver
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.scoring.score import run_inference, score_day
from p2pcredit.orchestration.settings.bundle_settings import BUNDLE_VARIABLE, bundle_config
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

BEFORE, DAY = DateRange(date(2010, 1, 25), date(2010, 2, 18)), date(2010, 2, 19)
TOML = f"""\
engine = "auto"
[labels]
window_months = 1
reporting_lag_days = 1
[preprocessing]
max_quarantined_share = 1.0
[spark]
master = "local[2]"
from_rows = {{from_rows}}
[spark.conf]
{"".join(f'"{name}" = "{value}"' + chr(10) for name, value in QUIET.items())}"""

_RUN = """
import json, sys, warnings
from datetime import UTC, datetime
warnings.simplefilter("ignore")
from airflow.utils.db import initdb
from pyspark import SparkContext
initdb()
sessions, begin = [], SparkContext._do_init
SparkContext._do_init = lambda *args, **kwargs: (sessions.append(1), begin(*args, **kwargs))[1]
from p2pcredit.orchestration.dags import data_preprocessing, model_training_inference
for module in (data_preprocessing, model_training_inference):
    for task in module.dag.tasks:
        task.retry_delay = task.max_retry_delay = datetime.resolution
    run = module.dag.test(run_conf={"snapshot_date": sys.argv[1]}, logical_date=datetime.now(UTC))
    print("states", json.dumps({task.task_id: str(task.state) for task in run.get_task_instances()}))
print("sessions", len(sessions))
"""


def context(home: Path) -> JobContext:
    return replace(daily_book.context(home), settings=load_settings(home))


def test_a_day_of_both_dags_on_spark_is_that_of_the_local_engine_and_starts_one_session(
    homes: Callable[[str], Path], tmp_path: Path
) -> None:
    here = homes("dags-here")
    here.mkdir(parents=True, exist_ok=True)
    (here / "p2pcredit.toml").write_text(TOML.format(from_rows=1_000_000))
    ctx = context(here)
    daily_book.land(here, DateRange(BEFORE.first, DAY))
    preprocess(ctx, BEFORE)
    card = {"model_id": "m1", "family": "scorecard", "as_of": f"{BEFORE.first}"}
    ModelBank(ctx.layout).add("m1", scored_loans.model("scorecard").to_files(), card)
    facts = {"model_id": "m1", "effective_on": f"{BEFORE.first}", "why": "test"}
    ctx.ledger.append(EventKind.PROMOTED, at=ctx.at, run_id="person", facts=facts)
    run_inference(ctx, BEFORE)
    there = here.with_name("there")
    shutil.copytree(here, there)
    (there / "p2pcredit.toml").write_text(TOML.format(from_rows=0))
    preprocess(ctx, DateRange(DAY, DAY))
    scored = score_day(ctx, DAY)

    states, sessions = _run_dags(there, tmp_path / "airflow")

    assert sessions == 1
    assert set(states[0].values()) == {"success"}
    assert "failed" not in states[1].values()
    assert states[1]["run_inference"] == "success"
    assert scored["scored"] > 0
    tables = [*(silver(feed) for feed in FEEDS.values()), QUARANTINE, FEATURE_STORE, LABEL_STORE]
    for table in tables:
        local, spark = (Lake(Layout(home)).read(table) for home in (here, there))
        assert_frame_equal(spark, local, check_exact=True)
    local, spark = (Lake(Layout(home)).read(PREDICTIONS).drop("probability_of_default") for home in (here, there))
    assert local["snapshot_date"].max() == DAY
    assert_frame_equal(spark, local)


def _run_dags(home: Path, airflow_home: Path) -> tuple[list[dict[str, str]], int]:
    """What became of each task of both DAGs in a process of its own, and how many sessions of Spark it started."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW__", "P2P_"))}
    environment = {
        **plain,
        "AIRFLOW_HOME": str(airflow_home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow_home}/airflow.db",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        BUNDLE_VARIABLE: bundle_config(),
        "P2P_HOME": str(home),
        "P2P_WAIT_MINUTES": "0",
    }
    airflow_home.mkdir()
    command = [sys.executable, "-c", _RUN, f"{DAY}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800, env=environment)
    assert ran.returncode == 0, ran.stderr[-3000:]
    said = [line.split(" ", 1) for line in ran.stdout.splitlines()]
    states = [json.loads(rest) for word, *more in said for rest in more if word == "states"]
    return states, next(int(rest) for word, *more in said for rest in more if word == "sessions")
