"""Take the pictures of the README from a home that `make demo` left: the weekly report, and the DAGs' runs in Airflow.

Chromium (`chromium` of the system) draws the pages without a window.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from p2pcredit.jobs.pipelines import INFERENCE
from p2pcredit.local_airflow.airflow import down, free_port, up
from p2pcredit.orchestration.settings.schedules import END_VARIABLE

REPORT_SIZE = (1180, 1000)
RUNS_SIZE = (1480, 860)
PAST = "2000-01-01T00:00:00+00:00"
"""The end that the DAGs are given while the picture is taken, so that no run begins."""


def take_picture(address: str, size: tuple[int, int], out: Path, *, milliseconds: int = 4000) -> None:
    """Draw a page in a window of a size and write it as PNG.

    Args:
        address: `file:` or `http:` address of the page.
        size: Width and height of the window in pixels.
        out: The picture; replaced where it is there.
        milliseconds: How long scripts of the page may run before the picture is taken.

    Raises:
        SystemExit: If there is no Chromium, or it wrote no picture.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("no Chromium found; install the package 'chromium' and run this again")
    with tempfile.TemporaryDirectory(prefix="p2pcredit-pictures-") as profile:
        command = [
            program,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            f"--window-size={size[0]},{size[1]}",
            f"--virtual-time-budget={milliseconds}",
            f"--screenshot={out}",
            address,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0 or not out.is_file():
        raise SystemExit(f"Chromium took no picture of {address}: {done.stderr.strip()[-500:]}")


def newest_report(home: Path) -> Path:
    """Find the newest weekly report of a home.

    Raises:
        SystemExit: If it has none.
    """
    reports = sorted((home / "reports").glob("monitoring_*.html"))
    if not reports:
        raise SystemExit(f"{home} has no weekly report; run 'make demo' first")
    return reports[-1]


def picture_of_runs(home: Path, out: Path) -> None:
    """Start the home's Airflow with DAGs that have ended, and draw the newest training's run."""
    free = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True", END_VARIABLE: PAST}
    try:
        airflow = up(home, free_port(), extra_env=free, progress=print)
        trained = next(
            run["dag_run_id"]
            for run in airflow.client().runs(INFERENCE.dag_id)
            if any(
                task["task_id"] == "train_model_task" and task["state"] == "success"
                for task in airflow.client().task_instances(INFERENCE.dag_id, run["dag_run_id"])
            )
        )
        page = f"{airflow.url}/dags/{INFERENCE.dag_id}/runs/{trained}"
        take_picture(page, RUNS_SIZE, out, milliseconds=30000)
    finally:
        down(home, progress=print)


def main() -> None:
    """Take both pictures."""
    parser = argparse.ArgumentParser(prog="pictures", description=__doc__)
    parser.add_argument("home", type=Path, help="a home that 'make demo' left")
    parser.add_argument("out", type=Path, help="where the pictures go")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    take_picture(newest_report(asked.home).absolute().as_uri(), REPORT_SIZE, asked.out / "weekly-report.png")
    picture_of_runs(asked.home, asked.out / "airflow-run.png")
    sys.stdout.write(f"pictures are in {asked.out}\n")


if __name__ == "__main__":
    main()
