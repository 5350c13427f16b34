"""Scripts of the part `training`: `python -m bench.works.learning WHAT ...`.

prepare HOME DATE DIR      write loans, matrix, weights of evidence and both families' models to DIR; not measured
library HOME DATE THREADS  run `p2pcredit train`; report the seconds spent inside the libraries' own fits
matured HOME DATE          how many loans it learns from; not measured
boosting DIR [DEVICE], scorecard DIR            one fit of ours, from the table of loans
bare-xgboost DIR [DEVICE], bare-logistic DIR    the library's own fit, on the ready matrix

DEVICE is where trees are grown, cpu or cuda; cpu if it is left out.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import xgboost as xgb
from sklearn.linear_model import LogisticRegression, PoissonRegressor

from bench.works.timing import report, timed
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.boosting.model import BoostingModel, fit_boosting
from p2pcredit.models.boosting.trees import Trees
from p2pcredit.models.fitting import backend as fitting
from p2pcredit.models.fitting.devices import CPU, require_device
from p2pcredit.models.scorecard.fit import PENALTY, fit_scorecard
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.training.usable import choose_features
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout

THREADS, SEED = 2, 20


def prepare(home: Path, day: date, out: Path) -> None:
    loans = _matured_loans(home, day)
    loans.write_parquet(out / "loans.parquet")
    features, _ = choose_features(loans, ["application"])
    (out / "features.json").write_text(json.dumps([feature.name for feature in features]))
    bads = _bads(loans)
    boosting = fit_boosting(loans, features, bads, seed=SEED, threads=THREADS)
    scorecard = fit_scorecard(loans, features, bads)
    for model in (boosting, scorecard):
        (out / model.family).mkdir(exist_ok=True)
        for name, data in model.to_files().items():
            (out / model.family / name).write_bytes(data)
    columns = loans.select(binning.feature for binning in scorecard.binnings)
    weights = [binning.transform(columns[binning.feature]) for binning in scorecard.binnings]
    np.save(out / "weights.npy", np.column_stack(weights))
    np.save(out / "matrix.npy", boosting.encoding.encode(loans))
    np.save(out / "bads.npy", bads)
    constraints = [
        feature.direction
        for feature, width in zip(_in_order(boosting, features), boosting.encoding.widths, strict=True)
        for _ in range(width)
    ]
    (out / "constraints.json").write_text(json.dumps(constraints))


def matured(home: Path, day: date) -> None:
    print(json.dumps({"matured": _matured_loans(home, day).height}))


def library_seconds(home: Path, day: str, threads: str) -> None:
    """Run our training with a clock around each fit of a library; nested fits count once.

    One fit after the other, so that no two share the clock; each with so many threads, however small it is.
    """
    os.environ["P2P_THREADS"] = threads
    fitting.LocalBackend.at_once = lambda self, threads: 1  # type: ignore[method-assign]
    fitting.CELLS_PER_THREAD = 1
    spent, depth = [0.0], [0]

    def clocked(fit: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            depth[0] += 1
            start = time.perf_counter()
            try:
                return fit(*args, **kwargs)
            finally:
                depth[0] -= 1
                if depth[0] == 0:
                    spent[0] += time.perf_counter() - start

        return wrapped

    xgb.train = clocked(xgb.train)
    for family in (LogisticRegression, PoissonRegressor):
        family.fit = clocked(family.fit)
    from p2pcredit.cli.app import main as product

    sys.argv = ["p2pcredit", "train", "--as-of", day, "--home", str(home), "--json"]
    try:
        product()
    except SystemExit as end:
        if end.code:
            raise
    report(spent[0])


def fit_ours(family: str, out: Path, device: str = CPU) -> BoostingModel | ScorecardModel:
    require_device(device, "the benchmark")  # also starts what the library needs to use it
    loans = pl.read_parquet(out / "loans.parquet")
    features, _ = choose_features(loans, ["application"])
    bads = _bads(loans)
    model: BoostingModel | ScorecardModel
    if family == "scorecard":
        model, seconds = timed(lambda: fit_scorecard(loans, features, bads))
    else:
        model, seconds = timed(lambda: fit_boosting(loans, features, bads, seed=SEED, threads=THREADS, device=device))
    report(seconds)
    return model


def fit_bare_xgboost(out: Path, device: str = CPU) -> None:
    require_device(device, "the benchmark")
    matrix, bads = np.load(out / "matrix.npy"), np.load(out / "bads.npy")
    trees = Trees()
    constraints = tuple(json.loads((out / "constraints.json").read_text()))
    parameters = {
        **trees.parameters,
        "objective": "binary:logistic",
        "base_score": float(bads.mean()),
        "monotone_constraints": constraints,
        "seed": SEED,
        "device": device,
    }
    taken = []
    for threads in (1, THREADS):  # a small matrix is quicker with one
        data = xgb.DMatrix(matrix, label=bads, missing=np.nan, nthread=threads)
        fit = partial(xgb.train, {**parameters, "nthread": threads}, data, num_boost_round=trees.rounds)
        taken.append(timed(fit)[1])
    report(min(taken))


def fit_bare_logistic(out: Path) -> None:
    weights, bads = np.load(out / "weights.npy"), np.load(out / "bads.npy")
    model = LogisticRegression(C=1.0 / PENALTY, solver="newton-cholesky", max_iter=200)
    report(timed(lambda: model.fit(weights, bads))[1])


def _matured_loans(home: Path, day: date) -> pl.DataFrame:
    ctx = JobContext(Layout(home), Settings(), "bench", datetime.now(UTC))
    return TrainingSnapshot.as_of(ctx, day).matured


def _in_order(model: BoostingModel, features: Any) -> list[Any]:
    named = {feature.name: feature for feature in features}
    return [named[name] for name in model.feature_names]


def _bads(loans: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    return loans["label"].cast(pl.Float64).to_numpy()


def main() -> None:
    what, *rest = sys.argv[1:]
    if what == "prepare":
        prepare(Path(rest[0]), date.fromisoformat(rest[1]), Path(rest[2]))
    elif what == "matured":
        matured(Path(rest[0]), date.fromisoformat(rest[1]))
    elif what == "library":
        library_seconds(Path(rest[0]), *rest[1:])
    elif what in ("boosting", "scorecard"):
        fit_ours(what, Path(rest[0]), *rest[1:])
    else:
        {"bare-xgboost": fit_bare_xgboost, "bare-logistic": fit_bare_logistic}[what](Path(rest[0]), *rest[1:])


if __name__ == "__main__":
    main()
