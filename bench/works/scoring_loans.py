"""Scripts of the part `scoring`: `python -m bench.works.scoring_loans WHAT FAMILY DIR ROWS`.

WHAT is `reasons` (score, grade and reasons), `alone` (probability), `made` (bare predict, its matrix made from the
ready numbers), `ready` (bare predict, nothing else). DIR is what `bench.works.learning prepare` wrote; its loans are
repeated up to ROWS.
"""

from __future__ import annotations

import math
import sys
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import xgboost as xgb

from bench.works.timing import report, timed
from p2pcredit.models.boosting.model import BOOSTER_FILE
from p2pcredit.models.scoring import load_model, score_loans
from p2pcredit.settings import Settings

THREADS = 2


def main() -> None:
    what, family, out, rows = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    if what in ("reasons", "alone"):
        model = load_model({path.name: path.read_bytes() for path in sorted((out / family).iterdir())})
        loans = pl.read_parquet(out / "loans.parquet").with_columns(pl.col("origination_date").alias("snapshot_date"))
        loans = pl.concat([loans] * math.ceil(rows / loans.height)).head(rows).rechunk()
        settings = Settings()
        work = (lambda: score_loans(model, "m", loans, settings)) if what == "reasons" else lambda: model.predict(loans)
        report(timed(work)[1])
        return
    booster = xgb.Booster()
    booster.load_model(bytearray((out / family / BOOSTER_FILE).read_bytes()))
    numbers = np.load(out / "matrix.npy")
    numbers = np.tile(numbers, (math.ceil(rows / numbers.shape[0]), 1))[:rows]
    taken = []
    for threads in (1, THREADS):  # a small batch is quicker with one
        booster.set_param({"nthread": threads})
        making, made = timed(partial(xgb.DMatrix, numbers, missing=np.nan, nthread=threads)), what == "made"
        taken.append(timed(partial(booster.predict, making[0]))[1] + (making[1] if made else 0.0))
    report(min(taken))


if __name__ == "__main__":
    main()
