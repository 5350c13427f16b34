"""How often does monitoring raise a false alarm, how often does it miss, and how long does it take? Over many books.

    nice -19 .venv/bin/python -m bench.studies.alarms_over_seeds run --seeds 0 50 \\
        --out bench/results/alarms-over-seeds.json
    .venv/bin/python -m bench.studies.alarms_over_seeds page bench/results/alarms-over-seeds.json \\
        > docs/reference/alarms-over-seeds.md

Each seed is a book of which five things happen: nothing, a harmless drift, a broken feed, a shock, a drift in one
product. Each week the metrics that decide are measured and the default policy decides, as in a home, without its files.
`page` takes one file, or several with parts of the seeds; `join` puts such parts into one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
from bench.studies.alarms_page import page
from bench.studies.books_by_week import facts_before
from bench.studies.counted_weeks import CountedBook, decide_counted
from bench.studies.simulated_books import EVENT, LEARN, SERVED_WEEKS, Scenario, scenarios, simulate

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.policies.refresh_and_triggers import CALENDAR
from p2pcredit.settings import Settings

ACTS = LEARN | {"repair_data"}
LIGHTS = {
    "cells": ("default_to_date_ratio",),
    "triggers": ("auc_within_cohort", "product_ratio_matured", "product_ratio_to_date"),
    "stability": ("psi_score", "psi:"),
    "quality": ("quarantined_share",),
}
"""Lights by what they look at: names of metrics, or beginnings that end with `:`."""


@dataclass
class Run:
    """What monitoring said of one book.

    Args:
        scenario: Its key.
        seed: Of the book.
        weeks: How many were looked at.
        right: The first week with a decision that is right; None without one.
        right_by: What asked for it.
        wrong: The first week with one that is not.
        wrong_by: What asked for that.
        lights: The first week in which each light failed, of those that did.
    """

    scenario: str
    seed: int
    weeks: int = 0
    right: int | None = None
    right_by: str = ""
    wrong: int | None = None
    wrong_by: str = ""
    lights: dict[str, int] = field(default_factory=dict)

    def look(self, week: int, results: Sequence[MetricResult], remedy: str, trigger: str, asks: frozenset[str]) -> None:
        """Take note of a week; what the calendar asks for counts as nothing."""
        self.weeks = week
        for light, metrics in LIGHTS.items():
            if any(r.status is Status.FAIL and r.metric.startswith(metrics) for r in results):
                self.lights.setdefault(light, week)
        if remedy not in ACTS or trigger == CALENDAR:
            return
        if remedy in asks and self.right is None:
            self.right, self.right_by = week, trigger
        if remedy not in asks and self.wrong is None:
            self.wrong, self.wrong_by = week, trigger


def walk(scenario: Scenario, seed: int, settings: Settings, *, loans_a_week: int) -> Run:
    """Walk the weeks after the event: to the end where nothing is to be learned, else to the first right decision.

    The half-yearly refresh that the calendar asks for is refused each time, which is the worst case for a drift: the
    same champion goes on serving.
    """
    book = simulate(scenario, seed, settings, loans_a_week=loans_a_week)
    counted = CountedBook(book, settings)
    facts = facts_before(book, EVENT - timedelta(days=182), settings)
    run = Run(scenario.key, seed)
    for week in range(1, scenario.weeks + 1):
        results, verdict, facts = decide_counted(counted, EVENT + timedelta(weeks=week), facts, settings)
        run.look(week, results, verdict.remedy, verdict.trigger, scenario.asks)
        if scenario.asks == LEARN and run.right is not None:
            break
    return run


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a part of the seeds, or write the page of what was run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run")
    running.add_argument("--seeds", type=int, nargs=2, default=[0, 50], help="from, and up to without it")
    running.add_argument("--loans-a-week", type=int, default=200)
    running.add_argument("--factor", type=float, default=2.0)
    running.add_argument("--out", type=Path, required=True)
    writing = commands.add_parser("page")
    writing.add_argument("results", type=Path, nargs="+")
    joining = commands.add_parser("join")
    joining.add_argument("results", type=Path, nargs="+")
    asked = parser.parse_args(arguments)
    if asked.command in ("page", "join"):
        whole = merged(asked.results)
        sys.stdout.write(page(whole) if asked.command == "page" else as_text(whole))
        return
    about = {"loans_a_week": asked.loans_a_week, "factor": asked.factor, "served_weeks": SERVED_WEEKS}
    runs: list[dict[str, Any]] = []
    for seed in range(*asked.seeds):
        for scenario in scenarios(asked.factor):
            run = walk(scenario, seed, Settings(), loans_a_week=asked.loans_a_week)
            runs.append(asdict(run))
        asked.out.write_text(as_text({"about": about, "runs": runs}))


def merged(files: Sequence[Path]) -> dict[str, Any]:
    """Put the parts of a run together, by scenario and seed.

    Raises:
        ValueError: If the parts were not made alike, or a book stands in two of them.
    """
    parts = [json.loads(file.read_text()) for file in files]
    if any(part["about"] != parts[0]["about"] for part in parts):
        raise ValueError("these parts were made with other numbers; run them alike")
    runs = pl.DataFrame([{"scenario": r["scenario"], "seed": r["seed"]} for part in parts for r in part["runs"]])
    if runs.n_unique() != runs.height:
        raise ValueError("a book stands in two of these parts; give each once")
    both = [run for part in parts for run in part["runs"]]
    return {"about": parts[0]["about"], "runs": sorted(both, key=lambda run: (run["seed"], run["scenario"]))}


def as_text(results: dict[str, Any]) -> str:
    """Write results as JSON, one book a line."""
    runs = ",\n".join(json.dumps(run) for run in results["runs"])
    return f'{{"about": {json.dumps(results["about"])}, "runs": [\n{runs}\n]}}\n'


if __name__ == "__main__":
    main()
