"""Write `docs/reference/distributed.md` from what a run of `make distributed` measured: `page.py DIR`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FILE = "measured.json"
QUIET = 10.0
"""Percent of its processors that a machine may give to others and still be called quiet."""


def page(told: dict[str, Any]) -> str:
    """Write the page.

    Args:
        told: What `tests/e2e/test_distributed.py` wrote.
    """
    parts = [
        "# Measured on Celery",
        "<!-- written by `make distributed` from the run it describes; do not edit -->",
        "The topology of `deploy/compose.yaml` as processes of one machine: PostgreSQL, Redis, four components of "
        "Airflow and two workers under two users of one group, each on a read-only root file system. The scheduler ran "
        f"the review of a week and the {told['days']} days from {told['first']} to {told['last']}, with "
        f"{told['loans_per_day']} new loans a day and one training among them, in {told['seconds']:.0f} s. Meanwhile "
        "each part below was killed. Afterwards the home equalled that of an undisturbed replay: rows of every table, "
        "ledger, decisions, models byte by byte, reports.",
        f"Measured on {told['measured_on']}: {told['machine']}, {told['versions']}. Just before, other programs kept "
        f"{told['busy']:.0f}% of its processors busy{_meaning(told['busy'])}.",
        "## What was killed",
        _table(
            ["killed", "when", "down", "until the next run had succeeded"],
            [[kill["what"], kill["when"], f"{kill['down']:.0f} s", f"{kill['after']:.0f} s"] for kill in told["kills"]],
        ),
        "So that they end in minutes, these runs notice deaths sooner than Airflow's defaults do (a silent task after "
        "20 s and not 300, a task that is queued in vain after 60 s and not 600).",
        "## Memory of the programs",
        "Peak of what all processes of a program held at once, in MB, a worker's two tasks included. Pages that "
        "several processes share count in each of them, so that a machine needs less than the sum.",
        "What ends when database or broker is gone was started again, as the restart policy does.",
        _table(
            ["program", "peak MB", "times started"],
            [[name, f"{p['peak']:.0f}", str(p["starts"])] for name, p in sorted(told["programs"].items())],
        ),
        "## Time and memory of the tasks",
        "Time from start to end as Airflow records it, on a machine that all the programs share; memory of the task's "
        "own process at its peak.",
        _table(
            ["task", "runs", "median s", "longest s", "peak MB"],
            [
                [f"`{name}`", str(t["runs"]), f"{t['median']:.1f}", f"{t['longest']:.1f}", _megabytes(t["peak"])]
                for name, t in sorted(told["tasks"].items())
            ],
        ),
        _table(
            ["DAG", "runs", "median s", "longest s"],
            [
                [f"`{name}`", str(run["runs"]), f"{run['median']:.0f}", f"{run['longest']:.0f}"]
                for name, run in sorted(told["runs"].items())
            ],
        ),
        f"The home took {told['home_mb']:.0f} MB afterwards.",
    ]
    return "\n\n".join(parts) + "\n"


def _meaning(busy: float) -> str:
    """Say what the share of busy processors, in percent, means for the times."""
    return "" if busy < QUIET else ": the times are those of a busy machine, and a quiet one needs less"


def _megabytes(peak: float | None) -> str:
    return "not seen" if peak is None else f"{peak:.0f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    print(page(json.loads((Path(sys.argv[1]) / FILE).read_text(encoding="utf-8"))), end="")
