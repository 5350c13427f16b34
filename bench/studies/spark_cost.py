"""What does each stage cost on the local engine and on Spark, fixed and per million rows? Leave the machine alone.

`.venv/bin/python bench/studies/spark_cost.py [LOANS ...]` makes a synthetic book of each size, does every stage on
either engine in a process of its own, and lays a line through the processor seconds of each stage: those of the
process and of all that it started, the JVM and its workers included. Spark runs on `local[2]` with four shuffle
partitions. Needs `tools/set_up spark` and Java, but no data file. Numbers hold for the machine they were measured on:
measure again before you choose.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

SIZES = (10_000, 40_000)
CORES = 2
CONF = {"spark.driver.memory": "2g", "spark.sql.shuffle.partitions": "4"}
ENGINES = ("polars", "spark")
FIRST, LAST = date(2021, 1, 1), date(2021, 6, 1)
STAGES = ("silver", "gold", "training", "scoring")
ROWS = {"silver": "landed rows", "gold": "landed rows", "training": "loans", "scoring": "loans"}


def main() -> None:
    if len(sys.argv) > 2 and sys.argv[1] in ENGINES:
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
        return
    sizes = [int(size) for size in sys.argv[1:]] or list(SIZES)
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in sizes:
            home = Path(scratch) / f"{size}"
            land_book(home, size)
            for engine in ENGINES:
                copied = home.with_name(f"{size}-{engine}")
                shutil.copytree(home, copied)
                command = [sys.executable, __file__, engine, str(copied)]
                ran = subprocess.run(command, capture_output=True, text=True, check=False)
                if ran.returncode:
                    raise SystemExit(ran.stderr)
                found.append({"engine": engine, **json.loads(ran.stdout.splitlines()[-1])})
                print(json.dumps(found[-1]), file=sys.stderr, flush=True)
                shutil.rmtree(copied)
            shutil.rmtree(home)
    print(table(found))


def settings(engine: str) -> Any:
    from p2pcredit.settings import LabelSettings, Settings, SparkSettings, TrainingSettings

    return Settings(
        engine=engine,
        spark=SparkSettings(master=f"local[{CORES}]", conf=CONF),
        threads=CORES,
        labels=LabelSettings(window_months=3, default_days=30, reporting_lag_days=5),
        training=TrainingSettings(min_matured_loans=300, min_matured_bads=20, min_evaluation_bads=3),
    )


def context(engine: str, home: Path) -> Any:
    from p2pcredit.jobs.context import JobContext
    from p2pcredit.storage.layout import Layout

    return JobContext(Layout(home), settings(engine), "snapshot", datetime(2022, 1, 1, tzinfo=UTC))


def land_book(home: Path, loans: int) -> None:
    """Land the book of so many loans in a home, up to bronze."""
    from p2pcredit.contracts.feeds import FEEDS
    from p2pcredit.jobs.landing.land import land
    from p2pcredit.jobs.preprocessing.stages import load_bronze
    from p2pcredit.periods import DateRange
    from p2pcredit.platforms.synthetic.loans import SyntheticSettings
    from p2pcredit.platforms.synthetic.profile import write_raw

    days = DateRange(FIRST, LAST)
    raw, ctx = home.with_name(f"{home.name}.csv.gz"), context("polars", home)
    write_raw(raw, SyntheticSettings(FIRST, LAST, loans_per_day=max(1, round(loans / len(days)))))
    land(ctx, "synthetic", [raw], FIRST, LAST)
    raw.unlink()
    for feed in FEEDS:
        load_bronze(ctx, feed, days)


def measure(engine: str, home: Path) -> dict[str, Any]:
    """Measure seconds and rows of each stage, seconds to start the engine, and the driver's memory."""
    from p2pcredit.contracts.feeds import FEEDS
    from p2pcredit.contracts.tables import FEATURE_STORE, bronze
    from p2pcredit.jobs.lake_engines import engine_for
    from p2pcredit.jobs.preprocessing import stages as preprocessing
    from p2pcredit.jobs.preprocessing.label_store import build_label_store
    from p2pcredit.jobs.scoring.score import run_inference
    from p2pcredit.jobs.training.retrain import train_now
    from p2pcredit.jobs.training.snapshot import TrainingSnapshot
    from p2pcredit.periods import DateRange
    from p2pcredit.retraining.events import EventKind
    from p2pcredit.storage.tables.lake import Lake

    days, ctx = DateRange(FIRST, LAST), context(engine, home)
    lake = Lake(ctx.layout)
    landed = sum(lake.read(bronze(feed), days).height for feed in FEEDS.values())
    start = seconds(lambda: engine_for(ctx, lake))
    silver = seconds(lambda: [preprocessing.refine_silver(ctx, feed, days) for feed in FEEDS])
    gold = seconds(lambda: [preprocessing.build_feature_store(ctx, days), build_label_store(ctx, days)])
    preprocessing.complete_days(ctx, days)
    before = resident()
    receipts: list[dict[str, Any]] = []
    training = seconds(lambda: receipts.append(train_now(ctx, LAST, "the snapshot")))
    after = resident()
    facts = {"model_id": receipts[0]["model_id"], "effective_on": FIRST.isoformat(), "why": "the snapshot"}
    ctx.ledger.append(EventKind.PROMOTED, at=ctx.at, run_id="snapshot", facts=facts)
    scored: list[dict[str, Any]] = []
    scoring = seconds(lambda: scored.append(run_inference(ctx, days)))
    snapshot, loans = TrainingSnapshot.as_of(ctx, LAST), lake.read(FEATURE_STORE, days).height
    if scored[0]["scored"] != loans:
        raise SystemExit(f"{scored[0]['scored']} of {loans} loans were scored")
    return {
        "rows": {"silver": landed, "gold": landed, "training": loans, "scoring": loans},
        "seconds": {"silver": silver, "gold": gold, "training": training, "scoring": scoring},
        "start": start,
        "frames": snapshot.features.estimated_size() + snapshot.outcomes.estimated_size(),
        "peak": [before, after],
        "matured_bads": int(snapshot.matured["label"].sum()),
    }


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Read wall time, and processor time of this process and of all that it started."""
    wall, processor = time.perf_counter(), processor_seconds()
    work()
    return time.perf_counter() - wall, processor_seconds() - processor


def processor_seconds() -> float:
    """Sum the processor seconds of this process and its descendants, those that have ended included."""
    ticks: dict[int, tuple[int, int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it ended meanwhile
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
                ticks[int(entry.name)] = int(after_name[1]), sum(int(part) for part in after_name[11:15])
    family = {os.getpid()}
    while more := {pid for pid, (parent, _) in ticks.items() if parent in family} - family:
        family |= more
    return sum(ticks[pid][1] for pid in family if pid in ticks) / os.sysconf("SC_CLK_TCK")


def resident() -> int:
    """Return the most bytes that this process has held; those of the JVM are not among them."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def table(found: list[dict[str, Any]]) -> str:
    sizes = sorted({one["rows"]["training"] for one in found})
    each = " | ".join(f"{size:,} loans" for size in sizes)
    lines = [
        f"Load of the last five minutes {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores.",
        "",
        f"| stage | engine | {each} | fixed | per million rows |",
        f"|---|---|{'---:|' * (len(sizes) + 2)}",
    ]
    for stage in STAGES:
        for engine in ENGINES:
            ours = sorted((one for one in found if one["engine"] == engine), key=lambda one: one["rows"]["training"])
            rows = np.array([one["rows"][stage] for one in ours])
            wall, processor = np.array([one["seconds"][stage] for one in ours]).T
            slope, fixed = np.polyfit(rows / 1e6, processor, 1)
            times = " | ".join(f"{used:.1f} ({passed:.1f})" for used, passed in zip(processor, wall, strict=True))
            lines.append(f"| {stage} ({ROWS[stage]}) | {engine} | {times} | {fixed:.1f} | {slope:,.0f} |")
    lines.append("\nProcessor seconds, in brackets seconds that passed.")
    for engine in ENGINES:
        ours = [one for one in found if one["engine"] == engine]
        loans = np.array([one["rows"]["training"] for one in ours])
        held = np.polyfit(loans, [one["peak"][1] for one in ours], 1)[0]
        frames = max(one["frames"] / one["rows"]["training"] for one in ours)
        wall, processor = np.mean([one["start"] for one in ours], axis=0)
        lines.append(
            f"{engine}: starts in {processor:.1f} ({wall:.1f}) s; the peak of the driver's Python grows by {held:,.0f} "
            f"bytes per loan, its frames of features and outcomes hold {frames:,.0f}."
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
