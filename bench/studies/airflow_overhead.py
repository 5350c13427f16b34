"""What Airflow adds to our jobs: reading a DAG file, and a day's two DAGs against the same DAGs with empty tasks.

Run with `make bench-airflow`; writes `bench/results/airflow.json` and `airflow.md`. Everything that is compared is
measured in turn in one run. Times are wall seconds, medians over the repeats.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.young_home import SETTINGS as YOUNG_HOME

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.pipelines import INFERENCE, PREPROCESSING
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.training.retrain import train_now
from p2pcredit.local_airflow import airflow as local
from p2pcredit.local_airflow.client import AirflowClient
from p2pcredit.orchestration.settings.bundle_settings import BUNDLE_VARIABLE, bundle_config
from p2pcredit.periods import DateRange
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout

RESULTS = Path(__file__).parents[1] / "results"
FIRST, TRAINED, LAST = date(2021, 1, 1), date(2021, 6, 14), date(2021, 6, 30)
SETTINGS = f"{YOUNG_HOME}min_evaluation_bads = 5\n"
DAG_FILES = ("data_preprocessing", "model_training_inference", "model_monitoring")
ALLOWED_SECONDS, ALLOWED_TIMES = 0.3, 2.0
IMPORTS = {
    "nothing": "pass",
    "import airflow": "import airflow",
    "import airflow.sdk": "import airflow.sdk",
    "what a DAG needs of airflow.sdk": (
        "from airflow.sdk import DAG, BaseOperator, TaskGroup, chain\n"
        "from airflow.providers.standard.operators.empty import EmptyOperator\n"
        "with DAG('empty', schedule='0 1 * * *') as dag: EmptyOperator(task_id='start')"
    ),
    **{name: f"import p2pcredit.orchestration.dags.{name}" for name in DAG_FILES},
}
BASE = "import airflow.sdk"
HEAVY = [
    *("airflow", "altair", "apprise", "deltalake", "jinja2", "narwhals", "numpy"),
    *("polars", "pyarrow", "scipy", "sklearn", "vl_convert", "xgboost"),
]

# The jobs of a day without a training, in the order of their tasks: job and feed.
DAILY: list[tuple[str, str]] = [
    (step.job, step.feed or "")
    for pipeline in (PREPROCESSING, INFERENCE)
    for step in pipeline.steps
    if step.job is not None and step.name != "train_model_task"
]
DO = """
import json, sys, time
from datetime import UTC, datetime
from pathlib import Path

def do(job, feed, home, day):
    from p2pcredit.jobs.context import JobContext
    from p2pcredit.jobs.pipelines import jobs_of
    from p2pcredit.jobs.walking import call_job
    from p2pcredit.periods import parse_date
    from p2pcredit.settings import load_settings
    from p2pcredit.storage.layout import Layout
    ctx = JobContext(Layout(Path(home)), load_settings(Path(home)), "bench", datetime.now(UTC))
    return call_job(ctx, job, parse_date(day), feed=feed or None, span=jobs_of()[job].span)

home, day, heavy, jobs = sys.argv[1], sys.argv[2], sys.argv[3].split(), json.loads(sys.argv[4])
seconds, bytes_ = [], 0
for job, feed in jobs:
    begun = time.perf_counter()
    bytes_ = max(bytes_, len(json.dumps(do(job, feed, home, day), default=str)))
    seconds.append(time.perf_counter() - begun)
print(json.dumps({"seconds": sum(seconds), "receipt_bytes": bytes_, "modules": len(sys.modules),
                  "heavy": [name for name in heavy if name in sys.modules]}))
"""
SHAPES = """
import json, sys
from p2pcredit.orchestration.dags import data_preprocessing, model_training_inference
chosen = {"check_inference_condition": "check_retraining_needed", "check_retraining_needed": "skip_retraining"}
print(json.dumps([{"dag_id": "Floor_" + m.dag.dag_id, "tasks": [
    {"task_id": t.task_id, "empty": type(t).__name__ == "EmptyOperator", "chosen": chosen.get(t.task_id),
     "upstream": sorted(t.upstream_task_ids), "trigger_rule": str(t.trigger_rule.value)} for t in m.dag.tasks]}
    for m in (data_preprocessing, model_training_inference)]))
"""
FLOOR = """
import json
from pathlib import Path
from airflow.providers.standard.operators.branch import BaseBranchOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, BaseOperator


class Nothing(BaseOperator):
    def execute(self, context):
        return {}


class Choose(BaseBranchOperator):
    def __init__(self, *, chosen, **kwargs):
        super().__init__(**kwargs)
        self.chosen = chosen

    def choose_branch(self, context):
        return self.chosen


