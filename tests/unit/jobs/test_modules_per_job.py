"""A task imports what its work needs and nothing else: each job is done in a process of its own, on a real home."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.unit.jobs import evidence_home

from p2pcredit.jobs.pipelines import jobs_of

FILES = {"polars", "pyarrow", "numpy"}
# Polars imports PyArrow itself to read a Delta table.
TABLES = {*FILES, "deltalake", "narwhals"}
# XGBoost imports scikit-learn, SciPy and pandas itself where they are installed; pandas comes with Spark only.
BOOSTING = {*TABLES, "scipy", "sklearn", "xgboost", "joblib", "threadpoolctl", "pandas"}
PAGE = {"altair", "jinja2", "vl_convert"}
HEAVY = {*BOOSTING, *PAGE, "apprise", "pandas", "typer", "airflow"}

ALLOWED: dict[str, set[str]] = {
    "preprocessing.catch_up.make_up_days": set(),
    "preprocessing.source_checks.check_source": FILES,
    "preprocessing.stages.load_bronze": TABLES,
    "preprocessing.stages.refine_silver": TABLES,
    "preprocessing.stages.build_feature_store": TABLES,
    "preprocessing.label_store.build_label_store": TABLES,
    "preprocessing.cash_flows.build_cash_flows": TABLES,
    "preprocessing.stages.complete_days": TABLES,
    "monitoring.steps.check_monitoring": TABLES,
    "scoring.champions.get_monitored_model": set(),
    # The champion's evaluation model scores matured loans again.
    "monitoring.steps.calculate_metrics": BOOSTING,
    "monitoring.report.generate_report": {*BOOSTING, *PAGE},
    "monitoring.steps.write_retraining_decision": TABLES,
    "monitoring.alerts.send_alerts": TABLES,
    "training.retrain.check_retraining": set(),
    "training.retrain.train_if_due": {*BOOSTING, *PAGE},
    "scoring.champions.get_model": set(),
    "scoring.score.score_day": BOOSTING,
    "decisions.clear_decision": set(),
    "training.retrain.log_retraining": set(),
}
"""Job -> the heavy libraries that its work needs. In the order in which the DAGs do them, monitoring first."""

MOST_RECEIPT_BYTES = 4096
"""What a task leaves in Airflow's database. The largest is a training's, which holds the metrics of its card."""

DO = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.pipelines import jobs_of
from p2pcredit.jobs.walking import do_step
from p2pcredit.periods import parse_date
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout

job, home, day, heavy = sys.argv[1], Path(sys.argv[2]), parse_date(sys.argv[3]), sys.argv[4].split()
step = jobs_of()[job]
at = datetime(2021, 7, 11, 2, tzinfo=UTC)
receipt = do_step(JobContext(Layout(home), load_settings(home), "modules", at), step, day)
print(json.dumps([receipt, sorted(name for name in heavy if name in sys.modules)]))
"""


def test_every_job_that_a_task_names_is_looked_at_here() -> None:
    assert set(jobs_of()) == set(ALLOWED)


def test_no_job_imports_a_heavy_library_that_its_work_does_not_need(tmp_path: Path) -> None:
    home = tmp_path / "home"
    evidence_home.build_home(home, evidence_home.TRAININGS[:1])
    day = evidence_home.LAST
    too_much: dict[str, list[str]] = {}
    for job, allowed in ALLOWED.items():
        if job == "training.retrain.check_retraining":
            decision = {"decision_date": str(day), "performance_score": 0.58, "retrain": True, "reason": "by hand"}
            (home / "logs/retraining_decision.json").write_text(json.dumps(decision))
        command = [sys.executable, "-W", "error", "-c", DO, job, str(home), str(day), " ".join(sorted(HEAVY))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, (job, done.stderr[-2000:])
        receipt, loaded = json.loads(done.stdout)
        assert len(json.dumps(receipt)) <= MOST_RECEIPT_BYTES, (job, receipt)
        if set(loaded) - allowed:
            too_much[job] = sorted(set(loaded) - allowed)
        if job == "training.retrain.train_if_due":
            assert receipt["outcome"] in {"champion", "challenger"}, "else the heaviest job would not have been done"
    assert too_much == {}
