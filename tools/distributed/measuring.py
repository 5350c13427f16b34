"""Describe a run of a cluster: time and memory of tasks and programs, what ran and where."""

from __future__ import annotations

import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import distributions, version
from statistics import median
from typing import Any

import psutil
from tools.distributed.cluster import PACKAGES, Cluster
from tools.distributed.memory import MemoryWatch
from tools.distributed.services import postgres_programs

from p2pcredit.jobs.pipelines import PIPELINES

Told = dict[str, dict[str, Any]]


def tasks_and_runs(cluster: Cluster, memory: MemoryWatch) -> tuple[Told, Told]:
    """Return times and memory of tasks by name, and times of runs by DAG, as a cluster's API tells of them now."""
    client = cluster.client()
    tasks: dict[str, list[tuple[float, float | None]]] = {}
    runs: dict[str, list[float]] = {}
    for dag_id in (pipeline.dag_id for pipeline in PIPELINES):
        for run in client.runs(dag_id):
            runs.setdefault(dag_id, []).append(_seconds(run))
            for task in client.task_instances(dag_id, run["dag_run_id"]):
                if task["state"] == "success" and task["start_date"] and task["operator"] != "EmptyOperator":
                    name = f"{dag_id.removeprefix('P2PCreditScore_')}.{task['task_id']}"
                    tasks.setdefault(name, []).append((_seconds(task), memory.tasks.get(str(task["id"]))))
    described = {
        name: {**_times([s for s, _ in seen]), "peak": max((peak for _, peak in seen if peak), default=None)}
        for name, seen in tasks.items()
    }
    return described, {dag_id: _times(seconds) for dag_id, seconds in runs.items()}


def describe_run(cluster: Cluster, memory: MemoryWatch, tasks: Told, runs: Told) -> dict[str, Any]:
    """Return what the page says of a run, but for its days and its kills; Airflow's logs do not count as home."""
    files = [
        path for path in cluster.home.rglob("*") if path.is_file() and cluster.home / "airflow" not in path.parents
    ]
    return {
        "machine": f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB of memory",
        "versions": _versions(),
        "measured_on": f"{datetime.now(UTC).date()}",
        "programs": {n: {"peak": memory.peaks[n], "starts": p.starts} for n, p in cluster.programs.items()},
        "tasks": tasks,
        "runs": runs,
        "home_mb": sum(path.stat().st_size for path in files) / 2**20,
    }


def _times(seconds: list[float]) -> dict[str, Any]:
    return {"runs": len(seconds), "median": median(seconds), "longest": max(seconds)}


def _seconds(told: dict[str, Any]) -> float:
    return (datetime.fromisoformat(told["end_date"]) - datetime.fromisoformat(told["start_date"])).total_seconds()


def _versions() -> str:
    celery = next(found.version for found in distributions(path=[str(PACKAGES)]) if found.metadata["Name"] == "celery")
    said = [
        subprocess.run([program, "--version"], capture_output=True, text=True).stdout
        for program in (f"{postgres_programs()}/postgres", "redis-server")
    ]
    postgres, redis = (re.findall(r"\d+\.\d+(?:\.\d+)?", text)[0] for text in said)
    return (
        f"Python {platform.python_version()}, Airflow {version('apache-airflow')}, Celery {celery}, "
        f"PostgreSQL {postgres}, Redis {redis}"
    )