for shape in json.loads(Path(__file__).with_name("shapes.json").read_text()):
    with DAG(shape["dag_id"], schedule=None, max_active_runs=1) as dag:
        made = {}
        for task in shape["tasks"]:
            kind = EmptyOperator if task["empty"] else Choose if task["chosen"] else Nothing
            more = {"chosen": task["chosen"]} if task["chosen"] else {}
            made[task["task_id"]] = kind(task_id=task["task_id"], trigger_rule=task["trigger_rule"], **more)
        for task in shape["tasks"]:
            made[task["task_id"]].set_upstream([made[name] for name in task["upstream"]])
    globals()[shape["dag_id"]] = dag
"""


def quiet_environment(root: Path) -> dict[str, str]:
    """Return the environment of a process that reads a DAG file: an Airflow home of its own, nothing set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "P2P_"))}
    return {**kept, "AIRFLOW_HOME": str(root / "reading"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}


def run(code: str, environ: dict[str, str], *arguments: str) -> tuple[float, str]:
    """Run code in a fresh process; return its wall seconds, and what it printed last."""
    begun = time.perf_counter()
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=900, check=True)
    return time.perf_counter() - begun, (done.stdout.splitlines() or [""])[-1]


def measure_reading(root: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Measure the seconds of a fresh process per thing read, all in turn; and how many modules it loads."""
    environ = quiet_environment(root)
    counted = {
        name: int(run(f"{code}\nimport sys; print(len(sys.modules))", environ)[1]) for name, code in IMPORTS.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(repeats):
        for name, code in IMPORTS.items():
            seconds[name].append(run(code, environ)[0])
    over = {n: statistics.median(a - b for a, b in zip(s, seconds[BASE], strict=True)) for n, s in seconds.items()}
    return {
        name: {
            "seconds": statistics.median(found),
            "least": min(found),
            "over_base": over[name],
            "over_base_of_least": min(found) - min(seconds[BASE]),
            "modules": counted[name],
        }
        for name, found in seconds.items()
    }


def build_home(home: Path, loans_per_day: int) -> None:
    """Build a home with landed days, a first champion, and the days before it processed."""
    home.mkdir()
    (home / "p2pcredit.toml").write_text(SETTINGS, encoding="utf-8")
    ctx = JobContext(Layout(home), load_settings(home), "bench", datetime(2021, 7, 1, tzinfo=UTC))
    raw = home.with_name("portfolio.csv.gz")
    write_raw(raw, SyntheticSettings(FIRST, LAST, loans_per_day=loans_per_day))
    land(ctx, "synthetic", [raw], FIRST, LAST)
    preprocess(ctx, DateRange(FIRST, TRAINED))
    train_now(ctx, TRAINED, "for the benchmark")


@contextmanager
def started(home: Path, root: Path) -> Iterator[AirflowClient]:
    """Start an Airflow with our DAGs and with empty ones of the same shape; stop it at the end."""
    floor = root / "floor"
    floor.mkdir()
    (floor / "shapes.json").write_text(run(SHAPES, quiet_environment(root))[1])
    (floor / "floor_dags.py").write_text(FLOOR)
    bundle = {
        "name": "floor",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(floor)},
    }
    told = {
        # No run is due between these, so Airflow makes none besides those that are asked for.
        "P2P_DAG_START": "2021-12-01T03:00",
        "P2P_DAG_END": "2021-12-01T05:00",
        BUNDLE_VARIABLE: json.dumps([*json.loads(bundle_config()), bundle]),
    }
    try:
        client = local.up(home, local.free_port(), extra_env=told, timeout=300).client()
        client.wait_for_dags([f"Floor_{PREPROCESSING.dag_id}", f"Floor_{INFERENCE.dag_id}"], timeout=120)
        yield client
    finally:
        local.down(home)


def pair(client: AirflowClient, prefix: str, number: int, day: date) -> float:
    """Measure the seconds of the day's two DAGs, one after the other, from start to end as Airflow itself records."""
    total = 0.0
    for dag_id in (prefix + PREPROCESSING.dag_id, prefix + INFERENCE.dag_id):
        at = f"2021-12-01T04:{number:02d}:00+00:00"
        run_id = client.trigger(dag_id, {"snapshot_date": day.isoformat()}, at)
        state = client.wait_for_run(dag_id, run_id, timeout=900)
        if state != "success":
            raise SystemExit(f"run {run_id} of {dag_id} ended as {state}; see the logs of Airflow")
        found = next(one for one in client.runs(dag_id) if one["dag_run_id"] == run_id)
        total += (
            datetime.fromisoformat(found["end_date"]) - datetime.fromisoformat(found["start_date"])
        ).total_seconds()
    return total


def measure_pairs(root: Path, repeats: int, loans_per_day: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure the pair, its floor, and its jobs without Airflow, in turn day by day; and what each job loads."""
    home, plain = root / "home", root / "plain"
    build_home(home, loans_per_day)
    shutil.copytree(home, plain)
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "P2P_"))}
    rows: list[dict[str, float]] = []
    jobs: dict[str, Any] = {}
    with started(home, root) as client:
        pair(client, "Floor_", 0, TRAINED)  # the first run pays for what is loaded once
        for number in range(1, repeats + 1):
            day = TRAINED + timedelta(days=number)
            row = {"floor": pair(client, "Floor_", number, day), "pair": pair(client, "", number, day), "fresh": 0.0}
            again = Path(shutil.copytree(plain, root / f"again-{number}"))
            for job, feed in DAILY:
                seconds, told = run(DO, alone, str(plain), str(day), " ".join(HEAVY), json.dumps([[job, feed]]))
                row["fresh"] += seconds
                jobs[job] = {**json.loads(told), "process_seconds": seconds}
            told = run(DO, alone, str(again), str(day), " ".join(HEAVY), json.dumps(DAILY))[1]
            row["warm"] = json.loads(told)["seconds"]
            row["allowed_fresh"] = ALLOWED_TIMES * row["fresh"] + row["floor"]
            row["allowed_warm"] = ALLOWED_TIMES * row["warm"] + row["floor"]
            rows.append(row)
            shutil.rmtree(again)
    median = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    median["share_of_allowed_fresh"] = statistics.median(row["pair"] / row["allowed_fresh"] for row in rows)
    median["share_of_allowed_warm"] = statistics.median(row["pair"] / row["allowed_warm"] for row in rows)
    median["pair_over_floor"] = statistics.median(row["pair"] / row["floor"] for row in rows)
    return {"loans_per_day": loans_per_day, "median": median, "rows": rows}, jobs


def as_markdown(found: dict[str, Any]) -> str:
    """Render the tables as Markdown."""
    lines = [
        "# What Airflow adds",
        "",
        f"Airflow {found['versions']['apache-airflow']}, Python {found['versions']['python']}, {found['cores']} cores;"
        f" medians of {found['repeats']['reading']} and {found['repeats']['pairs']} repeats, all in turn in one run"
        " (`make bench-airflow`).",
        "",
        f"## Reading a DAG file: at most {ALLOWED_SECONDS} s over `{BASE}`",
        "",
        "| a fresh process that reads | s | over the base, s | the same of the least times | modules |",
        "|---|---|---|---|---|",
    ]
    for name, row in found["reading"].items():
        lines.append(
            f"| {name} | {row['seconds']:.2f} | {row['over_base']:+.2f} | {row['over_base_of_least']:+.2f} |"
            f" {row['modules']:.0f} |"
        )
    median = found["pairs"]["median"]
    lines += [
        "",
        f"## A day's two DAGs, {found['pairs']['loans_per_day']} loans a day, through the local scheduler",
        "",
        "| what | s |",
        "|---|---|",
        f"| the pair | {median['pair']:.1f} |",
        f"| floor: the same DAGs with empty tasks | {median['floor']:.1f} |",
        f"| its jobs, each in a process of its own as a task is | {median['fresh']:.1f} |",
        f"| its jobs, all in one process | {median['warm']:.1f} |",
        f"| allowed: twice the jobs in processes of their own, and the floor | {median['allowed_fresh']:.1f} |",
        f"| allowed: twice the jobs in one process, and the floor | {median['allowed_warm']:.1f} |",
        "",
        f"The pair takes {median['share_of_allowed_fresh']:.2f} of what is allowed by the first reckoning,"
        f" {median['share_of_allowed_warm']:.2f} by the second, and {median['pair_over_floor']:.2f} times the floor.",
        "",
        "## What each task's job loads, beside what Airflow loads",
        "",
        "| job | modules | of the heavy libraries | receipt, bytes |",
        "|---|---|---|---|",
    ]
    for job, row in found["jobs"].items():
        lines.append(f"| {job} | {row['modules']} | {', '.join(row['heavy']) or 'none'} | {row['receipt_bytes']} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, write both files, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, default=9, help="how often each DAG file is read")
    parser.add_argument("--days", type=int, default=5, help="how many days go through the scheduler, at most 15")
    parser.add_argument("--loans", type=int, default=60, help="loans a day")
    asked = parser.parse_args()
    if not 1 <= asked.days <= (LAST - TRAINED).days:
        parser.error(f"--days is from 1 to {(LAST - TRAINED).days}")
    with tempfile.TemporaryDirectory(prefix="p2p-bench-airflow-") as directory:
        root = Path(directory)
        reading = measure_reading(root, asked.reads)
        pairs, jobs = measure_pairs(root, asked.days, asked.loans)
    found = {
        "versions": {"python": platform.python_version(), **{n: version(n) for n in ("apache-airflow", "polars")}},
        "cores": os.cpu_count(),
        "repeats": {"reading": asked.reads, "pairs": asked.days},
        "base": BASE,
        "reading": reading,
        "pairs": pairs,
        "jobs": jobs,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "airflow.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "airflow.md").write_text(as_markdown(found), encoding="utf-8")
    print(as_markdown(found))


if __name__ == "__main__":
    main()
