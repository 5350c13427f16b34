"""Training with trees on a GPU: `p2pcredit train` and one boosting fit, with `training.device` of either kind.

Run where a GPU is at hand, with the package xgboost in the place of xgboost-cpu; it runs only when it is asked for.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from bench.measuring import CORES, ContenderError, Measured, keep_to_cores, threads_of
from bench.running import PRODUCT, Run
from bench.works.homes import forget_models
from bench.works.training import CHILD, TRAIN, Book, larger_books

PART, FIT = "gpu", "one boosting fit"
DEVICE, GPU, PROCESSOR = "P2P_TRAINING__DEVICE", "cuda", "cpu"
_WHERE = {GPU: "GPU", PROCESSOR: "processor"}


def run(run: Run) -> None:
    """Run the smaller book first; of each, two cores with and without the GPU, then all cores likewise."""
    for book in larger_books(run):
        _fits(run, book)
        for cores in sorted({CORES, os.cpu_count() or CORES}):
            for device in (GPU, PROCESSOR):
                _trainings(run, book, device, cores)


def _trainings(run: Run, book: Book, device: str, cores: int) -> None:
    """Measure `p2pcredit train`, and describe its first model."""
    receipts: list[dict[str, Any]] = []

    def train() -> Measured:
        forget_models(book.home)
        measured = _on(run, device, cores, PRODUCT, "train", "--as-of", book.day, "--home", book.home, "--json")
        receipts.append(measured.facts)
        return measured

    where = _WHERE[device]
    who = "ours" if (device, cores) == (GPU, CORES) else f"ours, trees on the {where}, {cores} cores"
    note = f"both families in three forms, trees on the {where}, {cores} cores for all else"
    if run.contend((PART, TRAIN, who, "ours"), book.loans, train, repeats=1, note=note) is None:
        return
    model, auc = receipts[-1]["model_id"], receipts[-1]["metrics"]["auc"]
    run.check(f"{book.loans:,} loans, {where}, {cores} cores: {model}, AUC {auc:.4f}")
    if (device, cores) == (GPU, CORES):
        _make_again(run, book.home, model)


def _make_again(run: Run, home: Path, model: str) -> None:
    """Check that the same model is made on the same GPU again, byte for byte."""
    try:
        _on(run, GPU, CORES, PRODUCT, "models", "reproduce", model, "--home", home, "--json")
    except ContenderError as error:
        run.check(f"{model} made again on the same GPU: {error}")
    else:
        run.check(f"{model} made again on the same GPU: identical")


def _fits(run: Run, book: Book) -> None:
    """Measure one boosting fit and the bare library's, without a search."""
    prepared = run.scratch / "prepared-gpu"
    shutil.rmtree(prepared, ignore_errors=True)
    prepared.mkdir(parents=True)
    run.prepare(*CHILD, "prepare", book.home, book.day, prepared)
    for who, role, script in (("ours", "ours", "boosting"), ("bare xgboost.train", "floor", "bare-xgboost")):
        for device, where in _WHERE.items():
            name = who if (who, device) == ("ours", GPU) else f"{who}, on the {where}"
            fit = partial(_on, run, device, CORES, *CHILD, script, prepared, device)
            run.contend((PART, FIT, name, role), book.loans, fit, note=f"trees on the {where}")


def _on(run: Run, device: str, cores: int, *command: str | Path) -> Measured:
    """Measure one process that grows its trees there, with so many cores for all else."""
    with nullcontext() if cores == CORES else _on_all_cores(cores):
        return run.measure(*command, environment={DEVICE: device, "P2P_THREADS": str(cores), **threads_of(cores)})


@contextmanager
def _on_all_cores(cores: int) -> Iterator[None]:
    os.sched_setaffinity(0, range(cores))
    try:
        yield
    finally:
        keep_to_cores()
