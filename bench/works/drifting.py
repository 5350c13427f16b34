"""Scripts of the part `monitoring`: `python -m bench.works.drifting WHAT ...`.

columns HOME DATE DIR    write the columns that the week compares to DIR, then and now; not measured
drift DIR                our stability index of each of these columns
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from bench.works.timing import report, timed
from p2pcredit.contracts.feature_sets import features_of
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.monitoring.metrics.drift import population_stability_index
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout


def write_columns(home: Path, day: date, out: Path) -> None:
    settings = Settings()
    inputs = MonitoringSnapshot(JobContext(Layout(home), settings, "bench", datetime.now(UTC)), day).inputs
    now = inputs.recent_features(settings).join(
        inputs.recent_predictions(settings).select("loan_id", "score"), on="loan_id", how="left"
    )
    then = inputs.reference
    names = ["score", *(f.name for f in features_of("application") if f.name in then.columns and f.name in now.columns)]
    given = [name for name in names if then[name].null_count() < then.height and now[name].null_count() < now.height]
    then.select(given).write_parquet(out / "then.parquet")
    now.select(given).write_parquet(out / "now.parquet")


def measure_drift(out: Path) -> None:
    import scipy.special  # noqa: F401  loaded at the first index; imports are measured apart from the work

    then, now = pl.read_parquet(out / "then.parquet"), pl.read_parquet(out / "now.parquet")
    report(timed(lambda: [population_stability_index(then[name], now[name]) for name in then.columns])[1])


def main() -> None:
    if sys.argv[1] == "columns":
        write_columns(Path(sys.argv[2]), date.fromisoformat(sys.argv[3]), Path(sys.argv[4]))
    else:
        measure_drift(Path(sys.argv[2]))


if __name__ == "__main__":
    main()
