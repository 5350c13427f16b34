"""With OpenLineage's provider installed, what tasks read and write comes out as datasets of OpenLineage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import pytest

from p2pcredit.orchestration.provider import provider_info
from p2pcredit.orchestration.settings.bundle_settings import BUNDLE_VARIABLE, bundle_config

PROGRAM = """
import warnings

warnings.simplefilter("ignore")
from datetime import UTC, datetime

from airflow.utils.db import initdb

from p2pcredit.jobs import walking
from p2pcredit.orchestration.dags import model_monitoring

initdb()
walking.call_job = lambda *_, **__: {"monitor": True, "report": True}
ran = model_monitoring.dag.test(run_conf={"snapshot_date": "2011-03-05"}, logical_date=datetime.now(UTC))
assert ran.state == "success", ran.state
"""
Sides = tuple[set[str], set[str]]


def run(program: str, packages: Path, place: Path, more: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    (place / "home").mkdir()
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "P2P_", "OPENLINEAGE"))
    }
    ours = {
        "PYTHONPATH": str(packages),
        "AIRFLOW_HOME": str(place),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{place}/airflow.db",
        BUNDLE_VARIABLE: bundle_config(),
        "P2P_HOME": str(place / "home"),
        "P2P_MONITORING_WAIT_MINUTES": "0",
    }
    environ = {**kept, **ours, **more}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environ, timeout=300)


def test_a_run_emits_what_its_tasks_read_and_write(packages: Path, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    transport = {"type": "file", "log_file_path": str(file), "append": True}
    done = run(PROGRAM, packages, tmp_path, {"AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport)})
    assert done.returncode == 0, done.stderr[-2000:]
    emitted: dict[str, Sides] = {}
    for event in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
        _, _, task_id = event["job"]["name"].partition(".")
        if event["eventType"] == "COMPLETE" and task_id:
            sides = [{f"{one['namespace']} {one['name']}" for one in event[side]} for side in ("inputs", "outputs")]
            emitted[task_id] = (sides[0], sides[1])
    assert emitted["calculate_metrics"] == (
        {"p2pcredit gold/feature_store", "p2pcredit gold/label_store", "p2pcredit gold/predictions"},
        {"p2pcredit gold/monitoring"},
    )
    assert emitted["write_retraining_decision"] == ({"p2pcredit gold/monitoring"}, {"p2pcredit decision/retraining"})
    assert emitted["generate_report"][1] == {"p2pcredit report/weekly"}
    assert emitted["end"] == (set(), set())


def test_airflow_finds_the_package_under_its_own_name() -> None:
    (point,) = [
        point
        for point in metadata.entry_points(group="apache_airflow_provider")
        if point.module.startswith("p2pcredit.")
    ]
    assert point.load() is provider_info
    assert point.dist is not None
    assert point.dist.name == provider_info()["package-name"]


@pytest.mark.parametrize("name", ["airflow", "polars", "openlineage", "p2pcredit.jobs"])
def test_what_every_component_of_airflow_loads_imports_nothing_else(name: str) -> None:
    program = f"import sys, p2pcredit.orchestration.provider as p; p.provider_info(); print({name!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
