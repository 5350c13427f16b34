"""Training: `p2pcredit train` against the library fits inside it, single fits against bare ones, and the peers."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from bench.measuring import Measured
from bench.running import HERE, OUR_PYTHON, THEIR_PYTHON, Run
from bench.works.homes import TRAINED, forget_models, ten_years

PART = "training"
CHILD = (OUR_PYTHON, "-m", "bench.works.learning")
_FITS = {
    "one boosting fit": (
        ("ours", "ours", "boosting", "from the table of loans to the model"),
        ("bare xgboost.train", "floor", "bare-xgboost", "the same trees on the ready matrix"),
    ),
    "one scorecard fit": (
        ("ours", "ours", "scorecard", "bins, selection and regression of all features"),
        ("bare logistic regression", "floor", "bare-logistic", "on the ready weights of evidence; no bins are sought"),
    ),
}


def run(run: Run) -> None:
    """End to end first, then one fit of each family."""
    prepared, loans = prepared_loans(run)
    home = ten_years(run)

    def train(*command: str | Path) -> Measured:
        forget_models(home)
        return run.measure(*command)

    ours = ("train", "--as-of", str(TRAINED), "--home", home, "--json")
    repeats = min(run.repeats, 2)
    for who, before, note in (
        ("ours", (), "both families in three forms, search, judgement, evidence pack, bank"),
        ("ours, on one thread", ("env", "P2P_THREADS=1"), "the same, no two fits side by side"),
    ):
        command = partial(train, *before, OUR_PYTHON.with_name("p2pcredit"), *ours)
        run.contend((PART, "train", who, "ours"), loans, command, repeats=repeats, note=note)

    def library() -> Measured:
        whole = train(*CHILD, "library", home, str(TRAINED))
        return Measured(float(whole.facts["work_seconds"]), whole.peak_mb)

    run.contend(
        (PART, "train", "bare library fits", "floor"),
        loans,
        library,
        repeats=repeats,
        note="seconds inside xgboost.train and scikit-learn's fit during the command on one thread, one by one",
    )
    for work, contenders in _FITS.items():
        for who, role, script, note in contenders:
            run.contend((PART, work, who, role), loans, partial(run.measure, *CHILD, script, prepared), note=note)
    peers = {
        "train": (("scikit-learn", "train_by_sklearn.py", "two pipelines, each with a search of three settings"),),
        "one scorecard fit": (("optbinning", "scorecard_by_optbinning.py", "the same features, as shipped"),),
    }
    for work, contenders in peers.items():
        for who, script, note in contenders:
            command = (THEIR_PYTHON, HERE / "peers" / script, prepared / "loans.parquet", prepared / "features.json")
            run.contend((PART, work, who, "peer"), loans, partial(run.measure, *command), repeats=1, note=note)


def prepared_loans(run: Run) -> tuple[Path, int]:
    """The matured loans of the home, the matrices of the floors and both families' models; how many loans."""
    import polars as pl

    out = run.scratch / "prepared"
    if out not in run.ready:
        home = ten_years(run)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        run.prepare(*CHILD, "prepare", home, str(TRAINED), out)
        run.ready.add(out)
    return out, pl.scan_parquet(out / "loans.parquet").select(pl.len()).collect().item()
